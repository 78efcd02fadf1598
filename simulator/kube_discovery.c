/* Discovery: which groups and resources there are, so that kubectl finds its way; and what a token
 * may do. May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <string.h>

static const struct resource {
    const char *group_version, *name, *singular, *kind, *short_name, *verbs;
    bool namespaced;
} resources[] = {
    {"v1", "namespaces", "namespace", "Namespace", "ns", "get list", false},
    {"v1", "nodes", "node", "Node", "no", "delete get list patch update watch", false},
    {"v1", "pods", "pod", "Pod", "po", "delete get list patch watch", true},
    {"v1", "pods/eviction", "", "Eviction", NULL, "create", true},
    {"apps/v1", "daemonsets", "daemonset", "DaemonSet", "ds", "get list", true},
    {"apps/v1", "replicasets", "replicaset", "ReplicaSet", "rs", "get list", true},
    {"policy/v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", "pdb",
     "get list", true},
    {"policy/v1beta1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", "pdb",
     "get list", true},
    {"authorization.k8s.io/v1", "selfsubjectaccessreviews", "selfsubjectaccessreview",
     "SelfSubjectAccessReview", NULL, "create", false},
    {"rbac.authorization.k8s.io/v1", "clusterrolebindings", "clusterrolebinding",
     "ClusterRoleBinding", NULL, "get list", false},
};

/* The first version of a group is the preferred one. */
static const char *const group_versions[] = {"apps/v1", "policy/v1", "policy/v1beta1",
                                             "authorization.k8s.io/v1",
                                             "rbac.authorization.k8s.io/v1"};

void kube_discovery_version(struct exchange *exchange)
{
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "major", "1",
                                  "minor", "36", "gitVersion", "v1.36.3+k3s1", "gitCommit", "",
                                  "gitTreeState", "clean", "buildDate", "2026-11-01T00:00:00Z",
                                  "goVersion", "go1.26", "compiler", "gc", "platform",
                                  "linux/amd64"));
}

void kube_discovery_api(struct exchange *exchange)
{
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:[s], s:[{s:s, s:s}]}", "kind", "APIVersions", "versions",
                                  "v1", "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0",
                                  "serverAddress", exchange_origin(exchange) + strlen("http://")));
}

static json_t *group_object(const char *name)
{
    json_t *versions = json_array();
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof group_versions / sizeof *group_versions; i++) {
        if (strncmp(group_versions[i], name, length) == 0 && group_versions[i][length] == '/')
            json_array_append_new(versions,
                                  json_pack("{s:s, s:s}", "groupVersion", group_versions[i],
                                            "version", group_versions[i] + length + 1));
    }
    if (json_array_size(versions) == 0) {
        json_decref(versions);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:O}", "name", name, "versions", versions, "preferredVersion",
                     json_array_get(versions, 0));
}

void kube_discovery_groups(struct exchange *exchange)
{
    static const char *const names[] = {"apps", "policy", "authorization.k8s.io",
                                        "rbac.authorization.k8s.io"};
    json_t *groups = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_array_append_new(groups, group_object(names[i]));
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups", groups));
}

void kube_discovery_group(struct exchange *exchange)
{
    json_t *group = group_object(exchange_parameter(exchange, "group"));
    if (group == NULL) {
        kube_refuse(exchange, REFUSE_NOT_FOUND);
        return;
    }
    json_object_set_new(group, "kind", json_string("APIGroup"));
    json_object_set_new(group, "apiVersion", json_string("v1"));
    exchange_reply_json(exchange, 200, group);
}

static json_t *words(const char *text)
{
    json_t *list = json_array();
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        json_array_append_new(list, json_stringn(text, length));
        text += length + (text[length] == ' ');
    }
    return list;
}

static json_t *resource_object(const struct resource *resource)
{
    json_t *object = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", resource->name, "singularName",
                               resource->singular, "namespaced", (int)resource->namespaced, "kind",
                               resource->kind, "verbs", words(resource->verbs));
    if (resource->short_name != NULL)
        json_object_set_new(object, "shortNames", json_pack("[s]", resource->short_name));
    if (strcmp(resource->kind, "Eviction") == 0) {
        json_object_set_new(object, "group", json_string("policy"));
        json_object_set_new(object, "version", json_string("v1"));
    }
    return object;
}

void kube_discovery_resources(struct exchange *exchange)
{
    const char *path = exchange_path(exchange);
    const char *wanted = strcmp(path, "/api/v1") == 0 ? "v1" : path + strlen("/apis/");
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        if (strcmp(resources[i].group_version, wanted) == 0)
            json_array_append_new(list, resource_object(&resources[i]));
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        kube_refuse(exchange, REFUSE_NOT_FOUND);
        return;
    }
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:s, s:s, s:o}", "kind", "APIResourceList", "apiVersion",
                                  "v1", "groupVersion", wanted, "resources", list));
}

/* An OpenAPI description that describes nothing: clients then check nothing on their side. */
void kube_discovery_openapi(struct exchange *exchange)
{
    const char *accept = exchange_header(exchange, "Accept");
    if (accept != NULL && strstr(accept, "com.github.proto-openapi.spec.v2") != NULL) {
        exchange_reply_text(exchange, 200,
                            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "",
                            0); /* an empty message */
        return;
    }
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:{s:s, s:s}, s:{}, s:{}}", "swagger", "2.0", "info",
                                  "title", "Kubernetes", "version", "v1.36.3", "paths",
                                  "definitions"));
}

void kube_access_review(struct exchange *exchange)
{
    json_t *body = exchange_body(exchange);
    json_t *spec = json_object_get(body, "spec");
    json_t *attributes = json_object_get(spec, "resourceAttributes");
    const char *verb = json_string_value(json_object_get(attributes, "verb"));
    if (!json_is_object(attributes) || verb == NULL) {
        kube_status(exchange, 422, "Invalid",
                    "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: "
                    "spec.resourceAttributes: Required value",
                    NULL);
        return;
    }
    bool reads =
        strcmp(verb, "get") == 0 || strcmp(verb, "list") == 0 || strcmp(verb, "watch") == 0;
    bool allowed = reads || exchange_token(exchange) == TOKEN_WRITE;
    json_t *status = json_pack("{s:b}", "allowed", (int)allowed);
    if (allowed)
        json_object_set_new(status, "reason", json_string("RBAC: allowed by ClusterRoleBinding"));
    exchange_reply_json(exchange, 201,
                        json_pack("{s:s, s:s, s:{}, s:O, s:o}", "kind", "SelfSubjectAccessReview",
                                  "apiVersion", "authorization.k8s.io/v1", "metadata", "spec", spec,
                                  "status", status));
}
