/* Promises of the simulated Kubernetes: what a cordon, a taint, an eviction and a budget do; which
 * pods come back; what stays Terminating; what is collected after its node. */
#include "tests/unit/cunit_main.h"
#include "tests/unit/world_fixture.h"

static struct world *world_with_node(void)
{
    struct world *world = plain_world();
    CU_ASSERT_NOT_EQUAL(rent(world, "ebb-1"), 0);
    run_ms(world, READY_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runner_pod(world));
    return world;
}

/* Marks the node: cordoned or not, with our taint of this effect (NULL: none). */
static void mark_node(struct world *world, bool cordon, const char *effect)
{
    const struct world_node *node = world_node_named(world, "ebb-1");
    struct world_taint taint = {.key = "ebbtide/drain"};
    if (effect != NULL)
        memcpy(taint.effect, effect, strlen(effect) + 1);
    struct world_node_spec spec = {.labels = &node->labels,
                                   .annotations = &node->annotations,
                                   .taints = &taint,
                                   .taint_count = effect != NULL ? 1 : 0,
                                   .unschedulable = cordon};
    CU_ASSERT_EQUAL(world_node_update(world, "ebb-1", &spec), WORLD_OK);
}

static enum world_verdict evict_runner_pod(struct world *world)
{
    const struct world_pod *pod = runner_pod(world);
    return world_pod_evict(world, pod->namespace_name, pod->name, NULL, -1);
}

static void daemonset_pod_ignores_a_cordon_and_comes_back(void)
{
    struct world *world = world_with_node();
    char old[WORLD_UID_BYTES];
    memcpy(old, runner_pod(world)->uid, sizeof old);
    mark_node(world, true, NULL);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_OK);
    CU_ASSERT(runner_pod(world)->evicted);
    CU_ASSERT_NOT_EQUAL(runner_pod(world)->deletion_ms, 0);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_OK); /* again: the same */
    run_ms(world, 10000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runner_pod(world));
    CU_ASSERT_STRING_NOT_EQUAL(runner_pod(world)->uid, old);
    CU_ASSERT_EQUAL(world_runner_count(world), 2); /* the new daemon has registered anew */
    world_free(world);
}

static void taint_ends_runner_pods_and_keeps_them_away(void)
{
    struct world *world = world_with_node();
    mark_node(world, true, "NoExecute");
    run_ms(world, 60000);
    CU_ASSERT_PTR_NULL(runner_pod(world));
    CU_ASSERT_EQUAL(world_pod_count(world), 1); /* the system's pod tolerates everything */
    mark_node(world, false, NULL);
    run_ms(world, 10000);
    CU_ASSERT_PTR_NOT_NULL(runner_pod(world));
    world_free(world);
}

static void busy_runner_finishes_within_its_grace(void)
{
    struct world *world = world_with_node();
    uint64_t job = push(world, "linux", 20000);
    run_ms(world, 5000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->status, WORLD_JOB_RUNNING);
    mark_node(world, true, "NoExecute");
    uint64_t next = push(world, "linux", 1000);
    run_ms(world, 25000);
    CU_ASSERT_EQUAL(world_job_find(world, job)->conclusion, WORLD_CONCLUSION_SUCCESS);
    CU_ASSERT_EQUAL(world_job_find(world, next)->status, WORLD_JOB_QUEUED);
    CU_ASSERT_PTR_NULL(runner_pod(world));
    world_free(world);
}

static void job_longer_than_the_grace_is_killed(void)
{
    struct world *world = world_with_node();
    uint64_t job = push(world, "linux", 600000);
    run_ms(world, 5000);
    mark_node(world, true, "NoExecute");
    run_ms(world, 29000);
    CU_ASSERT_FALSE(world_job_find(world, job)->lost);
    run_ms(world, 2000);
    CU_ASSERT(world_job_find(world, job)->lost);
    world_free(world);
}

static void budgets_refuse_evictions(void)
{
    struct world *world = world_with_node();
    struct world_budget budget = {.namespace_name = "gitea-runners",
                                  .name = "one",
                                  .label_key = "app",
                                  .label_value = "gitea-actions-runner",
                                  .min_available = 1,
                                  .processed = false};
    CU_ASSERT_EQUAL(world_budget_set(world, &budget), WORLD_OK);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_BUDGET_UNSEEN);
    run_ms(world, 10000);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_BUDGET_SPENT);
    budget.name[0] = 't';
    CU_ASSERT_EQUAL(world_budget_set(world, &budget), WORLD_OK);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_BUDGETS_TWO);
    CU_ASSERT_EQUAL(world_budget_delete(world, "gitea-runners", "tne"), WORLD_OK);
    budget.name[0] = 'o';
    budget.min_available = 0;
    budget.processed = true;
    CU_ASSERT_EQUAL(world_budget_set(world, &budget), WORLD_OK);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_OK);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.pods_evicted, 1);
    world_free(world);
}

static void pod_without_a_kubelet_stays_terminating_until_its_node_goes(void)
{
    struct world *world = world_with_node();
    CU_ASSERT_EQUAL(world_server_crash(world, world_server_named(world, "ebb-1")->id), WORLD_OK);
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_OK);
    run_ms(world, 3600000);
    CU_ASSERT_PTR_NOT_NULL(runner_pod(world));
    const struct world_node *node = world_node_named(world, "ebb-1");
    CU_ASSERT_EQUAL(world_node_delete(world, "ebb-1", "not-its-uid"), WORLD_CONFLICT);
    CU_ASSERT_EQUAL(world_node_delete(world, "ebb-1", node->uid), WORLD_OK);
    CU_ASSERT_EQUAL(world_node_delete(world, "ebb-1", NULL), WORLD_NOT_FOUND);
    run_ms(world, 20000);
    CU_ASSERT_EQUAL(world_pod_count(world), 0);
    world_free(world);
}

static void stuck_pod_stays_though_its_daemon_ended(void)
{
    struct world *world = world_with_node();
    world_trouble_next(world, WORLD_TROUBLE_POD_STUCK, 1);
    uint64_t runner = only_runner(world)->id;
    CU_ASSERT_EQUAL(evict_runner_pod(world), WORLD_OK);
    run_ms(world, 120000);
    CU_ASSERT_PTR_NOT_NULL(runner_pod(world));
    CU_ASSERT_FALSE(world_runner_online(world, world_runner_find(world, runner)));
    world_free(world);
}

static void node_deleted_under_a_living_machine_takes_its_runner_along(void)
{
    struct world *world = world_with_node();
    uint64_t runner = only_runner(world)->id;
    CU_ASSERT_EQUAL(world_node_delete(world, "ebb-1", NULL), WORLD_OK);
    run_ms(world, 3600000);
    CU_ASSERT_PTR_NULL(world_node_named(world, "ebb-1"));
    CU_ASSERT_EQUAL(world_pod_count(world), 0);
    CU_ASSERT_FALSE(world_runner_online(world, world_runner_find(world, runner)));
    world_free(world);
}

static void restarted_pod_registers_under_a_new_id(void)
{
    struct world *world = world_with_node();
    uint64_t old = only_runner(world)->id;
    CU_ASSERT_EQUAL(world_runner_delete(world, old), WORLD_OK);
    run_ms(world, 60000);
    CU_ASSERT_EQUAL(world_runner_count(world), 0); /* the daemon lives on, unregistered */
    const struct world_pod *pod = runner_pod(world);
    CU_ASSERT_EQUAL(world_pod_restart(world, pod->namespace_name, pod->name), WORLD_OK);
    run_ms(world, 5000);
    CU_ASSERT_EQUAL_FATAL(world_runner_count(world), 1);
    CU_ASSERT_NOT_EQUAL(only_runner(world)->id, old);
    CU_ASSERT_STRING_EQUAL(only_runner(world)->name, runner_pod(world)->name);
    CU_ASSERT_EQUAL(runner_pod(world)->restarts, 1);
    world_free(world);
}

static void machines_of_several_runners_have_a_pod_each(void)
{
    struct world_config config = plain_config();
    config.capacity = 3;
    struct world *world = world_new(&config);
    CU_ASSERT_NOT_EQUAL(rent(world, "ebb-1"), 0);
    for (int i = 0; i < 3; i++)
        (void)push(world, "linux", 600000);
    run_ms(world, READY_MS);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(world_runner_count(world), 3);
    CU_ASSERT_EQUAL(summary.jobs_running, 3);
    world_free(world);
}

static void resource_version_rises_only_with_changes(void)
{
    struct world *world = world_with_node();
    uint64_t before = world_resource_version(world);
    mark_node(world, false, NULL); /* as it is */
    CU_ASSERT_EQUAL(world_resource_version(world), before);
    mark_node(world, true, NULL);
    CU_ASSERT(world_resource_version(world) > before);
    CU_ASSERT_EQUAL(world_node_named(world, "ebb-1")->resource_version,
                    world_resource_version(world));
    world_free(world);
}

static CU_TestInfo tests[] = {
    {"a DaemonSet's pod ignores a cordon and comes back",
     daemonset_pod_ignores_a_cordon_and_comes_back},
    {"a NoExecute taint ends runner pods and keeps them away",
     taint_ends_runner_pods_and_keeps_them_away},
    {"a busy runner finishes within its grace", busy_runner_finishes_within_its_grace},
    {"a job longer than the grace is killed", job_longer_than_the_grace_is_killed},
    {"budgets refuse evictions", budgets_refuse_evictions},
    {"without a kubelet a pod stays Terminating",
     pod_without_a_kubelet_stays_terminating_until_its_node_goes},
    {"a stuck pod stays", stuck_pod_stays_though_its_daemon_ended},
    {"a node's delete takes its pods along",
     node_deleted_under_a_living_machine_takes_its_runner_along},
    {"a restarted pod registers under a new id", restarted_pod_registers_under_a_new_id},
    {"several runners have a pod each", machines_of_several_runners_have_a_pod_each},
    {"the resource version rises only with changes", resource_version_rises_only_with_changes},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    return cunit_run("world_pods", tests);
}
