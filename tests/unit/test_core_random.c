/* The core under a random world: whatever happens, the rails hold. A seed is a test: it is printed
 * where an invariant breaks. May not: do I/O but printing. */
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

#define SEEDS  30
#define ROUNDS 300

static uint64_t state;

static uint32_t roll(uint32_t sides)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % sides;
}

static void finish_some_jobs(struct world *world)
{
    for (uint32_t i = 0; i < world->jobs; i++)
        if (roll(4) == 0)
            world->job[i] = world->job[--world->jobs];
}

static bool has_job(const struct world *world, uint64_t runner)
{
    for (uint32_t i = 0; i < world->jobs; i++)
        if (world->job[i].status == JOB_RUNNING && world->job[i].runner_id == runner)
            return true;
    return false;
}

static void pick_jobs(struct world *world)
{
    for (uint32_t r = 0; r < world->runners; r++)
        for (uint32_t i = 0; i < world->jobs && !has_job(world, world->runner[r].id); i++)
            if (world->job[i].status == JOB_RUNNABLE && world->runner[r].online) {
                world->job[i].status = JOB_RUNNING;
                world->job[i].runner_id = world->runner[r].id;
            }
}

/* Does what an actuator would, with every outcome that it may have. */
static void answer_one(struct world *world, struct world_action *action)
{
    bool done = roll(3) != 0;
    if (action->kind == ACTION_CREATE_SERVER) {
        world_answer(world, action, done ? OUTCOME_DONE : OUTCOME_FAILED,
                     done ? TROUBLE_NONE : TROUBLE_SOLD_OUT);
        if (done && world->runners < WORLD_MAX / 2 && roll(5) != 0)
            world_join(world, action);
        return;
    }
    for (uint32_t i = 0; i < action->runners; i++)
        if (has_job(world, action->runner[i])) {
            world_answer(world, action, OUTCOME_HAS_JOB, TROUBLE_NONE);
            return;
        }
    if (done && action->kind == ACTION_DEREGISTER_RUNNERS)
        for (uint32_t i = 0; i < action->runners; i++)
            world_unlist_runner(world, action->runner[i]);
    if (done && action->kind == ACTION_REMOVE_NODE) {
        world_unlist_node(world, action->node);
        world_unlist_server(world, action->node);
    }
    world_answer(world, action, done ? OUTCOME_DONE : OUTCOME_FAILED,
                 done ? TROUBLE_NONE : TROUBLE_SERVER_ERROR);
}

/* Never more servers than the rails allow; one action in flight a node at most. */
static bool invariants_hold(const struct world *world)
{
    if (world->out->status->nodes_count > 5 || world->servers > 5)
        return false;
    for (uint32_t i = 0; i < world->actions; i++)
        for (uint32_t j = i + 1; j < world->actions; j++)
            if (!world->action[i].answered && !world->action[j].answered &&
                strcmp(world->action[i].node, world->action[j].node) == 0)
                return false;
    return true;
}

static uint64_t play(uint64_t seed, bool *held)
{
    struct world *world = world_new();
    state = seed;
    world_start(world, NULL);
    for (int round = 0; round < ROUNDS && *held; round++) {
        if (roll(3) == 0 && world->jobs < WORLD_MAX / 2)
            world_job(world, roll(5) == 0 ? JOB_BLOCKED : JOB_RUNNABLE, "linux", 0);
        finish_some_jobs(world);
        pick_jobs(world);
        world_run(world, (int64_t)(1 + roll(8)) * WORLD_POLL_MS);
        *held = invariants_hold(world);
        for (uint32_t i = 0; i < world->actions && *held; i++)
            if (!world->action[i].answered)
                answer_one(world, &world->action[i]);
        if (world->actions > WORLD_ACTIONS / 2)
            world->actions = 0; /* all are answered */
    }
    uint64_t digest = core_digest(world->core);
    world_free(world);
    return digest;
}

static void test_rails_hold(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bool held = true;
        play(seed, &held);
        if (!held)
            printf("\n    seed %llu breaks an invariant\n", (unsigned long long)seed);
        CU_ASSERT_TRUE(held);
    }
}

static void test_same_input_same_output(void)
{
    bool held = true;
    CU_ASSERT_EQUAL(play(7, &held), play(7, &held));
    CU_ASSERT_NOT_EQUAL(play(7, &held), play(8, &held));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the rails hold whatever happens", test_rails_hold},
        {"same input, same output", test_same_input_same_output},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_random", tests);
}
