/* The kinds of objects, and all objects of each. Namespaces, daemon sets and replica sets are those
 * that the world's pods name. May not change the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <string.h>

static json_t *all_nodes(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_node_count(world); i++)
        json_array_append_new(list, kube_node(world_node_at(world, i)));
    return list;
}

static json_t *all_pods(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_pod_count(world); i++)
        json_array_append_new(list, kube_pod(world_pod_at(world, i)));
    return list;
}

static void add_namespace(json_t *list, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (strcmp(kube_text_at(one, "metadata.name"), name) == 0)
            return;
    }
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s}}, s:{s:[s]}, s:{s:s}}", "kind",
                        "Namespace", "apiVersion", "v1", "metadata", "name", name,
                        "resourceVersion", "1", "creationTimestamp", "2026-11-24T07:00:00Z",
                        "labels", "kubernetes.io/metadata.name", name, "spec", "finalizers",
                        "kubernetes", "status", "phase", "Active"));
}

static json_t *all_namespaces(const struct world *world)
{
    json_t *list = json_array();
    add_namespace(list, "default");
    add_namespace(list, "kube-system");
    add_namespace(list, world_config_of(world)->runner_namespace);
    for (size_t i = 0; i < world_pod_count(world); i++)
        add_namespace(list, world_pod_at(world, i)->namespace_name);
    return list;
}

/* The owners of pods, once each. */
static json_t *all_owners(const struct world *world, enum world_pod_owner owner, const char *kind)
{
    json_t *list = json_array(), *seen = json_object();
    for (size_t i = 0; i < world_pod_count(world); i++) {
        const struct world_pod *pod = world_pod_at(world, i);
        char key[WORLD_NAME_BYTES + 70];
        snprintf(key, sizeof key, "%s/%s", pod->namespace_name, pod->owner_name);
        if (pod->owner != owner || json_object_get(seen, key) != NULL)
            continue;
        json_object_set_new(seen, key, json_true());
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{s:{s:{s:s}}}, s:{}}", "kind",
                      kind, "apiVersion", "apps/v1", "metadata", "name", pod->owner_name,
                      "namespace", pod->namespace_name, "uid", pod->owner_uid, "resourceVersion",
                      "1", "creationTimestamp", "2026-11-24T07:00:00Z", "spec", "selector",
                      "matchLabels", "app", pod->owner_name, "status"));
    }
    json_decref(seen);
    return list;
}

static json_t *all_daemonsets(const struct world *world)
{
    return all_owners(world, WORLD_OWNER_DAEMONSET, "DaemonSet");
}

static json_t *all_replicasets(const struct world *world)
{
    return all_owners(world, WORLD_OWNER_REPLICASET, "ReplicaSet");
}

static json_t *budget_status(const struct world *world, const struct world_budget *budget)
{
    uint32_t healthy = world_budget_healthy(world, budget);
    uint32_t allowed = healthy > budget->min_available ? healthy - budget->min_available : 0;
    if (!budget->processed)
        return json_pack("{s:i, s:i, s:i, s:i}", "disruptionsAllowed", 0, "currentHealthy", 0,
                         "desiredHealthy", 0, "expectedPods", 0);
    return json_pack("{s:i, s:i, s:i, s:i, s:i}", "observedGeneration", 1, "disruptionsAllowed",
                     (int)allowed, "currentHealthy", (int)healthy, "desiredHealthy",
                     (int)budget->min_available, "expectedPods", (int)healthy);
}

static json_t *budgets_of(const struct world *world, const char *version)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_budget_count(world); i++) {
        const struct world_budget *budget = world_budget_at(world, i);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:i, s:s}, s:{s:i, s:{s:{s:s}}}, s:o}", "kind",
                      "PodDisruptionBudget", "apiVersion", version, "metadata", "name",
                      budget->name, "namespace", budget->namespace_name, "resourceVersion", "1",
                      "generation", 1, "creationTimestamp", "2026-11-24T07:00:00Z", "spec",
                      "minAvailable", (int)budget->min_available, "selector", "matchLabels",
                      budget->label_key, budget->label_value, "status",
                      budget_status(world, budget)));
    }
    return list;
}

static json_t *all_budgets(const struct world *world)
{
    return budgets_of(world, "policy/v1");
}

static json_t *all_budgets_beta(const struct world *world)
{
    return budgets_of(world, "policy/v1beta1");
}

static json_t *none(const struct world *world)
{
    (void)world;
    return json_array();
}

static const char *const node_fields[] = {"metadata.name", "spec.unschedulable", NULL};
static const char *const pod_fields[] = {
    "metadata.name",      "metadata.namespace", "spec.nodeName", "spec.restartPolicy",
    "spec.schedulerName", "status.phase",       "status.podIP",  NULL};
static const char *const name_fields[] = {"metadata.name", "metadata.namespace", NULL};

const struct kube_kind kube_nodes = {.kind = "Node",
                                     .plural = "nodes",
                                     .api_version = "v1",
                                     .group = "",
                                     .watched = true,
                                     .fields = node_fields,
                                     .all = all_nodes};
const struct kube_kind kube_pods = {.kind = "Pod",
                                    .plural = "pods",
                                    .api_version = "v1",
                                    .group = "",
                                    .namespaced = true,
                                    .watched = true,
                                    .fields = pod_fields,
                                    .all = all_pods};
const struct kube_kind kube_namespaces = {.kind = "Namespace",
                                          .plural = "namespaces",
                                          .api_version = "v1",
                                          .group = "",
                                          .fields = name_fields,
                                          .all = all_namespaces};
const struct kube_kind kube_daemonsets = {.kind = "DaemonSet",
                                          .plural = "daemonsets",
                                          .api_version = "apps/v1",
                                          .group = "apps",
                                          .namespaced = true,
                                          .fields = name_fields,
                                          .all = all_daemonsets};
const struct kube_kind kube_replicasets = {.kind = "ReplicaSet",
                                           .plural = "replicasets",
                                           .api_version = "apps/v1",
                                           .group = "apps",
                                           .namespaced = true,
                                           .fields = name_fields,
                                           .all = all_replicasets};
const struct kube_kind kube_budgets = {.kind = "PodDisruptionBudget",
                                       .plural = "poddisruptionbudgets",
                                       .api_version = "policy/v1",
                                       .group = "policy",
                                       .namespaced = true,
                                       .fields = name_fields,
                                       .all = all_budgets};
const struct kube_kind kube_budgets_beta = {.kind = "PodDisruptionBudget",
                                            .plural = "poddisruptionbudgets",
                                            .api_version = "policy/v1beta1",
                                            .group = "policy",
                                            .namespaced = true,
                                            .fields = name_fields,
                                            .all = all_budgets_beta};
const struct kube_kind kube_role_bindings = {.kind = "ClusterRoleBinding",
                                             .plural = "clusterrolebindings",
                                             .api_version = "rbac.authorization.k8s.io/v1",
                                             .group = "rbac.authorization.k8s.io",
                                             .fields = name_fields,
                                             .all = none};
