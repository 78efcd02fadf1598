"""valgrind: reconciler and actuator lose no memory over a whole life, and read nothing that is not theirs."""

import os
import shutil
import signal
import stat

import pytest
from cloud import BIN

LEAK_STATUS = 99
WORKERS = ("reconciler", "actuator")


def wrapped_programs(folder):
    """A folder like BIN in which the two workers run under valgrind: the supervisor finds workers beside itself."""
    folder.mkdir()
    for program in BIN.iterdir():
        if program.name == "ebbtide":
            shutil.copy2(program, folder / program.name)
        elif program.name.removeprefix("ebbtide-") in WORKERS:
            wrapper = folder / program.name
            wrapper.write_text(
                f"#!/bin/sh\nexec valgrind --quiet --vgdb=no --leak-check=full --show-leak-kinds=definite,indirect "
                f"--errors-for-leak-kinds=definite,indirect --error-exitcode={LEAK_STATUS} "
                f"--log-file={folder}/{program.name}.%p.valgrind {program} \"$@\"\n")
            wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        elif program.name.startswith("ebbtide-") and os.access(program, os.X_OK):
            (folder / program.name).symlink_to(program)
    return folder


@pytest.mark.leaks
def test_a_whole_life_under_valgrind(cloud):
    if shutil.which("valgrind") is None:
        pytest.skip("SKIPPED: valgrind is not installed (deploy/install-deps --tests)")
    programs = wrapped_programs(cloud.folder / "bin")
    cloud.start_simulator()
    # Valgrind is some thirty times slower: more patience, and a longer hour. It makes executable memory for what it
    # translates, which seccomp forbids, keeps descriptors above the limit, and does not know Landlock's calls.
    cloud.write_config(supervisor={"heartbeat_timeout": "30s", "stop_timeout": "30s"}, sandbox={
        "without": ["limits", "landlock-files", "landlock-tcp", "landlock-scope", "seccomp"]})
    cloud.start_daemon(seconds=60, binary=programs / "ebbtide")
    cloud.push((["linux"], 1), (["linux"], 1))
    cloud.until("both jobs have run", lambda: cloud.summary()["jobs_succeeded"] == 2, 60)
    cloud.until_empty(90)
    cloud.daemon.kill(signal.SIGTERM)
    assert cloud.daemon.wait(60) == 0
    reports = {path.name: path.read_text() for path in programs.glob("*.valgrind")}
    for worker in WORKERS:
        assert any(worker in name for name in reports), f"valgrind wrote no report of the {worker}: {reports.keys()}"
    found = "\n".join(f"{name}:\n{text}" for name, text in reports.items() if text.strip())
    assert not found, found
