/* Ebbtide's own behaviour held against the book of promises: what the core asks for, what it says
 * of each node, and how a run ends. May not: use what the core believes where the world knows
 * better. */
#include <string.h>

#include "common/names.h"
#include "common/words.h"
#include "sim.h"

#define BACKOFF_FIRST_MS   1000
#define BACKOFF_MOST_MS    300000
#define CREATES_AT_ONCE_MS SECONDS(10) /* between those that are one row of failures */
#define STAY_SLACK_MS      SIM_MINUTES(2)

/* -------------------------------------------------------------------------------------- actions */

/* Nodes that each source once showed and does not now; those that our own teardown explains are not
 * counted (runners and Kubernetes nodes of any teardown, servers that were there when the last step
 * began). */
static bool counts(const struct tried *tried, unsigned source)
{
    enum node_state state = tried->state;
    bool serves = state == NODE_PROVISIONING || state == NODE_BUSY || state == NODE_IDLE;
    int64_t missing_ms = tried->missing_ms[SOURCE_HETZNER];
    bool gone_before = missing_ms != 0 && missing_ms <= tried->state_since_ms;
    /* Of a machine whose node went long before nobody knows a runner by its pod. */
    int64_t node_gone_ms = tried->missing_ms[SOURCE_KUBE], gone_ms = tried->missing_ms[source];
    bool known =
        source != SOURCE_GITEA || node_gone_ms == 0 || gone_ms < node_gone_ms + SIM_MINUTES(2);
    return tried->is_node && known &&
           (source == SOURCE_HETZNER ? state != NODE_REMOVING || gone_before : serves);
}

static bool vanished(const struct tried *tried, unsigned source)
{
    return counts(tried, source) && tried->seen_ms[source] != 0 && tried->missing_ms[source] != 0;
}

struct vanishing {
    uint32_t known, missing;
};

/* What vanished from one source at that time or within so long after it, of what was there before:
 * what came with that very look does not make up for it. */
static struct vanishing vanished_from(const struct sim *sim, unsigned source, int64_t from_ms,
                                      int64_t within_ms)
{
    struct vanishing out = {0, 0};
    for (uint32_t i = 0; i < sim->tried_count; i++) {
        const struct tried *tried = &sim->tried[i];
        int64_t seen_ms = tried->seen_ms[source], missing_ms = tried->missing_ms[source];
        bool there = seen_ms != 0 && (seen_ms < from_ms || missing_ms == from_ms);
        if (!counts(tried, source) || !there || (missing_ms != 0 && missing_ms < from_ms))
            continue;
        out.known++;
        out.missing += missing_ms != 0 && missing_ms <= from_ms + within_ms;
    }
    return out;
}

/* looks: how many times the age that a picture may have is still at once. The scene gets what would
 * break the promise, if anything does. */
static void count_vanished(struct sim *sim, struct action_scene *scene, unsigned looks)
{
    scene->vanished_floor = (uint32_t)sim->config->trust.breaker_floor;
    scene->vanished_share_percent = (uint32_t)sim->config->trust.breaker_share_percent;
    for (unsigned k = 0; k < source_count; k++)
        for (uint32_t i = 0; i < sim->tried_count; i++) {
            if (!vanished(&sim->tried[i], k))
                continue;
            struct vanishing found = vanished_from(sim, k, sim->tried[i].missing_ms[k],
                                                   looks * scene->source_age_max_ms[k]);
            scene->known[k] = found.known;
            scene->vanished[k] = found.missing;
            if (found.missing >= scene->vanished_floor &&
                found.missing * 100 > found.known * scene->vanished_share_percent)
                break;
        }
}

static void look_at_sources(struct sim *sim, struct action_scene *scene)
{
    const int64_t limits[source_count] = {
        [SOURCE_GITEA] = sim->config->trust.gitea_age_max_ms,
        [SOURCE_HETZNER] = sim->config->trust.hetzner_age_max_ms,
        [SOURCE_KUBE] = sim->config->trust.kube_age_max_ms,
    };
    for (unsigned i = 0; i < source_count; i++) {
        scene->source_age_max_ms[i] = limits[i];
        scene->source_age_ms[i] =
            sim->held[i].known ? sim_mono_ms(sim) - sim->held[i].ended_mono_ms : INT64_MAX;
        int64_t skew = sim->held[i].known ? sim->held[i].skew_ms : 0;
        skew = skew < 0 ? -skew : skew;
        scene->skew_ms = skew > scene->skew_ms ? skew : scene->skew_ms;
    }
    scene->skew_max_ms = sim->config->trust.clock_skew_max_ms + SECONDS(1); /* Date's resolution */
}

/* Pods that a drain waits for, on a node that bears our drain's mark. */
static uint32_t pods_left(const struct sim *sim, const char *name)
{
    const struct world_node *node = world_node_named(sim->world, name);
    bool marked = false;
    uint32_t left = 0;
    for (uint32_t i = 0; node != NULL && i < node->taint_count; i++)
        marked = marked || strcmp(node->taints[i].key, NODE_TAINT_DRAIN) == 0;
    for (size_t i = 0; marked && i < world_pod_count(sim->world); i++) {
        const struct world_pod *pod = world_pod_at(sim->world, i);
        bool over = pod->phase == WORLD_POD_SUCCEEDED || pod->phase == WORLD_POD_FAILED;
        left += strcmp(pod->node_name, name) == 0 && !over && pod->owner != WORLD_OWNER_MIRROR &&
                (pod->owner != WORLD_OWNER_DAEMONSET || pod->is_runner);
    }
    return left;
}

/* Whether this very step decided to give the node back. */
static bool just_retired(const struct sim *sim, const char *name)
{
    const struct status *status = sim->output->status;
    for (uint32_t i = 0; i < status->nodes_count; i++)
        if (strcmp(status->nodes[i].name, name) == 0)
            return status->nodes[i].state == NODE_DEREGISTERING && status->nodes[i].state_ms == 0;
    return false;
}

static bool in_service(const char *node, const void *argument)
{
    const struct status *status = argument;
    for (uint32_t i = 0; i < status->nodes_count; i++)
        if (strcmp(status->nodes[i].name, node) == 0)
            return works_or_rests(status->nodes[i].state);
    return false;
}

bool judge_keeps(const char *node, const void *argument)
{
    const struct sim *sim = argument;
    const struct status *status = sim->output->status;
    for (uint32_t i = 0; status != NULL && i < status->nodes_count; i++)
        if (strcmp(status->nodes[i].name, node) == 0)
            return status->nodes[i].state < NODE_DEREGISTERING;
    return true;
}

static void look_for_room(struct sim *sim, const struct action *action, struct action_scene *out)
{
    uint32_t pool = 0;
    while (pool < sim->rules.pool_count &&
           strcmp(sim->rules.pool[pool].name, action->node.pool) != 0)
        pool++;
    if (action->kind != ACTION_CREATE_SERVER || action->reason != REASON_DEMAND ||
        pool == sim->rules.pool_count)
        return;
    struct witness_room room =
        witness_room(sim->witness, pool, sim_world_ms(sim), in_service, sim->output->status);
    out->room = room.room;
    out->wants = room.wants;
}

/* Whether this reconciler's picture of Kubernetes speaks for what is there now. One that no list
 * has shown to it is the actuator's to look for (call scenes); so is one that is only in a list
 * older than the last try to remove it, which may have removed it. */
static bool kube_shows(const struct sim *sim, const struct tried *tried)
{
    bool tried_before = tried->kind == ACTION_REMOVE_NODE && tried->failures > 0;
    return tried->seen_ms[SOURCE_KUBE] != 0 && tried->missing_ms[SOURCE_KUBE] == 0 &&
           !(tried_before && sim->held[SOURCE_KUBE].began_mono_ms <= tried->failed_mono_ms);
}

/* Force is for a drain that was asked for long enough, or whose server is gone. */
static void look_at_drain(struct sim *sim, const struct action *action, struct tried *tried,
                          struct action_scene *out)
{
    if (action->kind == ACTION_DEREGISTER_RUNNERS)
        tried->drain_first_ms = 0;
    if (action->kind == ACTION_DRAIN_NODE && tried->drain_first_ms == 0)
        tried->drain_first_ms = sim->now_ms + 1;
    if (action->kind == ACTION_DRAIN_NODE)
        tried->drain_forced = action->force || (tried->drain_forced && tried->kind == action->kind);
    out->drain_forced = tried->drain_forced;
    out->forces = action->kind == ACTION_DRAIN_NODE && action->force &&
                  tried->missing_ms[SOURCE_HETZNER] == 0;
    out->drain_asked_ms = sim->now_ms + 1 - tried->drain_first_ms;
    out->drain_deadline_ms = sim->config->life.drain_deadline_ms;
    if (action->kind == ACTION_REMOVE_NODE && kube_shows(sim, tried))
        out->pods_left = pods_left(sim, action->node.name);
}

static void look_at_unknown(const struct sim *sim, const struct tried *tried,
                            struct action_scene *out)
{
    out->unknown = tried->unknown_mono_ms != 0;
    for (unsigned i = 0; i < source_count; i++)
        out->unlooked +=
            !sim->held[i].known || sim->held[i].began_mono_ms <= tried->unknown_mono_ms;
}

static void judge_action(struct sim *sim, const struct action *action)
{
    char text[BOOK_TEXT_BYTES];
    struct tried *tried = tried_of(sim, action->node.name);
    struct scene scene = {.kind = SCENE_action};
    struct action_scene *out = &scene.u.action;
    out->kind = action->kind;
    out->reason = action->reason;
    /* A result that never comes is waited for twice as long as the actuator's own deadline. */
    if (sim_mono_ms(sim) - tried->asked_mono_ms <= 2 * sim->config->life.action_deadline_ms)
        out->in_flight = tried->in_flight;
    look_at_sources(sim, out);
    count_vanished(sim, out, 1);
    if (tried->kind == action->kind && action->kind != ACTION_CREATE_SERVER) {
        out->failures = tried->failures;
        out->since_failure_ms = sim_mono_ms(sim) - tried->failed_mono_ms;
    }
    /* One that was on its way and begins anew with a runner that came back has begun before. */
    out->begins = just_retired(sim, action->node.name) && tried->state < NODE_DEREGISTERING;
    look_at_unknown(sim, tried, out);
    look_at_drain(sim, action, tried, out);
    look_for_room(sim, action, out);
    out->backoff_first_ms = BACKOFF_FIRST_MS;
    out->backoff_most_ms = BACKOFF_MOST_MS;
    snprintf(text, sizeof text,
             "%s of %s (%s): in flight %u; ages %lld %lld %lld; vanished %u/%u %u/%u %u/%u; skew "
             "%lld; failures %u, the last %lld ms ago; unknown %d, unlooked %u; force %d, drained "
             "for %lld ms; room %u of %u",
             action_kind_words[action->kind], action->node.name, reason_words[action->reason],
             out->in_flight, (long long)out->source_age_ms[0], (long long)out->source_age_ms[1],
             (long long)out->source_age_ms[2], out->vanished[0], out->known[0], out->vanished[1],
             out->known[1], out->vanished[2], out->known[2], (long long)out->skew_ms, out->failures,
             (long long)out->since_failure_ms, out->unknown, out->unlooked, out->forces,
             (long long)out->drain_asked_ms, out->room, out->wants);
    (void)book_judge(&sim->book, &scene, SIM_START_MS + sim->now_ms, text);
    if (tried->kind != action->kind)
        tried->failures = 0;
    tried->kind = action->kind;
    tried->last = action->id;
    tried->unknown_mono_ms = 0;
    tried->answered = false;
    tried->asked_mono_ms = sim_mono_ms(sim);
    tried->in_flight = 1;
}

void judge_actions(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->output->action_count; i++)
        judge_action(sim, &sim->output->action[i].action);
}

/* Those that made nothing for certain; what is sold out is its offer's matter. */
static void count_creates(struct sim *sim, const struct action_result *result)
{
    static const bool uncertain[trouble_count] = {
        [TROUBLE_TIMEOUT] = true, [TROUBLE_SERVER_ERROR] = true, [TROUBLE_BAD_ANSWER] = true,
        [TROUBLE_LOCKED] = true,  [TROUBLE_SOLD_OUT] = true,
    };
    if (result->kind != ACTION_CREATE_SERVER)
        return;
    if (result->outcome == OUTCOME_DONE)
        sim->creates_failed = 0;
    if ((result->outcome == OUTCOME_FAILED && !uncertain[result->trouble]) ||
        result->outcome == OUTCOME_REFUSED) {
        bool at_once = sim->now_ms - sim->create_failed_ms <= CREATES_AT_ONCE_MS;
        sim->creates_failed = at_once ? sim->creates_failed + 1 : 1;
        sim->create_failed_ms = sim->now_ms;
    }
}

void judge_result(struct sim *sim, const struct action_result *result)
{
    for (uint32_t i = 0; i < sim->tried_count; i++) {
        struct tried *tried = &sim->tried[i];
        if (tried->answered || action_id_compare(tried->last, result->id) != 0)
            continue;
        bool failed = result->outcome == OUTCOME_FAILED || result->outcome == OUTCOME_REFUSED ||
                      result->outcome == OUTCOME_UNKNOWN;
        count_creates(sim, result);
        tried->in_flight = 0;
        tried->answered = true;
        tried->failures = failed ? tried->failures + 1 : 0;
        tried->failed_mono_ms = sim_mono_ms(sim);
        tried->unknown_mono_ms = result->outcome == OUTCOME_UNKNOWN ? sim_mono_ms(sim) : 0;
    }
}

/* The actuator is gone, and what it had under way with it. */
void judge_hands_lost(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->tried_count; i++)
        sim->tried[i].in_flight = 0;
}

/* ---------------------------------------------------------------------------------------- nodes */

#define KIND(kind) (UINT64_C(1) << (kind))
#define FAILING                                                                                    \
    (KIND(ALARM_STEP_FAILS) | KIND(ALARM_RAIL) | KIND(ALARM_STORAGE) | KIND(ALARM_QUOTA) |         \
     KIND(ALARM_UNAUTHORIZED))

static bool alarm_names(const struct status *status, const char *name, uint64_t kinds)
{
    for (uint32_t i = 0; i < status->alarms_count; i++)
        if ((KIND(status->alarms[i].kind) & kinds) != 0 &&
            strcmp(status->alarms[i].subject, name) == 0)
            return true;
    return status->alarms_count >=
           ALARMS_MAX - 2; /* a place that fell free is taken a step later */
}

static int64_t longest_stay(const struct sim *sim, enum node_state state)
{
    return state == NODE_DEREGISTERING ? sim->config->life.deregister_longest_ms
           : state == NODE_DRAINING    ? sim->config->life.drain_longest_ms
           : state == NODE_REMOVING    ? sim->config->life.remove_longest_ms
                                       : 0;
}

/* A rail that a person set may hold a node's teardown: that is said in an alarm of the node's, and
 * counted. One that holds a create is the pool's, and hinders no teardown. */
static void note_rails(struct sim *sim, const struct status *status)
{
    for (uint32_t i = 0; i < status->alarms_count; i++)
        if (status->alarms[i].kind == ALARM_RAIL)
            witness_hindered_one(sim->witness, status->alarms[i].subject,
                                 SIM_START_MS + sim->now_ms);
}

/* As long as so much may have vanished at once, every teardown waits for a person. */
static void note_breaker(struct sim *sim)
{
    struct scene scene = {.kind = SCENE_action, .u.action = {.kind = ACTION_REMOVE_NODE}};
    look_at_sources(sim, &scene.u.action);
    count_vanished(sim, &scene.u.action, 2);
    if (!promise_nothing_on_emptied(&scene.u.action))
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
}

/* One that stood and is over: nobody wants a server any more, and what fails from now on is another
 * row. */
void judge_create_alarm(struct sim *sim)
{
    const struct status *status = sim->output->status;
    bool stands = status != NULL && alarm_names(status, "create_server", FAILING);
    if (sim->create_alarm && !stands)
        sim->creates_failed = 0;
    sim->create_alarm = stands;
}

/* Creates bear new names: what fails again and again is counted over all of them. Judged when the
 * core has just heard of one: later nobody may want any. */
void judge_creates(struct sim *sim)
{
    char text[BOOK_TEXT_BYTES];
    struct scene scene = {.kind = SCENE_node};
    const struct status *status = sim->output->status;
    if (!sim->brain_alive || status == NULL || sim->create_failed_ms != sim->now_ms)
        return;
    scene.u.node.failures = sim->creates_failed;
    scene.u.node.failures_loud = FAILURES_LOUD;
    scene.u.node.alarm = alarm_names(status, "create_server", FAILING);
    snprintf(text, sizeof text, "%u creates in a row have failed, and no alarm says so",
             sim->creates_failed);
    (void)book_judge(&sim->book, &scene, SIM_START_MS + sim->now_ms, text);
}

void judge_nodes(struct sim *sim)
{
    const struct status *status = sim->output->status;
    char text[BOOK_TEXT_BYTES];
    if (sim->brain_alive && status != NULL)
        note_rails(sim, status);
    if (sim->brain_alive)
        note_breaker(sim);
    for (uint32_t i = 0; sim->brain_alive && status != NULL && i < status->nodes_count; i++) {
        const struct status_node *node = &status->nodes[i];
        const struct tried *tried = tried_of(sim, node->name);
        struct scene scene = {.kind = SCENE_node};
        struct node_scene *out = &scene.u.node;
        int64_t longest = longest_stay(sim, node->state);
        bool create = tried->kind == ACTION_CREATE_SERVER;
        out->failures = create || tried_begins_afresh(tried, node->state) ? 0 : tried->failures;
        out->failures_loud = FAILURES_LOUD;
        out->stay_ms = node->state_ms;
        out->stay_longest_ms = longest > 0 ? longest + STAY_SLACK_MS : 0;
        out->alarm = alarm_names(status, node->name, FAILING);
        out->stay_alarm = alarm_names(status, node->name, KIND(ALARM_STUCK));
        text[0] = '\0';
        if (!scene_holds(&scene))
            snprintf(text, sizeof text, "%s: %s for %lld ms (longest %lld), failures %u, alarm %d",
                     node->name, node_state_words[node->state], (long long)out->stay_ms,
                     (long long)longest, out->failures, out->alarm + 2 * out->stay_alarm);
        (void)book_judge(&sim->book, &scene, SIM_START_MS + sim->now_ms, text);
    }
}
