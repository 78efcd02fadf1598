/* What a test makes happen to servers, nodes, pods and budgets.
 * May not answer as any of the three services. */
#include "simulator/control_private.h"

#include <stdio.h>
#include <string.h>

const struct world_server *control_path_server(struct exchange *exchange)
{
    const struct world *world = exchange_world(exchange);
    const char *word = exchange_parameter(exchange, "id");
    uint64_t id = 0;
    const struct world_server *server = exchange_parameter_u64(exchange, "id", &id)
                                            ? world_server_find(world, id)
                                            : world_server_named(world, word);
    if (server == NULL)
        control_verdict(exchange, WORLD_NOT_FOUND, "server");
    return server;
}

/* Labels of the body; false: it has answered. */
static bool read_labels(struct exchange *exchange, struct world_pair *pairs, struct world_map *out)
{
    const json_t *labels = json_object_get(exchange_body(exchange), "labels");
    *out = (struct world_map){0};
    if (labels == NULL || api_read_map(labels, pairs, out))
        return true;
    control_error(exchange, 400, "key \"labels\" must be an object of strings");
    return false;
}

static const struct world_server_type *type_named(const char *name)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

static const struct world_location *location_named(const char *name)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(locations[i].name, name) == 0)
            return &locations[i];
    }
    return NULL;
}

/* A server that somebody else rented. */
void control_servers_add(struct exchange *exchange)
{
    static const char *const keys[] = {"name", "server_type", "location", "labels", NULL};
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels;
    uint64_t id, actions[2];
    size_t count;
    if (!control_keys(exchange, keys) || !read_labels(exchange, pairs, &labels))
        return;
    struct world_server_spec spec = {
        .name = control_text(exchange, "name", NULL),
        .type = type_named(control_text(exchange, "server_type", "ccx33")),
        .location = location_named(control_text(exchange, "location", "nbg1")),
        .image = world_images(&count),
        .labels = &labels,
        .start = true};
    if (spec.name == NULL || spec.type == NULL || spec.location == NULL) {
        control_error(exchange, 400,
                      "expected \"name\", and a known \"server_type\" and \"location\"");
        return;
    }
    enum world_verdict verdict = world_server_create(exchange_world(exchange), &spec, &id, actions);
    if (verdict == WORLD_OK)
        exchange_reply_json(exchange, 201, json_pack("{s:I}", "id", (json_int_t)id));
    else
        control_verdict(exchange, verdict, "server");
}

void control_servers_crash(struct exchange *exchange)
{
    const struct world_server *server = control_path_server(exchange);
    if (server != NULL)
        control_verdict(exchange, world_server_crash(exchange_world(exchange), server->id),
                        "server");
}

void control_servers_protect(struct exchange *exchange)
{
    static const char *const keys[] = {"delete", NULL};
    uint64_t action;
    const struct world_server *server = control_path_server(exchange);
    if (server != NULL && control_keys(exchange, keys))
        control_verdict(exchange,
                        world_server_protect(exchange_world(exchange), server->id,
                                             control_switch(exchange, "delete", true), &action),
                        "server");
}

/* The trouble that the body names; false: it has answered. */
static bool read_trouble(struct exchange *exchange, enum world_trouble *trouble)
{
    const char *word = control_text(exchange, "trouble", "");
    if (world_trouble_by_word(word, trouble))
        return true;
    control_error(exchange, 400,
                  "trouble \"%s\" is unknown; simulator/world/troubles.def lists them", word);
    return false;
}

void control_servers_trouble(struct exchange *exchange)
{
    static const char *const keys[] = {"trouble", NULL};
    enum world_trouble trouble;
    const struct world_server *server = control_path_server(exchange);
    if (server != NULL && control_keys(exchange, keys) && read_trouble(exchange, &trouble))
        control_verdict(exchange,
                        world_server_trouble(exchange_world(exchange), server->id, trouble),
                        "server");
}

void control_trouble(struct exchange *exchange)
{
    static const char *const keys[] = {"trouble", "count", NULL};
    enum world_trouble trouble;
    if (!control_keys(exchange, keys) || !read_trouble(exchange, &trouble))
        return;
    int64_t count = control_number(exchange, "count", 1);
    world_trouble_next(exchange_world(exchange), trouble, (uint32_t)(count < 0 ? 0 : count));
    control_verdict(exchange, WORLD_OK, "");
}

void control_sold_out(struct exchange *exchange)
{
    static const char *const keys[] = {"server_type", "location", "sold_out", NULL};
    if (!control_keys(exchange, keys))
        return;
    world_set_sold_out(exchange_world(exchange), control_text(exchange, "server_type", NULL),
                       control_text(exchange, "location", NULL),
                       control_switch(exchange, "sold_out", true));
    control_verdict(exchange, WORLD_OK, "");
}

/* ------------------------------------------------------------------------------------- Kubernetes
 */

void control_nodes_add(struct exchange *exchange)
{
    static const char *const keys[] = {"name", "provider_id", "labels", "ready", NULL};
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels, none = {0};
    if (!control_keys(exchange, keys) || !read_labels(exchange, pairs, &labels))
        return;
    const char *name = control_text(exchange, "name", NULL);
    struct world_node_spec spec = {.labels = &labels, .annotations = &none};
    if (name == NULL)
        control_error(exchange, 400, "key \"name\" is missing");
    else
        control_verdict(exchange,
                        world_node_create(exchange_world(exchange), name,
                                          control_text(exchange, "provider_id", ""), &spec,
                                          control_switch(exchange, "ready", true)),
                        "node");
}

void control_nodes_delete(struct exchange *exchange)
{
    control_verdict(
        exchange,
        world_node_delete(exchange_world(exchange), exchange_parameter(exchange, "name"), NULL),
        "node");
}

/* Who owns a pod, by the word; a pod made here is a ReplicaSet's unless said otherwise. */
static enum world_pod_owner owner_by_word(const char *word)
{
    if (strcmp(word, "none") == 0)
        return WORLD_OWNER_NONE;
    if (strcmp(word, "daemonset") == 0)
        return WORLD_OWNER_DAEMONSET;
    return strcmp(word, "mirror") == 0 ? WORLD_OWNER_MIRROR : WORLD_OWNER_REPLICASET;
}

static enum world_pod_phase phase_by_word(const char *word)
{
    if (strcmp(word, "Pending") == 0)
        return WORLD_POD_PENDING;
    if (strcmp(word, "Succeeded") == 0)
        return WORLD_POD_SUCCEEDED;
    return strcmp(word, "Failed") == 0 ? WORLD_POD_FAILED : WORLD_POD_RUNNING;
}

static char made_by[] = "made-by", control[] = "control";

void control_pods_add(struct exchange *exchange)
{
    static const char *const keys[] = {"namespace", "name",  "node", "labels",
                                       "owner",     "phase", NULL};
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels, none = {0};
    if (!control_keys(exchange, keys) || !read_labels(exchange, pairs, &labels))
        return;
    if (labels.count == 0) {
        pairs[0] = (struct world_pair){made_by, control};
        labels = (struct world_map){.pairs = pairs, .count = 1};
    }
    struct world_pod_spec spec = {
        .namespace_name = control_text(exchange, "namespace", "default"),
        .name = control_text(exchange, "name", NULL),
        .node_name = control_text(exchange, "node", ""),
        .labels = &labels,
        .annotations = &none,
        .owner = owner_by_word(control_text(exchange, "owner", "replicaset")),
        .owner_name = "by-hand",
        .phase = phase_by_word(control_text(exchange, "phase", "Running"))};
    if (spec.name == NULL)
        control_error(exchange, 400, "key \"name\" is missing");
    else
        control_verdict(exchange, world_pod_create(exchange_world(exchange), &spec), "pod");
}

void control_pods_delete(struct exchange *exchange)
{
    control_verdict(exchange,
                    world_pod_delete(exchange_world(exchange),
                                     exchange_parameter(exchange, "namespace"),
                                     exchange_parameter(exchange, "name"), NULL, 0),
                    "pod");
}

void control_pods_restart(struct exchange *exchange)
{
    control_verdict(exchange,
                    world_pod_restart(exchange_world(exchange),
                                      exchange_parameter(exchange, "namespace"),
                                      exchange_parameter(exchange, "name")),
                    "pod");
}

/* Without a label it protects the pods that were made here without one. */
void control_budgets_add(struct exchange *exchange)
{
    static const char *const keys[] = {"namespace",     "name",      "label_key", "label_value",
                                       "min_available", "processed", NULL};
    struct world_budget budget = {0};
    if (!control_keys(exchange, keys))
        return;
    snprintf(budget.namespace_name, sizeof budget.namespace_name, "%s",
             control_text(exchange, "namespace", "default"));
    snprintf(budget.name, sizeof budget.name, "%s", control_text(exchange, "name", "budget"));
    snprintf(budget.label_key, sizeof budget.label_key, "%s",
             control_text(exchange, "label_key", made_by));
    snprintf(budget.label_value, sizeof budget.label_value, "%s",
             control_text(exchange, "label_value", control));
    budget.min_available = (uint32_t)control_number(exchange, "min_available", 1);
    budget.processed = control_switch(exchange, "processed", true);
    control_verdict(exchange, world_budget_set(exchange_world(exchange), &budget), "budget");
}

void control_budgets_delete(struct exchange *exchange)
{
    control_verdict(exchange,
                    world_budget_delete(exchange_world(exchange),
                                        exchange_parameter(exchange, "namespace"),
                                        exchange_parameter(exchange, "name")),
                    "budget");
}
