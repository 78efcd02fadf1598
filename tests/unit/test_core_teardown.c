/* Promises of a teardown: its steps, their pauses and doubts, what comes back, and how it ends.
 * Each was seen to fail with one line of the core wrong. May not: do I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

static struct world *begin(void)
{
    struct world *world = world_new();
    world_start(world, NULL);
    world_poll(world);
    return world;
}

static void serve(struct world *world, uint32_t count, uint64_t *runner)
{
    for (uint32_t i = 0; i < count; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 0; i < count; i++)
        runner[i] = world_serve(world, &world->action[i]);
    world_unlist_jobs(world);
    world_run(world, MINUTES(1));
}

static void tick(struct world *world)
{
    world_step(world, &(struct core_event){.kind = CORE_TICK});
}

static void reload(struct world *world, const char *path, const char *value)
{
    world_configure(world, path, value);
    world_step(world, &(struct core_event){.kind = CORE_CONFIGURED, .u.config = world->config});
}

static void answer_with(struct world *world, struct action_result result)
{
    struct world_action *action = world_last(world, result.kind);
    CU_ASSERT_PTR_NOT_NULL_FATAL(action);
    result.id = action->id;
    result.text = "so it was";
    world_step(world, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
}

static void answer(struct world *world, enum action_kind kind, enum outcome outcome)
{
    answer_with(world,
                (struct action_result){.kind = kind,
                                       .outcome = outcome,
                                       .trouble = outcome == OUTCOME_FAILED ? TROUBLE_SERVER_ERROR
                                                                            : TROUBLE_NONE});
}

/* One machine, idle, that is asked for its runners at the end of its hour. */
static struct world *retiring(uint64_t *runner)
{
    struct world *world = begin();
    serve(world, 1, runner);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0 && world->mono_ms < MINUTES(100))
        world_poll(world);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    return world;
}

/* ... and whose runners are gone. */
static struct world *draining(uint64_t *runner)
{
    struct world *world = retiring(runner);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_DONE);
    world_unlist_runner(world, *runner);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_DRAIN_NODE), 1);
    return world;
}

static void test_a_result_that_never_comes(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    int64_t most = 2 * world->config->life.action_deadline_ms + 1000;
    int64_t due = world->mono_ms + most;
    world_run(world, most - 2 * WORLD_POLL_MS);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_advance(world, due - world->mono_ms + 1);
    tick(world); /* it may have happened: looked at first */
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

static void test_again_waits_as_long_as_it_says(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    answer_with(world, (struct action_result){.kind = ACTION_DEREGISTER_RUNNERS,
                                              .outcome = OUTCOME_AGAIN,
                                              .retry_after_ms = 30000});
    world_run(world, 25000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_run(world, 10000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

/* Each failure is answered with another; how often it is asked in an hour. */
static void test_failures_back_off_and_are_said(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    uint32_t seen = 0;
    for (int i = 0; i < 360; i++) {
        uint32_t asked = world_count(world, ACTION_DEREGISTER_RUNNERS);
        if (asked > seen)
            answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_FAILED);
        seen = asked;
        CU_ASSERT_EQUAL(world_alarm(world, ALARM_STEP_FAILS), asked >= 3);
        world_poll(world);
    }
    CU_ASSERT_TRUE(seen >= 9 && seen <= 16); /* 1, 2, 4 ... 256, 300 seconds, in half an hour */
    world_restart(world);                    /* what was asked last is not known any more */
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STEP_FAILS));
    for (uint32_t i = 0; i < world->out->status->alarms_count; i++)
        if (world->out->status->alarms[i].kind == ALARM_STEP_FAILS)
            CU_ASSERT_PTR_NOT_NULL(
                strstr(world->out->status->alarms[i].text, "deregister_runner of"));
    world_free(world);
}

static void test_a_refusal_is_said(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_REFUSED);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_RAIL));
    world_free(world);
}

/* A runner whose pod is gone is known by memory alone: a release must not forget it. */
static void test_a_release_keeps_the_runners(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    world->pods = 0;
    world_job(world, JOB_RUNNING, "linux", runner);
    world_poll(world);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_HAS_JOB);
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_node(world)->jobs, 1);
    world_free(world);
}

/* A Gitea picture that is no newer than the release confirms nothing. */
static void test_rest_is_confirmed_by_looks_since(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_HAS_JOB);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_feed(world, SOURCE_GITEA); /* begun in that very instant */
    world_advance(world, world->config->life.idle_confirm_ms);
    world_feed(world, SOURCE_KUBE);
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_free(world);
}

/* The server, then the node and one list's runner vanish: the registration is still to be ended. */
static void test_a_known_runner_is_fenced_though_unlisted(void)
{
    uint64_t runner = 0;
    struct world *world = begin();
    serve(world, 1, &runner);
    world->servers = 0;
    world_poll(world);
    world_poll(world);
    struct gitea_runner kept = world->runner[0];
    world->nodes = world->pods = world->runners = 0;
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 0);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->runner[0], runner);
    world->runner[world->runners++] = kept;
    world_free(world);
}

static void test_a_drain_is_skipped_by_fresh_pictures_only(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    world_unlist_node(world, world_node(world)->name);
    world_poll(world); /* Kubernetes does not show it, before the runners went */
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_DONE);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_DRAINING);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_free(world);
}

/* It was there: a list without it does not end its drain, the actuator does. */
static void test_a_list_without_the_node_ends_no_drain(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    world->nodes = world->pods = 0;
    answer_with(world, (struct action_result){.kind = ACTION_DRAIN_NODE,
                                              .outcome = OUTCOME_AGAIN,
                                              .retry_after_ms = 8000});
    world_run(world, 10000);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_DRAINING);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 2);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_free(world);
}

/* No list shows its runner any longer: the actuator looks for one by its own marks all the same. */
static void test_a_node_without_a_listed_runner_is_looked_at(void)
{
    uint64_t runner = 0;
    struct world *world = begin();
    serve(world, 1, &runner);
    world->runners = 0;
    world_run(world, MINUTES(13));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 0);
    CU_ASSERT_TRUE(world_count(world, ACTION_DEREGISTER_RUNNERS) > 0);
    world_free(world);
}

/* It never joined as far as we know, and the actuator saw a runner of it: its drain is left out by
 * a Kubernetes picture only that was begun after the runners went. */
static void test_a_late_joiner_is_drained(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_DONE, TROUBLE_NONE);
    world_unlist_jobs(world);
    world_run(world, MINUTES(11));
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_REMOVE_NODE), 1);
    answer(world, ACTION_REMOVE_NODE, OUTCOME_RUNNER_SEEN);
    world_poll(world);
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_DONE);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 1);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_RUNNER_SEEN); /* and once more */
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1);
    world_free(world);
}

static void test_a_drain_is_forced_at_its_deadline(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    CU_ASSERT_FALSE(world_last(world, ACTION_DRAIN_NODE)->force);
    for (int i = 0; i < 20; i++) {
        answer(world, ACTION_DRAIN_NODE, OUTCOME_AGAIN);
        world_poll(world);
    }
    CU_ASSERT_FALSE(world_last(world, ACTION_DRAIN_NODE)->force);
    for (int i = 0; i < 6; i++) { /* two minutes */
        answer(world, ACTION_DRAIN_NODE, OUTCOME_AGAIN);
        world_poll(world);
    }
    CU_ASSERT_TRUE(world_last(world, ACTION_DRAIN_NODE)->force);
    world_free(world);
}

/* Gitea is away when its drain begins: the deadline counts from the first order, which lets budgets
 * be. */
static void test_a_drain_that_could_not_be_asked_is_not_forced(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    int64_t deadline = world->config->life.drain_deadline_ms;
    world_advance(world, MINUTES(2)); /* nobody looks, and what was seen is too old */
    answer(world, ACTION_DEREGISTER_RUNNERS, OUTCOME_DONE);
    world_unlist_runner(world, runner);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_DRAIN_NODE), 0);
    world_advance(world, deadline + MINUTES(1));
    world_poll(world);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_DRAIN_NODE), 1);
    CU_ASSERT_FALSE(world_last(world, ACTION_DRAIN_NODE)->force);
    for (int64_t ms = 0; ms < deadline - WORLD_POLL_MS; ms += WORLD_POLL_MS) {
        answer(world, ACTION_DRAIN_NODE, OUTCOME_AGAIN);
        world_poll(world);
    }
    CU_ASSERT_FALSE(world_last(world, ACTION_DRAIN_NODE)->force);
    for (int i = 0; i < 3; i++) {
        answer(world, ACTION_DRAIN_NODE, OUTCOME_AGAIN);
        world_poll(world);
    }
    CU_ASSERT_TRUE(world_last(world, ACTION_DRAIN_NODE)->force);
    world_free(world);
}

static void test_no_drain_on_stale_pictures(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_AGAIN);
    world_advance(world, MINUTES(2));
    world_feed(world, SOURCE_HETZNER);
    world_feed(world, SOURCE_GITEA); /* Kubernetes says nothing */
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 1);
    world_free(world);
}

static void test_a_drained_node_is_removed_once(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_DONE);
    world_run(world, 30000); /* its node is still listed */
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_REMOVING);
    answer(world, ACTION_REMOVE_NODE, OUTCOME_AGAIN);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_REMOVING);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 1);
    world_free(world);
}

static void test_what_is_still_listed_is_not_gone(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_DONE);
    answer(world, ACTION_REMOVE_NODE, OUTCOME_DONE);
    world->servers = 0;
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1); /* its Kubernetes node is listed */
    world_free(world);
    world = draining(&runner);
    answer(world, ACTION_DRAIN_NODE, OUTCOME_DONE);
    answer(world, ACTION_REMOVE_NODE, OUTCOME_DONE);
    world->nodes = world->pods = 0;
    world_run(world, MINUTES(2)); /* its server is: asked again after the grace */
    CU_ASSERT_TRUE(world_count(world, ACTION_REMOVE_NODE) >= 2);
    world_free(world);
}

/* A registration that comes back while its node drains is fenced first, online or not. */
static void test_a_runner_back_offline_counts(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    answer_with(world, (struct action_result){.kind = ACTION_DRAIN_NODE,
                                              .outcome = OUTCOME_AGAIN,
                                              .retry_after_ms = 30000});
    world->runner[world->runners++] =
        (struct gitea_runner){.id = 900, .name = world->pod[0].name, .online = false};
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_DEREGISTERING);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

/* The actuator saw one that our pictures do not show: it looks for it again by its own marks. */
static void test_a_runner_only_the_actuator_saw(void)
{
    uint64_t runner = 0;
    struct world *world = draining(&runner);
    world_poll(world);
    world->nodes = world->pods = 0;
    answer(world, ACTION_DRAIN_NODE, OUTCOME_RUNNER_SEEN);
    world_poll(world);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_free(world);
}

/* Two machines too many, drained. */
static struct world *two_to_remove(const char *deletes_per_minute)
{
    uint64_t runner[3];
    struct world *world = world_new();
    world_configure(world, "rails.deletes_per_minute", deletes_per_minute);
    world_start(world, NULL);
    world_poll(world);
    serve(world, 3, runner);
    reload(world, "pools[0].max", "1");
    for (uint32_t i = 0; i < world->actions; i++)
        if (world->action[i].kind == ACTION_DEREGISTER_RUNNERS) {
            world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
            world_unlist_runner(world, world->action[i].runner[0]);
        }
    for (uint32_t i = 0; i < world->actions; i++)
        if (world->action[i].kind == ACTION_DRAIN_NODE)
            world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    return world;
}

static void test_deletes_a_minute(void)
{
    struct world *world = two_to_remove("1");
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1);
    world_run(world, 45000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 2);
    world_free(world);
}

static void test_our_own_removals_do_not_open_the_breaker(void)
{
    struct world *world = two_to_remove("10");
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 2);
    for (uint32_t i = 0; i < world->actions; i++)
        if (world->action[i].kind == ACTION_REMOVE_NODE)
            world_unlist_server(world, world->action[i].node);
    world_poll(world); /* the lists show it before the results say it */
    CU_ASSERT_FALSE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

static void test_a_lifted_fence_is_lifted_once(void)
{
    uint64_t runner = 0;
    struct world *world = begin();
    char note[64];
    serve(world, 1, &runner);
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world_runner(world, runner)->disabled = true;
    world_advance(world, 1000);
    world_feed(world, SOURCE_GITEA); /* our note is on its way: nobody calls it a person's yet */
    CU_ASSERT_FALSE(world_alarm(world, ALARM_FOREIGN_FENCE));
    world->node[0].fence_note = note;
    world_poll(world);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    answer(world, ACTION_RELEASE_RUNNERS, OUTCOME_DONE);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1); /* the old list shows it */
    world_runner(world, runner)->disabled = false;
    world->node[0].fence_note = "";
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    world_free(world);
}

static void test_a_teardown_that_rolls_over_is_said(void)
{
    uint64_t runner = 0;
    struct world *world = retiring(&runner);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_ROLLED));
    world_run(world, MINUTES(6));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_ROLLED));
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a result that never comes", test_a_result_that_never_comes},
        {"again waits as long as it says", test_again_waits_as_long_as_it_says},
        {"failures back off and are said", test_failures_back_off_and_are_said},
        {"a refusal is said", test_a_refusal_is_said},
        {"a release keeps the runners", test_a_release_keeps_the_runners},
        {"rest is confirmed by looks since", test_rest_is_confirmed_by_looks_since},
        {"a known runner, unlisted, is fenced", test_a_known_runner_is_fenced_though_unlisted},
        {"a drain that could not be asked is not forced",
         test_a_drain_that_could_not_be_asked_is_not_forced},
        {"a drain is skipped by fresh pictures", test_a_drain_is_skipped_by_fresh_pictures_only},
        {"a list without the node", test_a_list_without_the_node_ends_no_drain},
        {"a node without a listed runner", test_a_node_without_a_listed_runner_is_looked_at},
        {"a late joiner is drained", test_a_late_joiner_is_drained},
        {"a drain is forced at its deadline", test_a_drain_is_forced_at_its_deadline},
        {"no drain on stale pictures", test_no_drain_on_stale_pictures},
        {"a drained node is removed once", test_a_drained_node_is_removed_once},
        {"what is still listed is not gone", test_what_is_still_listed_is_not_gone},
        {"a runner back, offline, counts", test_a_runner_back_offline_counts},
        {"a runner only the actuator saw", test_a_runner_only_the_actuator_saw},
        {"deletes a minute", test_deletes_a_minute},
        {"our own removals and the breaker", test_our_own_removals_do_not_open_the_breaker},
        {"a lifted fence is lifted once", test_a_lifted_fence_is_lifted_once},
        {"a teardown that rolls over is said", test_a_teardown_that_rolls_over_is_said},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_teardown", tests);
}
