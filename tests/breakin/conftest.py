"""Fixtures of the break-in tests."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "process"))
sys.path.insert(0, str(HERE))
from cloud import BIN  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure(config):
    del config
    missing = [name for name in ("ebbtide", "breakin-poller") if not (BIN / name).exists()]
    if missing:
        raise pytest.UsageError(f"{BIN} lacks {', '.join(missing)}; build first, and set EBBTIDE_BIN to the folder")


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="NOT TESTED: needs root, so that each worker has a user of its own"))
