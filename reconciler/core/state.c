/* The six states and their edges. May not: call anything but memcpy, memmove, memset, memcmp. */
#include "reconciler/core/state.h"

#include <stddef.h>
#include <string.h>

/* Our own bug: stop here rather than go on with a state that cannot be. */
static void must(bool so)
{
    if (!so)
        __builtin_trap();
}

enum node_state life_state(const struct life *life)
{
    return life->state_;
}

/* life_as_X, and how an edge takes a state out of a life and puts one in. */
#define STATE(lower, UPPER)                                                                        \
    const struct node_##lower *life_as_##lower(const struct life *life)                            \
    {                                                                                              \
        return life->state_ == NODE_##UPPER ? &life->u_.lower : NULL;                              \
    }                                                                                              \
    static struct node_##lower take_##lower(const struct life *life)                               \
    {                                                                                              \
        must(life->state_ == NODE_##UPPER);                                                        \
        return life->u_.lower;                                                                     \
    }                                                                                              \
    static void put_##lower(struct life *life, struct node_##lower state)                          \
    {                                                                                              \
        life->state_ = NODE_##UPPER;                                                               \
        life->u_.lower = state;                                                                    \
    }
STATE(provisioning, PROVISIONING)
STATE(busy, BUSY)
STATE(idle, IDLE)
STATE(deregistering, DEREGISTERING)
STATE(draining, DRAINING)
STATE(removing, REMOVING)
#undef STATE

#define EDGE(from, to, verb, why)                                                                  \
    void life_##verb(struct life *life, struct edge_cause cause)                                   \
    {                                                                                              \
        put_##to(life, node_##verb(take_##from(life), cause));                                     \
    }
#include "reconciler/core/edges.def"
#undef EDGE

struct node_busy node_join(struct node_provisioning state, struct edge_cause cause)
{
    return (struct node_busy){.since = cause.at, .runners = state.runners};
}

struct node_idle node_rest(struct node_busy state, struct edge_cause cause)
{
    return (struct node_idle){.since = cause.at, .runners = state.runners};
}

struct node_busy node_work(struct node_idle state, struct edge_cause cause)
{
    return (struct node_busy){.since = cause.at, .runners = state.runners};
}

static struct node_deregistering begin_teardown(const struct runner_set *runners,
                                                struct edge_cause cause)
{
    return (struct node_deregistering){
        .since = cause.at,
        .why = {.began = cause.at, .reason = cause.reason},
        .runners = *runners,
    };
}

struct node_deregistering node_give_up(struct node_provisioning state, struct edge_cause cause)
{
    return begin_teardown(&state.runners, cause);
}

struct node_deregistering node_abandon(struct node_busy state, struct edge_cause cause)
{
    return begin_teardown(&state.runners, cause);
}

struct node_deregistering node_retire(struct node_idle state, struct edge_cause cause)
{
    return begin_teardown(&state.runners, cause);
}

struct node_busy node_release(struct node_deregistering state, struct edge_cause cause)
{
    return (struct node_busy){.since = cause.at, .runners = state.runners};
}

struct node_draining node_drain(struct node_deregistering state, struct edge_cause cause)
{
    return (struct node_draining){.since = cause.at, .why = state.why};
}

/* The runners that came back are found by the next join. */
struct node_deregistering node_relapse(struct node_draining state, struct edge_cause cause)
{
    return (struct node_deregistering){.since = cause.at, .why = state.why, .again = true};
}

struct node_removing node_remove(struct node_draining state, struct edge_cause cause)
{
    return (struct node_removing){.since = cause.at, .why = state.why, .drained = state.drained};
}

struct node_deregistering node_come_back(struct node_removing state, struct edge_cause cause)
{
    return (struct node_deregistering){.since = cause.at, .why = state.why, .again = true};
}

void life_begin(struct life *life, struct moment now)
{
    put_provisioning(life, (struct node_provisioning){.since = now});
}

void life_restore(struct life *life, enum node_state state, struct moment since,
                  const struct retirement *why, const struct runner_set *runners)
{
    switch (state) {
    case NODE_PROVISIONING:
        put_provisioning(life, (struct node_provisioning){.since = since, .runners = *runners});
        return;
    case NODE_BUSY: put_busy(life, (struct node_busy){.since = since, .runners = *runners}); return;
    case NODE_IDLE: put_idle(life, (struct node_idle){.since = since, .runners = *runners}); return;
    case NODE_DEREGISTERING:
        put_deregistering(
            life, (struct node_deregistering){.since = since, .why = *why, .runners = *runners});
        return;
    case NODE_DRAINING:
        put_draining(life, (struct node_draining){.since = since, .why = *why});
        return;
    case NODE_REMOVING:
        put_removing(life, (struct node_removing){.since = since, .why = *why});
        return;
    case node_state_count: break;
    }
    must(false);
}

/* Where the member `since` of each state lies: one accessor, no state forgotten (-Wswitch-enum). */
struct moment life_since(const struct life *life)
{
    switch (life->state_) {
    case NODE_PROVISIONING: return life->u_.provisioning.since;
    case NODE_BUSY: return life->u_.busy.since;
    case NODE_IDLE: return life->u_.idle.since;
    case NODE_DEREGISTERING: return life->u_.deregistering.since;
    case NODE_DRAINING: return life->u_.draining.since;
    case NODE_REMOVING: return life->u_.removing.since;
    case node_state_count: break;
    }
    must(false);
    return (struct moment){0};
}

struct runner_set *life_runners_change(struct life *life)
{
    switch (life->state_) {
    case NODE_PROVISIONING: return &life->u_.provisioning.runners;
    case NODE_BUSY: return &life->u_.busy.runners;
    case NODE_IDLE: return &life->u_.idle.runners;
    case NODE_DEREGISTERING: return &life->u_.deregistering.runners;
    case NODE_DRAINING:
    case NODE_REMOVING: return NULL;
    case node_state_count: break;
    }
    must(false);
    return NULL;
}

const struct runner_set *life_runners(const struct life *life)
{
    switch (life->state_) {
    case NODE_PROVISIONING: return &life->u_.provisioning.runners;
    case NODE_BUSY: return &life->u_.busy.runners;
    case NODE_IDLE: return &life->u_.idle.runners;
    case NODE_DEREGISTERING: return &life->u_.deregistering.runners;
    case NODE_DRAINING:
    case NODE_REMOVING: return NULL;
    case node_state_count: break;
    }
    must(false);
    return NULL;
}

const struct retirement *life_retirement(const struct life *life)
{
    switch (life->state_) {
    case NODE_DEREGISTERING: return &life->u_.deregistering.why;
    case NODE_DRAINING: return &life->u_.draining.why;
    case NODE_REMOVING: return &life->u_.removing.why;
    case NODE_PROVISIONING:
    case NODE_BUSY:
    case NODE_IDLE: return NULL;
    case node_state_count: break;
    }
    must(false);
    return NULL;
}

void life_pods_left(struct life *life, uint32_t pods)
{
    must(life->state_ == NODE_DRAINING);
    life->u_.draining.pods_left = pods;
}

void life_drain_asked(struct life *life, struct moment now)
{
    must(life->state_ == NODE_DRAINING);
    if (!life->u_.draining.asked)
        life->u_.draining.since = now;
    life->u_.draining.asked = true;
}

void life_drained(struct life *life)
{
    must(life->state_ == NODE_DRAINING);
    life->u_.draining.drained = true;
}

void life_removed(struct life *life, int64_t done_mono_ms)
{
    must(life->state_ == NODE_REMOVING);
    life->u_.removing.done_mono_ms = done_mono_ms;
}

const char *edge_path(enum edge edge)
{
    static const char *const path[] = {
#define EDGE(from, to, verb, why) [EDGE_##verb] = #from " -> " #to,
#include "reconciler/core/edges.def"
#undef EDGE
    };
    must((unsigned)edge < edge_count);
    return path[edge];
}

const char *edge_why(enum edge edge)
{
    static const char *const why_of[] = {
#define EDGE(from, to, verb, why) [EDGE_##verb] = why,
#include "reconciler/core/edges.def"
#undef EDGE
    };
    must((unsigned)edge < edge_count);
    return why_of[edge];
}
