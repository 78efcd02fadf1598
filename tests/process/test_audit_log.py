"""The audit log as a record that cannot be bent: chained over segments and starts, sealed, its end noted by the
supervisor; whatever is done to it is found, and a daemon that finds it says so and goes on."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess

from chain import chain
from cloud import BIN


def audit(*words, text=None):
    """Runs `ebbtide audit`; (status, standard output, standard error)."""
    done = subprocess.run([str(BIN / "ebbtide"), "audit", *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=30, input=text)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def first_key(cloud, *more):
    """Sets up keys for a daemon that does not run; the line that is shown."""
    status, key, said = audit("setup-keys", "--config", cloud.config_file, *more)
    assert status == 0 and re.fullmatch(r"ebbtide-audit-key-1:[0-9a-f]{16}:[0-9a-f]{64}\n", key), said
    return key


def segments(folder):
    return sorted(folder.glob("audit.jsonl*"), key=lambda path: int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0)


def begin(cloud, **files):
    cloud.start_simulator()
    cloud.write_config(files={"audit_epoch": "1s", **files}, supervisor={"restarts_max": 20})


def one_life(cloud):
    """A machine comes, does a job, and goes."""
    jobs = cloud.summary()["jobs_succeeded"]
    cloud.push((["linux"], 1))
    cloud.until("the job is done", lambda: cloud.summary()["jobs_succeeded"] > jobs)
    cloud.until_empty()
    cloud.until("and that it went stands in the log", lambda: cloud.audit()[-1].get("outcome") == "done", 5)


def copy_of(cloud, name):
    """What a person carries to another machine: the note first, since the log goes on meanwhile."""
    copy = cloud.folder / name
    copy.mkdir()
    state = cloud.folder / "state"
    for path in [state / "audit.head", *segments(state)]:
        shutil.copy(path, copy)
    return copy


def test_a_life_with_rotation_kills_and_restarts_verifies_and_a_bent_copy_does_not(cloud):
    begin(cloud, audit_max="64KiB", audit_reserve="8KiB")
    cloud.fault(api="hetzner", method="POST", effect="delay", delay_ms=700, before_effect=True)
    key = first_key(cloud)
    cloud.start_daemon()
    cloud.push((["linux"], 1))
    workers = cloud.workers()
    cloud.until("an action is under way, and no epoch has ended with it",
                lambda: cloud.audit(own=True)[-1]["event"] == "intent")
    os.kill(workers["actuator"], signal.SIGKILL)
    cloud.hindered()
    cloud.until("the actuator is started again", lambda: cloud.workers().get("actuator") not in (
        None, workers["actuator"]))
    cloud.until("and it is ready", cloud.ready, 10)
    state = cloud.folder / "state"
    while len(segments(state)) < 2:
        one_life(cloud)
    assert cloud.stop_daemon() == 0
    cloud.start_daemon()
    one_life(cloud)
    assert cloud.stop_daemon() == 0

    status, said, wrong = audit("verify", "--key", "-", state, text=key)
    assert status == 0 and "the log verifies" in said and "not sealed yet" not in said, said + wrong
    assert re.search(r"the supervisor noted number (\d+) at .*; the log goes on to \1\n", said), said
    lines = [json.loads(line) for path in segments(state) for line in path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1)), "one count over all files and starts"
    assert {"start", "epoch", "close"} <= {line["why"] for line in lines if line["event"] == "seal"}
    digits = key.strip().split(":")[2]
    kept = "".join(path.read_text(errors="replace") for path in state.glob("audit.*"))
    assert digits not in kept + cloud.daemon.text(), "the first key is on no other machine than its keeper's"
    slots = {(state / f"audit.key.{slot}").read_bytes() for slot in (0, 1)}
    assert len(slots) == 1, "the key of no epoch that is over lies in either file"

    copy = copy_of(cloud, "copy")
    assert audit("verify", "--key", "-", copy, text=key)[0] == 0
    bent = copy / "audit.jsonl"
    whole = bent.read_bytes()
    # The first thing that was done: it stands in the first segment, however many looks filled that.
    place = next(number for number, line in enumerate(whole.splitlines(), 1) if b'"create_server"' in line)
    rows = whole.splitlines(keepends=True)
    rows[place - 1] = rows[place - 1].replace(b'"create_server"', b'"remove_node"', 1)
    bent.write_bytes(b"".join(rows))
    status, said, _ = audit("verify", copy)
    assert status == 1 and f"THE LOG DOES NOT VERIFY: {bent} line {place}: changed" in said, said
    bent.write_bytes(whole)
    newest = segments(copy)[-1]
    newest.write_bytes(b"".join(newest.read_bytes().splitlines(keepends=True)[:-1]))
    status, said, _ = audit("verify", copy)
    assert status == 1 and "cut off" in said, "the supervisor's note knows the end"


def test_who_deleted_my_machine(cloud):
    begin(cloud)
    cloud.start_daemon()
    one_life(cloud)
    node = next(line["node"] for line in cloud.audit() if line.get("kind") == "create_server")
    server = next(line["server_id"] for line in cloud.audit() if line.get("server_id"))
    words = ("--config", cloud.config_file)
    status, said, wrong = audit("show", *words, "--node", node)
    assert status == 0, wrong
    story = [re.sub(r" again .*", " again", line) for line in said.splitlines()]
    assert re.search(rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\dZ  create_server {node} \(server {server}\): done after .*; "
                     r"because demand: ", story[0]), said
    assert re.search(rf"  remove_node {node} \(server {server}\): done after .*; because ", story[-1]), said
    assert audit("show", *words, "--server", server)[1].count("\n") >= 3
    assert audit("show", *words, "--node", "another")[1] == "" and "nothing in" in audit("show", *words, "--node", "another")[2]
    assert audit("show", *words, "--since", "0s")[1] == ""
    assert audit("show", *words, "--since", "1h")[1] == said
    assert "done after" not in audit("show", *words, "--failed")[1]
    first = json.loads(audit("show", *words, "--json")[1].splitlines()[0])
    assert first["intent"]["kind"] == "create_server" and first["outcome"]["outcome"] == "done"
    assert audit("show", *words, "--server", "x")[0] == 2 and audit("show", "--key", "-")[0] == 2


def test_a_bent_log_is_said_aloud_and_machines_are_given_back_all_the_same(cloud):
    cloud.bends_log = True
    begin(cloud)
    key = first_key(cloud)
    cloud.start_daemon()
    cloud.push((["linux"], 3))
    cloud.until("a server is there", cloud.servers)
    cloud.daemon.kill(signal.SIGKILL)
    cloud.daemon.wait(5)
    log = cloud.folder / "state" / "audit.jsonl"
    evidence = log.read_bytes().replace(b'"reason":"demand"', b'"reason":"minimum"', 1)
    log.write_bytes(evidence)
    cloud.start_daemon()
    cloud.hindered()
    cloud.until("there is an alarm", lambda: re.search(
        rf"alarm audit \(audit log\): {re.escape(str(log))} line \d+: changed", cloud.daemon.text()), 10)
    cloud.until_empty()
    assert log.read_bytes().startswith(evidence), "what was found stays as it was"
    rest = log.read_bytes()[len(evidence):].decode().splitlines()
    assert json.loads(rest[0])["event"] == "bent" and len(rest) <= 3, rest
    status, said, _ = audit("verify", "--key", "-", "--config", cloud.config_file, text=key)
    assert status == 1 and re.search(rf"{re.escape(str(log))} line \d+: changed", said), said
    assert audit("show", "--config", cloud.config_file)[0] == 1
    # What is put aside is put aside: the rest is a log of its own, and the next start has nothing to say.
    assert cloud.stop_daemon() == 0
    aside = cloud.folder / "aside"
    aside.mkdir()
    shutil.move(log, aside)
    cloud.start_daemon()
    cloud.stays("no alarm", lambda: "alarm audit" not in cloud.daemon.text(), 3)
    assert not log.exists()
    cloud.push((["linux"], 1))
    cloud.until("it works on", lambda: cloud.summary()["jobs_succeeded"] == 2)
    status, said, _ = audit("verify", "--part", "--key", "-", "--config", cloud.config_file, text=key)
    assert status == 0, said


def test_a_log_that_lost_its_end_is_found_by_the_next_start(cloud):
    cloud.bends_log = True
    begin(cloud)
    cloud.start_daemon()
    assert re.search(r" warn .*THE AUDIT LOG IS NOT SEALED.*setup-keys", cloud.daemon.text()), "without keys it says so"
    one_life(cloud)
    assert cloud.stop_daemon() == 0
    log = cloud.folder / "state" / "audit.jsonl"
    rows = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(rows[:-2]))
    status, said, _ = audit("verify", cloud.folder / "state")
    assert status == 1 and f"{log} line {len(rows) - 1}: " in said and "2 lines were cut off" in said, said
    cloud.start_daemon()
    cloud.until("there is an alarm", lambda: re.search(r"alarm audit .* was cut off", cloud.daemon.text()), 10)


def test_a_note_that_was_taken_away_is_missed_until_it_is_there_again(cloud):
    begin(cloud)
    cloud.start_daemon()
    one_life(cloud)
    assert cloud.stop_daemon() == 0
    head = cloud.folder / "state" / "audit.head"
    noted = head.read_bytes()
    assert len(noted.split()) > 4, "more than one head is kept"
    head.write_bytes(b"")
    cloud.start_daemon()
    cloud.until("there is an alarm", lambda: re.search(r"alarm audit .*audit\.head.* taken away", cloud.daemon.text()), 10)
    status, said, _ = audit("verify", cloud.folder / "state")
    assert status == 0, "no line is known to be wrong: " + said
    cloud.until("it is noted anew", lambda: head.stat().st_size > 0, 10)
    assert cloud.stop_daemon() == 0
    cloud.start_daemon()
    cloud.until("it is ready", cloud.ready, 10)
    cloud.stays("no alarm", lambda: "alarm audit" not in cloud.daemon.text(), 3)


def test_a_torn_line_is_cut_and_the_cut_is_written_down(cloud):
    begin(cloud)
    cloud.start_daemon()
    one_life(cloud)
    cloud.daemon.kill(signal.SIGKILL)
    cloud.daemon.wait(5)
    log = cloud.folder / "state" / "audit.jsonl"
    with log.open("ab") as file:
        file.write(b'{"seq":99,"time"')
    status, said, _ = audit("verify", cloud.folder / "state")
    assert status == 1 and "16 bytes are no whole line" in said, said
    cloud.start_daemon()
    cloud.until("it says what it cut", lambda: any(
        line["event"] == "cut" and line["bytes"] == 16 for line in cloud.audit(own=True)), 5)
    status, said, _ = audit("verify", cloud.folder / "state")
    assert status == 0 and "crashes: 1" in said, said
    assert "alarm audit" not in cloud.daemon.text()


def test_keys_are_shown_once_and_asked_for_by_no_word(cloud):
    begin(cloud)
    key = first_key(cloud)
    status, shown, said = audit("setup-keys", "--config", cloud.config_file)
    assert status == 1 and shown == "" and "--again" in said
    second = first_key(cloud, "--again")
    assert second != key
    cloud.start_daemon()
    status, shown, said = audit("setup-keys", "--config", cloud.config_file, "--again")
    assert status == 1 and shown == "" and "works in" in said, "not under a daemon that runs"
    one_life(cloud)
    state = cloud.folder / "state"
    both = cloud.folder / "keys"
    both.write_text("# this year's\n" + key + second)
    assert audit("verify", "--key", both, state)[0] == 0
    status, said, _ = audit("verify", "--key", "-", state, text=key)
    assert status == 1 and "is not among those given" in said
    for wrong in ("", "hello\n", key[:-2] + "\n", key.replace(key[-3], "0" if key[-3] != "0" else "1")):
        status, _, said = audit("verify", "--key", "-", state, text=wrong)
        assert status == 2 and key.strip().split(":")[2] not in said, said


def test_a_key_that_is_lost_is_missed(cloud):
    begin(cloud)
    first_key(cloud)
    state = cloud.folder / "state"
    slots = [state / "audit.key.0", state / "audit.key.1"]
    cloud.start_daemon()
    one_life(cloud)
    assert cloud.stop_daemon() == 0
    slots[0].unlink()
    cloud.start_daemon()
    one_life(cloud)
    assert cloud.stop_daemon() == 0
    assert "not sealed" not in cloud.daemon.text() and slots[0].read_bytes() == slots[1].read_bytes(), "one is enough"
    for slot in slots:
        slot.write_bytes(b"torn")
    cloud.start_daemon()
    cloud.until("there is an alarm", lambda: re.search(r"alarm audit .*setup-keys --again", cloud.daemon.text()), 10)
    assert "THE AUDIT LOG IS NOT SEALED" not in cloud.daemon.text(), "there were, and it said what is wrong with them"
    assert cloud.stop_daemon() == 0
    for slot in slots:
        slot.unlink()
    cloud.start_daemon()
    cloud.until("there is an alarm", lambda: re.search(r"alarm audit .*audit\.key\.0", cloud.daemon.text()), 10)


def drain(**more):
    """An outcome as it stands in a log."""
    return {"time": "2026-11-27T10:00:00.000Z", "event": "outcome", "id": "1-1", "kind": "drain_node", "node": "n",
            "outcome": "done", "trouble": "none", "http_status": 0, "duration_ms": 0, "retry_after_ms": 0, "server_id": 0,
            "created_ms": 0, "left": 0, "text": "t", **more}


def test_nothing_in_a_log_moves_the_cursor(tmp_path):
    evil = "\x1b]0;owned\x07\x1b[2J" + 20 * "x"
    log = tmp_path / "audit.jsonl"
    log.write_text(chain([drain(time=evil, text=evil), drain(id="1-2", time="2026-11-27T10:\x1b[2J", node="\u009b2Jn"),
                          drain(event="bent", time=20 * "\x9b", text="\u0080")]))
    _, said, wrong = audit("show", log)
    assert said.count("\n") == 3, said + wrong
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said), repr(said)
    assert "?]0;owned??[2J" in said and "?2Jn" in said


def omitted(lowest, highest, *rows):
    """A line of so many actions that changed nothing: (kind, outcome, rail, count)."""
    refused = sum(count for _, outcome, _, count in rows if outcome == "refused")
    of = [{key: value for key, value in zip(("kind", "outcome", "rail", "count"), row) if value != ""} for row in rows]
    return {"time": "2026-11-27T10:01:00.000Z", "event": "omitted", "id": highest, "since": "2026-11-27T10:00:00.000Z",
            "lowest": lowest, "highest": highest, "count": sum(row[3] for row in rows), "refused": refused, "of": of,
            "text": "t\x1b[2J"}


def test_what_was_left_out_is_shown(tmp_path):
    log = tmp_path / "audit.jsonl"
    log.write_text(chain([drain(id="1-1"), omitted("1-2", "1-6", ("drain_node", "again", "", 5)),
                          omitted("1-7", "1-9", ("create_server", "refused", "of\x07fer", 2), ("remove_node", "failed", "", 1)),
                          omitted("1-10", "1-10", ("drain_node", "failed", "", 1))]))
    status, said, _ = audit("show", "--failed", log)
    assert status == 0 and said.count("\n") == 2, "what only waited has not failed"
    assert ("2026-11-27 10:01:00Z  3 more actions changed nothing since 2026-11-27 10:00:00Z and have no lines of their own, 2 of "
            "them were refused; 2 create_server: refused (rail of?fer), 1 remove_node: failed; the last: t?[2J [1-7 to 1-9]\n"
            ) in said, said
    assert audit("show", log)[1].count("\n") == 4
    status, said, wrong = audit("show", "--node", "n", log)
    assert status == 0 and said.count("\n") == 1 and "9 actions that changed nothing, of whatever node" in wrong, wrong
    shown = [json.loads(line) for line in audit("show", "--json", log)[1].splitlines()]
    assert [one["omitted"]["count"] for one in shown if "omitted" in one] == [5, 3, 1]
    status, said, _ = audit("verify", log)
    assert status == 0 and "left out: 9 actions that changed nothing have no lines of their own, 2 of them were refused" in said
    found = json.loads(audit("verify", "--json", log)[1])
    assert (found["omitted"], found["omitted_refused"]) == (9, 2)


def record(line):
    """A line's note, as the supervisor makes it."""
    text = f"{line['seq']:020} {line['hash']} 2026-11-27T10:00:00.000Z "
    return (text + hashlib.sha256(text.encode()).hexdigest()[:16]).ljust(511).encode() + b"\n"


def test_each_line_that_was_noted_is_compared(tmp_path):
    log, head = tmp_path / "audit.jsonl", tmp_path / "audit.head"
    honest = chain([drain(id=f"1-{number}") for number in range(1, 7)])
    other = chain([drain(id=f"1-{number}", node="m" if number in (3, 4) else "n") for number in range(1, 7)])
    before, after = ([json.loads(line) for line in text.splitlines()] for text in (honest, other))
    log.write_text(other)
    # The heads of lines 2 and 4 were told before the lines were made anew, that of line 6 after it; one note is torn.
    head.write_bytes(record(before[3]) + record(after[5]) + b"torn".ljust(512) + record(before[1]))
    status, said, _ = audit("verify", log)
    assert status == 1 and f"{log} line 4: it is another line than the supervisor has noted" in said, said
    assert "noted: 3 lines, from number 2 on" in said and "further places" not in said, said
    head.write_bytes(record(before[3]) + record(after[5]))  # as a version wrote it that kept two
    assert audit("verify", log)[0] == 1
    log.write_text(honest)
    head.write_bytes(record(before[3]) + record(before[5]))
    assert audit("verify", log)[0] == 0


def test_json_says_what_was_checked(tmp_path):
    log, head = tmp_path / "audit.jsonl", tmp_path / "audit.head"
    log.write_text(chain([drain()]))
    key = f"ebbtide-audit-key-1:{hashlib.sha256(b'ebbtide audit key id' + bytes([10]) + bytes(32)).hexdigest()[:16]}:{64 * '0'}"
    for words, text, wanted in (((), None, (False, False, 0)), (("--key", "-"), key, (True, False, 0))):
        found = json.loads(audit("verify", "--json", *words, log, text=text)[1])
        assert (found["key_given"], found["end_checked"], found["noted"]) == wanted, found
    head.write_bytes(record(json.loads(log.read_text())))
    found = json.loads(audit("verify", "--json", log)[1])
    assert (found["key_given"], found["end_checked"], found["noted"], found["noted_seq"]) == (False, True, 1, 1), found


def test_an_end_that_cannot_be_checked_is_not_called_whole(tmp_path):
    log, head = tmp_path / "audit.jsonl", tmp_path / "audit.head"
    log.write_text("")
    head.write_text("")
    status, said, _ = audit("verify", tmp_path)
    assert status == 0 and "holds no line" in said and "has noted nothing yet" in said, said
    assert "setup-keys" not in said and "there is no note" not in said, "neither is missing"
    log.write_text(chain([drain()]))
    head.unlink()
    status, said, _ = audit("verify", tmp_path)
    assert status == 0 and "there is no note" in said and "THE END IS NOT CHECKED" in said, said


def test_what_never_ends_is_not_waited_for(tmp_path):
    log, pipe = tmp_path / "audit.jsonl", tmp_path / "pipe"
    log.write_text(chain([drain()]))
    os.mkfifo(pipe)
    status, _, said = audit("verify", "--key", pipe, log)
    assert status == 2 and str(pipe) in said, said
    for endless in ("/dev/zero", pipe):
        status, _, said = audit("verify", endless)
        assert status == 2 and f"{endless} is no file of a log" in said, said
    key = f"ebbtide-audit-key-1:{16 * '0'}:{64 * '0'}"
    shell = f"{BIN}/ebbtide audit verify --key <(sleep 0.3; echo {key}) {log}"
    said = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=20)
    assert "does not fit its own id" in said.stderr, "a pipe with a writer is read to its end"
