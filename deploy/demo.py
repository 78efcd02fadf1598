#!/usr/bin/python3
"""The show of deploy/demo: starts the simulator and the daemon on free ports of loopback, shows the table of nodes for a
while, ends both in order and prints what came of it.

    deploy/demo.py BIN_FOLDER SECONDS PERIOD_MS

In a terminal `ebbtide status --watch` draws the table; elsewhere a plain line every few seconds. Python's standard library
only: the demo is to run where nothing but the build's packages is installed."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACE = ROOT / "simulator" / "data" / "demo.csv"
APIS = ("gitea", "hetzner", "kube")
LINE_EVERY_S = 5

# A minute stands for an hour, so everything that takes minutes in the real world takes seconds here.
CONFIG = """\
mode: act
gitea:
  url: http://127.0.0.1:{gitea}
  token_file: {folder}/gitea-read
  write_token_file: {folder}/gitea-write
  poll_interval: 500ms
  fence_settle: 2s
hetzner:
  url: http://127.0.0.1:{hetzner}/v1
  token_file: {folder}/hetzner-read
  write_token_file: {folder}/hetzner-write
  poll_interval: 500ms
kube:
  kubeconfig_file: {folder}/kube-read
  write_kubeconfig_file: {folder}/kube-write
  poll_interval: 500ms
pools:
  - name: linux
    label_sets: [[linux]]
    max: 5
    offers: [{{server_type: ccx33, location: nbg1}}]
    cloud_init_file: {root}/deploy/cloud-init/k3s.yaml
    server_url: https://10.0.0.1:6443
    join_token_file: {folder}/k3s-join
billing: {{period: {period_ms}ms, window: 20s}}
life: {{idle_timeout: 1s, idle_confirm: 2s, provision_timeout: 30s, create_grace: 5s, drain_deadline: 2s, remove_allowance: 1s}}
rails: {{max_servers: 5, max_hourly_cost: 5.00, creates_per_minute: 60, deletes_per_minute: 60}}
http: {{allow_http_on_loopback: true}}
files: {{state_dir: {folder}/state, control_socket: {folder}/control.sock}}
monitor: {{listen_port: {monitor}}}
"""
WORLD = {"create-ms": 500, "boot-ms": 2500, "join-ms": 1500, "ready-ms": 500, "pod-start-ms": 500, "register-ms": 500,
         "runner-poll-ms": 700, "busy-window-ms": 1500, "offline-ms": 5000, "pod-stop-ms": 500, "pod-grace-ms": 3000,
         "delete-ms": 800, "recreate-ms": 500}


class Trouble(Exception):
    """Something that ends the demo with a sentence."""


def free_ports(names):
    """{name: port}: ports of 127.0.0.1 that nobody listens on, all different."""
    sockets = {name: socket.socket() for name in names}
    for one in sockets.values():
        one.bind(("127.0.0.1", 0))
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports


def write_secret(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def write_files(folder, ports, period_ms):
    """Configuration, tokens and kubeconfigs, as a user would have them."""
    (folder / "state").mkdir()
    for kind in ("read", "write"):
        for api in ("gitea", "hetzner"):
            write_secret(folder / f"{api}-{kind}", f"demo-{api}-{kind}\n")
        write_secret(folder / f"kube-{kind}", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "demo",
            "clusters": [{"name": "demo", "cluster": {"server": f"http://127.0.0.1:{ports['kube']}"}}],
            "users": [{"name": "demo", "user": {"token": f"demo-kube-{kind}"}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}]}))
    write_secret(folder / "k3s-join", "K10demo::server:demo\n")
    (folder / "ebbtide.yaml").write_text(
        CONFIG.format(folder=folder, root=ROOT, period_ms=period_ms, **ports), encoding="utf-8")


class Show:
    """Both programs, and what is shown of them."""

    def __init__(self, binaries, seconds, period_ms):
        self.binaries, self.seconds, self.period_ms = pathlib.Path(binaries), seconds, period_ms
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ebbtide-demo-"))
        self.ports = free_ports((*APIS, "control", "monitor"))
        self.config = self.folder / "ebbtide.yaml"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        write_files(self.folder, self.ports, period_ms)
        self.running = []

    def start(self, name, arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            # A session of its own: Ctrl-C reaches this script alone, which ends the others in order.
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(word) for word in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.running.append((name, process))
        return process

    def check_alive(self):
        for name, process in self.running:
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise Trouble(f"{name} ended with {process.returncode}; its last lines:\n"
                              + "\n".join(log.splitlines()[-15:]))

    def get(self, port, path):
        with self.opener.open(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=5) as answer:
            return answer.read()

    def wait_for(self, what, port, path, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                self.get(port, path)
                return
            except OSError as error:
                self.check_alive()
                if time.monotonic() > end:
                    raise Trouble(f"{what} did not answer within {seconds} s: {error}; logs: {self.folder}") from None
            time.sleep(0.2)

    def begin(self):
        arguments = [self.binaries / "ebbtide-simulator", "--control-port", self.ports["control"],
                     "--billing-period-ms", self.period_ms, "--workload", TRACE, "--log", self.folder / "requests.jsonl"]
        for api in APIS:
            arguments += [f"--{api}-port", self.ports[api], f"--{api}-read-token", f"demo-{api}-read",
                          f"--{api}-write-token", f"demo-{api}-write"]
        for key, value in WORLD.items():
            arguments += [f"--{key}", value]
        self.start("simulator", arguments)
        self.wait_for("the simulator", "control", "/summary", 15)
        self.start("ebbtide", [self.binaries / "ebbtide", "run", "--config", self.config])
        self.wait_for("ebbtide", "monitor", "/readyz", 30)

    def summary(self):
        return json.loads(self.get("control", "/summary"))

    def plain_line(self, began):
        now = self.summary()
        print(f"{time.monotonic() - began:4.0f} s  servers {now['servers_now']}  jobs: {now['jobs_running']} running, "
              f"{now['jobs_queued']} waiting, {now['jobs_completed']} done  paid hours {now['paid_periods']}  "
              f"{now['cost_microeuro'] / 1e6:.3f} EUR", flush=True)

    def watch(self):
        """Shows the fleet until the time is over."""
        began = time.monotonic()
        table = None
        if sys.stdout.isatty():
            table = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(self.binaries / "ebbtide"), "status", "--config", str(self.config), "--watch"],
                stdin=subprocess.DEVNULL)
        try:
            next_line = began
            while time.monotonic() - began < self.seconds:
                self.check_alive()
                if table is None and time.monotonic() >= next_line:
                    self.plain_line(began)
                    next_line += LINE_EVERY_S
                time.sleep(0.5)
        finally:
            if table is not None:
                table.terminate()
                table.wait(5)

    def end(self):
        """Daemon first, cloud last; returns False where one had to be killed."""
        orderly = True
        for name, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
                print(f"demo: {name} did not end by itself; its log: {self.folder}/{name}.log", file=sys.stderr)
                orderly = False
        return orderly

    def print_summary(self, now):
        paid_s = now["paid_ms"] / 1000
        print(f"""
jobs run            {now['jobs_completed']}  ({now['jobs_succeeded']} well, {now['jobs_failed']} failed, {now['jobs_lost']} lost with their machine)
when time was over  {now['jobs_running']} running, {now['jobs_queued']} waiting, {now['jobs_blocked']} blocked; {now['servers_now']} servers still there
wait for a machine  median {now['wait_median_ms'] / 1000:.1f} s, p95 {now['wait_p95_ms'] / 1000:.1f} s
servers rented      {now['servers_rented']}, at most {now['servers_max']} at once
paid hours          {now['paid_periods']} of {self.period_ms // 1000} s each ({paid_s:.0f} s), {now['cost_microeuro'] / 1e6:.3f} EUR
paid time used      {100 * now['paid_share_used']:.0f} %
audit log           {self.folder}/state/audit.jsonl
other logs          {self.folder}/ebbtide.log, {self.folder}/requests.jsonl""")

    def print_what_stays(self):
        print(f"what stays          {self.folder} with all of the above; to remove it: rm -rf {self.folder}")


def interrupted(*_):
    raise KeyboardInterrupt


def main(binaries, seconds, period_ms):
    show = Show(binaries, float(seconds), int(period_ms))
    signal.signal(signal.SIGTERM, interrupted)
    status, summary = 0, None
    try:
        show.begin()
        show.watch()
    except KeyboardInterrupt:
        print("\ndemo: interrupted; ending both programs", file=sys.stderr)
        status = 130
    except Trouble as trouble:
        print(f"demo: {trouble}", file=sys.stderr)
        status = 1
    # A second Ctrl-C must not leave a program behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        summary = show.summary()
    except (OSError, ValueError) as error:
        print(f"demo: no summary: {error}", file=sys.stderr)
    if not show.end() and status == 0:
        status = 1
    if summary is not None:
        show.print_summary(summary)
    show.print_what_stays()
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
