/* What the simulation found in the core, each as the shortest story that shows it: pictures that
 * come late or from the future, lists that lack one entry, restarts that forget, machines that join
 * after they were given up. May not: do I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

static struct world *begin(void)
{
    struct world *world = world_new();
    world_configure(world, "life.idle_timeout", "0s");
    world_start(world, NULL);
    world_poll(world);
    return world;
}

static void serve(struct world *world, uint32_t count, uint64_t *runner)
{
    world_serve_many(world, count, runner);
    world_poll(world);
}

/* The last create, answered: its server is there and nothing of it has come yet. */
static struct world_action *rent(struct world *world)
{
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    world_poll(world);
    return create;
}

/* A Hetzner picture that was begun `ago_ms` ago and lacks everything. */
static void feed_empty(struct world *world, int64_t ago_ms)
{
    uint32_t servers = world->servers;
    int64_t now = world->mono_ms;
    world->servers = 0;
    struct hetzner_snapshot *snapshot = calloc(1, sizeof *snapshot);
    CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
    snapshot->head = (struct snapshot_head){.sequence = ++world->sequence,
                                            .began_mono_ms = now - ago_ms,
                                            .ended_mono_ms = now - ago_ms,
                                            .wall_ms = world->wall_ms,
                                            .requests = 1};
    snapshot->currency = "EUR";
    world_step(world, &(struct core_event){
                          .kind = CORE_HETZNER, .owner = snapshot, .u.hetzner = snapshot});
    world->servers = servers;
    /* cppcheck-suppress memleak ; it goes to the core with the event */
}

static void test_a_late_picture_shows_nothing_new(void)
{
    struct world *world = begin();
    (void)rent(world);
    feed_empty(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    CU_ASSERT_NOT_EQUAL(world->out->status->nodes[0].server_id, 0);
    world_free(world);
}

static void test_a_picture_from_the_future_is_not_believed(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    serve(world, 1, &runner);
    feed_empty(world, -MINUTES(60));
    world_run(world, MINUTES(3)); /* later ones still count: it has not taken their place */
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STALE_SOURCE));
    CU_ASSERT_TRUE(world_state(world, 0) == NODE_BUSY || world_state(world, 0) == NODE_IDLE);
    world_unlist_server(world, world->action[0].node);
    world_run(world, MINUTES(5));
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world_free(world);
}

static void test_one_list_without_it_rents_no_other(void)
{
    struct world *world = begin();
    struct world_action *create = rent(world);
    struct hetzner_server kept = world->server[0];
    world_unlist_server(world, create->node);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world->server[world->servers++] = kept;
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

static void test_a_checkpoint_is_tried_again(void)
{
    struct world *world = begin();
    world_step(world, &(struct core_event){.kind = CORE_STORAGE, .u.storage_trouble = "full"});
    CU_ASSERT_TRUE(world->out->checkpoint_changed);
    world_poll(world); /* nothing moves, and it is written again all the same */
    CU_ASSERT_TRUE(world->out->checkpoint_changed);
    world_step(world, &(struct core_event){.kind = CORE_STORAGE, .u.storage_trouble = NULL});
    CU_ASSERT_FALSE(world->out->checkpoint_changed);
    world_free(world);
}

static void test_a_server_is_young_from_its_own_birth(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, create, OUTCOME_UNKNOWN, TROUBLE_TIMEOUT);
    world_run(world, MINUTES(5)); /* asked again by the same name, and made only then */
    create = world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    world_run(world, MINUTES(7)); /* 12 after the first ask, 7 after its birth */
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_run(world, MINUTES(4));
    CU_ASSERT_NOT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_free(world);
}

/* A machine that was given up before it joined, at its removal. */
static struct world_action *give_up(struct world *world)
{
    (void)rent(world);
    world_run(world, MINUTES(11));
    return world_last(world, ACTION_REMOVE_NODE);
}

/* All checkpoints are gone, and Kubernetes' first list is empty for a while (in which the machine
 * works). How many machines were given back after that long. */
static uint32_t gone_after_empty_lists_of(int64_t ms)
{
    uint64_t runner = 0;
    struct world *world = begin();
    serve(world, 1, &runner);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_run(world, MINUTES(60));
    uint32_t nodes = world->nodes, pods = world->pods;
    world_start(world, NULL);
    world->nodes = world->pods = 0;
    world_run(world, ms);
    world->nodes = nodes;
    world->pods = pods;
    world_run(world, MINUTES(1));
    uint32_t removes = world_count(world, ACTION_REMOVE_NODE);
    world_free(world);
    return removes;
}

static void test_a_first_list_that_lacks_it_is_not_its_end(void)
{
    CU_ASSERT_EQUAL(gone_after_empty_lists_of(WORLD_POLL_MS), 0);
    CU_ASSERT_EQUAL(gone_after_empty_lists_of(MINUTES(9)), 0);
    CU_ASSERT_EQUAL(gone_after_empty_lists_of(MINUTES(12)),
                    1); /* it never joined, for all we saw */
}

static void test_a_machine_that_joins_late_is_drained(void)
{
    struct world *world = begin();
    struct world_action *remove = give_up(world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(remove);
    (void)world_join(world, &world->action[0]);
    world->runners = 0; /* its node is there, and no runner as yet */
    world_answer(world, remove, OUTCOME_REFUSED, TROUBLE_RAIL);
    world->mono_ms += 500;
    world->wall_ms += 500;
    world_feed(world, SOURCE_KUBE);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_DEREGISTERING);
    world_poll(world);
    struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    world_answer(world, step, OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DRAIN_NODE));
    world_free(world);
}

static void test_after_a_runner_was_seen_it_looks_and_asks(void)
{
    struct world *world = begin();
    struct world_action *remove = give_up(world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(remove);
    world_answer(world, remove, OUTCOME_RUNNER_SEEN, TROUBLE_NONE);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1); /* not at once again */
    CU_ASSERT_EQUAL(world->out->poll_now, 7);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1); /* our pictures show no runner */
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world_free(world);
}

#define BIT(source) (1u << (source))

/* As many pictures of Hetzner as it answers, while Gitea and Kubernetes are away: none calls for
 * the next, or the requests that are kept for deletes would be spent on them. */
static void test_no_storm_of_looks_while_another_is_away(void)
{
    struct world *world = begin();
    uint64_t runner;
    uint32_t asked = 0;
    serve(world, 1, &runner);
    world_restart(world); /* what was last asked of it has no known outcome */
    for (unsigned i = 0; i < 100; i++) {
        world_advance(world, 500);
        world_feed(world, SOURCE_HETZNER);
        asked += (world->out->poll_now & BIT(SOURCE_HETZNER)) != 0;
    }
    CU_ASSERT_EQUAL(asked, 0);
    CU_ASSERT_EQUAL(world->out->poll_now, BIT(SOURCE_GITEA) | BIT(SOURCE_KUBE));
    world_free(world);
}

/* A look that was asked for is under way: the others' pictures do not ask again. Its own does,
 * where it was begun before. */
static void test_a_look_is_asked_for_once(void)
{
    struct world *world = begin();
    struct world_action *remove = give_up(world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(remove);
    world_answer(world, remove, OUTCOME_UNKNOWN, TROUBLE_NONE);
    CU_ASSERT_EQUAL(world->out->poll_now, 7);
    world_feed(world, SOURCE_GITEA); /* begun no later than the answer */
    CU_ASSERT_EQUAL(world->out->poll_now, BIT(SOURCE_GITEA));
    world_advance(world, 500);
    world_feed(world, SOURCE_HETZNER);
    CU_ASSERT_EQUAL(world->out->poll_now, 0);
    world_feed(world, SOURCE_KUBE);
    CU_ASSERT_EQUAL(world->out->poll_now, 0);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 1);
    world_step(world, &(struct core_event){.kind = CORE_TICK}); /* it may have been lost */
    CU_ASSERT_EQUAL(world->out->poll_now, BIT(SOURCE_GITEA));
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_EQUAL(world->out->poll_now, 0);
    world_free(world);
}

static void test_one_list_without_it_forgets_no_runner(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    serve(world, 1, &runner);
    world->pods = 0; /* its pod is gone: by name it is nobody's */
    world->runner[0].online = false;
    world_poll(world);
    struct gitea_runner kept = world->runner[0];
    world_unlist_runner(world, runner);
    world_poll(world);
    world->runner[world->runners++] = kept;
    world_run(world, MINUTES(12)); /* offline for too long: it is given back */
    struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    CU_ASSERT_EQUAL(step->runners, 1);
    CU_ASSERT_EQUAL(step->runner[0], runner);
    world_free(world);
}

static void test_a_persons_fence_holds_no_machine_that_is_gone(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    serve(world, 1, &runner);
    world->runner[0].disabled = true;
    world_run(world, MINUTES(1));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    world_unlist_server(world, world->server[0].name);
    world->runner[0].online = false;
    world_run(world, MINUTES(3));
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    world_free(world);
}

/* A create is asked, the checkpoint is lost, and the actuator knows of it. */
static struct world *world_with_a_create_of_before(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    struct unknown_action unknown = {
        .id = world->action[0].id, .kind = ACTION_CREATE_SERVER, .node = world->action[0].node};
    struct actuator_state state = {
        .epoch = world->epoch, .counter = 1, .unknown = &unknown, .unknown_count = 1};
    world_start(world, NULL);
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    return world;
}

static void test_a_create_that_only_the_actuator_knows_is_coming(void)
{
    struct world *world = world_with_a_create_of_before();
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_NOT_EQUAL(world->out->status->nodes[0].server_id, 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

/* It died with it: the server is looked for by its name and its id, or made of what is sold. */
static void test_a_create_of_before_is_asked_again_whole(void)
{
    struct world *world = world_with_a_create_of_before();
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    CU_ASSERT_STRING_EQUAL(world->action[1].node, world->action[0].node);
    CU_ASSERT_STRING_EQUAL(world->action[1].label_id, world->action[0].label_id);
    CU_ASSERT_STRING_EQUAL(world->action[1].location, world->action[0].location);
    world_free(world);
}

/* A note of ours cannot be taken away, and the node works and rests meanwhile. */
static void test_work_makes_nothing_more_urgent(void)
{
    char note[64];
    struct world *world = begin();
    uint64_t runner = 0;
    serve(world, 1, &runner);
    world_run(world, MINUTES(1));
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world->node[0].fence_note = note;
    for (uint32_t i = 1; i <= 6; i++) {
        while (world_count(world, ACTION_RELEASE_RUNNERS) < i)
            world_poll(world);
        world_answer(world, world_last(world, ACTION_RELEASE_RUNNERS), OUTCOME_FAILED,
                     TROUBLE_SERVER_ERROR);
    }
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_IDLE);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 6);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STEP_FAILS));
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 7);
    world_free(world);
}

/* A fence's note stands at a machine whose runner is not online yet, and cannot be taken away; the
 * runner comes online meanwhile. */
static void test_nor_does_a_machine_that_joins(void)
{
    char note[64];
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    uint64_t runner = world_join(world, create);
    world_runner(world, runner)->online = false;
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world->node[0].fence_note = note;
    for (uint32_t i = 1; i <= 4; i++) {
        for (unsigned polls = 0; polls < 40 && world_count(world, ACTION_RELEASE_RUNNERS) < i;
             polls++)
            world_poll(world);
        CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_RELEASE_RUNNERS), i);
        world_answer(world, world_last(world, ACTION_RELEASE_RUNNERS), OUTCOME_FAILED,
                     TROUBLE_SERVER_ERROR);
    }
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_runner(world, runner)->online = true;
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 4);
    world_free(world);
}

/* All died while a runner was being deregistered, and an old checkpoint says that its node works:
 * the order to delete it may be on its way for as long as an action may take. */
static void test_a_fence_outlasts_what_is_on_its_way(void)
{
    static char note[64];
    struct world *world = begin();
    uint64_t runner = 0;
    serve(world, 1, &runner);
    world_run(world, MINUTES(1));
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world->node[0].fence_note = note;
    world_runner(world, runner)->disabled = true;
    world_restart(world);
    struct unknown_action unknown = {
        .id = {1, 99}, .kind = ACTION_DEREGISTER_RUNNERS, .node = world->action[0].node};
    struct actuator_state state = {
        .epoch = 1, .counter = 99, .unknown = &unknown, .unknown_count = 1};
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
    world_run(world, MINUTES(1) - WORLD_POLL_MS);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    world_free(world);
}

static void test_what_vanished_before_its_removal_counts(void)
{
    struct world *world = begin();
    uint64_t runner[2];
    serve(world, 2, runner);
    world_run(world, MINUTES(56)); /* both are given back */
    for (uint32_t i = 0; i < 2; i++) {
        struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
        while (step != NULL && step->answered)
            step--;
        CU_ASSERT_PTR_NOT_NULL_FATAL(step);
        world_answer(world, step, OUTCOME_DONE, TROUBLE_NONE);
    }
    world->runners = 0;
    uint32_t servers = world->servers;
    world->servers = 0;
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    for (uint32_t i = 0; i < world->actions; i++)
        if (world->action[i].kind == ACTION_DRAIN_NODE && !world->action[i].answered)
            world_answer(world, &world->action[i], OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_REMOVING);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world->servers = servers;
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a late picture shows nothing new", test_a_late_picture_shows_nothing_new},
        {"a picture from the future is not believed",
         test_a_picture_from_the_future_is_not_believed},
        {"one list without a new server rents no other", test_one_list_without_it_rents_no_other},
        {"a checkpoint is tried again until it is written", test_a_checkpoint_is_tried_again},
        {"no storm of looks while another is away", test_no_storm_of_looks_while_another_is_away},
        {"a look is asked for once", test_a_look_is_asked_for_once},
        {"a server is young from its own birth", test_a_server_is_young_from_its_own_birth},
        {"a first list that lacks it is not its end",
         test_a_first_list_that_lacks_it_is_not_its_end},
        {"a machine that joins late is drained", test_a_machine_that_joins_late_is_drained},
        {"after a runner was seen it looks, and asks",
         test_after_a_runner_was_seen_it_looks_and_asks},
        {"one list without it forgets no runner", test_one_list_without_it_forgets_no_runner},
        {"a person's fence holds no machine that is gone",
         test_a_persons_fence_holds_no_machine_that_is_gone},
        {"a create that only the actuator knows is coming",
         test_a_create_that_only_the_actuator_knows_is_coming},
        {"a create of before is asked again whole", test_a_create_of_before_is_asked_again_whole},
        {"nor does a machine that joins", test_nor_does_a_machine_that_joins},
        {"work makes nothing more urgent", test_work_makes_nothing_more_urgent},
        {"a fence outlasts what is on its way", test_a_fence_outlasts_what_is_on_its_way},
        {"what vanished before its removal counts", test_what_vanished_before_its_removal_counts},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_found", tests);
}
