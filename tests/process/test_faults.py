"""Faults of the three APIs and of the machine below the daemon: what is uncertain is looked at before it is done again,
and nothing is destroyed on a picture that is not whole."""

import os
import signal
import subprocess

import pytest
from cloud import BIN


@pytest.mark.parametrize("fault", [
    {"effect": "answer_hang", "count": 1}, {"effect": "answer_close", "count": 1}, {"effect": "bad_json", "count": 1},
    {"effect": "answer_status", "status": 429, "count": 1}, {"effect": "answer_status", "status": 502},
], ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_create_whose_answer_is_lost_rents_once(running, fault):
    running.fault(api="hetzner", method="POST", path="/v1/servers", **fault)
    running.push((["linux"], 1))
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1)
    running.until_empty()
    assert running.summary()["servers_rented"] == 1, running.summary()


def test_a_runner_list_that_is_empty_from_the_start_ends_no_job(running):
    """The machine registers unseen and takes the job; its time to come up passes, and the job goes on."""
    running.fault(api="gitea", method="GET", path="/api/v1/admin/actions/runners", effect="empty")
    running.push((["linux"], 13))
    running.until("the job runs", lambda: running.jobs("in_progress"))
    running.stays("the job runs", lambda: running.jobs("in_progress"), 10)
    running.heal()
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1, 25)
    running.until_empty()
    assert running.summary()["jobs_lost"] == 0


def test_a_runner_list_that_turns_empty_ends_no_job(running):
    running.push((["linux"], 14))
    running.until("the machine is known to be busy", lambda: "-> busy" in running.daemon.text())
    running.until("the job runs", lambda: running.jobs("in_progress"))
    running.fault(api="gitea", method="GET", path="/api/v1/admin/actions/runners", effect="empty")
    running.stays("the job runs", lambda: running.jobs("in_progress"), 10)
    running.heal()
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1, 25)
    running.until_empty()
    assert running.summary()["jobs_lost"] == 0


@pytest.mark.parametrize("text", [b"", b"mode: [", b"b: &a [*a]", b"\xff\xfe"], ids=["empty", "half", "loop", "binary"])
def test_a_reload_of_no_configuration_changes_nothing(running, text):
    workers = running.workers()
    running.config_file.write_bytes(text)
    running.daemon.kill(signal.SIGHUP)
    running.until("the log names the file", lambda: running.daemon.text().count(str(running.config_file)) > 1, 10)
    running.push((["linux"], 1))
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1)
    assert running.workers() == workers, "nobody was restarted"


def test_a_second_daemon_on_the_same_state_is_refused(running):
    running.write_config(monitor={"listen_port": 0},
                         files={"control_socket": os.fspath(running.folder / "other.sock")})
    result = subprocess.run([str(BIN / "ebbtide"), "run", "--config", str(running.config_file)], capture_output=True,
                            text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    assert result.returncode != 0
    assert str(running.folder / "state") in result.stderr
    assert running.daemon.alive()
