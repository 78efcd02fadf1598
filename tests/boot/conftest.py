"""The machine of all tests of this folder: one tree, booted twice, in the network namespace that tests/boot/run made."""

import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "process"))
from machine import Machine  # noqa: E402  pylint: disable=wrong-import-position
from programs import Failure  # noqa: E402  pylint: disable=wrong-import-position

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def loopback_up():
    """A new network namespace begins with its loopback down. [netdevice(7)]"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(one, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the journal beside a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and item.funcargs.get("machine") is not None:
        machine = item.funcargs["machine"]
        try:
            report.sections.append(("journal of the machine", machine.run("journalctl", "--no-pager", "-n", "150", "-b")))
        except Exception as error:  # pylint: disable=broad-except
            report.sections.append(("journal of the machine", f"cannot be read: {error}"))
        report.sections.append(("logs", machine.trouble()))


@pytest.fixture(name="machine", scope="session")
def make_machine(tmp_path_factory):
    """Booted, with the package's file in /srv and the simulator beside it."""
    if [name for _, name in socket.if_nameindex() if name != "lo"]:
        raise pytest.UsageError("run tests/boot/run: these tests want a network namespace of their own")
    loopback_up()
    folder = tmp_path_factory.mktemp("boot")
    tree = folder / "tree"
    subprocess.run(["cp", "-a", "--reflink=auto", os.environ["EBBTIDE_BOOT_TREE"], tree], check=True)
    machine = Machine(folder, tree, os.environ["EBBTIDE_NSPAWN"].split())
    try:
        try:
            machine.boot()
        except Failure as error:
            pytest.skip(f"SKIPPED: not even a plain Debian boots on this machine: {error}")
        machine.start_simulator()
        yield machine
    finally:
        machine.end()
        shutil.rmtree(tree, ignore_errors=True)
