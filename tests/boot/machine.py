"""A Debian tree that real systemd boots in (systemd-nspawn), and the package in it. All of it lives in the network namespace
that the tests run in (tests/boot/run makes it): the simulator beside the machine, so that it outlives a reboot."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import typing

import yaml

from cloud import CONFIG, JOIN_TOKEN, ROOT, TOKENS, Cloud, merge
from programs import Failure, Program, wait_until, write_secret

# Without these nspawn itself would refuse what the sandbox is made with. [systemd-nspawn(1), --system-call-filter]
SYSTEM_CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self @memlock memfd_secret"
BOOT_SECONDS = 60
CREDENTIALS = "/run/credentials/ebbtide.service"
SECRETS = "/etc/ebbtide/secrets"
WORKERS = {"ebbtide-dialer": "ebbtide-dialer", "ebbtide-actuator": "ebbtide-actuator",
           "ebbtide-reconciler": "ebbtide-reconciler", "ebbtide-monitor": "ebbtide-monitor",
           "ebbtide-poller gitea": "ebbtide-gitea", "ebbtide-poller hetzner": "ebbtide-hetzner",
           "ebbtide-poller kube": "ebbtide-kube"}
# Whom the dialer connects with which APIs.
CALLERS = {"ebbtide-poller gitea": {"gitea"}, "ebbtide-poller hetzner": {"hetzner"}, "ebbtide-poller kube": {"kube"},
           "ebbtide-actuator": {"gitea", "hetzner", "kube"}}


class Process:
    """One process of the service, as /proc inside shows it."""

    def __init__(self, pid, words, status, descriptors):
        self.pid, self.words, self.descriptors = pid, words, descriptors
        self.status = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        self.status = {key: value.strip() for key, value in self.status.items()}

    @property
    def name(self):
        return " ".join([os.path.basename(self.words[0]), *self.words[1:]])


class Internet(typing.NamedTuple):
    """A socket of the internet's, as the kernel lists it."""

    kind: str
    maker: int  # the user who made it, whoever holds it now
    remote_port: int  # 0: it is not connected


class Machine(Cloud):
    """The tree, booted or not; a Cloud whose daemon is the machine's service."""

    def __init__(self, folder, tree, nspawn):
        super().__init__(folder)
        self.tree, self.nspawn = pathlib.Path(tree), nspawn
        self.machine, self.leader, self.boots, self.audit_key = None, None, 0, ""

    # ---- the machine

    def boot(self):
        self.boots += 1
        environment = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
        self.machine = Program("systemd-nspawn", [
            *self.nspawn, "--quiet", "--directory", self.tree, "--boot", "--register=no", "--keep-unit", "--console=pipe",
            f"--system-call-filter={SYSTEM_CALLS}"], self.folder / f"machine-{self.boots}.log", environment)
        self.programs.append(self.machine)
        self.leader = wait_until("systemd runs", self.find_leader, 20, alive=[self.machine])
        wait_until("the machine has booted", lambda: self.run("systemctl", "is-system-running", check=False).strip() in (
            "running", "degraded"), BOOT_SECONDS, 0.5, [self.machine])

    def find_leader(self):
        """The machine's first process: a child of nspawn's, by now systemd."""
        children = pathlib.Path(f"/proc/{self.machine.pid}/task/{self.machine.pid}/children").read_text().split()
        return next((pid for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"), None)

    def power_off(self):
        self.run("systemctl", "poweroff", check=False)
        try:
            self.machine.wait(BOOT_SECONDS)
        finally:
            self.leader = None

    def end(self):
        if self.leader is not None and self.machine.alive():
            os.kill(int(self.leader), signal.SIGKILL)
            self.machine.process.wait(20)
        super().end()

    def run(self, *words, check=True, seconds=90):
        """What a command inside says; Failure where it fails."""
        done = subprocess.run(["nsenter", "--target", self.leader, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root",
                               "--wd", "--", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False, text=True)
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    def journal(self):
        return self.run("journalctl", "--no-pager", "-u", "ebbtide", check=False)

    # ---- the package

    def dpkg(self, *words):
        return self.run("dpkg", *words, seconds=120)

    def copy_in(self, path):
        shutil.copy(path, self.tree / "srv")
        return f"/srv/{os.path.basename(path)}"

    def user(self, name):
        """(uid, gid) inside."""
        for line in (self.tree / "etc/passwd").read_text(encoding="utf-8").splitlines():
            if line.split(":")[0] == name:
                return int(line.split(":")[2]), int(line.split(":")[3])
        return None

    # ---- the configuration

    def secret(self, place, name, text):
        """Into a file of /etc/ebbtide/secrets, for the daemon's user, or of credentials, for root."""
        path = self.tree / "etc/ebbtide" / place / name
        beside = path.with_name(f"{name}.new")
        write_secret(beside, text)
        if place == "secrets":
            os.chown(beside, *self.user("ebbtide"))
        os.rename(beside, path)

    def configure(self, **changes):
        """What the README tells an administrator: reading tokens as files, writing ones as systemd credentials."""
        (self.folder / "secrets").mkdir(exist_ok=True)
        kube = {kind: pathlib.Path(self.write_kubeconfig(kind)).read_text(encoding="utf-8") for kind in ("read", "write")}
        for api in ("gitea", "hetzner"):
            self.secret("secrets", f"{api}-read", TOKENS[api, "read"] + "\n")
            self.secret("credentials", f"{api}-write", TOKENS[api, "write"] + "\n")
        self.secret("secrets", "kube-read", kube["read"])
        self.secret("credentials", "kube-write", kube["write"])
        self.secret("credentials", "k3s-join", JOIN_TOKEN + "\n")
        shipped = (ROOT / "deploy/systemd/credentials.conf").read_text(encoding="utf-8")
        drop_in = re.sub(r"LoadCredential=\S*-read\S*\n", "", shipped)
        (self.tree / "etc/systemd/system/ebbtide.service.d/credentials.conf").write_text(drop_in, encoding="utf-8")
        self.run("systemctl", "daemon-reload")
        self.write_inside(merge(CONFIG, {
            "gitea": {"url": f"http://127.0.0.1:{self.ports['gitea']}", "token_file": f"{SECRETS}/gitea-read",
                      "write_token_file": f"{CREDENTIALS}/gitea-write"},
            "hetzner": {"url": f"http://127.0.0.1:{self.ports['hetzner']}/v1", "token_file": f"{SECRETS}/hetzner-read",
                        "write_token_file": f"{CREDENTIALS}/hetzner-write"},
            "kube": {"kubeconfig_file": f"{SECRETS}/kube-read", "write_kubeconfig_file": f"{CREDENTIALS}/kube-write"},
            "pools": [dict(CONFIG["pools"][0], cloud_init_file="/usr/share/ebbtide/cloud-init/k3s.yaml",
                           join_token_file=f"{CREDENTIALS}/k3s-join")],
            "monitor": {"listen_port": self.ports["monitor"]},
            "files": {"control_group": "ebbtide"},
        }), **changes)

    def write_inside(self, config, in_force=True, **changes):
        """Not in_force: the daemon is to refuse it, so nobody is held to it."""
        config = merge(config, changes)
        (self.tree / "etc/ebbtide/ebbtide.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        if in_force:
            self.config = config
            self.tell_witness()

    # ---- the service

    def property(self, name):
        return self.run("systemctl", "show", "--value", "-p", name, "ebbtide").strip()

    def active(self):
        return self.property("ActiveState") == "active"

    def until_ready(self, seconds=40):
        wait_until("the daemon is ready", self.ready, seconds, alive=[self.machine, self.simulator])

    def processes(self):
        """{name: Process} of all processes of the service."""
        found = {}
        pids = self.run("cat", "/sys/fs/cgroup/system.slice/ebbtide.service/cgroup.procs").split()
        for pid in pids:
            words, status = (self.run("cat", f"/proc/{pid}/{one}", check=False) for one in ("cmdline", "status"))
            links = self.run("sh", "-c", f"for f in /proc/{pid}/fd/*; do readlink $f; done", check=False).splitlines()
            if "\0" not in words or "Uid:" not in status:
                continue  # it has ended meanwhile
            process = Process(pid, words.split("\0")[:-1], status, links)
            found["supervisor" if process.words[1:2] == ["run"] else process.name] = process
        return found

    def internet_sockets(self):
        """{inode: Internet} of all sockets of the network that the machine's processes are in. [proc(5), /proc/net/tcp]"""
        found = {}
        for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "udplite", "udplite6"):
            for line in self.run("sh", "-c", f"cat /proc/net/{kind} 2> /dev/null", check=False).splitlines()[1:]:
                words = line.split()
                found[words[9]] = Internet(kind, int(words[7]), int(words[2].rpartition(":")[2], 16))
        return found

    def audit(self, own=False):
        text = self.run("sh", "-c", "cat /var/lib/ebbtide/audit.jsonl*", check=False) if self.leader else ""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        (state / "audit.jsonl").write_text(text, encoding="utf-8")
        return super().audit(own)

    def until(self, what, condition, seconds=30):
        return wait_until(what, condition, seconds, alive=[self.simulator, self.machine])
