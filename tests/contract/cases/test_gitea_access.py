"""What Ebbtide relies on in Gitea's refusals and small endpoints."""

import re

import pytest

from facts import fact, gitea_cases

pytestmark = gitea_cases
SCOPES = re.compile(r"token does not have at least one of required scope\(s\), required=\[([a-z:]+)\], "
                    r"token scope=(\S+)$")


@fact("Without a token the answer is 401 `token is required`, with a wrong one 401 with other words",
      "common/gitea.c:advice", "common/api_trouble.c:meanings")
def test_no_token_and_a_wrong_one(gitea):
    none = gitea.with_token(None).request("GET", gitea.JOBS)
    assert (none.status, none.json()["message"]) == (401, "token is required")
    wrong = gitea.with_token("0123456789012345678901234567890123456789").request("GET", gitea.JOBS)
    assert (wrong.status, wrong.json()["message"]) == (401, "invalid username, password or token")


@fact("A token without the scope is refused with 403, and the text names all scopes that it has",
      "common/gitea.c:gitea_token_scopes", "poller/gitea.c:on_strange")
def test_a_403_names_the_scopes(gitea):
    runner = gitea.runner("linux", started=False)
    for method, path, needed in (("GET", "/api/v1/user", "read:user"),
                                 ("GET", "/api/v1/notifications?limit=1", "read:notification"),
                                 ("PATCH", f"{gitea.RUNNERS}/{runner}", "write:admin"),
                                 ("DELETE", f"{gitea.RUNNERS}/{runner}", "write:admin"),
                                 ("POST", f"{gitea.RUNNERS}/registration-token", "write:admin")):
        refused = gitea.read.request(method, path, {"disabled": True} if method == "PATCH" else None)
        assert refused.status == 403, path
        found = SCOPES.search(refused.json()["message"])
        assert found, refused.json()["message"]
        assert found[1] == needed
        assert set(found[2].split(",")) == {"read:admin", "read:organization", "read:repository"}
    assert gitea.runners()[runner]["disabled"] is False


@fact("A token of read scopes reads jobs and runners of each scope", "poller/gitea.c:ask_jobs",
      "docs/first-hour.md:read:admin")
def test_read_scopes_are_enough_to_read(gitea):
    for path in (gitea.JOBS, gitea.RUNNERS, "/api/v1/version"):
        assert gitea.read.request("GET", path).status == 200, path


@fact("Who is no site admin is refused the lists of admins with 403, whatever his scopes",
      "common/gitea.c:advice")
def test_who_is_no_site_admin(gitea):
    refused = gitea.ordinary().request("GET", gitea.JOBS)
    assert (refused.status, refused.json()["message"]) == (403, "user should be the site admin")


@fact("`/api/v1/version` names the version, by which the fence is known to exist",
      "common/gitea.c:gitea_path_version", "actuator/fence.c:version_has_fence")
def test_the_version(gitea):
    version = gitea.read.get("/api/v1/version")
    assert version.keys() == {"version"}
    assert re.match(r"1\.26\.\d+", version["version"])


@fact("The registration token comes by POST, the same each time; by GET there is none",
      "docs/first-hour.md:registration")
def test_the_registration_token(gitea):
    path = f"{gitea.RUNNERS}/registration-token"
    answers = [gitea.write.send("POST", path) for _ in range(2)]
    assert answers[0] == answers[1] and answers[0].keys() == {"token"}
    assert len(answers[0]["token"]) == 40
    assert gitea.write.request("GET", path).status == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/admin/actions/nothing"])
@fact("A path that is not known is 404 in plain text, not JSON: so an older Gitea answers to what it lacks",
      "actuator/fence.c:says_no_fence", "common/api_trouble.c:api_trouble_say")
def test_an_unknown_path(gitea, path):
    answer = gitea.write.request("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer.body == b"404 page not found\n"


@fact("A path that is known with another method only is 405 without a body", "actuator/fence.c:says_no_fence")
def test_another_method(gitea):
    for method, path in (("PUT", f"{gitea.RUNNERS}/1"), ("DELETE", gitea.JOBS), ("PATCH", "/api/v1/version")):
        answer = gitea.write.request(method, path, {})
        assert (answer.status, answer.body) == (405, b""), path


@fact("JSON comes as `application/json` with a charset", "common/api_trouble.c:api_trouble_body")
def test_the_content_type(gitea):
    for path in (gitea.JOBS, "/api/v1/version", "/api/v1/user"):
        assert gitea.read.request("GET", path).headers["Content-Type"] == "application/json;charset=utf-8", path


@fact("A wrong token is refused even where none is needed", "common/gitea.c:advice", "poller/gitea.c:on_version")
def test_a_wrong_token_where_none_is_needed(gitea):
    assert gitea.with_token(None).request("GET", "/api/v1/version").status == 200
    wrong = gitea.with_token("wrong").request("GET", "/api/v1/version")
    assert (wrong.status, wrong.json()["message"]) == (401, "invalid username, password or token")
