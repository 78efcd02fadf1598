/* Promises of renting and keeping: what is room, what a failed or lost create does, what a pool
 * keeps. Each was seen to fail with one line of the core wrong. May not: do
 * I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

static struct world *begin(void)
{
    return world_begin("mode", "act");
}

static void answer(struct world *world, struct action_result result)
{
    struct world_action *action = world_last(world, result.kind);
    CU_ASSERT_PTR_NOT_NULL_FATAL(action);
    result.id = action->id;
    result.text = "so it was";
    world_step(world, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
}

static void create_fails(struct world *world, enum trouble trouble)
{
    answer(world, (struct action_result){
                      .kind = ACTION_CREATE_SERVER, .outcome = OUTCOME_FAILED, .trouble = trouble});
}

/* ---------------------------------------------------------------------------------- what is room
 */

/* A permanent runner beside a waiting job; how many servers are rented for it. */
static uint32_t rented_beside(const char *label, bool disabled, bool works, uint32_t runners)
{
    const char *labels[] = {label};
    struct world *world = begin();
    for (uint32_t i = 0; i < runners; i++)
        world->runner[world->runners++] = (struct gitea_runner){.id = 77 + i,
                                                                .name = "permanent",
                                                                .online = true,
                                                                .disabled = disabled,
                                                                .labels = labels,
                                                                .labels_count = 1};
    if (works)
        world_job(world, JOB_RUNNING, label, 77);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    uint32_t count = world_count(world, ACTION_CREATE_SERVER);
    world_free(world);
    return count;
}

static void test_which_permanent_runner_is_room(void)
{
    CU_ASSERT_EQUAL(rented_beside("linux", false, false, 1), 0);
    CU_ASSERT_EQUAL(rented_beside("linux", false, false, 2), 0);
    CU_ASSERT_EQUAL(rented_beside("linux", true, false, 1), 1);
    CU_ASSERT_EQUAL(rented_beside("linux", false, true, 1), 1);
    CU_ASSERT_EQUAL(rented_beside("gpu", false, false, 1), 1);
}

/* Its second runner never came: after its time it is waited for no longer. */
static void test_nothing_comes_for_ever(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(9));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_run(world, MINUTES(3));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

/* Fenced by us, and nobody has lifted it yet: it takes no job. */
static void test_a_runner_that_we_fenced_is_no_room(void)
{
    char note[64];
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world_run(world, MINUTES(12));
    world->node[0].fence_note = note;
    world_runner(world, runner)->disabled = true;
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

static void test_a_teardown_leaves_no_room_under_max(void)
{
    struct world *world = world_begin("pools[0].max", "1");
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(57));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1); /* two would be too many */
    world_free(world);
}

/* ------------------------------------------------------------------------------ failed creates */

static void test_a_timeout_keeps_the_name(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    create_fails(world, TROUBLE_TIMEOUT);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    CU_ASSERT_STRING_EQUAL(world_last(world, ACTION_CREATE_SERVER)->node, world->action[0].node);
    world_free(world);
}

/* Nothing is asked before a list can show the server, and nothing without anybody who wants it. */
static void test_a_lost_create_is_asked_again_late(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    answer(world, (struct action_result){.kind = ACTION_CREATE_SERVER,
                                         .outcome = OUTCOME_UNKNOWN,
                                         .trouble = TROUBLE_TIMEOUT});
    world_run(world, 10000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_run(world, 20000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

static void test_a_failed_create_with_a_server_is_kept(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    answer(world, (struct action_result){.kind = ACTION_CREATE_SERVER,
                                         .outcome = OUTCOME_FAILED,
                                         .trouble = TROUBLE_SOLD_OUT,
                                         .server_id = 42});
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1); /* it is there, and to be removed */
    world_free(world);
}

static void test_failing_creates_are_said_and_forgiven(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (int i = 0; i < 3; i++) {
        create_fails(world, TROUBLE_RATE_LIMITED);
        world_run(world, 30000);
    }
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STEP_FAILS));
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STEP_FAILS));
    world_free(world);
}

static void test_failing_creates_pause(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    uint32_t seen = 0;
    for (int i = 0; i < 120; i++) { /* ten minutes */
        uint32_t asked = world_count(world, ACTION_CREATE_SERVER);
        if (asked > seen)
            create_fails(world, TROUBLE_RATE_LIMITED);
        seen = asked;
        world_poll(world);
    }
    CU_ASSERT_TRUE(seen >= 8 && seen <= 18); /* 1, 2, 4 ... 60 seconds */
    world_free(world);
}

static void test_a_create_waits_as_long_as_it_is_told(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    answer(world, (struct action_result){.kind = ACTION_CREATE_SERVER,
                                         .outcome = OUTCOME_FAILED,
                                         .trouble = TROUBLE_RATE_LIMITED,
                                         .retry_after_ms = 120000});
    world_run(world, 115000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_run(world, 10000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

static struct world *two_offers(void)
{
    struct world *world = world_new();
    world_configure(world, "pools[0].offers[1].server_type", "ccx33");
    world_configure(world, "pools[0].offers[1].location", "fsn1");
    world_start(world, NULL);
    world_poll(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    return world;
}

/* Waits until the next create is asked for; where. */
static const char *next_place(struct world *world, uint32_t before)
{
    for (int i = 0; i < 60 && world_count(world, ACTION_CREATE_SERVER) == before; i++)
        world_poll(world);
    return world_last(world, ACTION_CREATE_SERVER)->location;
}

static void test_an_invalid_offer_closes_after_its_failures(void)
{
    struct world *world = two_offers();
    for (uint32_t i = 1; i <= 3; i++) {
        create_fails(world, TROUBLE_INVALID);
        CU_ASSERT_STRING_EQUAL(next_place(world, i), i < 3 ? "nbg1" : "fsn1");
    }
    CU_ASSERT_TRUE(world_alarm(world, ALARM_OFFER_FAILS));
    world_free(world);
}

static void test_an_offer_that_works_again_is_forgiven(void)
{
    struct world *world = two_offers();
    for (uint32_t i = 1; i <= 2; i++) {
        create_fails(world, TROUBLE_INVALID);
        CU_ASSERT_STRING_EQUAL(next_place(world, i), "nbg1");
    }
    (void)world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_job(world, JOB_RUNNABLE, "linux", 0);
    CU_ASSERT_STRING_EQUAL(next_place(world, 3), "nbg1");
    create_fails(world, TROUBLE_INVALID); /* the third, but not in a row */
    CU_ASSERT_STRING_EQUAL(next_place(world, 4), "nbg1");
    world_free(world);
}

/* A Hetzner picture with this price alone. */
static void feed_price(struct world *world, const struct hetzner_price *price)
{
    struct hetzner_snapshot *snapshot = calloc(1, sizeof *snapshot);
    snapshot->head = (struct snapshot_head){.sequence = ++world->sequence,
                                            .began_mono_ms = world->mono_ms,
                                            .ended_mono_ms = world->mono_ms,
                                            .wall_ms = world->wall_ms,
                                            .requests = 1};
    snapshot->currency = "EUR";
    snapshot->prices = price;
    snapshot->prices_count = 1;
    world_step(world, &(struct core_event){
                          .kind = CORE_HETZNER, .owner = snapshot, .u.hetzner = snapshot});
}

static void test_only_what_is_sold_there_is_rented(void)
{
    static const struct hetzner_price rows[] = {
        {"ccx33", "nbg1", 100000, 0, true}, /* no longer sold */
        {"ccx33", "fsn1", 100000, 0, false},
        {"ccx23", "nbg1", 100000, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *world = begin();
        world_job(world, JOB_RUNNABLE, "linux", 0);
        world_advance(world, WORLD_POLL_MS);
        feed_price(world, &rows[i]);
        world_feed(world, SOURCE_KUBE);
        world_feed(world, SOURCE_GITEA);
        CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 0);
        CU_ASSERT_TRUE(world_alarm(world, ALARM_OFFER_FAILS));
        world_free(world);
    }
}

static void test_nothing_is_rented_that_cannot_be_written_down(void)
{
    struct world *world = begin();
    world_step(world, &(struct core_event){.kind = CORE_STORAGE, .u.storage_trouble = "full"});
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 0);
    world_free(world);
}

/* ---------------------------------------------------------------------------- what a pool keeps */

static void test_a_minimum_is_rented_and_kept(void)
{
    struct world *world = world_begin("pools[0].min", "2");
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    for (uint32_t i = 0; i < 2; i++)
        (void)world_serve(world, &world->action[i]);
    world_run(world, MINUTES(130));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

/* Two rest, their hours end, and one job has just come: one of them is its room. */
static void test_room_is_not_retired_twice(void)
{
    struct world *world = begin();
    for (uint32_t i = 0; i < 2; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 0; i < 2; i++) /* both hours begin at once */
        world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    uint64_t runner = world_join(world, &world->action[0]);
    (void)world_join(world, &world->action[1]);
    world_unlist_jobs(world);
    world_run(world, MINUTES(54));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(5));
    CU_ASSERT_TRUE(world_count(world, ACTION_DEREGISTER_RUNNERS) > 0);
    for (uint32_t i = 0; i < world->actions; i++)
        if (world->action[i].kind == ACTION_DEREGISTER_RUNNERS)
            CU_ASSERT_EQUAL(world->action[i].runner[0], runner); /* one, asked again */
    world_free(world);
}

static void test_a_node_that_is_waited_for_stays(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(54));
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(5));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

static void test_the_idle_timeout_is_waited_for(void)
{
    struct world *world = world_begin("life.idle_timeout", "20m");
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_run(world, MINUTES(45));
    world_unlist_jobs(world);
    world_run(world, MINUTES(14)); /* idle for 14 minutes at the hour's end */
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_IDLE);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

/* What was asked of two idle nodes has no known outcome: they are looked at before one goes. */
static void test_doubt_is_resolved_before_a_node_goes(void)
{
    struct world *world = begin();
    uint64_t runner[2];
    world_serve_many(world, 2, runner);
    world_run(world, MINUTES(2));
    struct unknown_action unknown[2];
    for (uint32_t i = 0; i < 2; i++)
        unknown[i] = (struct unknown_action){
            .id = {1, 7 + i}, .kind = ACTION_RELEASE_RUNNERS, .node = world->action[i].node};
    struct actuator_state state = {
        .epoch = world->epoch, .counter = 9, .unknown = unknown, .unknown_count = 2};
    world_configure(world, "pools[0].max", "1");
    world_advance(world, 1000);
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
    CU_ASSERT_TRUE(world_state(world, 0) == NODE_IDLE && world_state(world, 1) == NODE_IDLE);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_free(world);
}

/* Two creates fill the cost that is allowed; nobody has answered them when we start again. */
static void test_what_was_asked_before_a_restart_costs_money(void)
{
    struct world *world = world_begin("rails.max_hourly_cost", "0.25");
    for (uint32_t i = 0; i < 5; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 2);
    world_restart(world);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 2);
    world_free(world);
}

/* The audit log knows of an id that no checkpoint does: what it made may be in no list yet. */
static void test_after_a_lost_memory_a_list_is_waited_for(void)
{
    struct world *world = world_new();
    world->epoch = 1;
    world_start(world, NULL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, 25000); /* for two lists: test_core_belief.c */
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 0);
    world_run(world, 10000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"which permanent runner is room", test_which_permanent_runner_is_room},
        {"nothing comes for ever", test_nothing_comes_for_ever},
        {"a runner that we fenced is no room", test_a_runner_that_we_fenced_is_no_room},
        {"a teardown leaves no room under max", test_a_teardown_leaves_no_room_under_max},
        {"a time-out keeps the name", test_a_timeout_keeps_the_name},
        {"a lost create is asked again late", test_a_lost_create_is_asked_again_late},
        {"a failed create with a server", test_a_failed_create_with_a_server_is_kept},
        {"failing creates: said, forgiven", test_failing_creates_are_said_and_forgiven},
        {"failing creates pause", test_failing_creates_pause},
        {"a create waits as it is told", test_a_create_waits_as_long_as_it_is_told},
        {"an invalid offer closes", test_an_invalid_offer_closes_after_its_failures},
        {"an offer that works again", test_an_offer_that_works_again_is_forgiven},
        {"only what is sold there is rented", test_only_what_is_sold_there_is_rented},
        {"nothing that cannot be written", test_nothing_is_rented_that_cannot_be_written_down},
        {"a minimum is rented and kept", test_a_minimum_is_rented_and_kept},
        {"what was asked costs money", test_what_was_asked_before_a_restart_costs_money},
        {"after a lost memory", test_after_a_lost_memory_a_list_is_waited_for},
        {"room is not retired twice", test_room_is_not_retired_twice},
        {"a node that is waited for stays", test_a_node_that_is_waited_for_stays},
        {"the idle timeout is waited for", test_the_idle_timeout_is_waited_for},
        {"doubt is resolved first", test_doubt_is_resolved_before_a_node_goes},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_renting", tests);
}
