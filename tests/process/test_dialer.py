"""The dialer: the one process that makes connections. What holds where it is gone, hangs, or is to connect elsewhere."""

import os
import pathlib
import re
import signal

import pytest
from cloud import APIS

CALLERS = ("poller-gitea", "poller-hetzner", "poller-kube", "actuator")


def internet_of(pid):
    """{(state, other end's port)} of the TCP sockets of a process, and how many of UDP."""
    held = {os.readlink(link)[8:-1] for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
            if os.path.lexists(link) and os.readlink(link).startswith("socket:")}
    found, datagrams = set(), 0
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] not in held:
                continue
            if table.startswith("udp"):
                datagrams += 1
            else:
                found.add((words[3], int(words[2].split(":")[1], 16)))
    return found, datagrams


def test_who_holds_a_token_holds_its_api_s_connections_and_nothing_else(running):
    """Seen in /proc while jobs run: established connections to the own APIs' ports, no datagram socket, no listener."""
    running.push((["linux"], 4), (["linux"], 4))
    own = {f"poller-{api}": {running.ports[api]} for api in APIS}
    own["actuator"] = {running.ports[api] for api in APIS}
    seen = {role: set() for role in CALLERS}

    def look():
        for role in CALLERS:
            connections, datagrams = internet_of(running.workers()[role])
            assert datagrams == 0, f"{role} holds a datagram socket"
            assert {state for state, _ in connections} <= {"01", "08"}, f"{role} holds more than open connections: {connections}"
            seen[role] |= {port for _, port in connections}
        return running.summary()["jobs_succeeded"] == 2
    running.until("both jobs have run", look, 60)
    assert all(seen[role] <= own[role] for role in CALLERS), (seen, own)
    assert all(seen[f"poller-{api}"] for api in APIS), "the look saw connections at all"
    assert internet_of(running.workers()["dialer"])[0] == set(), "what was handed over is not kept"


def test_a_dialer_that_hangs_is_ended_and_nothing_is_lost(running):
    """Stopped while a job runs: connections that are open go on; its heartbeat is missed, and another one takes its place."""
    running.push((["linux"], 20))
    running.until("the job runs", lambda: running.jobs("in_progress"))
    pid = running.workers()["dialer"]
    os.kill(pid, signal.SIGSTOP)
    running.hindered()
    for role in CALLERS:  # they begin without a connection, and wait for one
        os.kill(running.workers()[role], signal.SIGKILL)
    running.until("another dialer runs", lambda: running.workers().get("dialer") not in (None, pid), 30)
    running.until("the daemon is ready again", running.ready, 30)
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1, 60)
    assert running.summary()["jobs_lost"] == 0


def test_a_new_address_of_kubernetes_is_taken_up_by_a_restart_of_its_poller(running):
    """A kubeconfig that names another server is not taken up while the poller runs; its next start leads the dialer there."""
    other = f"http://localhost:{running.ports['kube']}"
    dialer = running.workers()["dialer"]
    running.write_kubeconfig("read", other)
    running.until("the poller says what to do", lambda: "names another server now: restart to use it" in running.daemon.text())
    assert running.workers()["dialer"] == dialer
    os.kill(running.workers()["poller-kube"], signal.SIGKILL)
    running.until("the dialer starts anew", lambda: running.workers().get("dialer") not in (None, dialer))
    running.until("it leads there", lambda: re.search(
        rf"dialer: connects the poller-kube with kube at localhost port {running.ports['kube']}", running.daemon.text()))
    running.until("the daemon is ready again", running.ready, 30)


def test_a_dialer_that_dies_leads_where_it_led_before(running):
    """A kubeconfig names another server, which its poller does not take up while it runs: nor does a dialer that starts anew."""
    running.write_kubeconfig("read", f"http://localhost:{running.ports['kube']}")
    running.until("the poller says what to do", lambda: "names another server now: restart to use it" in running.daemon.text())
    mark, dialer = len(running.daemon.text()), running.workers()["dialer"]
    os.kill(dialer, signal.SIGKILL)
    running.until("another dialer leads the poller", lambda: re.search(
        r"dialer: connects the poller-kube with kube at (\S+) port", running.daemon.text()[mark:]))
    assert re.findall(r"the poller-kube with kube at (\S+)", running.daemon.text()[mark:]) == ["127.0.0.1"]
    running.until("the daemon is ready again", running.ready, 30)


def test_a_reload_leads_elsewhere(running):
    mark = len(running.daemon.text())
    running.write_config(gitea={"url": f"http://localhost:{running.ports['gitea']}"})
    running.daemon.kill(signal.SIGHUP)
    for role in ("poller-gitea", "actuator"):
        running.until(f"the {role} is led there", lambda role=role: re.search(
            rf"dialer: connects the {role} with gitea at localhost port", running.daemon.text()[mark:]))
    running.until("the daemon is ready again", running.ready, 30)


@pytest.mark.parametrize("url, words", [
    ("https://nowhere.invalid", r"the name is not found \(nowhere\.invalid: .*check gitea\.url and this machine's name servers"),
    ("http://127.0.0.1:1", r"no connection \(127\.0\.0\.1: 127\.0\.0\.1 port 1: Connection refused\); check that it runs and "
                           r"that gitea\.url names it"),
], ids=["no-name", "refused"])
def test_what_the_dialer_meets_is_said_by_who_asked(cloud, url, words):
    cloud.start_simulator()
    changes = {"billing": {"period": "1h", "window": "5m"}} if url.startswith("https") else {}
    cloud.write_config(in_force=False, mode="observe", gitea={"url": url}, **changes)
    cloud.spawn_daemon()
    cloud.until("the poller says it", lambda: re.search(rf"poller-gitea: .*{words}", cloud.daemon.text()), 30)
    assert not cloud.changes()
