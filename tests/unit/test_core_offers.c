/* What counts against an offer, and how often: a machine that came to nothing, once. May not: know
 * how offers are chosen. */
#include "core_fixture.h"
#include "cunit_main.h"

/* As the checkpoint has it: 0 where nothing is remembered. */
static uint64_t failures(const struct world *world)
{
    const struct checkpoint *checkpoint = world->out->checkpoint;
    return checkpoint->offers_count > 0 ? checkpoint->offers[0].failures : 0;
}

/* The first create is asked again and again, each answer comes late and says nothing. */
static void test_a_lost_create_fails_once(void)
{
    struct world *world = world_begin("pools[0].max", "1");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (unsigned i = 0; i < 11 * 60000 / WORLD_POLL_MS; i++) {
        struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
        if (!create->answered && i % 4 == 3)
            world_answer(world, create, OUTCOME_UNKNOWN, TROUBLE_TIMEOUT);
        world_poll(world);
        CU_ASSERT_FALSE(world_alarm(world, ALARM_OFFER_FAILS));
    }
    CU_ASSERT_EQUAL(failures(world), 1);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1); /* another one in its place */
    world_free(world);
}

/* A machine that never joins: of a core that acts, or of one that only says what it would do. */
static void never_joins(const char *mode, bool create_failed)
{
    struct world *world = world_begin("pools[0].max", "1");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_DONE, TROUBLE_NONE);
    world_unlist_jobs(world);
    world_poll(world);
    world_configure(world, "mode", mode);
    world_restart(world);
    world_poll(world);
    CU_ASSERT_EQUAL(failures(world), 0);
    world->server[0].create_failed = create_failed;
    world_run(world, MINUTES(15));
    CU_ASSERT_EQUAL(failures(world), 1);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_OFFER_FAILS));
    world_free(world);
}

static void test_a_machine_fails_once(void)
{
    never_joins("act", false);
    never_joins("act", true);
    never_joins("observe", false);
    never_joins("observe", true);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a lost create fails once", test_a_lost_create_fails_once},
        {"a machine fails once", test_a_machine_fails_once},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_offers", tests);
}
