/* What happens to machines, and to what runs on them. May not: know what Ebbtide does about it. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "trouble.h"

void next_trouble(struct sim *sim, enum sim_fault fault)
{
    static const struct {
        enum sim_fault fault;
        enum world_trouble trouble;
    } rows[] = {
        {FAULT_CREATE_FAILS, WORLD_TROUBLE_CREATE_FAILS},
        {FAULT_BOOT_HANGS, WORLD_TROUBLE_BOOT_HANGS},
        {FAULT_JOIN_FAILS, WORLD_TROUBLE_JOIN_FAILS},
        {FAULT_NEVER_READY, WORLD_TROUBLE_NEVER_READY},
        {FAULT_POD_HANGS, WORLD_TROUBLE_POD_HANGS},
        {FAULT_REGISTER_FAILS, WORLD_TROUBLE_REGISTER_FAILS},
        {FAULT_POD_STUCK, WORLD_TROUBLE_POD_STUCK},
        {FAULT_DELETE_FAILS, WORLD_TROUBLE_DELETE_FAILS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].fault == fault)
            world_trouble_next(sim->world, rows[i].trouble, 1);
}

void server_crash(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    if (server != NULL)
        (void)world_server_crash(sim->world, server->id);
}

void runner_again(struct sim *sim, enum sim_fault fault)
{
    const struct world_pod *pod = any_pod(sim, fault);
    if (pod != NULL)
        (void)world_pod_restart(sim->world, pod->namespace_name, pod->name);
}

/* Around the limits that count: Gitea's for offline, the core's for a runner that is gone, and
 * Gitea's for a job of which nobody hears. */
void runner_silent(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    static const int64_t most[] = {SIM_MINUTES(2), SIM_MINUTES(9), SIM_MINUTES(9), SIM_MINUTES(40)};
    const struct world_runner *runner = any_runner(sim, fault);
    int64_t lasts_ms = dice_between(dice, SECONDS(30), most[dice_roll(dice, 4)]);
    if (runner != NULL)
        (void)world_runner_silence(sim->world, runner->id, lasts_ms);
}

static void sold_out_ends(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    world_set_sold_out(sim->world, NULL, NULL, false);
}

/* Half of the time what one offer names, in its place alone: another offer may be there. */
void sold_out(struct sim *sim, enum sim_fault fault)
{
    const struct config_pool *pool = &sim->config->pools[any_pool(sim, fault)];
    const struct config_offer *offer =
        &pool->offers[dice_roll(dice_of(sim, fault), pool->offers_count)];
    bool all = dice_chance(dice_of(sim, fault), 0.5);
    world_set_sold_out(sim->world, all ? NULL : offer->server_type, all ? NULL : offer->location,
                       true);
    if (!all)
        sim_say(sim, "  sold out: %s in %s", offer->server_type, offer->location);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(1), HOURS(3)), sold_out_ends, NULL,
           sim, 0);
}

static void budgets_end(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    (void)world_budget_delete(sim->world, "gitea-runners", "never");
    (void)world_budget_delete(sim->world, "gitea-runners", "two");
    (void)world_budget_delete(sim->world, "web", "never");
}

void trouble_budgets_end(struct sim *sim)
{
    budgets_end(sim, 0);
}

void budget(struct sim *sim, enum sim_fault fault)
{
    struct world_budget row = {.namespace_name = "gitea-runners",
                               .name = "never",
                               .label_key = "app",
                               .label_value = "gitea-actions-runner",
                               .min_available = 1000};
    (void)world_budget_set(sim->world, &row);
    if (fault == FAULT_BUDGET_TWO) {
        memcpy(row.name, "two", sizeof "two");
        (void)world_budget_set(sim->world, &row);
    }
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(2), HOURS(4)), budgets_end, NULL, sim,
           0);
}

/* Somebody's pod comes to run on one of our nodes: half of them under a budget that never lets go.
 */
void pod_of_others(struct sim *sim, enum sim_fault fault)
{
    static char key[] = "app", value[] = "front";
    struct world_pair pair = {.key = key, .value = value};
    const struct world_map labels = {.pairs = &pair, .count = 1};
    const struct world_budget never = {.namespace_name = "web",
                                       .name = "never",
                                       .label_key = "app",
                                       .label_value = "front",
                                       .min_available = 1000};
    const struct world_node *node = any_node(sim, fault);
    char name[24];
    if (node == NULL || node->unschedulable)
        return;
    snprintf(name, sizeof name, "front-%u", sim->strike_number[fault]);
    (void)world_pod_create(sim->world, &(struct world_pod_spec){.namespace_name = "web",
                                                                .name = name,
                                                                .node_name = node->name,
                                                                .labels = &labels,
                                                                .owner = WORLD_OWNER_REPLICASET,
                                                                .owner_name = "front",
                                                                .phase = WORLD_POD_RUNNING});
    if (dice_chance(dice_of(sim, fault), 0.5))
        return;
    (void)world_budget_set(sim->world, &never);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(2), HOURS(4)), budgets_end, NULL, sim,
           0);
}
