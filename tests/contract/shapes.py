"""What the fixtures offer to a case, whichever server is behind them: clients with the tokens that Ebbtide has, what is
asked over the API itself (the same on both sides), and the names of what each side must make happen in its own way.

May not: know the simulator or a real server."""

import collections
import time
import urllib.parse

from programs import Failure, Http, wait_until

NO_SUCH_ID = 999999
MERGE_PATCH = "application/merge-patch+json"
POD_LABEL = "app=gitea-actions-runner"

# How long things take on this side. online_s: a started daemon is seen. offline_*: a dead one is called online for so
# long. busy_s: how long `busy` outlives a job. zombie_s: a job without an update for so long is swept away.
# cancel_lag_s: a runner works on a cancelled job for at least so long. work_s: a job long enough to be seen running.
# long_work_s: one that outlives the window of `busy`. take_s: within that a free runner takes a job that is queued.
Bounds = collections.namedtuple(
    "Bounds", "online_s offline_least_s offline_most_s busy_s zombie_s cancel_lag_s work_s long_work_s take_s")

# Of one run: "owner/name" of its repository, its id, the ids of its jobs by name.
Run = collections.namedtuple("Run", "repository id ids")


class Job(collections.namedtuple("Job", "name labels seconds needs skipped", defaults=[(), False])):
    """One job of a workflow. `labels` None: no runs-on at all."""


class Shape:
    """Clients of one API: `read` has the poller's token, `write` the actuator's."""

    def __init__(self, base, read, write):
        self.base, self.read, self.write = base, read, write

    def wait(self, what, condition, seconds, pause=0.1):
        return wait_until(what, condition, seconds, pause=pause)

    def stays(self, what, condition, seconds, pause=0.2):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not condition():
                raise Failure(f"no longer so: {what}")
            time.sleep(pause)


class GiteaShape(Shape):
    """Each side adds: bounds, push(*jobs, owner), cancel(run), runner(*labels, name, started, ephemeral, repository),
    kill_runner(id) (whether its daemon lived), ordinary() (a client who is no site admin), hook(url, secret) (a system
    webhook for jobs, while the context lasts), trouble()."""

    JOBS = "/api/v1/admin/actions/jobs"
    RUNNERS = "/api/v1/admin/actions/runners"

    def with_token(self, token):
        return Http(self.base, token, "token")

    def jobs_path(self, run):
        return f"/api/v1/repos/{run.repository}/actions/jobs"

    def jobs(self, run, query=""):
        """Jobs of a run's repository by id."""
        return {job["id"]: job for job in self.read.get(f"{self.jobs_path(run)}?limit=50{query}")["jobs"]}

    def job(self, run, name):
        return self.read.get(f"{self.jobs_path(run)}/{run.ids[name]}")

    def is_running(self, run, name):
        job = self.job(run, name)
        return job if job["status"] == "in_progress" else None

    def is_over(self, run, name):
        job = self.job(run, name)
        return job if job["status"] == "completed" else None

    def runners(self, query=""):
        """All runners by id, in the order of the list."""
        return {one["id"]: one for one in self.read.get(f"{self.RUNNERS}?limit=50{query}")["runners"]}

    def fence(self, runner, disabled=True):
        return self.write.request("PATCH", f"{self.RUNNERS}/{runner}", {"disabled": disabled})

    def delete(self, runner):
        return self.write.request("DELETE", f"{self.RUNNERS}/{runner}")

    def sweep(self):
        """Gitea's search for lost jobs, now."""
        return self.write.request("POST", "/api/v1/admin/cron/stop_zombie_tasks")

    def wait_running(self, run, name, seconds=15):
        return self.wait(f"job {name} runs", lambda: self.is_running(run, name), seconds)

    def wait_swept(self, run, name):
        """The search for lost jobs, again and again, until the job is over."""
        return self.wait(f"job {name} is swept away", lambda: self.sweep() and self.is_over(run, name),
                         self.bounds.zombie_s + 15, pause=0.5)

    def wait_over(self, run, name, seconds=30):
        return self.wait(f"job {name} is over", lambda: self.is_over(run, name), seconds)


class KubeShape(Shape):
    """Each side adds: namespace(), node(labels, provider_id, ready), pod(space, node, labels, owner, phase),
    budget(space, key, value, least), controllers_asleep(), compact(), machine(), fresh(word), trouble(), grace_s,
    collected_least_s and collected_most_s (when pods of a node that is gone go)."""

    NODES = "/api/v1/nodes"

    def with_token(self, token):
        return Http(self.base, token, ca=getattr(self, "ca", None))

    def node_path(self, name):
        return f"{self.NODES}/{name}"

    def get_node(self, name):
        return self.read.get(self.node_path(name))

    def pod_path(self, space, name):
        return f"/api/v1/namespaces/{space}/pods/{name}"

    def get_pod(self, space, name):
        """The pod, or None."""
        answer = self.read.request("GET", self.pod_path(space, name))
        return answer.json() if answer.status == 200 else None

    def patch_node(self, name, body, content_type=MERGE_PATCH):
        """As the actuator sends it."""
        return self.write.request("PATCH", self.node_path(name), body, content_type)

    def evict(self, space, pod, uid=None, version="policy/v1"):
        """The actuator's Eviction; `uid` None: the pod's own."""
        if uid is None:
            found = self.get_pod(space, pod)
            uid = found["metadata"]["uid"] if found else "00000000-0000-4000-8000-000000000000"
        return self.write.request("POST", self.pod_path(space, pod) + "/eviction", {
            "apiVersion": version, "kind": "Eviction", "metadata": {"name": pod, "namespace": space},
            "deleteOptions": {"preconditions": {"uid": uid}}})

    def delete_node(self, name, uid=None):
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}} if uid else None
        return self.write.request("DELETE", self.node_path(name), options)

    def names(self, path, **query):
        """Names of a list, all pages of it."""
        found = []
        while True:
            answer = self.read.get(f"{path}?{urllib.parse.urlencode(query)}")
            found += [one["metadata"]["name"] for one in answer["items"]]
            query["continue"] = answer["metadata"].get("continue", "")
            if not query["continue"]:
                return found

    def runner_pods(self, node):
        query = urllib.parse.urlencode({"labelSelector": POD_LABEL})
        answer = self.read.get(f"/api/v1/namespaces/gitea-runners/pods?{query}")
        return [pod for pod in answer["items"] if pod["spec"].get("nodeName") == node]

    def runner_pod(self, node):
        """The node's runner pod that runs and is not ending, or None."""
        for pod in self.runner_pods(node):
            if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]:
                return pod["metadata"]["name"]
        return None


class HetznerShape(Shape):
    """Each side adds: sold_out(server_type, location), create_fails_later(), requests_left(n), trouble()."""

    def with_token(self, token):
        return Http(self.base, token)

    def create(self, name, client=None, **changes):
        body = {"name": name, "server_type": "ccx33", "image": "ubuntu-24.04", "location": "nbg1",
                "labels": {"managed-by": "ebbtide"}, **changes}
        return (client or self.write).request("POST", "/v1/servers", {k: v for k, v in body.items() if v is not None})
