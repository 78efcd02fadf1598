"""The whole loop against the real servers: a pushed workflow rents machines, runs, and everything is given back.

Gitea, its runner, etcd, kube-apiserver, its controllers and kwok are the real programs; only Hetzner is simulated,
and its machines are played by machine.py. One story is told once (`story`), and each test holds one promise of it.
"""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

import pytest
import servers
import yaml

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ["EBBTIDE_BIN"])
PERIOD_S = 100
BURST = 3
WORKFLOW = f"""
name: ci
on: [push]
jobs:
  burst:
    runs-on: linux
    strategy:
      matrix:
        n: {list(range(BURST))}
    steps:
      - run: sleep 12 && echo done
  after:
    needs: burst
    runs-on: linux
    steps:
      - run: sleep 3 && echo after
  nobody:
    runs-on: a-label-that-nobody-serves
    steps:
      - run: echo never
"""
WEBHOOK_SECRET = "webhook-secret-of-the-loop"
GITEA_EXTRA = """
[webhook]
ALLOWED_HOST_LIST = loopback
"""
RUNNABLE = {f"burst ({n})" for n in range(BURST)} | {"after"}


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o400)
    return str(path)


def configuration(folder, gitea, kube, hetzner_port):
    """What an administrator would write, with short times: a paid hour of PERIOD_S."""
    template = ROOT / "deploy/cloud-init/k3s.yaml"
    return {
        "mode": "act",
        "gitea": {"url": gitea.url, "token_file": secret_file(folder / "gitea.read", gitea.read_token),
                  "write_token_file": secret_file(folder / "gitea.write", gitea.write_token),
                  "poll_interval": "1s", "fence_settle": "4s"},
        "hetzner": {"url": f"http://127.0.0.1:{hetzner_port}/v1",
                    "token_file": secret_file(folder / "hetzner.read", "hetzner-read-token"),
                    "write_token_file": secret_file(folder / "hetzner.write", "hetzner-write-token"),
                    "poll_interval": "1s"},
        "kube": {"kubeconfig_file": str(kube.kubeconfig("poller")),
                 "write_kubeconfig_file": str(kube.kubeconfig("actuator")), "poll_interval": "1s"},
        "pools": [{"name": "linux", "label_sets": [["linux"]], "max": BURST,
                   "offers": [{"server_type": "cx22", "location": "nbg1"}], "cloud_init_file": str(template),
                   "server_url": "https://k3s.example.invalid:6443",
                   "join_token_file": secret_file(folder / "join", "K10::server:join-token")}],
        "billing": {"period": f"{PERIOD_S}s", "window": "50s"},
        "life": {"idle_timeout": "5s", "idle_confirm": "11s", "provision_timeout": "60s", "create_grace": "10s",
                 "remove_allowance": "5s", "drain_deadline": "20s"},
        "rails": {"max_servers": BURST, "creates_per_minute": 10, "deletes_per_minute": 10},
        "http": {"allow_http_on_loopback": True},
        "files": {"state_dir": str(folder / "state"), "control_socket": str(folder / "control.sock")},
        "monitor": {"listen_port": servers.free_port(), "webhook_listen_address": "127.0.0.1",
                    "webhook_listen_port": servers.free_port(),
                    "webhook_secret_file": secret_file(folder / "webhook", WEBHOOK_SECRET)},
    }


class Story:
    """Everything started, told until the end, with what was seen on the way."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = servers.Processes(folder / "logs")
        programs = servers.real_programs()
        self.gitea = servers.Gitea(programs, folder / "gitea", self.processes, GITEA_EXTRA)
        self.kube = servers.Kubernetes(programs, folder / "kube", self.processes)
        servers.grant(self.kube)
        self.machines = folder / "machines"
        self.machines.mkdir()
        (self.machines / "settings.json").write_text(json.dumps({
            "kube_url": self.kube.url, "kube_token": self.kube.tokens["keeper"], "kube_ca": str(self.kube.ca),
            "act_runner": str(programs["act_runner"]), "gitea_url": self.gitea.url, "boot_seconds": 2,
            "registration_token": self.gitea.registration_token(), "labels": "linux:host"}))
        self.start_simulator()
        self.start_daemon()

    def start_simulator(self):
        hook = f"/usr/bin/python3 {HERE / 'machine.py'}"
        self.hetzner_port, self.control_port = servers.free_port(), servers.free_port()
        env = {"PATH": os.environ["PATH"], "EBBTIDE_TEST_MACHINES": str(self.machines)}
        process = self.processes.start("simulator", [
            BIN / "ebbtide-simulator", "--without", "gitea", "--without", "kube", "--hetzner-port", self.hetzner_port,
            "--control-port", self.control_port, "--hetzner-read-token", "hetzner-read-token",
            "--hetzner-write-token", "hetzner-write-token", "--billing-period-ms", PERIOD_S * 1000,
            "--create-ms", 500, "--boot-ms", 1000, "--delete-ms", 500, "--boot-hook", f"{hook} boot",
            "--delete-hook", f"{hook} delete", "--log", self.folder / "requests.jsonl"], env=env)
        self.control = servers.Api(f"http://127.0.0.1:{self.control_port}", None)
        self.processes.wait_answering("simulator", process, self.control, "/summary")
        self.hetzner = servers.Api(f"http://127.0.0.1:{self.hetzner_port}/v1", "hetzner-read-token")

    def start_daemon(self):
        config = configuration(self.folder, self.gitea, self.kube, self.hetzner_port)
        path = self.folder / "ebbtide.yaml"
        path.write_text(yaml.safe_dump(config))
        self.monitor = servers.Api(f"http://127.0.0.1:{config['monitor']['listen_port']}", None)
        self.gitea.api.call("POST", "/admin/hooks", {
            "type": "gitea", "active": True, "events": ["workflow_job"],
            "config": {"url": f"http://127.0.0.1:{config['monitor']['webhook_listen_port']}/webhook",
                       "content_type": "json", "secret": WEBHOOK_SECRET, "is_system_webhook": "true"}})
        self.daemon = self.processes.start("ebbtide", [BIN / "ebbtide", "run", "--config", path])

    def wait_ready(self):
        def ready():
            assert self.daemon.poll() is None, self.processes.log("ebbtide")[-4000:]
            try:
                with urllib.request.urlopen(self.monitor.url + "/readyz", timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                return False
        servers.wait_until("the daemon is ready", ready, 60)

    def webhooks(self):
        """Deliveries by what came of them, as the monitor counts them."""
        with urllib.request.urlopen(self.monitor.url + "/metrics", timeout=5) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("ebbtide_webhooks_total{")]
        return {line.split('outcome="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def rented(self):
        """Names of the servers that our labels mark, now."""
        return {server["name"] for server in self.hetzner.call("GET", "/servers")["servers"]
                if server["labels"].get("managed-by") == "ebbtide"}

    def ours(self, path):
        """Names of the objects of our nodes in a Kubernetes list."""
        return {item["metadata"]["name"] for item in self.kube.items(path)}

    def leftovers(self):
        """Everything of ours in the three places, as (servers, nodes, pods, runners)."""
        return (self.rented(), self.ours("/api/v1/nodes"), self.ours("/api/v1/namespaces/gitea-runners/pods"),
                {runner["name"] for runner in self.gitea.runners()})

    def runnable_over(self):
        jobs = self.gitea.jobs("app")
        return RUNNABLE <= jobs.keys() and all(jobs[name]["status"] == "completed" for name in RUNNABLE)

    def tell(self):
        """Push, run, idle, give back; then look for a while whether the jobs nobody can run rent anything."""
        self.wait_ready()
        self.gitea.push_workflow("app", WORKFLOW)
        servers.wait_until("all runnable jobs are over", self.runnable_over, 150, every=1)
        self.after_jobs = self.leftovers()
        self.taken = self.webhooks()
        servers.wait_until("nothing of ours is left anywhere",
                           lambda: not any(self.leftovers()) or None, PERIOD_S + 90, every=1)
        time.sleep(15)
        self.at_end = self.leftovers()
        self.jobs = self.gitea.jobs("app")
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon_status = self.daemon.wait(60)
        self.requests = [json.loads(line) for line in (self.folder / "requests.jsonl").read_text().splitlines()]
        self.audit = [json.loads(line)
                      for line in (self.folder / "state/audit.jsonl").read_text().splitlines()]

    def stop(self):
        try:
            self.processes.stop()
        finally:
            for pid in self.machines.glob("*/pid"):
                try:
                    os.killpg(int(pid.read_text()), signal.SIGKILL)
                except (ProcessLookupError, ValueError):
                    pass

    def trouble(self):
        return "\n".join(f"--- {name}\n{self.processes.log(name)[-6000:]}" for name in ("ebbtide", "simulator"))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    told = Story(tmp_path_factory.mktemp("real"))
    try:
        told.tell()
        yield told
    except AssertionError as error:
        raise AssertionError(f"{error}\n{told.trouble()}") from error
    finally:
        told.stop()


def created(story):
    return [entry for entry in story.requests
            if entry["method"] == "POST" and entry["path"].split("?")[0] == "/v1/servers" and entry["status"] == 201]


def test_every_runnable_job_ran_and_succeeded(story):
    assert {name: story.jobs[name]["conclusion"] for name in RUNNABLE} == dict.fromkeys(RUNNABLE, "success")


def test_no_job_was_killed(story):
    # A job whose runner was killed is tried again only by a person: more than one attempt, or a failure, shows it.
    assert all(story.jobs[name]["run_attempt"] == 1 for name in RUNNABLE)
    assert story.jobs["nobody"]["status"] == "queued"


def test_machines_were_rented_for_runnable_jobs_only(story):
    # The burst needs BURST machines at once; the job after it finds them free, and the last job can never run.
    assert 1 <= len(created(story)) <= BURST


def test_machines_were_kept_while_their_hour_was_paid(story):
    servers_after_jobs = story.after_jobs[0]
    assert len(servers_after_jobs) == len(created(story))


def test_nothing_is_left_over(story):
    assert story.at_end == (set(), set(), set(), set())


def test_each_node_was_deregistered_then_drained_then_removed(story):
    finished = {}
    for line in story.audit:
        if line.get("outcome") == "done":
            finished.setdefault(line["node"], []).append(line["kind"])
    assert len(finished) == len(created(story))
    for node, kinds in finished.items():
        order = ["create_server", "deregister_runner", "drain_node", "remove_node"]
        assert [kind for kind in kinds if kind in order] == order, f"{node}: {kinds}"


def test_gitea_told_of_the_jobs_and_was_believed(story):
    # Each job begins to wait at least once; what is told of it later is of no use, and nothing is refused.
    assert story.taken.get("hint", 0) >= len(RUNNABLE)
    assert story.taken.keys() <= {"hint", "ignored", "repeated"}, story.taken


def test_the_daemon_ended_in_order(story):
    assert story.daemon_status == 0


def test_no_secret_is_in_a_log(story):
    secrets = [story.gitea.read_token, story.gitea.write_token, story.kube.tokens["poller"],
               story.kube.tokens["actuator"], "hetzner-write-token", "K10::server:join-token", WEBHOOK_SECRET]
    written = story.processes.log("ebbtide") + (story.folder / "state/audit.jsonl").read_text()
    assert not [secret for secret in secrets if secret in written]
    assert subprocess.run(["grep", "-q", "K10::server:join-token", str(story.folder / "requests.jsonl")],
                          check=False).returncode == 1
