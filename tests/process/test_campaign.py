"""A campaign of storms (storm.py): work comes in while workers are killed, stopped and go on, the daemon dies and is told to
end, and the APIs answer badly. Then all heals, and everything must have come out right.

EBBTIDE_CAMPAIGN_SEED=N[,N...] runs those seeds; tests/process/campaign runs as many as one likes."""

import os
import re
import subprocess

import pytest
from cloud import BIN
from disks import SmallDisk
from storm import Storm

# A storm over a small disk that fills up; the campaign's own seeds have a disk with room.
DISK_SEEDS = [101]
SEEDS = [int(seed) for seed in os.environ.get("EBBTIDE_CAMPAIGN_SEED", "1,2,3,4").split(",")]
SIGKILL = 9


def logs(cloud):
    return "".join(program.text() for program in cloud.programs if program.name == "ebbtide")


def only_ours_died(cloud, storm):
    """No process was ended by a signal that nobody sent, and none ended in error by itself."""
    text = logs(cloud)
    by_supervisor = {int(pid) for pid in re.findall(r"\(process (\d+)\) is killed: ", text)}
    for name, pid, number in re.findall(r"supervisor: (\S+) \(process (\d+)\) was ended by signal (\d+)", text):
        assert int(number) == SIGKILL, f"the {name} (process {pid}) was ended by signal {number}:\n{text[-6000:]}"
        assert int(pid) in storm.killed | by_supervisor, f"nobody killed the {name} (process {pid})"
    ended = re.findall(r"supervisor: .*ended with status [1-9]\d*", text)
    assert not ended, f"{ended} in:\n{text[-6000:]}"
    assert " FATAL" not in text and "fatal" not in text.lower(), text[-6000:]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_from_a_seed(cloud, seed):
    weather(cloud, seed)


@pytest.mark.parametrize("seed", DISK_SEEDS)
def test_a_storm_while_the_disk_fills_up(cloud, seed):
    weather(cloud, seed, SmallDisk(cloud.folder / "state", 2048))


def weather(cloud, seed, disk=None):
    """A storm, then all heals, and everything has come out right."""
    print(f"EBBTIDE_CAMPAIGN_SEED={seed}")
    cloud.start_simulator("--seed", seed)
    # A teardown that a storm drew out lets the next begin earlier, by up to half an hour of ours and a quarter of that: what
    # falls idle later is kept for another hour.
    cloud.rules_of_witness = {"notice_ms": 17000}
    # Hetzner's time comes in whole seconds: read more often, one leap of it may pass over a narrow window to give back in.
    cloud.write_config(supervisor={"restarts_max": 100, "restart_first": "50ms"}, hetzner={"poll_interval": "600ms"},
                       files={"audit_reserve": "256KiB"} if disk else {})
    cloud.start_daemon()
    storm = Storm(cloud, seed, disk=disk)
    storm.blow()
    cloud.heal()
    cloud.until("the daemon is ready again", cloud.ready, 20)
    storm.jobs += cloud.push((["linux"], 1))
    cloud.until("every job has run", lambda: cloud.summary()["jobs_completed"] == len(storm.jobs), 60)
    summary = cloud.summary()
    assert summary["jobs_succeeded"] == len(storm.jobs), summary
    assert summary["jobs_lost"] == 0, summary
    cloud.until_empty(60)
    created = [one["request"]["name"] for one in cloud.requests("hetzner", "POST") if one["path"] == "/v1/servers"]
    assert cloud.summary()["servers_rented"] <= len(set(created)), "a server was made twice"
    answer = subprocess.run([str(BIN / "ebbtide"), "status", "--config", str(cloud.config_file)], capture_output=True,
                            text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    assert answer.returncode == 0 and "running" in answer.stdout, answer
    assert cloud.control.get("/witness")["judged"].get("one_demand_one_create", 0) > 0, "the witness watched"
    assert cloud.stop_daemon() == 0
    only_ours_died(cloud, storm)
