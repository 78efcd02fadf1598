"""A cloud in a box and a daemon over it: the simulator's three APIs on free ports, and `ebbtide run` with a generated
configuration, tokens of mode 0400, a paid hour of 20 s and all other times to its scale."""

import copy
import json
import os
import pathlib
import re
import signal
import time

import yaml

from programs import Failure, Http, Program, free_ports, wait_until, write_secret

BIN = pathlib.Path(os.environ.get("EBBTIDE_BIN", "build/debug/bin")).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOKENS = {(api, kind): f"{api}-{kind}-token" for api in ("gitea", "hetzner", "kube") for kind in ("read", "write")}
JOIN_TOKEN = "K10aa::server:join-secret"
APIS = ("gitea", "hetzner", "kube")

# The world's times, in milliseconds: a tenth to a twentieth of the real ones.
WORLD = {
    "billing-period-ms": 20000, "create-ms": 200, "boot-ms": 500, "join-ms": 300, "ready-ms": 200, "pod-start-ms": 200,
    "register-ms": 200, "runner-poll-ms": 400, "offline-ms": 2500, "busy-window-ms": 800, "cancel-lag-ms": 800,
    "zombie-ms": 6000, "sweep-period-ms": 3000, "pod-stop-ms": 200, "pod-grace-ms": 2000, "pod-gc-ms": 1500,
    "recreate-ms": 200, "not-ready-ms": 2000, "delete-ms": 300, "power-ms": 200, "jitter-permille": 100,
}

CONFIG = {
    "mode": "act",
    "gitea": {"poll_interval": "300ms", "fence_settle": "1s"},
    "hetzner": {"poll_interval": "300ms", "price_interval": "2s"},
    "kube": {"poll_interval": "300ms"},
    "billing": {"period": "20s", "window": "9s"},
    "life": {"idle_timeout": "1s", "idle_confirm": "1200ms", "provision_timeout": "9s", "create_grace": "2s",
             "drain_deadline": "2s", "remove_allowance": "1s", "action_deadline": "4s"},
    "trust": {"gitea_age_max": "3s", "hetzner_age_max": "3s", "kube_age_max": "3s"},
    "rails": {"max_servers": 5, "creates_per_minute": 50, "deletes_per_minute": 50, "max_hourly_cost": 20.00,
              "sold_out_pause": "2s", "offer_pause": "5s"},
    "http": {"allow_http_on_loopback": True, "connect_timeout": "2s", "total_timeout": "3s", "backoff_first": "100ms",
             "backoff_most": "1s"},
    "supervisor": {"heartbeat_timeout": "5s", "restart_first": "100ms", "restart_most": "500ms", "stop_timeout": "6s"},
    "pools": [{"name": "linux", "label_sets": [["linux"]], "max": 3,
               "offers": [{"server_type": "ccx33", "location": "nbg1"}], "server_url": "https://10.0.0.1:6443"}],
}


# Units of the configuration's durations.
UNIT_MS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000}
# What the witness allows for: from an action's last look to its call; how long an API may go unread.
RACE_MS, SILENCE_MS = 2000, 2000


def milliseconds(text):
    """"1200ms", "1s", "1m30s" as a number."""
    parts = re.findall(r"(\d+)(ms|s|m|h)", str(text))
    assert parts and "".join(number + unit for number, unit in parts) == str(text), text
    return sum(int(number) * UNIT_MS[unit] for number, unit in parts)


def witness_rules(config):
    """What a daemon with this configuration is held to; defaults are those of common/configuration.def."""
    life, rails, hour = config["life"], config["rails"], config["billing"]
    period, window = milliseconds(hour["period"]), milliseconds(hour["window"])
    notice = window + milliseconds(life["idle_timeout"]) + milliseconds(life["idle_confirm"])
    return {
        "cluster": config.get("cluster", "default"), "servers_max": rails["max_servers"],
        "hourly_micro_max": round(rails["max_hourly_cost"] * 1e6),
        "fence_settle_ms": milliseconds(config["gitea"]["fence_settle"]), "race_ms": RACE_MS,
        "demand_memory_ms": milliseconds(config["trust"]["gitea_age_max"]) + milliseconds(life["action_deadline"]),
        "provision_ms": milliseconds(life["provision_timeout"]), "notice_ms": notice,
        "bound_ms": period + 2 * notice, "silence_ms": SILENCE_MS,
        "pools": [{"name": pool["name"], "min": pool.get("min", 0), "max": pool["max"], "capacity": pool.get("capacity", 1),
                   "labels": sorted({label for labels in pool["label_sets"] for label in labels})}
                  for pool in config["pools"]],
    }


def merge(base, changes):
    """`base` with `changes` put in, tables into tables; None takes a key away."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


class Cloud:
    """Simulator and daemon of one test, in one folder. Nothing is started by making it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        ports = free_ports(5)
        self.ports = dict(zip((*APIS, "control", "monitor"), ports))
        self.programs = []
        self.simulator = self.daemon = None
        self.control = Http(f"http://127.0.0.1:{self.ports['control']}")
        self.apis = {api: Http(f"http://127.0.0.1:{self.ports[api]}", TOKENS[api, "write"],
                               "token" if api == "gitea" else "Bearer") for api in APIS}
        for http in self.apis.values():
            http.headers["X-By-Hand"] = "a test"  # the witness judges what the daemon does, not what a test does
        self.monitor = Http(f"http://127.0.0.1:{self.ports['monitor']}")
        self.config_file = self.folder / "ebbtide.yaml"
        self.config = None
        self._times_started = 0
        self.promises_judged = {}
        self.rules_of_witness = {}  # what a test changes of witness_rules
        self.bends_log = False  # a test that does says so
        self.breaks_promises = ()  # a test that lets promises be broken on purpose names them here

    # ---- starting and ending

    def start_simulator(self, *words, **times):
        """`times` changes WORLD: boot_ms=100."""
        world = dict(WORLD, **{key.replace("_", "-"): value for key, value in times.items()})
        arguments = [BIN / "ebbtide-simulator", "--control-port", self.ports["control"],
                     "--log", self.folder / "requests.jsonl", *words]
        for api in APIS:
            arguments += [f"--{api}-port", self.ports[api]]
            for kind in ("read", "write"):
                arguments += [f"--{api}-{kind}-token", TOKENS[api, kind]]
        for key, value in world.items():
            arguments += [f"--{key}", value]
        self.simulator = Program("ebbtide-simulator", arguments, self.folder / "simulator.log")
        self.programs.append(self.simulator)
        wait_until("the simulator answers", self.summary, 20, alive=[self.simulator])
        self.tell_witness()
        return self

    def write_config(self, in_force=True, **changes):
        """Writes the configuration and every secret; returns it as a table. `changes` is merged into it. Not in_force:
        the daemon is to refuse it, so nobody is held to it."""
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        config = copy.deepcopy(CONFIG)
        for api in ("gitea", "hetzner"):
            config[api]["url"] = f"http://127.0.0.1:{self.ports[api]}" + ("/v1" if api == "hetzner" else "")
            config[api]["token_file"] = write_secret(secrets / f"{api}-read", TOKENS[api, "read"] + "\n")
            config[api]["write_token_file"] = write_secret(secrets / f"{api}-write", TOKENS[api, "write"] + "\n")
        config["kube"]["kubeconfig_file"] = self.write_kubeconfig("read")
        config["kube"]["write_kubeconfig_file"] = self.write_kubeconfig("write")
        config["pools"][0]["cloud_init_file"] = str(ROOT / "deploy" / "cloud-init" / "k3s.yaml")
        config["pools"][0]["join_token_file"] = write_secret(secrets / "join", JOIN_TOKEN + "\n")
        config["files"] = {"state_dir": str(self.folder / "state"), "control_socket": str(self.folder / "control.sock")}
        config["monitor"] = {"listen_port": self.ports["monitor"]}
        (self.folder / "state").mkdir(exist_ok=True)
        self.config = merge(config, changes)
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")
        if in_force:
            self.tell_witness()
        return self.config

    def tell_witness(self):
        """Lets the simulator judge by this configuration from now on. What may still be under way by an older one is
        judged by the newer: a test that lowers a limit says so itself."""
        if self.simulator is not None and self.simulator.alive() and self.config is not None:
            self.control.send("PUT", "/witness", dict(witness_rules(self.config), **self.rules_of_witness))

    def write_kubeconfig(self, kind, url=None):
        url = url or f"http://127.0.0.1:{self.ports['kube']}"
        return write_secret(self.folder / "secrets" / f"kube-{kind}", yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "one",
            "clusters": [{"name": "one", "cluster": {"server": url}}],
            "users": [{"name": "one", "user": {"token": TOKENS["kube", kind]}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}]}))

    def spawn_daemon(self, binary=None):
        """Starts `ebbtide run` and does not wait for anything."""
        if not self.config_file.exists():
            self.write_config()
        self._times_started += 1
        self.daemon = Program("ebbtide", [binary or BIN / "ebbtide", "run", "--config", self.config_file],
                              self.folder / f"ebbtide-{self._times_started}.log")
        self.programs.append(self.daemon)
        return self.daemon

    def start_daemon(self, seconds=30, binary=None):
        """Starts it and waits until it is ready: it has had a whole picture of each API."""
        self.spawn_daemon(binary)
        self.wait_ready(seconds)
        return self

    def ready(self):
        return self.monitor.request("GET", "/readyz", seconds=3).status == 200

    def wait_ready(self, seconds=30):
        wait_until("the daemon is ready", self.ready, seconds, alive=[self.daemon])

    def stop_daemon(self, seconds=20):
        """SIGTERM, as systemd would; returns its exit status."""
        self.daemon.kill(signal.SIGTERM)
        return self.daemon.wait(seconds)

    def broken_promises(self):
        """What the simulator's witness saw; "" where all was kept, or nobody watched."""
        if self.simulator is None or not self.simulator.alive():
            return ""
        seen = self.control.get("/witness")
        self.promises_judged = seen.get("judged", {})
        return "\n".join(f"{one['time']} {one['promise']}: {one['sentence']} ({one['text']})"
                         for one in seen.get("broken", []))

    def hindered(self):
        """Tells the witness that a teardown may take longer: the test kills, stops or slows something."""
        self.control.send("POST", "/witness/hindered")

    def end(self):
        for program in reversed(self.programs):
            program.end(8 if program is self.daemon else 3)

    # ---- what is so

    def summary(self):
        return self.control.get("/summary")

    def requests(self, api=None, method=None, since=0):
        """The simulator's own log of requests, oldest first."""
        entries = self.control.get(f"/requests?since={since}")
        entries = entries["requests"] if isinstance(entries, dict) else entries
        return [one for one in entries if (api is None or one["api"] == api) and (method is None or
                                                                                one["method"] == method)]

    def changes(self, api=None):
        """All requests that were to change something."""
        return [one for one in self.requests(api) if one["method"] not in ("GET", "HEAD")]

    def servers(self):
        """Our servers at Hetzner, by name."""
        answer = self.apis["hetzner"].get("/v1/servers?per_page=50&label_selector=managed-by%3Debbtide")
        return {server["name"]: server for server in answer["servers"]}

    def nodes(self):
        """Our nodes in Kubernetes, by name."""
        answer = self.apis["kube"].get("/api/v1/nodes?labelSelector=managed-by%3Debbtide")
        return {node["metadata"]["name"]: node for node in answer["items"]}

    def pods(self):
        """The runner pods, by name."""
        answer = self.apis["kube"].get("/api/v1/namespaces/gitea-runners/pods")
        return {pod["metadata"]["name"]: pod for pod in answer["items"]}

    def runners(self):
        """All registered runners, by id."""
        answer = self.apis["gitea"].get("/api/v1/admin/actions/runners?limit=50")
        return {runner["id"]: runner for runner in answer["runners"]}

    def jobs(self, *states):
        """Jobs in these states of Gitea's API (queued, waiting, in_progress, completed; none: all), by id."""
        query = "".join(f"&status={state}" for state in states)
        answer = self.apis["gitea"].get(f"/api/v1/admin/actions/jobs?limit=50{query}")
        return {job["id"]: job for job in answer["jobs"]}

    def audit(self, own=False):
        """The audit log's lines: intents and outcomes, and (own) what it says of itself. A last line that is not whole
        yet is left out."""
        lines = []
        for path in sorted((self.folder / "state").glob("audit.jsonl*")):
            if not path.is_file():
                continue
            for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
                if line.strip("\0 "):
                    try:
                        lines.append(json.loads(line))
                    except ValueError:
                        pass
        return [line for line in lines if own or line.get("event") in ("intent", "outcome")]

    def metrics(self):
        """{'name{labels}': value}."""
        values = {}
        for line in self.monitor.request("GET", "/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def workers(self):
        """{role: pid} of the daemon's children, by the name each goes by in the process list."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError, ValueError):
                continue
            if parent == self.daemon.pid and words[0]:
                found[self._role(words)] = int(folder.name)
        return found

    @staticmethod
    def _role(words):
        name = os.path.basename(words[0].decode()).removeprefix("ebbtide-")
        rest = [word.decode() for word in words[1:] if word]
        return "-".join([name, *rest]) if name == "poller" else name

    # ---- making things happen

    def push(self, *jobs):
        """A run of jobs: each (labels, seconds) or a table of the control endpoint. Returns their ids."""
        described = [job if isinstance(job, dict) else {"labels": list(job[0]), "duration_ms": int(job[1] * 1000)}
                     for job in jobs]
        return self.control.send("POST", "/jobs", {"jobs": described})["jobs"]

    def fault(self, **rule):
        return self.control.send("POST", "/faults", rule)

    def heal(self):
        self.control.send("DELETE", "/faults")

    # ---- waiting

    def until(self, what, condition, seconds=30):
        return wait_until(what, condition, seconds, alive=[one for one in (self.simulator, self.daemon) if one])

    def until_empty(self, seconds=60):
        """Everything of ours is gone, in all three places."""
        self.until("no server, node, runner pod and runner of ours is left",
                   lambda: not self.servers() and not self.nodes() and not self.pods() and not self.runners(), seconds)

    def stays(self, what, condition, seconds):
        """The condition holds all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not condition():
                raise Failure(f"no longer so: {what}")
            time.sleep(0.2)

    def trouble(self):
        """The logs, for a test that failed."""
        parts = [f"---- {program.name} ({program.log})\n{program.tail()}" for program in self.programs]
        audit = "\n".join(json.dumps(line) for line in self.audit(own=True)[-40:])
        return "\n".join([*parts, f"---- audit log\n{audit}"])
