"""Real clients drive the simulator: Debian's hcloud and kubectl, unpacked from their packages and not installed."""

import json
import os
import subprocess
import threading
import time

import pytest

from cloud import ROOT, TOKENS

UNPACK_SECONDS = 300


def unpacked(package, program):
    """The path of a program of a Debian package; skips, with words, where it cannot be had."""
    done = subprocess.run([str(ROOT / "deploy" / "unpack-tool"), package], capture_output=True, text=True, check=False,
                          timeout=UNPACK_SECONDS)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED with the real {program}: {package} cannot be unpacked: {done.stderr[-300:]}")
    return f"{done.stdout.strip()}/usr/bin/{program}"


class Client:
    """One command-line program with its environment."""

    def __init__(self, words, environment, folder):
        self.words = words
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}

    def run(self, *words, seconds=40):
        return subprocess.run([*self.words, *words], capture_output=True, text=True, env=self.environment,
                              timeout=seconds, check=False)

    def good(self, *words):
        """Its output; the test fails with its error where it fails."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout


@pytest.fixture(name="hcloud")
def make_hcloud(cloud, tmp_path):
    program = unpacked("hcloud-cli", "hcloud")
    cloud.start_simulator()

    def client(token=TOKENS["hetzner", "write"]):
        return Client([program], {"HCLOUD_TOKEN": token,
                                  "HCLOUD_ENDPOINT": f"http://127.0.0.1:{cloud.ports['hetzner']}/v1"}, tmp_path)
    return client


@pytest.fixture(name="kubectl")
def make_kubectl(cloud, tmp_path, monkeypatch):
    """kubectl sends no token over plain HTTP, so here everybody may do everything."""
    program = unpacked("kubernetes-client", "kubectl")
    with monkeypatch.context() as patch:
        for kind in ("read", "write"):
            patch.setitem(TOKENS, ("kube", kind), "")
        cloud.start_simulator("--no-daemonset")
    cloud.apis["hetzner"].send("POST", "/v1/servers", {"name": "m1", "server_type": "ccx33", "image": "ubuntu-24.04",
                                                      "location": "nbg1", "labels": {"managed-by": "ebbtide"}})
    cloud.until("the machine has a runner", cloud.runners)
    return Client([program, "-s", f"http://127.0.0.1:{cloud.ports['kube']}"], {}, tmp_path)


def test_hcloud_creates_labels_lists_and_deletes(hcloud, cloud):
    write = hcloud()
    created = write.good("server", "create", "--name", "t1", "--type", "ccx33", "--image", "ubuntu-24.04", "--location",
                         "nbg1", "--label", "a=b")
    assert "created" in created and "IPv4" in created
    write.good("server", "add-label", "t1", "c=d")
    listed = json.loads(write.good("server", "list", "-l", "a=b,c=d", "-o", "json"))
    assert [server["name"] for server in listed] == ["t1"]
    assert listed[0]["labels"] == {"a": "b", "c": "d"}
    assert not json.loads(write.good("server", "list", "-l", "a=x", "-o", "json") or "[]")
    assert "ccx33" in write.good("server", "describe", "t1")
    assert "deleted" in write.good("server", "delete", "t1")
    cloud.until("the server is gone", lambda: "t1" not in write.good("server", "list"))


def test_hcloud_is_refused_as_by_the_real_one(hcloud):
    hcloud().good("server", "create", "--name", "t1", "--type", "ccx33", "--image", "ubuntu-24.04")
    again = hcloud().run("server", "create", "--name", "t1", "--type", "ccx33", "--image", "ubuntu-24.04")
    assert again.returncode != 0 and "uniqueness_error" in again.stderr
    read_only = hcloud(TOKENS["hetzner", "read"]).run("server", "delete", "t1")
    assert read_only.returncode != 0 and "token_readonly" in read_only.stderr
    stranger = hcloud("nonsense").run("server", "list")
    assert stranger.returncode != 0 and "unauthorized" in stranger.stderr


def test_hcloud_sees_a_create_that_fails_later(hcloud, cloud):
    cloud.control.send("POST", "/trouble", {"trouble": "create_fails", "count": 1})
    failed = hcloud().run("server", "create", "--name", "t1", "--type", "ccx33", "--image", "ubuntu-24.04")
    assert failed.returncode != 0, "the action's error reaches the client"
    assert "t1" in hcloud().good("server", "list"), "the server exists and is paid"


def test_kubectl_cordons_drains_and_deletes(kubectl, cloud):
    table = kubectl.good("get", "nodes")
    assert table.split()[:5] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert "node/m1 cordoned" in kubectl.good("cordon", "m1")
    assert "already cordoned" in kubectl.good("cordon", "m1")
    assert "SchedulingDisabled" in kubectl.good("get", "node", "m1")
    drained = kubectl.good("drain", "m1", "--ignore-daemonsets")
    assert "evicted" in drained
    assert not json.loads(kubectl.good("get", "pods", "-n", "gitea-runners", "-o", "json"))["items"]
    assert 'node "m1" deleted' in kubectl.good("delete", "node", "m1")
    gone = kubectl.run("get", "node", "m1")
    assert gone.returncode != 0 and 'nodes "m1" not found' in gone.stderr
    evictions = [one for one in cloud.changes("kube") if one["path"].endswith("/eviction")]
    assert evictions and all(one["status"] == 201 for one in evictions)


def test_kubectl_retries_while_a_budget_is_spent(kubectl, cloud):
    cloud.control.send("POST", "/pods", {"name": "web", "node": "m1"})
    cloud.control.send("POST", "/budgets", {"name": "stays", "min_available": 1})
    refused = kubectl.run("drain", "m1", "--ignore-daemonsets", "--timeout=3s")
    assert refused.returncode != 0
    assert "violate the pod's disruption budget" in refused.stderr
    cloud.control.send("DELETE", "/budgets/default/stays")
    kubectl.good("drain", "m1", "--ignore-daemonsets")


def test_kubectl_watches(kubectl, cloud):
    seen = []

    def watch():
        with subprocess.Popen([*kubectl.words, "get", "nodes", "-w", "--request-timeout=6s"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, env=kubectl.environment) as process:
            seen.extend(process.stdout)
    thread = threading.Thread(target=watch)
    thread.start()
    time.sleep(1.5)
    cloud.control.send("POST", "/nodes", {"name": "late"})
    kubectl.good("cordon", "late")
    thread.join(30)
    text = "".join(seen)
    assert "late" in text and "SchedulingDisabled" in text, f"the change reached the watch: {text}"
