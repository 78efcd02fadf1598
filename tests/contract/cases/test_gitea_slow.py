"""What takes its time with a real Gitea: runners that died, and `busy`."""

import time

from facts import fact, gitea_slow_cases
from shapes import Job

pytestmark = gitea_slow_cases


@fact("A runner that died is called online for a while, then offline: no longer than a minute or so",
      "actuator/deregister_runner.c:any_doubtful", "reconciler/core/runners.c:count_runner")
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
    seen, job = set(), gitea.job(run, "work")
    while job["status"] == "in_progress":
        assert job["runner_id"] == runner
        # It ran before and after these looks, so it ran in between.
        looks = {gitea.runners()[runner]["busy"] for _ in range(10)}
        job = gitea.job(run, "work")
        seen |= looks if job["status"] == "in_progress" else set()
    ended = time.monotonic()
    assert seen == {True, False}, "it is seen both ways while the job runs"
    assert job["conclusion"] == "success"
    assert gitea.runners()[runner]["busy"] is True, "just after the end it is still called busy"
    gitea.wait("it is idle", lambda: not gitea.runners()[runner]["busy"], gitea.bounds.busy_s + 5)
    assert time.monotonic() - ended >= gitea.bounds.busy_s * 0.6
