/* The world's dice. */
#include "core_play.h"

#include <stdlib.h>

#include "proto/message.h"

static uint32_t roll(struct core_play *play, uint32_t sides)
{
    play->seed = play->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(play->seed >> 33) % sides;
}

static bool has_job(const struct world *world, uint64_t runner)
{
    for (uint32_t i = 0; i < world->jobs; i++)
        if (world->job[i].status == JOB_RUNNING && world->job[i].runner_id == runner)
            return true;
    return false;
}

static void move_jobs(struct world *world, struct core_play *play)
{
    for (uint32_t i = 0; i < world->jobs; i++)
        if (world->job[i].status == JOB_RUNNING && roll(play, 5) == 0)
            world->job[i] = world->job[--world->jobs];
    for (uint32_t r = 0; r < world->runners; r++)
        for (uint32_t i = 0; i < world->jobs && !has_job(world, world->runner[r].id); i++)
            if (world->job[i].status == JOB_RUNNABLE) {
                world->job[i].status = JOB_RUNNING;
                world->job[i].runner_id = world->runner[r].id;
            }
    if (roll(play, 12) == 0 && world->jobs < WORLD_MAX / 2)
        world_job(world, roll(play, 6) == 0 ? JOB_BLOCKED : JOB_RUNNABLE, "linux", 0);
}

static void answer(struct world *world, struct core_play *play, struct world_action *action)
{
    bool done = roll(play, 4) != 0;
    if (done && action->kind == ACTION_DEREGISTER_RUNNERS)
        for (uint32_t i = 0; i < action->runners; i++)
            world_unlist_runner(world, action->runner[i]);
    if (done && action->kind == ACTION_REMOVE_NODE) {
        world_unlist_node(world, action->node);
        world_unlist_server(world, action->node);
    }
    world_answer(world, action, done ? OUTCOME_DONE : OUTCOME_FAILED,
                 done ? TROUBLE_NONE : TROUBLE_SERVER_ERROR);
    if (done && action->kind == ACTION_CREATE_SERVER && world->runners < WORLD_MAX / 2)
        world_join(world, action);
}

struct world *core_play_world(void)
{
    struct world *world = world_new();
    world_configure(world, "billing.period", "4m");
    world_configure(world, "billing.window", "2m");
    world_configure(world, "rails.creates_per_minute", "1");
    world_configure(world, "rails.deletes_per_minute", "1");
    world_configure(world, "life.idle_timeout", "20s");
    world_configure(world, "life.remove_allowance", "10s");
    world_configure(world, "life.drain_deadline", "20s");
    world_start(world, NULL);
    return world;
}

static void lose_a_poll(struct world *world)
{
    const struct poll_trouble trouble = {.source = SOURCE_KUBE,
                                         .trouble = TROUBLE_TIMEOUT,
                                         .failures = 1,
                                         .text = "no answer in time"};
    world_step(world, &(struct core_event){.kind = CORE_POLL_TROUBLE, .u.poll_trouble = &trouble});
}

/* It comes back and knows of an action whose outcome it does not know. */
static void lose_the_actuator(struct world *world)
{
    const struct status_node *node = world_node(world);
    const struct unknown_action unknown = {.id = {.epoch = world->epoch, .counter = 1},
                                           .kind = ACTION_DRAIN_NODE,
                                           .node = node != NULL ? node->name : "nobody"};
    const struct actuator_state state = {
        .epoch = world->epoch, .counter = 1, .unknown = &unknown, .unknown_count = 1};
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
}

void core_play_round(struct world *world, struct core_play *play)
{
    if (roll(play, 10) == 0)
        lose_the_actuator(world);
    if (roll(play, 20) == 0)
        lose_a_poll(world);
    move_jobs(world, play);
    world_run(world, (int64_t)(1 + roll(play, 3)) * WORLD_POLL_MS);
    for (uint32_t i = 0; i < world->actions; i++)
        if (!world->action[i].answered)
            answer(world, play, &world->action[i]);
    if (world->actions > WORLD_ACTIONS / 2)
        world->actions = 0; /* all are answered */
}

static struct message *copy_of(enum message_id id, const void *body)
{
    struct error error;
    struct message *message = message_copy(id, body, &error);
    if (message == NULL)
        abort();
    return message;
}

struct core_event core_play_copy(const struct core_event *event)
{
    struct core_event copy = *event;
    struct message *message = NULL;
    if (event->kind == CORE_GITEA) {
        message = copy_of(MESSAGE_gitea_snapshot, event->u.gitea);
        copy.u.gitea = message_gitea_snapshot(message);
    } else if (event->kind == CORE_HETZNER) {
        message = copy_of(MESSAGE_hetzner_snapshot, event->u.hetzner);
        copy.u.hetzner = message_hetzner_snapshot(message);
    } else if (event->kind == CORE_KUBE) {
        message = copy_of(MESSAGE_kube_snapshot, event->u.kube);
        copy.u.kube = message_kube_snapshot(message);
    }
    copy.owner = message;
    return copy;
}

void core_play_end(struct core *core)
{
    void *owner[3];
    core_end(core, owner);
    for (unsigned i = 0; i < 3; i++)
        message_free(owner[i]);
}
