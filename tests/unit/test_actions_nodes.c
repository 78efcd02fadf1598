/* drain_node and remove_node: what they promise about nodes and servers. May not: use a network. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actions_fixture.h"
#include "common/clock.h"
#include "cunit_main.h"

#define CORDON    "PATCH /api/v1/nodes/" NODE
#define DEL_NODE  "DELETE /api/v1/nodes/" NODE
#define DEL_SRV   "DELETE /servers/42"
#define EVICT     "POST /api/v1/namespaces/"
#define RUNNERPOD ",\"labels\":{\"app\":\"gitea-actions-runner\"}"
#define DAEMONSET                                                                                  \
    ",\"ownerReferences\":[{\"kind\":\"DaemonSet\",\"name\":\"d\",\"controller\":true}]"
#define MIRROR  ",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}"
#define LEAVING ",\"deletionTimestamp\":\"2026-11-24T10:00:00Z\""
#define TAINT   "{\"key\":\"ebbtide/drain\",\"value\":\"%lld\",\"effect\":\"%s\"}"
#define FOREIGN "{\"key\":\"theirs\",\"value\":\"v\",\"effect\":\"NoSchedule\"}"

static char taint[128];

static const char *drained_since(int64_t ms_ago, const char *effect)
{
    snprintf(taint, sizeof taint, TAINT, (long long)((clock_wall_ms() - ms_ago) / 1000), effect);
    return taint;
}

static void node_with(const char *taints, bool cordoned, const char *pods)
{
    script(KNODE, 200, node_json("", taints, cordoned), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(pods), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(CORDON, 200, "{}", SCRIPT_ALWAYS);
    script(EVICT, 201, "{}", SCRIPT_ALWAYS);
    script(DEL_NODE, 200, "{}", SCRIPT_ALWAYS);
    script(DEL_SRV, 200, "{\"action\":{\"id\":1,\"status\":\"running\"}}", SCRIPT_ALWAYS);
}

static void run(enum action_kind kind, bool force)
{
    struct action action = fixture_action(kind);
    action.force = force;
    fixture_run(&action);
}

/* -------------------------------------------------------------------------------------- drain */

static void test_drain_cordons_taints_and_evicts(void)
{
    fixture_open();
    node_with(FOREIGN, false, pod_json("gitea-runners", "r1", RUNNERPOD, "Running"));
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(last.left, 1);
    CU_ASSERT_TRUE(script_place(CORDON) < script_place(EVICT));
    const char *body = script_body(CORDON);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\"unschedulable\":true"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "theirs"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "NoExecute"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\"resourceVersion\":\"77\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(EVICT), "policy/v1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(EVICT), "uid-r1"));
    fixture_close();
}

static void test_drain_skips_mirror_finished_and_foreign_daemonsets(void)
{
    char pods[4096];
    fixture_open();
    snprintf(pods, sizeof pods, "%s,%s,%s,%s", pod_json("kube-system", "mirror", MIRROR, "Running"),
             pod_json("ci", "done", "", "Succeeded"),
             pod_json("kube-system", "ds", DAEMONSET, "Running"),
             pod_json("gitea-runners", "ours", RUNNERPOD DAEMONSET, "Running"));
    node_with("", false, pods);
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.left, 1);
    CU_ASSERT_EQUAL(script_count(EVICT), 1);
    CU_ASSERT_EQUAL(script_count(EVICT "gitea-runners/pods/ours/eviction"), 1);
    fixture_close();
}

static void test_drain_spares_the_budgets_of_others(void)
{
    fixture_open();
    node_with("", false, pod_json("web", "front", "", "Running"));
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_PTR_NULL(strstr(script_body(CORDON), "NoExecute"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoSchedule"));
    fixture_close();
}

static void test_drain_429_with_and_without_retry_after(void)
{
    fixture_open();
    node_with(drained_since(1000, "NoSchedule"), true, pod_json("web", "front", "", "Running"));
    script_retry(EVICT "web", 429, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}", 10000);
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(last.retry_after_ms, 10000);
    CU_ASSERT_EQUAL(last.left, 1);
    script(EVICT "web/", 429, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}", 1);
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(last.retry_after_ms, 5000);
    CU_ASSERT_EQUAL(script_count(CORDON), 0);
    fixture_close();
}

static void test_drain_two_budgets_never_heal(void)
{
    fixture_open();
    node_with(drained_since(1000, "NoSchedule"), true, pod_json("web", "front", "", "Running"));
    script(EVICT "web", 500,
           "{\"kind\":\"Status\",\"message\":\"This pod has more than one PodDisruptionBudget, "
           "which the eviction subresource does not support.\",\"code\":500}",
           SCRIPT_ALWAYS);
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_PROTECTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "never heals"));
    fixture_close();
}

static void test_drain_names_what_remains_when_forced(void)
{
    fixture_open();
    node_with(drained_since(9000, "NoExecute"), true, pod_json("ci", "stuck", LEAVING, "Running"));
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(EVICT), 0); /* it leaves already */
    fixture_set("life.drain_deadline", "100ms");
    usleep(110000);
    run(ACTION_DRAIN_NODE, true);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.left, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "ci/stuck"));
    fixture_close();
}

static void test_drain_sees_a_runner_that_came_back(void)
{
    fixture_open();
    node_with("", false, "");
    script(RPODS "gitea", 200, pods_json(pod_json("gitea-runners", "runner-pod", "", "Running")),
           SCRIPT_ALWAYS);
    script(RUNS "?", 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    run(ACTION_DRAIN_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_RUNNER_SEEN);
    run(ACTION_REMOVE_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_RUNNER_SEEN);
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count("DELETE"), 0);
    fixture_close();
}

/* ------------------------------------------------------------------------------------- remove */

static void test_remove_deletes_node_by_uid_then_server(void)
{
    fixture_open();
    node_with(drained_since(1000, "NoExecute"), true, "");
    run(ACTION_REMOVE_NODE, false);
    CU_ASSERT_TRUE(script_place(DEL_NODE) < script_place(DEL_SRV));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(DEL_NODE), "\"preconditions\":{\"uid\":\"u-1\"}"));
    CU_ASSERT_EQUAL(script_count(DEL_SRV), 1);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN); /* it is still listed: it is waited for */
    fixture_close();
}

static void test_remove_all_gone_is_success(void)
{
    static const char *const none[] = {NULL};
    fixture_open();
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(none), SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    run(ACTION_REMOVE_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count("DELETE"), 0);
    fixture_close();
}

static void test_remove_locked_is_tried_again(void)
{
    fixture_open();
    script_reset(fixture.base);
    script(SERVER, 200, server_json(""), SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(DEL_SRV, 423, "{\"error\":{\"code\":\"locked\",\"message\":\"busy\"}}", SCRIPT_ALWAYS);
    run(ACTION_REMOVE_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_LOCKED);
    CU_ASSERT_TRUE(last.retry_after_ms > 0);
    fixture_close();
}

static void test_remove_before_its_drain_is_refused(void)
{
    fixture_open();
    node_with("", false, pod_json("web", "front", "", "Running"));
    run(ACTION_REMOVE_NODE, false);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "steps-in-order"));
    CU_ASSERT_EQUAL(script_count("DELETE"), 0);
    fixture_close();
}

static void test_a_stranger_is_never_touched(void)
{
    static const enum action_kind kinds[] = {ACTION_DEREGISTER_RUNNERS, ACTION_DRAIN_NODE,
                                             ACTION_REMOVE_NODE, ACTION_RELEASE_RUNNERS};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fixture_open();
        node_with("", false, "");
        fixture_set("cluster", "another");
        run(kinds[i], false);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail labels"));
        CU_ASSERT_EQUAL(script_count("PATCH") + script_count("DELETE") + script_count("PUT"), 0);
        fixture_close();
    }
}

static void test_another_uid_is_refused(void)
{
    fixture_open();
    node_with("", true, "");
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    action.node.node_uid = "u-2";
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "identity"));
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"drain cordons, taints, evicts", test_drain_cordons_taints_and_evicts},
        {"drain skips what stays", test_drain_skips_mirror_finished_and_foreign_daemonsets},
        {"drain spares the budgets of others", test_drain_spares_the_budgets_of_others},
        {"drain: 429 with and without Retry-After", test_drain_429_with_and_without_retry_after},
        {"drain: two budgets never heal", test_drain_two_budgets_never_heal},
        {"drain, forced, names what remains", test_drain_names_what_remains_when_forced},
        {"a runner that came back is seen", test_drain_sees_a_runner_that_came_back},
        {"remove: node by uid, then server", test_remove_deletes_node_by_uid_then_server},
        {"remove: gone is success", test_remove_all_gone_is_success},
        {"remove: locked is tried again", test_remove_locked_is_tried_again},
        {"remove before its drain is refused", test_remove_before_its_drain_is_refused},
        {"a stranger is never touched", test_a_stranger_is_never_touched},
        {"another uid is refused", test_another_uid_is_refused},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_nodes", tests);
}
