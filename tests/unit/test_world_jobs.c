/* Promises of the simulated Gitea: who takes which job and when, how `busy` and `online` lie, what
 * a fence holds back and what it does not, and what becomes of a job whose runner is gone. */
#include "tests/unit/cunit_main.h"
#include "tests/unit/world_fixture.h"

static void runner_takes_only_jobs_whose_labels_it_has(void)
{
    struct world *world = plain_world();
    uint64_t plain = push(world, "linux", 1000), other = push(world, "gpu", 1000);
    uint64_t none = push(world, NULL, 1000);
    (void)permanent(world, "p1", "linux");
    run_ms(world, 60000);
    CU_ASSERT_EQUAL(world_job_find(world, plain)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_job_find(world, other)->status, WORLD_JOB_QUEUED);
    /* Anyone takes a job without labels, and it fails. */
    CU_ASSERT_EQUAL(world_job_find(world, none)->conclusion, WORLD_CONCLUSION_FAILURE);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.jobs_unservable, 1);
    CU_ASSERT_EQUAL(summary.jobs_queued, 1);
    world_free(world);
}

static void jobs_wait_for_what_they_need(void)
{
    static const uint32_t first = 0, second = 1;
    static const char *const labels[] = {"linux"};
    struct world *world = plain_world();
    struct world_job_spec jobs[] = {
        {.name = "a", .labels = labels, .label_count = 1, .duration_ms = 5000},
        {.name = "b",
         .labels = labels,
         .label_count = 1,
         .needs = &first,
         .needs_count = 1,
         .duration_ms = 1000,
         .fails = true},
        {.name = "c", .labels = labels, .label_count = 1, .needs = &second, .needs_count = 1},
    };
    uint64_t run = world_run_create(world, world_repo(world, "acme", "app"), jobs, 3);
    (void)permanent(world, "p1", "linux");
    run_ms(world, 4000);
    CU_ASSERT_EQUAL(world_job_find(world, 1)->status, WORLD_JOB_RUNNING);
    CU_ASSERT_EQUAL(world_job_find(world, 2)->status, WORLD_JOB_BLOCKED);
    CU_ASSERT_EQUAL(world_run_find(world, run)->status, WORLD_JOB_RUNNING);
    run_ms(world, 60000);
    CU_ASSERT_EQUAL(world_job_find(world, 2)->conclusion, WORLD_CONCLUSION_FAILURE);
    CU_ASSERT(world_job_find(world, 2)->runnable_ms >= world_job_find(world, 1)->completed_ms);
    CU_ASSERT_EQUAL(world_job_find(world, 3)->conclusion, WORLD_CONCLUSION_SKIPPED);
    CU_ASSERT_EQUAL(world_job_find(world, 3)->started_ms, 0);
    CU_ASSERT_EQUAL(world_run_find(world, run)->conclusion, WORLD_CONCLUSION_FAILURE);
    world_free(world);
}

static void busy_flaps_while_a_job_runs_and_outlasts_it(void)
{
    struct world *world = plain_world();
    uint64_t job = push(world, "linux", 45000);
    uint64_t id = permanent(world, "p1", "linux");
    run_ms(world, 100);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    unsigned idle = 0, busy = 0;
    for (int i = 0; i < 440; i++) {
        run_ms(world, 100);
        bool shown = world_runner_busy(world, world_runner_find(world, id));
        busy += shown;
        idle += !shown;
    }
    CU_ASSERT(idle >= 10 && idle <= 60); /* about 0.7 s each 10 s, as seen */
    CU_ASSERT(busy > 300);
    run_ms(world, 2000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_COMPLETED);
    CU_ASSERT(world_runner_busy(world, world_runner_find(world, id)));
    run_ms(world, 10000);
    CU_ASSERT_FALSE(world_runner_busy(world, world_runner_find(world, id)));
    world_free(world);
}

static void fence_holds_new_jobs_and_lets_the_running_one_end(void)
{
    struct world *world = plain_world();
    uint64_t first = push(world, "linux", 30000);
    uint64_t id = permanent(world, "p1", "linux");
    run_ms(world, 1000);
    CU_ASSERT_EQUAL(world_runner_disable(world, id, true), WORLD_OK);
    CU_ASSERT_EQUAL(world_runner_disable(world, id, true), WORLD_OK);
    uint64_t second = push(world, "linux", 1000);
    run_ms(world, 80000);
    CU_ASSERT_EQUAL(world_job_find(world, first)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_job_find(world, second)->status, WORLD_JOB_QUEUED);
    CU_ASSERT_EQUAL(world_runner_disable(world, id, false), WORLD_OK);
    run_ms(world, 8000);
    CU_ASSERT_EQUAL(world_job_find(world, second)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_runner_disable(world, id + 1, true), WORLD_NOT_FOUND);
    world_free(world);
}

static void pick_in_flight_outlives_the_fence(void)
{
    struct world_config config = plain_config();
    config.pick_ms = 400;
    struct world *world = world_new(&config);
    uint64_t job = push(world, "linux", 5000);
    uint64_t id = permanent(world, "p1", "linux");
    run_ms(world, 100); /* it has asked; the job is not yet in progress */
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_QUEUED);
    CU_ASSERT_EQUAL(world_runner_disable(world, id, true), WORLD_OK);
    run_ms(world, 400);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    world_free(world);
}

static void deleting_a_busy_runner_orphans_its_job_until_the_sweep(void)
{
    struct world *world = plain_world();
    uint64_t job = push(world, "linux", 12000), id = permanent(world, "p1", "linux");
    run_ms(world, 2000);
    CU_ASSERT_EQUAL(world_runner_delete(world, id), WORLD_OK);
    CU_ASSERT_EQUAL(world_runner_delete(world, id), WORLD_NOT_FOUND);
    CU_ASSERT_EQUAL(world_runner_count(world), 0);
    uint64_t next = push(world, "linux", 1000);
    run_ms(world, 598000); /* ten minutes after its start and two sweeps later: too early */
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    CU_ASSERT(world_job_find(world, job)->lost);
    run_ms(world, 310000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->conclusion, WORLD_CONCLUSION_FAILURE);
    /* Its daemon lives on, and gets nothing. */
    CU_ASSERT_EQUAL(world_job_find(world, next)->status, WORLD_JOB_QUEUED);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.jobs_lost, 1);
    CU_ASSERT_EQUAL(summary.runners_deleted, 1);
    world_free(world);
}

static void silent_runner_works_on_and_is_called_offline(void)
{
    struct world *world = plain_world();
    uint64_t job = push(world, "linux", 45000), id = permanent(world, "p1", "linux");
    run_ms(world, 1000);
    CU_ASSERT_EQUAL(world_runner_silence(world, id + 1, 1000), WORLD_NOT_FOUND);
    CU_ASSERT_EQUAL(world_runner_silence(world, id, 120000), WORLD_OK);
    run_ms(world, 70000); /* its job is over, and nobody was told */
    CU_ASSERT_FALSE(world_runner_online(world, world_runner_find(world, id)));
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    CU_ASSERT_FALSE(world_job_find(world, job)->lost);
    uint64_t next = push(world, "linux", 1000);
    run_ms(world, 49000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    run_ms(world, 2000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT(world_runner_online(world, world_runner_find(world, id)));
    run_ms(world, 10000);
    CU_ASSERT_EQUAL(world_job_find(world, next)->conclusion, WORLD_CONCLUSION_SUCCESS);
    /* One that rests asks for nothing meanwhile. */
    CU_ASSERT_EQUAL(world_runner_silence(world, id, 120000), WORLD_OK);
    next = push(world, "linux", 1000);
    run_ms(world, 119000);
    CU_ASSERT_EQUAL(world_job_find(world, next)->status, WORLD_JOB_QUEUED);
    run_ms(world, 10000);
    CU_ASSERT_EQUAL(world_job_find(world, next)->conclusion, WORLD_CONCLUSION_SUCCESS);
    world_free(world);
}

/* Gitea gives its job up; it hears of that when it speaks again, and is free. */
static void silence_outlasts_the_sweep(void)
{
    struct world *world = plain_world();
    uint64_t job = push(world, "linux", 3600000), id = permanent(world, "p1", "linux");
    run_ms(world, 1000);
    CU_ASSERT_EQUAL(world_runner_silence(world, id, 1800000), WORLD_OK);
    uint64_t next = push(world, "linux", 1000);
    run_ms(world, 1200000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->conclusion, WORLD_CONCLUSION_FAILURE);
    CU_ASSERT_EQUAL(world_runner_find(world, id)->job_id, job);
    run_ms(world, 590000);
    CU_ASSERT_EQUAL(world_job_find(world, next)->status, WORLD_JOB_QUEUED);
    run_ms(world, 30000);
    CU_ASSERT_EQUAL(world_job_find(world, next)->conclusion, WORLD_CONCLUSION_SUCCESS);
    world_free(world);
}

static void crash_loses_the_job_and_the_runner_stays_online_for_a_minute(void)
{
    struct world *world = plain_world();
    uint64_t server = rent(world, "ebb-1"), job = push(world, "linux", 600000);
    run_ms(world, READY_MS);
    uint64_t runner = only_runner(world)->id;
    CU_ASSERT_EQUAL(world_job_find(world, job)->runner_id, runner);
    CU_ASSERT_EQUAL(world_server_crash(world, server), WORLD_OK);
    CU_ASSERT(world_job_find(world, job)->lost);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    run_ms(world, 45000);
    CU_ASSERT(world_runner_online(world, world_runner_find(world, runner)));
    CU_ASSERT_FALSE(world_node_named(world, "ebb-1")->ready);
    run_ms(world, 16000);
    CU_ASSERT_FALSE(world_runner_online(world, world_runner_find(world, runner)));
    run_ms(world, 900000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->conclusion, WORLD_CONCLUSION_FAILURE);
    world_free(world);
}

static void cancelled_job_is_over_at_once_and_keeps_its_runner_for_a_while(void)
{
    struct world *world = plain_world();
    uint64_t first = push(world, "linux", 600000), id = permanent(world, "p1", "linux");
    run_ms(world, 1000);
    uint64_t second = push(world, "linux", 1000);
    CU_ASSERT_EQUAL(world_job_cancel(world, first), WORLD_OK);
    CU_ASSERT_EQUAL(world_job_cancel(world, first), WORLD_CONFLICT);
    CU_ASSERT_EQUAL(world_job_find(world, first)->conclusion, WORLD_CONCLUSION_CANCELLED);
    run_ms(world, 8900);
    CU_ASSERT_EQUAL(world_runner_find(world, id)->job_id, first);
    CU_ASSERT_EQUAL(world_job_find(world, second)->status, WORLD_JOB_QUEUED);
    run_ms(world, 6000);
    CU_ASSERT_EQUAL(world_job_find(world, second)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_job_find(world, first)->conclusion, WORLD_CONCLUSION_CANCELLED);
    world_free(world);
}

static void ephemeral_runner_takes_one_job_and_is_gone(void)
{
    static const char *const labels[] = {"linux"};
    struct world *world = plain_world();
    uint64_t first = push(world, "linux", 1000), second = push(world, "linux", 1000);
    uint64_t id = world_runner_create(world, &(struct world_runner_spec){.name = "e",
                                                                         .labels = labels,
                                                                         .label_count = 1,
                                                                         .ephemeral = true,
                                                                         .permanent = true,
                                                                         .started = true});
    run_ms(world, 600000);
    CU_ASSERT_EQUAL(world_job_find(world, first)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_job_find(world, second)->status, WORLD_JOB_QUEUED);
    CU_ASSERT_PTR_NULL(world_runner_find(world, id));
    world_free(world);
}

static void scope_of_a_runner_bounds_its_jobs(void)
{
    static const char *const labels[] = {"linux"};
    struct world *world = plain_world();
    uint64_t job = push(world, "linux", 1000); /* acme/app */
    struct world_runner_spec spec = {.name = "r",
                                     .labels = labels,
                                     .label_count = 1,
                                     .scope = WORLD_SCOPE_ORG,
                                     .owner = "other",
                                     .permanent = true,
                                     .started = true};
    (void)world_runner_create(world, &spec);
    spec.scope = WORLD_SCOPE_REPO;
    spec.owner = "acme";
    spec.repo = "lib";
    (void)world_runner_create(world, &spec);
    run_ms(world, 60000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_QUEUED);
    spec.repo = "app";
    uint64_t right = world_runner_create(world, &spec);
    run_ms(world, 60000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->runner_id, right);
    world_free(world);
}

static void same_seed_same_story(void)
{
    static struct story stories[3];
    for (size_t i = 0; i < 3; i++) {
        struct world_config config = plain_config();
        config.jitter_permille = 300;
        config.seed = i == 2 ? 8 : 7;
        struct world *world = world_new(&config);
        stories[i].count = 0;
        (void)world_observe(world, story_note, &stories[i]);
        (void)rent(world, "ebb-1");
        (void)rent(world, "ebb-2");
        for (int k = 0; k < 20; k++)
            (void)push(world, "linux", 10000 + 1000 * k);
        run_ms(world, 600000);
        world_free(world);
    }
    CU_ASSERT_EQUAL(stories[0].count, stories[1].count);
    CU_ASSERT(stories[0].count > 60);
    size_t bytes = stories[0].count * sizeof *stories[0].at_ms;
    CU_ASSERT_EQUAL(memcmp(stories[0].at_ms, stories[1].at_ms, bytes), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(stories[0].at_ms, stories[2].at_ms, bytes), 0);
}

static void summary_measures_waits_and_use(void)
{
    struct world *world = plain_world();
    uint64_t server = rent(world, "ebb-1"), action = 0;
    run_ms(world, READY_MS);
    (void)push(world, "linux", 1800000);
    run_ms(world, 3500000);
    CU_ASSERT_EQUAL(world_server_delete(world, server, &action), WORLD_OK);
    run_ms(world, 4000);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.jobs_succeeded, 1);
    CU_ASSERT_EQUAL(summary.busy_ms, 1800000);
    CU_ASSERT_EQUAL(summary.paid_ms, 3600000);
    CU_ASSERT_DOUBLE_EQUAL(summary.paid_share_used, 0.5, 1e-9);
    CU_ASSERT(summary.wait_median_ms > 0 && summary.wait_median_ms <= 4550);
    CU_ASSERT_EQUAL(summary.wait_p95_ms, summary.wait_median_ms);
    world_free(world);
}

static CU_TestInfo tests[] = {
    {"a runner takes only jobs whose labels it has", runner_takes_only_jobs_whose_labels_it_has},
    {"jobs wait for what they need", jobs_wait_for_what_they_need},
    {"busy flaps while a job runs and outlasts it", busy_flaps_while_a_job_runs_and_outlasts_it},
    {"a fence holds new jobs only", fence_holds_new_jobs_and_lets_the_running_one_end},
    {"a pick in flight outlives the fence", pick_in_flight_outlives_the_fence},
    {"a busy runner's delete orphans its job",
     deleting_a_busy_runner_orphans_its_job_until_the_sweep},
    {"a silent runner works on and is called offline",
     silent_runner_works_on_and_is_called_offline},
    {"a silence outlasts the sweep", silence_outlasts_the_sweep},
    {"a crash loses the job", crash_loses_the_job_and_the_runner_stays_online_for_a_minute},
    {"a cancelled job keeps its runner for a while",
     cancelled_job_is_over_at_once_and_keeps_its_runner_for_a_while},
    {"an ephemeral runner takes one job", ephemeral_runner_takes_one_job_and_is_gone},
    {"a runner's scope bounds its jobs", scope_of_a_runner_bounds_its_jobs},
    {"the same seed tells the same story", same_seed_same_story},
    {"the summary measures waits and use", summary_measures_waits_and_use},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    return cunit_run("world_jobs", tests);
}
