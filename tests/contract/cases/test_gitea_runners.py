"""What Ebbtide relies on in Gitea's lists of runners, in the fence, and in what a DELETE does."""

import pytest

from facts import fact, gitea_cases
from shapes import NO_SUCH_ID, Job

pytestmark = gitea_cases
UNMARSHAL = "[]: json: cannot unmarshal"


@fact("A list of runners is an object with `runners` and `total_count`, without totals in headers",
      "common/gitea_decode.c:gitea_decode_runners", "poller/gitea.c:runners_judged")
def test_a_list_has_runners_and_a_total(gitea):
    runner = gitea.runner("linux", "x64", name="pod-1", started=False)
    answer = gitea.read.request("GET", f"{gitea.RUNNERS}?limit=50&page=1")
    body = answer.json()
    assert body.keys() == {"runners", "total_count"} and body["total_count"] == len(body["runners"])
    assert answer.headers["X-Total-Count"] is None and answer.headers["Link"] is None
    found = {one["id"]: one for one in body["runners"]}[runner]
    assert found == {"id": runner, "name": "pod-1", "status": "offline", "busy": False, "disabled": False,
                     "ephemeral": False, "labels": [{"id": 0, "name": "linux", "type": "custom"},
                                                    {"id": 1, "name": "x64", "type": "custom"}]}


@fact("Lists of runners are read in pages as those of jobs are", "common/gitea.c:gitea_path_runners",
      "poller/gitea.c:runners_judged")
def test_runners_are_read_in_pages(gitea):
    made = [gitea.runner("linux", started=False) for _ in range(3)]
    total = gitea.read.get(f"{gitea.RUNNERS}?limit=50")["total_count"]
    pages = [gitea.read.get(f"{gitea.RUNNERS}?limit=2&page={page}") for page in range(1, total // 2 + 3)]
    assert {page["total_count"] for page in pages} == {total}
    assert set(made) <= {one["id"] for page in pages for one in page["runners"]}
    assert pages[-1]["runners"] == []


@fact("Runners are in the order of their last contact, the last one first: pages shift",
      "common/gitea_decode.c:gitea_runners_sort", "poller/gitea.c:read_again")
def test_runners_are_ordered_by_contact(gitea):
    early = gitea.runner(gitea.fresh("label"))
    gitea.wait("it is online", lambda: gitea.runners()[early]["status"] == "online", gitea.bounds.online_s)
    gitea.kill_runner(early)
    late = gitea.runner(gitea.fresh("label"))
    never = gitea.runner("linux", started=False)
    gitea.wait("the second is online", lambda: gitea.runners()[late]["status"] == "online", gitea.bounds.online_s)
    order = [one for one in gitea.runners() if one in (early, late, never)]
    assert order == [late, early, never]


@fact("Two runners may have one name: only the id tells them apart", "common/gitea_decode.c:gitea_runners_sort",
      "actuator/runners.c:runners_gather")
def test_names_need_not_differ(gitea):
    name = gitea.fresh("twin")
    made = {gitea.runner("linux", name=name, started=False) for _ in range(2)}
    assert {one for one, runner in gitea.runners().items() if runner["name"] == name} == made


@fact("The list for admins has all runners, a repository's only its own", "common/gitea.c:begin")
def test_each_scope_has_its_own_runners(gitea):
    run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
    whole, own = gitea.runner("linux", started=False), gitea.runner("linux", started=False, repository=run.repository)
    assert {whole, own} <= gitea.runners().keys()
    path = f"/api/v1/repos/{run.repository}/actions/runners"
    assert [one["id"] for one in gitea.read.get(path)["runners"]] == [own]
    refused = gitea.write.request("PATCH", f"{path}/{whole}", {"disabled": True})
    assert (refused.status, refused.json()["message"]) == (404, "No permission to access this runner")


@fact("A runner that never started is offline; one whose daemon has started is online within seconds",
      "common/gitea_decode.c:read_runner", "reconciler/core/runners.c:count_runner")
def test_a_started_runner_is_online(gitea):
    never, started = gitea.runner("linux", started=False), gitea.runner(gitea.fresh("label"))
    gitea.wait("it is online", lambda: gitea.runners()[started]["status"] == "online", gitea.bounds.online_s)
    assert gitea.runners()[never]["status"] == "offline"


# ---------------------------------------------------------------------------------------------- the fence


@fact("PATCH `{\"disabled\":true}` answers 200 with the runner as it is then, again and again; the list shows it, and "
      "`?disabled=` filters by it", "actuator/fence.c:set_next", "actuator/deregister_runner.c:all_disabled")
def test_the_fence(gitea):
    runner, other = gitea.runner("linux", started=False), gitea.runner("linux", started=False)
    for disabled in (True, True, False, False, True):
        answer = gitea.fence(runner, disabled)
        assert (answer.status, answer.json()["id"], answer.json()["disabled"]) == (200, runner, disabled)
        assert gitea.runners()[runner]["disabled"] is disabled
    assert runner in gitea.runners("&disabled=true") and runner not in gitea.runners("&disabled=false")
    assert other in gitea.runners("&disabled=false") and other not in gitea.runners("&disabled=true")


@pytest.mark.parametrize("runner", [NO_SUCH_ID, "none"])
@fact("A runner that is gone is 404 with `Runner not found`, to a PATCH and to a DELETE: no other 404 says so",
      "actuator/fence.c:says_no_fence", "actuator/deregister_runner.c:on_deleted")
def test_a_runner_that_is_gone(gitea, runner):
    for answer in (gitea.fence(runner), gitea.delete(runner)):
        assert answer.status == 404
        assert answer.json()["message"] == "Runner not found" and answer.json()["errors"] is None


@pytest.mark.parametrize("body, said", [
    ({}, "[Disabled]: Required"), (None, "[Disabled]: Required"), ({"disabled": None}, "[Disabled]: Required"),
    ({"disabled": "yes"}, f"{UNMARSHAL} string into Go struct field EditActionRunnerOption.disabled of type bool"),
    ([], f"{UNMARSHAL} array into Go value of type structs.EditActionRunnerOption"),
    (b"{", "[]: unexpected EOF")])
@fact("A PATCH that says nothing, or no boolean, is 422 and changes nothing", "actuator/fence.c:set_next")
def test_a_fence_that_says_nothing(gitea, body, said):
    runner = gitea.runner("linux", started=False)
    answer = gitea.write.request("PATCH", f"{gitea.RUNNERS}/{runner}", body)
    assert (answer.status, answer.json()["message"]) == (422, said)
    assert gitea.runners()[runner]["disabled"] is False


@fact("A fence holds from before the runner's first start: fenced it takes no job, released it takes the next",
      "actuator/deregister_runner.c:with_fence", "actuator/fence.c:fence_lift")
def test_a_fenced_runner_takes_no_job(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    gitea.wait("it is online", lambda: gitea.runners()[runner]["status"] == "online", gitea.bounds.online_s)
    assert gitea.fence(runner).status == 200
    run = gitea.push(Job("work", [label], 1))
    gitea.stays("the job is queued", lambda: gitea.job(run, "work")["status"] == "queued", gitea.bounds.take_s)
    assert gitea.runners()[runner]["status"] == "online"
    assert gitea.fence(runner, False).status == 200
    assert gitea.wait_over(run, "work")["conclusion"] == "success"


@fact("A fence does not touch what runs: the job goes on and succeeds", "actuator/deregister_runner.c:release",
      "actuator/fence.c:fence_set")
def test_a_fence_lets_a_job_end(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    run = gitea.push(Job("work", [label], gitea.bounds.work_s))
    job = gitea.wait_running(run, "work")
    assert gitea.fence(runner).status == 200
    assert gitea.job(run, "work")["runner_id"] == job["runner_id"] == runner
    assert gitea.wait_over(run, "work")["conclusion"] == "success"


# ----------------------------------------------------------------------------------------------- deleting


@fact("DELETE answers 204, and 404 when the runner is gone", "actuator/deregister_runner.c:on_deleted")
def test_deleting_a_runner(gitea):
    runner = gitea.runner("linux", started=False)
    gitea.fence(runner)
    done = gitea.delete(runner)
    assert (done.status, done.body) == (204, b"")
    assert runner not in gitea.runners()
    assert gitea.delete(runner).status == 404


@fact("The daemon of a deleted runner lives on and takes no job: its pod must go too",
      "actuator/drain_node.c:do_drain_node", "actuator/runners.c:runners_seen")
def test_the_daemon_of_a_deleted_runner_lives_on(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label)
    gitea.wait("it is online", lambda: gitea.runners()[runner]["status"] == "online", gitea.bounds.online_s)
    assert gitea.delete(runner).status == 204
    run = gitea.push(Job("work", [label], 1))
    gitea.stays("nobody takes the job", lambda: gitea.job(run, "work")["status"] == "queued", gitea.bounds.take_s)
    assert gitea.kill_runner(runner), "its daemon was alive"


@fact("An ephemeral runner takes one job and is gone from the list when that ends",
      "reconciler/core/runners.c:forget_gone")
def test_an_ephemeral_runner(gitea):
    label = gitea.fresh("label")
    runner = gitea.runner(label, ephemeral=True)
    assert gitea.runners()[runner]["ephemeral"] is True
    run = gitea.push(Job("one", [label], 1), Job("two", [label], 1))
    gitea.wait("one job is over", lambda: len(gitea.jobs(run, "&status=completed")) == 1, 30)
    gitea.wait("the runner is gone", lambda: runner not in gitea.runners(), 3)
    gitea.stays("the other is queued", lambda: len(gitea.jobs(run, "&status=queued")) == 1, 2)
