/* The breaker: what vanishes at once is not believed, what goes in turn is, and a restart forgets
 * neither. May not: know how the core counts. */
#include "core_fixture.h"
#include "cunit_main.h"
#include "proto/message.h"

static struct world *begin(void)
{
    return world_begin("life.idle_timeout", "0s");
}

static void test_half_of_the_fleet_is_not_too_much(void)
{
    struct world *world = begin();
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    world_unlist_server(world, world->action[0].node);
    world_unlist_server(world, world->action[1].node);
    world_run(world, 30000);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_BREAKER));
    world_unlist_server(world, world->action[2].node);
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* "At once" ends twice the age after the first that vanished: with `late` one look later. */
static bool opens_when_the_third_follows_after(int64_t ms)
{
    struct world *world = begin();
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    world_unlist_node(world, world->action[0].node);
    world_unlist_node(world, world->action[1].node);
    world_poll(world);
    world_run(world, ms - WORLD_POLL_MS);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_BREAKER));
    world_unlist_node(world, world->action[2].node);
    world_poll(world);
    bool opened = world_alarm(world, ALARM_BREAKER);
    world_free(world);
    return opened;
}

static void test_what_vanishes_in_turn_opens_nothing(void)
{
    CU_ASSERT_TRUE(opens_when_the_third_follows_after(MINUTES(2)));
    CU_ASSERT_FALSE(opens_when_the_third_follows_after(MINUTES(2) + WORLD_POLL_MS));
}

/* Of five, two went long ago; two of the other three are most of what was there. */
static void test_what_went_long_ago_is_no_part_of_the_fleet(void)
{
    struct world *world = begin();
    uint64_t runner[5];
    world_serve_many(world, 5, runner);
    world_run(world, MINUTES(1));
    for (uint32_t i = 0; i < 4; i++) {
        world_unlist_node(world, world->action[i].node);
        world_poll(world);
        CU_ASSERT_EQUAL(world_alarm(world, ALARM_BREAKER), i == 3);
        if (i < 2)
            world_run(world, MINUTES(5));
    }
    world_free(world);
}

static void test_the_breaker_knows_nodes_from_before(void)
{
    struct world *world = begin();
    uint64_t runner[3];
    world_serve_many(world, 3, runner);
    world_run(world, MINUTES(1));
    world_restart(world);
    world->nodes = 0; /* their runners are still listed */
    world_run(world, MINUTES(1));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* Two vanish long before the restart, as when a person took them away, and one after it. */
static void test_a_restart_remembers_what_vanished_when(void)
{
    struct world *world = begin();
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    world_unlist_node(world, world->action[0].node);
    world_unlist_runner(world, runner[0]);
    world_poll(world);
    world_run(world, MINUTES(5));
    world_unlist_node(world, world->action[1].node);
    world_unlist_runner(world, runner[1]);
    world_poll(world);
    CU_ASSERT_TRUE(world->out->checkpoint_changed);
    world_run(world, MINUTES(5));
    world_restart(world);
    world_poll(world);
    world_unlist_node(world, world->action[2].node);
    world_unlist_runner(world, runner[2]);
    world_poll(world);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

static void test_the_breaker_works_after_a_restart(void)
{
    struct world *world = begin();
    uint64_t runner[3];
    world_serve_many(world, 3, runner);
    world_run(world, MINUTES(2));
    world_restart(world);
    world->nodes = world->pods = world->runners = 0; /* Kubernetes and Gitea show nothing now */
    world_run(world, MINUTES(20));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_free(world);
}

/* Three of four vanish, and the demand brings others: the three are still gone. */
static void test_new_nodes_do_not_make_up_for_those_that_vanished(void)
{
    struct world *world = world_new();
    world_configure(world, "rails.max_servers", "12");
    world_configure(world, "pools[0].max", "12");
    world_configure(world, "rails.creates_per_minute", "20");
    world_start(world, NULL);
    world_poll(world);
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    for (uint32_t i = 0; i < 3; i++)
        world_unlist_node(world, world->action[i].node);
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    uint32_t before = world->actions;
    for (uint32_t i = 0; i < 10; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = before; i < world->actions; i++)
        if (world->action[i].kind == ACTION_CREATE_SERVER)
            (void)world_serve(world, &world->action[i]);
    world_run(world, MINUTES(1));
    CU_ASSERT_TRUE(world->nodes >= 4); /* more than have vanished */
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* One that knows the first nodes only. */
static void start_from_an_old_checkpoint(struct world *world, uint32_t nodes)
{
    struct error error;
    struct checkpoint old = *world->out->checkpoint;
    old.sequence = 1;
    old.nodes_count = nodes;
    struct message *message = message_copy(MESSAGE_checkpoint, &old, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    world_start(world, message_checkpoint(message));
    message_free(message);
}

/* An old checkpoint knows three of five. The first look after the restart lacks two of the three
 * and shows the two that nobody remembered, which were not there before as far as anyone knows. */
static void test_what_a_look_brings_does_not_make_up_for_what_it_lacks(void)
{
    struct world *world = begin();
    uint64_t runner[5];
    world_serve_many(world, 5, runner);
    world_run(world, MINUTES(1));
    start_from_an_old_checkpoint(world, 3);
    world_unlist_node(world, world->action[0].node);
    world_unlist_node(world, world->action[1].node);
    world_poll(world);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 5);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* A restart without a checkpoint. Gitea shows runners whose names say whose they are, and then none
 * any more, before Kubernetes has answered once. */
static void test_runners_vanish_before_kubernetes_answers(void)
{
    struct world *world = world_new();
    uint64_t runner[3];
    world_configure(world, "gitea.runner_match", "node-name");
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 3, runner);
    for (uint32_t i = 0; i < 3; i++)
        world_runner(world, runner[i])->name = world->action[i].node;
    world_start(world, NULL);
    world_feed(world, SOURCE_HETZNER);
    world_feed(world, SOURCE_GITEA);
    world->runners = 0;
    world_advance(world, WORLD_POLL_MS);
    world_feed(world, SOURCE_GITEA);
    world_advance(world, WORLD_POLL_MS);
    world_feed(world, SOURCE_KUBE);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* All registered anew while we were down: whose they are only Kubernetes' pods say. */
static void test_runners_wait_for_kubernetes_to_name_them(void)
{
    struct world *world = begin();
    uint64_t runner[3];
    world_serve_many(world, 3, runner);
    world_run(world, MINUTES(1));
    world_restart(world);
    for (uint32_t i = 0; i < 3; i++)
        world_runner(world, runner[i])->id = world->next_id++;
    world_feed(world, SOURCE_HETZNER);
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* Three servers were made and no list has shown them: a restart, and the first list lacks them. */
static void test_what_no_list_ever_showed_can_vanish(void)
{
    struct world *world = begin();
    for (uint32_t i = 0; i < 3; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 0; i < 3; i++)
        world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    world->servers = 0;
    world_restart(world);
    world_feed(world, SOURCE_HETZNER); /* within the millisecond of the restart */
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* Two serve, two were made and no list has shown them: a restart, and the first list shows these
 * and lacks those. Twice, as the first time nothing else of it was written down. */
static void test_what_a_list_shows_first_does_not_make_up(void)
{
    struct world *world = begin();
    uint64_t runner[2];
    world_serve_many(world, 2, runner);
    world_run(world, MINUTES(1));
    for (uint32_t i = 0; i < 4; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 2; i < 4; i++)
        world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_EQUAL(world->servers, 4);
    world_restart(world);
    world_restart(world);
    world_unlist_server(world, world->action[0].node);
    world_unlist_server(world, world->action[1].node);
    world_advance(world, WORLD_POLL_MS);
    world_feed(world, SOURCE_HETZNER);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* An old checkpoint knows three of four. Gitea's first look lacks the runners of two and shows the
 * fourth's, which the next look of Hetzner names; that two are missing only Kubernetes' look tells.
 * All of it is one look of Gitea's. */
static void test_what_one_look_tells_late_is_one_look(void)
{
    struct world *world = world_new();
    uint64_t runner[4];
    world_configure(world, "gitea.runner_match", "node-name");
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 4, runner);
    for (uint32_t i = 0; i < 4; i++)
        world_runner(world, runner[i])->name = world->action[i].node;
    world_run(world, MINUTES(1));
    start_from_an_old_checkpoint(world, 3);
    world_unlist_runner(world, runner[0]);
    world_unlist_runner(world, runner[1]);
    world_feed(world, SOURCE_GITEA);
    world_advance(world, 20);
    world_feed(world, SOURCE_HETZNER);
    world_advance(world, 50);
    world_feed(world, SOURCE_KUBE);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 4);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* A machine whose clock stood in 1970 when it started; it is set, and hours later put back by ten
 * of them. What was seen is as long ago as a date can say, and not forgotten. */
static void test_a_clock_in_1970_forgets_nothing(void)
{
    struct world *world = world_new();
    uint64_t runner[4];
    world->skew_ms = 6000 - WORLD_START_MS;
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    world->skew_ms = 0;
    world_restart(world);
    world_run(world, MINUTES(1));
    world->skew_ms = -MINUTES(600);
    world_run(world, MINUTES(1));
    world_restart(world);
    for (uint32_t i = 0; i < 3; i++)
        world_unlist_node(world, world->action[i].node);
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

/* Nothing else moves: the vanishing alone is worth writing down. */
static void test_a_vanishing_is_written_down(void)
{
    struct world *world = begin();
    uint64_t runner[4];
    world_serve_many(world, 4, runner);
    world_run(world, MINUTES(1));
    world_poll(world);
    CU_ASSERT_FALSE(world->out->checkpoint_changed);
    world_unlist_node(world, world->action[0].node);
    world_advance(world, WORLD_POLL_MS);
    world_feed(world, SOURCE_KUBE);
    CU_ASSERT_TRUE(world->out->checkpoint_changed);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"half of the fleet", test_half_of_the_fleet_is_not_too_much},
        {"a restart: the breaker", test_the_breaker_knows_nodes_from_before},
        {"a restart: what vanished when", test_a_restart_remembers_what_vanished_when},
        {"what vanishes in turn opens nothing", test_what_vanishes_in_turn_opens_nothing},
        {"what went long ago", test_what_went_long_ago_is_no_part_of_the_fleet},
        {"the breaker works after a restart", test_the_breaker_works_after_a_restart},
        {"new nodes do not make up", test_new_nodes_do_not_make_up_for_those_that_vanished},
        {"what a look brings and lacks",
         test_what_a_look_brings_does_not_make_up_for_what_it_lacks},
        {"runners before Kubernetes", test_runners_vanish_before_kubernetes_answers},
        {"runners that Kubernetes names", test_runners_wait_for_kubernetes_to_name_them},
        {"what no list ever showed", test_what_no_list_ever_showed_can_vanish},
        {"what a list shows first", test_what_a_list_shows_first_does_not_make_up},
        {"what one look tells late is one look", test_what_one_look_tells_late_is_one_look},
        {"a clock in 1970 forgets nothing", test_a_clock_in_1970_forgets_nothing},
        {"a vanishing is written down", test_a_vanishing_is_written_down},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_breaker", tests);
}
