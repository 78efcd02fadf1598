/* Changing, deleting and evicting pods. May not decide what a budget allows: the world does. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct world_pod *path_pod(struct exchange *exchange)
{
    const char *name = exchange_parameter(exchange, "name");
    const struct world_pod *pod =
        world_pod_named(exchange_world(exchange), exchange_parameter(exchange, "namespace"), name);
    if (pod == NULL)
        kube_not_found(exchange, &kube_pods, name);
    return pod;
}

void kube_pods_patch(struct exchange *exchange)
{
    const struct world_pod *pod = path_pod(exchange);
    struct world_pair label_pairs[WORLD_MAP_PAIRS_MAX], annotation_pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels = {0}, annotations = {0};
    if (pod == NULL)
        return;
    json_t *object = kube_pod(pod);
    if (!kube_apply_patch(exchange, object)) {
        json_decref(object);
        return;
    }
    const json_t *metadata = json_object_get(object, "metadata");
    api_read_map(json_object_get(metadata, "labels"), label_pairs, &labels);
    api_read_map(json_object_get(metadata, "annotations"), annotation_pairs, &annotations);
    if (!kube_is_dry_run(exchange))
        world_pod_annotate(exchange_world(exchange), exchange_parameter(exchange, "namespace"),
                           exchange_parameter(exchange, "name"), &labels, &annotations);
    json_decref(object);
    kube_get(exchange, &kube_pods, exchange_parameter(exchange, "name"));
}

/* gracePeriodSeconds of the options, else of the query; -1: the pod's own. */
static int64_t grace(const struct exchange *exchange, const json_t *options)
{
    const json_t *seconds = json_object_get(options, "gracePeriodSeconds");
    if (json_is_integer(seconds))
        return json_integer_value(seconds);
    return exchange_query_i64(exchange, "gracePeriodSeconds", -1);
}

void kube_pods_delete(struct exchange *exchange)
{
    const struct world_pod *pod = path_pod(exchange);
    const json_t *options = exchange_body(exchange);
    const char *space = exchange_parameter(exchange, "namespace");
    const char *name = exchange_parameter(exchange, "name");
    if (pod == NULL || !kube_reads_options(exchange) ||
        !kube_preconditions_hold(exchange, options, "Pod", name, pod->uid, pod->resource_version))
        return;
    json_t *shown = kube_pod(pod);
    if (!kube_is_dry_run(exchange))
        world_pod_delete(exchange_world(exchange), space, name, NULL, grace(exchange, options));
    pod = world_pod_named(exchange_world(exchange), space, name);
    if (pod != NULL) {
        json_decref(shown);
        shown = kube_pod(pod);
    }
    exchange_reply_json(exchange, 200, shown);
}

/* ------------------------------------------------------------------------------------ eviction */

static bool selects(const struct world_budget *budget, const struct world_pod *pod)
{
    const char *value = world_map_value(&pod->labels, budget->label_key);
    return strcmp(budget->namespace_name, pod->namespace_name) == 0 && value != NULL &&
           strcmp(value, budget->label_value) == 0;
}

static void refuse_budget(struct exchange *exchange, const struct world_pod *pod)
{
    const struct world *world = exchange_world(exchange);
    const struct world_budget *budget = NULL;
    char text[400];
    for (size_t i = 0; budget == NULL && i < world_budget_count(world); i++)
        budget = selects(world_budget_at(world, i), pod) ? world_budget_at(world, i) : NULL;
    snprintf(text, sizeof text,
             "The disruption budget %s needs %u healthy pods and has %u currently",
             budget != NULL ? budget->name : "", budget != NULL ? budget->min_available : 0U,
             budget != NULL ? world_budget_healthy(world, budget) : 0U);
    kube_status(
        exchange, 429, "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        json_pack("{s:[{s:s, s:s}]}", "causes", "reason", "DisruptionBudget", "message", text));
}

static void refuse_unseen(struct exchange *exchange, const struct world_pod *pod)
{
    const struct world *world = exchange_world(exchange);
    char text[400];
    const char *name = "";
    for (size_t i = 0; i < world_budget_count(world); i++) {
        if (selects(world_budget_at(world, i), pod))
            name = world_budget_at(world, i)->name;
    }
    snprintf(text, sizeof text, "The disruption budget %s is still being processed by the server.",
             name);
    exchange_add_header(exchange, "Retry-After", "10");
    kube_status(exchange, 429, "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
                json_pack("{s:[{s:s, s:s}], s:i}", "causes", "reason", "DisruptionBudget",
                          "message", text, "retryAfterSeconds", 10));
}

/* What is wrong with the body; NULL: it is an Eviction of this pod. */
static const char *wrong_eviction(const json_t *body, const char *space, const char *name)
{
    const char *kind = json_string_value(json_object_get(body, "kind"));
    const char *version = json_string_value(json_object_get(body, "apiVersion"));
    const char *in = kube_text_at(body, "metadata.namespace");
    if (!json_is_object(body) || (kind != NULL && strcmp(kind, "Eviction") != 0) ||
        (version != NULL && strcmp(version, "policy/v1") != 0 &&
         strcmp(version, "policy/v1beta1") != 0))
        return "the object provided is unrecognized (must be of type Eviction)";
    if (in[0] != '\0' && strcmp(in, space) != 0)
        return "the namespace of the provided object does not match the namespace sent on the "
               "request";
    return strcmp(kube_text_at(body, "metadata.name"), name) == 0
               ? NULL
               : "name in URL does not match name in Eviction object";
}

static void answer_eviction(struct exchange *exchange, enum world_verdict verdict)
{
    const struct world_pod *pod =
        world_pod_named(exchange_world(exchange), exchange_parameter(exchange, "namespace"),
                        exchange_parameter(exchange, "name"));
    switch ((int)verdict) {
    case WORLD_BUDGET_SPENT: refuse_budget(exchange, pod); return;
    case WORLD_BUDGET_UNSEEN: refuse_unseen(exchange, pod); return;
    case WORLD_BUDGETS_TWO:
        kube_status(exchange, 500, NULL,
                    "This pod has more than one PodDisruptionBudget, which the eviction "
                    "subresource does not support.",
                    NULL);
        return;
    case WORLD_NOT_FOUND:
        kube_not_found(exchange, &kube_pods, exchange_parameter(exchange, "name"));
        return;
    default:
        exchange_reply_json(exchange, 201,
                            json_pack("{s:s, s:s, s:{}, s:s, s:i}", "kind", "Status", "apiVersion",
                                      "v1", "metadata", "status", "Success", "code", 201));
    }
}

void kube_pods_evict(struct exchange *exchange)
{
    const struct world_pod *pod = path_pod(exchange);
    const json_t *body = exchange_body(exchange);
    const json_t *options = json_object_get(body, "deleteOptions");
    const char *name = exchange_parameter(exchange, "name");
    if (pod == NULL)
        return;
    const char *wrong = wrong_eviction(body, exchange_parameter(exchange, "namespace"), name);
    if (wrong != NULL) {
        kube_status(exchange, 400, "BadRequest", wrong, NULL);
        return;
    }
    if (!kube_preconditions_hold(exchange, options, "Pod", name, pod->uid, pod->resource_version))
        return;
    enum world_verdict verdict = WORLD_OK;
    if (!kube_is_dry_run(exchange))
        verdict =
            world_pod_evict(exchange_world(exchange), exchange_parameter(exchange, "namespace"),
                            name, NULL, grace(exchange, options));
    answer_eviction(exchange, verdict);
}
