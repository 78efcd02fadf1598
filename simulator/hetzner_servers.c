/* Servers: list, get, rename and label, delete, power, protection. Creating is hetzner_create.c.
 * May not decide what becomes of a server: the world does. */
#include "simulator/hetzner_private.h"

#include <string.h>

const struct world_server *hetzner_path_server(struct exchange *exchange)
{
    uint64_t id = 0;
    const struct world_server *server = NULL;
    if (exchange_parameter_u64(exchange, "id", &id))
        server = world_server_find(exchange_world(exchange), id);
    if (server == NULL)
        hetzner_verdict(exchange, WORLD_NOT_FOUND, "server");
    return server;
}

static const char *status_word(const struct world_server *server)
{
    static const char *const words[WORLD_SERVER_STATUS_COUNT] = {
        "initializing", "starting", "running", "stopping", "off", "deleting"};
    return words[server->status];
}

void hetzner_servers_list(struct exchange *exchange)
{
    static const char *const sort_keys[] = {"id", "name", "created", NULL};
    const struct world *world = exchange_world(exchange);
    struct selector selector;
    if (!selector_parse(&selector, exchange_query(exchange, "label_selector"))) {
        hetzner_field_error(exchange, "invalid_input", "label_selector",
                            "label selector is invalid");
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < world_server_count(world); i++) {
        const struct world_server *server = world_server_at(world, i);
        if (selector_matches(&selector, &server->labels) &&
            hetzner_query_has(exchange, "name", server->name) &&
            hetzner_query_has(exchange, "status", status_word(server)))
            json_array_append_new(items, hetzner_server(world, server));
    }
    if (hetzner_sort(exchange, &items, sort_keys))
        hetzner_reply_page(exchange, "servers", items);
}

static void reply_server(struct exchange *exchange, uint64_t id)
{
    const struct world *world = exchange_world(exchange);
    const struct world_server *server = world_server_find(world, id);
    exchange_reply_json(exchange, 200, json_pack("{s:o}", "server", hetzner_server(world, server)));
}

void hetzner_servers_get(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    if (server != NULL)
        reply_server(exchange, server->id);
}

/* RFC 1123: labels of letters, digits and hyphens, joined by dots. */
bool hetzner_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    char before = '.';
    if (length == 0 || length > 253)
        return false;
    for (const char *at = name; *at != '\0'; at++) {
        bool edge = before == '.' || at[1] == '\0' || at[1] == '.';
        bool letter =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!letter && (edge || (*at != '-' && *at != '.')))
            return false;
        before = *at;
    }
    return true;
}

void hetzner_servers_update(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    json_t *body = exchange_body(exchange);
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels;
    if (server == NULL)
        return;
    if (!json_is_object(body)) {
        hetzner_error(exchange, "json_error", "invalid JSON in request");
        return;
    }
    uint64_t id = server->id;
    json_t *new_labels = json_object_get(body, "labels");
    const char *name = json_string_value(json_object_get(body, "name"));
    if (name != NULL && !hetzner_name_is_valid(name)) {
        hetzner_field_error(exchange, "invalid_input", "name",
                            "must be a valid hostname as per RFC 1123");
        return;
    }
    if (new_labels != NULL && !hetzner_read_labels(exchange, new_labels, pairs, &labels))
        return;
    enum world_verdict verdict = world_server_update(exchange_world(exchange), id, name,
                                                     new_labels != NULL ? &labels : NULL);
    if (verdict == WORLD_OK)
        reply_server(exchange, id);
    else
        hetzner_verdict(exchange, verdict, "server");
}

static void reply_action(struct exchange *exchange, int status, enum world_verdict verdict,
                         uint64_t action_id)
{
    if (verdict != WORLD_OK) {
        hetzner_verdict(exchange, verdict, "server");
        return;
    }
    const struct world_action *action = world_action_find(exchange_world(exchange), action_id);
    exchange_reply_json(exchange, status, json_pack("{s:o}", "action", hetzner_action(action)));
}

void hetzner_servers_delete(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    uint64_t action = 0;
    if (server == NULL)
        return;
    enum world_verdict verdict = world_server_delete(exchange_world(exchange), server->id, &action);
    reply_action(exchange, 200, verdict, action);
}

void hetzner_servers_power(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    const char *word = strrchr(exchange_path(exchange), '/') + 1;
    enum world_power what = strcmp(word, "poweron") == 0    ? WORLD_POWER_ON
                            : strcmp(word, "poweroff") == 0 ? WORLD_POWER_OFF
                                                            : WORLD_SHUTDOWN;
    uint64_t action = 0;
    if (server == NULL)
        return;
    enum world_verdict verdict =
        world_server_power(exchange_world(exchange), server->id, what, &action);
    reply_action(exchange, 201, verdict, action);
}

void hetzner_servers_protect(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    json_t *protect = json_object_get(exchange_body(exchange), "delete");
    uint64_t action = 0;
    if (server == NULL)
        return;
    if (!json_is_boolean(protect)) {
        hetzner_field_error(exchange, "invalid_input", "delete", "must be a boolean");
        return;
    }
    enum world_verdict verdict =
        world_server_protect(exchange_world(exchange), server->id, json_is_true(protect), &action);
    reply_action(exchange, 201, verdict, action);
}
