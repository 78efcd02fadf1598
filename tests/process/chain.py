"""Lines of an audit log made by hand, as docs/audit.md describes them: the form is written here once more, so that a test
fails when the daemon's differs."""

import hashlib
import hmac
import json

ZEROS = 64 * "0"


def link(body, seq, prev, key=None):
    """The line of a table, without its newline, and its hash; key: the epoch's, for a seal."""
    text = json.dumps({"seq": seq, **body, "prev": prev}, separators=(",", ":"))[:-1]
    if key is not None:
        text += f',"mac":"{hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}"'
    found = hashlib.sha256(text.encode()).hexdigest()
    return f'{text},"hash":"{found}"}}', found


def chain(bodies, seq=1, prev=ZEROS):
    """Lines of tables, one after the other, as one text."""
    lines = []
    for body in bodies:
        line, prev = link(body, seq, prev)
        lines.append(line + "\n")
        seq += 1
    return "".join(lines)


def body_of(line):
    """What a line says, without its frame."""
    return {key: value for key, value in json.loads(line).items() if key not in ("seq", "prev", "mac", "hash")}


def chain_again(lines, first=0):
    """The chain made anew from line `first` on (counted from 0), as one who may write the file but has no key would: the
    seals' macs stay as they are."""
    prev = json.loads(lines[first - 1])["hash"] if first > 0 else ZEROS
    seq = json.loads(lines[first - 1])["seq"] + 1 if first > 0 else 1
    made = list(lines[:first])
    for line in lines[first:]:
        table = json.loads(line)
        text = json.dumps({"seq": seq, **body_of(line), "prev": prev}, separators=(",", ":"))[:-1]
        if "mac" in table:
            text += f',"mac":"{table["mac"]}"'
        prev = hashlib.sha256(text.encode()).hexdigest()
        made.append(f'{text},"hash":"{prev}"}}')
        seq += 1
    return made


def next_key(key):
    """The epoch's key after this one (32 bytes)."""
    return hashlib.sha256(b"ebbtide audit next key\n" + key).digest()
