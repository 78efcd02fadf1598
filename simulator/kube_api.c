/* The Kubernetes API: its routes, and the memory of changes that watches need.
 * May not change the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A GET of a list and of one object, of each kind. */
#define KIND(name, variable)                                                                       \
    static void list_##name(struct exchange *exchange)                                             \
    {                                                                                              \
        kube_list(exchange, &(variable));                                                          \
    }                                                                                              \
    static void get_##name(struct exchange *exchange)                                              \
    {                                                                                              \
        kube_get(exchange, &(variable), exchange_parameter(exchange, "name"));                     \
    }
KIND(nodes, kube_nodes)
KIND(pods, kube_pods)
KIND(namespaces, kube_namespaces)
KIND(daemonsets, kube_daemonsets)
KIND(replicasets, kube_replicasets)
KIND(budgets, kube_budgets)
KIND(budgets_beta, kube_budgets_beta)

static void list_role_bindings(struct exchange *exchange)
{
    kube_list(exchange, &kube_role_bindings);
}

#define CORE   "/api/v1"
#define SPACE  "/namespaces/{namespace}"
#define APPS   "/apis/apps/v1"
#define POLICY "/apis/policy/v1"
#define BETA   "/apis/policy/v1beta1"
#define ACCESS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define ROLES  "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
#define ROUTE(verb, path, needed, function)                                                        \
    {                                                                                              \
        .method = (verb), .pattern = path, .permission = (needed), .handler = (function)           \
    }
#define GET(path, function) ROUTE("GET", path, PERMIT_READ, function)
#define NAMESPACED(base, plural, name)                                                             \
    GET(base "/" plural, list_##name), GET(base SPACE "/" plural, list_##name),                    \
        GET(base SPACE "/" plural "/{name}", get_##name)

static const struct route routes[] = {
    ROUTE("GET", "/version", PERMIT_ANYONE, kube_discovery_version),
    GET("/api", kube_discovery_api),
    GET(CORE, kube_discovery_resources),
    GET("/apis", kube_discovery_groups),
    GET(CORE "/nodes", list_nodes),
    GET(CORE "/nodes/{name}", get_nodes),
    ROUTE("PATCH", CORE "/nodes/{name}", PERMIT_WRITE, kube_nodes_patch),
    ROUTE("PUT", CORE "/nodes/{name}", PERMIT_WRITE, kube_nodes_patch),
    ROUTE("DELETE", CORE "/nodes/{name}", PERMIT_WRITE, kube_nodes_delete),
    NAMESPACED(CORE, "pods", pods),
    ROUTE("PATCH", CORE SPACE "/pods/{name}", PERMIT_WRITE, kube_pods_patch),
    ROUTE("DELETE", CORE SPACE "/pods/{name}", PERMIT_WRITE, kube_pods_delete),
    ROUTE("POST", CORE SPACE "/pods/{name}/eviction", PERMIT_WRITE, kube_pods_evict),
    GET(CORE "/namespaces", list_namespaces),
    GET(CORE "/namespaces/{name}", get_namespaces),
    NAMESPACED(APPS, "daemonsets", daemonsets),
    NAMESPACED(APPS, "replicasets", replicasets),
    NAMESPACED(POLICY, "poddisruptionbudgets", budgets),
    NAMESPACED(BETA, "poddisruptionbudgets", budgets_beta),
    /* Everybody may ask what he may do; who may read role bindings could do far more. */
    ROUTE("POST", ACCESS, PERMIT_READ, kube_access_review),
    ROUTE("GET", ROLES, PERMIT_WRITE, list_role_bindings),
    GET("/apis/{group}", kube_discovery_group),
    GET("/apis/{group}/{version}", kube_discovery_resources),
    GET("/openapi/{rest...}", kube_discovery_openapi),
};

struct kube_api *kube_api_of(const struct exchange *exchange)
{
    return exchange_context(exchange);
}

static bool before(struct exchange *exchange)
{
    struct kube_api *api = kube_api_of(exchange);
    exchange_add_headerf(exchange, "Audit-Id", "00000000-0000-4000-8000-%012llx",
                         (unsigned long long)++api->audit_count);
    exchange_add_header(exchange, "Cache-Control", "no-cache, private");
    exchange_add_header(exchange, "X-Kubernetes-Pf-Flowschema-Uid",
                        "929548dc-d9e8-4df9-91d6-63af9db21d2a");
    exchange_add_header(exchange, "X-Kubernetes-Pf-Prioritylevel-Uid",
                        "a323bf84-9f35-4e0e-93af-20f8ec1f6dfa");
    api_advance(exchange);
    /* Also where no token is needed, a wrong one is refused. */
    if (exchange_token(exchange) != TOKEN_WRONG)
        return true;
    kube_refuse(exchange, REFUSE_WRONG_TOKEN);
    return false;
}

/* ---------------------------------------------------------------------------- what has changed */

static void forget_oldest(struct kube_api *api)
{
    struct kube_event *old = &api->events[api->event_first++ % KUBE_EVENTS_MAX];
    api->compacted =
        old->resource_version > api->compacted ? old->resource_version : api->compacted;
    json_decref(old->before);
    json_decref(old->after);
    *old = (struct kube_event){0};
}

/* Takes after, which is NULL where the object is gone. */
static void object_changed(struct kube_api *api, const struct kube_kind *kind, const char *key,
                           json_t *after)
{
    if (api->event_end - api->event_first == KUBE_EVENTS_MAX)
        forget_oldest(api);
    struct kube_event *event = &api->events[api->event_end++ % KUBE_EVENTS_MAX];
    *event = (struct kube_event){.resource_version = world_resource_version(api->world),
                                 .kind = kind,
                                 .before = json_incref(json_object_get(api->last, key)),
                                 .after = after};
    if (after != NULL)
        json_object_set(api->last, key, after);
    else
        json_object_del(api->last, key);
    kube_watch_notify(api, event);
}

static void world_changed(void *context, const struct world_event *event)
{
    struct kube_api *api = context;
    char key[WORLD_NAME_BYTES + 80];
    switch ((int)event->kind) {
    case WORLD_EVENT_NODE_ADDED:
    case WORLD_EVENT_NODE_MODIFIED:
    case WORLD_EVENT_NODE_GONE:
        snprintf(key, sizeof key, "nodes/%s", event->node->name);
        object_changed(api, &kube_nodes, key,
                       event->kind == WORLD_EVENT_NODE_GONE ? NULL : kube_node(event->node));
        return;
    case WORLD_EVENT_POD_ADDED:
    case WORLD_EVENT_POD_MODIFIED:
    case WORLD_EVENT_POD_GONE:
        snprintf(key, sizeof key, "pods/%s/%s", event->pod->namespace_name, event->pod->name);
        object_changed(api, &kube_pods, key,
                       event->kind == WORLD_EVENT_POD_GONE ? NULL : kube_pod(event->pod));
        return;
    default: return;
    }
}

void kube_api_compact(struct kube_api *api)
{
    while (api->event_first < api->event_end)
        forget_oldest(api);
    api->compacted = world_resource_version(api->world);
    for (size_t i = 0; i < KUBE_SNAPSHOTS_MAX; i++) {
        free(api->snapshots[i].path);
        json_decref(api->snapshots[i].rest);
        api->snapshots[i] = (struct kube_snapshot){0};
    }
}

/* What was there before the api observed. */
static void remember_all(struct kube_api *api)
{
    char key[WORLD_NAME_BYTES + 80];
    for (size_t i = 0; i < world_node_count(api->world); i++) {
        const struct world_node *node = world_node_at(api->world, i);
        snprintf(key, sizeof key, "nodes/%s", node->name);
        json_object_set_new(api->last, key, kube_node(node));
    }
    for (size_t i = 0; i < world_pod_count(api->world); i++) {
        const struct world_pod *pod = world_pod_at(api->world, i);
        snprintf(key, sizeof key, "pods/%s/%s", pod->namespace_name, pod->name);
        json_object_set_new(api->last, key, kube_pod(pod));
    }
}

bool kube_api_init(struct kube_api **out, struct event_base *base, struct world *world,
                   struct error *error)
{
    struct kube_api *api = calloc(1, sizeof *api);
    if (api == NULL || (api->last = json_object()) == NULL) {
        free(api);
        return error_set(error, "no memory for the Kubernetes API");
    }
    api->base = base;
    api->world = world;
    api->compacted = world_resource_version(world);
    api->definition = (struct api_definition){.routes = routes,
                                              .route_count = sizeof routes / sizeof *routes,
                                              .refuse = kube_refuse,
                                              .before = before,
                                              .context = api};
    remember_all(api);
    if (!world_observe(world, world_changed, api)) {
        kube_api_free(api);
        return error_set(error, "the world has no room for another observer");
    }
    *out = api;
    return true;
}

void kube_api_free(struct kube_api *api)
{
    if (api == NULL)
        return;
    kube_api_compact(api);
    json_decref(api->last);
    free(api);
}

const struct api_definition *kube_api_definition(const struct kube_api *api)
{
    return &api->definition;
}
