/* What the parts of the Kubernetes API share. Private to kube_*.c.
 * May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_KUBE_PRIVATE_H
#define EBBTIDE_SIMULATOR_KUBE_PRIVATE_H

#include "simulator/api_json.h"
#include "simulator/kube_api.h"
#include "simulator/selector.h"

#define KUBE_SNAPSHOTS_MAX   16
#define KUBE_FIELD_TERMS_MAX 8
#define KUBE_TOO_HIGH_MS     3000

/* A kind of object that can be listed and watched. */
struct kube_kind {
    const char *kind, *plural, *api_version, *group; /* "Node", "nodes", "v1", "" */
    bool namespaced;
    bool watched;              /* its changes are kept as events */
    const char *const *fields; /* field selectors it knows; NULL-terminated */
    /* All objects of the world, each with kind and apiVersion, in the order of their names. */
    json_t *(*all)(const struct world *world);
};
extern const struct kube_kind kube_nodes, kube_pods, kube_namespaces, kube_daemonsets,
    kube_replicasets, kube_budgets, kube_budgets_beta, kube_role_bindings;

/* One change of an object, as watches need it. */
struct kube_event {
    uint64_t resource_version;
    const struct kube_kind *kind;
    json_t *before, *after; /* NULL: was not there, is no more */
};

struct kube_snapshot {
    uint64_t resource_version;
    char *path;
    json_t *rest; /* every object of the list, selected */
};

struct kube_api {
    struct api_definition definition;
    struct event_base *base;
    struct world *world;
    json_t *last; /* "nodes/NAME" or "pods/NS/NAME" -> the object as it was last */
    struct kube_event events[KUBE_EVENTS_MAX];
    uint64_t event_first, event_end;
    uint64_t compacted; /* older resource versions are too old */
    struct kube_snapshot snapshots[KUBE_SNAPSHOTS_MAX];
    size_t next_snapshot;
    struct kube_watch *watches;
    uint64_t audit_count;
};
struct kube_api *kube_api_of(const struct exchange *exchange);

/* kube_status.c: Status objects. details may be NULL (taken). */
void kube_status(struct exchange *exchange, int code, const char *reason, const char *message,
                 json_t *details);
json_t *kube_status_object(int code, const char *reason, const char *message, json_t *details);
void kube_not_found(struct exchange *exchange, const struct kube_kind *kind, const char *name);
void kube_conflict(struct exchange *exchange, const char *kind, const char *name,
                   const char *because);
/* 200 Status Success with details.uid. */
void kube_deleted(struct exchange *exchange, const char *plural, const char *name, const char *uid);
void kube_refuse(struct exchange *exchange, enum refusal why);
void kube_expired(struct exchange *exchange, const char *message, const char *fresh_continue);

/* kube_node_json.c, kube_pod_json.c */
json_t *kube_node(const struct world_node *node);
json_t *kube_pod(const struct world_pod *pod);

/* kube_fields.c: what a list or watch selects. */
struct kube_selection {
    const struct kube_kind *kind;
    char namespace_name[64]; /* "": all */
    struct selector labels;
    struct {
        char path[48], value[WORLD_NAME_BYTES];
        bool negated;
    } fields[KUBE_FIELD_TERMS_MAX];
    size_t field_count;
};
/* From the route's {namespace} and the query; false: it has answered 400. */
bool kube_read_selection(struct exchange *exchange, const struct kube_kind *kind,
                         struct kube_selection *out);
bool kube_selects(const struct kube_selection *selection, const json_t *object);
const char *kube_text_at(const json_t *object, const char *path); /* "spec.nodeName" */

/* kube_list.c, kube_continue.c, kube_watch.c, kube_table.c */
void kube_list(struct exchange *exchange, const struct kube_kind *kind);
void kube_get(struct exchange *exchange, const struct kube_kind *kind, const char *name);
/* The object of this name in the route's namespace; a new reference, or NULL. */
json_t *kube_find(struct exchange *exchange, const struct kube_kind *kind, const char *name);
void kube_watch_begin(struct exchange *exchange, const struct kube_selection *selection);
void kube_watch_notify(struct kube_api *api, const struct kube_event *event);
bool kube_wants_table(const struct exchange *exchange);
/* Takes objects (an array) and metadata. */
json_t *kube_table(const struct kube_kind *kind, json_t *objects, json_t *metadata,
                   bool with_columns, int64_t now_ms);
/* A continue token, and what it says; false where it is none. */
bool kube_continue_write(int64_t resource_version, const char *start, char *out, size_t size);
bool kube_continue_read(const char *text, int64_t *resource_version, char *start, size_t size);

/* kube_patch.c: pure changes of JSON. */
enum kube_patch_result { KUBE_PATCHED, KUBE_PATCH_BAD, KUBE_PATCH_TEST_FAILED };
void kube_merge(json_t *target, const json_t *patch, bool strategic);
enum kube_patch_result kube_json_patch(json_t *target, const json_t *operations);
/* Applies the request's patch to object by its Content-Type; false: it has answered. */
bool kube_apply_patch(struct exchange *exchange, json_t *object);

/* Checks DeleteOptions preconditions (or a patch's metadata) against an object; false: it has
 * answered 409. */
/* Whether the body of a DELETE is empty or DeleteOptions; false: it has answered 400. */
bool kube_reads_options(struct exchange *exchange);
bool kube_preconditions_hold(struct exchange *exchange, const json_t *options, const char *kind,
                             const char *name, const char *uid, uint64_t resource_version);
bool kube_is_dry_run(const struct exchange *exchange);

/* Handlers. */
void kube_discovery_version(struct exchange *exchange);
void kube_discovery_api(struct exchange *exchange);
void kube_discovery_groups(struct exchange *exchange);
void kube_discovery_group(struct exchange *exchange);
void kube_discovery_resources(struct exchange *exchange);
void kube_discovery_openapi(struct exchange *exchange);
void kube_nodes_patch(struct exchange *exchange);
void kube_nodes_delete(struct exchange *exchange);
void kube_pods_patch(struct exchange *exchange);
void kube_pods_delete(struct exchange *exchange);
void kube_pods_evict(struct exchange *exchange);
void kube_access_review(struct exchange *exchange);

#endif
