/* The world as a whole: its beginning and end, its time, its random numbers, its story.
 * May not: know what any one thing does when it is due. */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

typedef void due_handler(struct world *world, uint64_t id, uint64_t stamp);

static due_handler *const due_handlers[DUE_KIND_COUNT] = {
#define DUE(name, handler) [DUE_##name] = (handler),
#include "simulator/world/dues.def"
#undef DUE
};

static const char *const event_words[WORLD_EVENT_KIND_COUNT] = {
#define WORLD_EVENT(name, word) [WORLD_EVENT_##name] = (word),
#include "simulator/world/events.def"
#undef WORLD_EVENT
};

static const char *const call_words[WORLD_CALL_KIND_COUNT] = {
#define WORLD_CALL(name, word) [WORLD_CALL_##name] = (word),
#include "simulator/world/calls.def"
#undef WORLD_CALL
};

static const char *const trouble_words[WORLD_TROUBLE_COUNT] = {
#define WORLD_TROUBLE(name, word, help) [WORLD_TROUBLE_##name] = (word),
#include "simulator/world/troubles.def"
#undef WORLD_TROUBLE
};

static void copy_config(struct world_config *to, const struct world_config *from)
{
    *to = *from;
    for (uint32_t i = 0; i < from->runner_label_count; i++)
        to->runner_labels[i] = world_copy_text(from->runner_labels[i]);
    runner_sets_copy(to, from);
    to->runner_namespace = world_copy_text(from->runner_namespace);
    to->runner_owner = from->runner_owner != NULL ? world_copy_text(from->runner_owner) : NULL;
    to->runner_repo = from->runner_repo != NULL ? world_copy_text(from->runner_repo) : NULL;
}

struct world *world_new(const struct world_config *config)
{
    assert(config->runner_label_count <= WORLD_CONFIG_LABELS_MAX);
    assert(config->capacity >= 1 && config->capacity <= WORLD_RUNNERS_PER_NODE_MAX);
    struct world *world = world_alloc(sizeof *world);
    copy_config(&world->config, config);
    world->now_ms = config->start_ms;
    world->random = config->seed;
    world->resource_version = 100;
    world->next_server_id = FIRST_RENTED_SERVER_ID;
    if (config->control_plane)
        server_add_control_plane(world);
    world_due_in(world, config->sweep_period_ms, DUE_SWEEP, 0, 0);
    return world;
}

/* Frees a list and, by `free_item`, what it owns. */
#define FREE_ALL(list, type, free_item)                                                            \
    do {                                                                                           \
        for (size_t i = 0; i < (list)->count; i++)                                                 \
            free_item((type *)(list)->items[i]);                                                   \
        list_free(list);                                                                           \
    } while (0)

static void free_label_set(struct world_strings *set)
{
    strings_free(set);
    free(set);
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    FREE_ALL(&world->servers, struct server_entry, server_entry_free);
    FREE_ALL(&world->actions, struct world_action, free);
    FREE_ALL(&world->nodes, struct node_entry, node_entry_free);
    FREE_ALL(&world->pods, struct pod_entry, pod_entry_free);
    FREE_ALL(&world->budgets, struct budget_entry, free);
    FREE_ALL(&world->repos, struct repo_entry, free);
    FREE_ALL(&world->jobs, struct job_entry, job_entry_free);
    FREE_ALL(&world->runs, struct world_run, free);
    FREE_ALL(&world->runners, struct runner_entry, runner_entry_free);
    FREE_ALL(&world->label_sets, struct world_strings, free_label_set);
    list_free(&world->queued);
    list_free(&world->running);
    list_free(&world->registered);
    list_free(&world->daemons);
    queue_free(&world->queue);
    for (uint32_t i = 0; i < world->config.runner_label_count; i++)
        world_free_text(world->config.runner_labels[i]);
    runner_sets_free(&world->config);
    world_free_text(world->config.runner_namespace);
    world_free_text(world->config.runner_owner);
    world_free_text(world->config.runner_repo);
    free(world);
}

const struct world_config *world_config_of(const struct world *world)
{
    return &world->config;
}

/* ---- time ---- */

void world_advance(struct world *world, int64_t now_ms)
{
    struct due due;
    while (queue_peek(&world->queue, &due) && due.at_ms <= now_ms) {
        queue_pop(&world->queue);
        if (due.at_ms > world->now_ms)
            world->now_ms = due.at_ms;
        due_handlers[due.kind](world, due.id, due.stamp);
    }
    if (now_ms > world->now_ms)
        world->now_ms = now_ms;
}

int64_t world_now_ms(const struct world *world)
{
    return world->now_ms;
}

int64_t world_next_ms(const struct world *world)
{
    struct due due;
    return queue_peek(&world->queue, &due) ? due.at_ms : INT64_MAX;
}

void world_due_in(struct world *world, int64_t delay_ms, enum due_kind kind, uint64_t id,
                  uint64_t stamp)
{
    assert(delay_ms >= 0);
    queue_push(
        &world->queue,
        &(struct due){.at_ms = world->now_ms + delay_ms, .kind = kind, .id = id, .stamp = stamp});
}

/* ---- chance ---- */

/* splitmix64: any seed will do, and equal seeds give equal worlds. */
static uint64_t next_random(struct world *world)
{
    world->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = world->random;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t world_random(struct world *world, uint64_t below)
{
    assert(below > 0);
    return next_random(world) % below;
}

int64_t world_jitter(struct world *world, int64_t duration_ms)
{
    int64_t spread = duration_ms * world->config.jitter_permille / PERMILLE;
    if (spread == 0)
        return duration_ms;
    return duration_ms - spread + (int64_t)world_random(world, (uint64_t)(2 * spread + 1));
}

void world_make_uid(struct world *world, char uid[WORLD_UID_BYTES])
{
    uint64_t high = next_random(world), low = next_random(world);
    (void)snprintf(uid, WORLD_UID_BYTES, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
                   (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 52),
                   (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

/* ---- trouble ---- */

void world_trouble_next(struct world *world, enum world_trouble trouble, uint32_t count)
{
    assert(trouble < WORLD_TROUBLE_COUNT);
    world->troubles[trouble] = count;
}

bool world_trouble_by_word(const char *word, enum world_trouble *trouble)
{
    for (int i = 0; i < WORLD_TROUBLE_COUNT; i++) {
        if (strcmp(word, trouble_words[i]) == 0) {
            *trouble = (enum world_trouble)i;
            return true;
        }
    }
    return false;
}

/* The odds of the configuration; 0 for troubles that have none. */
static int64_t trouble_permille(const struct world *world, enum world_trouble trouble)
{
    const int64_t odds[WORLD_TROUBLE_COUNT] = {
        [WORLD_TROUBLE_CREATE_FAILS] = world->config.create_fails_permille,
        [WORLD_TROUBLE_BOOT_HANGS] = world->config.boot_hangs_permille,
        [WORLD_TROUBLE_JOIN_FAILS] = world->config.join_fails_permille,
    };
    return odds[trouble];
}

bool trouble_strikes(struct world *world, enum world_trouble trouble)
{
    if (world->troubles[trouble] > 0) {
        world->troubles[trouble]--;
        return true;
    }
    int64_t permille = trouble_permille(world, trouble);
    return permille > 0 && world_random(world, PERMILLE) < (uint64_t)permille;
}

bool trouble_strikes_on(struct world *world, enum world_trouble trouble,
                        const struct server_entry *server)
{
    return (server != NULL && server->troubles[trouble]) || trouble_strikes(world, trouble);
}

enum world_verdict world_server_trouble(struct world *world, uint64_t id,
                                        enum world_trouble trouble)
{
    assert(trouble < WORLD_TROUBLE_COUNT);
    struct server_entry *server = server_entry_find(world, id);
    if (server == NULL)
        return WORLD_NOT_FOUND;
    server->troubles[trouble] = true;
    return WORLD_OK;
}

/* ---- the story ---- */

void world_guard_calls(struct world *world, world_guard *guard, void *context)
{
    world->guard = guard;
    world->guard_context = context;
}

void world_by_hand(struct world *world, bool by_hand)
{
    world->by_hand = by_hand;
}

const char *world_call_word(enum world_call_kind kind)
{
    return (unsigned)kind < WORLD_CALL_KIND_COUNT ? call_words[kind] : "?";
}

void ask_guard(struct world *world, struct world_call call)
{
    call.at_ms = world->now_ms;
    call.by_hand = world->by_hand;
    if (world->guard != NULL)
        world->guard(world->guard_context, &call);
}

bool world_observe(struct world *world, world_observer *observer, void *context)
{
    if (world->observer_count == WORLD_OBSERVERS_MAX)
        return false;
    world->observers[world->observer_count].call = observer;
    world->observers[world->observer_count].context = context;
    world->observer_count++;
    return true;
}

static void tell(struct world *world, struct world_event *event)
{
    event->at_ms = world->now_ms;
    event->sequence = ++world->event_sequence;
    for (size_t i = 0; i < world->observer_count; i++)
        world->observers[i].call(world->observers[i].context, event);
}

void tell_server(struct world *world, enum world_event_kind kind, const struct world_server *server)
{
    tell(world, &(struct world_event){.kind = kind, .server = server});
}

void tell_node(struct world *world, enum world_event_kind kind, const struct world_node *node)
{
    tell(world, &(struct world_event){.kind = kind, .node = node});
}

void tell_pod(struct world *world, enum world_event_kind kind, const struct world_pod *pod)
{
    tell(world, &(struct world_event){.kind = kind, .pod = pod});
}

void tell_runner(struct world *world, enum world_event_kind kind, const struct world_runner *runner,
                 const struct world_job *job)
{
    tell(world, &(struct world_event){.kind = kind, .runner = runner, .job = job});
}

void tell_job(struct world *world, enum world_event_kind kind, const struct world_job *job,
              const struct world_runner *runner)
{
    tell(world, &(struct world_event){.kind = kind, .job = job, .runner = runner});
}

const char *world_event_word(enum world_event_kind kind)
{
    assert(kind < WORLD_EVENT_KIND_COUNT);
    return event_words[kind];
}

char *world_event_line(const struct world *world, const struct world_event *event, size_t bytes,
                       char *text)
{
    int64_t since_ms = event->at_ms - world->config.start_ms;
    char job[32] = "", runner[32] = "";
    if (event->job != NULL)
        (void)snprintf(job, sizeof job, " job %llu", (unsigned long long)event->job->id);
    if (event->runner != NULL)
        (void)snprintf(runner, sizeof runner, " runner %llu ",
                       (unsigned long long)event->runner->id);
    (void)snprintf(text, bytes, "+%lld.%03lld %s%s%s%s%s%s%s%s%s%s", (long long)since_ms / MS_PER_S,
                   (long long)since_ms % MS_PER_S, world_event_word(event->kind), job, runner,
                   event->runner != NULL ? event->runner->name : "",
                   event->server != NULL ? " " : "",
                   event->server != NULL ? event->server->name : "", event->node != NULL ? " " : "",
                   event->node != NULL ? event->node->name : "", event->pod != NULL ? " " : "",
                   event->pod != NULL ? event->pod->name : "");
    return text;
}
