/* Further promises of the core: machines with several runners, runners told by their node's name,
 * a smaller max, a create that failed, the window's end, a person's fence, a lost actuator. May
 * not: do I/O. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "core_fixture.h"
#include "cunit_main.h"

static struct world *begin(void)
{
    return world_begin("mode", "act");
}

/* How many machines were asked for so; what is not answered is asked again, and counts once. */
static uint32_t machines(const struct world *world, enum action_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->actions; i++) {
        bool again = world->action[i].kind != kind;
        for (uint32_t k = 0; k < i && !again; k++)
            again = world->action[k].kind == kind &&
                    strcmp(world->action[k].node, world->action[i].node) == 0;
        count += !again;
    }
    return count;
}

static void end_job(struct world *world, uint32_t job)
{
    world->job[job] = world->job[--world->jobs];
}

static void reload(struct world *world, const char *path, const char *value)
{
    world_configure(world, path, value);
    world_step(world, &(struct core_event){.kind = CORE_CONFIGURED, .u.config = world->config});
}

/* A second runner on the world's first machine: a pod of its own, `name`, which must live on. */
static uint64_t second_runner(struct world *world, const char *name)
{
    world->pod[world->pods] = world->pod[0];
    world->pod[world->pods].uid = name;
    world->pod[world->pods++].name = name;
    world->runner[world->runners] = world->runner[0];
    world->runner[world->runners].id = world->next_id++;
    world->runner[world->runners].name = name;
    return world->runner[world->runners++].id;
}

static void test_demand_counts_slots(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    for (int i = 0; i < 3; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(machines(world, ACTION_CREATE_SERVER), 2); /* 3 jobs, 2 a machine */
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(machines(world, ACTION_CREATE_SERVER), 2); /* the fourth slot */
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(machines(world, ACTION_CREATE_SERVER), 3);
    world_free(world);
}

static void test_a_free_slot_is_room(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    (void)second_runner(world, "second-a");
    world_job(world, JOB_RUNNING, "linux", first);
    world_run(world, MINUTES(12)); /* past provision_timeout: nothing counts as coming any more */
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

static void test_one_job_of_two_keeps_it_busy(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    uint64_t second = second_runner(world, "second-b");
    world_job(world, JOB_RUNNING, "linux", second);
    for (int i = 0; i < 1440; i++) { /* two hours: two windows pass */
        world_poll(world);
        CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    }
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    end_job(world, 0);
    world_run(world, MINUTES(60));
    struct world_action *asked = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
    CU_ASSERT_EQUAL(asked->runners, 2); /* both registrations go with it */
    CU_ASSERT_TRUE(asked->runner[0] == first || asked->runner[1] == first);
    CU_ASSERT_TRUE(asked->runner[0] == second || asked->runner[1] == second);
    world_free(world);
}

/* Matched by its node's name, a runner is named as the node, or so and a dash and more. */
static void test_runners_by_node_name(void)
{
    static char longer[WORLD_NAME], dashed[WORLD_NAME];
    struct world *world = world_begin("gitea.runner_match", "node-name");
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    uint64_t runner = world_join(world, &world->action[0]);
    const char *node = world->action[0].node;
    snprintf(longer, sizeof longer, "%.40s0", node);
    snprintf(dashed, sizeof dashed, "%.40s-x7-k2", node);
    world_run(world, MINUTES(1)); /* named as its pod: no node has that name */
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_runner(world, runner)->name = longer; /* another node's, a digit longer */
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_runner(world, runner)->name = dashed;
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_run(world, MINUTES(60));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_free(world);
}

static void test_a_smaller_max_takes_idle_nodes_only(void)
{
    struct world *world = begin();
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_job(world, JOB_RUNNING, "linux", runner[0]);
    world_job(world, JOB_RUNNING, "linux", runner[2]);
    world_run(world, MINUTES(1));
    reload(world, "pools[0].max", "3");
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 1); /* no more than must */
    reload(world, "pools[0].max", "1");
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 2);
    for (uint32_t i = 0; i < world->actions; i++) {
        if (world->action[i].kind != ACTION_DEREGISTER_RUNNERS)
            continue;
        CU_ASSERT_EQUAL(world->action[i].reason, REASON_OVER_MAX);
        CU_ASSERT_TRUE(world->action[i].runner[0] == runner[1] ||
                       world->action[i].runner[0] == runner[3]);
    }
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_state(world, 2), NODE_BUSY);
    end_job(world, 0);
    world_run(world, MINUTES(1)); /* and when a job ends, its node; the last one stays */
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 3);
    end_job(world, 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 3);
    world_free(world);
}

static void test_a_failed_create_is_removed(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    world_poll(world);
    CU_ASSERT_EQUAL(world->actions, 1);
    world->server[0].create_failed = true;
    world_poll(world);
    struct world_action *asked = world_last(world, ACTION_REMOVE_NODE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
    CU_ASSERT_STRING_EQUAL(asked->node, world->action[0].node);
    CU_ASSERT_EQUAL(asked->reason, REASON_CREATE_FAILED);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2); /* the job still waits */
    CU_ASSERT_STRING_NOT_EQUAL(world_last(world, ACTION_CREATE_SERVER)->node, asked->node);
    world_free(world);
}

/* Minutes of the paid hour left when the teardown began, of a job that ended at `ended_min`. */
static int64_t left_at_teardown(int64_t ended_min, int64_t *began_min)
{
    struct world *world = world_new();
    uint64_t runner = 0;
    world_configure(world, "life.idle_timeout", "0s");
    world_configure(world, "billing.window", "5m");
    world_configure(world, "billing.window_close", "2m");
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 1, &runner);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_poll(world);
    int64_t created = world->server[0].created_ms;
    while (world->wall_ms < created + MINUTES(180) &&
           world_count(world, ACTION_DEREGISTER_RUNNERS) == 0) {
        if (world->jobs > 0 && world->wall_ms >= created + MINUTES(ended_min))
            end_job(world, 0);
        world_poll(world);
    }
    int64_t age = world->wall_ms - created;
    world_free(world);
    *began_min = age / MINUTES(1);
    return MINUTES(60) - age % MINUTES(60);
}

static void test_no_teardown_begins_too_late(void)
{
    /* when the job ends, and the earliest and the latest minute at which its machine may go */
    static const int64_t rows[][3] = {
        {20, 55, 57}, {54, 55, 57}, {56, 56, 57}, {58, 115, 117}, {59, 115, 117}, {61, 115, 117},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t began = 0;
        int64_t left = left_at_teardown(rows[i][0], &began);
        CU_ASSERT_TRUE(began >= rows[i][1] && began <= rows[i][2]);
        CU_ASSERT_TRUE(left <= MINUTES(5) && left >= MINUTES(2));
    }
}

static void test_a_fenced_node_is_no_room_until_it_is_enabled(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(1));
    world_runner(world, runner)->disabled = true; /* by a person */
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world->actions, 1);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2); /* it gives no room */
    world_unlist_jobs(world);
    (void)world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    reload(world, "pools[0].max", "1");
    world_run(world, MINUTES(130)); /* over max, and two windows: the other one goes */
    for (uint32_t i = 0; i < world->actions; i++)
        CU_ASSERT_TRUE(world->action[i].kind == ACTION_CREATE_SERVER ||
                       strcmp(world->action[i].node, world->action[0].node) != 0);
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    world_runner(world, runner)->disabled = false;
    world_run(world, MINUTES(60));
    CU_ASSERT_FALSE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

/* Of two runners a person fenced one: the other rests, and the node is left alone all the same. */
static void test_one_fence_of_two_keeps_the_node(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    for (int i = 0; i < 3; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    (void)world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_unlist_jobs(world);
    uint64_t second = second_runner(world, "second-c");
    world_run(world, MINUTES(1)); /* both rest */
    world_runner(world, second)->disabled = true;
    world_run(world, MINUTES(130));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(machines(world, ACTION_DEREGISTER_RUNNERS), 1); /* the other one's */
    CU_ASSERT_STRING_NOT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->node,
                               world->action[0].node);
    world_free(world);
}

/* An offer that rests does so wherever it stands in the list; one that takes its place is open. */
static void test_an_offer_is_remembered_by_name(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world->actions, 1); /* nbg1 rests, and is the only one */
    world_configure(world, "pools[0].offers[1].server_type", "ccx33");
    world_configure(world, "pools[0].offers[1].location", "nbg1");
    reload(world, "pools[0].offers[0].location", "fsn1");
    CU_ASSERT_EQUAL_FATAL(world->out->action_count, 1);
    CU_ASSERT_STRING_EQUAL(world->out->action[0].action.location, "fsn1");
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world->actions, 2); /* nbg1 rests still, now as the second */
    world_free(world);
}

/* What cannot be written down is not done, and it is said at once; when it can, that is over. */
static void test_a_full_disk_is_said_at_once(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_FAILED, TROUBLE_STORAGE);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STORAGE));
    world_run(world, MINUTES(1));
    world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STORAGE));
    world_unlist_jobs(world);
    world_run(world, MINUTES(57));
    struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    world_answer(world, step, OUTCOME_FAILED, TROUBLE_STORAGE);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STORAGE));
    world_run(world, 10000);
    step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    world_answer(world, step, OUTCOME_AGAIN, TROUBLE_NONE);
    world_poll(world);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STORAGE));
    world_free(world);
}

static void lose_actuator(struct world *world)
{
    world_step(world, &(struct core_event){.kind = CORE_ACTUATOR_LOST});
}

static void find_actuator(struct world *world)
{
    struct actuator_state state = {.epoch = world->epoch, .counter = 1};
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
}

static void test_a_create_that_happened_is_not_asked_twice(void)
{
    static struct label label[] = {{SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE},
                                   {SERVER_LABEL_CLUSTER, "default"},
                                   {SERVER_LABEL_POOL, "linux"},
                                   {SERVER_LABEL_ID, "1-1"}};
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    lose_actuator(world);
    world->server[world->servers++] = (struct hetzner_server){.id = 4711,
                                                              .name = world->action[0].node,
                                                              .status = SERVER_RUNNING,
                                                              .created_ms = world->wall_ms,
                                                              .server_type = "ccx33",
                                                              .location = "nbg1",
                                                              .labels = label,
                                                              .labels_count = 4};
    find_actuator(world);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world->actions, 1);
    CU_ASSERT_EQUAL(world_node(world)->server_id, 4711);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STRANGER));
    world_free(world);
}

static void test_a_step_in_flight_is_looked_at_first(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(56));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    lose_actuator(world);
    find_actuator(world);
    /* asked again only when pictures begun since then are there, of all three */
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_NOT_EQUAL(world->out->poll_now, 0);
    world_step(world, &(struct core_event){.kind = CORE_TICK});
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2); /* once, and waited for */
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->runner[0], runner);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 0);
    world_free(world);
}

static void test_nobody_is_asked_while_the_actuator_is_lost(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    lose_actuator(world);
    world_job(world, JOB_RUNNING, "linux", runner);
    for (int i = 0; i < 2; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(20));
    CU_ASSERT_EQUAL(world->actions, 1);
    find_actuator(world);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 3);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"demand counts slots", test_demand_counts_slots},
        {"a free slot is room", test_a_free_slot_is_room},
        {"one job of two keeps it busy", test_one_job_of_two_keeps_it_busy},
        {"runners by their node's name", test_runners_by_node_name},
        {"a smaller max takes idle nodes only", test_a_smaller_max_takes_idle_nodes_only},
        {"a failed create is removed", test_a_failed_create_is_removed},
        {"no teardown begins too late", test_no_teardown_begins_too_late},
        {"a fenced node is no room", test_a_fenced_node_is_no_room_until_it_is_enabled},
        {"one fence of two keeps the node", test_one_fence_of_two_keeps_the_node},
        {"an offer is remembered by its name", test_an_offer_is_remembered_by_name},
        {"a full disk is said at once", test_a_full_disk_is_said_at_once},
        {"a create that happened is not asked twice",
         test_a_create_that_happened_is_not_asked_twice},
        {"a step in flight is looked at first", test_a_step_in_flight_is_looked_at_first},
        {"nobody is asked while it is lost", test_nobody_is_asked_while_the_actuator_is_lost},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_more", tests);
}
