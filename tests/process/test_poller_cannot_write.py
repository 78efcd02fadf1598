"""A tripwire: the poller's program holds no write method and no libcurl option that sets one. The control is the
read-only token; this catches the day on which somebody links the wrong code. The actuator, which must be able to
write, shows that the test sees what it looks for."""

import pathlib
import re
import subprocess

import pytest

from cloud import BIN

# curl.h's CURLOPT_*: what sets another method than GET, or a body.
LARGE_OPTIONS = {10009: "READDATA", 10015: "POSTFIELDS", 10024: "HTTPPOST", 10036: "CUSTOMREQUEST",
                 10165: "COPYPOSTFIELDS", 10269: "MIMEPOST", 20012: "READFUNCTION", 30115: "INFILESIZE_LARGE",
                 30120: "POSTFIELDSIZE_LARGE"}
# So small that they occur everywhere: looked for only where a function calls curl_easy_setopt and moves one.
SMALL_OPTIONS = {14: "INFILESIZE", 46: "UPLOAD", 47: "POST", 54: "PUT", 60: "POSTFIELDSIZE"}
METHODS = (b"POST", b"PUT", b"PATCH", b"DELETE", b"CONNECT", b"OPTIONS")
NUMBER = re.compile(r"[$#](-?(?:0x)?[0-9a-f]+)\b")


def functions(program):
    """The disassembly, a list of lines for each function."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(program)], check=True, capture_output=True,
                          text=True).stdout
    return [block.splitlines() for block in text.split("\n\n")]


def numbers(line):
    for found in NUMBER.findall(line):
        yield int(found, 0)


def write_options(program):
    """Names of the options that can write, as they occur in the program's code."""
    found = set()
    for lines in functions(program):
        sets = any("curl_easy_setopt" in line and "call" in line or "\tbl\t" in line and "curl_easy_setopt" in line
                   for line in lines)
        for line in lines:
            moves = re.search(r"\tmov", line) is not None
            for number in numbers(line):
                if number in LARGE_OPTIONS:
                    found.add(LARGE_OPTIONS[number])
                elif sets and moves and number in SMALL_OPTIONS:
                    found.add(SMALL_OPTIONS[number])
    return found


def methods(program):
    """Write methods that stand in the program as a word of their own."""
    data = pathlib.Path(program).read_bytes()
    return {word for word in METHODS if b"\0" + word + b"\0" in data}


@pytest.mark.parametrize("look", [write_options, methods])
def test_the_poller_holds_nothing_that_writes(look):
    assert look(BIN / "ebbtide-poller") == set()


@pytest.mark.parametrize("look", [write_options, methods])
def test_the_actuator_does(look):
    assert look(BIN / "ebbtide-actuator") != set()
