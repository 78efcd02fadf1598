"""The real servers behind the fixtures' interface: started once a session (tests/real/servers.py), and shared by its
cases, which therefore use names of their own. Runners are real daemons, pods are kwok's, the scheduler is played."""

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import time

import machine
import servers
from programs import Http
from shapes import Bounds, GiteaShape, KubeShape, Run

# The search for lost jobs counts minutes by default; a runner reports at least each ten seconds.
ZOMBIE_S = 16
GITEA_EXTRA = f"""
[actions]
ZOMBIE_TASK_TIMEOUT = {ZOMBIE_S}s
[webhook]
ALLOWED_HOST_LIST = loopback
"""
RUNNER_CONFIG = {"log": {"level": "info"}, "cache": {"enabled": False},
                 "runner": {"file": ".runner", "capacity": 1, "fetch_interval": "1s", "fetch_timeout": "3s",
                            "shutdown_timeout": "0s"}}
READ_SCOPES = "read:admin,read:organization,read:repository"
WRITE_SCOPES = "write:admin,write:organization,write:repository"


class Side:
    """Starts what a case asks for, and ends it all when the session ends."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = servers.real_programs()
        self.processes = servers.Processes(folder / "logs")
        self.made = {}

    @contextlib.contextmanager
    def _of(self, shape, folder):
        if shape not in self.made:
            self.made[shape] = shape(self)
        made = self.made[shape]
        made.begin(folder)
        try:
            yield made
        finally:
            made.end()

    def gitea(self, folder):
        return self._of(Gitea, folder)

    def kube(self, folder):
        return self._of(Kube, folder)

    def stop(self):
        self.processes.stop()


class Gitea(GiteaShape):
    bounds = Bounds(online_s=15, offline_least_s=45, offline_most_s=75, busy_s=10, zombie_s=ZOMBIE_S, cancel_lag_s=3.0,
                    work_s=6, long_work_s=24, take_s=8)

    def __init__(self, side):
        self.side = side
        self.gitea = servers.Gitea(side.programs, side.folder / "gitea", side.processes, GITEA_EXTRA)
        self.keeper = Http(self.gitea.url, self.gitea.api.token, "token")
        self.keeper.send("POST", "/api/v1/orgs", {"username": "acme"})
        self.keeper.send("POST", "/api/v1/orgs", {"username": "other"})
        self.numbers = itertools.count(1)
        self.daemons, self.registered, self.folder = {}, [], None
        super().__init__(self.gitea.url, self.with_scopes("reads", READ_SCOPES),
                         self.with_scopes("writes", WRITE_SCOPES))

    def with_token(self, token):
        return Http(self.gitea.url, token, "token")

    def with_scopes(self, name, scopes):
        return self.with_token(self.gitea.token(name, scopes))

    # ---- a case begins and ends

    def begin(self, folder):
        self.folder = folder

    def end(self):
        """No runner of this case takes a job of the next."""
        for runner in list(self.daemons):
            self.kill_runner(runner)
        for runner in self.registered:
            self.keeper.request("DELETE", f"{self.RUNNERS}/{runner}")
        self.daemons, self.registered = {}, []

    def trouble(self):
        logs = [f"---- {path}\n{path.read_text(errors='replace')[-3000:]}" for path in self.folder.glob("*/runner.log")]
        return "\n".join([*logs, self.side.processes.log("gitea")[-3000:]])

    # ---- making things happen

    def fresh(self, word):
        return f"{word}{next(self.numbers)}"

    @staticmethod
    def workflow(jobs):
        """A later run of the same repository cancels one that runs: see `cancel`."""
        described = {}
        for job in jobs:
            described[job.name] = {"steps": [{"run": f"sleep {job.seconds}"}]}
            if job.labels is not None:
                described[job.name]["runs-on"] = list(job.labels)
            if job.needs:
                described[job.name]["needs"] = list(job.needs)
            if job.skipped:
                described[job.name]["if"] = False
        return {"name": "ci", "on": ["push"], "concurrency": {"group": "all", "cancel-in-progress": True},
                "jobs": described}

    def _commit(self, repository, workflow, method="POST", **more):
        content = base64.b64encode(json.dumps(workflow).encode()).decode()
        return self.keeper.send(method, f"/api/v1/repos/{repository}/contents/.gitea/workflows/ci.yaml",
                                {"content": content, "message": "Work", **more})

    def push(self, *jobs, owner="acme"):
        name = self.fresh("app")
        repository = f"{owner}/{name}"
        self.keeper.send("POST", f"/api/v1/orgs/{owner}/repos", {"name": name, "auto_init": True,
                                                                 "default_branch": "main"})
        self._commit(repository, self.workflow(jobs))

        def all_listed():
            path = f"/api/v1/repos/{repository}/actions/jobs?limit=50"
            listed = [job for page in range(1, len(jobs) // 50 + 2)
                      for job in self.keeper.get(f"{path}&page={page}")["jobs"]]
            return listed if len(listed) >= len(jobs) else None
        listed = self.wait(f"{len(jobs)} jobs of {repository} are listed", all_listed, 30)
        return Run(repository, listed[0]["run_id"], {job["name"]: job["id"] for job in listed})

    def cancel(self, run):
        path = f"/api/v1/repos/{run.repository}/contents/.gitea/workflows/ci.yaml"
        later = self.workflow([])
        later["jobs"]["later"] = {"runs-on": ["a-label-that-nobody-serves"], "steps": [{"run": "true"}]}
        self._commit(run.repository, later, "PUT", sha=self.keeper.get(path)["sha"])

    def runner(self, *labels, name=None, started=True, ephemeral=False, repository=None):
        name = name or self.fresh("r")
        folder = self.folder / self.fresh("runner")
        folder.mkdir()
        (folder / "config.yaml").write_text(json.dumps(
            {**RUNNER_CONFIG, "host": {"workdir_parent": str(folder / "work")}}))
        scope = f"/api/v1/repos/{repository}/actions/runners" if repository else self.RUNNERS
        token = self.keeper.send("POST", f"{scope}/registration-token")["token"]
        before = set(self.all_runners())
        program, env = self.side.programs["act_runner"], {"PATH": os.environ["PATH"], "HOME": str(folder)}
        with open(folder / "runner.log", "ab") as log:
            subprocess.run([program, "register", "--no-interactive", "--config", "config.yaml", "--instance",
                            self.gitea.url, "--token", token, "--name", name, "--labels",
                            ",".join(f"{label}:host" for label in labels), *(["--ephemeral"] if ephemeral else [])],
                           cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
                           timeout=60)
            runner = max(set(self.all_runners()) - before)
            self.registered.append(runner)
            if started:
                self.daemons[runner] = subprocess.Popen(  # pylint: disable=consider-using-with
                    [program, "daemon", "--config", "config.yaml"], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True)
        return runner

    def all_runners(self):
        return [one["id"] for one in self.keeper.get(f"{self.RUNNERS}?limit=50")["runners"]]

    def kill_runner(self, runner):
        daemon = self.daemons.pop(runner, None)
        lived = daemon is not None and daemon.poll() is None
        if daemon is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait(10)
        return lived

    @contextlib.contextmanager
    def hook(self, url, secret):
        made = self.keeper.send("POST", "/api/v1/admin/hooks", {
            "type": "gitea", "active": True, "events": ["workflow_job"],
            "config": {"url": url, "content_type": "json", "secret": secret, "is_system_webhook": "true"}})
        try:
            yield
        finally:
            self.keeper.request("DELETE", f"/api/v1/admin/hooks/{made['id']}")

    def ordinary(self):
        name = self.fresh("plain")
        self.gitea.admin("user", "create", "--username", name, "--random-password", "--email",
                         f"{name}@example.invalid", "--must-change-password=false")
        return self.with_token(self.gitea.admin("user", "generate-access-token", "--username", name, "--token-name",
                                                "t", "--scopes", READ_SCOPES, "--raw",
                                                form=r"[0-9a-f]{40}"))


class Kube(KubeShape):
    grace_s = 15

    def __init__(self, side):
        self.side = side
        self.kube = servers.Kubernetes(side.programs, side.folder / "kube", side.processes)
        servers.grant(self.kube)
        self.ca = self.kube.ca
        self.keeper = Http(self.kube.url, self.kube.tokens["keeper"], ca=self.ca)
        self.scheduler = machine.Machine(side.folder, {"kube_url": self.kube.url, "kube_ca": str(self.ca),
                                                       "kube_token": self.kube.tokens["keeper"]}, "", 0)
        self.numbers = itertools.count(1)
        self.nodes, self.machines = [], set()
        self.collected_least_s, self.collected_most_s = 10, 100
        super().__init__(self.kube.url, *(Http(self.kube.url, self.kube.tokens[name], ca=self.ca)
                                          for name in ("poller", "actuator")))

    def begin(self, folder):
        pass

    def end(self):
        for node in self.nodes:
            self.keeper.request("DELETE", self.node_path(node))
        self.nodes, self.machines = [], set()

    def trouble(self):
        return "\n".join(f"---- {name}\n{self.side.processes.log(name)[-2000:]}"
                         for name, _ in self.side.processes.running)

    def fresh(self, word):
        return f"{word}{next(self.numbers)}"

    def namespace(self):
        name = self.fresh("space")
        self.keeper.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def is_ready(self, name):
        conditions = self.get_node(name).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def node(self, labels=None, provider_id=None):
        name = self.fresh("n")
        self.nodes.append(name)
        self.keeper.send("POST", "/api/v1/nodes", {
            "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", **(labels or {})}},
            "spec": {"providerID": provider_id} if provider_id else {}})
        # A node that is new bears a taint until its readiness was looked at.
        self.wait(f"node {name} is ready and without taints",
                  lambda: self.is_ready(name) and "taints" not in self.get_node(name)["spec"], 20)
        return name

    def pod(self, space, node="", labels=None):
        name = self.fresh("p")
        spec = {"containers": [{"name": "one", "image": "example.invalid/one"}]}
        if node:
            spec["nodeName"] = node
        self.keeper.send("POST", f"/api/v1/namespaces/{space}/pods", {
            "metadata": {"name": name, "labels": labels or {"app": name}}, "spec": spec})
        if node:
            self.wait(f"pod {name} runs", lambda: self.get_pod(space, name)["status"]["phase"] == "Running", 15)
        return name

    def budget(self, space, key, value, least):
        name = self.fresh("b")
        path = f"/apis/policy/v1/namespaces/{space}/poddisruptionbudgets"
        self.keeper.send("POST", path, {"metadata": {"name": name}, "spec": {
            "minAvailable": least, "selector": {"matchLabels": {key: value}}}})
        if not self.asleep:
            self.wait(f"budget {name} is processed", lambda: self.keeper.get(
                f"{path}/{name}").get("status", {}).get("observedGeneration") == 1, 15)
        return name

    asleep = False

    @contextlib.contextmanager
    def controllers_asleep(self):
        """The controller manager stands still: nobody processes a budget that is made in here."""
        process = dict(self.side.processes.running)["kube-controller-manager"]
        process.send_signal(signal.SIGSTOP)
        self.asleep = True
        try:
            yield
        finally:
            self.asleep = False
            process.send_signal(signal.SIGCONT)

    def compact(self):
        """Forgets what is old in etcd, and in the API server's cache by starting it anew."""
        self.namespace()
        revision = self.keeper.get("/api/v1/namespaces")["metadata"]["resourceVersion"]
        Http(f"http://127.0.0.1:{self.kube.etcd_port}").send("POST", "/v3/kv/compaction", {"revision": revision})
        self.kube.restart_apiserver()
        # One that has just started knows no roles for a moment, and refuses all that is not an administrator's.
        self.wait("it knows the roles", lambda: all(
            client.request("GET", f"{self.NODES}?limit=1").status == 200 for client in (self.read, self.write)), 30)

    def runner_pods(self, node):
        if node in self.machines:
            self.scheduler.name = node
            self.scheduler.bind()
        return super().runner_pods(node)

    def machine(self):
        name = self.node({"managed-by": "ebbtide", "kubernetes.io/hostname": "machine"}, "hcloud://1")
        self.machines.add(name)
        pod = self.wait(f"the runner pod of {name} runs", lambda: self.runner_pod(name), 30)
        time.sleep(0.5)
        return name, pod
