"""What Ebbtide relies on in Kubernetes' refusals: who may do what, with the roles of deploy/kubernetes."""

import re

import pytest

from facts import fact, kube_cases

pytestmark = kube_cases


def refusal(answer, code, reason):
    status = answer.json()
    assert (answer.status, status["kind"], status["status"], status["reason"], status["code"]) == (
        code, "Status", "Failure", reason, code)
    return status


@fact("The poller's role reads nodes and pods, and is refused every change with 403 that says what was missing",
      "common/kube.c:judge", "deploy/kubernetes/access.yaml:ebbtide-poller")
def test_the_poller_may_only_read(kube):
    space, node = kube.namespace(), kube.node()
    pod = kube.pod(space, node)
    for path in (kube.NODES, kube.node_path(node), "/api/v1/pods", kube.pod_path(space, pod)):
        assert kube.read.request("GET", path).status == 200, path
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space}}
    at_cluster = 'in API group "" at the cluster scope'
    for method, path, body, said in (
            ("DELETE", kube.node_path(node), None,
             f'nodes "{node}" is forbidden: User "NAME" cannot delete resource "nodes" {at_cluster}'),
            ("PATCH", kube.node_path(node), {},
             f'nodes "{node}" is forbidden: User "NAME" cannot patch resource "nodes" {at_cluster}'),
            ("POST", kube.pod_path(space, pod) + "/eviction", eviction,
             f'pods "{pod}" is forbidden: User "NAME" cannot create resource "pods/eviction" in API group "" in the '
             f'namespace "{space}"')):
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        status = refusal(kube.read.request(method, path, body, kind), 403, "Forbidden")
        assert re.sub('User "[^"]*"', 'User "NAME"', status["message"]) == said
        assert status["details"]["kind"] == path.split("/")[3 if "nodes" in path else 5]
    assert "unschedulable" not in kube.get_node(node)["spec"]
    assert "deletionTimestamp" not in kube.get_pod(space, pod)["metadata"]


@fact("Who is no administrator is refused the cluster's role bindings with 403", "poller/kube.c:on_bindings")
def test_the_poller_may_not_read_role_bindings(kube):
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?limit=1"
    status = refusal(kube.read.request("GET", path), 403, "Forbidden")
    assert status["message"].startswith("clusterrolebindings.rbac.authorization.k8s.io is forbidden: ")
    assert ('cannot list resource "clusterrolebindings" in API group "rbac.authorization.k8s.io" at the cluster scope'
            in status["message"])


@fact("The actuator's role is enough to look, note, cordon, evict and delete",
      "deploy/kubernetes/access.yaml:ebbtide-actuator")
def test_the_actuator_may_do_what_it_does(kube):
    space, node = kube.namespace(), kube.node()
    pod = kube.pod(space, node)
    for path in (kube.node_path(node), "/api/v1/pods", f"/api/v1/namespaces/{space}/pods", kube.NODES):
        assert kube.write.request("GET", path).status == 200, path
    assert kube.patch_node(node, {"metadata": {"annotations": {"ebbtide/fence": "x"}}}).status == 200
    assert kube.evict(space, pod).status == 201
    assert kube.delete_node(node).status == 200


@fact("A wrong token is 401 `Unauthorized`; none at all is 403 for `system:anonymous`", "common/kube.c:judge")
def test_a_wrong_token_and_none(kube):
    status = refusal(kube.with_token("wrong").request("GET", kube.NODES), 401, "Unauthorized")
    assert status["message"] == "Unauthorized"
    assert kube.with_token("wrong").request("GET", "/version").status == 401, "even where none is needed"
    assert kube.with_token(None).request("GET", "/version").status == 200
    status = refusal(kube.with_token(None).request("GET", kube.NODES), 403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "nodes"' in status["message"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/apis/nothing.example/v1/things"])
@fact("A path that is not known is 404 to who may ask, and 403 to who may not; never a page", "common/kube.c:judge")
def test_an_unknown_path(kube, path):
    answer = kube.write.request("GET", path)
    assert answer.status in (403, 404) and answer.json()["kind"] == "Status"
