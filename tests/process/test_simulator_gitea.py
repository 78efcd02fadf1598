"""The simulator's Gitea API against answers of a real Gitea 1.26."""

import pytest

from cloud import TOKENS
from programs import Http
from shared import same_form, shared_json

JOBS = "/api/v1/admin/actions/jobs"
RUNNERS = "/api/v1/admin/actions/runners"


@pytest.fixture(name="api")
def make_api(cloud):
    cloud.start_simulator()
    return cloud.apis["gitea"]


def push_some(cloud):
    """Five that may start, one that waits for the first, one that nobody serves."""
    return cloud.push(*[(["linux"], 60)] * 5, {"labels": ["linux"], "duration_ms": 1000, "needs": [0]}, (["gpu"], 1))


@pytest.mark.parametrize("query, count", [
    ("", 7), ("?status=queued", 6), ("?status=waiting", 1), ("?status=pending", 1), ("?status=requested", 1),
    ("?status=action_required", 1), ("?status=in_progress", 0), ("?status=completed", 0), ("?status=success", 0),
    ("?status=queued&status=waiting", 7)])
def test_the_status_filter_means_what_it_was_seen_to_mean(cloud, api, query, count):
    push_some(cloud)
    answer = api.request("GET", JOBS + query)
    assert answer.json()["total_count"] == len(answer.json()["jobs"]) == count
    assert answer.headers["X-Total-Count"] == str(count)
    assert {job["status"] for job in api.get(JOBS + "?status=pending")["jobs"]} == {"waiting"}


@pytest.mark.parametrize("status", ["blocked", "running", "stale", "bogus", "", "queued,waiting"])
def test_an_unknown_status_is_refused(api, status):
    answer = api.request("GET", f"{JOBS}?status={status}")
    assert answer.status == 400 and answer.json()["message"] == f"Invalid status {status}"


def test_pages(cloud, api):
    cloud.push(*[(["gpu"], 1)] * 120)
    for query, items in (("", 30), ("limit=100", 50), ("limit=0", 30), ("limit=-1", 30), ("page=0", 30),
                         ("limit=50&page=3", 20), ("limit=50&page=9", 0), ("per_page=5", 30)):
        answer = api.request("GET", f"{JOBS}?{query}")
        assert (len(answer.json()["jobs"]), answer.json()["total_count"]) == (items, 120), query
    link = api.request("GET", f"{JOBS}?limit=100&page=2").headers["Link"]
    assert 'rel="next"' in link and 'rel="prev"' in link and "limit=100" in link
    assert 'rel="next"' not in api.request("GET", f"{JOBS}?limit=50&page=3").headers["Link"]
    assert api.request("GET", f"{JOBS}?status=waiting").headers["Link"] is None


def test_jobs_look_like_real_ones(cloud, api):
    sample = shared_json("samples/gitea/gitea-jobs-all-norunner.json")
    job = push_some(cloud)[0]
    queued = api.get(JOBS + "?status=queued")
    same_form(queued, sample)
    assert not {"runner_id", "runner_name", "conclusion"} & queued["jobs"][0].keys()
    assert queued["jobs"][0]["started_at"] == "1970-01-01T00:00:00Z"
    cloud.control.send("POST", "/runners", {"name": "r1", "labels": ["linux"]})
    cloud.until("one runs", lambda: api.get(JOBS + "?status=in_progress")["jobs"])
    same_form(api.get(JOBS + "?status=in_progress"), shared_json("samples/gitea/gitea-job-in_progress.json"))
    assert api.get(f"/api/v1/repos/acme/app/actions/jobs/{job}")["id"] == job
    assert api.request("GET", f"{JOBS}/{job}").status == 404, "there is no such path for admins"
    assert api.request("GET", "/api/v1/repos/acme/none/actions/jobs").status == 404


def test_runners_are_fenced_and_deleted(cloud, api):
    runner = cloud.control.send("POST", "/runners", {"name": "r1", "labels": ["linux"]})["id"]
    listed = api.request("GET", RUNNERS)
    assert listed.headers["X-Total-Count"] is None and listed.headers["Link"] is None
    assert listed.json()["runners"][0].keys() == {"id", "name", "status", "busy", "disabled", "ephemeral", "labels"}
    path = f"{RUNNERS}/{runner}"
    assert api.send("PATCH", path, {"disabled": True})["disabled"] is True
    assert api.request("PATCH", path, {"disabled": True}).status == 200
    assert api.request("PATCH", path, {}).json()["message"] == "[Disabled]: Required"
    assert api.request("PATCH", path, {"disabled": "yes"}).status == 422
    assert api.request("PATCH", RUNNERS + "/4711", {"disabled": True}).json()["message"] == "Runner not found"
    assert [one["id"] for one in api.get(RUNNERS + "?disabled=true")["runners"]] == [runner]
    job = cloud.push((["linux"], 1))[0]
    cloud.stays("a fenced runner takes nothing", lambda: cloud.jobs()[job]["status"] == "queued", 2)
    api.send("PATCH", path, {"disabled": False})
    cloud.until("the job has run", lambda: cloud.jobs()[job]["status"] == "completed")
    assert api.request("DELETE", path).status == 204
    assert api.request("DELETE", path).status == 404


def test_a_gitea_without_the_fence_and_with_the_older_key(cloud, api):
    runner = cloud.control.send("POST", "/runners", {"name": "r1", "labels": ["linux"]})["id"]
    cloud.control.send("PUT", "/gitea", {"version": "1.25.2", "fence": False, "workflow_jobs": True})
    assert api.get("/api/v1/version") == {"version": "1.25.2"}
    assert "disabled" not in api.get(RUNNERS)["runners"][0]
    assert api.request("PATCH", f"{RUNNERS}/{runner}", {"disabled": True}).status in (404, 405)
    assert "workflow_jobs" in api.get(JOBS)


def test_tokens_do_what_their_scopes_say(cloud, api):
    read = Http(api.base, TOKENS["gitea", "read"], "token")
    assert Http(api.base).request("GET", JOBS).json()["message"] == "token is required"
    assert Http(api.base, "x", "token").request("GET", JOBS).status == 401
    assert read.request("GET", JOBS).status == 200
    refused = read.request("PATCH", RUNNERS + "/1", {"disabled": True})
    assert refused.status == 403 and "required=[write:admin], token scope=read:admin" in refused.json()["message"]
    assert "required=[read:user]" in read.request("GET", "/api/v1/user").json()["message"]
    token = RUNNERS + "/registration-token"
    assert api.request("GET", token).status == 404
    assert api.send("POST", token) == api.send("POST", token), "the same each time"
    assert read.request("POST", token).status == 403
    cloud.control.send("PUT", "/gitea", {"site_admin": False})
    assert read.request("GET", JOBS).json()["message"] == "user should be the site admin"
