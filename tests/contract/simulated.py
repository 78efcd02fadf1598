"""The simulator behind the fixtures' interface: a world of its own for each case, times some twenty times shorter than
the real ones, and things made to happen over the control endpoint."""

import contextlib
import itertools

from cloud import TOKENS, Cloud
from programs import Http
from shapes import Bounds, GiteaShape, HetznerShape, KubeShape, Run

WORLD = {"offline_ms": 2500, "busy_window_ms": 2000, "cancel_lag_ms": 2000, "zombie_ms": 1500, "pod_gc_ms": 1500,
         "sweep_period_ms": 600000}
MS = 1000


class Side:
    """Makes one simulator a case."""

    @contextlib.contextmanager
    def _of(self, shape, folder, *words):
        cloud = Cloud(folder)
        try:
            cloud.start_simulator(*words, **WORLD)
            yield shape(cloud)
        finally:
            cloud.end()

    def gitea(self, folder):
        return self._of(Gitea, folder)

    def kube(self, folder):
        return self._of(Kube, folder)

    def hetzner(self, folder):
        return self._of(Hetzner, folder, "--no-control-plane")


class Gitea(GiteaShape):
    bounds = Bounds(online_s=2, offline_least_s=1.5, offline_most_s=4, busy_s=2.0, zombie_s=1.5, cancel_lag_s=1.0,
                    work_s=1, long_work_s=7, take_s=1.5)

    def __init__(self, cloud):
        self.cloud = cloud
        self.numbers = itertools.count(1)
        base = cloud.apis["gitea"].base
        super().__init__(base, Http(base, TOKENS["gitea", "read"], "token"), cloud.apis["gitea"])

    def trouble(self):
        return self.cloud.trouble()

    def fresh(self, word):
        return f"{word}{next(self.numbers)}"

    def push(self, *jobs, owner="acme"):
        name = f"app{next(self.numbers)}"
        described = [{"name": job.name, "labels": list(job.labels or ()), "duration_ms": int(job.seconds * MS),
                      "needs": [[one.name for one in jobs].index(needed) for needed in job.needs],
                      "skip": job.skipped} for job in jobs]
        answer = self.cloud.control.send("POST", "/jobs", {"owner": owner, "repo": name, "jobs": described})
        ids = dict(zip((job.name for job in jobs), answer["jobs"]))
        return Run(f"{owner}/{name}", answer["run"], ids)

    def cancel(self, run):
        for job in run.ids.values():
            self.cloud.control.send("POST", f"/jobs/{job}/cancel")

    def runner(self, *labels, name=None, started=True, ephemeral=False, repository=None):
        body = {"name": name or f"r{next(self.numbers)}", "labels": list(labels), "started": started,
                "ephemeral": ephemeral}
        if repository is not None:
            body["owner"], body["repo"] = repository.split("/")
        return self.cloud.control.send("POST", "/runners", body)["id"]

    def kill_runner(self, runner):
        return self.cloud.control.request("POST", f"/runners/{runner}/kill").status == 200

    @contextlib.contextmanager
    def hook(self, url, secret):
        self.cloud.control.send("PUT", "/gitea", {"webhook_url": url, "webhook_secret": secret})
        try:
            yield
        finally:
            self.cloud.control.send("PUT", "/gitea", {"webhook_url": ""})

    def ordinary(self):
        self.cloud.control.send("PUT", "/gitea", {"site_admin": False})
        return self.read


class Kube(KubeShape):
    grace_s = 5

    def __init__(self, cloud):
        self.cloud = cloud
        base = cloud.apis["kube"].base
        super().__init__(base, Http(base, TOKENS["kube", "read"]), cloud.apis["kube"])
        self.numbers = itertools.count(1)
        self.collected_least_s, self.collected_most_s = 1.0, 5

    def trouble(self):
        return self.cloud.trouble()

    def fresh(self, word):
        return f"{word}{next(self.numbers)}"

    def namespace(self):
        return self.fresh("space")

    def node(self, labels=None, provider_id=None):
        name = self.fresh("n")
        body = {"name": name, "labels": labels or {}}
        if provider_id is not None:
            body["provider_id"] = provider_id
        self.cloud.control.send("POST", "/nodes", body)
        return name

    def pod(self, space, node="", labels=None):
        name = self.fresh("p")
        self.cloud.control.send("POST", "/pods", {
            "namespace": space, "name": name, "node": node, "owner": "none", "labels": labels or {"app": name},
            "phase": "Running" if node else "Pending"})
        return name

    def budget(self, space, key, value, least, processed=True):
        name = self.fresh("b")
        self.cloud.control.send("POST", "/budgets", {
            "namespace": space, "name": name, "label_key": key, "label_value": value, "min_available": least,
            "processed": processed})
        return name

    @contextlib.contextmanager
    def controllers_asleep(self):
        """Budgets that are made in here are not processed: the simulator is told so at each."""
        made = self.budget
        self.budget = lambda *words: made(*words, processed=False)
        try:
            yield
        finally:
            del self.budget

    def compact(self):
        self.cloud.control.send("POST", "/kube/compact")

    def machine(self):
        """A node that was rented, with its DaemonSet's runner pod running: (node, pod)."""
        name = self.fresh("machine")
        self.cloud.apis["hetzner"].send("POST", "/v1/servers", {
            "name": name, "server_type": "ccx33", "image": "ubuntu-24.04", "location": "nbg1",
            "labels": {"managed-by": "ebbtide"},
            "user_data": "#cloud-config\nruncmd:\n  - curl | sh -s - agent --node-label managed-by=ebbtide\n"})
        return name, self.wait(f"the runner pod of {name} runs", lambda: self.runner_pod(name), 15)


class Hetzner(HetznerShape):
    def __init__(self, cloud):
        self.cloud = cloud
        base = cloud.apis["hetzner"].base
        super().__init__(base, Http(base, TOKENS["hetzner", "read"]), cloud.apis["hetzner"])

    def trouble(self):
        return self.cloud.trouble()

    def sold_out(self, server_type, location):
        self.cloud.control.send("POST", "/sold-out", {"server_type": server_type, "location": location})

    def create_fails_later(self):
        self.cloud.control.send("POST", "/trouble", {"trouble": "create_fails"})

    def requests_left(self, remaining):
        self.cloud.control.send("PUT", "/hetzner/requests", {"remaining": remaining})
