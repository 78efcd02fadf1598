/* What Kubernetes does with a request of the actuator's (FACTS: Kubernetes 1.36).
 * May not: know who asked. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define NODES     "/api/v1/nodes/"
#define PAIRS_MAX 32

static void say(struct effect *out, unsigned status, const char *reason, const char *message)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:i}", "kind", "Status", "status",
                  status < 300 ? "Success" : "Failure", "message", message, "code", (int)status);
    if (reason != NULL)
        json_object_set_new(body, "reason", json_string(reason));
    out->status = status;
    out->body = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (out->body == NULL)
        sim_die("out of memory");
}

/* ---------------------------------------------------------------------------------------- nodes */

static void copy_annotations(const struct world_node *node, json_t *change,
                             struct world_pair pairs[PAIRS_MAX], struct world_map *out)
{
    const char *key;
    json_t *value;
    *out = (struct world_map){.pairs = pairs};
    for (uint32_t i = 0; i < node->annotations.count && out->count < PAIRS_MAX; i++)
        if (json_object_get(change, node->annotations.pairs[i].key) == NULL)
            pairs[out->count++] = node->annotations.pairs[i];
    json_object_foreach(change, key, value) {
        if (!json_is_string(value) || out->count == PAIRS_MAX)
            continue; /* null takes it away */
        pairs[out->count].key = (char *)(uintptr_t)key;
        pairs[out->count++].value = (char *)(uintptr_t)json_string_value(value);
    }
}

static uint32_t copy_taints(const struct world_node *node, json_t *wanted,
                            struct world_taint out[WORLD_TAINTS_MAX])
{
    if (!json_is_array(wanted)) {
        memcpy(out, node->taints, sizeof node->taints);
        return node->taint_count;
    }
    uint32_t count = 0;
    for (size_t i = 0; i < json_array_size(wanted) && count < WORLD_TAINTS_MAX; i++, count++) {
        json_t *taint = json_array_get(wanted, i);
        const char *value = json_string_value(json_object_get(taint, "value"));
        out[count] = (struct world_taint){0};
        snprintf(out[count].key, sizeof out[count].key, "%s",
                 json_string_value(json_object_get(taint, "key")));
        snprintf(out[count].value, sizeof out[count].value, "%s", value != NULL ? value : "");
        snprintf(out[count].effect, sizeof out[count].effect, "%s",
                 json_string_value(json_object_get(taint, "effect")));
    }
    return count;
}

/* A merge patch (RFC 7386) of what the actuator changes. */
static void patch_node(struct sim *sim, const char *name, json_t *body, struct effect *out)
{
    const struct world_node *node = world_node_named(sim->world, name);
    json_t *metadata = json_object_get(body, "metadata"), *spec = json_object_get(body, "spec");
    const char *uid = json_string_value(json_object_get(metadata, "uid"));
    const char *version = json_string_value(json_object_get(metadata, "resourceVersion"));
    json_t *unschedulable = json_object_get(spec, "unschedulable");
    struct world_pair pairs[PAIRS_MAX];
    struct world_map annotations;
    struct world_taint taints[WORLD_TAINTS_MAX];
    char now[24];
    if (node == NULL) {
        say(out, 404, "NotFound", "nodes not found");
        return;
    }
    snprintf(now, sizeof now, "%llu", (unsigned long long)node->resource_version);
    if ((uid != NULL && strcmp(uid, node->uid) != 0) ||
        (version != NULL && strcmp(version, now) != 0)) {
        say(out, 409, "Conflict", "the object has been modified");
        return;
    }
    copy_annotations(node, json_object_get(metadata, "annotations"), pairs, &annotations);
    struct world_node_spec change = {
        .labels = &node->labels,
        .annotations = &annotations,
        .taints = taints,
        .taint_count = copy_taints(node, json_object_get(spec, "taints"), taints),
        .unschedulable = unschedulable != NULL ? json_is_true(unschedulable) : node->unschedulable,
    };
    world_node_update(sim->world, name, &change);
    say(out, 200, NULL, "patched");
}

static void delete_node(struct sim *sim, const char *name, json_t *body, struct effect *out)
{
    const char *uid =
        json_string_value(json_object_get(json_object_get(body, "preconditions"), "uid"));
    enum world_verdict verdict = world_node_delete(sim->world, name, uid);
    if (verdict == WORLD_OK)
        say(out, 200, NULL, "deleted");
    else if (verdict == WORLD_CONFLICT)
        say(out, 409, "Conflict", "the UID in the precondition does not match");
    else
        say(out, 404, "NotFound", "nodes not found");
}

/* ----------------------------------------------------------------------------------------- pods */

/* Copies what stands behind `begin` up to the next slash; returns what follows. */
static const char *part_after(const char *path, const char *begin, char *out, size_t size)
{
    size_t skip = strlen(begin);
    if (strncmp(path, begin, skip) != 0)
        sim_die("a request to Kubernetes that the simulation does not know");
    size_t length = strcspn(path + skip, "/");
    snprintf(out, size, "%.*s", (int)length, path + skip);
    return path + skip + length;
}

static void evict(struct sim *sim, const char *path, json_t *body, struct effect *out)
{
    char space[64], pod[WORLD_NAME_BYTES];
    json_t *preconditions =
        json_object_get(json_object_get(body, "deleteOptions"), "preconditions");
    const char *uid = json_string_value(json_object_get(preconditions, "uid"));
    path = part_after(path, "/api/v1/namespaces/", space, sizeof space);
    path = part_after(path, "/pods/", pod, sizeof pod);
    if (strcmp(path, "/eviction") != 0)
        sim_die("a request to Kubernetes that the simulation does not know");
    enum world_verdict verdict = world_pod_evict(sim->world, space, pod, uid, -1);
    if (verdict == WORLD_OK) {
        say(out, 201, NULL, "evicted");
    } else if (verdict == WORLD_BUDGETS_TWO) {
        say(out, 500, NULL,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support.");
    } else if (verdict == WORLD_BUDGET_SPENT || verdict == WORLD_BUDGET_UNSEEN) {
        say(out, 429, "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.");
        if (verdict == WORLD_BUDGET_UNSEEN)
            out->retry_after_ms = 10000;
    } else if (verdict == WORLD_CONFLICT) {
        say(out, 409, "Conflict", "the UID in the precondition does not match");
    } else {
        say(out, 404, "NotFound", "pods not found");
    }
}

void effect_kube(struct sim *sim, enum send_method method, const char *path, const char *body,
                 struct effect *out)
{
    json_t *json = body != NULL ? json_loads(body, 0, NULL) : NULL;
    bool node = strncmp(path, NODES, strlen(NODES)) == 0;
    if (node && method == SEND_PATCH)
        patch_node(sim, path + strlen(NODES), json, out);
    else if (node && method == SEND_DELETE)
        delete_node(sim, path + strlen(NODES), json, out);
    else
        evict(sim, path, json, out);
    json_decref(json);
}
