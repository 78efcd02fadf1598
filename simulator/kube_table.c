/* Tables: what kubectl prints comes from the server. Columns of nodes and pods as the real ones;
 * other kinds show name and age. May not touch the world. */
#include "simulator/kube_private.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

#define CELL_BYTES_MAX 256

bool kube_wants_table(const struct exchange *exchange)
{
    const char *accept = exchange_header(exchange, "Accept");
    return accept != NULL && strstr(accept, "as=Table") != NULL && strstr(accept, "v=v1;") != NULL;
}

/* "5m12s", "3h2m", "4d": as kubectl shortens ages. */
static json_t *age(const json_t *object, int64_t now_ms)
{
    int64_t created = 0;
    char text[48];
    clock_parse_rfc3339(kube_text_at(object, "metadata.creationTimestamp"), &created);
    long long s = (now_ms - created) / 1000;
    s = s < 0 ? 0 : s;
    if (s < 120)
        snprintf(text, sizeof text, "%llds", s);
    else if (s < 600)
        snprintf(text, sizeof text, "%lldm%llds", s / 60, s % 60);
    else if (s < 10800)
        snprintf(text, sizeof text, "%lldm", s / 60);
    else if (s < 172800)
        snprintf(text, sizeof text, "%lldh", s / 3600);
    else
        snprintf(text, sizeof text, "%lldd", s / 86400);
    return json_string(text);
}

static bool condition_is_true(const json_t *object, const char *type)
{
    json_t *conditions = json_object_get(json_object_get(object, "status"), "conditions"), *one;
    size_t i;
    json_array_foreach(conditions, i, one) {
        if (strcmp(kube_text_at(one, "type"), type) == 0)
            return strcmp(kube_text_at(one, "status"), "True") == 0;
    }
    return false;
}

static void node_roles(const json_t *object, char out[CELL_BYTES_MAX])
{
    static const char prefix[] = "node-role.kubernetes.io/";
    json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels"), *value;
    const char *key;
    size_t used = 0;
    out[0] = '\0';
    json_object_foreach(labels, key, value) {
        if (strncmp(key, prefix, sizeof prefix - 1) == 0 && used < CELL_BYTES_MAX)
            used += (size_t)snprintf(out + used, CELL_BYTES_MAX - used, "%s%s", used > 0 ? "," : "",
                                     key + sizeof prefix - 1);
    }
    if (used == 0)
        snprintf(out, CELL_BYTES_MAX, "<none>");
}

static json_t *node_cells(const json_t *object, int64_t now_ms)
{
    char status[64], roles[CELL_BYTES_MAX];
    snprintf(status, sizeof status, "%s%s",
             condition_is_true(object, "Ready") ? "Ready" : "NotReady",
             strcmp(kube_text_at(object, "spec.unschedulable"), "true") == 0 ? ",SchedulingDisabled"
                                                                             : "");
    node_roles(object, roles);
    return json_pack("[s, s, s, o, s]", kube_text_at(object, "metadata.name"), status, roles,
                     age(object, now_ms), kube_text_at(object, "status.nodeInfo.kubeletVersion"));
}

static json_t *pod_cells(const json_t *object, int64_t now_ms)
{
    json_t *containers = json_object_get(json_object_get(object, "status"), "containerStatuses");
    const json_t *container = json_array_get(containers, 0);
    bool ending = kube_text_at(object, "metadata.deletionTimestamp")[0] != '\0';
    return json_pack("[s, s, s, I, o]", kube_text_at(object, "metadata.name"),
                     json_is_true(json_object_get(container, "ready")) ? "1/1" : "0/1",
                     ending ? "Terminating" : kube_text_at(object, "status.phase"),
                     json_integer_value(json_object_get(container, "restartCount")),
                     age(object, now_ms));
}

static json_t *cells(const struct kube_kind *kind, const json_t *object, int64_t now_ms)
{
    if (kind == &kube_nodes)
        return node_cells(object, now_ms);
    if (kind == &kube_pods)
        return pod_cells(object, now_ms);
    return json_pack("[s, o]", kube_text_at(object, "metadata.name"), age(object, now_ms));
}

static json_t *columns(const struct kube_kind *kind)
{
    static const char *const nodes[] = {"Name", "Status", "Roles", "Age", "Version", NULL};
    static const char *const pods[] = {"Name", "Ready", "Status", "Restarts", "Age", NULL};
    static const char *const others[] = {"Name", "Age", NULL};
    const char *const *names = kind == &kube_nodes ? nodes : kind == &kube_pods ? pods : others;
    json_t *list = json_array();
    for (; *names != NULL; names++) {
        bool number = strcmp(*names, "Restarts") == 0;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", *names, "type",
                                              number ? "integer" : "string", "format",
                                              strcmp(*names, "Name") == 0 ? "name" : "",
                                              "description", *names, "priority", 0));
    }
    return list;
}

json_t *kube_table(const struct kube_kind *kind, json_t *objects, json_t *metadata,
                   bool with_columns, int64_t now_ms)
{
    json_t *rows = json_array(), *object;
    size_t i;
    json_array_foreach(objects, i, object) {
        json_array_append_new(
            rows, json_pack("{s:o, s:{s:s, s:s, s:O}}", "cells", cells(kind, object, now_ms),
                            "object", "kind", "PartialObjectMetadata", "apiVersion",
                            "meta.k8s.io/v1", "metadata", json_object_get(object, "metadata")));
    }
    json_decref(objects);
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "kind", "Table", "apiVersion", "meta.k8s.io/v1",
                     "metadata", metadata, "columnDefinitions",
                     with_columns ? columns(kind) : json_null(), "rows", rows);
}
