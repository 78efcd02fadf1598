/* Kubernetes' nodes and pods decoded. May not: do I/O, log. */
#include "common/kube.h"

#include "common/grow.h"
#include "common/kube_read.h"
#include "common/names.h"

#include <stdlib.h>
#include <string.h>

static bool has_condition(const json_t *status, const char *type)
{
    const json_t *conditions = json_array_of(status, "conditions"), *condition;
    size_t index;
    json_array_foreach(conditions, index, condition) {
        if (strcmp(json_text_of(condition, "type"), type) == 0)
            return strcmp(json_text_of(condition, "status"), "True") == 0;
    }
    return false;
}

bool kube_read_page(const json_t *top, const json_t *items, struct kube_page *page,
                    struct error *error)
{
    const char *token = json_text_of(json_object_of(top, "metadata"), "continue");
    size_t length = strlen(token);
    if (length >= sizeof page->continue_token)
        return error_set(error, "`metadata.continue` has %zu bytes, more than %d", length,
                         KUBE_CONTINUE_BYTES_MAX - 1);
    memcpy(page->continue_token, token, length + 1);
    page->items = (uint32_t)json_array_size(items);
    return true;
}

/* --------------------------------------------------------------------------------------- nodes */

static bool bears_our_taint(const json_t *spec)
{
    const json_t *taints = json_array_of(spec, "taints"), *taint;
    size_t index;
    json_array_foreach(taints, index, taint) {
        if (strcmp(json_text_of(taint, "key"), NODE_TAINT_DRAIN) == 0 &&
            strcmp(json_text_of(taint, "effect"), "NoExecute") == 0)
            return true;
    }
    return false;
}

static bool read_node(const json_t *from, struct arena *arena, struct kube_node *node,
                      struct error *error)
{
    const json_t *metadata = json_object_of(from, "metadata");
    const json_t *spec = json_object_of(from, "spec");
    *node = (struct kube_node){
        .created_ms = json_time_of(metadata, "creationTimestamp"),
        .ready = has_condition(json_object_of(from, "status"), "Ready"),
        .unschedulable = json_bool_of(spec, "unschedulable"),
        .evicting = bears_our_taint(spec),
    };
    return json_need_text(metadata, "name", 1, NAME_BYTES_MAX, arena, &node->name, error) &&
           json_need_text(metadata, "uid", 1, UID_BYTES_MAX, arena, &node->uid, error) &&
           json_need_text(spec, "providerID", 0, PROVIDER_ID_BYTES_MAX, arena, &node->provider_id,
                          error) &&
           json_cut_text(json_object_of(metadata, "annotations"), NODE_ANNOTATION_FENCE,
                         TEXT_BYTES_MAX, arena, &node->fence_note, error);
}

static bool add_nodes(const json_t *top, struct arena *arena, struct kube_node_list *list,
                      struct kube_page *page, struct error *error)
{
    const json_t *nodes = json_need_array(top, "items", error), *node;
    if (nodes == NULL || !kube_read_page(top, nodes, page, error))
        return false;
    size_t index;
    json_array_foreach(nodes, index, node) {
        struct kube_node *items = grow(list->item, list->count, &list->room, KUBE_NODES_MAX,
                                       sizeof *items, "nodes", error);
        if (items == NULL)
            return false;
        list->item = items;
        if (!read_node(node, arena, &items[list->count], error))
            return error_wrap(error, "node %zu of the page", index + 1);
        list->count++;
    }
    return true;
}

bool kube_decode_nodes(const char *body, size_t length, struct arena *arena,
                       struct kube_node_list *list, struct kube_page *page, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_nodes(top, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

/* ---------------------------------------------------------------------------------------- pods */

static enum pod_phase phase_from(const char *word)
{
    static const char *const words[] = {
        [POD_PENDING] = "Pending",
        [POD_RUNNING] = "Running",
        [POD_SUCCEEDED] = "Succeeded",
        [POD_FAILED] = "Failed",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum pod_phase)i;
    return POD_UNKNOWN;
}

bool kube_read_pod(const json_t *from, struct arena *arena, struct kube_pod *pod,
                   struct error *error)
{
    const json_t *metadata = json_object_of(from, "metadata");
    const json_t *status = json_object_of(from, "status");
    *pod = (struct kube_pod){
        .phase = phase_from(json_text_of(status, "phase")),
        .ready = has_condition(status, "Ready"),
        .terminating = json_text_of(metadata, "deletionTimestamp")[0] != '\0',
        .created_ms = json_time_of(metadata, "creationTimestamp"),
    };
    return json_need_text(metadata, "uid", 1, UID_BYTES_MAX, arena, &pod->uid, error) &&
           json_need_text(metadata, "name", 1, NAME_BYTES_MAX, arena, &pod->name, error) &&
           json_need_text(metadata, "namespace", 1, NAME_BYTES_MAX, arena, &pod->namespace_name,
                          error) &&
           json_need_text(json_object_of(from, "spec"), "nodeName", 0, NAME_BYTES_MAX, arena,
                          &pod->node_name, error);
}

bool kube_is_mirror(const json_t *metadata)
{
    return json_object_get(json_object_of(metadata, "annotations"), MIRROR_ANNOTATION) != NULL;
}

static bool add_pods(const json_t *top, struct arena *arena, struct kube_pod_list *list,
                     struct kube_page *page, struct error *error)
{
    const json_t *pods = json_need_array(top, "items", error), *pod;
    if (pods == NULL || !kube_read_page(top, pods, page, error))
        return false;
    size_t index;
    json_array_foreach(pods, index, pod) {
        if (kube_is_mirror(json_object_of(pod, "metadata")))
            continue;
        struct kube_pod *items =
            grow(list->item, list->count, &list->room, KUBE_PODS_MAX, sizeof *items, "pods", error);
        if (items == NULL)
            return false;
        list->item = items;
        if (!kube_read_pod(pod, arena, &items[list->count], error))
            return error_wrap(error, "pod %zu of the page", index + 1);
        list->count++;
    }
    return true;
}

bool kube_decode_pods(const char *body, size_t length, struct arena *arena,
                      struct kube_pod_list *list, struct kube_page *page, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_pods(top, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

bool kube_decode_pod(const char *body, size_t length, struct arena *arena, struct kube_pod *out,
                     struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    bool good = kube_read_pod(top, arena, out, error);
    json_decref(top);
    return good;
}

void kube_node_list_free(struct kube_node_list *list)
{
    free(list->item);
    *list = (struct kube_node_list){0};
}

void kube_pod_list_free(struct kube_pod_list *list)
{
    free(list->item);
    *list = (struct kube_pod_list){0};
}

/* ------------------------------------------------------------------- details for the actuator */

static bool read_taint(const json_t *from, struct arena *arena, struct kube_taint *taint,
                       struct error *error)
{
    return json_need_text(from, "key", 1, LABEL_KEY_BYTES_MAX, arena, &taint->key, error) &&
           json_need_text(from, "value", 0, LABEL_VALUE_BYTES_MAX, arena, &taint->value, error) &&
           json_need_text(from, "effect", 1, 64, arena, &taint->effect, error);
}

static bool read_taints(const json_t *taints, struct arena *arena, struct kube_node_detail *out,
                        struct error *error)
{
    size_t count = json_array_size(taints);
    if (count > KUBE_TAINTS_MAX)
        return error_set(error, "it has %zu taints, more than %d", count, KUBE_TAINTS_MAX);
    out->taint = arena_take(arena, count * sizeof *out->taint);
    if (out->taint == NULL)
        return error_set(error, "out of memory: the answer is larger than allowed");
    for (size_t i = 0; i < count; i++, out->taint_count++)
        if (!read_taint(json_array_get(taints, i), arena, &out->taint[i], error))
            return error_wrap(error, "taint %zu", i + 1);
    return true;
}

/* "key=value": that label with that value; "key": with any. */
static bool bears(const json_t *labels, const char *label)
{
    size_t key = strcspn(label, "=");
    const char *value = json_string_value(json_object_getn(labels, label, key));
    return value != NULL && (label[key] == '\0' || strcmp(value, label + key + 1) == 0);
}

bool kube_decode_node(const char *body, size_t length, const char *label, struct arena *arena,
                      struct kube_node_detail *out, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    *out = (struct kube_node_detail){0};
    bool good =
        read_node(top, arena, &out->node, error) &&
        json_need_text(json_object_of(top, "metadata"), "resourceVersion", 1, 64, arena,
                       &out->resource_version, error) &&
        read_taints(json_array_of(json_object_of(top, "spec"), "taints"), arena, out, error);
    out->labelled = bears(json_object_of(json_object_of(top, "metadata"), "labels"), label);
    json_decref(top);
    return good;
}
