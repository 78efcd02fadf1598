/* Promises of several pools, and of rooms that nobody takes: whose job a free runner will do, which
 * pool's server comes first, and what is not rented for. */
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

/* A second pool `big`, of these labels. Nothing is started. */
static struct world *two_pools(const char *labels)
{
    struct world *world = world_new();
    world_configure(world, "pools[1].name", "big");
    world_configure(world, "pools[1].label_sets[0]", labels);
    world_configure(world, "pools[1].offers[0].server_type", "ccx33");
    world_configure(world, "pools[1].offers[0].location", "nbg1");
    return world;
}

static struct world *begin(struct world *world)
{
    world_start(world, NULL);
    world_poll(world);
    return world;
}

static uint32_t creates_of(const struct world *world, const char *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->actions; i++)
        count += world->action[i].kind == ACTION_CREATE_SERVER &&
                 strcmp(world->action[i].pool, pool) == 0;
    return count;
}

static unsigned lines_with(const struct world *world, const char *words)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < world->out->line_count; i++)
        count += strstr(world->out->line[i].text, words) != NULL;
    return count;
}

/* A machine that serves, of the last create; the job that called for it is gone. */
static uint64_t idle_machine(struct world *world, const char *label)
{
    world_job(world, JOB_RUNNABLE, label, 0);
    world_poll(world);
    uint64_t runner = world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_unlist_jobs(world);
    world_run(world, MINUTES(2));
    return runner;
}

/* ------------------------------------------------------------------------- whose runner takes it
 */

static void test_a_free_runner_of_another_pool_is_room(void)
{
    struct world *world = begin(two_pools("[linux, big]"));
    idle_machine(world, "big");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 0);
    world_job(world, JOB_RUNNABLE, "linux", 0); /* one runner takes one job */
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1);
    world_free(world);
}

static void test_what_it_cannot_do_is_no_room(void)
{
    struct world *world = begin(two_pools("[big]"));
    idle_machine(world, "big");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1);
    world_free(world);
}

static void test_its_own_jobs_come_first(void)
{
    struct world *world = begin(two_pools("[linux, big]"));
    idle_machine(world, "big");
    world_job(world, JOB_RUNNABLE, "big", 0);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    world_free(world);
}

/* In its last minutes, and a job of the other pool waits for it. */
static void test_what_is_lent_is_not_given_back(void)
{
    struct world *world = begin(two_pools("[linux, big]"));
    uint64_t runner = idle_machine(world, "big");
    world_run(world, MINUTES(45));
    CU_ASSERT_PTR_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    uint32_t job = world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(8));
    CU_ASSERT_PTR_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world->job[job].status = JOB_RUNNING;
    world->job[job].runner_id = runner;
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

/* -------------------------------------------------------------------------------- whose turn it is
 */

static void test_no_pool_waits_behind_all_of_another(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "rails.max_servers", "20");
    world_configure(world, "pools[0].max", "12");
    world_configure(world, "rails.creates_per_minute", "2");
    begin(world);
    for (unsigned i = 0; i < 12; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_job(world, JOB_RUNNABLE, "big", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    world_free(world);
}

/* Three pools, one server a minute: each gets its turn. */
static void test_the_turn_goes_round(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "pools[2].name", "arm");
    world_configure(world, "pools[2].label_sets[0]", "[arm]");
    world_configure(world, "pools[2].offers[0].server_type", "ccx33");
    world_configure(world, "pools[2].offers[0].location", "nbg1");
    world_configure(world, "rails.creates_per_minute", "1");
    begin(world);
    for (unsigned i = 0; i < 3; i++) {
        world_job(world, JOB_RUNNABLE, "linux", 0);
        world_job(world, JOB_RUNNABLE, "big", 0);
        world_job(world, JOB_RUNNABLE, "arm", 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        world_poll(world);
        world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_DONE, TROUBLE_NONE);
        world_run(world, MINUTES(1));
    }
    CU_ASSERT(creates_of(world, "linux") >= 1 && creates_of(world, "big") >= 1);
    CU_ASSERT(creates_of(world, "arm") >= 1);
    world_free(world);
}

static void test_what_a_pool_keeps_comes_first(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "pools[1].min", "1");
    world_configure(world, "rails.creates_per_minute", "1");
    world_start(world, NULL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 0);
    world_free(world);
}

/* The rail's last place is the other pool's, which cannot have it yet. */
static void test_a_place_is_kept_for_a_minimum(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "pools[0].max", "2");
    world_configure(world, "pools[1].max", "2");
    world_configure(world, "pools[1].min", "1");
    world_configure(world, "rails.max_servers", "2");
    world_configure(world, "pools[1].offers[0].location", "hel1"); /* sold nowhere: no price */
    begin(world);
    for (unsigned i = 0; i < 2; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1);
    CU_ASSERT(world_alarm(world, ALARM_RAIL));
    world_free(world);
}

static void test_one_pools_quota_does_not_hold_another(void)
{
    struct world *world = begin(two_pools("[big]"));
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_QUOTA);
    world_job(world, JOB_RUNNABLE, "big", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(creates_of(world, "linux"), 1); /* it waits for rails.sold_out_pause */
    world_free(world);
}

/* Answers each create of a pool so for a while. */
static void refuse_all(struct world *world, const char *pool, unsigned polls)
{
    for (unsigned i = 0; i < polls; i++) {
        struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
        if (!create->answered && strcmp(create->pool, pool) == 0)
            world_answer(world, create, OUTCOME_REFUSED, TROUBLE_RAIL);
        world_poll(world);
    }
}

/* Strangers bear our label, say: the actuator refuses what one pool needs, again and again. */
static void test_one_pools_refusal_does_not_hold_another(void)
{
    struct world *world = begin(two_pools("[big]"));
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    refuse_all(world, "linux", 60);
    CU_ASSERT(creates_of(world, "linux") > 3);
    CU_ASSERT(creates_of(world, "linux") < 14); /* with pauses of up to a minute */
    CU_ASSERT(world_alarm(world, ALARM_RAIL));
    uint32_t refused = creates_of(world, "linux");
    world_job(world, JOB_RUNNABLE, "big", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT(world_alarm(world, ALARM_RAIL)); /* that goes on, however well the other's go */
    refuse_all(world, "linux", 12);
    CU_ASSERT(creates_of(world, "linux") <= refused + 2); /* nor do its pauses begin anew */
    world_free(world);
}

/* The refused ones are no creates of rails.creates_per_minute: the other pool's are not held. */
static void test_what_is_refused_is_no_create(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "rails.creates_per_minute", "1");
    begin(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_REFUSED, TROUBLE_RAIL);
    world_unlist_jobs(world);
    world_job(world, JOB_RUNNABLE, "big", 0);
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_EQUAL(creates_of(world, "big"), 1);
    world_free(world);
}

/* Every offer of one pool is sold out, and its job waits; the other one is not concerned. */
static void test_a_sold_out_pool_is_said(void)
{
    struct world *world = two_pools("[big]");
    world_configure(world, "pools[0].offers[1].server_type", "ccx33");
    world_configure(world, "pools[0].offers[1].location", "fsn1");
    begin(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_SOLD_OUT)); /* the second offer is tried */
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_SOLD_OUT));
    CU_ASSERT_STRING_EQUAL(world->out->status->alarms[0].subject, "linux");
    world_unlist_jobs(world);
    world_poll(world);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_SOLD_OUT)); /* nobody wants one any more */
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_SOLD_OUT));
    world_run(world, world->config->rails.sold_out_pause_ms);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_SOLD_OUT));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 3);
    world_free(world);
}

/* ------------------------------------------------------------------------------ what nobody takes
 */

/* The machines' runners were given fewer labels than the configuration says. */
static struct world *mislabelled(uint32_t jobs)
{
    struct world *world = world_new();
    world_configure(world, "pools[0].label_sets[0]", "[linux, gpu]");
    begin(world);
    for (uint32_t i = 0; i < jobs; i++)
        world_job(world, JOB_RUNNABLE, "gpu", 0);
    world_poll(world);
    return world;
}

static void serve_all(struct world *world)
{
    for (uint32_t i = 0; i < world->actions; i++) {
        struct world_action *create = &world->action[i];
        if (create->kind != ACTION_CREATE_SERVER || create->answered)
            continue;
        world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
        world_runner(world, world_join(world, create))->labels_count = 1;
    }
}

static void test_a_job_that_nobody_takes_is_said(void)
{
    struct world *world = mislabelled(1);
    serve_all(world);
    world_run(world, MINUTES(9));
    CU_ASSERT_FALSE(world_alarm(world, ALARM_UNTAKEN));
    world_run(world, MINUTES(2));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_UNTAKEN));
    world_unlist_jobs(world);
    world_poll(world);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_UNTAKEN));
    world_free(world);
}

/* A runner that takes other jobs, one at a look, is no runner that nobody asks. */
static void test_a_job_that_has_just_come_is_not_such_a_one(void)
{
    struct world *world = mislabelled(1);
    serve_all(world);
    for (unsigned i = 0; i < 200; i++) {
        world_unlist_jobs(world);
        world_job(world, JOB_RUNNABLE, "gpu", 0);
        world_poll(world);
    }
    CU_ASSERT_FALSE(world_alarm(world, ALARM_UNTAKEN));
    world_free(world);
}

static void test_no_machine_is_kept_for_it(void)
{
    struct world *world = mislabelled(1);
    serve_all(world);
    world_run(world, MINUTES(50));
    CU_ASSERT_PTR_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world_run(world, MINUTES(9));
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_UNTAKEN)); /* also when its machine is going */
    world_free(world);
}

/* One that comes later, and that nobody takes either. */
static void test_nor_for_a_later_one(void)
{
    struct world *world = mislabelled(1);
    serve_all(world);
    world_run(world, MINUTES(20));
    world_job(world, JOB_RUNNABLE, "gpu", 0);
    world_run(world, MINUTES(39));
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world_free(world);
}

/* Eight such jobs got what max allows; from then on one machine is tried at a time. */
static void test_one_machine_at_a_time_is_tried_for_it(void)
{
    struct world *world = mislabelled(8);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 5);
    serve_all(world);
    world_run(world, MINUTES(59));
    CU_ASSERT(world_count(world, ACTION_DEREGISTER_RUNNERS) >= 5);
    world->servers = world->nodes = world->pods = world->runners = 0;
    for (uint32_t i = 0; i < world->actions; i++)
        if (!world->action[i].answered)
            world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    world_run(world, MINUTES(5));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 6);
    world_free(world);
}

/* While a machine lives, jobs that are taken get theirs beside it. */
static void test_other_jobs_get_what_they_need(void)
{
    struct world *world = mislabelled(1);
    serve_all(world);
    world_run(world, MINUTES(15));
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

/* --------------------------------------------------------------------------- creates, observing */

static void test_lost_creates_do_not_wait_for_each_other(void)
{
    struct world *world = begin(world_new());
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_answer(world, &world->action[0], OUTCOME_UNKNOWN, TROUBLE_TIMEOUT);
    world_answer(world, &world->action[1], OUTCOME_UNKNOWN, TROUBLE_TIMEOUT);
    world->jobs = 1;
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 3);
    CU_ASSERT_STRING_EQUAL(world->action[2].node, world->action[0].node);
    world_free(world);
}

static void test_observing_says_a_pools_wish_once(void)
{
    struct world *world = two_pools("[big]");
    unsigned linux = 0, big = 0;
    world_configure(world, "mode", "observe");
    begin(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_job(world, JOB_RUNNABLE, "big", 0);
    for (unsigned i = 0; i < 20; i++) {
        world_advance(world, WORLD_POLL_MS);
        for (unsigned source = 0; source < source_count; source++) {
            world_feed(world, (enum source)source);
            linux += lines_with(world, "create_server 1 times in pool linux");
            big += lines_with(world, "create_server 1 times in pool big");
        }
    }
    CU_ASSERT_EQUAL(linux, 1);
    CU_ASSERT_EQUAL(big, 1);
    world_free(world);
}

static void test_observing_says_once_what_would_go(void)
{
    struct world *world = begin(world_new());
    unsigned said = 0;
    idle_machine(world, "linux");
    world_configure(world, "mode", "observe");
    world_restart(world);
    for (unsigned i = 0; i < 12 * 60; i++) {
        world_advance(world, WORLD_POLL_MS);
        for (unsigned source = 0; source < source_count; source++) {
            world_feed(world, (enum source)source);
            said += lines_with(world, "observe: would deregister_runner");
        }
    }
    CU_ASSERT_EQUAL(said, 1);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a free runner of another pool is room", test_a_free_runner_of_another_pool_is_room},
        {"what it cannot do is no room", test_what_it_cannot_do_is_no_room},
        {"its own jobs come first", test_its_own_jobs_come_first},
        {"what is lent is not given back", test_what_is_lent_is_not_given_back},
        {"no pool waits behind all of another", test_no_pool_waits_behind_all_of_another},
        {"the turn goes round", test_the_turn_goes_round},
        {"what a pool keeps comes first", test_what_a_pool_keeps_comes_first},
        {"a place is kept for a minimum", test_a_place_is_kept_for_a_minimum},
        {"one pool's quota does not hold another", test_one_pools_quota_does_not_hold_another},
        {"what is refused is no create", test_what_is_refused_is_no_create},
        {"one pool's refusal does not hold another", test_one_pools_refusal_does_not_hold_another},
        {"a sold-out pool is said", test_a_sold_out_pool_is_said},
        {"a job that nobody takes is said", test_a_job_that_nobody_takes_is_said},
        {"a job that has just come is not such a one",
         test_a_job_that_has_just_come_is_not_such_a_one},
        {"no machine is kept for it", test_no_machine_is_kept_for_it},
        {"nor for a later one", test_nor_for_a_later_one},
        {"one machine at a time is tried for it", test_one_machine_at_a_time_is_tried_for_it},
        {"other jobs get what they need", test_other_jobs_get_what_they_need},
        {"lost creates do not wait for each other", test_lost_creates_do_not_wait_for_each_other},
        {"observing says a pool's wish once", test_observing_says_a_pools_wish_once},
        {"observing says once what would go", test_observing_says_once_what_would_go},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_pools", tests);
}
