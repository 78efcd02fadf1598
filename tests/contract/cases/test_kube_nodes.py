"""What Ebbtide relies on when it notes, cordons, taints and deletes a node."""

import time

import pytest

from facts import fact, kube_cases
from shapes import MERGE_PATCH

pytestmark = kube_cases
NOTE = "ebbtide/fence"
TAINT = "ebbtide/drain"
WRONG_UID = "00000000-0000-4000-8000-000000000000"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def cordon(kube, name, effect, version=None):
    """As the actuator does: all taints of others, ours, and this very version of the node."""
    node = kube.get_node(name)
    taints = [one for one in node["spec"].get("taints", []) if one["key"] != TAINT]
    body = {"metadata": {"uid": node["metadata"]["uid"],
                         "resourceVersion": version or node["metadata"]["resourceVersion"]},
            "spec": {"unschedulable": True, "taints": [*taints, {"key": TAINT, "value": "1", "effect": effect}]}}
    return kube.patch_node(name, body)


def cordoned(kube, name, effect):
    """Tries again where a controller was faster, as the actuator does."""
    kube.wait("the node is cordoned", lambda: cordon(kube, name, effect).status == 200, 10)


@fact("A merge patch with the uid in `metadata` writes an annotation and nothing else; null takes it away",
      "actuator/fence.c:write_node_note", "common/kube_decode.c:read_node")
def test_a_note_is_written_and_taken_away(kube):
    name = kube.node({"mark": "kept"})
    uid = kube.get_node(name)["metadata"]["uid"]
    answer = kube.patch_node(name, {"metadata": {"uid": uid, "annotations": {NOTE: "v1 1,2"}}})
    assert (answer.status, answer.json()["metadata"]["annotations"][NOTE]) == (200, "v1 1,2")
    kube.patch_node(name, {"metadata": {"uid": uid, "annotations": {"of/another": "kept"}}})
    answer = kube.patch_node(name, {"metadata": {"uid": uid, "annotations": {NOTE: None}}})
    left = answer.json()["metadata"]
    assert answer.status == 200 and NOTE not in left["annotations"]
    assert (left["annotations"]["of/another"], left["labels"]["mark"]) == ("kept", "kept")
    assert kube.patch_node(name, {"metadata": {"uid": uid, "annotations": {NOTE: None}}}).status == 200


@fact("A merge patch whose `metadata.uid` is another's is 422 and changes nothing: no other node of the name is marked",
      "actuator/fence.c:write_node_note")
def test_a_note_for_another_node_of_the_name(kube):
    name = kube.node()
    answer = kube.patch_node(name, {"metadata": {"uid": WRONG_UID, "annotations": {NOTE: "v1 1"}}})
    assert (answer.status, answer.json()["reason"]) == (422, "Invalid")
    said = f'Node "{name}" is invalid: metadata.uid: Invalid value: "{WRONG_UID}": field is immutable'
    assert answer.json()["message"].startswith(said)
    assert "metadata.uid" in {one["field"] for one in answer.json()["details"]["causes"]}
    assert NOTE not in kube.get_node(name)["metadata"].get("annotations", {})


@fact("Where uid and version are both of an older node of the name, the version decides: 409, tried again",
      "actuator/drain_node.c:on_cordoned")
def test_a_cordon_of_an_older_node_of_the_name(kube):
    name = kube.node()
    stale = kube.get_node(name)["metadata"]["resourceVersion"]
    kube.patch_node(name, {"metadata": {"annotations": {"of/another": "x"}}})
    answer = kube.patch_node(name, {"metadata": {"uid": WRONG_UID, "resourceVersion": stale},
                                    "spec": {"unschedulable": True}})
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")


@fact("A patch that names another node is refused with 400", "actuator/fence.c:write_node_note")
def test_a_patch_that_names_another(kube):
    answer = kube.patch_node(kube.node(), {"metadata": {"name": "other"}})
    assert (answer.status, answer.json()["reason"]) == (400, "BadRequest")
    assert "does not match the name on the URL" in answer.json()["message"]


@fact("A patch that names an older resource version is 409: two that replace the taints do not undo each other",
      "actuator/drain_node.c:cordon", "actuator/drain_node.c:on_cordoned")
def test_a_patch_of_an_older_version(kube):
    name = kube.node()
    stale = kube.get_node(name)["metadata"]["resourceVersion"]
    kube.patch_node(name, {"metadata": {"annotations": {"of/another": "x"}}})
    answer = cordon(kube, name, "NoSchedule", stale)
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified" in answer.json()["message"]
    assert "unschedulable" not in kube.get_node(name)["spec"]


@fact("A merge patch replaces the list of taints as a whole, and cordons; a repeat is no error",
      "actuator/drain_node.c:taints_wanted", "actuator/drain_node.c:has_taint")
def test_cordon_and_taint(kube):
    name = kube.node()
    for effect in ("NoSchedule", "NoExecute", "NoExecute"):
        cordoned(kube, name, effect)
        node = kube.get_node(name)
        assert node["spec"]["unschedulable"] is True
        ours = [one for one in node["spec"]["taints"] if one["key"] == TAINT]
        assert [(one["value"], one["effect"]) for one in ours] == [("1", effect)]


@fact("Kubernetes adds a taint of its own to a cordoned node: taints of others are to be kept, and the version changes "
      "behind us", "actuator/drain_node.c:taints_wanted", "actuator/drain_node.c:on_cordoned")
def test_a_cordon_gets_a_taint_of_kubernetes_own(kube):
    name = kube.node()
    cordoned(kube, name, "NoSchedule")

    def keys():
        return {one["key"] for one in kube.get_node(name)["spec"]["taints"]}
    kube.wait("its own taint is there", lambda: UNSCHEDULABLE in keys(), 15)
    cordoned(kube, name, "NoExecute")
    assert keys() == {UNSCHEDULABLE, TAINT}


@fact("Patches are told apart by their content type: merge, strategic merge, JSON patch; another is 415",
      "actuator/work.c:KUBE_MERGE_PATCH")
def test_content_types_of_patches(kube):
    name = kube.node()
    uid = kube.get_node(name)["metadata"]["uid"]
    strategic = "application/strategic-merge-patch+json"
    assert kube.patch_node(name, {"spec": {"unschedulable": True}}, strategic).status == 200
    good = [{"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/metadata/labels/x", "value": "y"}]
    kube.patch_node(name, {"metadata": {"labels": {"mark": "m"}}})
    assert kube.patch_node(name, good, "application/json-patch+json").json()["metadata"]["labels"]["x"] == "y"
    good[0]["value"] = WRONG_UID
    failed = kube.patch_node(name, good, "application/json-patch+json")
    assert (failed.status, failed.json()["reason"]) == (422, "Invalid")
    unknown = kube.patch_node(name, {}, "application/json")
    assert (unknown.status, unknown.json()["reason"]) == (415, "UnsupportedMediaType")


@fact("A patch of a node that is gone is 404", "actuator/drain_node.c:on_cordoned", "actuator/fence.c:wrote_note")
def test_a_patch_of_a_node_that_is_gone(kube):
    answer = kube.patch_node("none", {"metadata": {"annotations": {NOTE: "x"}}})
    assert (answer.status, answer.json()["reason"]) == (404, "NotFound")


@pytest.mark.parametrize("taints", [
    [{"key": TAINT, "effect": "PreferNoise"}], [{"key": TAINT, "effect": ""}], [{"key": "", "effect": "NoExecute"}],
    [{"key": TAINT, "effect": "NoExecute", "value": "1"}, {"key": TAINT, "effect": "NoExecute", "value": "2"}]])
@fact("A taint of an unknown effect, without a key, or twice with one effect is refused with 422: ours replaces ours",
      "actuator/drain_node.c:taints_wanted")
def test_taints_that_cannot_be(kube, taints):
    name = kube.node()
    answer = kube.patch_node(name, {"spec": {"unschedulable": True, "taints": taints}}, MERGE_PATCH)
    assert (answer.status, answer.json()["reason"]) == (422, "Invalid")
    assert answer.json()["message"].startswith(f'Node "{name}" is invalid: ')
    assert "unschedulable" not in kube.get_node(name)["spec"]


# ------------------------------------------------------------------------------------------ deleting


@fact("A DELETE with another uid is 409 and deletes nothing", "actuator/remove_node.c:delete_node",
      "actuator/remove_node.c:on_node_deleted")
def test_deleting_another_node_of_the_name(kube):
    name = kube.node()
    uid = kube.get_node(name)["metadata"]["uid"]
    answer = kube.delete_node(name, WRONG_UID)
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    assert answer.json()["message"] == (
        f'Operation cannot be fulfilled on Node "{name}": the UID in the precondition ({WRONG_UID}) does not match the '
        f'UID in record ({uid}). The object might have been deleted and then recreated')
    assert kube.get_node(name)["metadata"]["uid"] == uid


@fact("A DELETE with its uid is 200 and says whom; again it is 404", "actuator/remove_node.c:delete_node",
      "actuator/look.c:look_is_gone")
def test_deleting_a_node(kube):
    name = kube.node()
    uid = kube.get_node(name)["metadata"]["uid"]
    answer = kube.delete_node(name, uid)
    status = answer.json()
    assert (answer.status, status["kind"], status["status"]) == (200, "Status", "Success")
    assert status["details"] == {"name": name, "kind": "nodes", "uid": uid}
    assert kube.read.request("GET", kube.node_path(name)).status == 404
    again = kube.delete_node(name, uid)
    assert (again.status, again.json()["reason"]) == (404, "NotFound")


@pytest.mark.parametrize("body", [b"{", {"apiVersion": "v1", "kind": "Other"}])
@fact("A DELETE whose body is not DeleteOptions is 400 and deletes nothing: a precondition is never overlooked",
      "actuator/remove_node.c:delete_node")
def test_options_that_cannot_be_read(kube, body):
    name = kube.node()
    answer = kube.write.request("DELETE", kube.node_path(name), body)
    assert (answer.status, answer.json()["reason"]) == (400, "BadRequest")
    assert kube.read.request("GET", kube.node_path(name)).status == 200


@fact("Pods of a deleted node are still listed, bound to it; they are collected later",
      "actuator/facts.c:owner_by_pod", "poller/kube.c:ask_pods")
def test_pods_of_a_deleted_node(kube):
    space, node = kube.namespace(), kube.node()
    pod = kube.pod(space, node)
    assert kube.delete_node(node).status == 200
    began = time.monotonic()
    assert kube.names("/api/v1/pods", fieldSelector=f"spec.nodeName={node}") == [pod]
    kube.wait("the pod is collected", lambda: kube.get_pod(space, pod) is None, kube.collected_most_s)
    assert time.monotonic() - began >= kube.collected_least_s


# ------------------------------------------------------------------------------------------- taints


@fact("`NoExecute` ends the pods that do not tolerate it at once, past any budget; `NoSchedule` ends none",
      "actuator/drain_node.c:effect_wanted")
def test_what_the_taint_does_to_pods(kube):
    space, node = kube.namespace(), kube.node()
    pod = kube.pod(space, node, {"app": "held"})
    kube.budget(space, "app", "held", 1)
    cordoned(kube, node, "NoSchedule")
    kube.stays("it runs on", lambda: "deletionTimestamp" not in kube.get_pod(space, pod)["metadata"], 1.5)
    cordoned(kube, node, "NoExecute")

    def is_ending():
        found = kube.get_pod(space, pod)
        return found is None or "deletionTimestamp" in found["metadata"]
    kube.wait("it ends", is_ending, kube.grace_s)


@fact("A DaemonSet ignores a cordon and makes its pod anew; a taint `NoSchedule` of ours keeps it away",
      "actuator/drain_node.c:effect_wanted")
def test_a_daemonset_and_the_cordon(kube):
    node, first = kube.machine()
    assert kube.patch_node(node, {"spec": {"unschedulable": True}}).status == 200
    assert kube.evict("gitea-runners", first).status == 201

    def another():
        found = kube.runner_pod(node)
        return found if found != first else None
    second = kube.wait("another pod runs", another, 30)
    cordoned(kube, node, "NoSchedule")
    kube.evict("gitea-runners", second)
    kube.wait("the node has no runner pod", lambda: not kube.runner_pods(node), 30)
    kube.stays("none comes again", lambda: not kube.runner_pods(node), 2)
