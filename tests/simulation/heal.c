/* All is healed: what was hindered is free, what people left behind is taken away, and a person
 * reads the alarms that wait for one. May not: touch what is Ebbtide's own. */
#include <string.h>

#include "sim.h"

static void heal_servers(struct sim *sim)
{
    uint64_t strangers[SIM_STRANGERS_MAX], action;
    uint32_t count = 0;
    for (size_t i = 0; i < world_server_count(sim->world); i++) {
        const struct world_server *server = world_server_at(sim->world, i);
        if (server->delete_protected)
            (void)world_server_protect(sim->world, server->id, false, &action);
        if (!server->foreign && witness_name(sim->witness, server->id) == NULL &&
            count < SIM_STRANGERS_MAX)
            strangers[count++] = server->id;
        else if (strncmp(server->name, "stranger-", strlen("stranger-")) == 0 &&
                 count < SIM_STRANGERS_MAX)
            strangers[count++] = server->id;
    }
    for (uint32_t i = 0; i < count; i++)
        (void)world_server_delete(sim->world, strangers[i], &action);
}

static void heal_nodes(struct sim *sim)
{
    for (size_t i = world_node_count(sim->world); i-- > 0;) {
        char name[WORLD_NAME_BYTES];
        const struct world_node *node = world_node_at(sim->world, i);
        memcpy(name, node->name, sizeof name);
        if (node->server_id == 0)
            (void)world_node_delete(sim->world, name, NULL);
    }
}

static void heal_runners(struct sim *sim)
{
    uint64_t fenced[SIM_STRANGERS_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_runner_count(sim->world) && count < SIM_STRANGERS_MAX; i++)
        if (world_runner_at(sim->world, i)->disabled_by_hand)
            fenced[count++] = world_runner_at(sim->world, i)->id;
    for (uint32_t i = 0; i < count; i++)
        (void)world_runner_disable(sim->world, fenced[i], false);
}

/* What waits for a person: here is one, who reads the alarms, and agrees with the breaker. */
static void answer_alarms(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    const struct status *status = sim->output->status;
    struct error error;
    (void)number;
    bool stands = false;
    for (uint32_t i = 0; sim->brain_alive && status != NULL && i < status->alarms_count; i++)
        stands = stands || status->alarms[i].kind == ALARM_BREAKER;
    if (stands && config_set(sim->config, "trust.breaker_share", "100%", &error)) {
        struct core_event event = {.kind = CORE_CONFIGURED, .u.config = sim->config};
        sim_say(sim, "= a person sets trust.breaker_share to 100%%");
        brain_event(sim, &event);
    }
    (void)sim_world_ms(sim);
    sim_at(sim, SIM_MINUTES(15), answer_alarms, NULL, sim, 0);
}

void trouble_heal(struct sim *sim)
{
    sim_at(sim, SIM_MINUTES(15), answer_alarms, NULL, sim, 0);
    (void)sim_world_ms(sim);
    for (unsigned i = 0; i < WORLD_TROUBLE_COUNT; i++)
        world_trouble_next(sim->world, (enum world_trouble)i, 0);
    world_set_sold_out(sim->world, NULL, NULL, false);
    trouble_budgets_end(sim);
    pool_back(sim);
    world_by_hand(sim->world, true);
    heal_servers(sim);
    heal_nodes(sim);
    heal_runners(sim);
    world_by_hand(sim->world, false);
    sim->storage_bad_until_ms = 0;
    sim->audit_bad_until_ms = 0;
    sim->wall_skew_ms = 0;
    for (unsigned i = 0; i < source_count; i++)
        sim->poller[i].down_until_ms = 0;
}
