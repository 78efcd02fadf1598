"""What takes its time with a real Gitea: dead runners, flapping `busy`, lost and cancelled jobs."""

import time

from facts import fact, gitea_slow_cases
from shapes import Job

pytestmark = gitea_slow_cases


@fact("A runner that died is called online for a while, then offline: no longer than a minute or so",
      "actuator/deregister_runner.c:any_doubtful", "reconciler/core/node.c")
def test_a_dead_runner_stays_online_for_a_while(gitea):
    runner = gitea.runner(gitea.fresh("label"))
    gitea.wait("it is online", lambda: gitea.runners()[runner]["status"] == "online", gitea.bounds.online_s)
    assert gitea.kill_runner(runner)
    died = time.monotonic()
    gitea.wait("it is offline", lambda: gitea.runners()[runner]["status"] == "offline", gitea.bounds.offline_most_s)
    assert gitea.bounds.offline_least_s <= time.monotonic() - died


@fact("`busy` lies: it reads false for moments while a job runs, and true for a while after. What is sure is a job in "
      "progress with this runner's id", "actuator/deregister_runner.c:looked_twice", "actuator/facts.c:facts_job_of")
def test_busy_flaps_and_the_job_is_the_sure_sign(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s))
    gitea.wait_running(run, "work")
    seen = set()
    while True:
        busy = gitea.runners()[runner]["busy"]
        job = gitea.job(run, "work")
        if job["status"] != "in_progress":
            break
        assert job["runner_id"] == runner
        seen.add(busy)
        time.sleep(0.05)
    ended = time.monotonic()
    assert seen == {True, False}, "it was seen both ways while the job ran"
    assert job["conclusion"] == "success"
    assert gitea.runners()[runner]["busy"] is True, "just after the end it is still called busy"
    gitea.wait("it is idle", lambda: not gitea.runners()[runner]["busy"], gitea.bounds.busy_s + 5)
    assert time.monotonic() - ended >= gitea.bounds.busy_s * 0.6


@fact("DELETE does not ask whether the runner works: its job stays in progress with its id until a sweep calls it "
      "failed", "actuator/deregister_runner.c:looked_twice", "reconciler/core/demand.c")
def test_deleting_a_busy_runner_loses_its_job(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s))
    gitea.wait_running(run, "work")
    assert gitea.delete(runner).status == 204
    assert runner not in gitea.runners()
    job = gitea.job(run, "work")
    assert (job["status"], job["runner_id"]) == ("in_progress", runner)
    assert gitea.sweep().status == 204
    assert gitea.job(run, "work")["status"] == "in_progress", "it was heard of a moment ago"
    time.sleep(gitea.bounds.zombie_s)
    assert gitea.job(run, "work")["status"] == "in_progress"
    assert gitea.sweep().status == 204
    assert gitea.wait_over(run, "work", 12)["conclusion"] == "failure"


@fact("The job of a runner that was killed stays in progress until a sweep calls it failed: it is not demand, and its "
      "machine is not busy", "reconciler/core/demand.c", "actuator/facts.c:facts_job_of")
def test_killing_a_busy_runner_loses_its_job(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s * 5))
    gitea.wait_running(run, "work")
    assert gitea.kill_runner(runner)
    gitea.stays("it is in progress", lambda: gitea.job(run, "work")["runner_id"] == runner and
                gitea.is_running(run, "work"), gitea.bounds.zombie_s + 0.5)
    assert gitea.sweep().status == 204
    assert gitea.wait_over(run, "work", 12)["conclusion"] == "failure"


@fact("A job that is cancelled is over in the API at once, while its runner still works on it for a while and takes "
      "no other: fence and wait, do not delete at once", "actuator/deregister_runner.c:any_busy",
      "reconciler/core/node.c")
def test_a_cancelled_job_is_over_before_its_runner_is(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s * 5))
    gitea.wait_running(run, "work")
    gitea.cancel(run)
    job = gitea.wait_over(run, "work", 3)
    assert (job["conclusion"], job["runner_id"]) == ("cancelled", runner)
    following = gitea.push(Job("next", [label], 1))
    gitea.stays("the runner takes no other", lambda: gitea.job(following, "next")["status"] == "queued",
                gitea.bounds.cancel_lag_s)
    assert gitea.runners()[runner]["busy"] is True
    assert gitea.wait_over(following, "next", 60)["conclusion"] == "success"
