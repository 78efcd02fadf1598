/* What must survive a restart and no API shows: written whole, read once. Wall times cross; mono
 * ones are made from them. May not: decide.
 */
#include <string.h>

#include "reconciler/core/private.h"

static struct moment moment_at(const struct core *core, int64_t wall_ms)
{
    int64_t ago = core->wall_ms > wall_ms ? core->wall_ms - wall_ms : 0;
    return (struct moment){.mono_ms = core->mono_ms - ago, .wall_ms = core->wall_ms - ago};
}

/* 0 stays 0: never, or not missing. */
static int64_t mono_of(const struct core *core, int64_t wall_ms)
{
    return wall_ms == 0 ? 0 : moment_at(core, wall_ms).mono_ms;
}

/* What a clock that stood in 1970 saw is older than any date once that clock is put back further:
 * long ago, and not never. */
static int64_t wall_of(const struct core *core, int64_t mono_ms)
{
    int64_t wall_ms = core->wall_ms - (core->mono_ms - mono_ms);
    return mono_ms == 0 ? 0 : wall_ms > 0 ? wall_ms : 1;
}

/* As old as it was when the checkpoint was written: both times in it are by one clock, which may be
 * another one than ours now. How long we were down is not counted. */
static struct moment asked_at(const struct core *core, const struct checkpoint *from,
                              const struct checkpoint_node *saved)
{
    int64_t age = from->wall_ms - saved->create_asked_wall_ms;
    age = age > 0 ? age : 0;
    return (struct moment){.mono_ms = core->mono_ms - age, .wall_ms = core->wall_ms - age};
}

static void take_node(struct core *core, const struct checkpoint *from,
                      const struct checkpoint_node *saved)
{
    struct runner_set runners = {0};
    struct node *node =
        fleet_find(core, saved->name) == NULL ? fleet_add(core, saved->name, saved->pool) : NULL;
    if (node == NULL)
        return;
    struct retirement why = {.began = moment_at(core, saved->state_since_wall_ms),
                             .reason = saved->reason};
    for (uint32_t i = 0; i < saved->runners_count; i++) {
        runners.runner[i].id = saved->runners[i].id;
        text_copy(runners.runner[i].name, sizeof runners.runner[i].name, saved->runners[i].name);
    }
    runners.count = saved->runners_count;
    life_restore(&node->life, saved->state, moment_at(core, saved->state_since_wall_ms), &why,
                 &runners);
    node->made_by = (struct action_id){.epoch = saved->epoch, .counter = saved->counter};
    node->server_id = saved->server_id;
    struct presence *server = &node->presence[SOURCE_HETZNER];
    server->unlisted = saved->server_first_wall_ms == 0 && saved->server_id != 0;
    server->first_mono_ms =
        server->unlisted ? core->mono_ms : mono_of(core, saved->server_first_wall_ms);
    node->hours_known_wall_ms = from->wall_ms;
    node->ready_wall_ms = saved->ready_seen_wall_ms;
    /* What an API once showed and does not now has vanished, also where we were not there to see.
     */
    node->presence[SOURCE_KUBE].first_mono_ms = mono_of(core, saved->kube_first_wall_ms);
    node->presence[SOURCE_KUBE].missing_mono_ms = mono_of(core, saved->kube_missing_wall_ms);
    node->presence[SOURCE_GITEA].first_mono_ms = mono_of(core, saved->runners_first_wall_ms);
    node->presence[SOURCE_GITEA].missing_mono_ms = mono_of(core, saved->runners_missing_wall_ms);
    node->errand.failures = (uint32_t)saved->failures;
    if (saved->idle_since_wall_ms != 0)
        node->quiet = moment_at(core, saved->idle_since_wall_ms);
    if (saved->create_asked_wall_ms != 0)
        node->asked = asked_at(core, from, saved);
    text_copy(node->server_type, sizeof node->server_type, saved->server_type);
    text_copy(node->location, sizeof node->location, saved->location);
    /* Whatever was asked last may or may not have happened: look first. */
    node->errand.unknown = true;
    node->errand.result_mono_ms = core->mono_ms;
}

/* For no longer than an offer ever rests: the clock that said until when may have been wrong. */
static void close_again(const struct core *core, struct offer_memory *offer)
{
    const struct config_rails *rails = &core->config->rails;
    int64_t most = rails->sold_out_pause_ms > rails->offer_pause_ms ? rails->sold_out_pause_ms
                                                                    : rails->offer_pause_ms;
    int64_t left = offer->closed_until_wall_ms - core->wall_ms;
    left = left < most ? left : most;
    offer->closed_until_wall_ms = core->wall_ms + left;
    offer->closed_until_mono_ms = core->mono_ms + left;
}

static void take_offer(struct core *core, const struct checkpoint_offer *saved)
{
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++) {
        const struct config_pool *row = &core->config->pools[pool];
        for (uint32_t i = 0; i < row->offers_count && text_same(row->name, saved->pool); i++) {
            if (!text_same(row->offers[i].server_type, saved->server_type) ||
                !text_same(row->offers[i].location, saved->location))
                continue;
            struct offer_memory *offer =
                offers_memory(core, pool, saved->server_type, saved->location);
            offer->failures = (uint32_t)saved->failures;
            offer->closed_until_wall_ms = saved->closed_until_wall_ms;
            offer->failing = saved->failures >= core->config->rails.offer_failures_max;
            if (saved->closed_until_wall_ms > core->wall_ms)
                close_again(core, offer);
        }
    }
}

void checkpoint_take(struct core *core, const struct checkpoint *checkpoint)
{
    for (uint32_t i = 0; i < checkpoint->nodes_count; i++)
        take_node(core, checkpoint, &checkpoint->nodes[i]);
    for (uint32_t i = 0; i < checkpoint->offers_count; i++)
        take_offer(core, &checkpoint->offers[i]);
    core->remembered = (struct action_id){checkpoint->epoch, checkpoint->counter};
    core->teardown_ms = checkpoint->teardown_ms;
    core->today_micro = checkpoint->today_micro;
    core->today_wall_ms = checkpoint->today_wall_ms;
    core->total_micro = checkpoint->total_micro;
    if (checkpoint->epoch == core->epoch && checkpoint->counter > core->counter &&
        checkpoint->counter <= COUNTER_BELIEVED_MAX)
        core->counter = checkpoint->counter;
    core_say(core, VERBOSITY_INFO, T("the checkpoint remembers "), N(checkpoint->nodes_count),
             T(" nodes"));
}

static void save_node(struct core *core, uint32_t index)
{
    const struct node *node = &core->node[index];
    struct checkpoint_node *out = &core->checkpoint_node[index];
    const struct runner_set *runners = life_runners(&node->life);
    const struct retirement *why = life_retirement(&node->life);
    const struct node_idle *idle = life_as_idle(&node->life);
    const struct presence *server = &node->presence[SOURCE_HETZNER];
    const struct presence *kube = &node->presence[SOURCE_KUBE];
    const struct presence *runner = &node->presence[SOURCE_GITEA];
    *out = (struct checkpoint_node){
        .name = node->name,
        .pool = node->pool_name,
        .state = life_state(&node->life),
        .reason = why != NULL ? why->reason : REASON_DEMAND,
        .server_id = node->server_id,
        .epoch = node->made_by.epoch,
        .counter = node->made_by.counter,
        .state_since_wall_ms = life_since(&node->life).wall_ms,
        .idle_since_wall_ms = idle != NULL ? idle->since.wall_ms : 0,
        .server_first_wall_ms = server->unlisted ? 0 : wall_of(core, server->first_mono_ms),
        .kube_first_wall_ms = wall_of(core, kube->first_mono_ms),
        .kube_missing_wall_ms = wall_of(core, kube->missing_mono_ms),
        .runners_first_wall_ms = wall_of(core, runner->first_mono_ms),
        .runners_missing_wall_ms = wall_of(core, runner->missing_mono_ms),
        /* Not part of the hash: it moves with every look. */
        .ready_seen_wall_ms = node->ready_wall_ms > 0 ? node->ready_wall_ms : 0,
        .create_asked_wall_ms = wall_of(core, node->asked.mono_ms),
        .failures = node->errand.failures,
        .runners = core->checkpoint_runner[index],
        .server_type = node->server_type,
        .location = node->location,
    };
    for (uint32_t i = 0; runners != NULL && i < runners->count; i++)
        core->checkpoint_runner[index][out->runners_count++] =
            (struct runner_ref){.id = runners->runner[i].id, .name = runners->runner[i].name};
}

static uint64_t node_hash(uint64_t hash, const struct checkpoint_node *node)
{
    hash = text_mix(hash, node->name);
    hash = number_mix(hash, node->state);
    hash = number_mix(hash, node->reason);
    hash = number_mix(hash, node->server_id);
    hash = number_mix(hash, (node->kube_first_wall_ms != 0 ? 1u : 0u) +
                                (node->runners_first_wall_ms != 0 ? 2u : 0u) +
                                (node->kube_missing_wall_ms != 0 ? 4u : 0u) +
                                (node->runners_missing_wall_ms != 0 ? 8u : 0u) +
                                (node->server_first_wall_ms != 0 ? 16u : 0u));
    hash = number_mix(hash, (uint64_t)node->state_since_wall_ms);
    hash = number_mix(hash, (uint64_t)node->idle_since_wall_ms);
    for (uint32_t i = 0; i < node->runners_count; i++)
        hash = number_mix(hash, node->runners[i].id);
    return hash;
}

static void save_offers(struct core *core)
{
    struct checkpoint *out = &core->checkpoint;
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++) {
        const struct config_pool *row = &core->config->pools[pool];
        for (uint32_t i = 0; i < row->offers_count; i++) {
            const struct offer_memory *offer = &core->offer[pool][i];
            if (offer->failures == 0 && offer->closed_until_mono_ms <= core->mono_ms)
                continue;
            core->checkpoint_offer[out->offers_count++] = (struct checkpoint_offer){
                .pool = row->name,
                .server_type = row->offers[i].server_type,
                .location = row->offers[i].location,
                .failures = offer->failures,
                .closed_until_wall_ms = offer->closed_until_wall_ms,
            };
        }
    }
}

void checkpoint_make(struct core *core)
{
    struct checkpoint *out = &core->checkpoint;
    uint64_t hash = TEXT_HASH_START;
    *out = (struct checkpoint){
        .wall_ms = core->wall_ms,
        .epoch = core->epoch,
        .counter = core->counter,
        .nodes = core->checkpoint_node,
        .nodes_count = core->node_count,
        .offers = core->checkpoint_offer,
        .teardown_ms = core->teardown_ms,
        .today_micro = core->today_micro,
        .today_wall_ms = core->today_wall_ms,
        .total_micro = core->total_micro,
    };
    for (uint32_t i = 0; i < core->node_count; i++) {
        save_node(core, i);
        hash = node_hash(hash, &core->checkpoint_node[i]);
    }
    save_offers(core);
    for (uint32_t i = 0; i < out->offers_count; i++)
        hash = number_mix(number_mix(hash, out->offers[i].failures),
                          (uint64_t)out->offers[i].closed_until_wall_ms);
    hash = number_mix(hash, (uint64_t)core->teardown_ms);
    hash = number_mix(hash, core->total_micro);
    /* What could not be written is tried again until it can, whether or not anything moves. */
    core->out->checkpoint_changed =
        core->restored && (hash != core->checkpoint_hash || core->storage_text[0] != '\0');
    core->checkpoint_hash = hash;
}
