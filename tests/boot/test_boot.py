"""The life of an installed daemon, in order: each test goes on where the one before ended."""

import ctypes
import ipaddress
import json
import os
import re

import pytest

from machine import CALLERS, WORKERS
from programs import wait_until

FIRST, SECOND = os.environ.get("EBBTIDE_PACKAGES", " ").split(" ")
PARTS = ["limits", "bounding", "groups", "user", "capabilities", "no_new_privs", "no-dump", "landlock-files",
         "landlock-tcp", "landlock-scope", "seccomp"]
# The least ABI of Landlock that has the part. [landlock(7)]
LANDLOCK_ABI = {"landlock-files": 1, "landlock-tcp": 4, "landlock-scope": 6}
SYS_LANDLOCK_CREATE_RULESET, LANDLOCK_CREATE_RULESET_VERSION = 444, 1
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SETGID_SETUID_SETPCAP = 1 << 6 | 1 << 7 | 1 << 8
# What a process of the service may hold open: the log, nothing, channels and listeners, its event loop, its own files.
DESCRIPTORS = r"/dev/null|socket:\[\d+\]|pipe:\[\d+\]|anon_inode:\[(eventpoll|eventfd|timerfd)\]"
OWN_FILES = {
    "supervisor": r"/var/lib/ebbtide(/lock|/audit\.head)?|/",
    "ebbtide-actuator": r"/var/lib/ebbtide/audit\.(jsonl.*|key\.[01])",
    "ebbtide-reconciler": r"/var/lib/ebbtide/checkpoint\.[01]",
}


def parts_of_kernel():
    """The parts of a sandbox that this kernel has: all of them must be in force."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    return [part for part in PARTS if abi >= LANDLOCK_ABI.get(part, 0)]


def push_and_wait(machine, *jobs):
    """Pushes jobs, waits until a server of ours is there; returns (jobs, its name)."""
    numbers = machine.push(*jobs)
    return numbers, machine.until("a server is rented", lambda: next(iter(machine.servers()), None))


def all_done(machine, jobs):
    machine.until("the jobs have run", lambda: all(
        machine.jobs().get(job, {}).get("status") == "completed" for job in jobs), 60)
    assert all(machine.jobs()[job]["conclusion"] == "success" for job in jobs)


def kept(machine):
    """No promise was broken, no job was lost."""
    assert machine.broken_promises() == ""
    assert machine.summary()["jobs_lost"] == 0


def outcomes(machine, node):
    return [line["kind"] for line in machine.audit() if line.get("node") == node and line.get("outcome") == "done"]


def runs_anew(machine, name, before):
    process = machine.processes().get(name)
    return (process and process.pid != before and process.status["Seccomp"] == "2" and
            process.status["Uid"].split()[0] == str(machine.user(WORKERS[name])[0]))


def has_done(machine, node, kind):
    machine.until(f"the audit log has {kind} of {node}", lambda: kind in outcomes(machine, node), 10)


def verifies(machine):
    """By the first key, which was shown once; fails where a line was bent or lost."""
    machine.run("sh", "-c", f"echo '{machine.audit_key}' | ebbtide audit verify --key -")


def test_the_package_installs_and_starts_nothing_without_a_configuration(machine):
    said = machine.dpkg("-i", machine.copy_in(FIRST))
    assert "nothing runs yet" in said
    assert machine.property("ActiveState") == "inactive"
    assert machine.property("UnitFileState") == "enabled"
    assert machine.run("systemd-analyze", "verify", "--man=no", "ebbtide.service") == ""
    for name in ("ebbtide", *WORKERS.values()):
        assert machine.user(name) is not None, f"there is no user {name}"
    modes = machine.run("stat", "-c", "%n %U:%G %a", "/etc/ebbtide/secrets", "/etc/ebbtide/credentials", "/var/lib/ebbtide")
    assert modes.splitlines() == ["/etc/ebbtide/secrets root:ebbtide 750", "/etc/ebbtide/credentials root:root 700",
                                  "/var/lib/ebbtide ebbtide:ebbtide 700"]
    machine.run("systemctl", "start", "ebbtide")
    assert machine.property("ActiveState") == "inactive", "it started without a configuration"


def test_each_process_has_its_user_its_sandbox_and_its_files(machine):
    machine.configure(sandbox={"required": parts_of_kernel()})
    machine.audit_key = re.search(r"ebbtide-audit-key-\S+", machine.run("ebbtide", "audit", "setup-keys")).group()
    machine.run("systemctl", "start", "ebbtide")
    machine.until_ready()
    found = machine.processes()
    assert set(found) == {"supervisor", *WORKERS}
    for name, process in found.items():
        uid, gid = machine.user(WORKERS.get(name, "ebbtide"))
        assert process.status["Uid"].split() == [str(uid)] * 4, name
        assert process.status["Gid"].split() == [str(gid)] * 4, name
        assert process.status["NoNewPrivs"] == "1", name
        assert process.status["Seccomp"] == "2", name
        most = SETGID_SETUID_SETPCAP if name == "supervisor" else 0
        for kind in CAPABILITY_SETS:
            assert int(process.status[kind], 16) == most, f"{name}: {kind} is {process.status[kind]}"
        if name != "supervisor":
            assert process.status["Groups"] == "", f"{name} has supplementary groups"
        allowed = f"({DESCRIPTORS}|{OWN_FILES.get(name, 'no file')})$"
        strange = [one for one in process.descriptors if not re.match(allowed, one)]
        assert process.descriptors and not strange, f"{name} holds {strange}"
    said = machine.journal()
    assert "missing:" not in said, said


def test_the_machine_is_said_to_have_what_is_in_force(machine):
    report = json.loads(machine.run("ebbtide", "check-host", "--json"))
    text = json.dumps(report)
    for part in parts_of_kernel():
        assert f'"{part}"' in text
    assert machine.run("ebbtide", "check-host", "--config", "/etc/ebbtide/ebbtide.yaml")  # fails where a part is missing


def test_it_may_talk_to_nobody_but_whom_the_drop_in_names(machine):
    assert machine.property("IPAddressDeny") in ("::/0 0.0.0.0/0", "0.0.0.0/0 ::/0", "any")
    allowed = [ipaddress.ip_network(one) for one in machine.property("IPAddressAllow").split()]
    assert any(ipaddress.ip_address("127.0.0.1") in one for one in allowed)
    for address in ("169.254.169.254", "224.0.0.1", "fe80::1", "ff02::1"):
        assert not any(ipaddress.ip_address(address) in one for one in allowed), address


def test_a_whole_life(machine):
    jobs, node = push_and_wait(machine, (["linux"], 2), (["linux"], 2))
    all_done(machine, jobs)
    machine.until_empty(90)
    has_done(machine, node, "remove_node")
    steps = outcomes(machine, node)
    order = [steps.index(kind) for kind in ("create_server", "deregister_runner", "drain_node", "remove_node")]
    assert order == sorted(order), steps
    kept(machine)


def test_each_holds_connections_to_its_own_apis_and_the_dialer_made_them(machine):
    internet, held = machine.internet_sockets(), {}
    for name, process in machine.processes().items():
        inodes = (re.match(r"socket:\[(\d+)\]", one) for one in process.descriptors)
        held[name] = [internet[inode.group(1)] for inode in inodes if inode and inode.group(1) in internet]
    dialer = machine.user(WORKERS["ebbtide-dialer"])[0]
    for name, apis in CALLERS.items():
        ports = {machine.ports[api] for api in apis}
        assert held[name], f"the {name} has no connection"
        assert {one.remote_port for one in held[name]} <= ports, f"the {name} is connected elsewhere: {held[name]}"
    for name in (*CALLERS, "ebbtide-dialer"):
        assert {one.maker for one in held[name]} <= {dialer}, f"the {name} made a socket: {held[name]}"
    assert not held["ebbtide-reconciler"]
    assert {one.kind for one in held["ebbtide-monitor"]} <= {"tcp"}, "the monitor has more than its doors"


def test_members_of_the_group_and_nobody_else_may_ask(machine):
    assert "servers" in machine.run("ebbtide", "status")
    assert "servers" in machine.run("setpriv", "--reuid=65533", "--regid=65533", f"--groups={machine.user('ebbtide')[1]}",
                                    "ebbtide", "status")
    assert "cannot ask" in machine.run("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "ebbtide", "status",
                                       check=False)


def test_reload_takes_up_what_is_right_and_refuses_what_is_not(machine):
    pid = machine.property("MainPID")
    machine.write_inside(machine.config, rails={"max_servers": 4})
    machine.run("systemctl", "reload", "ebbtide")
    machine.until("the new value holds", lambda: "in force; changed: rails.max_servers" in machine.journal(), 20)
    machine.write_inside(machine.config, in_force=False, rails={"max_servers": "many"})
    assert "Job for ebbtide.service failed" in machine.run("systemctl", "reload", "ebbtide", check=False)
    machine.write_inside(machine.config)
    assert machine.active() and machine.property("MainPID") == pid


def test_a_token_that_is_replaced_is_taken_up(machine):
    before = len(machine.journal())
    machine.secret("secrets", "hetzner-read", "a-wrong-token\n")
    machine.until("the wrong token is used", lambda: "unauthorized" in machine.run("ebbtide", "status"), 20)
    machine.secret("secrets", "hetzner-read", "hetzner-read-token\n")
    machine.until("the right one is used again", lambda: "unauthorized" not in machine.run("ebbtide", "status"), 20)
    assert "a-wrong-token" not in machine.journal()[before:]


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_worker_that_dies_or_hangs_is_replaced(machine, signal):
    main = machine.property("MainPID")
    for name in WORKERS if signal == "KILL" else ("ebbtide-monitor",):
        machine.hindered()
        before = machine.processes()[name].pid
        machine.run("kill", f"-{signal}", before)
        machine.until(f"another {name} runs as its user", lambda name=name, before=before: runs_anew(
            machine, name, before), 30)
    machine.until_ready()
    assert machine.property("MainPID") == main
    kept(machine)


def test_a_supervisor_that_hangs_is_started_again_by_systemd(machine):
    machine.run("mkdir", "-p", "/run/systemd/system/ebbtide.service.d")
    machine.run("sh", "-c", "printf '[Service]\\nWatchdogSec=3s\\nRestartSec=1s\\n' > "
                "/run/systemd/system/ebbtide.service.d/short.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "ebbtide")
    machine.until_ready()
    machine.hindered()
    before = machine.processes()
    machine.run("kill", "-STOP", before["supervisor"].pid)
    machine.until("systemd has started another", lambda: machine.property("MainPID") not in (
        "0", before["supervisor"].pid), 30)
    machine.until_ready()
    now = {process.pid for process in machine.processes().values()}
    assert not now & {process.pid for process in before.values()}, "a worker outlived its supervisor"
    machine.run("rm", "/run/systemd/system/ebbtide.service.d/short.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "ebbtide")
    machine.until_ready()


def test_a_restart_in_the_middle_of_a_teardown_finishes_it(machine):
    jobs, node = push_and_wait(machine, (["linux"], 1))
    all_done(machine, jobs)
    machine.until("its teardown has begun", lambda: "deregister_runner" in outcomes(machine, node), 60)
    machine.hindered()
    assert node in machine.servers()
    main = machine.property("MainPID")
    machine.run("systemctl", "restart", "ebbtide")
    assert machine.property("MainPID") != main
    machine.until_empty(60)
    kept(machine)


def test_an_upgrade_keeps_state_and_jobs(machine):
    jobs, node = push_and_wait(machine, (["linux"], 12))
    machine.until("the job runs", lambda: machine.jobs()[jobs[0]]["status"] == "in_progress")
    epoch, main = machine.run("cat", "/var/lib/ebbtide/epoch"), machine.property("MainPID")
    machine.hindered()
    machine.dpkg("-i", machine.copy_in(SECOND))
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "ebbtide").endswith("-2")
    machine.until("the new one runs", lambda: machine.active() and machine.property("MainPID") != main, 20)
    machine.until_ready()
    assert int(machine.run("cat", "/var/lib/ebbtide/epoch")) > int(epoch)
    all_done(machine, jobs)
    assert list(machine.servers()) in ([node], [])
    machine.until_empty(90)
    assert "create_server" in outcomes(machine, node)
    kept(machine)


def test_after_a_reboot_it_goes_on_by_itself(machine):
    jobs, node = push_and_wait(machine, (["linux"], 10))
    machine.until("the job runs", lambda: machine.jobs()[jobs[0]]["status"] == "in_progress")
    machine.hindered()
    machine.power_off()
    assert node in machine.servers()
    machine.boot()
    machine.hindered()
    machine.until_ready()
    all_done(machine, jobs)
    machine.until_empty(90)
    has_done(machine, node, "remove_node")
    kept(machine)
    verifies(machine)


def test_removal_says_what_is_paid_and_purge_leaves_nothing(machine):
    machine.until_ready()
    _, node = push_and_wait(machine, (["linux"], 60))
    said = machine.dpkg("-r", "ebbtide")
    assert "ARE PAID FOR" in said and node in said, said
    assert node in machine.servers()
    assert machine.run("test", "-s", "/var/lib/ebbtide/audit.jsonl") == ""
    wait_until("no process is left", lambda: "ebbtide" not in machine.run("ps", "-eo", "args"), 10)
    machine.dpkg("-P", "ebbtide")
    left = machine.run("find", "/", "-xdev", "-name", "*ebbtide*", "-not", "-path", "/srv/*", "-not", "-path", "/proc/*",
                       "-not", "-path", "/sys/*").split()
    assert not left
    assert "ebbtide" not in machine.run("cat", "/etc/passwd", "/etc/group")
    assert "ebbtide" not in machine.run("systemctl", "list-unit-files", "--no-pager")
