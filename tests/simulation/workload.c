/* Work comes in: runs of jobs, some of which wait for others, in bursts and with quiet hours.
 * May not: go on after all is healed. */
#include <math.h>

#include "sim.h"

#define JOBS_A_RUN_MAX 8
#define BACKLOG_MAX    150 /* nobody pushes more on top of this */

static void push(void *argument, uint64_t number);

static int64_t pause_ms(struct sim *sim)
{
    struct dice *dice = &sim->dice_work;
    if (dice_chance(dice, 0.15)) /* a burst */
        return dice_between(dice, 100, SECONDS(60));
    return (int64_t)(-log(1 - dice_unit(dice)) * (double)sim->push_mean_ms);
}

/* Half of real jobs take less than five minutes, one in twenty more than three quarters of an hour.
 */
static int64_t duration_ms(struct sim *sim)
{
    double u = dice_unit(&sim->dice_work), v = dice_unit(&sim->dice_work);
    double normal = sqrt(-2 * log(1 - u)) * cos(2 * 3.14159265358979 * v);
    double ms = 240000 * exp(1.2 * normal);
    return ms < 3000 ? 3000 : ms > (double)HOURS(2) ? HOURS(2) : (int64_t)ms;
}

static bool dropped(const struct sim *sim, uint64_t number)
{
    const struct sim_cut *cut = sim->options.cut;
    return cut != NULL && cut->push_dropped != NULL && number < cut->push_count &&
           cut->push_dropped[number] != 0;
}

static void make_run(struct sim *sim, uint64_t number)
{
    static const char *const nobodys[] = {"gpu"};
    static const char *const names[] = {"build",   "test", "lint", "docs",
                                        "package", "e2e",  "a",    "b"};
    struct dice *dice = &sim->dice_work;
    struct world_job_spec jobs[JOBS_A_RUN_MAX] = {0};
    uint32_t needs[JOBS_A_RUN_MAX];
    uint32_t count = 1 + (uint32_t)dice_roll(dice, (uint64_t)sim->jobs_a_run);
    for (uint32_t i = 0; i < count; i++) {
        bool nobody = i + 1 == count && dice_chance(dice, 0.04); /* the last one: none needs it */
        const char *const *labels;
        uint32_t label_count = pools_job_labels(sim, &labels);
        needs[i] = i > 0 ? (uint32_t)dice_roll(dice, i) : 0;
        jobs[i] = (struct world_job_spec){
            .name = names[i],
            .labels = nobody ? nobodys : labels,
            .label_count = nobody ? 1 : label_count,
            .needs = &needs[i],
            .needs_count = i > 0 && dice_chance(dice, 0.3) ? 1 : 0,
            .duration_ms = duration_ms(sim),
            .fails = dice_chance(dice, 0.05),
        };
    }
    if (!dropped(sim, number))
        (void)world_run_create(sim->world, sim->repo, jobs, count);
}

static void push(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    if (sim->healed)
        return;
    (void)sim_world_ms(sim);
    if (sim->open_jobs < BACKLOG_MAX)
        make_run(sim, sim->pushes);
    sim->pushes++;
    sim_at(sim, pause_ms(sim), push, NULL, sim, 0);
}

void workload_start(struct sim *sim)
{
    sim_at(sim, dice_between(&sim->dice_work, 0, SIM_MINUTES(5)), push, NULL, sim, 0);
}
