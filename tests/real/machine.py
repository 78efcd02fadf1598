#!/usr/bin/python3
"""Plays the machine behind a rented server: the simulator's boot and delete hooks call it.

  machine.py boot     makes the Kubernetes node NAME of server ID, then, as its kubelet would, runs a real runner
                      for each runner pod on it, for as long as the pod is there
  machine.py delete   cuts the power: the runners die at once

NAME and ID come in the environment, as the simulator gives them; EBBTIDE_TEST_MACHINES is the folder with
settings.json (what to reach and run) and one folder a machine. `boot` stays in the foreground until the power is cut.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import servers  # noqa: E402  (beside this file)

RUNNER_CONFIG = {"log": {"level": "info"}, "cache": {"enabled": False},
                 "runner": {"file": ".runner", "capacity": 1, "fetch_interval": "1s", "fetch_timeout": "5s",
                            "shutdown_timeout": "30s"}}


class Machine:
    """One server that has booted."""

    def __init__(self, folder, settings, name, server_id):
        self.folder, self.settings, self.name, self.server_id = folder, settings, name, server_id
        self.kube = servers.Api(settings["kube_url"], settings["kube_token"], ca=settings["kube_ca"])
        self.runners = {}

    def join(self):
        self.kube.call("POST", "/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": {"managed-by": "ebbtide", "kubernetes.io/os": "linux",
                                                       "kubernetes.io/hostname": self.name}},
            "spec": {"providerID": f"hcloud://{self.server_id}"}}, accept_errors=(409,))

    def pods(self):
        """Runner pods on this node that run and are not asked to end."""
        answer = self.kube.call("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.name}"
                                       "&labelSelector=app%3Dgitea-actions-runner")
        return {pod["metadata"]["name"] for pod in answer["items"]
                if pod.get("status", {}).get("phase") == "Running"
                and "deletionTimestamp" not in pod["metadata"]}

    def bind(self):
        """Plays the scheduler, which is not among the real servers: a DaemonSet names the node of each of its pods."""
        answer = self.kube.call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D"
                                       "&labelSelector=app%3Dgitea-actions-runner")
        for pod in answer["items"]:
            if f'"values": ["{self.name}"]' not in json.dumps(pod["spec"].get("affinity", {})):
                continue
            name, space = pod["metadata"]["name"], pod["metadata"]["namespace"]
            self.kube.call("POST", f"/api/v1/namespaces/{space}/pods/{name}/binding", {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": self.name}}, accept_errors=(404, 409))

    def start_runner(self, pod):
        folder = self.folder / pod
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(json.dumps(
            {**RUNNER_CONFIG, "host": {"workdir_parent": str(folder / "work")}}))
        env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        log = open(folder / "runner.log", "ab")
        program = self.settings["act_runner"]
        subprocess.run([program, "register", "--no-interactive", "--config", "config.yaml", "--instance",
                        self.settings["gitea_url"], "--token", self.settings["registration_token"], "--name", pod,
                        "--labels", self.settings["labels"]],
                       cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=60)
        self.runners[pod] = subprocess.Popen([program, "daemon", "--config", "config.yaml"], cwd=folder, env=env,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def keep(self):
        """One look, as the kubelet does: a runner a pod, none without."""
        self.bind()
        pods = self.pods()
        for pod in pods - self.runners.keys():
            self.start_runner(pod)
        for pod in self.runners.keys() - pods:
            process = self.runners.pop(pod)
            process.terminate()
            process.wait(60)


def boot(folder, settings):
    folder.mkdir(parents=True)
    # The machine's whole process group dies with the power (see `delete`); who leads one already need not begin one.
    if os.getpgrp() != os.getpid():
        os.setsid()
    (folder / "pid").write_text(str(os.getpid()))
    machine = Machine(folder, settings, os.environ["NAME"], os.environ["ID"])
    time.sleep(settings["boot_seconds"])
    machine.join()
    while True:
        try:
            machine.keep()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"{machine.name}: {error}", file=sys.stderr, flush=True)
        time.sleep(0.5)


def delete(folder):
    try:
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
    for work in folder.glob("*/work"):
        shutil.rmtree(work, ignore_errors=True)


def main():
    machines = pathlib.Path(os.environ["EBBTIDE_TEST_MACHINES"])
    settings = json.loads((machines / "settings.json").read_text())
    folder = machines / os.environ["NAME"]
    if sys.argv[1:] == ["boot"]:
        boot(folder, settings)
    elif sys.argv[1:] == ["delete"]:
        delete(folder)
    else:
        sys.exit("usage: NAME=... ID=... EBBTIDE_TEST_MACHINES=... machine.py boot|delete")


if __name__ == "__main__":
    main()
