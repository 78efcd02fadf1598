"""deploy/nftables/ebbtide.nft: loaded in a network namespace of the test's own, the dialer reaches what the file says, and the
others nothing but what it hands over to them. The package's users are numbers here."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from cloud import ROOT

RULES = ROOT / "deploy" / "nftables" / "ebbtide.nft"
USERS = {name: 61100 + place for place, name in enumerate(
    ("dialer", "gitea", "hetzner", "kube", "actuator", "monitor", "reconciler"))}
CALLERS = ("gitea", "hetzner", "kube", "actuator")
PORTS = (443, 6443, 22, 8080)
# What the dialer reaches; nobody else reaches anything by a socket of its own.
REACHED = {"tcp": {443, 6443}, "udp": {53}}

# Runs inside the namespace as root: listens on all ports, then tells what each user gets.
INSIDE = r"""
import json, os, socket, subprocess, sys
users, ports, rules, callers = json.loads(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)  # a second time takes the place of the first
listeners = [socket.create_server(("127.0.0.1", port), backlog=32) for port in ports]
DATAGRAMS = [53, 123]
def tried(kind, port):
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(2)
        try:
            one.connect(("127.0.0.1", port))
            if kind == socket.SOCK_DGRAM:
                one.send(b"x")
        except OSError:
            return False
    return True
def made_by(user, kind):
    os.seteuid(user)
    try:
        return socket.socket(socket.AF_INET, kind)
    finally:
        os.seteuid(0)
def handed_over(maker, user, kind, port):
    '''Whether what one user writes on a socket that another made goes out. TCP: connected by its maker, and what was written
    is read at the other end.'''
    one, pair = made_by(maker, kind), socket.socketpair()
    if kind == socket.SOCK_STREAM:
        one.connect(("127.0.0.1", port))
    pid = os.fork()
    if pid == 0:
        os.setresuid(user, user, user)
        got = socket.socket(fileno=socket.recv_fds(pair[1], 1, 1)[1][0])
        try:
            got.send(b"asked") if kind == socket.SOCK_STREAM else got.sendto(b"asked", ("127.0.0.1", port))
            os._exit(0)
        except OSError:
            os._exit(1)
    socket.send_fds(pair[0], [b"x"], [one.fileno()])
    one.close()
    sent = os.waitpid(pid, 0)[1] == 0
    if kind == socket.SOCK_DGRAM:
        return sent
    with listeners[ports.index(port)].accept()[0] as other:
        other.settimeout(2)
        return sent and other.recv(16) == b"asked"
def connects(maker, user, port):
    '''Whether one user can connect a socket that another made.'''
    with made_by(maker, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        os.seteuid(user)
        try:
            one.connect(("127.0.0.1", port))
            return True
        except OSError:
            return False
        finally:
            os.seteuid(0)
def replies(user):
    '''Whether a listener of this user's can answer who calls it.'''
    served = socket.create_server(("127.0.0.1", 9464))
    pid = os.fork()
    if pid == 0:
        os.setresuid(user, user, user)
        with served.accept()[0] as one:
            one.send(b"answer")
        os._exit(0)
    with socket.create_connection(("127.0.0.1", 9464), timeout=3) as one:
        got = one.recv(16)
    os.waitpid(pid, 0)
    served.close()
    return got == b"answer"
def ask(user):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(user, user, user)
        os.write(write, json.dumps({"tcp": [port for port in ports if tried(socket.SOCK_STREAM, port)],
                                    "udp": [port for port in DATAGRAMS if tried(socket.SOCK_DGRAM, port)]}).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    return json.loads(os.read(read, 65536))
dialer = users["dialer"]
seen = {"handed": {name: {"tcp": [port for port in (443, 6443) if handed_over(dialer, users[name], socket.SOCK_STREAM, port)],
                          "udp": [port for port in DATAGRAMS if handed_over(dialer, users[name], socket.SOCK_DGRAM, port)],
                          "its own": connects(users[name], dialer, 443)} for name in callers}}
seen.update({name: ask(user) for name, user in users.items()})
seen["other"] = ask(61999)
seen["replies"] = replies(users["monitor"])
print(json.dumps(seen))
"""


def rules_with_numbers():
    text = RULES.read_text(encoding="utf-8")
    named = set(re.findall(r'skuid "ebbtide-(\w+)"', text))
    assert named == set(USERS), "every worker's user has its rules"
    for name, number in USERS.items():
        text = text.replace(f'skuid "ebbtide-{name}"', f"skuid {number}")
    return text


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can make the network namespace that the rules are loaded in")
def test_the_dialer_reaches_what_the_rules_say_and_hands_it_over():
    if shutil.which("nft") is None or shutil.which("ip") is None:
        pytest.skip("SKIPPED: nftables or iproute2 is not installed (deploy/install-deps --tests)")
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", INSIDE,
                           json.dumps([USERS, PORTS, rules_with_numbers(), CALLERS])],
                          capture_output=True, text=True, check=False, timeout=60)
    if "Operation not supported" in done.stderr or "cache initialization failed" in done.stderr:
        pytest.skip(f"NOT TESTED: this kernel has no nftables: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    for name in USERS:
        for kind, ports in REACHED.items():
            assert set(seen[name][kind]) == (ports if name == "dialer" else set()), (name, kind)
    for name in CALLERS:
        handed = seen["handed"][name]
        for kind, ports in REACHED.items():
            assert set(handed[kind]) == ports, f"a socket of the dialer's counts as the dialer's, also when the {name} writes"
        assert not handed["its own"], f"a socket of the {name}'s counts as its own, also when the dialer connects it"
    assert set(seen["other"]["tcp"]) == set(PORTS), "nobody else is touched"
    assert seen["replies"], "the monitor answers those who call it"
