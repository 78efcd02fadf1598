/* Actions: by id, of a server, lists. May not change anything. */
#include "simulator/hetzner_private.h"

#include <stdio.h>

static const char *const sort_keys[] = {"id", "command", "status", "started", "finished", NULL};

static bool is_asked_for(const struct exchange *exchange, const struct world_action *action)
{
    static const char *const words[] = {"running", "success", "error"};
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)action->id);
    return hetzner_query_has(exchange, "id", id) &&
           hetzner_query_has(exchange, "status", words[action->status]);
}

/* server_id 0: of all servers. */
static void reply_list(struct exchange *exchange, uint64_t server_id)
{
    const struct world *world = exchange_world(exchange);
    json_t *items = json_array();
    for (size_t i = 0; i < world_action_count(world); i++) {
        const struct world_action *action = world_action_at(world, i);
        if ((server_id == 0 || action->server_id == server_id) && is_asked_for(exchange, action))
            json_array_append_new(items, hetzner_action(action));
    }
    if (hetzner_sort(exchange, &items, sort_keys))
        hetzner_reply_page(exchange, "actions", items);
}

void hetzner_actions_list(struct exchange *exchange)
{
    reply_list(exchange, 0);
}

void hetzner_server_actions_list(struct exchange *exchange)
{
    const struct world_server *server = hetzner_path_server(exchange);
    if (server != NULL)
        reply_list(exchange, server->id);
}

void hetzner_actions_get(struct exchange *exchange)
{
    uint64_t id = 0;
    const struct world_action *action = NULL;
    if (exchange_parameter_u64(exchange, "id", &id))
        action = world_action_find(exchange_world(exchange), id);
    if (action == NULL)
        hetzner_verdict(exchange, WORLD_NOT_FOUND, "action");
    else
        exchange_reply_json(exchange, 200, json_pack("{s:o}", "action", hetzner_action(action)));
}
