/* Promises of the witness: which machines it calls used, and which hours it calls paid for nothing.
 * The pool's minimum is its one subtle reason: a machine is used where the pool has no more than
 * its minimum that serve or can still come to serve. */
#include <stdio.h>

#include "common/names.h"
#include "simulator/witness.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/world_fixture.h"

#define MINUTE_MS    INT64_C(60000)
#define PROVISION_MS (60 * MINUTE_MS)
#define NOTICE_MS    (20 * MINUTE_MS)

static struct world *world;
static struct witness *witness;
static struct witness_rules rules;

/* A world that is watched; a pool of this minimum. */
static void watched(uint64_t min)
{
    rules = (struct witness_rules){.cluster = "team",
                                   .servers_max = 10,
                                   .hourly_micro_max = UINT64_MAX,
                                   .pool = {{.name = "linux",
                                             .min = min,
                                             .owed = min,
                                             .max = 10,
                                             .capacity = 1,
                                             .labels = {"linux"},
                                             .label_count = 1}},
                                   .pool_count = 1,
                                   .fence_exists = true,
                                   .race_ms = MINUTE_MS,
                                   .demand_memory_ms = 5 * MINUTE_MS,
                                   .provision_ms = PROVISION_MS,
                                   .notice_ms = NOTICE_MS,
                                   .bound_ms = 200 * MINUTE_MS};
    world = plain_world();
    witness = witness_new(world, &rules);
}

static void leave(void)
{
    witness_free(witness);
    world_free(world);
}

/* A machine of ours; one that is not started never comes to serve. */
static uint64_t ours(unsigned number, bool started)
{
    static char managed[] = SERVER_LABEL_MANAGED, us[] = SERVER_LABEL_MANAGED_VALUE;
    static char cluster[] = SERVER_LABEL_CLUSTER, team[] = "team";
    static char pool[] = SERVER_LABEL_POOL, linux_pool[] = "linux", id_key[] = SERVER_LABEL_ID;
    char name[32], id[32];
    snprintf(name, sizeof name, "ebb-linux-1-%u", number);
    snprintf(id, sizeof id, "1-%u", number);
    struct world_pair pairs[] = {{managed, us}, {cluster, team}, {pool, linux_pool}, {id_key, id}};
    struct world_map labels = {pairs, sizeof pairs / sizeof pairs[0]};
    struct world_server_spec spec = server_spec(name);
    uint64_t server = 0, actions[2];
    spec.labels = &labels;
    spec.start = started;
    CU_ASSERT_EQUAL_FATAL(world_server_create(world, &spec, &server, actions), WORLD_OK);
    return server;
}

static void look_for(int64_t minutes)
{
    for (int64_t i = 0; i < minutes; i++) {
        run_ms(world, MINUTE_MS);
        witness_look(witness, world_now_ms(world));
    }
}

static uint64_t idle_hours(void)
{
    return witness_book(witness)->broken[PROMISE_no_idle_hour];
}

/* Neither an hour nor a machine too many. */
static bool nothing_wasted(void)
{
    return idle_hours() == 0 && witness_book(witness)->broken[PROMISE_none_forgotten] == 0;
}

static void an_hour_for_an_idle_machine_breaks_a_promise(void)
{
    watched(0);
    ours(1, true);
    look_for(59);
    CU_ASSERT_EQUAL(idle_hours(), 0);
    look_for(2);
    CU_ASSERT_EQUAL(idle_hours(), 0); /* something may have hindered: its world is an hour old */
    look_for(60);
    CU_ASSERT_EQUAL(idle_hours(), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(witness_book(witness)->first[0].text, "ebb-linux-1-1"));
    look_for(90);
    CU_ASSERT(witness_book(witness)->broken[PROMISE_none_forgotten] > 0);
    leave();
}

static void a_job_makes_it_used(void)
{
    watched(0);
    ours(1, true);
    look_for(2);
    CU_ASSERT_EQUAL(push(world, "linux", 240 * MINUTE_MS) != 0, true);
    look_for(230);
    CU_ASSERT(nothing_wasted());
    leave();
}

static void the_minimum_keeps_a_machine(void)
{
    watched(1);
    ours(1, true);
    look_for(230);
    CU_ASSERT(nothing_wasted());
    leave();
}

static void the_minimum_keeps_no_more_than_that(void)
{
    watched(1);
    ours(1, true);
    ours(2, true);
    look_for(125);
    CU_ASSERT_EQUAL(idle_hours(), 2); /* either could have gone: both are named */
    leave();
}

static void one_that_never_came_does_not_count_for_the_minimum(void)
{
    watched(1);
    ours(1, true);
    uint64_t dead = ours(2, false), action;
    run_ms(world, 30000); /* while its create runs, nothing else may be asked of it */
    CU_ASSERT_EQUAL(world_server_protect(world, dead, true, &action), WORLD_OK);
    look_for(300);
    CU_ASSERT(nothing_wasted());
    leave();
}

static void one_that_may_come_yet_counts_for_the_minimum(void)
{
    watched(1);
    ours(1, true);
    look_for(70);
    ours(2, false);
    look_for(52); /* the first one's third hour begins, and the pool could do without it */
    CU_ASSERT_EQUAL(idle_hours(), 1);
    leave();
}

static void a_fenced_one_does_not_count_for_the_minimum(void)
{
    watched(1);
    ours(1, true);
    look_for(2);
    const struct world_runner *runner = only_runner(world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runner);
    uint64_t held = runner->id;
    world_by_hand(world, true);
    CU_ASSERT_EQUAL(world_runner_disable(world, held, true), WORLD_OK);
    ours(2, true);
    look_for(300);
    CU_ASSERT(nothing_wasted());
    leave();
}

/* The name of a lost create is asked for again: that is a second server only where anything has
 * shown the first, and not where somebody deleted it before. */
static void a_name_is_used_up_by_a_server_that_was_shown(void)
{
    for (unsigned way = 0; way < 3; way++) {
        uint64_t action;
        watched(0);
        rules.shown_is_told = way != 0;
        witness_change(witness, &rules);
        uint64_t first = ours(1, true);
        if (way == 2)
            witness_shown(witness, first);
        run_ms(world, READY_MS);
        world_by_hand(world, true);
        CU_ASSERT_EQUAL(world_server_delete(world, first, &action), WORLD_OK);
        world_by_hand(world, false);
        run_ms(world, READY_MS);
        ours(1, true);
        CU_ASSERT_EQUAL(witness_book(witness)->broken[PROMISE_name_used_once], way != 1);
        leave();
    }
}

static uint64_t broken(enum promise promise)
{
    return witness_book(witness)->broken[promise];
}

static void one_that_was_taken_over_needs_no_demand(void)
{
    watched(0);
    rules.servers_max = 2;
    witness_change(witness, &rules);
    witness_rogue(witness, true);
    ours(1, true);
    run_ms(world, READY_MS);
    CU_ASSERT_EQUAL(witness_book(witness)->broken_total, 0);
    witness_rogue(witness, false);
    ours(2, true);
    CU_ASSERT_EQUAL(broken(PROMISE_one_demand_one_create), 1);
    witness_rogue(witness, true);
    ours(3, true); /* what the actuator counts holds all the same */
    CU_ASSERT_EQUAL(broken(PROMISE_one_demand_one_create), 1);
    CU_ASSERT_EQUAL(broken(PROMISE_servers_capped), 1);
    leave();
}

/* ------------------------------------------------------------------------------------- pools */

static void judge_growth(uint64_t min)
{
    watched(min);
    rules.growth_ms = 40 * MINUTE_MS;
    witness_change(witness, &rules);
}

static void a_minimum_that_nobody_makes_is_found(void)
{
    judge_growth(1);
    look_for(39);
    CU_ASSERT_EQUAL(broken(PROMISE_minimum_kept), 0);
    look_for(4);
    CU_ASSERT(broken(PROMISE_minimum_kept) > 0);
    leave();
    judge_growth(1);
    for (unsigned i = 0; i < 10; i++) { /* no type is to be had */
        witness_creates_hindered(witness, world_now_ms(world));
        look_for(10);
    }
    CU_ASSERT_EQUAL(broken(PROMISE_minimum_kept), 0);
    ours(1, true);
    look_for(90);
    CU_ASSERT_EQUAL(broken(PROMISE_minimum_kept), 0);
    leave();
}

/* A second machine is made for a minimum of one; what hindered the first, and when, decides. */
static uint64_t doubled_when_hindered(int64_t minutes_ago)
{
    watched(1);
    ours(1, true);
    look_for(300 - minutes_ago);
    if (minutes_ago < 300)
        witness_hindered_one(witness, "ebb-linux-1-1", world_now_ms(world));
    look_for(minutes_ago);
    ours(2, true);
    uint64_t found = broken(PROMISE_one_demand_one_create);
    leave();
    return found;
}

static void a_minimum_is_not_made_twice(void)
{
    CU_ASSERT_EQUAL(doubled_when_hindered(300), 1);
    CU_ASSERT_EQUAL(doubled_when_hindered(66), 1);
    CU_ASSERT_EQUAL(doubled_when_hindered(64), 0); /* it may have looked as if it did not serve */
    CU_ASSERT_EQUAL(doubled_when_hindered(0), 0);
}

static void a_job_that_nobody_serves_is_found(void)
{
    judge_growth(0);
    push(world, "linux", MINUTE_MS);
    look_for(39);
    CU_ASSERT_EQUAL(broken(PROMISE_jobs_get_room), 0);
    look_for(4);
    CU_ASSERT(broken(PROMISE_jobs_get_room) > 0);
    leave();
}

static void a_pool_that_is_full_need_not_grow(void)
{
    judge_growth(0);
    rules.pool[0].max = 1;
    witness_change(witness, &rules);
    ours(1, true);
    push(world, "linux", 200 * MINUTE_MS);
    push(world, "linux", MINUTE_MS);
    look_for(150);
    CU_ASSERT_EQUAL(broken(PROMISE_jobs_get_room), 0);
    leave();
}

static bool yes(const char *node, const void *argument)
{
    (void)node;
    (void)argument;
    return true;
}

static void room_is_what_was_free_for_long(void)
{
    watched(0);
    ours(1, true);
    look_for(90); /* calm */
    struct witness_room room = witness_room(witness, 0, world_now_ms(world), yes, NULL);
    CU_ASSERT(room.room == 1 && room.wants == 0);
    push(world, "linux", 10 * MINUTE_MS);
    push(world, "linux", 10 * MINUTE_MS);
    room = witness_room(witness, 0, world_now_ms(world), yes, NULL);
    CU_ASSERT(room.room == 1 && room.wants == 2);
    look_for(1); /* one of them has it */
    room = witness_room(witness, 0, world_now_ms(world), yes, NULL);
    CU_ASSERT_EQUAL(room.room, 0);
    witness_hindered(witness, world_now_ms(world));
    CU_ASSERT_EQUAL(witness_room(witness, 0, world_now_ms(world), yes, NULL).wants, 0);
    leave();
}

static bool no(const char *node, const void *argument)
{
    return strcmp(node, "ebb-linux-1-1") != 0 && argument == NULL;
}

/* Its client is giving the first one back, and replaces it. */
static void one_that_goes_keeps_no_minimum(void)
{
    watched(1);
    ours(1, true);
    look_for(300);
    witness_client(witness, yes, NULL);
    ours(2, true);
    CU_ASSERT_EQUAL(broken(PROMISE_one_demand_one_create), 1);
    leave();
    watched(1);
    ours(1, true);
    look_for(300);
    witness_client(witness, no, NULL);
    ours(2, true);
    CU_ASSERT_EQUAL(broken(PROMISE_one_demand_one_create), 0);
    leave();
}

/* Machines that never come to serve close their offers: the job waits for these to open again. */
static void one_that_never_came_holds_its_pool_up(void)
{
    uint64_t action;
    judge_growth(0);
    rules.growth_ms = 70 * MINUTE_MS;
    witness_change(witness, &rules);
    uint64_t dead = ours(1, false);
    push(world, "linux", MINUTE_MS);
    look_for(80); /* from the sixtieth minute on it is known as one that does not come */
    CU_ASSERT_EQUAL(world_server_delete(world, dead, &action), WORLD_OK);
    look_for(68);
    CU_ASSERT_EQUAL(broken(PROMISE_jobs_get_room), 0);
    look_for(5);
    CU_ASSERT(broken(PROMISE_jobs_get_room) > 0);
    leave();
}

/* Deleted some seconds into its hour, between two looks. */
static void an_hour_of_some_seconds_is_seen(void)
{
    uint64_t action;
    watched(0);
    uint64_t server = ours(1, true);
    look_for(119);
    run_ms(world, 65000);
    world_by_hand(world, true);
    CU_ASSERT_EQUAL(world_server_delete(world, server, &action), WORLD_OK);
    world_by_hand(world, false);
    run_ms(world, 10000);
    CU_ASSERT_PTR_NULL(world_server_find(world, server));
    CU_ASSERT_EQUAL(idle_hours(), 1);
    leave();
}

/* Hetzner takes the delete, and does not do it; the third hour begins. */
static void a_delete_that_failed_is_no_fault_of_ours(void)
{
    uint64_t action;
    watched(0);
    uint64_t server = ours(1, true);
    look_for(118);
    world_trouble_next(world, WORLD_TROUBLE_DELETE_FAILS, 1);
    CU_ASSERT_EQUAL(world_server_delete(world, server, &action), WORLD_OK);
    look_for(5);
    CU_ASSERT_PTR_NOT_NULL(world_server_find(world, server));
    CU_ASSERT_EQUAL(idle_hours(), 0);
    look_for(120); /* that was long ago */
    CU_ASSERT(idle_hours() > 0);
    leave();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an hour for an idle machine breaks a promise",
         an_hour_for_an_idle_machine_breaks_a_promise},
        {"a job makes it used", a_job_makes_it_used},
        {"the minimum keeps a machine", the_minimum_keeps_a_machine},
        {"the minimum keeps no more than that", the_minimum_keeps_no_more_than_that},
        {"one that never came does not count for the minimum",
         one_that_never_came_does_not_count_for_the_minimum},
        {"one that may come yet counts for the minimum",
         one_that_may_come_yet_counts_for_the_minimum},
        {"a fenced one does not count for the minimum",
         a_fenced_one_does_not_count_for_the_minimum},
        {"a name is used up by a server that was shown",
         a_name_is_used_up_by_a_server_that_was_shown},
        {"one that was taken over needs no demand", one_that_was_taken_over_needs_no_demand},
        {"a minimum that nobody makes is found", a_minimum_that_nobody_makes_is_found},
        {"a minimum is not made twice", a_minimum_is_not_made_twice},
        {"a job that nobody serves is found", a_job_that_nobody_serves_is_found},
        {"a pool that is full need not grow", a_pool_that_is_full_need_not_grow},
        {"room is what was free for long", room_is_what_was_free_for_long},
        {"a delete that failed is no fault of ours", a_delete_that_failed_is_no_fault_of_ours},
        {"one that goes keeps no minimum", one_that_goes_keeps_no_minimum},
        {"one that never came holds its pool up", one_that_never_came_holds_its_pool_up},
        {"an hour of some seconds is seen", an_hour_of_some_seconds_is_seen},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("witness", tests);
}
