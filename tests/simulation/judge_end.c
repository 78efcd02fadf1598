/* How a run ends: held against what is promised for the time when nothing hinders any longer.
 * May not: use what the core believes. */
#include <string.h>

#include "sim.h"

#define JOBS_BOUND_MS   HOURS(4) /* beside the time that the jobs themselves take */
#define FLEET_BOUND_MS  HOURS(4)
#define CHAIN_JOBS_MOST 8 /* of one run */

static uint64_t jobs_left(const struct sim *sim)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < sim->open_jobs; i++) {
        const struct world_job *job = world_job_find(sim->world, sim->open_job[i]);
        left += job->labels.count == 0 || strcmp(job->labels.items[0], "gpu") != 0;
    }
    return left;
}

/* Machines that may be there at once for the pool that may have the fewest slots. */
static int64_t least_slots(const struct sim *sim)
{
    const struct config *config = sim->config;
    int64_t account = world_config_of(sim->world)->servers_max - 1, kept = 0, least = INT64_MAX;
    int64_t paid = (int64_t)(config->rails.max_hourly_cost_micro / sim->rules.dearest_micro);
    int64_t most = (int64_t)config->rails.max_servers;
    most = account < most ? account : most;
    most = paid < most ? paid : most;
    for (uint32_t i = 0; i < config->pools_count; i++)
        kept += (int64_t)config->pools[i].min;
    for (uint32_t i = 0; i < config->pools_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        int64_t others = kept - (int64_t)pool->min, machines = most - others;
        machines = machines < (int64_t)pool->max ? machines : (int64_t)pool->max;
        machines = machines > 1 ? machines : 1;
        least =
            machines * (int64_t)pool->capacity < least ? machines * (int64_t)pool->capacity : least;
    }
    return least;
}

/* All of it on the fewest slots, and the longest chain of jobs that wait for each other. */
static int64_t work_left_ms(const struct sim *sim)
{
    int64_t left = 0, longest = 0;
    for (uint32_t i = 0; i < sim->open_jobs; i++) {
        int64_t ms = world_job_find(sim->world, sim->open_job[i])->duration_ms;
        left += ms;
        longest = ms > longest ? ms : longest;
    }
    return left / least_slots(sim) + CHAIN_JOBS_MOST * longest;
}

bool judge_end(struct sim *sim)
{
    char text[BOOK_TEXT_BYTES];
    struct scene scene = {.kind = SCENE_end};
    struct end_scene *out = &scene.u.end;
    if (sim->end_due_ms == 0) {
        sim->end_due_ms = sim->now_ms + JOBS_BOUND_MS + 2 * work_left_ms(sim);
        sim->end_for_jobs = true;
    }
    if (sim->now_ms < sim->end_due_ms && !sim->end_for_jobs)
        return false; /* asked after every event: nothing is counted for nothing */
    uint64_t left = jobs_left(sim);
    if (sim->now_ms < sim->end_due_ms && left > 0)
        return false;
    out->healed_ms = sim->now_ms - sim->heal_ms;
    out->jobs_left = left;
    out->jobs_waiting = left;
    for (uint32_t i = 0; i < sim->config->pools_count; i++)
        out->servers_min += sim->config->pools[i].min;
    for (size_t i = 0; i < world_server_count(sim->world); i++)
        out->servers += witness_name(sim->witness, world_server_at(sim->world, i)->id) != NULL;
    if (sim->end_for_jobs)
        out->servers = 0; /* the fleet's turn comes next */
    snprintf(text, sizeof text,
             "%llu jobs are left %lld minutes after all was healed, %llu servers (minimum %llu)",
             (unsigned long long)left, (long long)(out->healed_ms / 60000),
             (unsigned long long)out->servers, (unsigned long long)out->servers_min);
    bool held = book_judge(&sim->book, &scene, SIM_START_MS + sim->now_ms, text);
    if (!held || !sim->end_for_jobs)
        return true;
    sim->end_for_jobs = false;
    sim->end_due_ms = sim->now_ms + FLEET_BOUND_MS;
    return false;
}
