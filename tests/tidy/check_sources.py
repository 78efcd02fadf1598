#!/usr/bin/python3
"""Checks of the text of the sources: lengths of files, functions and lines, what no C file may call, what
stands in a file's first lines, and what no file of the project may mention.

    tests/tidy/check_sources.py [--statistics] FILE...

Prints `FILE:LINE: what, and what to do` a finding and ends with 1 where there was one."""

import re
import statistics
import sys

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# What no program of ours calls, with what to call instead. Tests may build wrong input as they like.
BANNED = {
    "strcpy": "snprintf or memcpy with a checked length",
    "stpcpy": "snprintf or memcpy with a checked length",
    "strcat": "snprintf",
    "strncat": "snprintf",
    "strncpy": "snprintf or memcpy with a checked length",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "strtok": "strcspn and lengths",
    "atoi": "strtol with its errors, or a parser of our own",
    "atol": "strtol with its errors, or a parser of our own",
    "atof": "strtod with its errors",
    "gets": "fgets",
    "scanf": "a parser",
    "sscanf": "a parser",
    "system": "fork and exec with an argument array",
    "popen": "fork and exec with an argument array",
    "alloca": "a bounded array",
    "rand": "getrandom, or a seeded generator",
    "srand": "getrandom, or a seeded generator",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "vfork": "fork",
}

# What the pure core does not call either: it has no clock, no memory of its own, no descriptor.
BANNED_IN_CORE = [
    "time", "clock", "clock_gettime", "gettimeofday", "malloc", "calloc", "realloc", "free", "strdup",
    "open", "close", "read", "write", "fopen", "fprintf", "printf", "puts", "snprintf", "getenv", "random",
    "getrandom", "qsort", "sleep", "strlen", "strcmp",
]

# Written so that this file does not match itself.
MENTIONS = [
    (re.compile(r"(?<![\w.$}/-])/(?:work|root|home/[a-z]+)/(?!\*)"), "a path of one machine"),
    (re.compile(r"(?i)\bissue\s+#?\d+"), "an issue's number; say what is meant"),
    (re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"), "an unfinished place; finish it"),
    (re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY" + r"-----\n?[A-Za-z0-9+/]{20}"), "a private key"),
]

CALL = re.compile(r"(?<![\w.>])([a-z_][a-z0-9_]*)\s*\(")


def blank(match):
    """Keeps the line breaks of a comment or string, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def code_only(text):
    """The text without comments, strings and character constants."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def functions(code):
    """(first line, lines) of each function: our layout puts its braces into column 0, alone."""
    began = None
    lines = code.split("\n")
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            began = number
        elif line.rstrip() == "}" and began is not None:
            yield began, number - began - 1
            began = None


def check_c(path, text, found):
    code = code_only(text)
    core = path.startswith("reconciler/core/")
    banned = {} if path.startswith("tests/") else BANNED
    lengths = []
    for began, length in functions(code):
        lengths.append(length)
        if length > FUNCTION_LINES_MAX:
            found(began, f"a function of {length} lines; {FUNCTION_LINES_MAX} at the most")
    for number, line in enumerate(code.split("\n"), 1):
        for name in CALL.findall(line):
            if name in banned:
                found(number, f"{name} is not called here; use {banned[name]}")
            elif core and name in BANNED_IN_CORE:
                found(number, f"the core does not call {name}; it may only use memcpy, memmove, memset, memcmp")
    if not text.lstrip().startswith("/*"):
        found(1, "the first lines do not say what the file is for and what it may not do")
    if path.endswith(".h") and not re.search(r"^#ifndef \w+\n#define \w+", code, re.M):
        if not path.endswith(("undef_keys.h", "undef_fields.h")):
            found(1, "a header without a guard")
    return lengths


def check_file(path, report):
    with open(path, "rb") as file:
        raw = file.read()
    if b"\0" in raw:
        return []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        report(path, 1, f"not UTF-8: {error}")
        return []
    lines = text.split("\n")

    def found(number, what):
        report(path, number, what)

    if path.endswith((".c", ".h", ".py")) and len(lines) - 1 > FILE_LINES_MAX:
        found(len(lines), f"a file of {len(lines) - 1} lines; {FILE_LINES_MAX} at the most")
    if path.endswith((".c", ".h")) and not path.startswith("tests/nocompile/"):
        table = False
        for number, line in enumerate(lines, 1):
            table = ("clang-format off" in line) or (table and "clang-format on" not in line)
            if len(line) > COLUMNS_MAX and not table:
                found(number, f"a line of {len(line)} columns; {COLUMNS_MAX} at the most")
    for number, line in enumerate(lines, 1):
        if path.endswith((".c", ".h", ".def", ".py", ".txt", ".cmake")) and line != line.rstrip():
            found(number, "blanks at the end of the line")
        for pattern, what in MENTIONS:
            if pattern.search(line):
                found(number, f"mentions {what}")
    if path.endswith((".c", ".h")):
        return check_c(path, text, found)
    return []


def main(arguments):
    show = "--statistics" in arguments
    findings = []
    lengths = []
    for path in (name for name in arguments if not name.startswith("--")):
        lengths += check_file(path, lambda *finding: findings.append(finding))
    for path, number, what in findings:
        print(f"{path}:{number}: {what}")
    if show and len(lengths) > 1:
        ranks = statistics.quantiles(lengths, n=10)
        print(f"{len(lengths)} functions: median {statistics.median(lengths):.0f} lines, "
              f"90th percentile {ranks[8]:.0f}, longest {max(lengths)}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
