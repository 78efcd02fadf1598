/* Promises of the simulated machines of several kinds: a server's labels say how many runners it
 * gets and what they can do. */
#include "tests/unit/cunit_main.h"
#include "tests/unit/world_fixture.h"

/* Machines of the pool "big" have two runners for linux and big, all others one for linux. */
static struct world *world_of_two_kinds(bool daemonset)
{
    struct world_config config = plain_config();
    config.daemonset = daemonset;
    config.runner_set[0] = (struct world_runner_set){
        .key = "pool", .value = "big", .labels = {"linux", "big"}, .label_count = 2, .capacity = 2};
    config.runner_set_count = 1;
    return world_new(&config);
}

static uint64_t rent_of(struct world *world, const char *name, char *pool)
{
    static char key[] = "pool";
    struct world_pair pair = {key, pool};
    struct world_map labels = {&pair, 1};
    struct world_server_spec spec = server_spec(name);
    uint64_t id = 0, actions[2];
    spec.labels = &labels;
    CU_ASSERT_EQUAL_FATAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    return id;
}

static uint32_t runners_on(const struct world *world, uint64_t server, uint32_t labels)
{
    uint32_t count = 0;
    for (size_t i = 0; i < world_runner_count(world); i++) {
        const struct world_runner *runner = world_runner_at(world, i);
        count += runner->server_id == server && runner->labels.count == labels;
    }
    return count;
}

static void a_servers_label_says_which_runners_it_gets(void)
{
    for (unsigned daemonset = 0; daemonset < 2; daemonset++) {
        static char big[] = "big", small[] = "small";
        struct world *world = world_of_two_kinds(daemonset != 0);
        uint64_t a = rent_of(world, "a", big), b = rent_of(world, "b", small);
        run_ms(world, READY_MS + 10000);
        CU_ASSERT_EQUAL(runners_on(world, a, 2), 2);
        CU_ASSERT_EQUAL(runners_on(world, b, 1), 1);
        CU_ASSERT_EQUAL(world_runner_count(world), 3);
        world_free(world);
    }
}

static void a_job_runs_where_its_labels_are(void)
{
    static char big[] = "big", small[] = "small";
    struct world *world = world_of_two_kinds(true);
    uint64_t a = rent_of(world, "a", big);
    (void)rent_of(world, "b", small);
    run_ms(world, READY_MS + 10000);
    uint64_t job = push(world, "big", 60000), second = push(world, "big", 60000),
             third = push(world, "big", 60000);
    run_ms(world, 30000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    CU_ASSERT_EQUAL(world_job_find(world, second)->status, WORLD_JOB_RUNNING);
    CU_ASSERT_EQUAL(world_job_find(world, third)->status, WORLD_JOB_QUEUED);
    for (size_t i = 0; i < world_runner_count(world); i++)
        CU_ASSERT_EQUAL(world_runner_at(world, i)->job_id != 0,
                        world_runner_at(world, i)->server_id == a);
    world_free(world);
}

/* Two runners that work all the paid time are all of it; one of the two is half of it. */
static void what_was_used_is_counted_by_runners(void)
{
    static char big[] = "big";
    struct world *world = world_of_two_kinds(true);
    struct world_summary summary;
    (void)rent_of(world, "a", big);
    run_ms(world, READY_MS + 10000);
    push(world, "big", 36 * 60000);
    run_ms(world, 50 * 60000);
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.paid_periods, 1);
    CU_ASSERT_DOUBLE_EQUAL(summary.paid_share_used, 0.3, 0.01); /* 36 of 2 x 60 minutes */
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a server's label says which runners it gets", a_servers_label_says_which_runners_it_gets},
        {"a job runs where its labels are", a_job_runs_where_its_labels_are},
        {"what was used is counted by runners", what_was_used_is_counted_by_runners},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("world_sets", tests);
}
