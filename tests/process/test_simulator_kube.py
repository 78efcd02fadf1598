"""The simulator's Kubernetes API against answers of a real API server."""

import http.client
import json

import pytest

from cloud import TOKENS
from programs import Http
from shared import same_form, shared_json

MERGE = "application/merge-patch+json"


@pytest.fixture(name="api")
def make_api(cloud):
    cloud.start_simulator("--no-daemonset")
    for number in range(5):
        cloud.control.send("POST", "/nodes", {"name": f"n{number}", "labels": {"pool": "linux"}})
    cloud.control.send("POST", "/pods", {"namespace": "w", "name": "web", "node": "n1", "labels": {"app": "web"}})
    return cloud.apis["kube"]


def test_objects_look_like_real_ones(api):
    node = shared_json("samples/kubernetes/node.json")
    del node["status"]["phase"]
    same_form(api.get("/api/v1/nodes/n1"), node, optional=("annotations", "taints"))
    same_form(api.get("/api/v1/namespaces/w/pods/web"), shared_json("samples/kubernetes/pod.json"),
              optional=("podIP", "podIPs"))


def test_a_list_is_read_in_pages_of_one_moment(cloud, api):
    first = api.get("/api/v1/nodes?limit=2&labelSelector=")
    same_form(first, shared_json("samples/kubernetes/list-limit.json"), optional=("namespace",))
    assert first["metadata"]["remainingItemCount"] == 4
    cloud.control.send("POST", "/nodes", {"name": "n9"})
    names = [one["metadata"]["name"] for one in first["items"]]
    while first["metadata"].get("continue"):
        first = api.get(f"/api/v1/nodes?limit=2&continue={first['metadata']['continue']}")
        names += [one["metadata"]["name"] for one in first["items"]]
    assert names == ["k3s-server", "n0", "n1", "n2", "n3", "n4"], "n9 came after the list began"


def test_a_list_that_is_too_old_is_gone(cloud, api):
    token = api.get("/api/v1/nodes?limit=2")["metadata"]["continue"]
    cloud.control.send("POST", "/kube/compact")
    gone = api.request("GET", f"/api/v1/nodes?limit=2&continue={token}")
    assert gone.status == 410
    same_form(gone.json(), {"kind": "Status", "metadata": {"continue": ""}, "reason": "Expired", "code": 410})
    rest = api.get(f"/api/v1/nodes?continue={gone.json()['metadata']['continue']}")
    assert [one["metadata"]["name"] for one in rest["items"]] == ["n1", "n2", "n3", "n4"]
    assert api.request("GET", "/api/v1/nodes?continue=nonsense").status == 400


def test_selectors(api):
    def names(query):
        return [one["metadata"]["name"] for one in api.get(query)["items"]]
    assert names("/api/v1/nodes?labelSelector=pool%3Dlinux,pool") == ["n0", "n1", "n2", "n3", "n4"]
    assert names("/api/v1/nodes?fieldSelector=metadata.name%3Dn2") == ["n2"]
    assert "web" in names("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")
    assert api.request("GET", "/api/v1/pods?fieldSelector=spec.bogus%3D1").status == 400


def test_patches(api):
    node = api.get("/api/v1/nodes/n1")["metadata"]
    path = "/api/v1/nodes/n1"
    for number, kind in enumerate((MERGE, "application/strategic-merge-patch+json")):
        labels = api.send("PATCH", path, {"metadata": {"labels": {"x": str(number)}}}, kind)["metadata"]["labels"]
        assert labels["x"] == str(number) and labels["pool"] == "linux"
    assert api.send("PATCH", path, {"spec": {"unschedulable": True}}, MERGE)["spec"]["unschedulable"]
    stale = {"metadata": {"resourceVersion": node["resourceVersion"], "labels": {"x": "9"}}}
    assert api.request("PATCH", path, stale, MERGE).json()["reason"] == "Conflict"
    good = [{"op": "test", "path": "/metadata/uid", "value": node["uid"]},
            {"op": "add", "path": "/metadata/labels/a~1b", "value": "c"}]
    assert api.send("PATCH", path, good, "application/json-patch+json")["metadata"]["labels"]["a/b"] == "c"
    bad = [{"op": "test", "path": "/metadata/uid", "value": "0"}]
    assert api.request("PATCH", path, bad, "application/json-patch+json").status == 422
    assert api.request("PATCH", path, {}, "application/json").status == 415
    assert api.request("PATCH", "/api/v1/nodes/none", {}, MERGE).status == 404


def test_deleting_a_node_with_preconditions(api):
    wrong = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    refused = api.request("DELETE", "/api/v1/nodes/n2", wrong)
    assert refused.status == 409
    same_form(refused.json(), shared_json("samples/kubernetes/node-delete-wrong-uid.json"))
    uid = api.get("/api/v1/nodes/n2")["metadata"]["uid"]
    done = api.send("DELETE", "/api/v1/nodes/n2", {"preconditions": {"uid": uid}})
    same_form(done, shared_json("samples/kubernetes/node-delete-ok.json"))
    assert api.request("DELETE", "/api/v1/nodes/n2").status == 404


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
def test_evictions_and_budgets(cloud, api, version):
    path = "/api/v1/namespaces/w/pods/web/eviction"
    body = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": "web", "namespace": "w"}}
    budget = {"namespace": "w", "name": "bb", "label_key": "app", "label_value": "web", "min_available": 1}
    cloud.control.send("POST", "/budgets", {**budget, "processed": False})
    unseen = api.request("POST", path, body)
    assert (unseen.status, unseen.headers["Retry-After"]) == (429, "10")
    cloud.control.send("POST", "/budgets", budget)
    spent = api.request("POST", path, body)
    assert (spent.status, spent.headers["Retry-After"]) == (429, None)
    same_form(spent.json(), shared_json("samples/kubernetes/eviction-429.json"))
    cloud.control.send("POST", "/budgets", {**budget, "name": "second", "min_available": 0})
    assert api.request("POST", path, body).status == 500
    cloud.control.send("DELETE", "/budgets/w/bb")
    done = api.request("POST", path, body)
    assert done.status == 201
    same_form(done.json(), shared_json("samples/kubernetes/eviction-201.json"))
    assert api.request("POST", "/api/v1/namespaces/w/pods/none/eviction", body).status == 404


def watch(cloud, query, events):
    """The first events of a watch of nodes."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.ports["kube"], timeout=10)
    connection.request("GET", f"/api/v1/nodes?watch=true&{query}",
                       headers={"Authorization": f"Bearer {TOKENS['kube', 'read']}"})
    answer = connection.getresponse()
    assert answer.status == 200
    seen = [json.loads(line) for line in (answer.readline() for _ in range(events)) if line]
    connection.close()
    return seen


def test_a_watch_goes_on_from_a_version(cloud, api):
    version = api.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    api.send("PATCH", "/api/v1/nodes/n1", {"metadata": {"labels": {"pool": "other"}}}, MERGE)
    api.send("DELETE", "/api/v1/nodes/n3")
    query = f"resourceVersion={version}&timeoutSeconds=3&allowWatchBookmarks=true"
    kinds = [(one["type"], one["object"]["metadata"].get("name")) for one in watch(cloud, query, 2)]
    assert kinds == [("MODIFIED", "n1"), ("DELETED", "n3")]
    left = watch(cloud, query + "&labelSelector=pool%3Dlinux", 1)[0]
    assert (left["type"], left["object"]["metadata"]["name"]) == ("DELETED", "n1"), "it no longer matches"
    cloud.control.send("POST", "/kube/compact")
    error = watch(cloud, f"resourceVersion={version}", 1)[0]
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)


def test_a_watch_tells_the_end_of_what_was_there(cloud, api):
    assert api.get("/version")["major"] == "1"
    seen = watch(cloud, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", 7)
    assert [one["type"] for one in seen] == ["ADDED"] * 6 + ["BOOKMARK"]
    assert seen[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_read_token_is_refused_as_by_rbac(api):
    read = Http(api.base, TOKENS["kube", "read"])
    refused = read.request("DELETE", "/api/v1/nodes/n1")
    assert refused.status == 403
    same_form(refused.json(), shared_json("samples/kubernetes/rbac-403.json"))
    assert 'cannot delete resource "nodes" in API group "" at the cluster scope' in refused.json()["message"]
    evict = read.request("POST", "/api/v1/namespaces/w/pods/web/eviction", {})
    assert 'cannot create resource "pods/eviction" in API group "" in the namespace "w"' in evict.json()["message"]
    review = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert read.send("POST", path, review)["status"]["allowed"] is False
    assert api.send("POST", path, review)["status"]["allowed"] is True
    assert Http(api.base, "x").request("GET", "/api/v1/nodes").status == 401
    assert "system:anonymous" in Http(api.base).request("GET", "/api/v1/nodes").json()["message"]
