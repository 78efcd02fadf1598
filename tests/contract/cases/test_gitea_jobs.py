"""What Ebbtide relies on in Gitea's lists of jobs: what may start, what waits, what runs, and on whom."""

import pytest

from facts import fact, gitea_cases
from shapes import NO_SUCH_ID, Job

pytestmark = gitea_cases
UNSET = "1970-01-01T00:00:00Z"
POLLED = "&status=queued&status=waiting&status=in_progress"


def some(gitea, label="nobody"):
    """Two jobs that may start, and one that waits for the first."""
    return gitea.push(Job("first", [gitea.fresh(label)], 1), Job("second", [gitea.fresh(label)], 1),
                      Job("third", [gitea.fresh(label)], 1, needs=["first"]))


def names(gitea, run, query):
    return sorted(job["name"] for job in gitea.jobs(run, query).values())


@fact("A list of jobs is an object with `jobs` and `total_count`; `X-Total-Count` says the same",
      "common/gitea_decode.c:add_jobs", "poller/gitea.c:judge")
def test_a_list_has_jobs_and_a_total(gitea):
    run = some(gitea)
    for path, count in ((gitea.jobs_path(run), 3), (f"/api/v1/repos/{run.repository}/actions/runs/{run.id}/jobs", 3),
                        ("/api/v1/orgs/acme/actions/jobs", None), (gitea.JOBS, None)):
        answer = gitea.read.request("GET", path + "?limit=50")
        body = answer.json()
        assert body.keys() == {"jobs", "total_count"}, path
        assert answer.headers["X-Total-Count"] == str(body["total_count"]), path
        assert count is None or len(body["jobs"]) == body["total_count"] == count, path


@fact("`status=queued` gives what may start now, whether any runner has its labels or not",
      "common/gitea.c:status_words", "common/gitea_decode.c:job_status_from")
def test_queued_is_what_may_start(gitea):
    run = some(gitea)
    assert names(gitea, run, "&status=queued") == ["first", "second"]
    assert {job["status"] for job in gitea.jobs(run, "&status=queued").values()} == {"queued"}


@pytest.mark.parametrize("word", ["waiting", "pending", "requested", "action_required"])
@fact("`waiting`, `pending`, `requested` and `action_required` all give what waits for another job, and only that; "
      "its own status reads `waiting`", "common/gitea.c:status_words", "common/gitea_decode.c:job_status_from")
def test_four_words_mean_blocked(gitea, word):
    run = some(gitea)
    assert names(gitea, run, f"&status={word}") == ["third"]
    assert gitea.job(run, "third")["status"] == "waiting"


@fact("Several `status=` give the union, so that one query sees all that is not over",
      "common/gitea.c:gitea_path_jobs", "poller/gitea.c:ALL_STATUSES")
def test_statuses_are_a_union(gitea):
    run = some(gitea)
    assert names(gitea, run, "&status=queued&status=waiting") == ["first", "second", "third"]
    assert names(gitea, run, POLLED) == ["first", "second", "third"]
    assert names(gitea, run, "&status=in_progress&status=completed") == []


@pytest.mark.parametrize("word", ["blocked", "running", "stale", "bogus", "", "queued,waiting"])
@fact("A status that is not known is refused with 400, never read as another", "common/gitea.c:status_words")
def test_an_unknown_status_is_refused(gitea, word):
    answer = gitea.read.request("GET", f"{gitea.JOBS}?status={word}")
    assert answer.status == 400
    assert answer.json()["message"] == f"Invalid status {word}"


@fact("A queued job has no runner and no conclusion; times that are unset read 1970, its repository is only in its URL",
      "common/gitea_decode.c:read_job", "common/gitea_decode.c:read_repository")
def test_a_queued_job(gitea):
    label = gitea.fresh("nobody")
    run = gitea.push(Job("only", [label], 1))
    job = gitea.job(run, "only")
    assert job.keys() == {"id", "url", "html_url", "run_id", "run_url", "name", "labels", "run_attempt", "head_sha",
                          "head_branch", "status", "steps", "created_at", "started_at", "completed_at"}
    assert (job["labels"], job["run_attempt"], job["run_id"]) == ([label], 0, run.id)
    assert job["started_at"] == job["completed_at"] == UNSET != job["created_at"]
    assert job["url"].endswith(f"/api/v1/repos/{run.repository}/actions/jobs/{job['id']}")


@fact("A job in progress names its runner by id and name", "common/gitea_decode.c:read_job",
      "actuator/facts.c:facts_job_of")
def test_a_job_in_progress_names_its_runner(gitea):
    label, name = gitea.fresh("label"), gitea.fresh("runner-of-a-pod")
    runner = gitea.runner(label, name=name)
    run = gitea.push(Job("work", [label], gitea.bounds.work_s))
    job = gitea.wait_running(run, "work")
    assert (job["runner_id"], job["runner_name"], job["run_attempt"]) == (runner, name, 1)
    assert job["started_at"] != UNSET == job["completed_at"]
    assert names(gitea, run, "&status=in_progress") == ["work"]
    job = gitea.wait_over(run, "work")
    assert (job["conclusion"], job["runner_id"]) == ("success", runner)
    assert names(gitea, run, POLLED) == []
    assert names(gitea, run, "&status=completed") == names(gitea, run, "&status=success") == ["work"]


@fact("A job that waited is queued once all that it needs has succeeded", "common/gitea_decode.c:job_status_from")
def test_what_waited_is_queued_in_the_end(gitea):
    label, nobody = gitea.fresh("label"), gitea.fresh("nobody")
    run = gitea.push(Job("before", [label], 1), Job("other", [nobody], 1), Job("after", [nobody], 1, needs=["before"]),
                     Job("last", [nobody], 1, needs=["before", "other"]))
    gitea.runner(label)
    gitea.wait_over(run, "before")
    gitea.wait("what needs one may start", lambda: gitea.job(run, "after")["status"] == "queued", 10)
    assert gitea.job(run, "last")["status"] == "waiting"


@fact("A runner takes a job only when it has all its labels", "reconciler/core/room.c:room_labels_fit")
def test_a_runner_must_have_all_labels(gitea):
    one, two = gitea.fresh("one"), gitea.fresh("two")
    run = gitea.push(Job("both", [one, two], 1), Job("one", [one], 1))
    gitea.runner(one)
    gitea.wait_over(run, "one")
    gitea.stays("nobody takes the other", lambda: gitea.job(run, "both")["status"] == "queued", 2)
    gitea.runner(two, one)
    gitea.wait_over(run, "both")


@fact("A job without `runs-on` has no labels and is queued; any runner takes it, and it fails",
      "common/gitea_decode.c:read_labels")
def test_a_job_without_labels(gitea):
    run = gitea.push(Job("none", None, 1))
    job = gitea.job(run, "none")
    assert (job["labels"], job["status"]) == ([], "queued")
    gitea.runner(gitea.fresh("label"))
    assert gitea.wait_over(run, "none")["conclusion"] == "failure"


@fact("A job whose `if` is false is queued like any other until a runner takes it; then it is skipped",
      "common/gitea_decode.c:job_status_from")
def test_a_skipped_job_is_demand_until_a_runner_comes(gitea):
    label = gitea.fresh("label")
    run = gitea.push(Job("never", [label], 1, skipped=True))
    assert gitea.job(run, "never")["status"] == "queued"
    gitea.runner(label)
    assert gitea.wait_over(run, "never")["conclusion"] == "skipped"


@fact("A page has 30 elements by default and 50 at most; 0 and less count as 30; behind the end it is empty, and the "
      "total still stands there", "common/gitea.h:GITEA_PAGE_MAX", "common/gitea.c:add_page", "poller/gitea.c:judge")
def test_pages(gitea):
    run = gitea.push(*[Job(f"j{number}", [gitea.fresh("nobody")], 1) for number in range(55)])
    path = gitea.jobs_path(run)
    for query, items in (("", 30), ("limit=100", 50), ("limit=0", 30), ("limit=-1", 30), ("page=0", 30),
                         ("limit=50&page=2", 5), ("limit=50&page=9", 0), ("per_page=5", 30)):
        body = gitea.read.get(f"{path}?{query}")
        assert (len(body["jobs"]), body["total_count"]) == (items, 55), query
    seen = {job["id"] for page in (1, 2) for job in gitea.read.get(f"{path}?limit=50&page={page}")["jobs"]}
    assert seen == set(run.ids.values()), "nothing changed meanwhile, so the pages have all"
    link = gitea.read.request("GET", f"{path}?limit=100").headers["Link"]
    assert 'rel="next"' in link and 'rel="last"' in link and "limit=100" in link and 'rel="prev"' not in link
    link = gitea.read.request("GET", f"{path}?limit=50&page=2").headers["Link"]
    assert 'rel="prev"' in link and 'rel="first"' in link and 'rel="next"' not in link
    assert gitea.read.request("GET", f"{path}?limit=50&status=waiting").headers["Link"] is None


@fact("A list of jobs has those of its scope only: all, an organization's, a repository's", "common/gitea.c:begin")
def test_each_scope_has_its_own_jobs(gitea):
    here, there = gitea.push(Job("a", [gitea.fresh("nobody")], 1)), gitea.push(Job("b", [gitea.fresh("nobody")], 1),
                                                                             owner="other")
    wanted = {run.ids[name] for run, name in ((here, "a"), (there, "b"))}

    def found(path):
        pages = (gitea.read.get(f"{path}?status=queued&limit=50&page={page}")["jobs"] for page in range(1, 6))
        return {job["id"] for page in pages for job in page} & wanted
    assert found(gitea.JOBS) == wanted
    assert found("/api/v1/orgs/acme/actions/jobs") == {here.ids["a"]}
    assert found("/api/v1/orgs/other/actions/jobs") == {there.ids["b"]}
    assert found(gitea.jobs_path(there)) == {there.ids["b"]}


@fact("What is not there is 404: an organization, a repository, a job; for one job there is no path for admins",
      "common/gitea.c:advice")
def test_what_is_not_there(gitea):
    run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
    for path, said in ((f"{gitea.jobs_path(run)}/{NO_SUCH_ID}", "not found"),
                       ("/api/v1/repos/acme/none/actions/jobs", "not found"),
                       ("/api/v1/orgs/none/actions/jobs", "GetOrgByName"),
                       ("/api/v1/orgs/none/actions/runners", "GetOrgByName"),
                       ("/api/v1/repos/none/none/actions/jobs", "GetUserByName")):
        answer = gitea.read.request("GET", path)
        assert (answer.status, answer.json()["message"]) == (404, said), path
    assert gitea.read.request("GET", f"{gitea.JOBS}/{run.ids['only']}").status == 404


@fact("A run that is not there has no jobs, and that is no error", "common/gitea_decode.c:add_jobs")
def test_a_run_that_is_not_there(gitea):
    run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
    answer = gitea.read.get(f"/api/v1/repos/{run.repository}/actions/runs/{NO_SUCH_ID}/jobs")
    assert answer == {"jobs": [], "total_count": 0}
