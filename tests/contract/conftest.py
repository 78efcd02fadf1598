"""One suite of cases, two servers: `--server=simulator` (needs EBBTIDE_BIN) or `--server=real` (needs
EBBTIDE_REAL_SERVERS, the folder that tests/real/build prints). The cases know only the fixtures `gitea`, `kube` and
`hetzner`, which have the same interface on both sides (simulated.py, actual.py)."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "process", HERE.parent / "real"):
    sys.path.insert(0, str(folder))

NEEDED = {"simulator": "EBBTIDE_BIN", "real": "EBBTIDE_REAL_SERVERS"}
NOT_PLAYED = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--server", choices=sorted(NEEDED), default="simulator", help="whom the cases are played against")


def pytest_configure(config):
    config.addinivalue_line("markers", "fact(text, relied_on_by...): what the case holds, and who needs it")
    config.addinivalue_line("markers", "only(server, reason): the other side cannot play this case")
    side = config.getoption("--server")
    if NEEDED[side] not in os.environ:
        raise pytest.UsageError(f"--server={side} needs {NEEDED[side]} in the environment")


def pytest_collection_modifyitems(config, items):
    """What this side cannot play is left out here, and listed at the end."""
    side = config.getoption("--server")
    kept, left = [], {}
    for item in items:
        mark = item.get_closest_marker("only")
        if mark is None or mark.args[0] == side:
            kept.append(item)
        else:
            left[item] = mark.args[1]
    items[:] = kept
    config.stash[NOT_PLAYED] = {item.nodeid: reason for item, reason in left.items()}
    if left:
        config.hook.pytest_deselected(items=list(left))


def pytest_sessionfinish(session):
    """A worker's list of what was not played goes to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["not_played"] = session.config.stash.get(NOT_PLAYED, {})


class FromWorkers:  # pylint: disable=too-few-public-methods
    """Takes the lists of pytest-xdist's workers; each worker has collected everything."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        node.config.stash.setdefault(NOT_PLAYED, {}).update(getattr(node, "workeroutput", {}).get("not_played", {}))


def pytest_plugin_registered(plugin, manager):
    """Once, where pytest-xdist is about."""
    if not manager.has_plugin("contract-workers") and manager.has_plugin("dsession"):
        manager.register(FromWorkers(), "contract-workers")
    del plugin


def pytest_terminal_summary(terminalreporter, config):
    """What was not played, one line a file and reason."""
    left = {}
    for case, reason in config.stash.get(NOT_PLAYED, {}).items():
        left.setdefault((case.partition("::")[0], reason), []).append(case.partition("::")[2])
    if left:
        count = sum(map(len, left.values()))
        terminalreporter.section(f"{count} cases that the {config.getoption('--server')} one cannot play")
    for (path, reason), cases in sorted(left.items()):
        shown = cases[0] if len(cases) == 1 else f"{len(cases)} cases"
        terminalreporter.line(f"{path}: {shown}: {reason}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the logs of the servers beside a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name in ("gitea", "kube", "hetzner"):
            if name in item.funcargs:
                report.sections.append(("logs of the servers", item.funcargs[name].trouble()))
    del call


@pytest.fixture(name="side", scope="session")
def make_side(request, tmp_path_factory):
    """The implementation of one server; what the real one starts lives as long as the session."""
    if request.config.getoption("--server") == "simulator":
        import simulated  # pylint: disable=import-outside-toplevel
        yield simulated.Side()
        return
    import actual  # pylint: disable=import-outside-toplevel
    side = actual.Side(tmp_path_factory.mktemp("real"))
    try:
        yield side
    finally:
        side.stop()


@pytest.fixture(name="gitea")
def make_gitea(side, tmp_path):
    with side.gitea(tmp_path) as gitea:
        yield gitea


@pytest.fixture(name="kube")
def make_kube(side, tmp_path):
    with side.kube(tmp_path) as kube:
        yield kube


@pytest.fixture(name="hetzner")
def make_hetzner(side, tmp_path):
    with side.hetzner(tmp_path) as hetzner:
        yield hetzner
