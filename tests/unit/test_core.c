/* The core's promises: what it rents, keeps and gives back, and what it never does. May not: do
 * I/O. */
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

/* One machine that ran its one job and is idle. */
static struct world *one_idle(uint64_t *runner)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    *runner = world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_unlist_jobs(world);
    world_run(world, 30000);
    return world;
}

static enum node_state state_of(const struct world *world)
{
    const struct status_node *node = world_node(world);
    return node != NULL ? node->state : node_state_count;
}

static void test_one_demand_one_create(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    CU_ASSERT_STRING_EQUAL(world->action[0].label_id, "1-1");
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

static void test_what_rents_nothing(void)
{
    struct world *world = begin();
    world_job(world, JOB_BLOCKED, "linux", 0);
    world_job(world, JOB_RUNNABLE, "gpu", 0);
    world_job(world, JOB_RUNNING, "linux", 999); /* its runner is gone */
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 0);
    CU_ASSERT_EQUAL(world->out->status->jobs_blocked, 1);
    CU_ASSERT_EQUAL(world->out->status->jobs_unserved, 1);
    CU_ASSERT_EQUAL(world->out->status->jobs_lost, 1);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_UNSERVED));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_LOST_JOB));
    world_free(world);
}

static void test_a_free_permanent_runner_is_room(void)
{
    static const char *const labels[] = {"linux", "big"};
    struct world *world = begin();
    world->runner[world->runners++] = (struct gitea_runner){
        .id = 77, .name = "permanent", .online = true, .labels = labels, .labels_count = 2};
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 0);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_free(world);
}

static void test_max_and_rails(void)
{
    struct world *world = begin();
    for (int i = 0; i < 20; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 5); /* pools[0].max */
    world_configure(world, "pools[0].max", "10");
    world_step(world, &(struct core_event){.kind = CORE_CONFIGURED, .u.config = world->config});
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 5); /* rails.max_servers */
    CU_ASSERT_TRUE(world_alarm(world, ALARM_RAIL));
    world_free(world);
}

static void test_creates_a_minute(void)
{
    struct world *world = world_new();
    world_configure(world, "rails.creates_per_minute", "2");
    world_start(world, NULL);
    for (int i = 0; i < 5; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 4);
    world_free(world);
}

static void test_money_is_a_rail(void)
{
    struct world *world = world_new();
    world_configure(world, "rails.max_hourly_cost", "0.25");
    world_start(world, NULL);
    for (int i = 0; i < 5; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2); /* 0.10 each */
    world_free(world);
}

static void test_idle_is_kept_until_the_hour_ends(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    CU_ASSERT_EQUAL(state_of(world), NODE_IDLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_node(world)->why, "hour is paid; goes at"));
    world_run(world, MINUTES(53));
    CU_ASSERT_EQUAL(state_of(world), NODE_IDLE);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(state_of(world), NODE_DEREGISTERING);
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->runner[0], runner);
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->reason, REASON_HOUR_ENDS);
    world_free(world);
}

static void test_the_steps_in_their_order(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    char name[WORLD_NAME];
    snprintf(name, sizeof name, "%s", world_node(world)->name);
    world_run(world, MINUTES(55));
    uint32_t asked = world->actions;
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world->actions, asked); /* at most one in flight a node */
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_EQUAL(state_of(world), NODE_DRAINING);
    world_unlist_runner(world, runner);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_answer(world, world_last(world, ACTION_DRAIN_NODE), OUTCOME_DONE, TROUBLE_NONE);
    CU_ASSERT_EQUAL(state_of(world), NODE_REMOVING);
    world_answer(world, world_last(world, ACTION_REMOVE_NODE), OUTCOME_DONE, TROUBLE_NONE);
    world_unlist_server(world, name);
    world_unlist_node(world, name);
    world_poll(world);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 0);
    CU_ASSERT_EQUAL(world->out->status->deleted, 1);
    CU_ASSERT_EQUAL(world->out->status->total_micro, 100000);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 0);
    world_free(world);
}

/* A machine that slept, or an API whose clock leapt: the hours are counted at once and told once.
 */
static void test_many_hours_at_once(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world->mono_ms += MINUTES(60) * 10000;
    world->wall_ms += MINUTES(60) * 10000;
    world_feed(world, SOURCE_HETZNER);
    CU_ASSERT_EQUAL(world->out->status->total_micro, UINT64_C(10001) * 100000);
    CU_ASSERT_EQUAL(world->out->status->hours_rolled, 10000);
    CU_ASSERT_EQUAL(world->out->lines_lost, 0);
    world_free(world);
}

static void test_busy_flag_alone_keeps_it(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    for (int i = 0; i < 720; i++) {
        world_runner(world, runner)->busy = i % 2 == 0; /* it flaps */
        world_poll(world);
        CU_ASSERT_EQUAL(state_of(world), NODE_BUSY);
    }
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

static void test_has_job_makes_it_busy(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_run(world, MINUTES(55));
    world_job(world, JOB_RUNNING, "linux", runner);
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_HAS_JOB,
                 TROUBLE_NONE);
    world_poll(world);
    CU_ASSERT_EQUAL(state_of(world), NODE_BUSY);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DRAIN_NODE), 0);
    world_free(world);
}

static void test_runner_seen_while_draining(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_run(world, MINUTES(55));
    world_answer(world, world_last(world, ACTION_DEREGISTER_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    world_answer(world, world_last(world, ACTION_DRAIN_NODE), OUTCOME_RUNNER_SEEN, TROUBLE_NONE);
    CU_ASSERT_EQUAL(state_of(world), NODE_DEREGISTERING);
    world_free(world);
}

static void test_stale_stops_teardown(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_run(world, MINUTES(50));
    for (int i = 0; i < 120; i++) { /* Kubernetes says nothing any more */
        world->mono_ms += WORLD_POLL_MS;
        world->wall_ms += WORLD_POLL_MS;
        world_feed(world, SOURCE_HETZNER);
        world_feed(world, SOURCE_GITEA);
    }
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STALE_SOURCE));
    world_free(world);
}

static void test_clock_skew_stops_the_hours_sake(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world->skew_ms = MINUTES(5);
    world_run(world, MINUTES(58));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_CLOCK));
    world_free(world);
}

static void test_an_empty_list_is_not_believed(void)
{
    struct world *world = begin();
    for (int i = 0; i < 4; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 0; i < 4; i++)
        world_serve(world, &world->action[i]);
    world_unlist_jobs(world);
    world_run(world, 30000);
    world->servers = 0;
    world_run(world, MINUTES(30));
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 4);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_BREAKER));
    world_free(world);
}

static void test_one_server_gone_is_cleaned(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world->servers = 0;
    world_run(world, MINUTES(2));
    CU_ASSERT_PTR_NOT_NULL_FATAL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->reason, REASON_SERVER_GONE);
    world_free(world);
}

static void test_a_persons_fence(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_runner(world, runner)->disabled = true;
    world_run(world, MINUTES(120));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(world->actions, 1);
    world_free(world);
}

static void test_a_fence_of_ours_left_behind(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    char note[64];
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world_runner(world, runner)->disabled = true;
    world->node[0].fence_note = note;
    world_run(world, 30000);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    world_free(world);
}

/* The fence was lifted and its note was not: a person's fence of that runner would look like ours.
 */
static void test_a_note_of_ours_left_behind(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    char note[64];
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)runner);
    world->node[0].fence_note = note;
    world_run(world, 30000);
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    world->node[0].fence_note = "";
    world_answer(world, world_last(world, ACTION_RELEASE_RUNNERS), OUTCOME_DONE, TROUBLE_NONE);
    world_runner(world, runner)->disabled = true;
    world_run(world, MINUTES(2));
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    CU_ASSERT_EQUAL(world_count(world, ACTION_RELEASE_RUNNERS), 1);
    world_free(world);
}

static void test_never_joined(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_DONE, TROUBLE_NONE);
    world_unlist_jobs(world);
    world_run(world, MINUTES(9));
    CU_ASSERT_EQUAL(world_count(world, ACTION_REMOVE_NODE), 0);
    world_run(world, MINUTES(2));
    CU_ASSERT_PTR_NOT_NULL_FATAL(world_last(world, ACTION_REMOVE_NODE));
    CU_ASSERT_EQUAL(world_last(world, ACTION_REMOVE_NODE)->reason, REASON_NEVER_JOINED);
    world_free(world);
}

static void test_runner_gone(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_runner(world, runner)->online = false;
    world_run(world, MINUTES(9));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_run(world, MINUTES(2));
    CU_ASSERT_PTR_NOT_NULL_FATAL(world_last(world, ACTION_DEREGISTER_RUNNERS));
    CU_ASSERT_EQUAL(world_last(world, ACTION_DEREGISTER_RUNNERS)->reason, REASON_RUNNER_GONE);
    world_free(world);
}

static void test_a_lost_answer_is_looked_for(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action first = *world_last(world, ACTION_CREATE_SERVER);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_UNKNOWN, TROUBLE_TIMEOUT);
    world_run(world, MINUTES(1));
    struct world_action *second = world_last(world, ACTION_CREATE_SERVER);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2); /* the same one again */
    CU_ASSERT_STRING_EQUAL(second->node, first.node);
    CU_ASSERT_STRING_EQUAL(second->label_id, first.label_id);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    world_free(world);
}

static void test_sold_out_takes_the_next_offer(void)
{
    struct world *world = world_new();
    world_configure(world, "pools[0].offers[1].server_type", "ccx33");
    world_configure(world, "pools[0].offers[1].location", "fsn1");
    world_start(world, NULL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    CU_ASSERT_STRING_EQUAL(world->out->action[0].action.location, "fsn1");
    world_answer(world, world_last(world, ACTION_CREATE_SERVER), OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    world_run(world, MINUTES(4));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 3);
    world_free(world);
}

static void test_restart_keeps_idle_time(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_run(world, MINUTES(20));
    int64_t idle_ms = world_node(world)->idle_ms;
    struct core *old = world->core;
    struct core_output *kept = world->out;
    world->core = NULL;
    world->out = calloc(1, sizeof *world->out);
    world_start(world, kept->checkpoint);
    CU_ASSERT_EQUAL(world->out->ready, false);
    CU_ASSERT_EQUAL(world->out->action_count, 0);
    world_poll(world);
    CU_ASSERT_TRUE(world->out->ready);
    CU_ASSERT_EQUAL(state_of(world), NODE_IDLE);
    CU_ASSERT_TRUE(world_node(world)->idle_ms >= idle_ms);
    CU_ASSERT_EQUAL(world->out->status->total_micro, 100000); /* not paid twice */
    world_run(world, MINUTES(36));
    CU_ASSERT_EQUAL(state_of(world), NODE_DEREGISTERING); /* and it goes on as before */
    void *owners[3];
    core_end(old, owners);
    for (unsigned i = 0; i < 3; i++)
        free(owners[i]);
    free(old);
    free(kept);
    world_free(world);
}

static void test_restart_without_a_checkpoint_adopts(void)
{
    uint64_t runner = 0;
    struct world *world = one_idle(&runner);
    world_start(world, NULL);
    world_run(world, 30000);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    CU_ASSERT_EQUAL(state_of(world), NODE_IDLE);
    world_free(world);
}

static void test_observe_acts_never(void)
{
    struct world *world = world_new();
    world_configure(world, "mode", "observe");
    world_start(world, NULL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    bool said = false;
    for (int i = 0; i < 20; i++) {
        world_poll(world);
        for (uint32_t l = 0; l < world->out->line_count; l++)
            said = said || strstr(world->out->line[l].text, "create_server") != NULL;
    }
    CU_ASSERT_TRUE(said);
    CU_ASSERT_EQUAL(world->actions, 0);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"one demand, one create", test_one_demand_one_create},
        {"blocked, unserved and lost jobs rent nothing", test_what_rents_nothing},
        {"a free permanent runner is room", test_a_free_permanent_runner_is_room},
        {"max and max_servers", test_max_and_rails},
        {"creates a minute", test_creates_a_minute},
        {"money is a rail", test_money_is_a_rail},
        {"idle is kept until its hour ends", test_idle_is_kept_until_the_hour_ends},
        {"the steps in their order", test_the_steps_in_their_order},
        {"many hours at once", test_many_hours_at_once},
        {"a flapping busy flag keeps it busy", test_busy_flag_alone_keeps_it},
        {"has-job makes it busy", test_has_job_makes_it_busy},
        {"a runner seen while draining", test_runner_seen_while_draining},
        {"a stale picture stops teardown", test_stale_stops_teardown},
        {"clocks that disagree", test_clock_skew_stops_the_hours_sake},
        {"an empty list is not believed", test_an_empty_list_is_not_believed},
        {"one server gone is cleaned up after", test_one_server_gone_is_cleaned},
        {"a person's fence is left alone", test_a_persons_fence},
        {"a fence of ours left behind is lifted", test_a_fence_of_ours_left_behind},
        {"a note of ours left behind is taken away", test_a_note_of_ours_left_behind},
        {"a server that never joins goes", test_never_joined},
        {"a node whose runner is gone goes", test_runner_gone},
        {"a lost answer is looked for", test_a_lost_answer_is_looked_for},
        {"sold out: the next offer, then a pause", test_sold_out_takes_the_next_offer},
        {"a restart keeps the idle time", test_restart_keeps_idle_time},
        {"a restart without a checkpoint adopts", test_restart_without_a_checkpoint_adopts},
        {"observe acts never", test_observe_acts_never},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core", tests);
}
