/* The configuration changes while everything runs: what a pool may have and keeps, how long a
 * machine rests, the rail of all servers. The witness judges by the more generous of the old and
 * the new rules until what was asked and what had begun under the old ones is over. May not: ask
 * for what cannot be kept. */
#include "trouble.h"

#define RELOAD_GRACE_MS                                                                            \
    SIM_MINUTES(5) /* what was asked under the old rules has arrived by then                       \
                    */

/* What a pool may have is not certain until then. */
static void settle(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    if (number != sim->reloads)
        return; /* another one came meanwhile, and has a time of its own */
    witness_creates_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    if (sim->now_ms < sim->settled_ms) {
        sim_at(sim, SIM_MINUTES(1), settle, NULL, sim, number);
        return;
    }
    rules_from_config(sim);
    witness_change(sim->witness, &sim->rules);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void widen(struct witness_rules *to, const struct witness_rules *from)
{
    to->notice_ms = larger(to->notice_ms, from->notice_ms);
    to->bound_ms = larger(to->bound_ms, from->bound_ms);
    if (from->servers_max > to->servers_max)
        to->servers_max = from->servers_max;
    for (; to->pool_count < from->pool_count; to->pool_count++)
        to->pool[to->pool_count] = from->pool[to->pool_count];
    for (uint32_t i = 0; i < from->pool_count; i++) {
        if (from->pool[i].max > to->pool[i].max)
            to->pool[i].max = from->pool[i].max;
        if (from->pool[i].min > to->pool[i].min)
            to->pool[i].min = from->pool[i].min;
        if (from->pool[i].owed < to->pool[i].owed)
            to->pool[i].owed = from->pool[i].owed;
    }
}

static void set(struct sim *sim, const char *path, const char *unit, int64_t value)
{
    struct error error;
    char text[32];
    snprintf(text, sizeof text, "%lld%s", (long long)value, unit);
    if (!config_set(sim->config, path, text, &error))
        sim_die(error.text);
    sim_say(sim, "  %s: %s", path, text);
}

/* All pools' min together, and the largest max: the rails are never below either. One that was
 * removed comes back with what it had. */
static void sum_pools(const struct sim *sim, int64_t *kept, int64_t *largest)
{
    const struct config *config = sim->config;
    *kept = *largest = 0;
    for (uint32_t i = 0; i < sim->pools_drawn; i++) {
        *kept += (int64_t)config->pools[i].min;
        *largest = larger(*largest, (int64_t)config->pools[i].max);
    }
}

/* More is never kept than at first: a quota may have been drawn that holds just that. */
static void change_min(struct sim *sim, struct dice *dice, uint32_t pool)
{
    const struct config_pool *of = &sim->config->pools[pool];
    char path[32];
    int64_t kept, largest, most = (int64_t)of->max;
    sum_pools(sim, &kept, &largest);
    int64_t free = sim->servers_kept - 1 - (kept - (int64_t)of->min);
    if (sim->pools_drawn > 1 && most > free)
        most = free;
    if (most < 0)
        return;
    snprintf(path, sizeof path, "pools[%u].min", pool);
    set(sim, path, "", dice_between(dice, 0, most));
}

static void change_rail(struct sim *sim, struct dice *dice)
{
    int64_t kept, largest;
    sum_pools(sim, &kept, &largest);
    int64_t least = larger(kept + 1, largest), most = larger(least, sim->servers_drawn + 2);
    set(sim, "rails.max_servers", "", dice_between(dice, least, most));
}

static void change_pool(struct sim *sim, struct dice *dice, uint32_t pool)
{
    char path[32];
    int64_t max = dice_between(dice, 1, (int64_t)sim->config->rails.max_servers);
    snprintf(path, sizeof path, "pools[%u].max", pool);
    if (max >= (int64_t)sim->config->pools[pool].min)
        set(sim, path, "", max);
    if (dice_chance(dice, 0.4))
        change_min(sim, dice, pool);
}

/* The rules of the configuration as it is now, and for a while those of before as well. */
static void change_rules(struct sim *sim)
{
    struct witness_rules before = sim->rules;
    rules_from_config(sim);
    int64_t grace_ms = larger(RELOAD_GRACE_MS, before.notice_ms); /* its teardown begins only now */
    widen(&sim->rules, &before);
    witness_change(sim->witness, &sim->rules);
    sim->settled_ms = larger(sim->settled_ms, sim->now_ms + grace_ms);
    settle(sim, ++sim->reloads);
}

void reload(struct sim *sim, enum sim_fault fault)
{
    static const int64_t rests_s[] = {0, 60, 300, 900, 3000};
    struct dice *dice = dice_of(sim, fault);
    change_pool(sim, dice, any_pool(sim, fault));
    if (dice_chance(dice, 0.3))
        change_rail(sim, dice);
    if (dice_chance(dice, 0.3))
        set(sim, "life.idle_timeout", "s",
            rests_s[dice_roll(dice, sizeof rests_s / sizeof rests_s[0])]);
    change_rules(sim);
    struct core_event event = {.kind = CORE_CONFIGURED, .u.config = sim->config};
    if (sim->brain_alive)
        brain_event(sim, &event);
}

/* ------------------------------------------------------------------------------------- the pools
 */

/* Other pools are other rights: all processes start again. What the pool was stands behind the
 * count, and is put back from there. */
static void set_pools(struct sim *sim, uint32_t count)
{
    kill_all(sim);
    sim->config->pools_count = count;
    sim_say(sim, "  %u pools", count);
    change_rules(sim);
}

void pool_back(struct sim *sim)
{
    if (sim->config->pools_count < sim->pools_drawn)
        set_pools(sim, sim->pools_drawn);
}

static void back(void *argument, uint64_t number)
{
    (void)number;
    pool_back(argument);
}

void pool_leaves(struct sim *sim, enum sim_fault fault)
{
    int64_t lasts_ms = dice_between(dice_of(sim, fault), SIM_MINUTES(2), HOURS(6));
    if (sim->pools_drawn < 2 || sim->config->pools_count < sim->pools_drawn)
        return;
    set_pools(sim, sim->pools_drawn - 1);
    sim_at(sim, lasts_ms, back, NULL, sim, 0);
}
