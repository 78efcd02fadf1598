/* The witness's life, the story it follows, and the scenes of rented servers. May not: judge; that
 * is the promises'. */
#include "simulator/witness_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

/* ----------------------------------------------------------------------------------- servers */

void witness_hindered(struct witness *witness, int64_t now_ms)
{
    witness->hindered_ms = now_ms;
}

void witness_hindered_one(struct witness *witness, const char *name, int64_t now_ms)
{
    struct rented *rented = witness_rented_named(witness, name);
    if (rented != NULL)
        rented->hindered_ms = now_ms;
}

void witness_shown(struct witness *witness, uint64_t server_id)
{
    struct rented *rented = witness_rented(witness, server_id);
    if (rented != NULL)
        rented->shown = true;
}

void witness_client(struct witness *witness, bool (*keeps)(const char *node, const void *argument),
                    const void *argument)
{
    witness->keeps = keeps;
    witness->keeps_argument = argument;
}

void witness_rogue(struct witness *witness, bool rogue)
{
    witness->rogue = rogue;
}

static int64_t quiet_ms(const struct witness *witness, const struct rented *rented, int64_t now_ms)
{
    int64_t last =
        rented->hindered_ms > witness->hindered_ms ? rented->hindered_ms : witness->hindered_ms;
    return now_ms - last;
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

/* Slots that were used later than this machine, and are free: a waiting job is theirs first. */
static uint32_t free_before(const struct witness *witness, const struct rented *self)
{
    uint32_t count = 0;
    for (size_t i = 0; i < world_runner_count(witness->world); i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        const struct rented *of = witness_rented(witness, runner->server_id);
        if (of == NULL || of == self || of->pool != self->pool || !runner->daemon ||
            runner->job_id != 0)
            continue;
        const struct world_server *server = world_server_find(witness->world, runner->server_id);
        bool later = of->last_job_ms > self->last_job_ms ||
                     (of->last_job_ms == self->last_job_ms && of->server_id < self->server_id);
        count += later && server != NULL && witness_serves(witness, server);
    }
    return count;
}

static bool is_used(struct witness *witness, const struct world_server *server,
                    const struct rented *rented, int64_t now_ms)
{
    struct call_scene scene = {0};
    witness_look_at_runners(witness, server->id, now_ms, &scene);
    if (scene.jobs > 0)
        return true;
    if (rented->pool == witness->rules.pool_count)
        return false;
    uint32_t waited = witness_demand_peak(&witness->demand[rented->pool],
                                          now_ms - witness->rules.demand_memory_ms);
    /* One that can serve nobody is kept by no job and no minimum. */
    return witness_serves_or_comes(witness, server, now_ms) &&
           ((waited > 0 && waited > free_before(witness, rented)) ||
            witness->serving[rented->pool] <= witness->rules.pool[rented->pool].min);
}

static void look_at(struct witness *witness, const struct world_server *server, int64_t now_ms)
{
    struct rented *rented = witness_rented(witness, server->id);
    int64_t period = world_config_of(witness->world)->billing_period_ms;
    char text[BOOK_TEXT_BYTES];
    if (rented == NULL || rented->rogue || !witness_marks(witness, &server->labels))
        return;
    if (held_by_person(witness, server))
        rented->hindered_ms = now_ms;
    struct scene scene = {.kind = SCENE_server};
    struct server_scene *out = &scene.u.server;
    int64_t since =
        rented->last_job_ms > server->created_ms ? rented->last_job_ms : server->created_ms;
    int64_t hours = (now_ms - server->created_ms) / period + 1;
    out->used = is_used(witness, server, rented, now_ms);
    out->unused_ms = now_ms - since;
    out->quiet_ms = quiet_ms(witness, rented, now_ms);
    out->bound_ms = witness->rules.bound_ms;
    out->notice_ms = witness->rules.notice_ms;
    out->hour_ms = period;
    out->hour_begins = hours > rented->hours;
    rented->hours = hours;
    if (out->used)
        rented->last_job_ms = now_ms;
    text[0] = '\0';
    if (!scene_holds(&scene))
        snprintf(text, sizeof text,
                 "server %llu %s: used %d, unused for %lld ms, nothing hinders since %lld ms, paid "
                 "hour %lld%s",
                 (unsigned long long)server->id, server->name, out->used, (long long)out->unused_ms,
                 (long long)out->quiet_ms, (long long)hours, out->hour_begins ? " begins" : "");
    (void)book_judge(&witness->book, &scene, now_ms, text);
}

void witness_look(struct witness *witness, int64_t now_ms)
{
    witness_count_serving(witness, now_ms);
    for (size_t i = 0; i < world_server_count(witness->world); i++)
        look_at(witness, world_server_at(witness->world, i), now_ms);
    witness_look_at_pools(witness, now_ms);
}

/* --------------------------------------------------------------------------------- the story */

static void note_work(const struct witness *witness, const struct world_event *event)
{
    struct rented *rented =
        event->runner != NULL ? witness_rented(witness, event->runner->server_id) : NULL;
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
    bool noted =
        (server != NULL && witness_label(&server->labels, SERVER_LABEL_FENCE)[0] != '\0') ||
        (node != NULL && witness_label(&node->annotations, NODE_ANNOTATION_FENCE)[0] != '\0');
    if (!noted)
        rented->noted_ms = 0;
    else if (rented->noted_ms == 0)
        rented->noted_ms = now_ms;
}

/* A delete that Hetzner took and did not do hinders that one's end. */
static void follow_delete(struct witness *witness, struct rented *rented,
                          const struct world_event *event)
{
    if (rented == NULL || event->server->status != WORLD_SERVER_OFF)
        return;
    for (size_t i = world_action_count(witness->world); i-- > 0;) {
        const struct world_action *action = world_action_at(witness->world, i);
        if (action->server_id != event->server->id)
            continue;
        if (action->status == WORLD_ACTION_ERROR && strcmp(action->command, "delete_server") == 0)
            rented->hindered_ms = event->at_ms;
        return;
    }
}

static void on_event(void *context, const struct world_event *event)
{
    struct witness *witness = context;
    struct rented *rented;
    switch ((unsigned)event->kind) {
    case WORLD_EVENT_SERVER_CREATED:
    case WORLD_EVENT_SERVER_CHANGED:
        witness_note_rented(witness, event->server);
        rented = witness_rented(witness, event->server->id);
        follow_note(witness, rented, event->at_ms);
        follow_delete(witness, rented, event);
        return;
    case WORLD_EVENT_SERVER_GONE: look_at(witness, event->server, event->at_ms); return;
    case WORLD_EVENT_NODE_MODIFIED:
        follow_note(witness, witness_rented_named(witness, event->node->name), event->at_ms);
        return;
    case WORLD_EVENT_RUNNER_REGISTERED:
        rented = witness_rented(witness, event->runner->server_id);
        if (rented != NULL)
            rented->had_runner = true;
        return;
    case WORLD_EVENT_JOB_QUEUED:
        witness_count_waiting(witness, event->job, event->at_ms, true);
        return;
    case WORLD_EVENT_JOB_STARTED:
        witness_count_waiting(witness, event->job, event->at_ms, false);
        note_work(witness, event);
        return;
    case WORLD_EVENT_JOB_COMPLETED:
        if (event->job->runnable_ms != 0 && event->job->started_ms == 0)
            witness_count_waiting(witness, event->job, event->at_ms, false);
        note_work(witness, event);
        return;
    case WORLD_EVENT_JOB_LOST: note_work(witness, event); return;
    default: return;
    }
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
    world_guard_calls(world, witness_on_call, witness);
    bool room = world_observe(world, on_event, witness);
    assert(room);
    (void)room;
    for (size_t i = 0; i < world_server_count(world); i++)
        witness_note_rented(witness, world_server_at(world, i));
    witness_count_again(witness);
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
    witness_count_again(witness);
}

struct book *witness_book(struct witness *witness)
{
    return &witness->book;
}
