"""What Ebbtide relies on in Kubernetes' lists and objects of nodes and pods."""

import pytest

from facts import fact, kube_cases
from shapes import POD_LABEL

pytestmark = kube_cases


def labelled_nodes(kube, count):
    """Nodes that bear a label of their own: (the selector, their names)."""
    value = kube.fresh("value")
    return f"mark={value}", sorted(kube.node({"mark": value}) for _ in range(count))


@fact("A node has name, uid, resource version and time of creation, `spec.providerID`, and a condition `Ready`",
      "common/kube_decode.c:read_node", "common/kube_decode.c:has_condition")
def test_a_node(kube):
    name = kube.node({"managed-by": "ebbtide-not"}, "hcloud://4711")
    node = kube.get_node(name)
    assert (node["kind"], node["apiVersion"], node["metadata"]["name"]) == ("Node", "v1", name)
    assert all(isinstance(node["metadata"][key], str) and node["metadata"][key]
               for key in ("uid", "resourceVersion", "creationTimestamp"))
    assert node["metadata"]["labels"]["managed-by"] == "ebbtide-not"
    assert node["spec"]["providerID"] == "hcloud://4711"
    assert "unschedulable" not in node["spec"] and "annotations" not in node["spec"]
    ready = [one for one in node["status"]["conditions"] if one["type"] == "Ready"]
    assert [one["status"] for one in ready] == ["True"]


@fact("A pod has uid, name, namespace, `spec.nodeName`, a phase and a condition `Ready`; one that nobody has placed is "
      "`Pending` and names no node", "common/kube_decode.c:kube_read_pod")
def test_a_pod(kube):
    space, node = kube.namespace(), kube.node()
    placed, waiting = kube.get_pod(space, kube.pod(space, node)), kube.get_pod(space, kube.pod(space))
    assert placed["kind"] == "Pod" and placed["metadata"]["namespace"] == space and placed["metadata"]["uid"]
    assert (placed["spec"]["nodeName"], placed["status"]["phase"]) == (node, "Running")
    kube.wait("it is ready", lambda: [one["status"] for one in kube.get_pod(space, placed["metadata"]["name"])[
        "status"]["conditions"] if one["type"] == "Ready"] == ["True"], 10)
    assert waiting["status"]["phase"] == "Pending" and "nodeName" not in waiting["spec"]
    assert "deletionTimestamp" not in placed["metadata"]


@fact("A pod of a DaemonSet names it as its controller", "common/kube_pods.c:owner_kind",
      "actuator/facts.c:facts_pod_fate")
def test_a_daemonset_s_pod_names_its_owner(kube):
    node, pod = kube.machine()
    found = kube.get_pod("gitea-runners", pod)
    owners = [(one["kind"], one["name"]) for one in found["metadata"]["ownerReferences"] if one.get("controller")]
    assert owners == [("DaemonSet", "gitea-runner")]
    assert found["metadata"]["labels"]["app"] == "gitea-actions-runner"
    assert found["spec"]["nodeName"] == node


@fact("A label selector and `limit` cut a list; `continue` gives the rest, whatever came in between",
      "common/kube.c:add_list", "common/kube_decode.c:kube_read_page", "poller/kube.c:on_nodes")
def test_a_list_is_read_in_pages_of_one_moment(kube):
    selector, nodes = labelled_nodes(kube, 5)
    query = f"limit=2&labelSelector={selector.replace('=', '%3D')}"
    page = kube.read.get(f"{kube.NODES}?{query}")
    assert page["kind"] == "NodeList" and page["apiVersion"] == "v1" and page["metadata"]["resourceVersion"]
    found, late, sizes = [], kube.node({"mark": selector[5:]}), []
    while True:
        found += [one["metadata"]["name"] for one in page["items"]]
        sizes.append(len(page["items"]))
        token = page["metadata"].get("continue", "")
        if token == "":
            break
        page = kube.read.get(f"{kube.NODES}?{query}&continue={token}")
    assert sizes == [2, 2, 1] and found == nodes and late not in found


@fact("`remainingItemCount` is told only where nothing is selected: who selects must follow `continue`",
      "poller/kube.c:on_pods")
def test_what_remains_is_told_only_without_selectors(kube):
    selector, nodes = labelled_nodes(kube, 3)
    whole = kube.read.get(f"{kube.NODES}?limit=1")["metadata"]
    assert whole["remainingItemCount"] >= len(nodes) - 1 and whole["continue"]
    part = kube.read.get(f"{kube.NODES}?limit=1&labelSelector={selector.replace('=', '%3D')}")["metadata"]
    assert part["continue"] and "remainingItemCount" not in part


@pytest.mark.parametrize("token", ["nonsense", "e30", "%25"])
@fact("A `continue` that is none is refused with 400", "poller/kube.c:begins_anew")
def test_a_bad_continue(kube, token):
    answer = kube.read.request("GET", f"{kube.NODES}?limit=1&continue={token}")
    assert answer.status == 400
    assert (answer.json()["kind"], answer.json()["reason"]) == ("Status", "BadRequest")
    assert answer.json()["message"].startswith("invalid continue token: continue key is not valid: ")


@pytest.mark.parametrize("query", ["limit=x", "resourceVersion=x"])
@fact("A limit or a version that is no number is refused with 400", "common/kube.c:add_list")
def test_numbers_that_are_none(kube, query):
    answer = kube.read.request("GET", f"{kube.NODES}?{query}")
    assert (answer.status, answer.json()["reason"]) == (400, "BadRequest")


@fact("A `continue` whose version is forgotten is 410 `Expired`, with a fresh one for the rest; begun anew the list is "
      "whole", "poller/kube.c:begins_anew", "common/kube.c:judge")
def test_a_list_that_is_too_old(kube):
    selector, nodes = labelled_nodes(kube, 4)
    query = f"limit=2&labelSelector={selector.replace('=', '%3D')}"
    token = kube.read.get(f"{kube.NODES}?{query}")["metadata"]["continue"]
    kube.compact()
    gone = kube.read.request("GET", f"{kube.NODES}?{query}&continue={token}")
    assert (gone.status, gone.json()["reason"], gone.json()["code"]) == (410, "Expired", 410)
    fresh = gone.json()["metadata"]["continue"]
    rest = kube.read.get(f"{kube.NODES}?{query}&continue={fresh}")
    assert [one["metadata"]["name"] for one in rest["items"]] == nodes[2:]
    assert kube.names(kube.NODES, limit=2, labelSelector=selector) == nodes


@fact("`fieldSelector=spec.nodeName` gives the pods of a node in all namespaces, in pages as well; a field that is not "
      "known is refused with 400", "common/kube.c:kube_path_node_pods")
def test_the_pods_of_a_node(kube):
    here, there = kube.node(), kube.node()
    spaces = kube.namespace(), kube.namespace()
    pods = sorted(kube.pod(space, here) for space in (*spaces, spaces[0]))
    kube.pod(spaces[0], there)
    kube.pod(spaces[0])
    assert sorted(kube.names("/api/v1/pods", limit=2, fieldSelector=f"spec.nodeName={here}")) == pods
    refused = kube.read.request("GET", "/api/v1/pods?fieldSelector=spec.colour%3Dred")
    assert (refused.status, refused.json()["reason"]) == (400, "BadRequest")


@fact("The pods of a namespace are listed by label; a namespace that is not there has none, and that is no error",
      "common/kube.c:kube_path_pods")
def test_the_pods_of_a_namespace(kube):
    space, node = kube.namespace(), kube.node()
    wanted = kube.pod(space, node, {"app": "gitea-actions-runner"})
    kube.pod(space, node, {"app": "other"})
    path = f"/api/v1/namespaces/{space}/pods"
    assert kube.names(path, limit=500, labelSelector=POD_LABEL) == [wanted]
    answer = kube.read.get("/api/v1/namespaces/there-is-none/pods?limit=500")
    assert (answer["kind"], answer["items"]) == ("PodList", [])


@fact("What is not there is 404 with a Status of reason `NotFound` that names it", "common/kube.c:kube_trouble",
      "actuator/look.c:look_is_gone")
def test_what_is_not_there(kube):
    space = kube.namespace()
    for path, kind in ((kube.node_path("none"), "nodes"), (kube.pod_path(space, "none"), "pods")):
        answer = kube.read.request("GET", path)
        status = answer.json()
        assert (answer.status, status["kind"], status["status"], status["reason"], status["code"]) == (
            404, "Status", "Failure", "NotFound", 404)
        assert status["message"] == f'{kind} "none" not found'
        assert status["details"] == {"name": "none", "kind": kind}


@fact("`/version` names major and minor", "common/kube.c:kube_path_version")
def test_the_version(kube):
    version = kube.read.get("/version")
    assert version["major"] == "1" and int(version["minor"].rstrip("+")) >= 36
