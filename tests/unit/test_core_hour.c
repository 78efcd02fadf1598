/* Promises of the paid hour: whose clock it goes by, how wide its window is, and what a teardown
 * was measured to take. Each was seen to fail with one line of the core wrong. May not: do I/O. */
#include "core_fixture.h"
#include "cunit_main.h"
#include "proto/message.h"

static struct world *begin(void)
{
    return world_begin("mode", "act");
}

/* The age of a server when its teardown began, with these settings and this clock. */
static int64_t age_at_teardown(const char *window, const char *close, int64_t skew_ms)
{
    struct world *world = world_new();
    uint64_t runner = 0;
    world_configure(world, "billing.window", window);
    world_configure(world, "billing.window_close", close);
    world->skew_ms = skew_ms;
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 1, &runner);
    int64_t created = world->server[0].created_ms;
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0 &&
           world->wall_ms - created < MINUTES(130))
        world_poll(world);
    int64_t age = world->wall_ms - created;
    world_free(world);
    return age;
}

static void test_the_hour_is_hetzners(void)
{
    int64_t age = age_at_teardown("10m", "1m", 0);
    CU_ASSERT_TRUE(age >= MINUTES(50) && age <= MINUTES(50) + 2 * WORLD_POLL_MS);
    age = age_at_teardown("10m", "1m", 25000); /* our clock is ahead by less than the limit */
    CU_ASSERT_TRUE(age >= MINUTES(50) && age <= MINUTES(50) + 2 * WORLD_POLL_MS);
}

static void test_a_short_window_is_as_wide_as_a_teardown(void)
{
    int64_t age = age_at_teardown("1m", "0s", 0);
    CU_ASSERT_TRUE(age > MINUTES(50) && age < MINUTES(60));
}

static void test_the_hour_goes_on_between_pictures(void)
{
    struct world *world = world_begin("billing.window", "10m");
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    int64_t created = world->server[0].created_ms;
    while (world->wall_ms - created < MINUTES(50) - 20000)
        world_poll(world);
    for (int i = 0; i < 5; i++) { /* Hetzner is slow, and not yet too old */
        world_advance(world, WORLD_POLL_MS);
        world_feed(world, SOURCE_KUBE);
        world_feed(world, SOURCE_GITEA);
    }
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_free(world);
}

static void test_clocks_that_disagree_either_way(void)
{
    for (int side = -1; side <= 1; side += 2) {
        struct world *world = begin();
        uint64_t runner = 0;
        world_serve_many(world, 1, &runner);
        world->skew_ms = side * MINUTES(5);
        world_run(world, MINUTES(58));
        CU_ASSERT_TRUE(world_alarm(world, ALARM_CLOCK));
        CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
        world_free(world);
    }
}

/* A teardown that took 200 s: an hour later the next one begins early enough for that, or not in
 * this hour. */
static void test_a_teardown_is_given_the_time_it_takes(void)
{
    struct world *world = world_begin("life.idle_timeout", "0s");
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0)
        world_poll(world);
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    world->runners = 0;
    world_run(world, 100000);
    world_answer(world, world_last(world, ACTION_DRAIN_NODE), OUTCOME_DONE, TROUBLE_NONE);
    world_run(world, 100000);
    world_answer(world, world_last(world, ACTION_REMOVE_NODE), OUTCOME_DONE, TROUBLE_NONE);
    world->servers = world->nodes = world->pods = 0;
    world_run(world, 10000);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    runner = world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_unlist_jobs(world);
    world_job(world, JOB_RUNNING, "linux", runner);
    int64_t created = world->server[0].created_ms;
    while (world->wall_ms - created < MINUTES(116))
        world_poll(world);
    world_unlist_jobs(world);
    while (world->wall_ms - created < MINUTES(121))
        world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1); /* the first machine's */
    world_free(world);
}

/* Gives a machine back but for its removal, which a person's protection holds. */
static void begin_a_held_teardown(struct world *world, uint64_t runner)
{
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0)
        world_poll(world);
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    world_unlist_runner(world, runner);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_DRAIN_NODE), OUTCOME_DONE, TROUBLE_NONE);
}

static void poll_and_hold(struct world *world)
{
    struct world_action *remove = world_last(world, ACTION_REMOVE_NODE);
    if (remove != NULL && !remove->answered)
        world_answer(world, remove, OUTCOME_FAILED, TROUBLE_PROTECTED);
    world_poll(world);
}

/* Two machines, one 24 minutes younger. The older one's teardown ends late, 6 minutes before the
 * hour of the other ends: longer than any teardown was known to take, shorter than this one. */
static struct world *world_with_a_slow_teardown(void)
{
    struct world *world = begin();
    uint64_t runner[2];
    world_serve_many(world, 1, runner);
    int64_t created = world->server[0].created_ms;
    while (world->wall_ms - created < MINUTES(24))
        world_poll(world);
    world_job(world, JOB_RUNNING, "linux", runner[0]);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    runner[1] = world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_unlist_jobs(world);
    begin_a_held_teardown(world, runner[0]);
    while (world->wall_ms - world->server[1].created_ms < MINUTES(54))
        poll_and_hold(world);
    while (world_last(world, ACTION_REMOVE_NODE)->answered)
        world_poll(world);
    return world;
}

static void test_a_slow_teardown_leaps_over_no_machine(void)
{
    struct world *world = world_with_a_slow_teardown();
    int64_t created = world->server[1].created_ms;
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_answer(world, world_last(world, ACTION_REMOVE_NODE), OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_TRUE(world->wall_ms - created < MINUTES(55));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

/* What a teardown took is remembered over a restart. */
static void test_a_restart_remembers_how_long_it_takes(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0)
        world_poll(world);
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    world->runners = 0;
    world_run(world, 30000);
    world_answer(world, world_last(world, ACTION_DRAIN_NODE), OUTCOME_DONE, TROUBLE_NONE);
    world_answer(world, world_last(world, ACTION_REMOVE_NODE), OUTCOME_DONE, TROUBLE_NONE);
    int64_t took = world->out->checkpoint->teardown_ms;
    CU_ASSERT_TRUE(took >= 30000);
    struct checkpoint copy = *world->out->checkpoint;
    struct error error;
    copy.sequence = 1;
    struct message *message = message_copy(MESSAGE_checkpoint, &copy, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    world_start(world, message_checkpoint(message));
    message_free(message);
    CU_ASSERT_EQUAL(world->out->checkpoint->teardown_ms, took);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the hour is Hetzner's", test_the_hour_is_hetzners},
        {"a short window", test_a_short_window_is_as_wide_as_a_teardown},
        {"the hour goes on between pictures", test_the_hour_goes_on_between_pictures},
        {"clocks that disagree either way", test_clocks_that_disagree_either_way},
        {"a teardown is given its time", test_a_teardown_is_given_the_time_it_takes},
        {"a slow teardown leaps over no machine", test_a_slow_teardown_leaps_over_no_machine},
        {"a restart: how long it takes", test_a_restart_remembers_how_long_it_takes},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_hour", tests);
}
