/* The guard: a scene of each call, at the instant before it changes the world. May not: judge; that
 * is the promises'. */
#include "simulator/witness_private.h"

#include <stdio.h>
#include <string.h>

#include "common/fence_note.h"
#include "common/names.h"

/* ------------------------------------------------------------------------------- calls to scenes
 */

/* Long enough ago that a picture shows what came of it. */
static bool is_over(const struct witness *witness, int64_t hindered_ms, int64_t now_ms)
{
    return now_ms - hindered_ms > witness->rules.provision_ms + witness->rules.demand_memory_ms;
}

/* Whether whoever looks can know that this machine serves. */
static bool is_kept(const struct witness *witness, const struct world_server *server,
                    int64_t now_ms)
{
    const struct rented *rented = witness_rented(witness, server->id);
    return is_over(witness, witness->hindered_ms, now_ms) && rented != NULL &&
           is_over(witness, rented->hindered_ms, now_ms) && witness_serves(witness, server) &&
           (witness->keeps == NULL || witness->keeps(rented->name, witness->keeps_argument));
}

static void create_scene(struct witness *witness, const struct world_call *call,
                         struct call_scene *scene)
{
    const struct witness_rules *rules = &witness->rules;
    uint32_t pool =
        witness_pool_named(witness, witness_label(call->wanted->labels, SERVER_LABEL_POOL));
    scene->call = SCENE_CREATE_SERVER;
    scene->ours = witness_marks(witness, call->wanted->labels) && pool < rules->pool_count;
    scene->servers_max = rules->servers_max;
    scene->hourly_micro_max = rules->hourly_micro_max;
    scene->hourly_micro = (uint64_t)call->wanted->type->hour_microeuro;
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *server = world_server_at(witness->world, i);
        if (!witness_marks(witness, &server->labels))
            continue;
        bool same =
            witness_pool_named(witness, witness_label(&server->labels, SERVER_LABEL_POOL)) == pool;
        scene->servers++;
        scene->hourly_micro += (uint64_t)server->type->hour_microeuro;
        if (!same || pool == rules->pool_count)
            continue;
        bool coming = witness_is_coming(witness, server, call->at_ms);
        scene->pool_servers++;
        scene->pool_able += coming || is_kept(witness, server, call->at_ms);
        if (coming)
            scene->coming += (uint32_t)rules->pool[pool].capacity;
    }
    for (size_t i = 0; i < witness->rented_count; i++) {
        const struct rented *rented = &witness->rented[i];
        scene->names_before += (rented->shown || !rules->shown_is_told) &&
                               strcmp(rented->name, call->wanted->name) == 0;
    }
    if (witness->rogue)
        scene->names_before = 0;
    if (pool == rules->pool_count)
        return;
    scene->pool_min = rules->pool[pool].min;
    scene->pool_max = rules->pool[pool].max;
    scene->wanted = witness->rogue ? UINT32_MAX
                                   : witness_demand_peak(&witness->own[pool],
                                                         call->at_ms - rules->demand_memory_ms);
}

static uint64_t server_of_node(const struct witness *witness, const char *name)
{
    const struct rented *rented = witness_rented_named(witness, name);
    return rented != NULL ? rented->server_id : 0;
}

static void node_scene(const struct witness *witness, const char *name, enum scene_call what,
                       int64_t now_ms, struct call_scene *scene)
{
    /* A node that no machine stands behind is somebody's who gave it that name. */
    const struct world_node *node = world_node_named(witness->world, name);
    scene->call = what;
    scene->ours = witness_ours(witness, name) && (node == NULL || node->server_id != 0);
    witness_look_at_runners(witness, server_of_node(witness, name), now_ms, scene);
}

static bool taints_no_execute(const struct world_taint *taints, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(taints[i].effect, "NoExecute") == 0 &&
            strcmp(taints[i].key, NODE_TAINT_DRAIN) == 0)
            return true;
    return false;
}

/* Whether a note of our fence that stands at the server or at its node names this runner. */
static bool is_noted(const struct witness *witness, const struct world_runner *runner,
                     const struct rented *rented)
{
    const struct world_server *server = world_server_find(witness->world, rented->server_id);
    const struct world_node *node = world_node_named(witness->world, rented->name);
    struct fence_note note;
    return (node != NULL &&
            fence_note_parse(witness_label(&node->annotations, NODE_ANNOTATION_FENCE), &note) &&
            fence_note_covers(&note, runner->id)) ||
           (server != NULL &&
            fence_note_parse(witness_label(&server->labels, SERVER_LABEL_FENCE), &note) &&
            fence_note_covers(&note, runner->id));
}

/* Whose a runner is that has ended, nobody can say to an order that names another's machine. */
static bool is_lost(const struct witness *witness, const struct world_runner *runner)
{
    return witness->rogue && !runner->daemon;
}

/* A fence that a person set while our own was being set, or where a note of ours names the runner,
 * is nobody's to tell apart. */
static bool is_persons_fence(const struct witness *witness, const struct world_runner *runner,
                             const struct rented *rented)
{
    bool meanwhile = rented != NULL && rented->noted_ms != 0 &&
                     runner->disabled_ms + witness->rules.race_ms >= rented->noted_ms &&
                     is_noted(witness, runner, rented);
    return runner->disabled && runner->disabled_by_hand && !meanwhile &&
           !is_lost(witness, runner) &&
           world_server_find(witness->world, runner->server_id) != NULL;
}

static void runner_scene(const struct witness *witness, const struct world_call *call,
                         enum scene_call what, struct call_scene *scene)
{
    const struct world_runner *runner = call->runner;
    const struct rented *rented = witness_rented(witness, runner->server_id);
    const struct world_job *job = witness_live_job(witness, runner);
    scene->call = what;
    scene->ours = rented != NULL && !runner->permanent;
    scene->fenced_by_person = is_persons_fence(witness, runner, rented);
    if (what != SCENE_DEREGISTER)
        return;
    scene->race_ms = witness->rules.race_ms;
    scene->jobs = job != NULL;
    scene->oldest_job_ms = job != NULL ? call->at_ms - job->started_ms : 0;
    scene->unfenced =
        !witness->rules.fence_exists || witness_is_young(witness, runner, call->at_ms);
    scene->fence_possible = witness->rules.fence_exists && rented != NULL &&
                            !is_lost(witness, runner) &&
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
             "%s %s: jobs %u (oldest %lld ms), runners %u, fenced %lld ms, ours %d; servers %llu "
             "of %llu, pool %llu (able %llu, least %llu) of %llu, %llu of %llu micro, coming %u, "
             "wanted %u, name used %u",
             world_call_word(call->kind), name, scene->jobs,
             scene->jobs > 0 ? (long long)scene->oldest_job_ms : 0LL, scene->runners,
             (long long)scene->fenced_ms, scene->ours, (unsigned long long)scene->servers,
             (unsigned long long)scene->servers_max, (unsigned long long)scene->pool_servers,
             (unsigned long long)scene->pool_able, (unsigned long long)scene->pool_min,
             (unsigned long long)scene->pool_max, (unsigned long long)scene->hourly_micro,
             (unsigned long long)scene->hourly_micro_max, scene->coming, scene->wanted,
             scene->names_before);
    return text;
}

void witness_on_call(void *context, const struct world_call *call)
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
        witness_shown(witness, call->server->id);
        out->ours = witness_marks(witness, &call->server->labels);
        break;
    case WORLD_CALL_SERVER_UPDATE:
        out->call = SCENE_MARK;
        out->ours = witness_marks(witness, &call->server->labels);
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
