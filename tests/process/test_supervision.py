"""The supervisor: reload, restart of what died or hung, the ceiling of restarts, and the end in order."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from cloud import BIN
from programs import wait_until

ROLES = ["poller-gitea", "poller-hetzner", "poller-kube", "reconciler", "actuator", "dialer", "monitor"]


def change(cloud, **changes):
    cloud.write_config(**changes)
    cloud.daemon.kill(signal.SIGHUP)


def test_six_workers_run(running):
    assert sorted(running.workers()) == sorted(ROLES)


def test_sigterm_ends_everything_and_says_what_stays_rented(running):
    running.push((["linux"], 2))
    running.until("a machine runs a job", lambda: running.jobs("in_progress"))
    name = next(iter(running.servers()))
    pids = running.workers().values()
    assert running.stop_daemon() == 0
    assert not [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]
    tail = running.daemon.text()[running.daemon.text().index("SIGTERM: Ebbtide ends"):]
    assert name in tail, "what stays rented is named at the end"
    assert not re.search(r" (warn|error) ", tail), f"an end in order worries nobody:\n{tail}"
    assert running.servers(), "a stopped daemon leaves its servers running"
    running.start_daemon()
    running.until_empty()
    assert running.summary()["jobs_lost"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["TERM", "INT", "HUP"])
def test_a_signal_while_it_starts_waits_until_it_can_be_heard(cloud, number):
    cloud.start_simulator()
    for _ in range(4):
        daemon = cloud.spawn_daemon()
        wait_until("it has begun", lambda daemon=daemon: "ebbtide 0" in daemon.text(), 10, pause=0, alive=[daemon])
        daemon.kill(number)
        if number == signal.SIGHUP:
            cloud.wait_ready()
            daemon.kill(signal.SIGTERM)
        assert daemon.wait(20) == 0, daemon.text()
        assert "Ebbtide has ended" in daemon.text()


def test_a_reload_of_all_hears_a_reload_and_an_end_at_once(running):
    """The daemon begins anew with another heap of files, and is told twice more meanwhile."""
    for _ in range(3):
        change(running, files={"audit_max": "2MiB" if running.config["files"].get("audit_max") == "1MiB" else "1MiB"})
        for _ in range(20):
            running.daemon.kill(signal.SIGHUP)
            time.sleep(0.02)
        running.until("it is ready again", running.ready)
    running.daemon.kill(signal.SIGHUP)
    assert running.stop_daemon() == 0


def test_a_reload_takes_a_new_maximum(running):
    running.push(*[(["linux"], 4)] * 6)
    running.until("three servers", lambda: len(running.servers()) == 3)
    pools = [dict(running.config["pools"][0], max=5)]
    change(running, pools=pools)
    running.until("five servers", lambda: len(running.servers()) == 5)


def ask_to_reload(cloud):
    return subprocess.run([str(BIN / "ebbtide"), "reload", "--config", str(cloud.config_file)], capture_output=True,
                          text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


def test_the_command_says_what_came_of_a_reload(running):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running.write_config(in_force=False, monitor={"listen_port": taken.getsockname()[1]})
        answer = ask_to_reload(running)
    assert answer.returncode == 1 and re.search("old one stays in force: .*in use", answer.stderr), answer
    running.write_config(life={"busy_longest": "7h"})
    answer = ask_to_reload(running)
    assert answer.returncode == 0 and "is in force: changed: life.busy_longest" in answer.stdout, answer
    answer = ask_to_reload(running)
    assert answer.returncode == 0 and "no key has changed" in answer.stdout, answer


def test_a_reload_that_widens_an_address_says_that_ebbtide_itself_has_the_port(running):
    running.write_config(in_force=False, monitor={"listen_address": "0.0.0.0"})
    answer = ask_to_reload(running)
    assert answer.returncode == 1, answer
    assert re.search(r"in use; Ebbtide itself has this port, on its old address: restart it", answer.stderr), answer


def test_a_bad_file_keeps_the_old_configuration_and_says_why(running):
    workers = running.workers()
    change(running, in_force=False, rails={"max_servers": "many"}, pools=[dict(running.config["pools"][0], max=1)])
    running.until("the log names the file, the line and the key", lambda: re.search(
        rf"{re.escape(str(running.config_file))}:\d+:\d+: .*max_servers", running.daemon.text()))
    running.push(*[(["linux"], 2)] * 3)
    running.until("the old maximum of three still holds", lambda: len(running.servers()) == 3)
    assert running.workers() == workers, "nobody was restarted"


def test_a_reload_to_a_bad_template_keeps_the_old_configuration(running):
    workers = running.workers()
    path = running.folder / "template.yaml"
    path.write_text("#cloud-config\nhostname: {{nme}}\n")
    change(running, in_force=False, pools=[dict(running.config["pools"][0], cloud_init_file=str(path), max=1)])
    running.until("the log names the key, the file and the line", lambda: re.search(
        rf"old one stays in force: pools\[0\]\.cloud_init_file: {re.escape(str(path))}:2: .*nme",
        running.daemon.text()))
    running.push(*[(["linux"], 2)] * 3)
    running.until("the old maximum of three still holds", lambda: len(running.servers()) == 3)
    assert running.workers() == workers, "nobody was restarted"


def test_a_token_that_changes_on_disk_is_used_without_a_restart(running):
    workers = running.workers()
    path = running.folder / "secrets" / "hetzner-read"
    path.chmod(0o600)
    path.write_text("a-token-that-is-wrong\n")
    path.chmod(0o400)
    running.until("Hetzner refuses the wrong token", lambda: any(
        one["token"] == "wrong" for one in running.requests("hetzner")))
    running.write_config()
    running.until("the right one is used again", lambda: running.requests("hetzner")[-1]["token"] == "read")
    assert running.workers() == workers


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_that_hangs_is_restarted(running, role):
    hung = running.workers()[role]
    os.kill(hung, signal.SIGSTOP)
    running.until(f"another {role} runs", lambda: running.workers().get(role) not in (None, hung), 30)
    assert not pathlib.Path(f"/proc/{hung}").exists()
    assert role in running.daemon.text()
    running.until("the daemon is ready again", running.ready)
    running.push((["linux"], 1))
    running.until("it still rents", running.servers)


def test_a_worker_that_dies_again_and_again_ends_the_daemon(cloud):
    cloud.start_simulator()
    cloud.write_config(supervisor={"restarts_max": 2, "restarts_within": "1m"})
    cloud.start_daemon()
    for _ in range(3):
        pid = cloud.until("the monitor runs", lambda: cloud.workers().get("monitor"))
        os.kill(pid, signal.SIGKILL)
        cloud.until("it is gone", lambda pid=pid: not cloud.daemon.alive() or cloud.workers().get("monitor") != pid)
        if not cloud.daemon.alive():
            break
    assert cloud.daemon.wait(20) != 0
    text = cloud.daemon.text()
    assert "monitor" in text and "restarts_max" in text, text[-3000:]


def test_workers_end_when_the_supervisor_is_killed(running):
    pids = list(running.workers().values())
    running.daemon.kill(signal.SIGKILL)
    running.daemon.wait(5)
    running.daemon = None
    running.until("no worker outlives its supervisor", lambda: not [
        pid for pid in pids if pathlib.Path(f"/proc/{pid}/exe").exists()], 15)
