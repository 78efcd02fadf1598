"""What Ebbtide relies on in Hetzner Cloud's answers. There is no real server to ask: the forms are held against
data/hetzner.json (forms from Hetzner's own description, without its prose), the rest against what was seen of it."""

import json
import pathlib
import time
import urllib.parse

import pytest

from facts import fact, only

jsonschema = pytest.importorskip("jsonschema", reason="NOT TESTED: python3-jsonschema is missing")
FORMS = json.loads((pathlib.Path(__file__).parent.parent / "data" / "hetzner.json").read_text(encoding="utf-8"))
# The real one costs money and has no loopback address.
pytestmark = only("simulator", "there is no Hetzner Cloud to ask; the forms of answers stand in "
                  "tests/contract/data/hetzner.json")


def hold(answer, what):
    """The answer has the form that Hetzner's description gives it."""
    jsonschema.validate(answer, {**FORMS["answers"][what], "components": FORMS["components"]})


def servers(hetzner, client=None, **query):
    return (client or hetzner.read).get(f"/v1/servers?{urllib.parse.urlencode(query)}")


def names(hetzner, **query):
    return [one["name"] for one in servers(hetzner, **query)["servers"]]


def refusal(answer, status, code):
    """The error, whose body has the form and whose code decides."""
    hold(answer.json(), "error")
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (status, code)
    return error


def fields(error):
    return [one["name"] for one in error["details"]["fields"]]


# -------------------------------------------------------------------------------------------- creating


@fact("A create with names answers 201 with the server, its create action and what follows; the server is listed at "
      "once", "actuator/create_server.c:on_created", "common/hetzner_decode.c:hetzner_decode_server")
def test_a_server_is_created(hetzner):
    answer = hetzner.create("one", user_data="#cloud-config\n", start_after_create=True)
    assert answer.status == 201
    body = answer.json()
    hold(body, "POST /servers")
    assert (body["server"]["name"], body["server"]["status"]) == ("one", "initializing")
    assert (body["action"]["command"], body["action"]["status"]) == ("create_server", "running")
    assert [one["command"] for one in body["next_actions"]] == ["start_server"]
    assert body["server"]["labels"] == {"managed-by": "ebbtide"}
    assert names(hetzner, name="one") == ["one"]


@pytest.mark.parametrize("given", [{"server_type": 22, "location": 2}, {"server_type": "22", "location": "2"}])
@fact("Type, location and image are taken as names, numbers and numeric texts, as clients send them",
      "actuator/create_server.c:create_body")
def test_names_and_numbers(hetzner, given):
    image = hetzner.read.get("/v1/images?name=ubuntu-24.04&architecture=x86")["images"][0]["id"]
    assert hetzner.create("one", image=image, **given).status == 201
    named = hetzner.read.get("/v1/server_types/22")["server_type"]["name"]
    assert servers(hetzner, name="one")["servers"][0]["server_type"]["name"] == named


@fact("A server has id, name, status, `created`, type, location and labels; `datacenter` may be missing",
      "common/hetzner_decode.c:read_server", "common/hetzner_decode.c:location_of")
def test_a_server(hetzner):
    server = hetzner.create("one").json()["server"]
    hold(hetzner.read.get(f"/v1/servers/{server['id']}"), "GET /servers/{id}")
    found = servers(hetzner, name="one")["servers"][0]
    assert (found["id"], found["server_type"]["name"], found["location"]["name"]) == (server["id"], "ccx33", "nbg1")
    assert found["created"].endswith(("Z", "+00:00"))
    hetzner.wait("it runs", lambda: servers(hetzner, name="one")["servers"][0]["status"] == "running", 10)


@fact("A second server of one name is `uniqueness_error`: a create whose answer was lost is found by name, never "
      "repeated", "actuator/create_server.c:begin_search", "common/hetzner.c:hetzner_path_server_by_name")
def test_names_are_unique(hetzner):
    hetzner.create("one")
    error = refusal(hetzner.create("one"), 409, "uniqueness_error")
    assert fields(error) == ["name"]
    assert len(servers(hetzner, name="one")["servers"]) == 1


@pytest.mark.parametrize("change, field", [
    ({"name": "under_score"}, "name"), ({"server_type": "cx999"}, "server_type"), ({"location": "mars"}, "location"),
    ({"image": "none"}, "image"), ({"labels": {"hetzner.cloud/x": "y"}}, "labels"),
    ({"labels": {"k": "v" * 64}}, "labels"), ({"labels": {"-k": "v"}}, "labels"),
    ({"user_data": "x" * 32769}, "user_data")])
@fact("A create that is wrong is `invalid_input` and names the field and why", "common/hetzner.c:say_details",
      "actuator/create_server.c:surely_not_made")
def test_a_wrong_create_names_the_field(hetzner, change, field):
    error = refusal(hetzner.create(**{"name": "one", **change}), 422, "invalid_input")
    assert fields(error) == [field] and error["details"]["fields"][0]["messages"]
    assert servers(hetzner)["servers"] == []


@fact("Labels of 63 characters and user data of 32 KiB are taken", "actuator/create_server.c:labels_of")
def test_the_longest_that_is_taken(hetzner):
    labels = {"k" * 63: "v" * 63, "of.example/key": "", "managed-by": "ebbtide"}
    answer = hetzner.create("one", labels=labels, user_data="x" * 32768)
    assert (answer.status, answer.json()["server"]["labels"]) == (201, labels)


@fact("A type that is sold out is 412 `resource_unavailable`, there and then: elsewhere it may be had",
      "common/hetzner_codes.def:resource_unavailable", "reconciler/core/offers.c:offers_close")
def test_sold_out(hetzner):
    hetzner.sold_out("ccx33", "nbg1")
    error = refusal(hetzner.create("one"), 412, "resource_unavailable")
    assert error["details"] is None
    assert servers(hetzner)["servers"] == []
    assert hetzner.create("one", location="fsn1").status == 201


@fact("More servers than the project may have is `resource_limit_exceeded`, and names the limit",
      "common/hetzner_codes.def:resource_limit_exceeded", "common/hetzner.c:say_details")
def test_the_quota(hetzner):
    for number in range(25):
        assert hetzner.create(f"s{number}").status == 201
    error = refusal(hetzner.create("more"), 403, "resource_limit_exceeded")
    assert [one["name"] for one in error["details"]["limits"]] == ["server_limit"]


@fact("A create action can fail after its 201: the server exists, and the failed actions name it",
      "common/hetzner.c:hetzner_path_failed_actions", "common/hetzner_decode.c:mark_failed")
def test_a_create_that_fails_later(hetzner):
    hetzner.create_fails_later()
    server = hetzner.create("one").json()["server"]["id"]
    path = "/v1/servers/actions?status=error&sort=id:desc&page=1&per_page=50"
    failed = hetzner.wait("its action has failed", lambda: hetzner.read.get(path)["actions"], 10)
    hold(hetzner.read.get(path), "GET /servers/actions")
    create = next(one for one in failed if one["command"] == "create_server")
    assert create["status"] == "error" and create["error"]["code"] and create["error"]["message"]
    assert create["resources"] == [{"id": server, "type": "server"}]
    assert names(hetzner) == ["one"]


@fact("An action is asked for by id until it is over", "common/hetzner_decode.c:hetzner_decode_action")
def test_an_action(hetzner):
    action = hetzner.create("one").json()["action"]["id"]

    def ask():
        answer = hetzner.read.get(f"/v1/actions/{action}")
        hold(answer, "GET /actions/{id}")
        return answer["action"]
    hetzner.wait("it succeeds", lambda: ask()["status"] == "success", 10)
    assert (ask()["progress"], ask()["error"]) == (100, None)


# ------------------------------------------------------------------------------------------------ lists


@fact("Lists come in pages of 25, of 50 at most, with totals and the next page's number; behind the end they are empty",
      "common/hetzner_decode.c:read_page", "common/hetzner.c:add_page", "poller/hetzner.c:servers_judged")
def test_pages(hetzner):
    for number in range(7):
        hetzner.create(f"s{number}")
    first = hetzner.read.request("GET", "/v1/servers?sort=id:asc&page=1&per_page=3")
    hold(first.json(), "GET /servers")
    assert first.json()["meta"]["pagination"] == {
        "page": 1, "per_page": 3, "previous_page": None, "next_page": 2, "last_page": 3, "total_entries": 7}
    assert 'rel="next"' in first.headers["Link"] and 'rel="last"' in first.headers["Link"]
    last = servers(hetzner, sort="id:asc", page=3, per_page=3)
    assert ([one["name"] for one in last["servers"]], last["meta"]["pagination"]["next_page"]) == (["s6"], None)
    behind = servers(hetzner, page=9, per_page=3)
    assert (behind["servers"], behind["meta"]["pagination"]["next_page"]) == ([], None)
    assert servers(hetzner)["meta"]["pagination"]["per_page"] == 25
    assert servers(hetzner, per_page=999)["meta"]["pagination"]["per_page"] == 50


@fact("`sort=id:asc` puts the new ones last, so that what comes shifts no page",
      "common/hetzner.c:hetzner_path_servers")
def test_sorting(hetzner):
    made = [hetzner.create(name).json()["server"]["id"] for name in ("b", "c", "a")]
    assert [one["id"] for one in servers(hetzner, sort="id:asc")["servers"]] == made
    assert [one["id"] for one in servers(hetzner, sort="id:desc")["servers"]] == made[::-1]
    assert names(hetzner, sort="name:asc") == ["a", "b", "c"]
    assert fields(refusal(hetzner.read.request("GET", "/v1/servers?sort=price"), 422, "invalid_input")) == ["sort"]


@pytest.mark.parametrize("selector, found", [
    ("pool=linux", "ab"), ("pool==linux", "ab"), ("pool!=linux", "cd"), ("pool", "abc"), ("!pool", "d"),
    ("pool in (linux,arm)", "abc"), ("pool notin (linux,arm)", "d"), ("pool=linux,managed-by=ebbtide", "a"),
    ("managed-by=ebbtide", "ac"), ("pool=none", "")])
@fact("A label selector gives ours only: equal, unequal, there, not there, one of several, and all joined by commas",
      "common/hetzner.c:hetzner_path_servers")
def test_selectors(hetzner, selector, found):
    for name, labels in (("a", {"pool": "linux", "managed-by": "ebbtide"}), ("b", {"pool": "linux"}),
                         ("c", {"pool": "arm", "managed-by": "ebbtide"}), ("d", {})):
        hetzner.create(name, labels=labels)
    answer = servers(hetzner, label_selector=selector, sort="id:asc", page=1, per_page=50)
    assert "".join(one["name"] for one in answer["servers"]) == found
    assert answer["meta"]["pagination"]["total_entries"] == len(found)


@pytest.mark.parametrize("selector", ["==", "a=b,,", "(a)", "a in b"])
@fact("A selector that cannot be read is `invalid_input`, never a list of everything",
      "common/hetzner.c:hetzner_path_servers")
def test_a_bad_selector(hetzner, selector):
    hetzner.create("one")
    query = urllib.parse.urlencode({"label_selector": selector})
    refusal(hetzner.read.request("GET", f"/v1/servers?{query}"), 422, "invalid_input")


@fact("A server type has net prices as texts, an hour's and a month's cap, a row a location; the currency stands in "
      "`/pricing`", "common/hetzner_prices.c:read_price", "common/hetzner_prices.c:hetzner_decode_currency")
def test_prices(hetzner):
    body = hetzner.read.get("/v1/server_types?page=1&per_page=50")
    hold(body, "GET /server_types")
    found = next(one for one in body["server_types"] if one["name"] == "ccx33")
    for price in found["prices"]:
        assert float(price["price_monthly"]["net"]) > float(price["price_hourly"]["net"]) > 0
        assert isinstance(price["price_hourly"]["net"], str) and price["location"]
    pricing = hetzner.read.get("/v1/pricing")
    hold(pricing, "GET /pricing")
    assert pricing["pricing"]["currency"] == "EUR"


# ------------------------------------------------------------------------------- changing and deleting


@fact("A PUT of labels replaces them all", "actuator/fence.c:write_server_note")
def test_labels_are_replaced_as_a_whole(hetzner):
    server = hetzner.create("one", labels={"managed-by": "ebbtide", "ebbtide-fence": "x"}).json()["server"]["id"]
    body = hetzner.write.send("PUT", f"/v1/servers/{server}", {"labels": {"managed-by": "ebbtide", "new": ""}})
    hold(body, "PUT /servers/{id}")
    assert body["server"]["labels"] == {"managed-by": "ebbtide", "new": ""}
    assert servers(hetzner, name="one")["servers"][0]["labels"] == {"managed-by": "ebbtide", "new": ""}


@fact("While an action runs, a DELETE may be `locked`: it is tried again", "common/hetzner_codes.def:locked",
      "actuator/remove_node.c:locked")
def test_locked(hetzner):
    server = hetzner.create("one").json()["server"]["id"]
    refusal(hetzner.write.request("DELETE", f"/v1/servers/{server}"), 423, "locked")
    done = hetzner.wait("it may be deleted", lambda: (lambda answer: answer if answer.status == 200 else None)(
        hetzner.write.request("DELETE", f"/v1/servers/{server}")), 10)
    hold(done.json(), "DELETE /servers/{id}")
    assert done.json()["action"]["command"] == "delete_server"
    hetzner.wait("it is gone", lambda: hetzner.read.request("GET", f"/v1/servers/{server}").status == 404, 10)


@fact("What is gone is 404 `not_found`, to a GET and to a DELETE", "common/hetzner.c:judge",
      "actuator/remove_node.c:on_server_deleted")
def test_what_is_gone(hetzner):
    for method in ("GET", "DELETE"):
        refusal(hetzner.write.request(method, "/v1/servers/4711"), 404, "not_found")
    assert servers(hetzner, name="none")["servers"] == []


@fact("A server with delete protection is `protected`: a person must take it away",
      "common/hetzner_codes.def:protected", "actuator/remove_node.c:on_server_deleted")
def test_protected(hetzner):
    server = hetzner.create("one").json()["server"]["id"]
    hetzner.wait("it is not locked", lambda: not servers(hetzner, name="one")["servers"][0]["locked"], 10)
    path = f"/v1/servers/{server}"
    protection = {"delete": True, "rebuild": True}
    assert hetzner.write.request("POST", path + "/actions/change_protection", protection).status == 201
    hetzner.wait("it is protected", lambda: hetzner.read.get(path)["server"]["protection"]["delete"], 5)
    hetzner.wait("it is not locked", lambda: not hetzner.read.get(path)["server"]["locked"], 10)
    refusal(hetzner.write.request("DELETE", path), 423, "protected")
    assert names(hetzner) == ["one"]


# ----------------------------------------------------------------------------------- tokens and limits


@fact("A token that may only read is refused every change with `token_readonly`, a wrong one with `unauthorized`",
      "common/hetzner_codes.def:token_readonly", "common/hetzner_codes.def:unauthorized")
def test_tokens(hetzner):
    server = hetzner.create("one").json()["server"]["id"]
    refusal(hetzner.create("two", client=hetzner.read), 403, "token_readonly")
    refusal(hetzner.read.request("DELETE", f"/v1/servers/{server}"), 403, "token_readonly")
    refusal(hetzner.read.request("PUT", f"/v1/servers/{server}", {"labels": {}}), 403, "token_readonly")
    for token in (None, "wrong"):
        refusal(hetzner.with_token(token).request("GET", "/v1/servers"), 401, "unauthorized")
    assert names(hetzner) == ["one"]


@fact("Each answer tells the project's budget of requests: of 3,600 an hour, what remains, and the second at which it "
      "is full again; once it is used up all is 429 `rate_limit_exceeded`", "common/http_headers.c:ratelimit-remaining",
      "common/hetzner_codes.def:rate_limit_exceeded", "poller/budget.c")
def test_the_budget_of_requests(hetzner):
    hetzner.requests_left(100)
    answers = [hetzner.read.request("GET", "/v1/servers") for _ in range(3)]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"3600"}
    remaining = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert remaining[0] > remaining[2] and remaining[0] <= 100
    # One comes back a second, so it is full again after as many seconds as are missing.
    assert abs(int(answers[0].headers["RateLimit-Reset"]) - time.time() - 3500) < 30
    hetzner.requests_left(0)
    spent = hetzner.write.request("GET", "/v1/servers")
    refusal(spent, 429, "rate_limit_exceeded")
    assert spent.headers["RateLimit-Remaining"] == "0"


@fact("A body that is no JSON is `json_error`", "common/hetzner_codes.def:json_error")
def test_no_json(hetzner):
    refusal(hetzner.write.request("POST", "/v1/servers", b"{"), 400, "json_error")
