/* Machines whose pool was taken out of the configuration, or renamed: ours, paid, in no pool's way,
 * and given back once they rest. */
#include <string.h>

#include "common/names.h"
#include "core_fixture.h"
#include "cunit_main.h"

static const char *const gpu_label[] = {"gpu"};
static struct label gpu_labels[4];

static const struct status_node *row_of(const struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->out->status->nodes_count; i++)
        if (strcmp(world->out->status->nodes[i].name, name) == 0)
            return &world->out->status->nodes[i];
    return NULL;
}

/* Pools linux and gpu, and a machine of gpu that rests; NODE gets its name. */
static struct world *begin(char node[WORLD_NAME], uint64_t *runner)
{
    struct world *world = world_new();
    world_configure(world, "pools[1].name", "gpu");
    world_configure(world, "pools[1].label_sets[0]", "[gpu]");
    world_configure(world, "pools[1].offers[0].server_type", "ccx33");
    world_configure(world, "pools[1].offers[0].location", "nbg1");
    world_start(world, NULL);
    world_poll(world);
    world_job(world, JOB_RUNNABLE, "gpu", 0);
    world_poll(world);
    struct world_action *create = world_last(world, ACTION_CREATE_SERVER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(create);
    memcpy(node, create->node, WORLD_NAME);
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    *runner = world_join(world, create);
    world->runner[0].labels = gpu_label;
    memcpy(gpu_labels, world->server[0].labels, sizeof gpu_labels);
    gpu_labels[2].value = "gpu";
    world->server[0].labels = gpu_labels;
    world_unlist_jobs(world);
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_state(world, 0), NODE_IDLE);
    CU_ASSERT_STRING_EQUAL(world_node(world)->pool, "gpu");
    return world;
}

/* The core as a reload makes it: a new one, of a configuration without gpu, from the checkpoint. */
static void remove_gpu(struct world *world)
{
    world->config->pools_count = 1;
    world_restart(world);
    world_poll(world);
    world_poll(world);
}

static void test_no_pool_counts_it(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world_job(world, JOB_RUNNING, "gpu", runner);
    world_run(world, MINUTES(1));
    remove_gpu(world);
    const struct status *status = world->out->status;
    const struct status_node *row = row_of(world, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_STRING_EQUAL(row->pool, "gpu");
    CU_ASSERT_STRING_EQUAL(world->out->checkpoint->nodes[0].pool, "gpu");
    CU_ASSERT_EQUAL(status->pools[0].servers, 0);
    CU_ASSERT_EQUAL(status->pools[0].slots_free, 0);
    CU_ASSERT_EQUAL(status->pools[0].slots_coming, 0);
    CU_ASSERT_EQUAL(status->pools[0].hourly_micro, 0);
    CU_ASSERT_EQUAL(status->hourly_micro, 100000); /* it is paid all the same */
    world_restart(world);                          /* and its name outlives further restarts */
    world_poll(world);
    row = row_of(world, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_STRING_EQUAL(row->pool, "gpu");
    world_free(world);
}

static void test_it_is_given_back_and_takes_nobodys_place(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world_configure(world, "pools[0].max", "1");
    remove_gpu(world);
    struct world_action *step = world_last(world, ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step); /* its hour is paid for another 57 minutes */
    CU_ASSERT_STRING_EQUAL(step->node, name);
    CU_ASSERT_EQUAL(step->reason, REASON_NO_POOL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    world_answer(world, step, OUTCOME_DONE, TROUBLE_NONE);
    world_poll(world);
    step = world_last(world, ACTION_DRAIN_NODE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    world_answer(world, step, OUTCOME_DONE, TROUBLE_NONE);
    world_poll(world);
    step = world_last(world, ACTION_REMOVE_NODE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    CU_ASSERT_STRING_EQUAL(step->node, name);
    world_free(world);
}

static void test_a_busy_one_works_on(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world_job(world, JOB_RUNNING, "gpu", runner);
    world_run(world, MINUTES(1));
    remove_gpu(world);
    world_run(world, MINUTES(300));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 0);
    CU_ASSERT_EQUAL(row_of(world, name)->state, NODE_BUSY);
    world_unlist_jobs(world);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_free(world);
}

/* Neither a checkpoint nor the configuration knows it: its labels say that it is ours. */
static void test_a_forgotten_one_is_adopted(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world->config->pools_count = 1;
    world_start(world, NULL);
    world_poll(world);
    const struct status_node *row = row_of(world, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_STRING_EQUAL(row->pool, "gpu");
    CU_ASSERT_FALSE(world_alarm(world, ALARM_STRANGER));
    world_run(world, MINUTES(2));
    CU_ASSERT_EQUAL(world_count(world, ACTION_DEREGISTER_RUNNERS), 1);
    world_free(world);
}

static void test_it_counts_against_the_rail(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world_configure(world, "rails.max_servers", "1");
    world_configure(world, "pools[0].max", "1");
    world_job(world, JOB_RUNNING, "gpu", runner);
    world_run(world, MINUTES(1));
    remove_gpu(world);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_run(world, MINUTES(1));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 1);
    CU_ASSERT_TRUE(world_alarm(world, ALARM_RAIL));
    world_free(world);
}

/* A create of its pool that has no outcome is not asked again: nobody wants it. */
static void test_its_create_is_not_asked_again(void)
{
    char name[WORLD_NAME];
    uint64_t runner;
    struct world *world = begin(name, &runner);
    world_job(world, JOB_RUNNING, "gpu", runner);
    world_job(world, JOB_RUNNABLE, "gpu", 0);
    world_poll(world);
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    remove_gpu(world);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 2);
    world_run(world, MINUTES(11));
    CU_ASSERT_EQUAL(world_count(world, ACTION_CREATE_SERVER), 2);
    CU_ASSERT_EQUAL(world->out->status->nodes_count, 1);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"no pool counts it", test_no_pool_counts_it},
        {"it is given back and takes nobody's place",
         test_it_is_given_back_and_takes_nobodys_place},
        {"a busy one works on", test_a_busy_one_works_on},
        {"a forgotten one is adopted", test_a_forgotten_one_is_adopted},
        {"it counts against the rail", test_it_counts_against_the_rail},
        {"its create is not asked again", test_its_create_is_not_asked_again},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_orphan", tests);
}
