/* The promises themselves: each holds in a scene that is good and is broken by the smallest change
 * that is not; the page docs/promises.md is the table's. May not: look at a world. */
#include <stdlib.h>
#include <string.h>

#include "cunit_main.h"
#include "promises/book.h"

#define PAGE TEST_SOURCE_DIR "/../docs/promises.md"

static bool holds(enum promise promise, const struct scene *scene)
{
    return promise_holds(promise, scene);
}

/* A call on a node of ours that nothing runs on, long fenced. */
static struct scene call_on_a_quiet_node(enum scene_call call)
{
    return (struct scene){.kind = SCENE_call,
                          .u.call = {.call = call,
                                     .ours = true,
                                     .race_ms = 60000,
                                     .fence_possible = true,
                                     .fenced_ms = 20000,
                                     .fence_settle_ms = 15000,
                                     .servers = 2,
                                     .servers_max = 3,
                                     .pool_servers = 1,
                                     .pool_max = 2,
                                     .hourly_micro = 5,
                                     .hourly_micro_max = 5,
                                     .wanted = 1}};
}

static void test_a_job_is_kept(void)
{
    static const enum scene_call calls[] = {SCENE_DELETE_SERVER, SCENE_DELETE_NODE, SCENE_END_POD,
                                            SCENE_DEREGISTER};
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct scene scene = call_on_a_quiet_node(calls[i]);
        CU_ASSERT_TRUE(holds(PROMISE_job_kept, &scene));
        scene.u.call.jobs = 1;
        scene.u.call.oldest_job_ms = 60000;
        CU_ASSERT_FALSE(holds(PROMISE_job_kept, &scene));
        scene.u.call.unfenced = true; /* the race that no fence could have prevented */
        CU_ASSERT_TRUE(holds(PROMISE_job_kept, &scene));
        scene.u.call.oldest_job_ms++;
        CU_ASSERT_FALSE(holds(PROMISE_job_kept, &scene));
    }
    struct scene mark = call_on_a_quiet_node(SCENE_MARK);
    mark.u.call.jobs = 1;
    CU_ASSERT_TRUE(holds(PROMISE_job_kept, &mark));
}

static void test_fences(void)
{
    struct scene scene = call_on_a_quiet_node(SCENE_DEREGISTER);
    scene.u.call.fenced_ms = 15000;
    CU_ASSERT_TRUE(holds(PROMISE_fenced_first, &scene));
    scene.u.call.fenced_ms = 14999;
    CU_ASSERT_FALSE(holds(PROMISE_fenced_first, &scene));
    scene.u.call.fence_possible = false;
    CU_ASSERT_TRUE(holds(PROMISE_fenced_first, &scene));
    CU_ASSERT_TRUE(holds(PROMISE_persons_fence_kept, &scene));
    scene.u.call.fenced_by_person = true;
    CU_ASSERT_FALSE(holds(PROMISE_persons_fence_kept, &scene));
    scene.u.call.call = SCENE_RELEASE;
    CU_ASSERT_FALSE(holds(PROMISE_persons_fence_kept, &scene));
}

static void test_order_and_strangers(void)
{
    struct scene scene = call_on_a_quiet_node(SCENE_END_POD);
    CU_ASSERT_TRUE(holds(PROMISE_steps_in_order, &scene));
    scene.u.call.runners = 1;
    CU_ASSERT_FALSE(holds(PROMISE_steps_in_order, &scene));
    scene.u.call.call = SCENE_DEREGISTER;
    CU_ASSERT_TRUE(holds(PROMISE_steps_in_order, &scene));
    CU_ASSERT_TRUE(holds(PROMISE_strangers_untouched, &scene));
    scene.u.call.ours = false;
    CU_ASSERT_FALSE(holds(PROMISE_strangers_untouched, &scene));
}

static void test_caps(void)
{
    struct scene scene = call_on_a_quiet_node(SCENE_CREATE_SERVER);
    CU_ASSERT_TRUE(holds(PROMISE_servers_capped, &scene) && holds(PROMISE_cost_capped, &scene));
    scene.u.call.servers = 3;
    CU_ASSERT_FALSE(holds(PROMISE_servers_capped, &scene));
    scene.u.call.servers = 2;
    scene.u.call.pool_servers = 2;
    CU_ASSERT_FALSE(holds(PROMISE_servers_capped, &scene));
    scene.u.call.hourly_micro = 6;
    CU_ASSERT_FALSE(holds(PROMISE_cost_capped, &scene));
}

static void test_one_demand_one_create(void)
{
    struct scene scene = call_on_a_quiet_node(SCENE_CREATE_SERVER);
    CU_ASSERT_TRUE(holds(PROMISE_one_demand_one_create, &scene));
    scene.u.call.coming = 1;
    CU_ASSERT_FALSE(holds(PROMISE_one_demand_one_create, &scene));
    scene.u.call.pool_min = 1;
    CU_ASSERT_TRUE(holds(PROMISE_one_demand_one_create, &scene));
    scene.u.call.pool_able = 1;
    CU_ASSERT_FALSE(holds(PROMISE_one_demand_one_create, &scene));
    CU_ASSERT_TRUE(holds(PROMISE_name_used_once, &scene));
    scene.u.call.names_before = 1;
    CU_ASSERT_FALSE(holds(PROMISE_name_used_once, &scene));
}

static struct scene good_action(enum action_kind kind)
{
    return (struct scene){.kind = SCENE_action,
                          .u.action = {.kind = kind,
                                       .reason = REASON_HOUR_ENDS,
                                       .begins = true,
                                       .source_age_max_ms = {60, 60, 60},
                                       .source_age_ms = {60, 60, 60},
                                       .vanished_floor = 2,
                                       .vanished_share_percent = 50,
                                       .skew_ms = 30,
                                       .skew_max_ms = 30,
                                       .backoff_first_ms = 1000,
                                       .backoff_most_ms = 3000}};
}

static void test_actions(void)
{
    for (unsigned source = 0; source < 3; source++) {
        struct scene scene = good_action(ACTION_REMOVE_NODE);
        CU_ASSERT_TRUE(holds(PROMISE_nothing_on_stale, &scene));
        scene.u.action.source_age_ms[source] = 61;
        CU_ASSERT_FALSE(holds(PROMISE_nothing_on_stale, &scene));
        scene.u.action.known[source] = 4;
        scene.u.action.vanished[source] = 2; /* half is not more than half */
        CU_ASSERT_TRUE(holds(PROMISE_nothing_on_emptied, &scene));
        scene.u.action.vanished[source] = 3;
        CU_ASSERT_FALSE(holds(PROMISE_nothing_on_emptied, &scene));
        scene.u.action.known[source] = scene.u.action.vanished[source] = 1; /* below the floor */
        CU_ASSERT_TRUE(holds(PROMISE_nothing_on_emptied, &scene));
    }
    struct scene scene = good_action(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_TRUE(holds(PROMISE_one_action_a_node, &scene));
    scene.u.action.in_flight = 1;
    CU_ASSERT_FALSE(holds(PROMISE_one_action_a_node, &scene));
    CU_ASSERT_TRUE(holds(PROMISE_nothing_on_clock_jump, &scene));
    scene.u.action.skew_ms = 31;
    CU_ASSERT_FALSE(holds(PROMISE_nothing_on_clock_jump, &scene));
    scene.u.action.begins = false;
    CU_ASSERT_TRUE(holds(PROMISE_nothing_on_clock_jump, &scene));
}

static void test_drained_first(void)
{
    struct scene scene = good_action(ACTION_REMOVE_NODE);
    CU_ASSERT_TRUE(holds(PROMISE_drained_first, &scene));
    scene.u.action.pods_left = 1;
    CU_ASSERT_FALSE(holds(PROMISE_drained_first, &scene));
    scene.u.action.drain_forced = true;
    CU_ASSERT_TRUE(holds(PROMISE_drained_first, &scene));
}

static void test_failures_back_off(void)
{
    static const int64_t pauses[] = {0, 1000, 2000, 3000, 3000};
    for (uint32_t failures = 1; failures < 5; failures++) {
        struct scene scene = good_action(ACTION_DRAIN_NODE);
        scene.u.action.failures = failures;
        scene.u.action.since_failure_ms = pauses[failures];
        CU_ASSERT_TRUE(holds(PROMISE_failures_back_off, &scene));
        scene.u.action.since_failure_ms--;
        CU_ASSERT_FALSE(holds(PROMISE_failures_back_off, &scene));
    }
}

static void test_unknown_looked_at(void)
{
    struct scene scene = good_action(ACTION_CREATE_SERVER);
    scene.u.action.unlooked = 1;
    CU_ASSERT_TRUE(holds(PROMISE_unknown_looked_at, &scene));
    scene.u.action.unknown = true;
    CU_ASSERT_FALSE(holds(PROMISE_unknown_looked_at, &scene));
    scene.u.action.unlooked = 0;
    CU_ASSERT_TRUE(holds(PROMISE_unknown_looked_at, &scene));
}

static void test_force_comes_last(void)
{
    struct scene scene = good_action(ACTION_DRAIN_NODE);
    scene.u.action.drain_deadline_ms = 100;
    scene.u.action.drain_asked_ms = 99;
    CU_ASSERT_TRUE(holds(PROMISE_evicted_before_forced, &scene));
    scene.u.action.forces = true;
    CU_ASSERT_FALSE(holds(PROMISE_evicted_before_forced, &scene));
    scene.u.action.drain_asked_ms = 100;
    CU_ASSERT_TRUE(holds(PROMISE_evicted_before_forced, &scene));
}

static void test_free_room_comes_first(void)
{
    struct scene scene = good_action(ACTION_CREATE_SERVER);
    scene.u.action.room = 2;
    CU_ASSERT_TRUE(holds(PROMISE_free_room_first, &scene)); /* nothing can be said */
    scene.u.action.wants = 3;
    CU_ASSERT_TRUE(holds(PROMISE_free_room_first, &scene));
    scene.u.action.wants = 2;
    CU_ASSERT_FALSE(holds(PROMISE_free_room_first, &scene));
}

static void test_pools_grow(void)
{
    struct scene pool = {
        .kind = SCENE_pool,
        .u.pool = {
            .least = 1, .lacking_ms = 100, .waits_ms = 100, .quiet_ms = 101, .bound_ms = 100}};
    CU_ASSERT_TRUE(holds(PROMISE_minimum_kept, &pool));
    CU_ASSERT_TRUE(holds(PROMISE_jobs_get_room, &pool));
    pool.u.pool.lacking_ms = 101;
    CU_ASSERT_FALSE(holds(PROMISE_minimum_kept, &pool));
    CU_ASSERT_TRUE(holds(PROMISE_jobs_get_room, &pool));
    pool.u.pool.waits_ms = 101;
    CU_ASSERT_FALSE(holds(PROMISE_jobs_get_room, &pool));
    pool.u.pool.quiet_ms = 100; /* something hindered */
    CU_ASSERT_TRUE(holds(PROMISE_minimum_kept, &pool));
    CU_ASSERT_TRUE(holds(PROMISE_jobs_get_room, &pool));
    CU_ASSERT_EQUAL(promise_stake(PROMISE_minimum_kept, &pool), STAKE_EXCUSED);
    pool.u.pool.least = 0;
    CU_ASSERT_EQUAL(promise_stake(PROMISE_minimum_kept, &pool), STAKE_NONE);
}

static void test_nodes_and_servers(void)
{
    struct scene node = {.kind = SCENE_node,
                         .u.node = {.failures = 3, .failures_loud = 3, .alarm = true}};
    CU_ASSERT_TRUE(holds(PROMISE_failing_is_said, &node));
    node.u.node.alarm = false;
    CU_ASSERT_FALSE(holds(PROMISE_failing_is_said, &node));
    CU_ASSERT_TRUE(holds(PROMISE_long_stay_is_said, &node));
    node.u.node.stay_ms = 11;
    node.u.node.stay_longest_ms = 10;
    node.u.node.alarm = true; /* another one */
    CU_ASSERT_FALSE(holds(PROMISE_long_stay_is_said, &node));
    node.u.node.stay_alarm = true;
    CU_ASSERT_TRUE(holds(PROMISE_long_stay_is_said, &node));
    CU_ASSERT_TRUE(holds(PROMISE_rest_remembered, &node));
    node.u.node.rest_least_ms = 10;
    node.u.node.rest_ms = 9;
    CU_ASSERT_FALSE(holds(PROMISE_rest_remembered, &node));
    struct scene server = {.kind = SCENE_server,
                           .u.server = {.unused_ms = 101,
                                        .quiet_ms = 101,
                                        .bound_ms = 100,
                                        .hour_begins = true,
                                        .notice_ms = 100,
                                        .hour_ms = 100}};
    CU_ASSERT_FALSE(holds(PROMISE_none_forgotten, &server));
    CU_ASSERT_FALSE(holds(PROMISE_no_idle_hour, &server));
    server.u.server.quiet_ms = 100;
    CU_ASSERT_TRUE(holds(PROMISE_none_forgotten, &server));
    CU_ASSERT_TRUE(holds(PROMISE_no_idle_hour, &server));
    CU_ASSERT_TRUE(scene_is_hindered_hour(&server.u.server));
}

static void test_ends_and_twins(void)
{
    struct scene end = {.kind = SCENE_end,
                        .u.end = {.healed_ms = 10, .bound_ms = 10, .servers = 2, .servers_min = 1}};
    CU_ASSERT_TRUE(holds(PROMISE_all_jobs_run, &end));
    CU_ASSERT_FALSE(holds(PROMISE_fleet_minimal, &end));
    end.u.end.jobs_waiting = end.u.end.jobs_left = 1;
    CU_ASSERT_FALSE(holds(PROMISE_all_jobs_run, &end));
    CU_ASSERT_TRUE(holds(PROMISE_fleet_minimal, &end));
    struct scene twin = {.kind = SCENE_twin, .u.twin = {1, 1}};
    CU_ASSERT_TRUE(holds(PROMISE_same_output, &twin));
    twin.u.twin.second = 2;
    CU_ASSERT_FALSE(holds(PROMISE_same_output, &twin));
}

static void test_the_book_keeps_what_is_broken(void)
{
    static struct book book, sum;
    struct scene scene = call_on_a_quiet_node(SCENE_DELETE_SERVER);
    CU_ASSERT_TRUE(book_judge(&book, &scene, 7, "fine"));
    scene.u.call.jobs = 1;
    scene.u.call.oldest_job_ms = 99999;
    CU_ASSERT_FALSE(book_judge(&book, &scene, 8, "a job ends"));
    book_add(&sum, &book);
    CU_ASSERT_EQUAL(sum.judged[PROMISE_job_kept], 2);
    CU_ASSERT_EQUAL(sum.decided[PROMISE_job_kept], 2);
    CU_ASSERT_EQUAL(sum.decided[PROMISE_cost_capped], 0); /* nothing was created */
    CU_ASSERT_EQUAL(sum.judged[PROMISE_same_output], 0);
    CU_ASSERT_EQUAL(sum.broken_total, 1);
    CU_ASSERT_EQUAL(sum.first[0].promise, PROMISE_job_kept);
    CU_ASSERT_EQUAL(sum.first[0].at_ms, 8);
    CU_ASSERT_STRING_EQUAL(sum.first[0].text, "a job ends");
}

/* Judged is not decided: an hour that begins soon after a hindrance, and one that does not. */
static void test_what_is_excused_is_not_decided(void)
{
    static struct book book;
    struct scene scene = {.kind = SCENE_server,
                          .u.server = {.used = true, .hour_ms = 3600000, .quiet_ms = 3600001}};
    CU_ASSERT_TRUE(book_judge(&book, &scene, 1, ""));
    CU_ASSERT_EQUAL(book.decided[PROMISE_no_idle_hour], 0);
    scene.u.server.hour_begins = true;
    CU_ASSERT_TRUE(book_judge(&book, &scene, 2, ""));
    CU_ASSERT_EQUAL(book.decided[PROMISE_no_idle_hour], 1);
    CU_ASSERT_EQUAL(book.excused[PROMISE_no_idle_hour], 0);
    scene.u.server.quiet_ms--;
    CU_ASSERT_TRUE(book_judge(&book, &scene, 3, ""));
    CU_ASSERT_EQUAL(book.decided[PROMISE_no_idle_hour], 1);
    CU_ASSERT_EQUAL(book.excused[PROMISE_no_idle_hour], 1);
    CU_ASSERT_EQUAL(book.judged[PROMISE_no_idle_hour], 3);
}

static void print_page(FILE *out)
{
    static const struct {
        const char *scene, *when;
    } heads[] = {
        {"call", "At each call that changes something at an API, as the world itself knows it"},
        {"action", "At each action that is decided"},
        {"node", "Of each node, after each step"},
        {"server", "Of each rented server, at all times"},
        {"end", "When the faults have stopped"},
        {"twin", "Of the whole"},
    };
    fprintf(out, "# What Ebbtide promises\n\nMade from `promises/promises.def`; a test holds it to "
                 "that table. Each promise is a function in\n`promises/promises.c`. The simulated "
                 "world judges them at each call (`simulator/witness.c`), in the whole-process\n"
                 "tests over HTTP, in the simulation in virtual time and in the small worlds "
                 "(`tests/simulation`).\n");
    for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        fprintf(out, "\n## %s\n\n| promise | what it says |\n|---|---|\n", heads[i].when);
        for (unsigned k = 0; k < promise_count; k++)
            if (strcmp(promise_scene((enum promise)k), heads[i].scene) == 0)
                fprintf(out, "| `%s` | %s |\n", promise_name((enum promise)k),
                        promise_sentence((enum promise)k));
    }
}

static void test_the_page_equals_the_table(void)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    print_page(out);
    fclose(out);
    char *kept = calloc(1, size + 2);
    FILE *file = fopen(PAGE, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    kept[fread(kept, 1, size + 1, file)] = '\0';
    fclose(file);
    CU_ASSERT_STRING_EQUAL(made, kept);
    if (strcmp(made, kept) != 0)
        fprintf(stderr, "docs/promises.md differs; test_promises --write makes it anew\n");
    free(made);
    free(kept);
}

int main(int argc, char **argv)
{
    CU_TestInfo tests[] = {
        {"a job is kept", test_a_job_is_kept},
        {"fences", test_fences},
        {"order and strangers", test_order_and_strangers},
        {"caps", test_caps},
        {"one demand, one create", test_one_demand_one_create},
        {"actions", test_actions},
        {"pods leave first", test_drained_first},
        {"failures back off", test_failures_back_off},
        {"unknown looked at", test_unknown_looked_at},
        {"force comes last", test_force_comes_last},
        {"free room comes first", test_free_room_comes_first},
        {"pools grow", test_pools_grow},
        {"nodes and servers", test_nodes_and_servers},
        {"ends and twins", test_ends_and_twins},
        {"the book keeps what is broken", test_the_book_keeps_what_is_broken},
        {"what is excused is not decided", test_what_is_excused_is_not_decided},
        {"the page equals the table", test_the_page_equals_the_table},
        CU_TEST_INFO_NULL,
    };
    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        FILE *file = fopen(PAGE, "w");
        if (file == NULL)
            return 1;
        print_page(file);
        return fclose(file) == 0 ? 0 : 1;
    }
    return cunit_run("promises", tests);
}
