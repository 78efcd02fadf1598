/* What is at stake in a scene: whether a promise could have been broken in it at all. A promise
 * that is judged a million times and never had anything at stake says nothing.
 * May not: decide whether a promise holds. */
#include "promises/promises.h"

static enum stake of(bool at_stake, bool excused)
{
    return !at_stake ? STAKE_NONE : excused ? STAKE_EXCUSED : STAKE_DECIDED;
}

static enum stake call_stake(enum promise promise, const struct call_scene *scene)
{
    bool creates = scene->call == SCENE_CREATE_SERVER;
    bool destroys = scene_call_destroys(scene->call);
    bool deregisters = scene->call == SCENE_DEREGISTER;
    switch ((unsigned)promise) {
    case PROMISE_job_kept: return of(destroys, scene_is_race(scene));
    case PROMISE_fenced_first: return of(deregisters, !scene->fence_possible);
    case PROMISE_persons_fence_kept: return of(deregisters || scene->call == SCENE_RELEASE, false);
    case PROMISE_steps_in_order: return of(destroys && !deregisters, false);
    case PROMISE_strangers_untouched: return of(true, false);
    case PROMISE_one_demand_one_create: return of(creates, scene->pool_able < scene->pool_min);
    default: return of(creates, false);
    }
}

static enum stake action_stake(enum promise promise, const struct action_scene *scene)
{
    bool removes = scene->kind == ACTION_REMOVE_NODE;
    bool tears_down =
        removes || scene->kind == ACTION_DRAIN_NODE || scene->kind == ACTION_DEREGISTER_RUNNERS;
    switch ((unsigned)promise) {
    case PROMISE_nothing_on_stale:
    case PROMISE_nothing_on_emptied: return of(tears_down, false);
    case PROMISE_nothing_on_clock_jump:
        return of(scene->begins && scene->reason == REASON_HOUR_ENDS, false);
    case PROMISE_drained_first: return of(removes, scene->drain_forced);
    case PROMISE_evicted_before_forced: return of(scene->forces, false);
    case PROMISE_free_room_first: return of(scene->wants > 0, false);
    case PROMISE_failures_back_off: return of(scene->failures > 0, false);
    case PROMISE_unknown_looked_at: return of(scene->unknown, false);
    default: return of(true, false);
    }
}

static enum stake node_stake(enum promise promise, const struct node_scene *scene)
{
    switch ((unsigned)promise) {
    case PROMISE_failing_is_said: return of(scene->failures >= scene->failures_loud, false);
    case PROMISE_long_stay_is_said:
        return of(scene->stay_longest_ms > 0 && scene->stay_ms > scene->stay_longest_ms, false);
    default: return of(scene->rest_least_ms > 0, false);
    }
}

static enum stake server_stake(enum promise promise, const struct server_scene *scene)
{
    return promise == PROMISE_no_idle_hour
               ? of(scene->hour_begins, scene->quiet_ms <= scene->hour_ms)
               : of(true, scene->quiet_ms <= scene->bound_ms);
}

static enum stake pool_stake(enum promise promise, const struct pool_scene *scene)
{
    return of(promise == PROMISE_minimum_kept ? scene->least > 0 : scene->waits_ms > 0,
              scene->quiet_ms <= scene->bound_ms);
}

static enum stake end_stake(enum promise promise, const struct end_scene *scene)
{
    bool late = scene->healed_ms >= scene->bound_ms;
    return promise == PROMISE_fleet_minimal ? of(late, scene->jobs_left > 0) : of(late, false);
}

enum stake promise_stake(enum promise promise, const struct scene *scene)
{
    if (!promise_concerns(promise, scene->kind))
        return STAKE_NONE;
    switch (scene->kind) {
    case SCENE_call: return call_stake(promise, &scene->u.call);
    case SCENE_action: return action_stake(promise, &scene->u.action);
    case SCENE_node: return node_stake(promise, &scene->u.node);
    case SCENE_server: return server_stake(promise, &scene->u.server);
    case SCENE_pool: return pool_stake(promise, &scene->u.pool);
    case SCENE_end: return end_stake(promise, &scene->u.end);
    case SCENE_twin: return STAKE_DECIDED;
    }
    return STAKE_NONE;
}
