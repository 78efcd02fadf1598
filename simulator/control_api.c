/* The control endpoint: its routes, faults, the request log, and the APIs' own switches.
 * May not answer as any of the three services. */
#include "simulator/control_private.h"

#include "common/clock.h"
#include "simulator/faults.h"
#include "simulator/gitea_api.h"
#include "simulator/hetzner_api.h"
#include "simulator/kube_api.h"
#include "simulator/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control_api *control_of(const struct exchange *exchange)
{
    return exchange_context(exchange);
}

/* -------------------------------------------------------------------------------- the small parts
 */

void control_error(struct exchange *exchange, int status, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments); /* NOLINT: va_start is just above */
    va_end(arguments);
    exchange_reply_json(exchange, status, json_pack("{s:s}", "error", text));
}

void control_verdict(struct exchange *exchange, enum world_verdict verdict, const char *what)
{
    static const char *const words[] = {"ok",
                                        "not found",
                                        "the name is taken",
                                        "sold out",
                                        "over the quota",
                                        "not sold here",
                                        "protected",
                                        "locked",
                                        "the budget is spent",
                                        "the budget is not seen yet",
                                        "two budgets",
                                        "conflict"};
    if (verdict == WORLD_OK)
        exchange_reply_json(exchange, 200, json_pack("{s:b}", "ok", 1));
    else
        control_error(exchange, verdict == WORLD_NOT_FOUND ? 404 : 409, "%s: %s", what,
                      words[verdict]);
}

bool control_keys(struct exchange *exchange, const char *const *known)
{
    json_t *body = exchange_body(exchange), *value;
    const char *key;
    if (!json_is_object(body)) {
        control_error(exchange, 400, "the body must be one JSON object");
        return false;
    }
    json_object_foreach(body, key, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0)
            i++;
        if (known[i] == NULL) {
            control_error(exchange, 400, "key \"%s\" is unknown here", key);
            return false;
        }
    }
    return true;
}

const char *control_text(struct exchange *exchange, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(exchange_body(exchange), key));
    return text != NULL ? text : otherwise;
}

int64_t control_number(struct exchange *exchange, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(exchange_body(exchange), key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool control_switch(struct exchange *exchange, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(exchange_body(exchange), key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

bool control_words(struct exchange *exchange, const json_t *list, const char *key,
                   const char **words, uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; i < json_array_size(list) && i < CONTROL_WORDS_MAX; i++) {
        words[*count] = json_string_value(json_array_get(list, i));
        if (words[(*count)++] == NULL)
            break;
    }
    if ((list == NULL || json_is_array(list)) && *count == json_array_size(list) &&
        (*count == 0 || words[*count - 1] != NULL))
        return true;
    control_error(exchange, 400, "key \"%s\" must be a list of at most %d words", key,
                  CONTROL_WORDS_MAX);
    return false;
}

/* ------------------------------------------------------------------------------ faults, requests
 */

static void faults_get(struct exchange *exchange)
{
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:o}", "faults", faults_list(exchange_faults(exchange), clock_mono_ms())));
}

static void fault_post(struct exchange *exchange)
{
    struct error error = {{0}};
    uint64_t id;
    if (faults_add(exchange_faults(exchange), exchange_body(exchange), clock_mono_ms(), &id,
                   &error))
        exchange_reply_json(exchange, 201, json_pack("{s:I}", "id", (json_int_t)id));
    else
        control_error(exchange, 400, "%s", error.text);
}

static void fault_delete(struct exchange *exchange)
{
    uint64_t id = 0;
    if (exchange_parameter_u64(exchange, "id", &id) && faults_remove(exchange_faults(exchange), id))
        control_verdict(exchange, WORLD_OK, "");
    else
        control_verdict(exchange, WORLD_NOT_FOUND, "fault");
}

static void faults_delete(struct exchange *exchange)
{
    faults_clear(exchange_faults(exchange));
    control_verdict(exchange, WORLD_OK, "");
}

static void requests_get(struct exchange *exchange)
{
    const char *word = exchange_query(exchange, "api");
    enum api api = API_COUNT;
    if (word != NULL && !api_from_name(word, &api)) {
        control_error(exchange, 400, "api \"%s\" is not gitea, hetzner or kube", word);
        return;
    }
    int64_t since = exchange_query_i64(exchange, "since", 0);
    exchange_reply_json(exchange, 200,
                        json_pack("{s:o}", "requests",
                                  server_requests(exchange_server(exchange), api,
                                                  since > 0 ? (uint64_t)since : 0)));
}

/* ------------------------------------------------------------------------------ switches of the
 * APIs */

static void gitea_get(struct exchange *exchange)
{
    const struct gitea_options *options = gitea_api_options(control_of(exchange)->parts.gitea);
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s, s:b, s:b, s:b, s:b, s:s, s:s, s:s}", "version",
                                  options->version, "fence", (int)options->fence, "workflow_jobs",
                                  (int)options->workflow_jobs, "sorted_jobs",
                                  (int)options->sorted_jobs, "site_admin", (int)options->site_admin,
                                  "read_scopes", options->read_scopes, "write_scopes",
                                  options->write_scopes, "webhook_url", options->webhook_url));
}

static void gitea_put(struct exchange *exchange)
{
    static const char *const keys[] = {
        "version",     "fence",        "workflow_jobs", "sorted_jobs",    "site_admin",
        "read_scopes", "write_scopes", "webhook_url",   "webhook_secret", NULL};
    struct gitea_options *options = gitea_api_options(control_of(exchange)->parts.gitea);
    if (!control_keys(exchange, keys))
        return;
    struct gitea_options old = *options;
    snprintf(options->version, sizeof options->version, "%s",
             control_text(exchange, "version", old.version));
    snprintf(options->read_scopes, sizeof options->read_scopes, "%s",
             control_text(exchange, "read_scopes", old.read_scopes));
    snprintf(options->write_scopes, sizeof options->write_scopes, "%s",
             control_text(exchange, "write_scopes", old.write_scopes));
    snprintf(options->webhook_url, sizeof options->webhook_url, "%s",
             control_text(exchange, "webhook_url", old.webhook_url));
    snprintf(options->webhook_secret, sizeof options->webhook_secret, "%s",
             control_text(exchange, "webhook_secret", old.webhook_secret));
    options->fence = control_switch(exchange, "fence", old.fence);
    options->workflow_jobs = control_switch(exchange, "workflow_jobs", old.workflow_jobs);
    options->sorted_jobs = control_switch(exchange, "sorted_jobs", old.sorted_jobs);
    options->site_admin = control_switch(exchange, "site_admin", old.site_admin);
    watch_fence(control_of(exchange)->parts.watch, options->fence);
    gitea_get(exchange);
}

static void tokens_put(struct exchange *exchange)
{
    static const char *const keys[] = {"api", "read", "write", NULL};
    enum api api;
    if (!control_keys(exchange, keys))
        return;
    if (!api_from_name(control_text(exchange, "api", ""), &api)) {
        control_error(exchange, 400, "key \"api\" is not gitea, hetzner or kube");
        return;
    }
    server_tokens_change(exchange_server(exchange), api,
                         &(struct server_tokens){.read = control_text(exchange, "read", NULL),
                                                 .write = control_text(exchange, "write", NULL)});
    control_verdict(exchange, WORLD_OK, "");
}

static void budget_put(struct exchange *exchange)
{
    static const char *const keys[] = {"remaining", NULL};
    struct hetzner_api *api = control_of(exchange)->parts.hetzner;
    if (!control_keys(exchange, keys))
        return;
    hetzner_api_set_remaining(api, control_number(exchange, "remaining", 0));
    exchange_reply_json(exchange, 200,
                        json_pack("{s:I}", "remaining", (json_int_t)hetzner_api_remaining(api)));
}

static void compact(struct exchange *exchange)
{
    kube_api_compact(control_of(exchange)->parts.kube);
    control_verdict(exchange, WORLD_OK, "");
}

static void workload_get(struct exchange *exchange)
{
    const struct control_parts *parts = &control_of(exchange)->parts;
    bool on = parts->workload_is_on != NULL && parts->workload_is_on(parts->workload);
    exchange_reply_json(exchange, 200, json_pack("{s:b}", "on", (int)on));
}

static void workload_put(struct exchange *exchange)
{
    static const char *const keys[] = {"on", NULL};
    const struct control_parts *parts = &control_of(exchange)->parts;
    if (!control_keys(exchange, keys))
        return;
    if (parts->workload_switch == NULL) {
        control_error(exchange, 409, "the simulator was started without a workload");
        return;
    }
    parts->workload_switch(parts->workload, control_switch(exchange, "on", true));
    workload_get(exchange);
}

static void zombie_sweep(struct exchange *exchange)
{
    world_zombie_sweep(exchange_world(exchange));
    control_verdict(exchange, WORLD_OK, "");
}

static void quit(struct exchange *exchange)
{
    const struct control_parts *parts = &control_of(exchange)->parts;
    if (parts->quit != NULL)
        parts->quit(parts->quit_context);
    control_verdict(exchange, WORLD_OK, "");
}

/* ----------------------------------------------------------------------------------------- routes
 */

#define ROUTE(verb, path, function)                                                                \
    {                                                                                              \
        .method = (verb), .pattern = (path), .permission = PERMIT_ANYONE, .handler = (function)    \
    }
static const struct route routes[] = {
    ROUTE("GET", "/faults", faults_get),
    ROUTE("POST", "/faults", fault_post),
    ROUTE("DELETE", "/faults", faults_delete),
    ROUTE("DELETE", "/faults/{id}", fault_delete),
    ROUTE("GET", "/requests", requests_get),
    ROUTE("GET", "/summary", control_summary),
    ROUTE("GET", "/state", control_state),
    ROUTE("POST", "/jobs", control_jobs_push),
    ROUTE("POST", "/jobs/{id}/cancel", control_jobs_cancel),
    ROUTE("GET", "/witness", control_witness_get),
    ROUTE("PUT", "/witness", control_witness_put),
    ROUTE("POST", "/witness/hindered", control_witness_hindered),
    ROUTE("GET", "/workload", workload_get),
    ROUTE("PUT", "/workload", workload_put),
    ROUTE("POST", "/runners", control_runners_add),
    ROUTE("PATCH", "/runners/{id}", control_runners_disable),
    ROUTE("DELETE", "/runners/{id}", control_runners_delete),
    ROUTE("POST", "/runners/{id}/kill", control_runners_kill),
    ROUTE("POST", "/servers", control_servers_add),
    ROUTE("POST", "/servers/{id}/crash", control_servers_crash),
    ROUTE("POST", "/servers/{id}/trouble", control_servers_trouble),
    ROUTE("POST", "/servers/{id}/protect", control_servers_protect),
    ROUTE("POST", "/nodes", control_nodes_add),
    ROUTE("DELETE", "/nodes/{name}", control_nodes_delete),
    ROUTE("POST", "/pods", control_pods_add),
    ROUTE("DELETE", "/pods/{namespace}/{name}", control_pods_delete),
    ROUTE("POST", "/pods/{namespace}/{name}/restart", control_pods_restart),
    ROUTE("POST", "/budgets", control_budgets_add),
    ROUTE("DELETE", "/budgets/{namespace}/{name}", control_budgets_delete),
    ROUTE("POST", "/sold-out", control_sold_out),
    ROUTE("POST", "/trouble", control_trouble),
    ROUTE("POST", "/zombie-sweep", zombie_sweep),
    ROUTE("POST", "/quit", quit),
    ROUTE("PUT", "/tokens", tokens_put),
    ROUTE("GET", "/gitea", gitea_get),
    ROUTE("PUT", "/gitea", gitea_put),
    ROUTE("PUT", "/hetzner/requests", budget_put),
    ROUTE("POST", "/kube/compact", compact),
};

static void refuse(struct exchange *exchange, enum refusal why)
{
    if (why == REFUSE_METHOD)
        control_error(exchange, 405, "%s cannot be done with %s", exchange_method(exchange),
                      exchange_path(exchange));
    else if (why == REFUSE_TOO_LARGE)
        control_error(exchange, 413, "the request is too large");
    else
        control_error(exchange, 404, "%s is not known; docs/simulator.md lists what is",
                      exchange_path(exchange));
}

/* The switches of an API that was left out do not exist. */
static bool before(struct exchange *exchange)
{
    const struct control_parts *parts = &control_of(exchange)->parts;
    const char *path = exchange_path(exchange);
    bool missing = (strncmp(path, "/gitea", 6) == 0 && parts->gitea == NULL) ||
                   (strncmp(path, "/hetzner", 8) == 0 && parts->hetzner == NULL) ||
                   (strncmp(path, "/kube", 5) == 0 && parts->kube == NULL);
    if (missing) {
        control_error(exchange, 404, "the simulator was started without this API");
        return false;
    }
    api_advance(exchange);
    /* What a person changes may hinder a teardown; work that comes in does not. */
    if (strcmp(exchange_method(exchange), "GET") != 0 && strcmp(path, "/jobs") != 0)
        watch_hindered(parts->watch);
    return true;
}

bool control_api_init(struct control_api **out, const struct control_parts *parts,
                      struct error *error)
{
    struct control_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return error_set(error, "no memory for the control endpoint");
    api->parts = *parts;
    api->definition = (struct api_definition){.routes = routes,
                                              .route_count = sizeof routes / sizeof *routes,
                                              .refuse = refuse,
                                              .before = before,
                                              .context = api};
    *out = api;
    return true;
}

void control_api_free(struct control_api *api)
{
    free(api);
}

const struct api_definition *control_api_definition(const struct control_api *api)
{
    return &api->definition;
}
