"""kill -9 of any worker in any state of a node's life: the fleet ends correct, no server is lost, no job is killed.

Each test is a whole life of two machines, side by side with the others' (pytest -n); its worker is killed once at each
state's beginning. A kill is sent the moment the state shows, so it strikes early, late and in the middle of actions."""

import os
import signal

import pytest
from programs import wait_until

ROLES = ["poller-gitea", "poller-hetzner", "poller-kube", "reconciler", "actuator", "dialer", "monitor"]
JOBS = 3


def asked(cloud, kind):
    return any(line.get("kind") == kind for line in cloud.audit())


# What shows that a node has reached the state, in the order of a life.
STATES = [
    ("provisioning", lambda cloud: asked(cloud, "create_server")),
    ("busy", lambda cloud: cloud.jobs("in_progress")),
    ("idle", lambda cloud: len(cloud.jobs("completed")) == JOBS and cloud.runners()),
    ("deregistering", lambda cloud: asked(cloud, "deregister_runner")),
    ("draining", lambda cloud: asked(cloud, "drain_node")),
    ("removing", lambda cloud: asked(cloud, "remove_node")),
]


def ends_correct(cloud, servers_most):
    cloud.until("every job is over", lambda: cloud.summary()["jobs_completed"] == JOBS, 70)
    cloud.until_empty(70)
    summary = cloud.summary()
    assert summary["jobs_succeeded"] == JOBS, summary
    assert summary["jobs_lost"] == 0, summary
    assert summary["servers_rented"] <= servers_most, "a server was created twice"
    created = [one["request"]["name"] for one in cloud.requests("hetzner", "POST") if one["status"] == 201]
    assert len(created) == len(set(created))


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_killed_in_every_state(cloud, role):
    cloud.start_simulator()
    cloud.write_config(pools=[dict(cloud.write_config()["pools"][0], max=2)],
                       supervisor={"restarts_max": 20})
    cloud.start_daemon()
    cloud.push(*[(["linux"], 3)] * JOBS)
    killed = []
    for state, shows in STATES:
        wait_until(f"a node is {state}", lambda shows=shows: shows(cloud), 45, pause=0.03, alive=[cloud.daemon])
        pid = cloud.until(f"a {role} runs", lambda: cloud.workers().get(role), 10)
        os.kill(pid, signal.SIGKILL)
        cloud.hindered()
        killed.append(pid)
    ends_correct(cloud, servers_most=4)
    assert len(set(killed)) == len(STATES), "a killed worker was started again each time"


@pytest.mark.parametrize("state", [name for name, _ in STATES])
def test_the_whole_daemon_killed_in_a_state(cloud, state):
    cloud.start_simulator()
    cloud.write_config(pools=[dict(cloud.write_config()["pools"][0], max=2)])
    cloud.start_daemon()
    cloud.push(*[(["linux"], 3)] * JOBS)
    wait_until(f"a node is {state}", lambda: dict(STATES)[state](cloud), 45, pause=0.03, alive=[cloud.daemon])
    cloud.daemon.kill(signal.SIGKILL)
    cloud.daemon.wait(5)
    cloud.start_daemon()
    ends_correct(cloud, servers_most=4)
