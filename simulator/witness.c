/* Filling scenes in from the simulated world. May not: judge; that is the promises'. */
#include "simulator/witness.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

#define CHANGES_MAX 4096 /* of the number of waiting jobs within demand_memory_ms */

/* A server that bore our labels, ever. */
struct rented {
    char name[WORLD_NAME_BYTES];
    uint64_t server_id;
    uint32_t pool;
    bool had_runner;
    int64_t hours;       /* paid ones that have begun */
    int64_t last_job_ms; /* when a job last ran on it; 0 never */
    int64_t noted_ms;    /* since when a note of our fence stands at node or server; 0 none does */
};

/* How many jobs of a pool waited from at_ms on. */
struct change {
    int64_t at_ms;
    uint32_t waiting;
};

struct demand {
    struct change change[CHANGES_MAX]; /* a ring; the oldest is merged away when it is full */
    uint32_t first, count;
    uint32_t waiting;
};

struct witness {
    struct world *world;
    struct witness_rules rules;
    struct book book;
    struct rented *rented;
    size_t rented_count, rented_room;
    struct demand demand[WITNESS_POOLS_MAX];
    uint32_t served_waiting; /* of any pool */
    int64_t hindered_ms; /* when something last hindered; the beginning of the world, at first */
};

/* ----------------------------------------------------------------------------- what is ours */

static const char *label_of(const struct world_map *labels, const char *key)
{
    for (uint32_t i = 0; labels != NULL && i < labels->count; i++)
        if (strcmp(labels->pairs[i].key, key) == 0)
            return labels->pairs[i].value;
    return "";
}

/* "EPOCH-COUNTER": a server that a person labelled as ours has none, and is not ours. */
static bool is_id(const char *text)
{
    char *end;
    unsigned long long epoch = strtoull(text, &end, 10);
    if (epoch == 0 || *end != '-')
        return false;
    unsigned long long counter = strtoull(end + 1, &end, 10);
    return counter != 0 && *end == '\0';
}

static bool bears_our_labels(const struct witness *witness, const struct world_map *labels)
{
    return is_id(label_of(labels, SERVER_LABEL_ID)) &&
           strcmp(label_of(labels, SERVER_LABEL_MANAGED), SERVER_LABEL_MANAGED_VALUE) == 0 &&
           strcmp(label_of(labels, SERVER_LABEL_CLUSTER), witness->rules.cluster) == 0;
}

static uint32_t pool_named(const struct witness *witness, const char *name)
{
    uint32_t pool = 0;
    while (pool < witness->rules.pool_count && strcmp(witness->rules.pool[pool].name, name) != 0)
        pool++;
    return pool;
}

static struct rented *rented_server(const struct witness *witness, uint64_t server_id)
{
    for (size_t i = witness->rented_count; server_id != 0 && i-- > 0;)
        if (witness->rented[i].server_id == server_id)
            return &witness->rented[i];
    return NULL;
}

static struct rented *rented_named(const struct witness *witness, const char *name)
{
    for (size_t i = witness->rented_count; i-- > 0;)
        if (strcmp(witness->rented[i].name, name) == 0)
            return &witness->rented[i];
    return NULL;
}

bool witness_ours(const struct witness *witness, const char *name)
{
    return rented_named(witness, name) != NULL;
}

const char *witness_name(const struct witness *witness, uint64_t server_id)
{
    const struct rented *rented = rented_server(witness, server_id);
    return rented != NULL ? rented->name : NULL;
}

static void note_rented(struct witness *witness, const struct world_server *server)
{
    if (!bears_our_labels(witness, &server->labels) || rented_server(witness, server->id) != NULL)
        return;
    if (witness->rented_count == witness->rented_room) {
        witness->rented_room = witness->rented_room == 0 ? 64 : witness->rented_room * 2;
        witness->rented =
            realloc(witness->rented, witness->rented_room * sizeof witness->rented[0]);
        if (witness->rented == NULL)
            abort();
    }
    struct rented *rented = &witness->rented[witness->rented_count++];
    *rented =
        (struct rented){.server_id = server->id,
                        .pool = pool_named(witness, label_of(&server->labels, SERVER_LABEL_POOL)),
                        .hours = 1};
    snprintf(rented->name, sizeof rented->name, "%s", server->name);
}

/* --------------------------------------------------------------------------------- the demand */

static bool serves(const struct witness_pool *pool, const struct world_job *job)
{
    for (uint32_t i = 0; i < job->labels.count; i++) {
        uint32_t k = 0;
        while (k < pool->label_count && strcmp(pool->labels[k], job->labels.items[i]) != 0)
            k++;
        if (k == pool->label_count)
            return false;
    }
    return true;
}

static void demand_changed(struct demand *demand, int64_t at_ms)
{
    if (demand->count == CHANGES_MAX) { /* the second oldest takes the larger of both */
        uint32_t next = (demand->first + 1) % CHANGES_MAX;
        if (demand->change[demand->first].waiting > demand->change[next].waiting)
            demand->change[next].waiting = demand->change[demand->first].waiting;
        demand->first = next;
        demand->count--;
    }
    demand->change[(demand->first + demand->count++) % CHANGES_MAX] =
        (struct change){at_ms, demand->waiting};
}

/* The most that waited at once since then. */
static uint32_t demand_peak(struct demand *demand, int64_t since_ms)
{
    while (demand->count > 1 &&
           demand->change[(demand->first + 1) % CHANGES_MAX].at_ms <= since_ms) {
        demand->first = (demand->first + 1) % CHANGES_MAX;
        demand->count--;
    }
    uint32_t peak = 0;
    for (uint32_t i = 0; i < demand->count; i++) {
        uint32_t waiting = demand->change[(demand->first + i) % CHANGES_MAX].waiting;
        peak = waiting > peak ? waiting : peak;
    }
    return peak;
}

static void count_waiting(struct witness *witness, const struct world_job *job, int64_t at_ms,
                          bool more)
{
    bool served = false;
    for (uint32_t i = 0; i < witness->rules.pool_count; i++) {
        struct demand *demand = &witness->demand[i];
        if (!serves(&witness->rules.pool[i], job))
            continue;
        served = true;
        assert(more || demand->waiting > 0);
        demand->waiting += more ? 1 : UINT32_MAX;
        demand_changed(demand, at_ms);
    }
    if (served)
        witness->served_waiting += more ? 1 : UINT32_MAX;
}

/* From the world itself: what waited before anybody watched, or by other pools. */
static void count_again(struct witness *witness)
{
    witness->served_waiting = 0;
    for (uint32_t i = 0; i < witness->rules.pool_count; i++)
        witness->demand[i].waiting = 0;
    for (uint64_t id = 1; id <= world_job_count(witness->world); id++) {
        const struct world_job *job = world_job_find(witness->world, id);
        if (job != NULL && job->status == WORLD_JOB_QUEUED)
            count_waiting(witness, job, world_now_ms(witness->world), true);
    }
}

uint64_t witness_waiting(const struct witness *witness)
{
    return witness->served_waiting;
}

/* ------------------------------------------------------------------------------ what a node does
 */

/* The job that a runner works on, in progress in Gitea's eyes; NULL: none. */
static const struct world_job *live_job(const struct witness *witness,
                                        const struct world_runner *runner)
{
    const struct world_job *job =
        runner->job_id != 0 ? world_job_find(witness->world, runner->job_id) : NULL;
    bool live = job != NULL && runner->daemon && job->status == WORLD_JOB_RUNNING && !job->lost &&
                job->runner_id == runner->id;
    return live ? job : NULL;
}

static bool young(const struct witness *witness, const struct world_runner *runner, int64_t now_ms)
{
    return now_ms - runner->registered_ms <= witness->rules.race_ms;
}

static void look_at_runners(const struct witness *witness, uint64_t server_id, int64_t now_ms,
                            struct call_scene *scene)
{
    scene->unfenced = true;
    scene->youngest_job_ms = INT64_MAX;
    scene->race_ms = witness->rules.race_ms;
    for (size_t i = 0; server_id != 0 && i < world_runner_count(witness->world); i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        if (runner->server_id != server_id)
            continue;
        const struct world_job *job = live_job(witness, runner);
        scene->runners += runner->daemon && !young(witness, runner, now_ms);
        if (job == NULL)
            continue;
        scene->jobs++;
        if (now_ms - job->started_ms < scene->youngest_job_ms)
            scene->youngest_job_ms = now_ms - job->started_ms;
        if (witness->rules.fence_exists && !young(witness, runner, now_ms))
            scene->unfenced = false;
    }
}

static uint64_t server_of_node(const struct witness *witness, const char *name)
{
    const struct rented *rented = rented_named(witness, name);
    return rented != NULL ? rented->server_id : 0;
}

/* ------------------------------------------------------------------------------- calls to scenes
 */

static bool counts(const struct witness *witness, const struct world_server *server)
{
    return bears_our_labels(witness, &server->labels);
}

/* Young, healthy as far as anybody can know, and no runner of it has come yet. */
static bool is_coming(const struct witness *witness, const struct world_server *server,
                      int64_t now_ms)
{
    const struct rented *rented = rented_server(witness, server->id);
    return rented != NULL && !rented->had_runner && !server->create_failed &&
           server->status != WORLD_SERVER_DELETING &&
           now_ms - server->created_ms < witness->rules.provision_ms;
}

static void create_scene(struct witness *witness, const struct world_call *call,
                         struct call_scene *scene)
{
    const struct witness_rules *rules = &witness->rules;
    uint32_t pool = pool_named(witness, label_of(call->wanted->labels, SERVER_LABEL_POOL));
    scene->call = SCENE_CREATE_SERVER;
    scene->ours = bears_our_labels(witness, call->wanted->labels) && pool < rules->pool_count;
    scene->servers_max = rules->servers_max;
    scene->hourly_micro_max = rules->hourly_micro_max;
    scene->hourly_micro = (uint64_t)call->wanted->type->hour_microeuro;
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *server = world_server_at(witness->world, i);
        if (!counts(witness, server))
            continue;
        bool same = pool_named(witness, label_of(&server->labels, SERVER_LABEL_POOL)) == pool;
        scene->servers++;
        scene->hourly_micro += (uint64_t)server->type->hour_microeuro;
        if (!same || pool == rules->pool_count)
            continue;
        bool coming = is_coming(witness, server, call->at_ms);
        scene->pool_servers++;
        scene->pool_able += coming;
        if (coming)
            scene->coming += (uint32_t)rules->pool[pool].capacity;
    }
    for (size_t i = 0; i < witness->rented_count; i++)
        scene->names_before += strcmp(witness->rented[i].name, call->wanted->name) == 0;
    if (pool == rules->pool_count)
        return;
    scene->pool_min = rules->pool[pool].min;
    scene->pool_max = rules->pool[pool].max;
    scene->wanted = demand_peak(&witness->demand[pool], call->at_ms - rules->demand_memory_ms);
}

static void node_scene(const struct witness *witness, const char *name, enum scene_call what,
                       int64_t now_ms, struct call_scene *scene)
{
    scene->call = what;
    scene->ours = witness_ours(witness, name);
    look_at_runners(witness, server_of_node(witness, name), now_ms, scene);
}

static bool taints_no_execute(const struct world_taint *taints, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(taints[i].effect, "NoExecute") == 0 &&
            strcmp(taints[i].key, NODE_TAINT_DRAIN) == 0)
            return true;
    return false;
}

/* A fence that a person set while our own was being set is nobody's to tell apart. */
static bool is_persons_fence(const struct witness *witness, const struct world_runner *runner,
                             const struct rented *rented)
{
    bool meanwhile = rented != NULL && rented->noted_ms != 0 &&
                     runner->disabled_ms + witness->rules.race_ms >= rented->noted_ms;
    return runner->disabled && runner->disabled_by_hand && !meanwhile &&
           world_server_find(witness->world, runner->server_id) != NULL;
}

static void runner_scene(const struct witness *witness, const struct world_call *call,
                         enum scene_call what, struct call_scene *scene)
{
    const struct world_runner *runner = call->runner;
    const struct rented *rented = rented_server(witness, runner->server_id);
    const struct world_job *job = live_job(witness, runner);
    scene->call = what;
    scene->ours = rented != NULL && !runner->permanent;
    scene->fenced_by_person = is_persons_fence(witness, runner, rented);
    if (what != SCENE_DEREGISTER)
        return;
    scene->race_ms = witness->rules.race_ms;
    scene->jobs = job != NULL;
    scene->youngest_job_ms = job != NULL ? call->at_ms - job->started_ms : 0;
    scene->unfenced = !witness->rules.fence_exists || young(witness, runner, call->at_ms);
    scene->fence_possible = witness->rules.fence_exists && rented != NULL &&
                            (world_server_find(witness->world, rented->server_id) != NULL ||
                             world_node_named(witness->world, rented->name) != NULL);
    scene->fence_settle_ms = witness->rules.fence_settle_ms;
    scene->fenced_ms = runner->disabled ? call->at_ms - runner->disabled_ms : -1;
}

/* Writes who the call is about; returns text. */
static const char *call_text(const struct world_call *call, const struct call_scene *scene,
                             char text[BOOK_TEXT_BYTES])
{
    const char *name = call->wanted != NULL   ? call->wanted->name
                       : call->server != NULL ? call->server->name
                       : call->node != NULL   ? call->node->name
                       : call->pod != NULL    ? call->pod->name
                                              : call->runner->name;
    snprintf(text, BOOK_TEXT_BYTES,
             "%s %s: jobs %u (youngest %lld ms), runners %u, fenced %lld ms, ours %d; servers %llu "
             "of %llu, pool %llu (able %llu, least %llu) of %llu, %llu of %llu micro, coming %u, "
             "wanted %u, name used %u",
             world_call_word(call->kind), name, scene->jobs,
             scene->jobs > 0 ? (long long)scene->youngest_job_ms : 0LL, scene->runners,
             (long long)scene->fenced_ms, scene->ours, (unsigned long long)scene->servers,
             (unsigned long long)scene->servers_max, (unsigned long long)scene->pool_servers,
             (unsigned long long)scene->pool_able, (unsigned long long)scene->pool_min,
             (unsigned long long)scene->pool_max, (unsigned long long)scene->hourly_micro,
             (unsigned long long)scene->hourly_micro_max, scene->coming, scene->wanted,
             scene->names_before);
    return text;
}

static void on_call(void *context, const struct world_call *call)
{
    struct witness *witness = context;
    struct scene scene = {.kind = SCENE_call};
    struct call_scene *out = &scene.u.call;
    char text[BOOK_TEXT_BYTES];
    if (call->by_hand)
        return;
    switch (call->kind) {
    case WORLD_CALL_SERVER_CREATE: create_scene(witness, call, out); break;
    case WORLD_CALL_SERVER_DELETE:
        node_scene(witness, call->server->name, SCENE_DELETE_SERVER, call->at_ms, out);
        out->ours = counts(witness, call->server);
        break;
    case WORLD_CALL_SERVER_UPDATE:
        out->call = SCENE_MARK;
        out->ours = counts(witness, call->server);
        break;
    case WORLD_CALL_NODE_UPDATE:
        node_scene(witness, call->node->name,
                   taints_no_execute(call->change->taints, call->change->taint_count) &&
                           !taints_no_execute(call->node->taints, call->node->taint_count)
                       ? SCENE_END_POD
                       : SCENE_MARK,
                   call->at_ms, out);
        break;
    case WORLD_CALL_NODE_DELETE:
        node_scene(witness, call->node->name, SCENE_DELETE_NODE, call->at_ms, out);
        break;
    case WORLD_CALL_POD_DELETE:
    case WORLD_CALL_POD_EVICT:
        node_scene(witness, call->pod->node_name, SCENE_END_POD, call->at_ms, out);
        break;
    case WORLD_CALL_RUNNER_FENCE: runner_scene(witness, call, SCENE_MARK, out); break;
    case WORLD_CALL_RUNNER_RELEASE: runner_scene(witness, call, SCENE_RELEASE, out); break;
    case WORLD_CALL_RUNNER_DELETE: runner_scene(witness, call, SCENE_DEREGISTER, out); break;
    case WORLD_CALL_KIND_COUNT: return;
    }
    (void)book_judge(&witness->book, &scene, call->at_ms, call_text(call, out, text));
}

/* --------------------------------------------------------------------------------- the story */

static void note_work(const struct witness *witness, const struct world_event *event)
{
    struct rented *rented =
        event->runner != NULL ? rented_server(witness, event->runner->server_id) : NULL;
    if (rented != NULL)
        rented->last_job_ms = event->at_ms;
}

/* Whether our note of a fence stands at the server or at its node. */
static void follow_note(struct witness *witness, struct rented *rented, int64_t now_ms)
{
    if (rented == NULL)
        return;
    const struct world_server *server = world_server_find(witness->world, rented->server_id);
    const struct world_node *node = world_node_named(witness->world, rented->name);
    bool noted = (server != NULL && label_of(&server->labels, SERVER_LABEL_FENCE)[0] != '\0') ||
                 (node != NULL && label_of(&node->annotations, NODE_ANNOTATION_FENCE)[0] != '\0');
    if (!noted)
        rented->noted_ms = 0;
    else if (rented->noted_ms == 0)
        rented->noted_ms = now_ms;
}

static void on_event(void *context, const struct world_event *event)
{
    struct witness *witness = context;
    struct rented *rented;
    switch ((unsigned)event->kind) {
    case WORLD_EVENT_SERVER_CREATED:
    case WORLD_EVENT_SERVER_CHANGED:
        note_rented(witness, event->server);
        follow_note(witness, rented_server(witness, event->server->id), event->at_ms);
        return;
    case WORLD_EVENT_NODE_MODIFIED:
        follow_note(witness, rented_named(witness, event->node->name), event->at_ms);
        return;
    case WORLD_EVENT_RUNNER_REGISTERED:
        rented = rented_server(witness, event->runner->server_id);
        if (rented != NULL)
            rented->had_runner = true;
        return;
    case WORLD_EVENT_JOB_QUEUED: count_waiting(witness, event->job, event->at_ms, true); return;
    case WORLD_EVENT_JOB_STARTED:
        count_waiting(witness, event->job, event->at_ms, false);
        note_work(witness, event);
        return;
    case WORLD_EVENT_JOB_COMPLETED:
        if (event->job->runnable_ms != 0 && event->job->started_ms == 0)
            count_waiting(witness, event->job, event->at_ms, false);
        note_work(witness, event);
        return;
    case WORLD_EVENT_JOB_LOST: note_work(witness, event); return;
    default: return;
    }
}

/* ----------------------------------------------------------------------------------- servers */

void witness_hindered(struct witness *witness, int64_t now_ms)
{
    witness->hindered_ms = now_ms;
}

/* What a person holds hinders by itself: delete protection, a runner that he disabled. */
static bool held_by_person(const struct witness *witness, const struct world_server *server)
{
    bool held = server->delete_protected;
    for (size_t i = 0; i < world_runner_count(witness->world) && !held; i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        held = runner->server_id == server->id && runner->disabled && runner->disabled_by_hand;
    }
    return held;
}

static bool is_used(const struct witness *witness, const struct world_server *server,
                    const struct rented *rented, int64_t now_ms)
{
    struct call_scene scene = {0};
    uint64_t in_pool = 0;
    look_at_runners(witness, server->id, now_ms, &scene);
    if (scene.jobs > 0)
        return true;
    if (rented->pool == witness->rules.pool_count)
        return false;
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *other = world_server_at(witness->world, i);
        in_pool += counts(witness, other) && strcmp(label_of(&other->labels, SERVER_LABEL_POOL),
                                                    witness->rules.pool[rented->pool].name) == 0;
    }
    return witness->demand[rented->pool].waiting > 0 ||
           in_pool <= witness->rules.pool[rented->pool].min;
}

static void look_at(struct witness *witness, const struct world_server *server, int64_t now_ms)
{
    struct rented *rented = rented_server(witness, server->id);
    int64_t period = world_config_of(witness->world)->billing_period_ms;
    char text[BOOK_TEXT_BYTES];
    if (rented == NULL || !counts(witness, server))
        return;
    if (held_by_person(witness, server))
        witness_hindered(witness, now_ms);
    struct scene scene = {.kind = SCENE_server};
    struct server_scene *out = &scene.u.server;
    int64_t since =
        rented->last_job_ms > server->created_ms ? rented->last_job_ms : server->created_ms;
    int64_t hours = (now_ms - server->created_ms) / period + 1;
    out->used = is_used(witness, server, rented, now_ms);
    out->unused_ms = now_ms - since;
    out->quiet_ms = now_ms - witness->hindered_ms;
    out->bound_ms = witness->rules.bound_ms;
    out->notice_ms = witness->rules.notice_ms;
    out->hour_ms = period;
    out->hour_begins = hours > rented->hours;
    rented->hours = hours;
    if (out->used)
        rented->last_job_ms = now_ms;
    snprintf(text, sizeof text,
             "server %llu %s: used %d, unused for %lld ms, nothing hinders since %lld ms, paid "
             "hour %lld%s",
             (unsigned long long)server->id, server->name, out->used, (long long)out->unused_ms,
             (long long)out->quiet_ms, (long long)hours, out->hour_begins ? " begins" : "");
    (void)book_judge(&witness->book, &scene, now_ms, text);
}

void witness_look(struct witness *witness, int64_t now_ms)
{
    for (size_t i = 0; i < world_server_count(witness->world); i++)
        look_at(witness, world_server_at(witness->world, i), now_ms);
}

/* ----------------------------------------------------------------------------------- its life */

struct witness *witness_new(struct world *world, const struct witness_rules *rules)
{
    struct witness *witness = calloc(1, sizeof *witness);
    if (witness == NULL)
        abort();
    witness->world = world;
    witness->rules = *rules;
    witness->hindered_ms = world_now_ms(world);
    world_guard_calls(world, on_call, witness);
    bool room = world_observe(world, on_event, witness);
    assert(room);
    (void)room;
    for (size_t i = 0; i < world_server_count(world); i++)
        note_rented(witness, world_server_at(world, i));
    count_again(witness);
    return witness;
}

void witness_free(struct witness *witness)
{
    if (witness == NULL)
        return;
    free(witness->rented);
    free(witness);
}

void witness_change(struct witness *witness, const struct witness_rules *rules)
{
    witness->rules = *rules;
    count_again(witness);
}

struct book *witness_book(struct witness *witness)
{
    return &witness->book;
}
