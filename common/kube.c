/* Kubernetes' paths, and what its Status objects mean. May not: do I/O, log. */
#include "common/kube.h"

#include "common/json_read.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- paths */

static void begin(struct url_path *out, const char *text)
{
    *out = (struct url_path)URL_PATH_EMPTY;
    url_add(out, text);
}

static void add_value(struct url_path *out, const char *key, const char *value)
{
    url_add(out, key);
    url_add_escaped(out, value);
}

static void add_list(struct url_path *out, const char *key, const char *value,
                     const char *continue_token)
{
    url_add(out, "?limit=");
    url_add_u64(out, KUBE_PAGE_MAX);
    add_value(out, key, value);
    if (continue_token[0] != '\0')
        add_value(out, "&continue=", continue_token);
}

void kube_path_nodes(struct url_path *out, const char *label, const char *continue_token)
{
    begin(out, "/api/v1/nodes");
    add_list(out, "&labelSelector=", label, continue_token);
}

void kube_path_pods(struct url_path *out, const char *namespace_name, const char *label,
                    const char *continue_token)
{
    begin(out, "/api/v1/namespaces/");
    url_add_escaped(out, namespace_name);
    url_add(out, "/pods");
    add_list(out, "&labelSelector=", label, continue_token);
}

void kube_path_node_pods(struct url_path *out, const char *node, const char *continue_token)
{
    begin(out, "/api/v1/pods");
    char selector[NAME_BYTES_MAX + 32];
    snprintf(selector, sizeof selector, "spec.nodeName=%s", node);
    add_list(out, "&fieldSelector=", selector, continue_token);
}

void kube_path_node(struct url_path *out, const char *name)
{
    begin(out, "/api/v1/nodes/");
    url_add_escaped(out, name);
}

void kube_path_pod(struct url_path *out, const char *namespace_name, const char *name)
{
    begin(out, "/api/v1/namespaces/");
    url_add_escaped(out, namespace_name);
    url_add(out, "/pods/");
    url_add_escaped(out, name);
}

void kube_path_version(struct url_path *out)
{
    begin(out, "/version");
}

/* ---------------------------------------------------------------------------------- refusals */

/* Two budgets on one pod: a plain 500 without a reason, which never heals by itself (FACTS). */
#define TWO_BUDGETS "more than one PodDisruptionBudget"
#define BUDGET      "DisruptionBudget"

static bool has_cause(const json_t *details, const char *reason)
{
    const json_t *causes = json_array_of(details, "causes"), *cause;
    size_t index;
    json_array_foreach(causes, index, cause) {
        if (strcmp(json_text_of(cause, "reason"), reason) == 0)
            return true;
    }
    return false;
}

static const char *judge(const struct http_answer *answer, const json_t *status,
                         struct api_trouble *out)
{
    switch (answer->status) {
    case 401: return "the token or client certificate is wrong or expired: check the kubeconfig";
    case 403: return "give this user the right in RBAC (deploy/kubernetes)";
    case 404: return "if it should be there, check the server in the kubeconfig";
    case 410: out->trouble = TROUBLE_INCONSISTENT; return "";
    case 415: return "";
    case 429: return "";
    case 500:
        if (strstr(json_text_of(status, "message"), TWO_BUDGETS) == NULL)
            return "";
        out->trouble = TROUBLE_PROTECTED;
        return "take one of the pod's two budgets away: it never heals by itself";
    default: return "";
    }
}

void kube_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out)
{
    if (!api_trouble_begin(answer, doing, out))
        return;
    struct error ignored;
    json_t *status = json_parse_object(answer->body, answer->length, &ignored);
    const json_t *details = json_object_of(status, "details");
    bool budget = answer->status == 429 && has_cause(details, BUDGET);
    snprintf(out->code, sizeof out->code, "%s", budget ? BUDGET : json_text_of(status, "reason"));
    int64_t seconds = (int64_t)json_u64_of(details, "retryAfterSeconds");
    if (out->retry_after_ms == 0 && seconds > 0)
        out->retry_after_ms =
            seconds > HTTP_RETRY_AFTER_MS_MAX / 1000 ? HTTP_RETRY_AFTER_MS_MAX : seconds * 1000;
    const char *advice = judge(answer, status, out);
    api_trouble_say(answer, doing, json_text_of(status, "message"), advice, out);
    json_decref(status);
}
