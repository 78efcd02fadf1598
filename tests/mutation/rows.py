"""The rows of wrong edits: read, and held against the sources.

A row is a block of lines:

    mutant NAME
    wrong  what would happen to the user
    file   PATH
    -old text, line by line
    +new text

with as many `file` parts as the edit needs. The old text stands in its file exactly once, from the middle of a line or
over several; the last word of a cut line may be anything that makes it unique. Lines that begin with # are remarks."""

import glob
import os
from dataclasses import dataclass, field

HERE = "tests/mutation"


class RowError(Exception):
    """A row that is wrong: said with its place."""


@dataclass
class Edit:
    path: str
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)


@dataclass
class Row:
    name: str
    place: str  # FILE:LINE of the row
    planted: bool
    wrong: str = ""
    edits: list = field(default_factory=list)


def read_line(line, place, rows, planted):
    word, _, rest = line.partition(" ")
    if word in ("mutant", "planted"):
        rows.append(Row(rest.strip(), place, planted))
    elif not rows:
        raise RowError(f"{place}: no row has begun yet")
    elif word == "wrong":
        rows[-1].wrong = rest.strip()
    elif word == "file":
        rows[-1].edits.append(Edit(rest.strip()))
    elif line[0] in "-+" and rows[-1].edits:
        edit = rows[-1].edits[-1]
        (edit.old if line[0] == "-" else edit.new).append(line[1:])
    else:
        raise RowError(f"{place}: neither mutant, planted, wrong, file, -old nor +new")


def read_file(path):
    rows = []
    planted = os.path.basename(path) == "planted"
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if line and not line.startswith("#"):
                read_line(line, f"{path}:{number}", rows, planted)
    return rows


def read_all(planted):
    paths = [f"{HERE}/planted"] if planted else sorted(glob.glob(f"{HERE}/*.mutants"))
    return [row for path in paths for row in read_file(path)]


def apply(row, text_of):
    """{path: its text with the row's edits}. RowError where an old text is not there exactly once."""
    done = {}
    for edit in row.edits:
        text = done.get(edit.path) or text_of(edit.path)
        old, new = "\n".join(edit.old), "\n".join(edit.new)
        found = text.count(old) if old else 0
        if found != 1:
            raise RowError(f"{row.place}: {row.name}: its old text stands {found} times in {edit.path}")
        if old == new:
            raise RowError(f"{row.place}: {row.name}: changes nothing")
        done[edit.path] = text.replace(old, new)
    if not done or not row.wrong:
        raise RowError(f"{row.place}: {row.name}: says no file or not what is wrong")
    return done


def source(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise RowError(f"{path}: {error.strerror}") from error


def check(rows):
    """What is wrong with the rows, a sentence each."""
    findings, names = [], set()
    for row in rows:
        if row.name in names:
            findings.append(f"{row.place}: {row.name} stands there twice")
        names.add(row.name)
        try:
            apply(row, source)
        except RowError as error:
            findings.append(str(error))
    return findings
