/* What the workload promises: a file's jobs are pushed when they are due, as runs, and a bad line
 * is named; the same seed generates the same jobs. */
#include "tests/unit/cunit_main.h"

#include "simulator/workload.h"
#include "simulator/world/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct world *new_world(void)
{
    struct world_config config;
    world_config_defaults(&config);
    config.start_ms = 1000000;
    return world_new(&config);
}

static bool load(struct world *world, const char *text, struct workload **out, struct error *error)
{
    char path[] = "/tmp/ebbtide-workload-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    bool good = workload_init(out, world, path, 0, 1, error);
    unlink(path);
    return good;
}

static void jobs_are_pushed_when_due_as_runs(void)
{
    struct world *world = new_world();
    struct workload *workload;
    struct error error = {{0}};
    CU_ASSERT_TRUE_FATAL(load(world,
                              "arrival_s,duration_s,labels,run,name\n1,2,linux,7,a\n"
                              "1,2.5,linux;gpu,7,b\n1.5,1,,8,c\n",
                              &workload, &error));
    workload_advance(workload, 1000999);
    CU_ASSERT_EQUAL(world_job_count(world), 0);
    workload_advance(workload, 1001000);
    CU_ASSERT_EQUAL(world_job_count(world), 2);
    CU_ASSERT_EQUAL(world_run_count(world), 1);
    CU_ASSERT_EQUAL(world_job_find(world, 2)->duration_ms, 2500);
    CU_ASSERT_EQUAL(world_job_find(world, 2)->labels.count, 2);
    workload_switch(workload, false);
    workload_advance(workload, 1009000);
    CU_ASSERT_EQUAL(world_job_count(world), 2);
    workload_free(workload);
    world_free(world);
}

static void a_bad_line_is_named(void)
{
    static const char *const bad[] = {"h\n1,2,linux,7\n", "h\nx,2,linux,7,a\n",
                                      "h\n1,-2,linux,7,a\n", "h\n1,2,a;b;c;d;e;f;g;h;i,7,a\n"};
    struct world *world = new_world();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct workload *workload;
        struct error error = {{0}};
        CU_ASSERT_FALSE(load(world, bad[i], &workload, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, ":2: expected arrival_s"));
    }
    world_free(world);
}

static void the_same_seed_generates_the_same_jobs(void)
{
    int64_t first = 0;
    for (int i = 0; i < 2; i++) {
        struct world *world = new_world();
        struct workload *workload;
        struct error error = {{0}};
        int64_t sum = 0;
        CU_ASSERT_TRUE_FATAL(workload_init(&workload, world, NULL, 3600, 5000, &error));
        workload_advance(workload, 1000000 + 600000);
        CU_ASSERT_TRUE(world_job_count(world) > 400 && world_job_count(world) < 800);
        for (uint64_t id = 1; id <= world_job_count(world); id++)
            sum += world_job_find(world, id)->duration_ms;
        CU_ASSERT_TRUE(i == 0 || sum == first);
        first = sum;
        workload_free(workload);
        world_free(world);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"jobs are pushed when due, as runs", jobs_are_pushed_when_due_as_runs},
        {"a bad line is named", a_bad_line_is_named},
        {"the same seed generates the same jobs", the_same_seed_generates_the_same_jobs},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_workload", tests);
}
