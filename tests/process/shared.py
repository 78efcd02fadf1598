"""Measurement data beside the project (answers of the real services), found as ../shared of the checkout or by
EBBTIDE_SHARED; a test that needs it is skipped, with words, where it is not there."""

import json
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = pathlib.Path(os.environ.get("EBBTIDE_SHARED", ROOT.parent / "shared"))


def shared_json(path):
    """A file of the measurement data, decoded; skips the test where there is none."""
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"NOT TESTED: {file} is not there; set EBBTIDE_SHARED to the folder of measured answers")
    return json.loads(file.read_text(encoding="utf-8"))


def same_form(seen, sample, path="answer", optional=()):
    """Asserts that `seen` has the keys and types of `sample`, in lists those of its first element."""
    if isinstance(sample, dict):
        assert isinstance(seen, dict), f"{path} is {type(seen).__name__}, the real one's is an object"
        missing = [key for key in sample if key not in seen and key not in optional]
        assert not missing, f"{path} lacks {missing}, which the real one has"
        for key in sample.keys() & seen.keys():
            same_form(seen[key], sample[key], f"{path}.{key}", optional)
    elif isinstance(sample, list):
        assert isinstance(seen, list), f"{path} is {type(seen).__name__}, the real one's is a list"
        if sample and seen:
            same_form(seen[0], sample[0], f"{path}[0]", optional)
    elif sample is not None:
        assert isinstance(seen, type(sample)), f"{path} is {seen!r}, the real one's is {sample!r}"
