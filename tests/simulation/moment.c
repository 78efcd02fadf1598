/* What happens at the worst moment: as an action of a teardown arrives at the actuator. Chance
 * alone hits such a moment of seconds too seldom. May not: know what Ebbtide does about it. */
#include <string.h>

#include "sim.h"

#define WORK_MS_MOST   SECONDS(25) /* past the fence's settling, and the looks after it */
#define RETURN_MS_MOST SECONDS(10)

static void push_one(void *argument, uint64_t duration_ms)
{
    struct sim *sim = argument;
    const char *const *labels;
    uint32_t count = pools_job_labels(sim, &labels);
    const struct world_job_spec job = {.name = "late",
                                       .labels = labels,
                                       .label_count = count,
                                       .duration_ms = (int64_t)duration_ms};
    (void)sim_world_ms(sim);
    if (!sim->healed)
        (void)world_run_create(sim->world, sim->repo, &job, 1);
}

static void work_comes(struct sim *sim)
{
    struct dice *dice = &sim->dice_fault[FAULT_WORK_AT_TEARDOWN];
    int64_t duration_ms = dice_between(dice, SECONDS(5), SIM_MINUTES(20));
    sim_at(sim, dice_between(dice, 0, WORK_MS_MOST), push_one, NULL, sim, (uint64_t)duration_ms);
}

static void return_one(void *argument, uint64_t server_id)
{
    struct sim *sim = argument;
    (void)sim_world_ms(sim);
    const char *node = witness_name(sim->witness, server_id);
    for (size_t i = 0; node != NULL && i < world_pod_count(sim->world); i++) {
        const struct world_pod *pod = world_pod_at(sim->world, i);
        if (!pod->is_runner || strcmp(pod->node_name, node) != 0)
            continue;
        witness_hindered_one(sim->witness, node, SIM_START_MS + sim->now_ms);
        (void)world_pod_restart(sim->world, pod->namespace_name, pod->name);
        return;
    }
}

void moment_of(struct sim *sim, const struct action *action)
{
    bool deregisters = action->kind == ACTION_DEREGISTER_RUNNERS;
    bool goes_on = action->kind == ACTION_DRAIN_NODE || action->kind == ACTION_REMOVE_NODE;
    if (deregisters && sim->open_jobs < SIM_OPEN_JOBS / 2 &&
        sim_strikes(sim, FAULT_WORK_AT_TEARDOWN))
        work_comes(sim);
    if ((deregisters || goes_on) && action->node.server_id != 0 &&
        sim_strikes(sim, FAULT_RUNNER_RETURNS))
        sim_at(sim, dice_between(&sim->dice_fault[FAULT_RUNNER_RETURNS], 0, RETURN_MS_MOST),
               return_one, NULL, sim, action->node.server_id);
}
