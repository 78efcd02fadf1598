/* Whom a fault strikes: drawn by its own dice among what is there. May not: strike. */
#include "trouble.h"

struct dice *dice_of(struct sim *sim, enum sim_fault fault)
{
    return &sim->dice_fault[fault];
}

/* The teardown of this machine alone, from now on. */
void hinder(struct sim *sim, const char *name)
{
    witness_hindered_one(sim->witness, name, SIM_START_MS + sim->now_ms);
}

const struct world_server *any_server(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_server_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (is_managed(&world_server_at(sim->world, i)->labels))
            mine[count++] = world_server_at(sim->world, i);
    const struct world_server *hit = count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
    if (hit != NULL)
        hinder(sim, hit->name);
    return hit;
}

const struct world_node *any_node(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    return server != NULL ? world_node_named(sim->world, server->name) : NULL;
}

const struct world_pod *any_pod(struct sim *sim, enum sim_fault fault)
{
    const struct world_pod *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_pod_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (world_pod_at(sim->world, i)->is_runner)
            mine[count++] = world_pod_at(sim->world, i);
    const struct world_pod *hit = count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
    if (hit != NULL)
        hinder(sim, hit->node_name);
    return hit;
}

const struct world_runner *any_runner(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_runner_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (!world_runner_at(sim->world, i)->permanent)
            mine[count++] = world_runner_at(sim->world, i);
    const struct world_runner *hit = count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
    const char *name = hit != NULL ? witness_name(sim->witness, hit->server_id) : NULL;
    if (name != NULL)
        hinder(sim, name);
    return hit;
}

/* Drawn only where there is a choice: the runs with one pool keep their course. */
uint32_t any_pool(struct sim *sim, enum sim_fault fault)
{
    uint32_t pools = sim->config->pools_count;
    return pools > 1 ? (uint32_t)dice_roll(dice_of(sim, fault), pools) : 0;
}
