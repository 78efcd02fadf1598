"""What Ebbtide relies on when it evicts a pod: what budgets hold, what is over, and how each is said."""

import pytest

from facts import fact, kube_cases

pytestmark = kube_cases
WRONG_UID = "00000000-0000-4000-8000-000000000000"
SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


def one_pod(kube, app="web"):
    """A pod of a ready node: (namespace, name)."""
    space = kube.namespace()
    return space, kube.pod(space, kube.node(), {"app": app})


def causes(answer):
    return [(one["reason"], one["message"]) for one in answer.json()["details"]["causes"]]


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
@fact("An eviction that nothing holds is 201 with a Status `Success`", "actuator/drain_node.c:evict",
      "actuator/drain_node.c:on_evicted")
def test_nothing_holds_it(kube, version):
    space, pod = one_pod(kube)
    answer = kube.evict(space, pod, version=version)
    assert (answer.status, answer.json()) == (201, SUCCESS)

    def is_gone_or_ending():
        found = kube.get_pod(space, pod)
        return found is None or "deletionTimestamp" in found["metadata"]
    kube.wait("it ends", is_gone_or_ending, 5)
    kube.wait("it is gone", lambda: kube.get_pod(space, pod) is None, 20)


@fact("A budget with something left lets go, and holds what would be too much: 429 with the cause `DisruptionBudget`, "
      "without any word on when to ask again", "common/kube.c:has_cause", "actuator/drain_node.c:say_held",
      "actuator/drain_node.c:BUDGET_MS")
def test_a_budget_that_is_used_up(kube):
    space, node = kube.namespace(), kube.node()
    first, second = (kube.pod(space, node, {"app": "web"}) for _ in range(2))
    name = kube.budget(space, "app", "web", 1)
    kube.wait("one may go", lambda: kube.evict(space, first).status == 201, 10)
    kube.wait("it is gone", lambda: kube.get_pod(space, first) is None, 20)
    answer = kube.wait("the other is held by what was counted", lambda: kube.evict(space, second), 5)
    status = answer.json()
    assert (answer.status, status["reason"], status["code"]) == (429, "TooManyRequests", 429)
    assert status["message"] == VIOLATES
    assert causes(answer) == [("DisruptionBudget",
                               f"The disruption budget {name} needs 1 healthy pods and has 1 currently")]
    assert answer.headers["Retry-After"] is None and "retryAfterSeconds" not in status["details"]
    assert "deletionTimestamp" not in kube.get_pod(space, second)["metadata"]


@fact("A budget that nobody has processed yet holds too: 429 that says to ask again after 10 seconds, in the header "
      "and in the Status", "common/kube.c:kube_trouble", "actuator/drain_node.c:on_evicted")
def test_a_budget_that_is_not_processed(kube):
    space, pod = one_pod(kube)
    with kube.controllers_asleep():
        name = kube.budget(space, "app", "web", 0)
        answer = kube.evict(space, pod)
    status = answer.json()
    assert (answer.status, answer.headers["Retry-After"], status["details"]["retryAfterSeconds"]) == (429, "10", 10)
    assert status["reason"] == "TooManyRequests" and status["message"] == VIOLATES
    assert causes(answer) == [("DisruptionBudget",
                               f"The disruption budget {name} is still being processed by the server.")]


@fact("Two budgets on one pod are a plain 500 that never heals, known by its words only", "common/kube.c:TWO_BUDGETS")
def test_two_budgets(kube):
    space, pod = one_pod(kube)
    for _ in range(2):
        kube.budget(space, "app", "web", 0)
    answer = kube.evict(space, pod)
    assert (answer.status, answer.json()["status"], answer.json()["code"]) == (500, "Failure", 500)
    assert answer.json()["message"] == (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
    assert "reason" not in answer.json()
    assert "deletionTimestamp" not in kube.get_pod(space, pod)["metadata"]


@fact("A pod that is gone is 404 `NotFound`", "actuator/drain_node.c:on_evicted", "actuator/look.c:look_is_gone")
def test_a_pod_that_is_gone(kube):
    answer = kube.evict(kube.namespace(), "none")
    assert (answer.status, answer.json()["reason"]) == (404, "NotFound")
    assert answer.json()["message"] == 'pods "none" not found'


@fact("A precondition of another uid is 409 and ends nothing: the pod was replaced", "actuator/drain_node.c:evict",
      "actuator/drain_node.c:on_evicted")
def test_another_pod_of_the_name(kube):
    space, pod = one_pod(kube)
    answer = kube.evict(space, pod, WRONG_UID)
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    assert f"the UID in the precondition ({WRONG_UID}) does not match the UID in record" in answer.json()["message"]
    assert "deletionTimestamp" not in kube.get_pod(space, pod)["metadata"]


@fact("A pod that is only pending goes whatever its budget says", "actuator/facts.c:facts_pod_fate")
def test_a_pending_pod(kube):
    space = kube.namespace()
    pod = kube.pod(space, labels={"app": "web"})
    kube.budget(space, "app", "web", 5)
    assert kube.evict(space, pod).status == 201


@fact("A budget of another namespace or another label holds nothing", "actuator/drain_node.c:evict")
def test_budgets_of_others(kube):
    space, pod = one_pod(kube)
    kube.budget(kube.namespace(), "app", "web", 5)
    kube.budget(space, "app", "other", 5)
    assert kube.evict(space, pod).status == 201


@pytest.mark.parametrize("changes, said", [
    ({"name": "other"}, "name in URL does not match name in Eviction object"),
    ({"name": None}, "name in URL does not match name in Eviction object"),
    ({"namespace": "other"}, "the namespace of the provided object does not match the namespace sent on the request")])
@fact("An Eviction must name its pod and namespace as the path does, or it is 400", "actuator/drain_node.c:evict")
def test_an_eviction_of_another(kube, changes, said):
    space, pod = one_pod(kube)
    named = {key: value for key, value in {"name": pod, "namespace": space, **changes}.items() if value}
    answer = kube.write.request("POST", kube.pod_path(space, pod) + "/eviction", {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": named})
    assert (answer.status, answer.json()["message"]) == (400, said)
    assert "deletionTimestamp" not in kube.get_pod(space, pod)["metadata"]
