/* Changing and deleting nodes. What a client may change is labels, annotations, taints and
 * unschedulable. May not decide what follows from it: the world does. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kube_is_dry_run(const struct exchange *exchange)
{
    const char *value = exchange_query(exchange, "dryRun");
    return value != NULL && strcmp(value, "All") == 0;
}

bool kube_reads_options(struct exchange *exchange)
{
    const json_t *options = exchange_body(exchange);
    const char *kind = json_string_value(json_object_get(options, "kind"));
    size_t length;
    char text[160];
    (void)exchange_body_text(exchange, &length);
    if (length == 0 ||
        (json_is_object(options) && (kind == NULL || !strcmp(kind, "DeleteOptions"))))
        return true;
    if (kind != NULL)
        snprintf(text, sizeof text, "no kind \"%.80s\" is registered for version \"v1\"", kind);
    else
        snprintf(text, sizeof text, "couldn't get version/kind; json parse error");
    kube_status(exchange, 400, "BadRequest", text, NULL);
    return false;
}

bool kube_preconditions_hold(struct exchange *exchange, const json_t *options, const char *kind,
                             const char *name, const char *uid, uint64_t resource_version)
{
    const json_t *wanted = json_object_get(options, "preconditions");
    const char *wanted_uid = json_string_value(json_object_get(wanted, "uid"));
    const char *wanted_version = json_string_value(json_object_get(wanted, "resourceVersion"));
    char version[24], text[320];
    snprintf(version, sizeof version, "%llu", (unsigned long long)resource_version);
    if (wanted_uid != NULL && strcmp(wanted_uid, uid) != 0)
        snprintf(text, sizeof text,
                 "the UID in the precondition (%.60s) does not match the UID in record (%s). The "
                 "object might have been deleted and then recreated",
                 wanted_uid, uid);
    else if (wanted_version != NULL && strcmp(wanted_version, version) != 0)
        snprintf(text, sizeof text,
                 "the ResourceVersion in the precondition (%.60s) does not match the "
                 "ResourceVersion in record (%s). The object might have been modified",
                 wanted_version, version);
    else
        return true;
    kube_conflict(exchange, kind, name, text);
    return false;
}

static bool read_taint(const json_t *object, struct world_taint *out)
{
    const char *key = json_string_value(json_object_get(object, "key"));
    const char *value = json_string_value(json_object_get(object, "value"));
    const char *effect = json_string_value(json_object_get(object, "effect"));
    if (key == NULL || *key == '\0' || strlen(key) >= sizeof out->key || effect == NULL ||
        (strcmp(effect, "NoSchedule") != 0 && strcmp(effect, "PreferNoSchedule") != 0 &&
         strcmp(effect, "NoExecute") != 0) ||
        (value != NULL && strlen(value) >= sizeof out->value))
        return false;
    *out = (struct world_taint){0};
    snprintf(out->key, sizeof out->key, "%s", key);
    snprintf(out->value, sizeof out->value, "%s", value != NULL ? value : "");
    snprintf(out->effect, sizeof out->effect, "%s", effect);
    return true;
}

/* Each pair of key and effect may stand there once. */
static bool is_repeated(const struct world_taint *taints, size_t last)
{
    for (size_t i = 0; i < last; i++)
        if (strcmp(taints[i].key, taints[last].key) == 0 &&
            strcmp(taints[i].effect, taints[last].effect) == 0)
            return true;
    return false;
}

struct node_change {
    struct world_pair label_pairs[WORLD_MAP_PAIRS_MAX], annotation_pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels, annotations;
    struct world_taint taints[WORLD_TAINTS_MAX];
    struct world_node_spec spec;
};

/* Reads what may be set from a Node's JSON; NULL, or the path of what is wrong. */
static const char *read_node(const json_t *object, struct node_change *out)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const json_t *spec = json_object_get(object, "spec");
    const json_t *labels = json_object_get(metadata, "labels");
    const json_t *annotations = json_object_get(metadata, "annotations");
    const json_t *taints = json_object_get(spec, "taints");
    memset(out, 0, sizeof *out);
    if (labels != NULL && !api_read_map(labels, out->label_pairs, &out->labels))
        return "metadata.labels";
    if (annotations != NULL && !api_read_map(annotations, out->annotation_pairs, &out->annotations))
        return "metadata.annotations";
    if (json_array_size(taints) > WORLD_TAINTS_MAX)
        return "metadata.taints";
    for (size_t i = 0; i < json_array_size(taints); i++) {
        if (!read_taint(json_array_get(taints, i), &out->taints[i]) || is_repeated(out->taints, i))
            return "metadata.taints";
        out->spec.taint_count++;
    }
    for (uint32_t i = 0; i < out->labels.count; i++) {
        if (strlen(out->labels.pairs[i].value) > 63)
            return "metadata.labels";
    }
    out->spec.labels = &out->labels;
    out->spec.annotations = &out->annotations;
    out->spec.taints = out->taints;
    out->spec.unschedulable = json_is_true(json_object_get(spec, "unschedulable"));
    return NULL;
}

static void update(struct exchange *exchange, const char *name, const json_t *object)
{
    struct node_change *change = malloc(sizeof *change);
    char text[400];
    if (change == NULL) {
        kube_status(exchange, 500, "InternalError", "out of memory", NULL);
        return;
    }
    const char *wrong = read_node(object, change);
    if (wrong != NULL) {
        snprintf(text, sizeof text, "Node \"%s\" is invalid: %s: Invalid value", name, wrong);
        kube_status(exchange, 422, "Invalid", text,
                    json_pack("{s:s, s:s}", "name", name, "kind", "Node"));
    } else {
        if (!kube_is_dry_run(exchange))
            world_node_update(exchange_world(exchange), name, &change->spec);
        kube_get(exchange, &kube_nodes, name);
    }
    free(change);
}

/* A field that may never change. */
static void refuse_change(struct exchange *exchange, const char *name, const char *field,
                          const char *value)
{
    char cause[160], text[640];
    snprintf(cause, sizeof cause, "Invalid value: \"%.80s\": field is immutable", value);
    snprintf(text, sizeof text, "Node \"%s\" is invalid: %s: %s", name, field, cause);
    kube_status(exchange, 422, "Invalid", text,
                json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}]}", "name", name, "kind", "Node", "causes",
                          "reason", "FieldValueInvalid", "message", cause, "field", field));
}

/* A patch may name the resource version and uid it was made for: an older version is a conflict,
 * another uid is a field that cannot be changed. */
static bool metadata_matches(struct exchange *exchange, const json_t *object,
                             const struct world_node *node)
{
    char version[24], text[400];
    const char *uid = kube_text_at(object, "metadata.uid");
    const char *name = kube_text_at(object, "metadata.name");
    snprintf(version, sizeof version, "%llu", (unsigned long long)node->resource_version);
    if (strcmp(name, node->name) != 0) {
        snprintf(text, sizeof text,
                 "the name of the object (%.80s) does not match the name on the URL (%s)", name,
                 node->name);
        kube_status(exchange, 400, "BadRequest", text, NULL);
    } else if (strcmp(kube_text_at(object, "metadata.resourceVersion"), version) != 0) {
        kube_conflict(exchange, "nodes", node->name,
                      "the object has been modified; please apply your changes to the latest "
                      "version and try again");
    } else if (strcmp(uid, node->uid) != 0) {
        refuse_change(exchange, node->name, "metadata.uid", uid);
    } else {
        return true;
    }
    return false;
}

void kube_nodes_patch(struct exchange *exchange)
{
    const char *name = exchange_parameter(exchange, "name");
    const struct world_node *node = world_node_named(exchange_world(exchange), name);
    if (node == NULL) {
        kube_not_found(exchange, &kube_nodes, name);
        return;
    }
    bool replace = strcmp(exchange_method(exchange), "PUT") == 0;
    json_t *object = replace ? json_deep_copy(exchange_body(exchange)) : kube_node(node);
    if (replace && !json_is_object(object))
        kube_status(exchange, 400, "BadRequest", "the body is no object", NULL);
    else if ((replace || kube_apply_patch(exchange, object)) &&
             metadata_matches(exchange, object, node))
        update(exchange, name, object);
    json_decref(object);
}

void kube_nodes_delete(struct exchange *exchange)
{
    const char *name = exchange_parameter(exchange, "name");
    const struct world_node *node = world_node_named(exchange_world(exchange), name);
    char uid[WORLD_UID_BYTES];
    if (node == NULL) {
        kube_not_found(exchange, &kube_nodes, name);
        return;
    }
    if (!kube_reads_options(exchange) ||
        !kube_preconditions_hold(exchange, exchange_body(exchange), "Node", name, node->uid,
                                 node->resource_version))
        return;
    snprintf(uid, sizeof uid, "%s", node->uid);
    if (!kube_is_dry_run(exchange))
        world_node_delete(exchange_world(exchange), name, uid);
    kube_deleted(exchange, "nodes", name, uid);
}
