"""Fixtures of the tests of whole processes: a cloud in a box for each test, ended and looked at afterwards."""

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cloud import BIN, JOIN_TOKEN, TOKENS, Cloud  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = ("ebbtide", "ebbtide-dialer", "ebbtide-poller", "ebbtide-reconciler", "ebbtide-actuator", "ebbtide-monitor",
            "ebbtide-audit", "ebbtide-simulator")
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer: detected", "runtime error:", "Assertion")


def pytest_configure(config):
    config.addinivalue_line("markers", "leaks: runs the daemon under valgrind (tests/run leaks)")
    missing = [name for name in PROGRAMS if not (BIN / name).exists()]
    if missing:
        raise pytest.UsageError(f"{BIN} lacks {', '.join(missing)}; build first, and set EBBTIDE_BIN to the folder")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Keeps the outcome of the test for the fixture, and shows the logs of a failure beside it."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "cloud" in item.funcargs:
        report.sections.append(("logs of the processes", item.funcargs["cloud"].trouble()))


def look_for_faults(cloud):
    """What must never be in a log, whatever the test is about."""
    for program in cloud.programs:
        text = program.text()
        for word in SANITIZER_WORDS:
            assert word not in text, f"{program.log}: {text[text.index(word) - 500:][:4000]}"
    written = "".join(program.text() for program in cloud.programs if program.name == "ebbtide")
    written += "".join(path.read_text(errors="replace") for path in (cloud.folder / "state").glob("*")
                       if path.is_file())
    for secret in (*TOKENS.values(), JOIN_TOKEN):
        assert secret not in written, f"a secret ({secret}) stands in a log or in the state"


def look_at_log(cloud):
    """Whatever was killed, stopped or filled up: the audit log verifies, unless the test bent it."""
    state = cloud.folder / "state"
    if cloud.bends_log or not any(path.is_file() and path.stat().st_size for path in state.glob("audit.jsonl*")):
        return
    judged = subprocess.run([str(BIN / "ebbtide"), "audit", "verify", str(state)], capture_output=True, text=True,
                            check=False, timeout=30, stdin=subprocess.DEVNULL)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.fixture(name="cloud")
def make_cloud(tmp_path):
    """A Cloud that is not started."""
    cloud = Cloud(tmp_path)
    broken = ""
    try:
        yield cloud
        broken = cloud.broken_promises()
    finally:
        cloud.end()
    look_for_faults(cloud)
    look_at_log(cloud)
    if cloud.breaks_promises:
        broken = "\n".join(line for line in broken.splitlines() if line.split()[1].rstrip(":") not in cloud.breaks_promises)
    assert not broken, f"promises were broken:\n{broken}"


@pytest.fixture(name="running")
def start_cloud(cloud):
    """A Cloud with simulator and daemon, ready."""
    return cloud.start_simulator().start_daemon()
