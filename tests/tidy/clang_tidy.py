#!/usr/bin/python3
"""Runs clang-tidy on every C file of a build folder, two at once, and remembers which files were clean.

    tests/tidy/clang_tidy.py BUILD_FOLDER CACHE_FOLDER

A file is looked at again only when it, a header of it, its flags or the checks have changed: the key is a hash of
its preprocessed text with comments. Prints the findings and ends with 1 where there was one."""

import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

AT_ONCE = os.cpu_count() or 2
SECONDS_MAX = 300


def preprocessed(command, folder):
    """What the compiler would read, comments (NOLINT) included; None where it does not preprocess."""
    words = shlex.split(command)
    if "-o" in words:
        at = words.index("-o")
        del words[at:at + 2]
    words = [word for word in words if word != "-c"]
    while words and os.path.basename(words[0]) == "ccache":
        words.pop(0)
    run = subprocess.run([*words, "-E", "-C", "-P"], cwd=folder, capture_output=True, check=False)
    return run.stdout if run.returncode == 0 else None


def look(entry, build, cache, rules):
    """(file, findings): findings is empty where the file is clean, or was."""
    text = preprocessed(entry["command"], entry["directory"])
    key = None
    if text is not None:
        key = hashlib.sha256(rules + entry["command"].encode() + b"\0" + text).hexdigest()
        if os.path.exists(os.path.join(cache, key)):
            return entry["file"], "", True
    try:
        run = subprocess.run(["clang-tidy", "--quiet", "-p", build, entry["file"]], capture_output=True,
                             text=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return entry["file"], f"{entry['file']}: clang-tidy took more than {SECONDS_MAX} s", False
    if run.returncode == 0:
        if key:
            with open(os.path.join(cache, key), "w", encoding="utf-8"):
                pass
        return entry["file"], "", False
    return entry["file"], run.stdout.strip() or run.stderr.strip(), False


def main(build, cache):
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    with open(".clang-tidy", "rb") as file:
        rules = version + file.read()
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    # A file that several targets compile is looked at once.
    entries = list({entry["file"]: entry for entry in entries if entry["file"].endswith(".c")}.values())
    failed = known = done = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        looks = [pool.submit(look, entry, build, cache, rules) for entry in entries]
        for future in concurrent.futures.as_completed(looks):
            name, findings, was_known = future.result()
            done += 1
            known += was_known
            if findings:
                failed += 1
                print(findings, flush=True)
            if done % 25 == 0:
                print(f"  clang-tidy: {done} of {len(entries)} files", file=sys.stderr, flush=True)
    print(f"clang-tidy: {len(entries)} files, {known} unchanged since they were clean, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
