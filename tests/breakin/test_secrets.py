"""Secrets: each process holds its own and no other, in memory and as descriptors; what was replaced is nowhere any more;
files that others could read or exchange are refused with a sentence; a poller's token that could write is noticed."""

import os
import re
import signal

import pytest
import yaml
from cloud import APIS, JOIN_TOKEN, TOKENS, Cloud
from programs import free_ports, write_secret

WEBHOOK_SECRET = "a-secret-that-gitea-signs-webhooks-with"
HOLDS = {
    "supervisor": set(), "reconciler": set(), "dialer": set(), "monitor": {WEBHOOK_SECRET},
    **{f"poller-{api}": {TOKENS[api, "read"]} for api in APIS},
    "actuator": {TOKENS[api, "write"] for api in APIS} | {JOIN_TOKEN},
}
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")


@pytest.fixture(name="cloud")
def make_cloud(tmp_path):
    cloud = Cloud(tmp_path)
    try:
        yield cloud
        assert not cloud.broken_promises()
    finally:
        cloud.end()


def processes(cloud):
    return {"supervisor": cloud.daemon.pid, **cloud.workers()}


def memory_of(pid):
    """All that the process could write, as a core file would show it; without the stack, which no library wipes."""
    pieces = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = MAPPING.match(line)
            if not found or "[stack]" in line:
                continue
            begin, end = (int(word, 16) for word in found.groups())
            try:
                memory.seek(begin)
                pieces.append(memory.read(end - begin))
            except OSError:
                pass
    return b"\0".join(pieces)


def found_in(pid, secrets):
    memory = memory_of(pid)
    return {secret for secret in secrets if secret.encode() in memory}


def start_with_every_secret(cloud):
    cloud.start_simulator()
    cloud.write_config()
    path = write_secret(cloud.folder / "secrets" / "webhook", WEBHOOK_SECRET + "\n")
    port = free_ports(1)[0]
    cloud.control.send("PUT", "/gitea", {"webhook_url": f"http://127.0.0.1:{port}/webhook",
                                         "webhook_secret": WEBHOOK_SECRET})
    cloud.write_config(monitor={"listen_port": cloud.ports["monitor"], "webhook_listen_address": "127.0.0.1",
                                "webhook_listen_port": port, "webhook_secret_file": path})
    cloud.start_daemon()


def rent_one(cloud):
    """A machine that runs a job: by then each token has been used, the join token too."""
    cloud.push((["linux"], 4))
    cloud.until("a machine runs a job", lambda: cloud.jobs("in_progress"))


def test_each_process_holds_its_own_secrets_and_no_other(cloud):
    start_with_every_secret(cloud)
    rent_one(cloud)
    everything = set().union(*HOLDS.values())
    for role, pid in processes(cloud).items():
        assert found_in(pid, everything) == HOLDS[role], role


def test_our_own_copies_are_locked_and_kept_out_of_dumps_and_children(cloud):
    start_with_every_secret(cloud)
    for role, pid in processes(cloud).items():
        with open(f"/proc/{pid}/smaps", encoding="ascii") as maps:
            flags = [set(line.split()[1:]) for line in maps if line.startswith("VmFlags:")]
        held = [one for one in flags if {"lo", "dd", "wf"} <= one]  # locked, not dumped, wiped on fork
        assert bool(held) == bool(HOLDS[role]), f"{role}: {held}"


def test_no_worker_keeps_a_secret_open(cloud):
    cloud.start_simulator().start_daemon()
    rent_one(cloud)
    for role, pid in processes(cloud).items():
        links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        assert not [link for link in links if "/secrets" in link], f"{role}: {links}"
        files = {os.path.basename(link) for link in links if link.startswith(str(cloud.folder / "state"))}
        allowed = {"reconciler": {"checkpoint.0", "checkpoint.1"}, "actuator": {"audit.jsonl", "audit"}}
        if role != "supervisor":
            assert all(name.split(".")[0] in {word.split(".")[0] for word in allowed.get(role, set())}
                       for name in files), f"{role}: {files}"


def rotate(cloud):
    """New tokens for everything, on both sides, as an administrator would: rename, then the old ones count no more."""
    secrets = cloud.folder / "secrets"
    new = {key: value.replace("-token", "-fresh-one") for key, value in TOKENS.items()}
    for (api, kind), token in new.items():
        text = token + "\n"
        if api == "kube":
            config = yaml.safe_load((secrets / f"kube-{kind}").read_text())
            config["users"][0]["user"]["token"] = token
            text = yaml.safe_dump(config)
        os.rename(write_secret(secrets / "next", text), secrets / f"{api}-{kind}")
    os.rename(write_secret(secrets / "next", "another-" * 5), secrets / "webhook")
    os.rename(write_secret(secrets / "next", "K10bb::server:another\n"), secrets / "join")
    for api in APIS:
        cloud.control.send("PUT", "/tokens", {"api": api, "read": new[api, "read"], "write": new[api, "write"]})
        scheme = cloud.apis[api].headers["Authorization"].split(" ", maxsplit=1)[0]
        cloud.apis[api].headers["Authorization"] = f"{scheme} {new[api, 'write']}"


def test_tokens_that_change_lose_no_work_and_leave_no_trace(cloud):
    start_with_every_secret(cloud)
    rent_one(cloud)
    workers = cloud.workers()
    rotate(cloud)
    cloud.push((["linux"], 2), (["linux"], 2))
    cloud.until("all jobs end", lambda: len(cloud.jobs("completed")) == 3, 40)
    cloud.until_empty()
    assert cloud.summary()["jobs_lost"] == 0 and cloud.workers() == workers, "nobody was restarted, nothing was lost"
    for role, pid in processes(cloud).items():
        assert found_in(pid, set().union(*HOLDS.values())) == set(), f"the {role} still holds what was replaced"


# What is wrong with the file of gitea.token_file: each changes it.


def mode(bits):
    return lambda path: path.chmod(bits)


def strange_owner(path):
    os.chown(path, 12345, 12345)


def open_folder(path):
    path.parent.chmod(0o777)


def strange_folder(path):
    os.chown(path.parent, 12345, 12345)


def link_to_open_folder(path):
    folder = path.parent.parent / "elsewhere"
    folder.mkdir()
    path.rename(folder / "token")
    path.symlink_to(folder / "token")
    folder.chmod(0o777)


def nothing(path):
    path.unlink()


def empty(path):
    path.chmod(0o600)
    path.write_text("")
    path.chmod(0o400)


def folder_instead(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change, words", [
    (mode(0o644), "has mode 0644, so others may read or change this secret"),
    (mode(0o460), "has mode 0460, so others may read or change this secret"),
    (strange_owner, "belongs to user 12345, who could change this secret"),
    (open_folder, "has mode 0777, so others may put another secret there"),
    (strange_folder, "belongs to user 12345, who could put another secret there"),
    (link_to_open_folder, "elsewhere has mode 0777, so others may put another secret there"),
    (nothing, "cannot open"), (empty, "is empty: write the secret into it"), (folder_instead, "is not a regular file"),
], ids=["others-read", "group-writes", "owner", "folder", "folder-owner", "link", "missing", "empty", "no-file"])
def test_a_file_that_is_no_good_secret_is_refused(cloud, change, words):
    cloud.write_config(in_force=False)
    change(cloud.folder / "secrets" / "gitea-read")
    assert cloud.spawn_daemon().wait(20) != 0
    assert re.search(f"gitea.(write_)?token_file: .*{re.escape(words)}", cloud.daemon.text()), cloud.daemon.text()


def test_systemd_credentials_are_named_as_such(cloud, monkeypatch):
    cloud.start_simulator()
    cloud.write_config()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(cloud.folder / "secrets"))
    cloud.start_daemon()
    text = cloud.daemon.text()
    assert re.search(r"\d files are systemd's credentials: new ones are taken up by a restart", text), text
    cloud.daemon.kill(signal.SIGHUP)
    cloud.until("a reload says that they stay", lambda: "credentials stay as they were" in cloud.daemon.text())
    for pid in cloud.workers().values():
        with open(f"/proc/{pid}/environ", "rb") as environment:
            assert b"CREDENTIALS" not in environment.read()


def give_writing_token(cloud, api):
    """To the poller of this API; Hetzner's cannot be told by reading."""
    if api == "gitea":
        cloud.control.send("PUT", "/gitea", {"read_scopes": "write:admin"})
        return {}
    return {"kube": {"kubeconfig_file": cloud.write_kubeconfig("write")}}


@pytest.mark.parametrize("api", ["gitea", "kube"])
def test_a_poller_that_could_write_is_an_alarm(cloud, api):
    cloud.start_simulator()
    cloud.write_config()
    cloud.write_config(**give_writing_token(cloud, api))
    cloud.start_daemon()
    cloud.until("the alarm stands", lambda: any(
        "token" in name and value for name, value in cloud.metrics().items() if "alarm" in name and "token-writes" in name))


@pytest.mark.parametrize("api", ["gitea", "kube"])
def test_a_poller_that_could_write_ends_the_daemon_where_that_is_asked_for(cloud, api):
    cloud.start_simulator()
    cloud.write_config()
    cloud.write_config(http={"refuse_writing_tokens": True}, supervisor={"restarts_max": 1}, **give_writing_token(cloud, api))
    assert cloud.spawn_daemon().wait(30) != 0
    assert "http.refuse_writing_tokens is set" in cloud.daemon.text()
