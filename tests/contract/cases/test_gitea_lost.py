"""What becomes of a job whose runner was deleted, killed, or told that the job is cancelled."""

from facts import fact, gitea_lost_cases
from shapes import Job

pytestmark = gitea_lost_cases


@fact("DELETE does not ask whether the runner works: its job stays in progress with its id until a sweep calls it "
      "failed", "actuator/deregister_runner.c:looked_twice", "reconciler/core/runners.c:place_job")
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
    gitea.stays("it was heard of a moment ago", lambda: gitea.is_running(run, "work"), 0.5)
    assert gitea.wait_swept(run, "work")["conclusion"] == "failure"


@fact("The job of a runner that was killed stays in progress until a sweep calls it failed: it is not demand, and its "
      "machine is not busy", "reconciler/core/runners.c:place_job", "actuator/facts.c:facts_job_of")
def test_killing_a_busy_runner_loses_its_job(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s * 5))
    gitea.wait_running(run, "work")
    assert gitea.kill_runner(runner)
    gitea.stays("it is in progress", lambda: gitea.job(run, "work")["runner_id"] == runner and
                gitea.is_running(run, "work"), gitea.bounds.zombie_s)
    assert gitea.wait_swept(run, "work")["conclusion"] == "failure"


@fact("A job that is cancelled is over in the API at once, while its runner still works on it for a while and takes "
      "no other: fence and wait, do not delete at once", "actuator/deregister_runner.c:any_busy",
      "reconciler/core/runners.c:count_runner")
def test_a_cancelled_job_is_over_before_its_runner_is(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.long_work_s))
    gitea.wait_running(run, "work")
    gitea.cancel(run)
    job = gitea.wait_over(run, "work", 3)
    assert (job["conclusion"], job["runner_id"]) == ("cancelled", runner)
    following = gitea.push(Job("next", [label], 1))
    gitea.stays("the runner takes no other", lambda: gitea.job(following, "next")["status"] == "queued",
                gitea.bounds.cancel_lag_s)
    assert gitea.runners()[runner]["busy"] is True
    assert gitea.wait_over(following, "next", 60)["conclusion"] == "success"
