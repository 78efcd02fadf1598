/* The promises. Each function is one sentence of promises.def in code.
 * May not: remember anything; what is remembered is the scene's. */
#include "promises/promises.h"

bool scene_call_destroys(enum scene_call call)
{
    return call == SCENE_DELETE_SERVER || call == SCENE_DELETE_NODE || call == SCENE_END_POD ||
           call == SCENE_DEREGISTER;
}

static bool is_teardown(enum action_kind kind)
{
    return kind == ACTION_DEREGISTER_RUNNERS || kind == ACTION_DRAIN_NODE ||
           kind == ACTION_REMOVE_NODE;
}

/* ------------------------------------------------------------------------------------- calls */

bool scene_is_race(const struct call_scene *scene)
{
    return scene_call_destroys(scene->call) && scene->jobs > 0 && scene->unfenced &&
           scene->oldest_job_ms <= scene->race_ms;
}

bool promise_job_kept(const struct call_scene *scene)
{
    return !scene_call_destroys(scene->call) || scene->jobs == 0 || scene_is_race(scene);
}

bool promise_fenced_first(const struct call_scene *scene)
{
    return scene->call != SCENE_DEREGISTER || !scene->fence_possible ||
           scene->fenced_ms >= scene->fence_settle_ms;
}

bool promise_persons_fence_kept(const struct call_scene *scene)
{
    return (scene->call != SCENE_DEREGISTER && scene->call != SCENE_RELEASE) ||
           !scene->fenced_by_person;
}

bool promise_steps_in_order(const struct call_scene *scene)
{
    return !scene_call_destroys(scene->call) || scene->call == SCENE_DEREGISTER ||
           scene->runners == 0;
}

bool promise_strangers_untouched(const struct call_scene *scene)
{
    return scene->ours;
}

bool promise_servers_capped(const struct call_scene *scene)
{
    return scene->call != SCENE_CREATE_SERVER ||
           (scene->servers < scene->servers_max && scene->pool_servers < scene->pool_max);
}

bool promise_cost_capped(const struct call_scene *scene)
{
    return scene->call != SCENE_CREATE_SERVER || scene->hourly_micro <= scene->hourly_micro_max;
}

bool promise_one_demand_one_create(const struct call_scene *scene)
{
    return scene->call != SCENE_CREATE_SERVER || scene->coming < scene->wanted ||
           scene->pool_able < scene->pool_min;
}

bool promise_name_used_once(const struct call_scene *scene)
{
    return scene->call != SCENE_CREATE_SERVER || scene->names_before == 0;
}

/* ----------------------------------------------------------------------------------- actions */

bool promise_one_action_a_node(const struct action_scene *scene)
{
    return scene->in_flight == 0;
}

bool promise_nothing_on_stale(const struct action_scene *scene)
{
    for (unsigned i = 0; i < 3 && is_teardown(scene->kind); i++)
        if (scene->source_age_ms[i] > scene->source_age_max_ms[i])
            return false;
    return true;
}

bool promise_nothing_on_emptied(const struct action_scene *scene)
{
    for (unsigned i = 0; i < 3 && is_teardown(scene->kind); i++)
        if (scene->vanished[i] >= scene->vanished_floor &&
            scene->vanished[i] * 100 > scene->known[i] * scene->vanished_share_percent)
            return false;
    return true;
}

bool promise_nothing_on_clock_jump(const struct action_scene *scene)
{
    return !scene->begins || scene->kind != ACTION_DEREGISTER_RUNNERS ||
           scene->reason != REASON_HOUR_ENDS || scene->skew_ms <= scene->skew_max_ms;
}

bool promise_drained_first(const struct action_scene *scene)
{
    return scene->kind != ACTION_REMOVE_NODE || scene->pods_left == 0 || scene->drain_forced;
}

bool promise_evicted_before_forced(const struct action_scene *scene)
{
    return !scene->forces || scene->drain_asked_ms >= scene->drain_deadline_ms;
}

bool promise_free_room_first(const struct action_scene *scene)
{
    return scene->wants == 0 || scene->room < scene->wants;
}

bool promise_failures_back_off(const struct action_scene *scene)
{
    int64_t pause = scene->backoff_first_ms;
    if (scene->failures == 0)
        return true;
    for (uint32_t i = 1; i < scene->failures && pause < scene->backoff_most_ms; i++)
        pause *= 2;
    pause = pause < scene->backoff_most_ms ? pause : scene->backoff_most_ms;
    return scene->since_failure_ms >= pause;
}

bool promise_unknown_looked_at(const struct action_scene *scene)
{
    return !scene->unknown || scene->unlooked == 0;
}

/* ------------------------------------------------------------------------------ nodes, servers */

bool promise_failing_is_said(const struct node_scene *scene)
{
    return scene->failures < scene->failures_loud || scene->alarm;
}

bool promise_long_stay_is_said(const struct node_scene *scene)
{
    return scene->stay_longest_ms == 0 || scene->stay_ms <= scene->stay_longest_ms ||
           scene->stay_alarm;
}

bool promise_rest_remembered(const struct node_scene *scene)
{
    return scene->rest_ms >= scene->rest_least_ms;
}

bool promise_none_forgotten(const struct server_scene *scene)
{
    return scene->used || scene->unused_ms <= scene->bound_ms || scene->quiet_ms <= scene->bound_ms;
}

/* An hour begins for a server on which no job ran for so long that Ebbtide had time to notice and
 * to give it back. */
static bool is_idle_hour(const struct server_scene *scene)
{
    return scene->hour_begins && !scene->used && scene->unused_ms > scene->notice_ms;
}

bool scene_is_hindered_hour(const struct server_scene *scene)
{
    return is_idle_hour(scene) && scene->quiet_ms <= scene->hour_ms;
}

bool promise_no_idle_hour(const struct server_scene *scene)
{
    return !is_idle_hour(scene) || scene_is_hindered_hour(scene);
}

/* -------------------------------------------------------------------------------------- pools */

bool promise_minimum_kept(const struct pool_scene *scene)
{
    return scene->lacking_ms <= scene->bound_ms || scene->quiet_ms <= scene->bound_ms;
}

bool promise_jobs_get_room(const struct pool_scene *scene)
{
    return scene->waits_ms <= scene->bound_ms || scene->quiet_ms <= scene->bound_ms;
}

/* ------------------------------------------------------------------------------- ends, twins */

bool promise_all_jobs_run(const struct end_scene *scene)
{
    return scene->healed_ms < scene->bound_ms || scene->jobs_waiting == 0;
}

bool promise_fleet_minimal(const struct end_scene *scene)
{
    return scene->healed_ms < scene->bound_ms || scene->jobs_left > 0 ||
           scene->servers <= scene->servers_min;
}

bool promise_same_output(const struct twin_scene *scene)
{
    return scene->first == scene->second;
}

/* ------------------------------------------------------------------------------------- the table
 */

/* holds_NAME: the same with any scene. */
#define PROMISE(name, scene_, sentence)                                                            \
    static bool holds_##name(const struct scene *scene)                                            \
    {                                                                                              \
        return promise_##name(&scene->u.scene_);                                                   \
    }
#include "promises/promises.def"
#undef PROMISE

static const struct {
    const char *name, *scene, *sentence;
    enum scene_kind kind;
    bool (*holds)(const struct scene *scene);
} rows[promise_count] = {
#define PROMISE(name, scene, sentence)                                                             \
    [PROMISE_##name] = {#name, #scene, sentence, SCENE_##scene, holds_##name},
#include "promises/promises.def"
#undef PROMISE
};

bool promise_concerns(enum promise promise, enum scene_kind kind)
{
    return (unsigned)promise < promise_count && rows[promise].kind == kind;
}

bool promise_holds(enum promise promise, const struct scene *scene)
{
    return !promise_concerns(promise, scene->kind) || rows[promise].holds(scene);
}

const char *promise_name(enum promise promise)
{
    return (unsigned)promise < promise_count ? rows[promise].name : "?";
}

const char *promise_sentence(enum promise promise)
{
    return (unsigned)promise < promise_count ? rows[promise].sentence : "?";
}

const char *promise_scene(enum promise promise)
{
    return (unsigned)promise < promise_count ? rows[promise].scene : "?";
}
