/* create, drain and remove where something comes in between: a pod that its budget holds, a node
 * that somebody uncordoned, an answer that is lost, a server that is listed late. May not: use a
 * network. */
#include <stdio.h>
#include <string.h>

#include "actions_fixture.h"
#include "common/clock.h"
#include "cunit_main.h"

#define CORDON    "PATCH /api/v1/nodes/" NODE
#define DEL_NODE  "DELETE /api/v1/nodes/" NODE
#define EVICT     "POST /api/v1/namespaces/"
#define POST      "POST /servers"
#define OTHER     "ebb-linux-1-8"
#define RUNNERPOD ",\"labels\":{\"app\":\"gitea-actions-runner\"}"
#define LEAVING   ",\"deletionTimestamp\":\"2026-11-24T10:00:00Z\""
#define TAINT     "{\"key\":\"ebbtide/drain\",\"value\":\"%lld\",\"effect\":\"%s\"}"
#define SPENT     "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}"
#define TYPES                                                                                      \
    "{\"server_types\":[{\"id\":1,\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","          \
    "\"price_hourly\":{\"net\":\"0.10\"},\"price_monthly\":{\"net\":\"50\"}}]}]}"
#define SERVER_ROW                                                                                 \
    "{\"server\":{\"id\":%u,\"name\":\"%s\",\"status\":\"running\",\"created\":"                   \
    "\"2026-11-24T10:00:00Z\",\"server_type\":{\"name\":\"ccx33\"},\"location\":{\"name\":"        \
    "\"nbg1\"},\"labels\":{\"managed-by\":\"ebbtide\",\"ebbtide-cluster\":\"default\","            \
    "\"ebbtide-pool\":\"linux\",\"ebbtide-id\":\"%s\"}},\"action\":{\"id\":8,\"command\":"         \
    "\"create_server\",\"status\":\"%s\"}}"

static const char *const none[] = {NULL}, *const ours[] = {NODE, NULL};
static long long drain_began_s;

static const char *drained_since(int64_t ms_ago, const char *effect)
{
    static char taint[128];
    drain_began_s = (clock_wall_ms() - ms_ago) / 1000;
    snprintf(taint, sizeof taint, TAINT, drain_began_s, effect);
    return taint;
}

static void node_with(const char *taints, bool cordoned, const char *pods)
{
    fixture_open();
    script(KNODE, 200, node_json("", taints, cordoned), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(pods), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(CORDON, 200, "{}", SCRIPT_ALWAYS);
    script(EVICT, 201, "{}", SCRIPT_ALWAYS);
}

static void run(enum action_kind kind)
{
    struct action action = fixture_action(kind);
    fixture_run(&action);
}

/* -------------------------------------------------------------------------------------- drain */

static void test_a_held_pod_holds_no_other(void)
{
    char pods[4096];
    snprintf(pods, sizeof pods, "%s,%s", pod_json("web", "held", "", "Running"),
             pod_json("web", "free", "", "Running"));
    node_with(drained_since(1000, "NoSchedule"), true, pods);
    script(EVICT "web/pods/held", 429, SPENT, SCRIPT_ALWAYS);
    run(ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(EVICT "web/pods/free/eviction"), 1);
    fixture_close();
}

/* The taint's effect changes when the last pod of others has left: its beginning does not. */
static void test_a_drain_keeps_its_beginning(void)
{
    char began[32];
    node_with(drained_since(60000, "NoSchedule"), true,
              pod_json("gitea-runners", "r1", RUNNERPOD, "Running"));
    run(ACTION_DRAIN_NODE);
    snprintf(began, sizeof began, "\"%lld\"", drain_began_s);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoExecute"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), began));
    fixture_close();
}

static void test_an_uncordoned_node_is_cordoned_again(void)
{
    node_with(drained_since(1000, "NoExecute"), false, "");
    run(ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(script_count(CORDON), 1);
    fixture_close();
}

static void test_a_drain_that_waits_only_looks(void)
{
    node_with(drained_since(1000, "NoSchedule"), true,
              pod_json("web", "front", LEAVING, "Running"));
    run(ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(PODS), 1);
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count("POST"), 0);
    fixture_close();
}

/* A pod of somebody else's that is ending already is not hurried by a NoExecute taint. */
static void test_an_ending_pod_is_given_its_time(void)
{
    node_with("", false, pod_json("web", "front", LEAVING, "Running"));
    run(ACTION_DRAIN_NODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoSchedule"));
    CU_ASSERT_PTR_NULL(strstr(script_body(CORDON), "NoExecute"));
    fixture_close();
}

/* ------------------------------------------------------------------------------------- remove */

static void test_deletes_are_counted_over_nodes(void)
{
    static char other[1024];
    fixture_open();
    fixture_set("rails.deletes_per_minute", "1");
    snprintf(other, sizeof other, SERVER_ROW, 43u, OTHER, "1-8", "success");
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script("GET /servers/43", 200, other, SCRIPT_ALWAYS);
    script("DELETE /servers/42", 404, "{\"error\":{\"code\":\"not_found\",\"message\":\"\"}}",
           SCRIPT_ALWAYS);
    run(ACTION_REMOVE_NODE);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    action.node.name = OTHER;
    action.node.server_id = 43;
    action.node.node_uid = action.node.provider_id = "";
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "deletes_per_minute"));
    CU_ASSERT_EQUAL(script_count("DELETE /servers/43"), 0);
    fixture_close();
}

/* The core never saw the node: what the fresh look showed is deleted, and nothing newer. */
static void test_the_uid_is_that_of_the_look(void)
{
    node_with(drained_since(1000, "NoExecute"), true, "");
    script(DEL_NODE, 409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}", SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    action.node.node_uid = "";
    fixture_run(&action);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(DEL_NODE), "\"uid\":\"u-1\""));
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    fixture_close();
}

static void test_a_node_that_went_meanwhile_keeps_no_server(void)
{
    node_with(drained_since(1000, "NoExecute"), true, "");
    script("DELETE /servers/42", 404, "{\"error\":{\"code\":\"not_found\",\"message\":\"\"}}",
           SCRIPT_ALWAYS);
    run(ACTION_REMOVE_NODE); /* what no rule answers is a 404: the node's DELETE */
    CU_ASSERT_EQUAL(script_count(DEL_NODE), 1);
    CU_ASSERT_EQUAL(script_count("DELETE /servers/42"), 1);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_close();
}

/* ------------------------------------------------------------------------------------- create */

/* The name is in no list `times` times, then (servers) in it; the POST is answered so. */
static void create_with(unsigned times, const char *servers, unsigned status, const char *body)
{
    fixture_open();
    script_reset(fixture.base);
    script(LISTED, 200, servers_json(none), SCRIPT_ALWAYS);
    script("GET /server_types", 200, TYPES, SCRIPT_ALWAYS);
    script(NAMED, 200, servers_json(none), times);
    script(NAMED, 200, servers, SCRIPT_ALWAYS);
    script(POST, status, body, SCRIPT_ALWAYS);
}

static void test_a_broken_connection_is_searched_after(void)
{
    create_with(1, servers_json(ours), SCRIPT_BROKEN, "");
    run(ACTION_CREATE_SERVER);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

static void test_a_server_that_is_listed_late_is_found(void)
{
    create_with(2, servers_json(ours), SCRIPT_TIMEOUT, "");
    run(ACTION_CREATE_SERVER); /* two seconds later */
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    fixture_close();
}

static void test_what_is_not_found_may_come_yet(void)
{
    create_with(1, servers_json(none), SCRIPT_TIMEOUT, "");
    run(ACTION_CREATE_SERVER);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

static void test_a_strangers_server_is_not_adopted_after_a_loss(void)
{
    static const char *const others[] = {"ebb-linux-1-8", NULL}; /* by name; its id is 1-7 */
    create_with(1, servers_json(ours), SCRIPT_TIMEOUT, "");
    script("GET /servers?name=ebb-linux-1-8", 200, servers_json(none), 1);
    script("GET /servers?name=ebb-linux-1-8", 200, servers_json(others), SCRIPT_ALWAYS);
    struct action action = fixture_create(8);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(last.server_id, 0);
    fixture_close();
}

static void test_a_create_action_is_followed_to_its_end(void)
{
    static char body[1024];
    static const char *const codes[] = {"resource_unavailable", "placement_error", "timeout"};
    static const enum trouble troubles[] = {TROUBLE_SOLD_OUT, TROUBLE_SOLD_OUT,
                                            TROUBLE_SERVER_ERROR};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        static char failed[256];
        snprintf(failed, sizeof failed,
                 "{\"action\":{\"id\":8,\"command\":\"create_server\",\"status\":\"error\","
                 "\"error\":{\"code\":\"%s\",\"message\":\"m\"}}}",
                 codes[i]);
        snprintf(body, sizeof body, SERVER_ROW, 42u, NODE, "1-7", "running");
        create_with(1, servers_json(none), 201, body);
        script("GET /actions/8", 200, failed, SCRIPT_ALWAYS);
        run(ACTION_CREATE_SERVER);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
        CU_ASSERT_EQUAL(last.trouble, troubles[i]);
        CU_ASSERT_EQUAL(last.server_id, 42);
        fixture_close();
    }
}

/* The create's answer took all the time that the action had: its name is looked for all the same.
 */
static void test_a_search_has_time_of_its_own(void)
{
    create_with(2, servers_json(ours), SCRIPT_TIMEOUT, "");
    fixture_set("life.action_deadline", "1s");
    run(ACTION_CREATE_SERVER);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    fixture_close();
}

/* A runner that is another node's is no reason to go back to the fence. */
static void test_anothers_runner_is_not_seen(void)
{
    node_with("", false, "");
    fixture_set("gitea.runner_match", "node-name");
    script(
        RUNS "?", 200,
        "{\"runners\":[{\"id\":6,\"name\":\"ebb-linux-1-70\",\"status\":\"online\",\"busy\":false,"
        "\"disabled\":false,\"labels\":[]}],\"total_count\":1}",
        SCRIPT_ALWAYS);
    run(ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a held pod holds no other", test_a_held_pod_holds_no_other},
        {"a drain keeps its beginning", test_a_drain_keeps_its_beginning},
        {"an uncordoned node is cordoned again", test_an_uncordoned_node_is_cordoned_again},
        {"a drain that waits only looks", test_a_drain_that_waits_only_looks},
        {"an ending pod is given its time", test_an_ending_pod_is_given_its_time},
        {"deletes are counted over nodes", test_deletes_are_counted_over_nodes},
        {"the uid is that of the look", test_the_uid_is_that_of_the_look},
        {"a node that went keeps no server", test_a_node_that_went_meanwhile_keeps_no_server},
        {"a broken connection is searched after", test_a_broken_connection_is_searched_after},
        {"a server that is listed late is found", test_a_server_that_is_listed_late_is_found},
        {"what is not found may come yet", test_what_is_not_found_may_come_yet},
        {"a stranger's server after a loss", test_a_strangers_server_is_not_adopted_after_a_loss},
        {"a create action is followed", test_a_create_action_is_followed_to_its_end},
        {"a search has time of its own", test_a_search_has_time_of_its_own},
        {"another's runner is not seen", test_anothers_runner_is_not_seen},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_steps", tests);
}
