/* One plan a step decides what is created, kept and given back, so that no idle node is counted as
 * room and retired in the same round. May not: ask for steps of a teardown that has begun. */
#include <string.h>

#include "reconciler/core/private.h"

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* Servers that the pool should have now: those that serve, and what the uncovered jobs need. */
static void want(struct core *core, uint32_t index)
{
    const struct config_pool *row = &core->config->pools[index];
    struct pool_now *pool = &core->pool[index];
    uint64_t room = (uint64_t)pool->free + pool->coming;
    uint64_t wanted = room_wanted(core, index);
    uint64_t lack = wanted > room ? wanted - room : 0;
    uint64_t desired = pool->serving + (lack + row->capacity - 1) / row->capacity;
    if (desired < row->min)
        desired = row->min;
    pool->desired = least(desired, row->max);
}

/* The name, chosen before the call and never used again: PREFIX-POOL-EPOCH-COUNTER. */
static struct node *new_node(struct core *core, uint32_t pool)
{
    char name[NAME_BYTES_MAX + 1];
    say(name, sizeof name, T(core->config->name_prefix), T("-"), T(core->config->pools[pool].name),
        T("-"), B36(core->epoch), T("-"), B36(core->counter + 1));
    return fleet_add(core, name, core->config->pools[pool].name);
}

static void create(struct core *core, uint32_t pool, uint32_t offer, uint64_t price, bool minimum)
{
    char why[TEXT_BYTES_MAX + 1];
    const struct config_offer *row = &core->config->pools[pool].offers[offer];
    struct pool_now *now = &core->pool[pool];
    struct node *node = new_node(core, pool);
    if (node == NULL)
        return;
    text_copy(node->server_type, sizeof node->server_type, row->server_type);
    text_copy(node->location, sizeof node->location, row->location);
    node->price_micro = price;
    say(why, sizeof why, N(now->runnable), T(" jobs could run, room is free for "), N(now->free),
        T(" and coming for "), N(now->coming), T("; servers "), N(now->total), T(" of "),
        N(core->config->pools[pool].max));
    now->coming += (uint32_t)core->config->pools[pool].capacity;
    now->serving++;
    now->total++;
    rails_count(core, &core->creates);
    ask_create(core, node, minimum ? REASON_MINIMUM : REASON_DEMAND, why);
}

/* mode observe: says what it would do, whenever that changes. */
static void would_create(struct core *core, uint32_t pool)
{
    const struct pool_now *now = &core->pool[pool];
    uint32_t *said = &core->memory[pool].would_create;
    uint32_t count =
        core->may_create && now->desired > now->serving ? now->desired - now->serving : 0;
    if (count != *said && count > 0)
        core_say(core, VERBOSITY_INFO, T("observe: would create_server "), N(count),
                 T(" times in pool "), T(core->config->pools[pool].name), T(" ("), N(now->runnable),
                 T(" jobs could run)"));
    *said = count;
}

/* One server, where the pool lacks one and nothing forbids it. False: none was asked for. */
static bool grow(struct core *core, uint32_t index, bool for_minimum)
{
    const struct config_pool *row = &core->config->pools[index];
    struct pool_now *pool = &core->pool[index];
    bool minimum = pool->serving < row->min;
    uint64_t price = 0;
    if (pool->desired <= pool->serving || minimum != for_minimum || pool->total >= row->max ||
        !core_due(core, core->create_pause_mono_ms) ||
        !core_due(core, core->memory[index].pause_mono_ms) || !ask_room(core))
        return false;
    uint32_t offer = offers_choose(core, index);
    if (offer == NONE)
        offers_sold_out(core, index);
    if (offer == NONE ||
        !offers_price(core, row->offers[offer].server_type, row->offers[offer].location, &price) ||
        !rails_allow_create(core, index, price))
        return false;
    create(core, index, offer, price, minimum && pool->uncovered == 0);
    return true;
}

/* What pools keep comes first; then each gets one in turn, so that none waits behind all of
 * another's. */
static void grow_all(struct core *core)
{
    uint32_t count = core->config->pools_count, last = NONE;
    for (unsigned round = 0; round < 2; round++)
        for (bool more = true; more;) {
            more = false;
            for (uint32_t i = 0; i < count; i++) {
                uint32_t pool = (core->pool_turn + i) % count;
                if (!grow(core, pool, round == 0))
                    continue;
                more = true;
                last = pool;
            }
        }
    if (last != NONE)
        core->pool_turn = (last + 1) % count;
}

static void retire(struct core *core, struct node *node, enum reason reason)
{
    struct pool_now *pool = &core->pool[node->pool];
    pool->serving--;
    pool->free -= least(pool->free, node->sight.free);
    if (core->config->mode == MODE_ACT) {
        node_step(core, node, EDGE_retire, reason);
        return;
    }
    if (!node->would_go)
        core_say(core, VERBOSITY_INFO,
                 T("observe: would deregister_runner, drain_node and "
                   "remove_node "),
                 T(node->name), T(" ("), T(reason_text(reason)), T(")"));
    node->would_go = true;
}

/* Whether the pool can do without this idle node: min holds, and no waiting job needs its room. */
static bool spare(const struct core *core, const struct node *node)
{
    const struct pool_now *pool = &core->pool[node->pool];
    uint64_t room = (uint64_t)pool->free + pool->coming;
    uint64_t rest = room > node->sight.free ? room - node->sight.free : 0;
    uint64_t needed = (uint64_t)pool->uncovered - pool->untaken + pool->lent;
    return pool->serving > node_pool(core, node)->min && needed <= rest;
}

static void consider(struct core *core, struct node *node)
{
    const struct node_idle *idle = life_as_idle(&node->life);
    const struct pool_now *pool = &core->pool[node->pool];
    if (idle == NULL || node->foreign || node->errand.in_flight)
        return;
    /* What was last asked may or may not have happened (a restart): not before the APIs show it. */
    if (node->errand.unknown && !trust_shows_result(core, node))
        return;
    if (pool->serving > node_pool(core, node)->max) {
        retire(core, node, node->pool == NO_POOL ? REASON_NO_POOL : REASON_OVER_MAX);
        return;
    }
    if (spare(core, node) &&
        core_due(core, idle->since.mono_ms + core->config->life.idle_timeout_ms) &&
        hour_allows(core, node))
        retire(core, node, REASON_HOUR_ENDS);
    else
        node->would_go = false;
}

void plan_make(struct core *core)
{
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        want(core, i);
    if (!core->restored)
        return;
    if (core->config->mode == MODE_OBSERVE)
        for (uint32_t i = 0; i < core->config->pools_count; i++)
            would_create(core, i);
    else if (core->may_create)
        grow_all(core);
    if (!core->may_destroy)
        return;
    for (uint32_t i = 0; i < core->node_count; i++)
        consider(core, &core->node[i]);
}
