"""Fences of runners: our own that outlived us, a person's, and runners that come back while their node goes."""

import signal


def only(table):
    return next(iter(table.values())) if len(table) == 1 else None


def disable(cloud, runner, disabled=True):
    cloud.apis["gitea"].send("PATCH", f"/api/v1/admin/actions/runners/{runner['id']}", {"disabled": disabled})


def one_idle_machine(cloud):
    """A machine whose one job is done; returns its runner."""
    cloud.push((["linux"], 1))
    cloud.until("its job is done", lambda: cloud.summary()["jobs_succeeded"] == 1)
    return cloud.until("its runner is there", lambda: only(cloud.runners()))


def test_a_persons_fence_is_left_alone(running):
    runner = one_idle_machine(running)
    disable(running, runner)
    running.until("the alarm foreign-fence stands", lambda: "foreign-fence" in running.daemon.text())
    # Longer than its paid hour: nothing of it is removed, and nobody enables the runner.
    running.stays("the runner is there, and disabled", lambda: (only(running.runners()) or {}).get("disabled"), 24)
    assert running.servers()
    disable(running, runner, False)
    running.until_empty()


def test_our_own_fence_that_outlived_the_actuator_is_finished_or_lifted(cloud):
    cloud.start_simulator()
    cloud.write_config(gitea={"fence_settle": "3s"})
    cloud.start_daemon()
    one_idle_machine(cloud)
    cloud.until("the runner is fenced", lambda: (only(cloud.runners()) or {}).get("disabled"))
    # Everything dies between the fence and the deletion, and stays dead for longer than the settle time.
    cloud.daemon.kill(signal.SIGKILL)
    cloud.daemon.wait(5)
    cloud.stays("it is still fenced", lambda: only(cloud.runners())["disabled"], 4)
    job = cloud.push((["linux"], 1))[0]
    cloud.start_daemon()
    cloud.until("the waiting job has run", lambda: cloud.jobs()[job]["status"] == "completed", 45)
    cloud.until_empty()
    assert cloud.summary()["jobs_lost"] == 0
    assert "foreign-fence" not in cloud.daemon.text()


def test_a_runner_that_registers_again_while_its_node_drains(cloud):
    cloud.start_simulator()
    # A pod that will not go keeps the drain busy for its whole deadline.
    cloud.write_config(life={"drain_deadline": "5s"}, billing={"window": "12s"})
    cloud.start_daemon()
    one_idle_machine(cloud)
    node = only(cloud.nodes())["metadata"]["name"]
    cloud.control.send("POST", "/pods", {"namespace": "default", "name": "stubborn", "node": node})
    cloud.control.send("POST", "/budgets", {"namespace": "default", "name": "stays", "min_available": 1})
    cloud.until("the drain has begun", lambda: any(line["kind"] == "drain_node" for line in cloud.audit()))
    assert not cloud.runners()
    cloud.control.send("POST", "/runners", {"name": f"runner-of-{node}", "labels": ["linux"], "node": node})
    cloud.until_empty()

    def done_kinds():
        return [line["kind"] for line in cloud.audit() if line.get("node") == node and line.get("outcome") == "done"]

    # The server is gone a moment before the actuator has seen it.
    cloud.until("the last outcome is written", lambda: done_kinds()[-1] == "remove_node", 5)
    kinds = done_kinds()
    assert kinds.count("deregister_runner") >= 2, f"the runner that came back was deregistered too: {kinds}"


def test_a_job_taken_as_the_fence_fell_is_never_killed(cloud):
    """Jobs arrive all through the window in which machines go; none is lost whatever the moment."""
    cloud.start_simulator(pick_ms=400)
    cloud.write_config(gitea={"fence_settle": "2s"})
    cloud.start_daemon()
    one_idle_machine(cloud)
    cloud.until("the window has begun", lambda: any(line["kind"] == "deregister_runner" for line in cloud.audit()))
    jobs = []
    for _ in range(8):
        jobs += cloud.push((["linux"], 1))
        cloud.stays("the simulator lives", cloud.simulator.alive, 0.4)
    cloud.until("all of them have run", lambda: cloud.summary()["jobs_succeeded"] == len(jobs) + 1, 60)
    assert cloud.summary()["jobs_lost"] == 0
    cloud.until_empty()
