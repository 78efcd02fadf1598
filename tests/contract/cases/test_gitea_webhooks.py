"""What Ebbtide relies on in Gitea's webhooks: that a job that begins to wait is told of, signed, once."""

import hashlib
import hmac
import json
import re

from facts import fact, gitea_cases
from hooks import receiver
from shapes import Job

pytestmark = gitea_cases
SECRET = "of the hook"


def told(seen, run, name):
    """The deliveries about one job: (action, delivery)."""
    found = []
    for one in list(seen):
        body = json.loads(one.body)
        if body["workflow_job"]["id"] == run.ids[name]:
            found.append((body["action"], one))
    return found


def first_told(gitea, seen, run, name):
    return gitea.wait(f"a webhook tells of job {name}", lambda: told(seen, run, name), 20)[0]


@fact("A job that may start is told of by a POST of JSON with the event `workflow_job`, the action `queued`, the job's id and "
      "an id of the delivery of its own; one that waits for another with `waiting`",
      "monitor/webhook.c:says_that_a_job_waits", "monitor/webhook.c:is_delivery_id", "monitor/webhook.c:is_json")
def test_a_waiting_job_is_told_of(gitea):
    with receiver() as (url, seen), gitea.hook(url, SECRET):
        run = gitea.push(Job("first", [gitea.fresh("nobody")], 1),
                         Job("second", [gitea.fresh("nobody")], 1, needs=["first"]))
        ids = set()
        for name, expected in (("first", "queued"), ("second", "waiting")):
            action, one = first_told(gitea, seen, run, name)
            assert (action, one.method, one.path) == (expected, "POST", "/webhook")
            assert one.headers["Content-Type"].split(";")[0] == "application/json"
            assert one.headers["X-Gitea-Event"] == "workflow_job"
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one.headers["X-Gitea-Delivery"])
            ids.add(one.headers["X-Gitea-Delivery"])
            body = json.loads(one.body)
            assert body["workflow_job"]["status"] == expected
            assert body.keys() >= {"action", "workflow_job", "repository", "sender"}
        assert len(ids) == 2


@fact("`X-Gitea-Signature` is HMAC-SHA256 of the body's bytes with the webhook's secret, in 64 hexadecimal digits",
      "monitor/webhook.c:is_signed", "monitor/webhook.c:read_hex")
def test_a_delivery_is_signed(gitea):
    with receiver() as (url, seen), gitea.hook(url, SECRET):
        run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
        _, one = first_told(gitea, seen, run, "only")
        expected = hmac.new(SECRET.encode(), one.body, hashlib.sha256).hexdigest()
        assert one.headers["X-Gitea-Signature"] == expected
        assert one.headers["X-Hub-Signature-256"] == "sha256=" + expected


@fact("Without a secret `X-Gitea-Signature` is there and empty", "monitor/webhook.c:WEBHOOK_UNSIGNED")
def test_without_a_secret(gitea):
    with receiver() as (url, seen), gitea.hook(url, ""):
        run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
        _, one = first_told(gitea, seen, run, "only")
        assert one.headers["X-Gitea-Signature"] == ""


@fact("A delivery that is refused does not come again, so that what is lost by it only the next look finds",
      "docs/operations.md:not sent again")
def test_a_refused_delivery_does_not_come_again(gitea):
    with receiver(500) as (url, seen), gitea.hook(url, SECRET):
        run = gitea.push(Job("only", [gitea.fresh("nobody")], 1))
        first_told(gitea, seen, run, "only")
        gitea.stays("it came once", lambda: len(told(seen, run, "only")) == 1, 4)
