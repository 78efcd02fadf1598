/* What happens to processes, clocks and disks; and when each kind of trouble has its occasion: once
 * a minute, or at each message. May not: know what Ebbtide does about it. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "trouble.h"

#define OCCASION_MS SIM_MINUTES(1)

/* ------------------------------------------------------------------- the machine that we run on */

static void api_outage(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    struct poller_model *poller = &sim->poller[dice_roll(dice, source_count)];
    int64_t most = dice_chance(dice, 0.2) ? HOURS(8) : SIM_MINUTES(20);
    poller->down_until_ms = sim->now_ms + dice_between(dice, SECONDS(5), most);
}

static void storage_fails(struct sim *sim, enum sim_fault fault)
{
    sim->storage_bad_until_ms =
        sim->now_ms + dice_between(dice_of(sim, fault), SECONDS(5), HOURS(1));
}

static void audit_fails(struct sim *sim, enum sim_fault fault)
{
    sim->audit_bad_until_ms = sim->now_ms + dice_between(dice_of(sim, fault), SECONDS(5), HOURS(1));
}

/* Whether our wall clock is so far off that nothing goes for the hour's sake. */
bool clock_is_off(const struct sim *sim, int64_t skew_ms)
{
    int64_t most = sim->config->trust.clock_skew_max_ms - SECONDS(1); /* Date's resolution */
    return skew_ms > most || skew_ms < -most;
}

static void clock_jump(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    static const int64_t most[] = {SECONDS(20), SIM_MINUTES(10), HOURS(2), HOURS(30)};
    int64_t by = dice_between(dice, 1, most[dice_roll(dice, 4)]), before = sim->wall_skew_ms;
    sim->wall_skew_ms = dice_chance(dice, 0.4) ? 0 : dice_chance(dice, 0.5) ? by : -by;
    if (clock_is_off(sim, before) || clock_is_off(sim, sim->wall_skew_ms))
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    sim_say(sim, "= our wall clock is %lld ms off", (long long)sim->wall_skew_ms);
}

static void poller_back(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    if (!sim->poller[number].alive)
        poller_start(sim, (enum source)number);
}

static void kill_poller(struct sim *sim, enum source source, int64_t longest_ms)
{
    if (!sim->poller[source].alive)
        return;
    poller_kill(sim, source);
    sim_at(sim, dice_between(&sim->dice_people, 100, longest_ms), poller_back, NULL, sim, source);
}

void kill_all(struct sim *sim)
{
    brain_kill(sim);
    hands_kill(sim);
    for (unsigned i = 0; i < source_count; i++)
        kill_poller(sim, (enum source)i, SECONDS(20));
}

static void clock_is_set(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    sim->wall_skew_ms = 0;
    witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    sim_say(sim, "= our wall clock is set");
}

/* Its battery is empty: it begins in 1970, or where it stood long ago; or it was set wrong. */
static void reboot_clock(struct sim *sim)
{
    struct dice *dice = dice_of(sim, FAULT_REBOOT_CLOCK);
    double u = dice_unit(dice);
    int64_t by = dice_between(dice, SECONDS(30), HOURS(30));
    kill_all(sim);
    sim->boot_ms = sim->now_ms;
    sim->wall_skew_ms = u < 0.2 ? SECONDS(1) - SIM_START_MS - sim->now_ms : u < 0.7 ? -by : by;
    sim_at(sim, dice_between(dice, SECONDS(5), SIM_MINUTES(20)), clock_is_set, NULL, sim, 0);
    sim_say(sim, "= our wall clock is %lld ms off", (long long)sim->wall_skew_ms);
}

void trouble_at_message(struct sim *sim)
{
    if (sim_strikes(sim, FAULT_KILL_ALL))
        kill_all(sim);
    if (sim_strikes(sim, FAULT_REBOOT)) {
        kill_all(sim);
        sim->boot_ms = sim->now_ms;
    }
    if (sim_strikes(sim, FAULT_KILL_ACTUATOR))
        hands_kill(sim);
    if (sim_strikes(sim, FAULT_KILL_POLLER))
        kill_poller(sim, (enum source)dice_roll(dice_of(sim, FAULT_KILL_POLLER), source_count),
                    SIM_MINUTES(10));
    if (sim_strikes(sim, FAULT_REBOOT_CLOCK))
        reboot_clock(sim);
}

/* ------------------------------------------------------------------------------------ occasions */

static const struct {
    enum sim_fault fault;
    void (*strike)(struct sim *sim, enum sim_fault fault);
    bool by_hand;
} occasions[] = {
    {FAULT_API_OUTAGE, api_outage, false},
    {FAULT_CHECKPOINT_FAILS, storage_fails, false},
    {FAULT_AUDIT_FAILS, audit_fails, false},
    {FAULT_CLOCK_JUMP, clock_jump, false},
    {FAULT_RELOAD, reload, false},
    {FAULT_CREATE_FAILS, next_trouble, false},
    {FAULT_BOOT_HANGS, next_trouble, false},
    {FAULT_JOIN_FAILS, next_trouble, false},
    {FAULT_NEVER_READY, next_trouble, false},
    {FAULT_POD_HANGS, next_trouble, false},
    {FAULT_REGISTER_FAILS, next_trouble, false},
    {FAULT_POD_STUCK, next_trouble, false},
    {FAULT_DELETE_FAILS, next_trouble, false},
    {FAULT_SERVER_CRASH, server_crash, false},
    {FAULT_RUNNER_AGAIN, runner_again, false},
    {FAULT_SOLD_OUT, sold_out, false},
    {FAULT_BUDGET_NEVER, budget, false},
    {FAULT_BUDGET_TWO, budget, false},
    {FAULT_JOB_CANCELLED, job_cancelled, true},
    {FAULT_FENCE_BY_HAND, fence_by_hand, true},
    {FAULT_CORDON_BY_HAND, cordon_by_hand, true},
    {FAULT_RUNNER_BY_HAND, runner_by_hand, true},
    {FAULT_NODE_BY_HAND, node_by_hand, true},
    {FAULT_SERVER_BY_HAND, server_by_hand, true},
    {FAULT_PROTECTED_BY_HAND, protect, true},
    {FAULT_NAME_CLASH, name_clash, true},
    {FAULT_STRANGER, stranger, true},
    {FAULT_STRANGER_RUNNER, stranger_runner, true},
    {FAULT_POD_OF_OTHERS, pod_of_others, true},
    {FAULT_ROGUE_ORDERS, rogue_orders, false},
    {FAULT_RUNNER_SILENT, runner_silent, false},
    {FAULT_SOURCE_FROZEN, source_frozen, false},
    {FAULT_POOL_LEAVES, pool_leaves, false},
    {FAULT_NODE_CLASH, node_clash, true},
};

static bool still_hinders(const struct sim *sim)
{
    for (unsigned i = 0; i < source_count; i++)
        if (poller_is_frozen(sim, (enum source)i))
            return true;
    return sim->now_ms < sim->audit_bad_until_ms || clock_is_off(sim, sim->wall_skew_ms) ||
           !sim->brain_alive || !sim->hands_alive;
}

/* A budget that never allows holds the machines on which its pods are. */
static void hinder_by_budgets(struct sim *sim)
{
    for (size_t i = 0; world_budget_count(sim->world) > 0 && i < world_pod_count(sim->world); i++) {
        const struct world_pod *pod = world_pod_at(sim->world, i);
        if (strcmp(pod->namespace_name, "web") == 0)
            hinder(sim, pod->node_name);
    }
}

/* A pod that stays Terminating, past the grace it had, holds its machine. */
static void hinder_by_stuck(struct sim *sim)
{
    for (size_t i = 0; i < world_pod_count(sim->world); i++) {
        const struct world_pod *pod = world_pod_at(sim->world, i);
        if (pod->deletion_ms != 0 && pod->deletion_ms < SIM_START_MS + sim->now_ms)
            hinder(sim, pod->node_name);
    }
}

static void hinder_silent(struct sim *sim)
{
    for (size_t i = 0; i < world_runner_count(sim->world); i++) {
        const struct world_runner *runner = world_runner_at(sim->world, i);
        const char *name = witness_name(sim->witness, runner->server_id);
        if (name != NULL && SIM_START_MS + sim->now_ms < runner->silent_until_ms)
            hinder(sim, name);
    }
}

/* A machine of ours whose name another has in Kubernetes never joins. */
static void hinder_by_clash(struct sim *sim)
{
    for (size_t i = 0; i < world_node_count(sim->world); i++)
        if (world_node_at(sim->world, i)->server_id == 0)
            hinder(sim, world_node_at(sim->world, i)->name);
}

static void occasion(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    if (sim->healed)
        return;
    (void)sim_world_ms(sim);
    if (still_hinders(sim))
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    hinder_by_budgets(sim);
    if (sim->now_ms < sim->storage_bad_until_ms)
        witness_creates_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    hinder_by_stuck(sim);
    hinder_silent(sim);
    hinder_by_clash(sim);
    for (size_t i = 0; i < sizeof occasions / sizeof occasions[0]; i++) {
        if (!sim_strikes(sim, occasions[i].fault))
            continue;
        world_by_hand(sim->world, occasions[i].by_hand);
        occasions[i].strike(sim, occasions[i].fault);
        world_by_hand(sim->world, false);
    }
    if (sim_strikes(sim, FAULT_KILL_RECONCILER))
        brain_kill(sim);
    sim_at(sim, OCCASION_MS, occasion, NULL, sim, 0);
}

void trouble_start(struct sim *sim)
{
    sim_at(sim, OCCASION_MS, occasion, NULL, sim, 0);
}
