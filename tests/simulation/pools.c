/* Several pools: which there are, what their machines run, and for which of them a job asks. In
 * half of the runs there is one. They may share labels: then a job is the first pool's that serves
 * it, and any runner with its labels may take it. May not: decide what is good for a pool. */
#include <string.h>

#include "common/names.h"
#include "sim.h"

#define POOLS_MOST 3

/* What the pools' runners can do. A job asks for one of these labels, or for all of a pool. */
static const struct {
    const char *label[POOLS_MOST][POOLS_MOST];
} schemes[] = {
    {{{"linux"}, {"arm"}, {"mac"}}},                           /* each its own */
    {{{"linux"}, {"linux", "big"}, {"linux", "big", "huge"}}}, /* the later can do more */
    {{{"linux", "big", "huge"}, {"linux", "big"}, {"linux"}}}, /* the first can do all */
    {{{"linux"}, {"linux"}, {"arm"}}},                         /* two that do the same */
};

static const char *const names[POOLS_MOST] = {"linux", "second", "third"};

uint32_t pool_labels(const struct sim *sim, uint32_t pool, const char *const **out)
{
    uint32_t count = 0;
    *out = schemes[sim->scheme].label[pool];
    while (count < POOLS_MOST && (*out)[count] != NULL)
        count++;
    return count;
}

static void set_pool(struct sim *sim, uint32_t pool, const char *key, const char *value)
{
    struct error error;
    char path[64];
    snprintf(path, sizeof path, "pools[%u].%s", pool, key);
    if (!config_set(sim->config, path, value, &error))
        sim_die(error.text);
}

static void set_number(struct sim *sim, uint32_t pool, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    set_pool(sim, pool, key, text);
}

static void set_labels(struct sim *sim, uint32_t pool)
{
    char text[64];
    const char *const *labels;
    uint32_t count = pool_labels(sim, pool, &labels);
    snprintf(text, sizeof text, "[%s%s%s%s%s]", labels[0], count > 1 ? ", " : "",
             count > 1 ? labels[1] : "", count > 2 ? ", " : "", count > 2 ? labels[2] : "");
    set_pool(sim, pool, "label_sets[0]", text);
}

/* Further offers of a pool, by dice of their own: the other draws keep their course. */
static void draw_offers(struct sim *sim, uint32_t pool, bool cheap)
{
    struct dice dice = {sim->dice_pools.state ^ UINT64_C(0x94D049BB133111EB)};
    if (dice_chance(&dice, 0.6))
        return;
    set_pool(sim, pool, "offers[1].server_type", cheap ? "ccx33" : "ccx23");
    set_pool(sim, pool, "offers[1].location", dice_chance(&dice, 0.5) ? "nbg1" : "fsn1");
    if (dice_chance(&dice, 0.6))
        return;
    set_pool(sim, pool, "offers[2].server_type", "ccx13");
    set_pool(sim, pool, "offers[2].location", "hel1");
}

static void draw_pool(struct sim *sim, uint32_t pool)
{
    struct dice *dice = &sim->dice_pools;
    bool cheap = dice_chance(dice, 0.5);
    int64_t max = dice_between(dice, 1, 6);
    set_pool(sim, pool, "name", names[pool]);
    set_labels(sim, pool);
    set_pool(sim, pool, "server_url", "https://10.0.0.1:6443");
    set_pool(sim, pool, "offers[0].server_type", cheap ? "ccx23" : "ccx33");
    set_pool(sim, pool, "offers[0].location", cheap ? "fsn1" : "nbg1");
    draw_offers(sim, pool, cheap);
    set_number(sim, pool, "max", max);
    set_number(sim, pool, "min", dice_chance(dice, 0.8) ? 0 : dice_between(dice, 0, max / 2));
    set_number(sim, pool, "capacity", dice_chance(dice, 0.6) ? 1 : dice_between(dice, 2, 4));
}

/* The rails hold what all pools keep, and one more: else a pool's job might wait for ever, as it
 * was asked for. */
static void widen_rails(struct sim *sim)
{
    int64_t kept = 1, largest = 0, all = 0;
    char text[24];
    struct error error;
    for (uint32_t i = 0; i < sim->config->pools_count; i++) {
        const struct config_pool *pool = &sim->config->pools[i];
        kept += (int64_t)pool->min;
        largest = (int64_t)pool->max > largest ? (int64_t)pool->max : largest;
        all += (int64_t)pool->max;
    }
    int64_t least = kept > largest ? kept : largest;
    snprintf(text, sizeof text, "%lld",
             (long long)dice_between(&sim->dice_pools, least, all + 2 > least ? all + 2 : least));
    if (!config_set(sim->config, "rails.max_servers", text, &error) ||
        (kept > 1 && !config_set(sim->config, "rails.max_hourly_cost", "100.00", &error)))
        sim_die(error.text);
    sim->servers_kept = kept;
}

void pools_draw(struct sim *sim)
{
    struct dice *dice = &sim->dice_pools;
    double u = dice_unit(dice);
    uint32_t count = u < 0.5 ? 1 : u < 0.85 ? 2 : 3;
    if (count == 1)
        return;
    sim->scheme = (unsigned)dice_roll(dice, sizeof schemes / sizeof schemes[0]);
    set_labels(sim, 0);
    for (uint32_t i = 1; i < count; i++)
        draw_pool(sim, i);
    widen_rails(sim);
}

/* The machines of each pool run what it says; of one pool alone, what all machines run. */
void pools_on_machines(const struct sim *sim, struct world_config *world)
{
    const struct config *config = sim->config;
    world->capacity = (int64_t)config->pools[0].capacity;
    if (config->pools_count == 1)
        return;
    for (uint32_t i = 0; i < config->pools_count; i++) {
        struct world_runner_set *set = &world->runner_set[world->runner_set_count++];
        const char *const *labels;
        set->key = SERVER_LABEL_POOL;
        set->value = config->pools[i].name;
        set->capacity = (int64_t)config->pools[i].capacity;
        set->label_count = pool_labels(sim, i, &labels);
        memcpy(set->labels, labels, set->label_count * sizeof *labels);
    }
    int64_t least = sim->servers_kept + 1; /* the control plane is one of the project's servers */
    if (world->servers_max < least)
        world->servers_max = least;
}

void pools_rules(const struct sim *sim, struct witness_rules *rules)
{
    rules->pool_count = sim->config->pools_count;
    for (uint32_t i = 0; i < rules->pool_count; i++) {
        const struct config_pool *pool = &sim->config->pools[i];
        struct witness_pool *rule = &rules->pool[i];
        const char *const *labels;
        *rule = (struct witness_pool){
            .min = pool->min, .owed = pool->min, .max = pool->max, .capacity = pool->capacity};
        snprintf(rule->name, sizeof rule->name, "%s", pool->name);
        rule->label_count = pool_labels(sim, i, &labels);
        for (uint32_t k = 0; k < rule->label_count; k++)
            snprintf(rule->labels[k], sizeof rule->labels[k], "%s", labels[k]);
    }
}

uint32_t pools_job_labels(struct sim *sim, const char *const **out)
{
    struct dice *dice = &sim->dice_pools;
    if (sim->config->pools_count == 1)
        return pool_labels(sim, 0, out);
    uint32_t count = pool_labels(sim, (uint32_t)dice_roll(dice, sim->config->pools_count), out);
    if (count == 1 || dice_chance(dice, 0.3))
        return count;
    *out += dice_roll(dice, count);
    return 1;
}
