"""TLS that hangs: a server that accepts and never answers the handshake, and one that stops in the middle of an answer. Those
who read say so in time, those who act leave nothing half done, and all goes on when the server does."""

import re
import time
from contextlib import ExitStack

import pytest
import yaml
from cloud import APIS, TOKENS
from doors import TlsDoor, certificate
from programs import wait_until, write_secret


def kubeconfig(cloud, kind, port, authority):
    write_secret(cloud.folder / "secrets" / f"kube-{kind}", yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "one",
        "clusters": [{"name": "one", "cluster": {"server": f"https://127.0.0.1:{port}",
                                                 "certificate-authority": str(authority)}}],
        "users": [{"name": "one", "user": {"token": TOKENS["kube", kind]}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}]}))


@pytest.fixture(name="doors")
def make_doors(cloud):
    """The cloud behind TLS: a door for each API, and one more for what writes to Kubernetes."""
    cloud.start_simulator()
    authority, key = certificate(cloud.folder / "pki", "right")
    with ExitStack() as stack:
        doors = {api: stack.enter_context(TlsDoor(authority, key, cloud.ports[api])) for api in APIS}
        doors["kube-write"] = stack.enter_context(TlsDoor(authority, key, cloud.ports["kube"]))
        cloud.write_config(http={"connect_timeout": "1s", "total_timeout": "2s"}, **{
            api: {"url": f"https://127.0.0.1:{doors[api].port}" + ("/v1" if api == "hetzner" else ""),
                  "ca_file": str(authority)} for api in ("gitea", "hetzner")})
        kubeconfig(cloud, "read", doors["kube"].port, authority)
        kubeconfig(cloud, "write", doors["kube-write"].port, authority)
        cloud.start_daemon()
        yield doors


@pytest.mark.parametrize("mode, said", [("silent", "no connection in time"), ("half", "no whole answer in time")])
def test_readers_say_that_tls_hangs_and_go_on(cloud, doors, mode, said):
    workers = cloud.workers()
    cloud.push((["linux"], 6))
    cloud.until("the job runs", lambda: cloud.jobs("in_progress"))
    for door in doors.values():
        door.set(mode)
    cloud.hindered()
    for api in APIS:
        cloud.until(f"poller-{api} says that the connection hangs", lambda api=api: re.search(
            rf"poller-{api}: cannot .*https://127.0.0.1:{doors[api].port}/.*{said}", cloud.daemon.text()), 15)
    cloud.until("the alarm says that nothing fresh comes", lambda: "alarm stale-source" in cloud.daemon.text(), 10)
    changes = len(cloud.changes())
    cloud.stays("nothing is changed on an old picture", lambda: len(cloud.changes()) == changes, 4)
    for door in doors.values():
        door.set("open")
    cloud.hindered()
    cloud.until("the daemon is ready again", cloud.ready, 15)
    cloud.until("the job has run", lambda: cloud.summary()["jobs_succeeded"] == 1)
    cloud.until_empty()
    assert cloud.workers() == workers, "no worker was restarted"
    assert cloud.summary()["jobs_lost"] == 0


# Which door is shut, and what the actuator has just begun when it is: its next look or change goes through that door.
ACTS = [("gitea", "deregister_runner"), ("hetzner", "drain_node"), ("kube-write", "deregister_runner")]


@pytest.mark.parametrize("mode, said", [("silent", "no connection in time"), ("half", "no whole answer in time|time is over")],
                         ids=["silent", "half"])
@pytest.mark.parametrize("door, begun", ACTS, ids=[door for door, _ in ACTS])
def test_the_actuator_says_that_tls_hangs_and_goes_on(cloud, doors, door, begun, mode, said):
    workers = cloud.workers()
    cloud.push((["linux"], 1))
    cloud.until("the job has run", lambda: cloud.summary()["jobs_succeeded"] == 1)
    wait_until(f"the actuator has begun to {begun}", lambda: any(line["kind"] == begun for line in cloud.audit()), 30,
               pause=0.02, alive=[cloud.daemon])

    def hangs():
        return re.search(rf"actuator: .*https://127.0.0.1:{doors[door].port}[/ ].*({said})", cloud.daemon.text())

    # Behind a shut door pictures get old too, and then nothing is begun: it is opened for a while where that came first.
    for _ in range(6):
        lines = len(cloud.audit())
        doors[door].set(mode)
        end = time.monotonic() + 5
        while not hangs() and time.monotonic() < end:
            time.sleep(0.1)
        cloud.hindered()
        doors[door].set("open")
        if hangs():
            break
        wait_until("the actuator goes on", lambda lines=lines: len(cloud.audit()) > lines, 30, pause=0.02)
    assert hangs(), "the actuator says that the connection hangs"
    cloud.until_empty()
    assert cloud.workers() == workers, "no worker was restarted"
    assert cloud.summary()["servers_rented"] == 1
    assert cloud.summary()["jobs_lost"] == 0
