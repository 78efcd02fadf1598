/* Status objects: how Kubernetes says no, and how it says gone. May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <string.h>

json_t *kube_status_object(int code, const char *reason, const char *message, json_t *details)
{
    json_t *status = json_pack("{s:s, s:s, s:{}, s:s, s:s}", "kind", "Status", "apiVersion", "v1",
                               "metadata", "status", "Failure", "message", message);
    if (reason != NULL)
        json_object_set_new(status, "reason", json_string(reason));
    if (details != NULL)
        json_object_set_new(status, "details", details);
    json_object_set_new(status, "code", json_integer(code));
    return status;
}

void kube_status(struct exchange *exchange, int code, const char *reason, const char *message,
                 json_t *details)
{
    exchange_reply_json(exchange, code, kube_status_object(code, reason, message, details));
}

void kube_not_found(struct exchange *exchange, const struct kube_kind *kind, const char *name)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s%s \"%s\" not found", kind->plural,
             kind->group[0] != '\0' ? "." : "", kind->group, name);
    kube_status(exchange, 404, "NotFound", text,
                json_pack("{s:s, s:s}", "name", name, "kind", kind->plural));
}

void kube_conflict(struct exchange *exchange, const char *kind, const char *name,
                   const char *because)
{
    char text[768];
    snprintf(text, sizeof text, "Operation cannot be fulfilled on %s \"%s\": %s", kind, name,
             because);
    kube_status(exchange, 409, "Conflict", text,
                json_pack("{s:s, s:s}", "name", name, "kind", kind));
}

void kube_deleted(struct exchange *exchange, const char *plural, const char *name, const char *uid)
{
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:s, s:{}, s:s, s:{s:s, s:s, s:s}}", "kind", "Status",
                                  "apiVersion", "v1", "metadata", "status", "Success", "details",
                                  "name", name, "kind", plural, "uid", uid));
}

void kube_expired(struct exchange *exchange, const char *message, const char *fresh_continue)
{
    json_t *status = kube_status_object(410, "Expired", message, NULL);
    if (fresh_continue != NULL)
        json_object_set_new(json_object_get(status, "metadata"), "continue",
                            json_string(fresh_continue));
    exchange_reply_json(exchange, 410, status);
}

/* ------------------------------------------------------------------------------ RBAC's refusal */

static const char *verb_of(const struct exchange *exchange)
{
    const char *method = exchange_method(exchange);
    if (strcmp(method, "POST") == 0)
        return "create";
    if (strcmp(method, "PUT") == 0)
        return "update";
    if (strcmp(method, "PATCH") == 0)
        return "patch";
    if (strcmp(method, "DELETE") == 0)
        return "delete";
    if (exchange_query(exchange, "watch") != NULL)
        return "watch";
    return exchange_route(exchange) != NULL && exchange_parameter(exchange, "name") != NULL
               ? "get"
               : "list";
}

/* "/api/v1/namespaces/w/pods/p/eviction" -> group "", resource "pods", subresource "/eviction". */
static void name_resource(const struct exchange *exchange, char group[64], char resource[64],
                          const char **subresource)
{
    const char *at = exchange_path(exchange);
    bool core = strncmp(at, "/api/", 5) == 0;
    const char *name = exchange_parameter(exchange, "name");
    at += core ? strlen("/api") : strlen("/apis/");
    snprintf(group, 64, "%.*s", core ? 0 : (int)strcspn(at, "/"), at);
    for (int skip = core ? 1 : 2; skip > 0 && strchr(at + 1, '/') != NULL; skip--)
        at = strchr(at + 1, '/');
    if (strncmp(at, "/namespaces/", 12) == 0 && strchr(at + 12, '/') != NULL)
        at = strchr(at + 12, '/');
    snprintf(resource, 64, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
    const char *pattern = exchange_route(exchange)->pattern;
    *subresource = name != NULL && strstr(pattern, "{name}/") != NULL
                       ? strstr(pattern, "{name}/") + strlen("{name}")
                       : "";
}

static void forbid(struct exchange *exchange, const char *user)
{
    char group[64], resource[64], text[768];
    const char *subresource;
    const char *name = exchange_parameter(exchange, "name");
    const char *space = exchange_parameter(exchange, "namespace");
    name_resource(exchange, group, resource, &subresource);
    snprintf(
        text, sizeof text,
        "%s%s%s%s%s%s is forbidden: User \"%s\" cannot %s resource \"%s%s\" in API group \"%s\" "
        "%s%s%s",
        resource, group[0] != '\0' ? "." : "", group, name != NULL ? " \"" : "",
        name != NULL ? name : "", name != NULL ? "\"" : "", user, verb_of(exchange), resource,
        subresource, group, space != NULL ? "in the namespace \"" : "at the cluster scope",
        space != NULL ? space : "", space != NULL ? "\"" : "");
    json_t *details = json_object();
    if (name != NULL)
        json_object_set_new(details, "name", json_string(name));
    if (group[0] != '\0')
        json_object_set_new(details, "group", json_string(group));
    json_object_set_new(details, "kind", json_string(resource));
    kube_status(exchange, 403, "Forbidden", text, details);
}

static void refuse_fault(struct exchange *exchange)
{
    static const struct {
        int code;
        const char *reason, *message;
    } rows[] = {{401, "Unauthorized", "Unauthorized"},
                {403, "Forbidden", "forbidden"},
                {404, "NotFound", "the server could not find the requested resource"},
                {409, "Conflict", "the object has been modified"},
                {410, "Expired", "The resourceVersion for the provided list is too old."},
                {429, "TooManyRequests", "Too many requests, please try again later."},
                {503, "ServiceUnavailable", "the server is currently unable to handle the request"},
                {504, "Timeout", "request did not complete within the allotted timeout"}};
    int code = exchange_fault_status(exchange);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].code == code) {
            kube_status(exchange, code, rows[i].reason, rows[i].message, NULL);
            return;
        }
    }
    kube_status(exchange, code, "InternalError",
                "an error on the server has prevented the request "
                "from succeeding",
                NULL);
}

void kube_refuse(struct exchange *exchange, enum refusal why)
{
    exchange_add_header(exchange, "Cache-Control", "no-cache, private");
    switch (why) {
    case REFUSE_NO_TOKEN: forbid(exchange, "system:anonymous"); return;
    case REFUSE_WRONG_TOKEN:
        kube_status(exchange, 401, "Unauthorized", "Unauthorized", NULL);
        return;
    case REFUSE_READ_ONLY: forbid(exchange, "ebbtide-poller"); return;
    case REFUSE_NOT_FOUND:
        kube_status(exchange, 404, "NotFound", "the server could not find the requested resource",
                    json_object());
        return;
    case REFUSE_METHOD:
        kube_status(exchange, 405, "MethodNotAllowed",
                    "the server does not allow this method on the requested resource",
                    json_object());
        return;
    case REFUSE_TOO_LARGE:
        kube_status(exchange, 413, "RequestEntityTooLarge", "Request entity too large", NULL);
        return;
    case REFUSE_RATE_LIMIT:
        kube_status(exchange, 429, "TooManyRequests", "Too many requests, please try again later.",
                    NULL);
        return;
    case REFUSE_FAULT: refuse_fault(exchange); return;
    }
}
