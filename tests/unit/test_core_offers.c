/* What counts against an offer, and how often: a machine that came to nothing, once; and until when
 * what counts against all creates. May not: know how offers are chosen. */
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

/* A world whose one create met the limit of the project. */
static struct world *at_the_limit(void)
{
    struct world *world = world_begin("rails.sold_out_pause", "5m");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_QUOTA);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_QUOTA));
    return world;
}

static void test_a_limit_that_nobody_meets_any_more(void)
{
    struct world *world = at_the_limit();
    world_unlist_jobs(world); /* the job is cancelled */
    world_run(world, MINUTES(4));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_QUOTA)); /* none would be asked for yet */
    world_run(world, MINUTES(2));
    CU_ASSERT_FALSE(world_alarm(world, ALARM_QUOTA));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

/* Nothing happens at all, and the alarm ends with the pause. */
static void test_the_end_of_the_pause_is_a_wake_up(void)
{
    struct world *world = at_the_limit();
    world_unlist_jobs(world);
    world_poll(world);
    world_run(world, MINUTES(5) - 3 * WORLD_POLL_MS);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_QUOTA));
    CU_ASSERT_TRUE(world->out->wake_ms <= world->mono_ms + 2 * WORLD_POLL_MS);
    world_free(world);
}

static void test_a_limit_that_is_met_still(void)
{
    struct world *world = at_the_limit();
    for (int64_t ms = 0; ms < MINUTES(12); ms += WORLD_POLL_MS) {
        struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
        if (!create->answered && ms % (3 * WORLD_POLL_MS) == 0) /* answered late */
            world_answer(world, create, OUTCOME_FAILED, TROUBLE_QUOTA);
        world_poll(world);
        CU_ASSERT_TRUE(world_alarm(world, ALARM_QUOTA)); /* also while one is asked again */
    }
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 3);
    world_free(world);
}

static void test_a_create_that_succeeds_ends_the_row(void)
{
    struct world *world = world_begin("pools[0].max", "5");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (unsigned i = 0; i < 2; i++) {
        world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED,
                     TROUBLE_RATE_LIMITED);
        world_run(world, MINUTES(1));
    }
    struct world_action *third = world_last(world, ACTION_CREATE_SERVER);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action *fourth = world_last(world, ACTION_CREATE_SERVER);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 4);
    world_answer(world, third, OUTCOME_DONE, TROUBLE_NONE);
    world_answer(world, fourth, OUTCOME_FAILED, TROUBLE_RATE_LIMITED);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STEP_FAILS)); /* the first in a row, not the third */
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a lost create fails once", test_a_lost_create_fails_once},
        {"a machine fails once", test_a_machine_fails_once},
        {"a limit that nobody meets any more", test_a_limit_that_nobody_meets_any_more},
        {"the end of the pause is a wake-up", test_the_end_of_the_pause_is_a_wake_up},
        {"a limit that is met still", test_a_limit_that_is_met_still},
        {"a create that succeeds ends the row", test_a_create_that_succeeds_ends_the_row},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_offers", tests);
}
