/* Whose a runner is, and whose a job on a runner that Gitea's list lacks: an organisation's list
 * holds none of the instance's. May not: know how a teardown goes on. */
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"

/* A machine that joined and has no runner, and no job that asks for one. */
static struct world *begin(const char *scope, const char **pod)
{
    struct world *world = world_new();
    world_configure(world, "gitea.scope", scope);
    world_configure(world, "gitea.scope_name", strcmp(scope, "org") == 0 ? "acme" : "");
    world_start(world, NULL);
    world_poll(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(create);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    (void)world_join(world, create);
    *pod = world->runner[0].name;
    world->runners = 0;
    world_unlist_jobs(world);
    return world;
}

static void run_job(struct world *world, uint64_t runner, const char *name)
{
    uint32_t index = world_job(world, JOB_RUNNING, "linux", runner);
    world->job[index].runner_name = name;
}

static void test_anothers_job_keeps_no_machine(void)
{
    const char *pod;
    struct world *world = begin("org", &pod);
    run_job(world, 4711, "instance-wide");
    world_run(world, MINUTES(11));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_LOST_JOB));
    CU_ASSERT_EQUAL(world->out->status->jobs_lost, 0);
    CU_ASSERT_EQUAL(world->out->status->jobs_running, 1);
    world_free(world);
    world = begin("admin", &pod); /* the whole instance's list lacks it: it is gone */
    run_job(world, 4711, "permanent");
    world_run(world, MINUTES(11));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_LOST_JOB));
    CU_ASSERT_EQUAL(world->out->status->jobs_lost, 1);
    world_free(world);
}

/* The list never showed its runner; the job names its pod. */
static void test_its_own_job_keeps_it(void)
{
    const char *pod;
    struct world *world = begin("org", &pod);
    run_job(world, 4711, pod);
    world_run(world, MINUTES(30));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_LOST_JOB));
    world_unlist_jobs(world); /* Gitea has ended it */
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    CU_ASSERT_FALSE(world_alarm(world, ALARM_LOST_JOB));
    world_free(world);
}

/* One that bears no name may be anybody's. */
static void test_a_nameless_job_keeps_all(void)
{
    const char *pod;
    struct world *world = begin("org", &pod);
    run_job(world, 4711, "");
    world_run(world, MINUTES(30));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_LOST_JOB));
    world_free(world);
}

/* Its pod was replaced before its runner left the list: it is known by what was seen. */
static void test_a_remembered_runner_is_known(void)
{
    struct world *world = world_new();
    uint64_t runner;
    world_configure(world, "life.provision_timeout", "1m");
    world_configure(world, "life.create_grace", "10m"); /* for as long it is remembered */
    world_start(world, NULL);
    world_poll(world);
    world_serve_many(world, 1, &runner);
    const char *name = world->runner[0].name;
    run_job(world, runner, name);
    world_poll(world);
    world->pod[0].name = "runner-another";
    world->runners = 0;
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    world->job[0].runner_id = 4711;
    world->job[0].runner_name = "permanent";
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_free(world);
}

/* Gitea was restored from a backup and counts anew: the id of our runner is a person's now. */
static void test_an_id_that_is_used_again_is_anothers(void)
{
    struct world *world = world_begin("life.idle_timeout", "0s");
    uint64_t runner;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_IDLE);
    world_runner(world, runner)->name = "build-box";
    world_run(world, MINUTES(3));
    CU_ASSERT_STRING_EQUAL(world_node(world)->runners, "");
    world_run(world, MINUTES(60));
    struct world_action *asked = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asked); /* its own is gone */
    CU_ASSERT_EQUAL(asked->reason, REASON_RUNNER_GONE);
    CU_ASSERT_EQUAL(asked->runners, 0);
    world_free(world);
}

/* It is the node's again, of a pod that came in the other's place: known by its new name. */
static void test_an_id_that_is_used_again_here(void)
{
    struct world *world = world_begin("pools[0].max", "1");
    uint64_t runner;
    world_serve_many(world, 1, &runner);
    world_run(world, MINUTES(2));
    world->pod[0].name = "runner-another";
    world_runner(world, runner)->name = "runner-another";
    world_run(world, MINUTES(20));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_IDLE);
    CU_ASSERT_STRING_EQUAL(world_node(world)->runners, "runner-another");
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"another's job keeps no machine", test_anothers_job_keeps_no_machine},
        {"its own job keeps it", test_its_own_job_keeps_it},
        {"a nameless job keeps all", test_a_nameless_job_keeps_all},
        {"a remembered runner is known", test_a_remembered_runner_is_known},
        {"an id that is used again is another's", test_an_id_that_is_used_again_is_anothers},
        {"an id that is used again here", test_an_id_that_is_used_again_here},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_runners", tests);
}
