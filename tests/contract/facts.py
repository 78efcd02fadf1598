"""How a case says which fact it holds, and who relies on it. The marks are read by conftest.py (which side plays a
case) and by table.py (docs/contract.md)."""

import pytest


def fact(text, *relied_on_by):
    """`text`: the fact, in a sentence. `relied_on_by`: "FILE:NAME" of our sources (NAME stands in FILE), or "FILE"."""
    assert relied_on_by, f"nobody relies on: {text}"
    return pytest.mark.fact(text, *relied_on_by)


def only(server, reason):
    """The other side truly cannot play this case; `server` is "simulator" or "real"."""
    return pytest.mark.only(server, reason)


# Cases of one kind share one set of real servers and one process of the tests; the slow ones have their own.
gitea_cases = pytest.mark.xdist_group("gitea")
gitea_slow_cases = pytest.mark.xdist_group("gitea-slow")
gitea_lost_cases = pytest.mark.xdist_group("gitea-lost")
kube_cases = pytest.mark.xdist_group("kube")
