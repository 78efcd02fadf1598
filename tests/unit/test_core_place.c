/* Whose place counts in a pool's max and in the rails: a machine on its way out has one for as long
 * as its server may be there, and no longer. May not: know how the core counts. */
#include "core_fixture.h"
#include "cunit_main.h"

static void answer(struct world *world, enum action_kind kind, enum outcome outcome)
{
    struct world_action *action = world_last(world, kind);
    CU_ASSERT_PTR_NOT_NULL_FATAL(action);
    world_answer(world, action, outcome, TROUBLE_NONE);
}

/* The only machine that may be there; its pod is gone, and it goes, since nobody needs it. */
static struct world *leaving(void)
{
    uint64_t runner = 0;
    struct world *world = world_begin("life.idle_timeout", "0s");
    world_configure(world, "pools[0].max", "1");
    world_configure(world, "rails.max_servers", "1");
    world_serve_many(world, 1, &runner);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0 && world->mono_ms < MINUTES(100))
        world_poll(world);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_DONE);
    world_unlist_runner(world, runner);
    world_poll(world);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_DONE);
    world_poll(world);
    CU_ASSERT_EQUAL_FATAL(world_state(world, 0), NODE_REMOVING);
    return world;
}

/* Its removal is refused for ever, as where a stranger's Kubernetes node has its name; a job waits
 * meanwhile. How many servers were asked for then. */
static uint32_t creates_while_held(struct world *world)
{
    world_job(world, JOB_RUNNABLE, "linux", 0);
    for (uint32_t i = 0; i < 60; i++) {
        struct world_action *remove = world_last(world, ACTION_REMOVE_NODE);
        if (remove != NULL && !remove->answered)
            world_answer(world, remove, OUTCOME_REFUSED, TROUBLE_RAIL);
        struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
        if (!create->answered)
            world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
        world_poll(world);
    }
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_REMOVING);
    return world_count(world, ACTION_CREATE_SERVER);
}

static void test_a_server_that_is_gone_takes_no_place(void)
{
    struct world *world = leaving();
    world->servers = 0;
    CU_ASSERT_EQUAL(creates_while_held(world), 2);
    CU_ASSERT_EQUAL(world->out->status->pools[0].servers, 1); /* the new one alone */
    CU_ASSERT_EQUAL(world->out->status->hourly_micro, 100000);
    world_free(world);
}

static void test_nor_a_share_of_the_money(void)
{
    struct world *world = leaving();
    world_configure(world, "rails.max_hourly_cost", "0.1");
    world->servers = 0;
    CU_ASSERT_EQUAL(creates_while_held(world), 2);
    world_free(world);
}

static void test_one_that_is_there_takes_its_place(void)
{
    struct world *world = leaving();
    CU_ASSERT_EQUAL(creates_while_held(world), 1);
    world_free(world);
}

static void test_the_rail_counts_it_likewise(void)
{
    struct world *world = leaving();
    world_configure(world, "pools[0].max", "5");
    CU_ASSERT_EQUAL(creates_while_held(world), 1);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_RAIL));
    world_free(world);
}

/* All servers vanish from one list at once, and one of them was on its way: they may all be there.
 */
static void test_what_is_doubted_takes_its_place(void)
{
    uint64_t runner[4];
    struct world *world = world_begin("life.idle_timeout", "0s");
    world_configure(world, "pools[0].max", "4");
    world_serve_many(world, 4, runner);
    for (uint32_t i = 1; i < 4; i++)
        world_job(world, JOB_RUNNING, "linux", runner[i]);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0 && world->mono_ms < MINUTES(100))
        world_poll(world);
    world->servers = 0;
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(20));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 4);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a server that is gone takes no place", test_a_server_that_is_gone_takes_no_place},
        {"nor a share of the money", test_nor_a_share_of_the_money},
        {"one that is there takes its place", test_one_that_is_there_takes_its_place},
        {"the rail counts it likewise", test_the_rail_counts_it_likewise},
        {"what is doubted takes its place", test_what_is_doubted_takes_its_place},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_place", tests);
}
