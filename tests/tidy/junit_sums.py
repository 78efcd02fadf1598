#!/usr/bin/python3
"""Prints `PASSED FAILED SKIPPED` of a JUnit file (ctest's or pytest's), and on standard error the names of the tests
that failed and the reasons of those that were skipped."""

import sys
import xml.etree.ElementTree as tree


def main(path):
    passed = failed = skipped = 0
    for case in tree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
            print(f"FAILED {name}", file=sys.stderr)
        elif case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            skipped += 1
            reason = case.find("skipped")
            print(f"SKIPPED {name}: {reason.get('message') if reason is not None else 'not run'}", file=sys.stderr)
        else:
            passed += 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
