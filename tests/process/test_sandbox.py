"""The sandbox around each process: what /proc shows of it from outside, that a whole life fits into it, and that a part
that is missing is said, or is fatal where it is required."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from cloud import APIS, BIN, Cloud
from doors import TlsDoor, certificate
from names import NameServer
from programs import Program

WORKERS = ("poller-gitea", "poller-hetzner", "poller-kube", "reconciler", "actuator", "dialer", "monitor")
CALLERS = WORKERS[:3] + ("actuator",)
NOBODY = 61007  # a number that nobody has, for a daemon that is not root
PACKAGE_CAPABILITIES = "+setuid,+setgid,+kill"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can give each worker a user of its own")


def parts_here(*words):
    """{part: whether this machine has it}, as `ebbtide check-host` says."""
    said = subprocess.run([*words, str(BIN / "ebbtide"), "check-host", "--json"], capture_output=True, text=True,
                          check=True, timeout=20).stdout
    return {part["part"]: part["here"] for part in json.loads(said)["parts"]}


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def limits_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:47].strip() for line in lines}


def descriptors_of(pid):
    """{number: what it is}; one that was closed meanwhile is left out."""
    found = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(link.name)] = os.readlink(link)
        except FileNotFoundError:
            pass
    return found


def inodes(table):
    """Of all sockets of one kind."""
    return {line.split()[9 if table in ("tcp", "tcp6", "udp", "udp6") else 6]
            for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]}


def may_have(cloud, role):
    """A pattern of what the descriptors of a worker may be."""
    state = re.escape(str(cloud.folder / "state"))
    kinds = [r"socket:\[\d+\]", r"anon_inode:\[eventpoll\]", r"pipe:\[\d+\]"]  # libevent wakes its loop by a pipe
    if role in CALLERS:
        kinds.append(r"anon_inode:\[eventfd\]")  # newer libcurl: as libevent's pipe
    if role == "reconciler":
        kinds += [rf"{state}/checkpoint\.[01]", rf"{state}/capture\.\d+"]
    if role == "actuator":
        kinds.append(rf"{state}/audit\.jsonl(\.\d+)?")
    return re.compile("|".join(kinds))


def look_at_descriptors(cloud, role, pid):
    descriptors = descriptors_of(pid)
    assert descriptors.pop(0) == descriptors.pop(1) == "/dev/null"
    assert descriptors.pop(2) == cloud.daemon.log, "2 is the log"
    wrong = {number: what for number, what in descriptors.items() if not may_have(cloud, role).fullmatch(what)}
    assert not wrong, f"{role} holds more than it needs: {wrong}"
    internet = set().union(*(inodes(table) for table in ("tcp", "tcp6", "udp", "udp6")))
    held = {what[8:-1] for what in descriptors.values() if what.startswith("socket:")} & internet
    assert role in (*CALLERS, "monitor") or not held, f"{role} holds a socket to the network"


def look_at(cloud, role, pid):
    status = status_of(pid)
    assert status["Seccomp"] == "2" and int(status["Seccomp_filters"]) >= 2, role
    assert status["NoNewPrivs"] == "1", role
    assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}, role
    assert status["Groups"] == "", role
    users = set(status["Uid"].split())
    assert len(users) == 1 and users != {"0"}, role
    assert set(status["Gid"].split()) == users, role
    limits = limits_of(pid)
    assert limits["Max core file size"] == "0", role
    assert int(limits["Max open files"]) <= 1280, role
    look_at_descriptors(cloud, role, pid)
    return users.pop()


def look_at_all(cloud):
    """Each worker by its status, and no two with one user."""
    workers = cloud.workers()
    assert sorted(workers) == sorted(WORKERS)
    users = [look_at(cloud, role, pid) for role, pid in workers.items()]
    assert len(set(users)) == len(WORKERS), "each worker has a user of its own"


@needs_root
def test_a_whole_life_fits_into_the_sandbox(cloud):
    """Every part that the machine has is required; reload, rotation, renewal, deaths: all of it goes on inside."""
    here = [part for part, there in parts_here().items() if there]
    cloud.start_simulator()
    cloud.write_config(sandbox={"required": here}, capture={"enabled": True, "segment": "64KiB", "keep": "256KiB"},
                       files={"audit_max": "64KiB", "audit_reserve": "4KiB"})
    cloud.start_daemon()
    look_at_all(cloud)
    supervisor = status_of(cloud.daemon.pid)
    assert supervisor["Seccomp"] == "2" and supervisor["NoNewPrivs"] == "1"
    assert int(supervisor["CapBnd"], 16) & ~0x5ef == 0, "the supervisor keeps what it needs, and no more"
    cloud.push((["linux"], 2), (["linux"], 1))
    cloud.until("a job runs", lambda: cloud.jobs("in_progress"))
    cloud.write_config(**{key: cloud.config[key] for key in ("sandbox", "capture", "files")}, life={"idle_timeout": "2s"})
    cloud.daemon.kill(signal.SIGHUP)  # every secret was written anew: all are renewed, inside
    cloud.until("the reload is in force", lambda: "idle_timeout" in cloud.daemon.text())
    for role in WORKERS:
        pid = cloud.workers()[role]
        cloud.hindered()
        os.kill(pid, signal.SIGKILL)
        cloud.until(f"another {role} runs", lambda role=role, pid=pid: cloud.workers().get(role) not in (None, pid))
    cloud.until("the daemon is ready again", cloud.ready)
    cloud.until("both jobs have run", lambda: cloud.summary()["jobs_succeeded"] == 2)
    cloud.until_empty()
    cloud.until("the capture has got another segment, by its size", lambda: (cloud.folder / "state" / "capture.000003").exists(), 40)
    look_at_all(cloud)
    text = cloud.daemon.text()
    assert len(re.findall("in force: limits, .*seccomp", text)) >= 13, "each start says what is in force"
    assert "Function not implemented" not in text, "nothing that is needed is refused"
    assert cloud.stop_daemon() == 0


@pytest.fixture(name="named")
def make_named(cloud):
    """The cloud behind TLS under names, which a name server of the test's own knows; the daemon sees its resolv.conf in a
    mount namespace."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can make the mount namespace in which resolv.conf is another")
    cloud.start_simulator()
    authority, key = certificate(cloud.folder / "pki", "right", "DNS:git.example.test,DNS:hetzner.example.test")
    with TlsDoor(authority, key, cloud.ports["gitea"]) as gitea, TlsDoor(authority, key, cloud.ports["hetzner"]) as hetzner, \
            NameServer({"git.example.test": "127.0.0.1", "hetzner.example.test": "127.0.0.1"}) as server:
        cloud.write_config(mode="observe", billing={"period": "1h", "window": "5m"},
                           gitea={"url": f"https://git.example.test:{gitea.port}", "ca_file": str(authority)},
                           hetzner={"url": f"https://hetzner.example.test:{hetzner.port}/v1", "ca_file": str(authority)})
        resolv_conf = cloud.folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver 127.0.0.1:{server.port}\n")
        yield cloud, server, resolv_conf


def test_names_are_asked_from_inside(named):
    cloud, server, resolv_conf = named
    mount = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    cloud.daemon = Program("ebbtide", ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh", resolv_conf,
                                       BIN / "ebbtide", "run", "--config", cloud.config_file],
                           cloud.folder / "ebbtide-1.log")
    cloud.programs.append(cloud.daemon)
    cloud.wait_ready()
    assert {"git.example.test", "hetzner.example.test"} <= server.asked
    with NameServer(server.addresses) as other:
        resolv_conf.write_text(f"nameserver 127.0.0.1:{other.port}\n")
        cloud.until("the dialer has heard of it", lambda: "dialer gets its files again" in cloud.daemon.text())
        for role in ("poller-gitea", "poller-hetzner"):  # connections that are open are used as long as they hold
            os.kill(cloud.workers()[role], signal.SIGKILL)
        cloud.until("another name server is asked", lambda: other.asked == server.asked)
    cloud.stays("the pictures stay fresh", cloud.ready, 3)
    assert "Function not implemented" not in cloud.daemon.text()


def test_a_death_by_the_sandbox_is_explained(running):
    os.kill(running.workers()["poller-kube"], signal.SIGSYS)
    running.until("the log explains it", lambda: re.search(
        r"poller-kube \(process \d+\) was killed by its sandbox \(SIGSYS\).*docs/sandbox.md", running.daemon.text()))
    running.until("another one runs", lambda: "poller-kube" in running.workers() and running.ready())


# ------------------------------------------------------------------------------------- not root

@pytest.fixture(name="outsider")
def make_outsider():
    """(cloud, start): a cloud in a folder that belongs to a user who is not root; start(capabilities) begins the daemon."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can start a daemon as somebody else")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ebbtide-test-"))
    folder.chmod(0o755)
    cloud = Cloud(folder)
    cloud.start_simulator()

    def start(capabilities="", **changes):
        cloud.write_config(**changes)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
        rights = [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"] if capabilities else ["--inh-caps=-all"]
        bounding = f"--bounding-set=-all,{capabilities}" if capabilities else "--bounding-set=-all"
        cloud.daemon = Program("ebbtide", ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights,
                                           bounding, BIN / "ebbtide", "run", "--config", cloud.config_file],
                               cloud.folder / f"ebbtide-{len(cloud.programs)}.log")
        cloud.programs.append(cloud.daemon)
        return cloud.daemon

    try:
        yield cloud, start
    finally:
        cloud.end()
        shutil.rmtree(folder)


def test_without_root_it_says_what_is_missing(outsider):
    cloud, start = outsider
    start()
    cloud.wait_ready()
    for role in WORKERS:
        assert re.search(rf"{role} runs .* in force: limits, .*; missing: .*user \(the supervisor is not root",
                         cloud.daemon.text()), cloud.daemon.text()
        status = status_of(cloud.workers()[role])
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1" and status["Uid"].split()[0] == str(NOBODY)
    cloud.push((["linux"], 1))
    cloud.until("the job has run", lambda: cloud.summary()["jobs_succeeded"] == 1)
    workers = cloud.workers()
    cloud.write_config(in_force=False, sandbox={"required": ["user"]})
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(cloud.folder)], check=True)
    cloud.daemon.kill(signal.SIGHUP)
    cloud.until("a reload that requires it is refused", lambda: re.search(
        r"the old one stays in force: .*the sandbox lacks user \(.*not root", cloud.daemon.text()))
    assert cloud.workers() == workers
    assert cloud.stop_daemon() == 0


def test_a_required_part_that_is_missing_is_fatal(outsider):
    cloud, start = outsider
    daemon = start(sandbox={"required": ["seccomp", "user"]}, supervisor={"restarts_max": 1})
    assert daemon.wait(30) != 0
    assert re.search(r"cannot start: the sandbox lacks user \(the supervisor is not root.*as its systemd unit does",
                     daemon.text()), daemon.text()
    assert not cloud.requests(), "nobody was asked anything"


def test_the_package_s_capabilities_suffice(outsider):
    """A user of its own with ambient SETUID, SETGID and KILL (the systemd unit gives SETPCAP for KILL)."""
    cloud, start = outsider
    start(PACKAGE_CAPABILITIES, sandbox={"required": ["user", "groups", "capabilities", "no_new_privs", "seccomp"]})
    cloud.wait_ready()
    users = set()
    for role, pid in cloud.workers().items():
        status = status_of(pid)
        assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}, role
        users.add(status["Uid"].split()[0])
    assert len(users) == len(WORKERS) and str(NOBODY) not in users
    assert int(status_of(cloud.daemon.pid)["CapEff"], 16) == 0xe0
    cloud.push((["linux"], 1))
    cloud.until("the job has run", lambda: cloud.summary()["jobs_succeeded"] == 1)
    pid = cloud.workers()["monitor"]
    os.kill(pid, signal.SIGSTOP)
    cloud.until("one that hangs is ended, though it is another's", lambda: cloud.workers().get("monitor") not in (None, pid))
    assert cloud.stop_daemon() == 0


# -------------------------------------------------------------------------------------- check-host

def test_check_host_says_what_is_here_and_what_is_required(cloud):
    here = parts_here()
    assert here["seccomp"] and here["no_new_privs"]
    cloud.write_config(sandbox={"required": ["seccomp", "user"]})

    def check(*words):
        return subprocess.run([*words, str(BIN / "ebbtide"), "check-host", "--config", str(cloud.config_file)],
                              capture_output=True, text=True, check=False, timeout=20)
    said = check()
    assert (said.returncode == 0) == here["user"], said.stdout
    assert re.search(r"^seccomp +yes ", said.stdout, re.M)
    if os.geteuid() == 0:
        cloud.folder.parent.chmod(0o711)
        said = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(BIN / "ebbtide"),
                               "check-host"], capture_output=True, text=True, check=True, timeout=20)
        assert re.search(r"^user +no +the supervisor is not root.*Start Ebbtide as root", said.stdout, re.M), said.stdout


def test_what_is_left_out_is_warned_of(cloud):
    cloud.start_simulator()
    cloud.write_config(sandbox={"without": ["landlock-files", "seccomp"]})
    cloud.start_daemon()
    assert "sandbox.without leaves out landlock-files, seccomp" in cloud.daemon.text()
    for role, pid in cloud.workers().items():
        assert status_of(pid)["Seccomp"] == "0", role
    assert set(APIS) == {one["api"] for one in cloud.requests()}
