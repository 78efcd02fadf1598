/* Promises of what is believed and remembered: names and ids that only look alike, lists that lack
 * something, restarts, the paid hour. Each was seen to fail with one line of the core wrong. May
 * not: do I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "core_fixture.h"
#include "cunit_main.h"

static struct world *begin(void)
{
    return world_begin("mode", "act");
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

/* --------------------------------------------------------------------------- what looks alike */

/* A server of this id, name and label; the rest is as ours. */
static void list_server(struct world *world, uint64_t id, const char *name, const char *label_id)
{
    static struct label store[16][4];
    static unsigned next;
    struct label *label = store[next++ % 16];
    label[0] = (struct label){SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE};
    label[1] = (struct label){SERVER_LABEL_CLUSTER, "default"};
    label[2] = (struct label){SERVER_LABEL_POOL, "linux"};
    label[3] = (struct label){SERVER_LABEL_ID, label_id};
    world->server[world->servers++] = (struct hetzner_server){.id = id,
                                                              .name = name,
                                                              .status = SERVER_RUNNING,
                                                              .created_ms = world->wall_ms,
                                                              .server_type = "ccx33",
                                                              .location = "nbg1",
                                                              .labels = label,
                                                              .labels_count = 4};
}

static void test_another_action_made_it(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world); /* 1-1 is asked for */
    list_server(world, 4711, world->action[0].node, "1-9");
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STRANGER));
    CU_ASSERT_EQUAL(world_node(world)->server_id, 0);
    world_free(world);
}

static void test_a_second_server_of_the_name(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    uint64_t first = world_node(world)->server_id;
    list_server(world, 4711, world->action[0].node, "1-1");
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STRANGER));
    CU_ASSERT_EQUAL(world_node(world)->server_id, first);
    world_free(world);
}

static void test_an_id_that_is_none(void)
{
    static const char *const wrong[] = {"0-5", "5-0", "5", "5-", "x-5", "5-5x", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct world *world = begin();
        list_server(world, 4711, "ebb-linux-9-9", wrong[i]);
        world_poll(world);
        CU_ASSERT_TRUE(world_alarm(world, ALARM_STRANGER));
        CU_ASSERT_EQUAL(world->out->status->nodes_count, 0);
        world_free(world);
    }
}

static void test_a_node_that_runs_elsewhere(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    (void)world_join(world, &world->action[0]);
    world->node[0].provider_id = "hcloud://999999";
    world->runners = 0;
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_STRANGER));
    world_free(world);
}

/* The answer to an action of the epoch before, whose counter one of ours bears. */
static void test_an_answer_from_before_the_restart(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct action_result result = {.id = world->action[0].id,
                                   .kind = ACTION_CREATE_SERVER,
                                   .outcome = OUTCOME_DONE,
                                   .server_id = 4711,
                                   .text = ""};
    world_start(world, NULL);
    world_run(world, 35000); /* what was forgotten is waited for */
    CU_ASSERT_EQUAL(world_last(world, ACTION_CREATE_SERVER)->id.counter, result.id.counter);
    world_step(world, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
    CU_ASSERT_EQUAL(world_node(world)->server_id, 0);
    world_free(world);
}

/* The checkpoint is gone, and lists lack a machine that comes, until the one begun so long after
 * the start. How many servers were asked for in all. */
static uint32_t creates_when_lists_lack_until(int64_t ms)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    uint32_t there = world->servers;
    CU_ASSERT_EQUAL_FATAL(there, 1);
    world_start(world, NULL);
    world->servers = 0;
    world_run(world, ms - WORLD_POLL_MS);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world->servers = there;
    world_poll(world);
    uint32_t creates = world_count(world, ACTION_CREATE_SERVER);
    world_free(world);
    return creates;
}

/* The first that counts is begun a quarter of create_grace after the start, the second as long
 * after the first: between them they may be one list, given twice. */
static void test_what_was_forgotten_is_looked_for_twice(void)
{
    CU_ASSERT_EQUAL(creates_when_lists_lack_until(20000), 1);
    CU_ASSERT_EQUAL(creates_when_lists_lack_until(30000), 1);
}

static void test_ids_go_on_above_the_log(void)
{
    struct world *world = world_new();
    struct actuator_state state = {.epoch = 1, .counter = 41};
    world_start(world, NULL);
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_last(world, ACTION_CREATE_SERVER)->id.counter, 42);
    world_free(world);
}

/* A bent log is an alarm until an actuator starts that believes it; and stops nothing. */
static void test_a_bent_audit_log_is_an_alarm_and_no_reason_to_stop(void)
{
    struct world *world = world_new();
    struct actuator_state state = {.epoch = 1, .audit_trouble = "audit.jsonl line 17: changed"};
    struct core_event event = {.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state};
    world_start(world, NULL);
    world_step(world, &event);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_AUDIT));
    CU_ASSERT_PTR_NOT_NULL(world_last(world, ACTION_CREATE_SERVER));
    state.audit_trouble = "";
    world_step(world, &event);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_AUDIT));

    /* While it runs, too: as long as the actuator says so. */
    const struct audit_news news[] = {{.trouble = "the audit log is not sealed: full"},
                                      {.trouble = ""}};
    for (unsigned i = 0; i < 2; i++) {
        world_step(world, &(struct core_event){.kind = CORE_AUDIT_NEWS, .u.audit_news = &news[i]});
        CU_ASSERT_EQUAL(world_alarm(world, ALARM_AUDIT), i == 0);
    }
    world_free(world);
}

/* ------------------------------------------------------------------------------ what lists lack */

static void test_listed_again_is_there_again(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    struct hetzner_server kept = world->server[0];
    world->servers = 0;
    world_poll(world);
    world->server[world->servers++] = kept;
    world_run(world, MINUTES(10));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

static void test_a_runner_without_its_pod_is_still_its_nodes(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world->pods = 0;
    world_job(world, JOB_RUNNING, "linux", runner);
    world_run(world, MINUTES(12));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    CU_ASSERT_EQUAL(world_node(world)->jobs, 1);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world_free(world);
}

static void test_a_job_on_an_unlisted_runner_keeps_the_node(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_job(world, JOB_RUNNING, "linux", runner);
    world_runner(world, runner)->online = false;
    world_run(world, MINUTES(12));
    world_unlist_runner(world, runner);
    world_poll(world);
    world_poll(world);
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_free(world);
}

static void test_registered_is_not_online(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_DONE, TROUBLE_NONE);
    uint64_t runner = world_join(world, &world->action[0]);
    world_runner(world, runner)->online = false;
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_PROVISIONING);
    world_free(world);
}

static void test_busy_of_any_runner_counts(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    (void)second_runner(world, "second-x");
    world_runner(world, first)->busy = true;
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_BUSY);
    world_free(world);
}

/* Our note names one runner; a person disabled the other one. */
static void test_a_note_covers_whom_it_names(void)
{
    char note[64];
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    uint64_t second = second_runner(world, "second-y");
    world_run(world, MINUTES(1));
    snprintf(note, sizeof note, "v1.1795764000.%u", (unsigned)first);
    world->node[0].fence_note = note;
    world_runner(world, second)->disabled = true;
    world_poll(world);
    struct world_action *release = world_last(world, ACTION_RELEASE_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(release);
    struct action_result result = {.id = release->id,
                                   .kind = ACTION_RELEASE_RUNNERS,
                                   .outcome = OUTCOME_FAILED,
                                   .trouble = TROUBLE_SERVER_ERROR,
                                   .retry_after_ms = 60000,
                                   .text = ""};
    world_step(world, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
    world_run(world, 20000); /* the note stands, and does not name whom the person disabled */
    CU_ASSERT_TRUE(world_alarm(world, ALARM_FOREIGN_FENCE));
    world_free(world);
}

/* A picture that was begun before the one that is held does not take its place. */
static void test_a_late_picture_is_not_held(void)
{
    struct world *world = begin();
    world_advance(world, 30000);
    world_feed(world, SOURCE_HETZNER);
    struct hetzner_snapshot *late = calloc(1, sizeof *late);
    late->head = (struct snapshot_head){.sequence = ++world->sequence,
                                        .began_mono_ms = world->mono_ms - 1000,
                                        .ended_mono_ms = world->mono_ms - 500,
                                        .wall_ms = world->wall_ms - 500,
                                        .requests = 1};
    late->currency = "EUR";
    world_step(world, &(struct core_event){.kind = CORE_HETZNER, .owner = late, .u.hetzner = late});
    CU_ASSERT_EQUAL(world->out->status->sources[SOURCE_HETZNER].age_ms, 0);
    world_free(world);
}

/* A create with no known outcome, out of its time: the lists since are looked at before it is
 * forgotten. */
static void test_a_doubtful_create_is_not_forgotten_unseen(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    int64_t asked = world->mono_ms;
    world_unlist_jobs(world);
    world_run(world, MINUTES(10) - WORLD_POLL_MS);
    struct unknown_action unknown = {
        .id = world->action[0].id, .kind = ACTION_CREATE_SERVER, .node = world->action[0].node};
    struct actuator_state state = {
        .epoch = world->epoch, .counter = 1, .unknown = &unknown, .unknown_count = 1};
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
    world_advance(world, asked + MINUTES(10) + 1 - world->mono_ms);
    world_step(world, &(struct core_event){.kind = CORE_TICK});
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    world_poll(world);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 0);
    world_free(world);
}

/* -------------------------------------------------------------------------------- restarts */

static void test_a_restart_remembers_runners_without_pods(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(1));
    world->pods = 0;
    world_poll(world);
    world_restart(world);
    world_run(world, MINUTES(57));
    struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    CU_ASSERT_EQUAL_FATAL(step->runners, 1);
    CU_ASSERT_EQUAL(step->runner[0], runner);
    world_free(world);
}

static void test_a_restart_looks_before_it_asks(void)
{
    struct world *world = begin();
    uint64_t runner = 0;
    world_serve_many(world, 1, &runner);
    while (world_count(world, ACTION_DEREGISTER_RUNNERS) == 0)
        world_poll(world);
    world_restart(world);
    world_feed(world, SOURCE_HETZNER); /* begun in the very instant of the start */
    world_feed(world, SOURCE_KUBE);
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 2);
    world_free(world);
}

static void test_a_new_runner_is_written_down(void)
{
    struct world *world = world_begin("pools[0].capacity", "2");
    uint64_t first = 0;
    world_serve_many(world, 1, &first);
    world_run(world, MINUTES(1));
    world_poll(world);
    CU_ASSERT_FALSE(world->out->checkpoint_changed);
    (void)second_runner(world, "second-z");
    world_advance(world, WORLD_POLL_MS);
    world_feed(world, SOURCE_KUBE);
    world_feed(world, SOURCE_GITEA);
    CU_ASSERT_TRUE(world->out->checkpoint_changed);
    CU_ASSERT_EQUAL(world->out->checkpoint->nodes[0].runners_count, 2);
    world_free(world);
}

static void test_a_restart_remembers_what_is_sold_out(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_answer(world, &world->action[0], OUTCOME_FAILED, TROUBLE_SOLD_OUT);
    world_restart(world);
    world_run(world, MINUTES(4));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_free(world);
}

static void test_a_restart_remembers_whose_create_it_was(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_restart(world);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL_FATAL(world_count(world, ACTION_CREATE_SERVER), 2);
    CU_ASSERT_STRING_EQUAL(world->action[1].node, world->action[0].node);
    CU_ASSERT_STRING_EQUAL(world->action[1].label_id, world->action[0].label_id);
    world_free(world);
}

static void test_a_restart_remembers_how_old_a_create_is(void)
{
    struct world *world = begin();
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_unlist_jobs(world);
    world_run(world, MINUTES(6));
    world_restart(world);
    world_run(world, MINUTES(5));
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 0);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"another action made it", test_another_action_made_it},
        {"a second server of the name", test_a_second_server_of_the_name},
        {"an id that is none", test_an_id_that_is_none},
        {"a node that runs elsewhere", test_a_node_that_runs_elsewhere},
        {"an answer from before the restart", test_an_answer_from_before_the_restart},
        {"what was forgotten is looked for twice", test_what_was_forgotten_is_looked_for_twice},
        {"ids go on above the log", test_ids_go_on_above_the_log},
        {"a bent audit log is an alarm", test_a_bent_audit_log_is_an_alarm_and_no_reason_to_stop},
        {"listed again is there again", test_listed_again_is_there_again},
        {"a runner without its pod", test_a_runner_without_its_pod_is_still_its_nodes},
        {"a job on an unlisted runner", test_a_job_on_an_unlisted_runner_keeps_the_node},
        {"registered is not online", test_registered_is_not_online},
        {"busy of any runner counts", test_busy_of_any_runner_counts},
        {"a note covers whom it names", test_a_note_covers_whom_it_names},
        {"a late picture is not held", test_a_late_picture_is_not_held},
        {"a doubtful create", test_a_doubtful_create_is_not_forgotten_unseen},
        {"a restart: runners without pods", test_a_restart_remembers_runners_without_pods},
        {"a restart looks before it asks", test_a_restart_looks_before_it_asks},
        {"a new runner is written down", test_a_new_runner_is_written_down},
        {"a restart: what is sold out", test_a_restart_remembers_what_is_sold_out},
        {"a restart: whose create it was", test_a_restart_remembers_whose_create_it_was},
        {"a restart: how old a create is", test_a_restart_remembers_how_old_a_create_is},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_belief", tests);
}
