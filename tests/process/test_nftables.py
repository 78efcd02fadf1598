"""deploy/nftables/ebbtide.nft: loaded in a network namespace of the test's own, each worker's user reaches what the file says
and nothing else. The package's users are numbers here."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from cloud import ROOT

RULES = ROOT / "deploy" / "nftables" / "ebbtide.nft"
USERS = {name: 61100 + place for place, name in enumerate(("gitea", "hetzner", "kube", "actuator", "monitor", "reconciler"))}
# Who reaches which TCP port.
REACHES = {"gitea": {443}, "hetzner": {443}, "kube": {6443}, "actuator": {443, 6443}, "monitor": set(), "reconciler": set()}
PORTS = (443, 6443, 22, 8080)

# Runs inside the namespace as root: listens on all ports, then tells what each user gets.
INSIDE = r"""
import json, os, socket, subprocess, sys
users, ports, rules = json.loads(sys.argv[1])
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
seen = {name: ask(user) for name, user in users.items()}
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
def test_each_user_reaches_what_its_rules_say():
    if shutil.which("nft") is None or shutil.which("ip") is None:
        pytest.skip("SKIPPED: nftables or iproute2 is not installed (deploy/install-deps --tests)")
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", INSIDE,
                           json.dumps([USERS, PORTS, rules_with_numbers()])],
                          capture_output=True, text=True, check=False, timeout=60)
    if "Operation not supported" in done.stderr or "cache initialization failed" in done.stderr:
        pytest.skip(f"NOT TESTED: this kernel has no nftables: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    for name in USERS:
        assert set(seen[name]["tcp"]) == REACHES[name], name
        assert set(seen[name]["udp"]) == ({53} if REACHES[name] else set()), name
    assert set(seen["other"]["tcp"]) == set(PORTS), "nobody else is touched"
    assert seen["replies"], "the monitor answers those who call it"
