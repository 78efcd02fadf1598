"""The simulator's Hetzner API against Hetzner's own description, and what the description does not say."""

import copy

import pytest

from cloud import TOKENS
from programs import Http
from shared import shared_json

jsonschema = pytest.importorskip("jsonschema", reason="NOT TESTED against the description: python3-jsonschema is "
                                                      "missing")


@pytest.fixture(name="api")
def make_api(cloud):
    cloud.start_simulator()
    return cloud.apis["hetzner"]


def create(api, name, **changes):
    return api.request("POST", "/v1/servers", {"name": name, "server_type": "ccx33", "image": "ubuntu-24.04",
                                               "location": "nbg1", "labels": {"a": "b"}, **changes})


def plain(schema):
    """OpenAPI 3.0's `nullable` in JSON schema's words, and `datacenter` not required: newer answers lack it."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: plain(value) for key, value in schema.items() if key not in ("nullable", "example", "description")}
    if isinstance(schema.get("required"), list):
        result["required"] = [key for key in schema["required"] if key not in ("datacenter", "description")]
    for key in ("example", "description"):  # as names of properties
        if isinstance(schema.get(key), dict):
            result[key] = plain(schema[key])
    return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") is True else result


def hold(answer, method, path, status):
    """Asserts that an answer has the form which the description gives it."""
    description = shared_json("hetzner/openapi-subset.json")
    responses = description["paths"][path][method]["responses"]
    row = responses.get(str(status)) or responses[f"{status // 100}xx"]
    schema = plain(copy.deepcopy(row["content"]["application/json"]["schema"]))
    schema["components"] = plain(description["components"])
    jsonschema.validate(answer, schema)


def test_every_answer_has_the_form_that_the_description_gives_it(cloud, api):
    created = create(api, "s1")
    assert created.status == 201
    hold(created.json(), "post", "/servers", 201)
    server = created.json()["server"]["id"]
    for path, real in (("/servers", "/servers"), (f"/servers/{server}", "/servers/{id}"),
                       (f"/servers/{server}/actions", "/servers/{id}/actions"),
                       (f"/actions?id={created.json()['action']['id']}", "/actions"),
                       (f"/actions/{created.json()['action']['id']}", "/actions/{id}"), ("/pricing", "/pricing"),
                       ("/server_types", "/server_types"), ("/server_types/22", "/server_types/{id}"),
                       ("/locations", "/locations"), ("/locations/1", "/locations/{id}"), ("/images", "/images"),
                       ("/ssh_keys", "/ssh_keys"), ("/networks", "/networks"), ("/firewalls", "/firewalls"),
                       ("/placement_groups", "/placement_groups")):
        hold(api.get("/v1" + path), "get", real, 200)
    hold(api.send("PUT", f"/v1/servers/{server}", {"labels": {"c": "d"}}), "put", "/servers/{id}", 200)
    hold(create(api, "s1").json(), "post", "/servers", 409)
    cloud.until("its actions are over", lambda: not api.get(f"/v1/servers/{server}")["server"]["locked"])
    hold(api.send("DELETE", f"/v1/servers/{server}"), "delete", "/servers/{id}", 200)


def test_type_image_and_location_are_taken_as_clients_send_them(api):
    assert create(api, "n", server_type=22, location="2").status == 201
    assert create(api, "m", server_type="22", image="ubuntu-24.04", location=2).status == 201
    image = api.get("/v1/images?name=ubuntu-24.04&architecture=x86")["images"][0]["id"]
    assert create(api, "o", image=image, location=None).status == 201
    assert create(api, "p", start_after_create=False).json()["next_actions"] == []


@pytest.mark.parametrize("change, code, status, field", [
    ({"name": "under_score"}, "invalid_input", 422, "name"), ({"server_type": "cx999"}, "invalid_input", 422,
                                                              "server_type"),
    ({"labels": {"hetzner.cloud/x": "y"}}, "invalid_input", 422, "labels"),
    ({"labels": {"k": "v" * 64}}, "invalid_input", 422, "labels"),
    ({"user_data": "x" * 32769}, "invalid_input", 422, "user_data"),
    ({"name": "k3s-server"}, "uniqueness_error", 409, "name")])
def test_a_bad_create_is_refused_by_its_field(api, change, code, status, field):
    answer = create(api, **{"name": "x", **change})
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert error["details"]["fields"][0]["name"] == field
    assert create(api, "full", labels={"k": "v" * 63}, user_data="x" * 32768).status == 201


def test_pages_filters_and_sorting(api):
    for number in range(7):
        assert create(api, f"s{number}", labels={"n": str(number % 2)}).status == 201
    first = api.request("GET", "/v1/servers?label_selector=n%3D0&per_page=3&sort=id%3Adesc")
    page = first.json()["meta"]["pagination"]
    assert page == {"page": 1, "per_page": 3, "previous_page": None, "next_page": 2, "last_page": 2, "total_entries": 4}
    assert [one["name"] for one in first.json()["servers"]] == ["s6", "s4", "s2"]
    assert 'rel="next"' in first.headers["Link"]
    assert api.get("/v1/servers?per_page=999")["meta"]["pagination"]["per_page"] == 50
    assert [one["name"] for one in api.get("/v1/servers?name=s3")["servers"]] == ["s3"]
    assert not api.get("/v1/servers?page=9")["servers"]
    assert api.request("GET", "/v1/servers?sort=price").status == 422
    assert api.request("GET", "/v1/servers?label_selector=%3D%3D").json()["error"]["code"] == "invalid_input"


def test_tokens_and_the_request_budget(cloud, api):
    read = Http(api.base, TOKENS["hetzner", "read"])
    answer = read.request("GET", "/v1/servers")
    assert answer.headers["RateLimit-Limit"] == "3600" and int(answer.headers["RateLimit-Remaining"]) < 3600
    assert int(answer.headers["RateLimit-Reset"]) > 0
    refused = create(read, "no")
    assert (refused.status, refused.json()["error"]["code"]) == (403, "token_readonly")
    assert Http(api.base).request("GET", "/v1/servers").json()["error"]["code"] == "unauthorized"
    cloud.control.send("PUT", "/hetzner/requests", {"remaining": 0})
    spent = read.request("GET", "/v1/servers")
    assert (spent.status, spent.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert spent.headers["RateLimit-Remaining"] == "0"


def test_faults_of_a_create(cloud, api):
    cloud.control.send("POST", "/sold-out", {"server_type": "ccx33", "location": "nbg1"})
    sold_out = create(api, "s1")
    assert (sold_out.status, sold_out.json()["error"]["code"]) == (412, "resource_unavailable")
    assert create(api, "s2", location="fsn1").status == 201
    cloud.fault(effect="answer_status", status=502, method="POST", count=1)
    assert create(api, "s3", location="fsn1").status == 502
    assert create(api, "s3", location="fsn1").json()["error"]["code"] == "uniqueness_error", "it took effect"
    cloud.fault(effect="never_boots", server="s4")
    create(api, "s4", location="fsn1")
    cloud.stays("it never boots", lambda: api.get("/v1/servers?name=s4")["servers"][0]["status"] != "running", 2)


def test_deleting_what_is_protected_or_gone(api):
    server = create(api, "s1").json()["server"]["id"]
    assert api.request("POST", f"/v1/servers/{server}/actions/change_protection", {"delete": True}).status == 201
    refused = api.request("DELETE", f"/v1/servers/{server}")
    assert refused.status == 423 and refused.json()["error"]["code"] in ("protected", "locked")
    assert api.request("DELETE", "/v1/servers/4711").json()["error"]["code"] == "not_found"
