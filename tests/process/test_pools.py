"""Two pools: each job runs where its labels are, each machine is its pool's, and what one pool's machines leave free the
other's jobs may use."""

import subprocess

import pytest

from cloud import BIN


def start(cloud, *labels):
    """Running, with a pool `linux` (one runner a machine) and a pool `big` (two, of these labels)."""
    cloud.start_simulator("--runner-set", f"ebbtide-pool=big:{','.join(labels)}:2")
    linux = cloud.write_config()["pools"][0]
    cloud.write_config(pools=[linux, dict(linux, name="big", label_sets=[list(labels)], capacity=2, max=2)])
    return cloud.start_daemon()


@pytest.fixture
def apart(cloud):
    return start(cloud, "big")


@pytest.fixture
def shared(cloud):
    return start(cloud, "linux", "big")


def pools_of(servers):
    return sorted(server["name"].split("-")[1] for server in servers)


def rented(cloud):
    return pools_of(one["request"] for one in cloud.changes("hetzner") if one["method"] == "POST")


def is_done(cloud, job):
    return cloud.jobs().get(job, {}).get("status") == "completed"


def runs(cloud, job):
    return cloud.jobs().get(job, {}).get("status") == "in_progress"


def test_each_job_runs_on_its_pools_machine(apart):
    jobs = apart.push((["linux"], 2), (["big"], 2), (["big"], 2))
    apart.until("all have run", lambda: all(is_done(apart, job) for job in jobs), 40)
    assert rented(apart) == ["big", "linux"], "the second big job has room beside the first"
    apart.until_empty()
    assert apart.summary()["jobs_lost"] == 0


def test_a_free_runner_of_the_other_pool_is_room(shared):
    first, = shared.push((["big"], 1))
    shared.until("it has run", lambda: is_done(shared, first), 30)
    job, = shared.push((["linux"], 1))
    shared.until("a job of the other pool has run", lambda: is_done(shared, job), 15)
    assert rented(shared) == ["big"]
    shared.until_empty()


def test_a_removed_pools_machine_is_no_room_and_goes_once_it_is_idle(apart):
    job, = apart.push((["big"], 15))
    apart.until("it runs", lambda: runs(apart, job), 30)
    apart.write_config(pools=apart.config["pools"][:1])
    done = subprocess.run([str(BIN / "ebbtide"), "reload", "--config", str(apart.config_file)], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    small, = apart.push((["linux"], 1))
    apart.until("a job of the pool that is left has run", lambda: is_done(apart, small), 12)
    assert runs(apart, job), "its job is not killed"
    apart.until("it has run", lambda: is_done(apart, job), 20)
    apart.until("its machine is gone", lambda: "big" not in pools_of(apart.servers().values()), 10)
    apart.until_empty()
    assert apart.summary()["jobs_lost"] == 0
