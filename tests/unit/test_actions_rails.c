/* Rails that must hold against a reconciler that was taken over: what it asks for at once, and what
 * it says that is not so. May not: use a network. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actions_fixture.h"
#include "common/clock.h"
#include "cunit_main.h"

#define NODES    4
#define DEL_NODE "DELETE /api/v1/nodes/"
#define DEL_SRV  "DELETE /servers/"
#define GONE     "{\"error\":{\"code\":\"not_found\",\"message\":\"\"}}"
#define SERVER_OF                                                                                  \
    "{\"server\":{\"id\":%u,\"name\":\"%.39s\",\"status\":\"running\",\"created\":"                \
    "\"2026-11-24T10:00:00Z\",\"server_type\":{\"name\":\"ccx33\"},\"location\":{\"name\":"        \
    "\"nbg1\"},\"labels\":{\"managed-by\":\"ebbtide\",\"ebbtide-cluster\":\"default\","            \
    "\"ebbtide-pool\":\"linux\",\"ebbtide-id\":\"1-7\"}}}"
#define NODE_OF                                                                                    \
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"%.39s\",\"uid\":\"u-%u\",\"labels\":{\"managed-"  \
    "by\":\"ebbtide\"},\"resourceVersion\":"                                                       \
    "\"77\"},\"spec\":{\"providerID\":\"hcloud://%u\"},\"status\":{}}"

/* ------------------------------------------------------------------------------ deletes at once */

static char name[NODES][40];

/* Servers 60, 61, ... with their nodes, all of them fit to be removed. */
static void fleet(void)
{
    static char what[NODES][2][128], body[NODES][2][1024];
    static const char *const none[] = {NULL};
    fixture_open();
    fixture_set("rails.deletes_per_minute", "1");
    script("GET /servers?name=", 200, servers_json(none), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(DEL_NODE, 200, "{}", SCRIPT_ALWAYS);
    script(DEL_SRV, 404, GONE, SCRIPT_ALWAYS);
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(name[i], sizeof name[i], "ebb-linux-1-%u", 60 + i);
        snprintf(what[i][0], sizeof what[i][0], "GET /servers/%u", 60 + i);
        snprintf(what[i][1], sizeof what[i][1], "GET /api/v1/nodes/%.39s", name[i]);
        snprintf(body[i][0], sizeof body[i][0], SERVER_OF, 60 + i, name[i]);
        snprintf(body[i][1], sizeof body[i][1], NODE_OF, name[i], i, 60 + i);
        script(what[i][0], 200, body[i][0], SCRIPT_ALWAYS);
        script(what[i][1], 200, body[i][1], SCRIPT_ALWAYS);
    }
}

static struct action removal(unsigned index)
{
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    action.node.name = name[index];
    action.node.server_id = 60 + index;
    action.node.node_uid = action.node.provider_id = "";
    return action;
}

static void test_deletes_that_are_asked_for_at_once(void)
{
    fleet();
    for (unsigned i = 0; i < NODES; i++) {
        struct action action = removal(i);
        fixture_give(&action);
    }
    while (results < NODES)
        fixture_turn();
    CU_ASSERT_EQUAL(script_count(DEL_SRV), 1);
    CU_ASSERT_EQUAL(script_count(DEL_NODE), 1);
    fixture_close();
}

/* The node's own DELETE takes a minute: the server's is of this minute all the same. */
static void test_a_delete_counts_from_its_request(void)
{
    fleet();
    struct action action = removal(0);
    fixture_give(&action);
    while (script_count(DEL_NODE) == 0)
        event_base_loop(fixture.base, EVLOOP_ONCE);
    fixture.deeds[0].mono_ms -= DEED_MS;
    fixture_turn();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    action = removal(1);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(script_count(DEL_SRV), 1);
    fixture_close();
}

/* The log bears what was asked for, which may be no server's number. */
static void test_intents_without_a_server_are_no_repeats(void)
{
    fleet();
    fixture_set("rails.deletes_per_minute", "3");
    for (unsigned i = 0; i < 2; i++) {
        struct action action = removal(i);
        action.node.server_id = 0;
        fixture_run(&action); /* of the node alone: no server is found by its name */
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    }
    fixture_restart();
    struct action action = removal(2);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    action = removal(3);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(script_count(DEL_SRV), 1);
    fixture_close();
}

/* One that is asked for again and again takes one place among those that are remembered. */
static void test_repeats_take_no_places(void)
{
    fleet();
    fixture_set("rails.deletes_per_minute", "2");
    int64_t now = clock_mono_ms();
    actuator_note_deed(&fixture, ACTION_REMOVE_NODE, 1, now);
    for (unsigned i = 0; i < 2 * DEEDS_MAX; i++)
        actuator_note_deed(&fixture, ACTION_REMOVE_NODE, 2, now);
    CU_ASSERT_EQUAL(fixture.deed_count, 2);
    struct action action = removal(0);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    fixture_close();
}

static void test_creates_that_are_asked_for_at_once(void)
{
    static const char *const none[] = {NULL};
    fixture_open();
    fixture_set("rails.creates_per_minute", "1");
    script("GET /servers?name=", 200, servers_json(none), SCRIPT_ALWAYS);
    script("POST /servers", 422, "{\"error\":{\"code\":\"invalid_input\",\"message\":\"\"}}",
           SCRIPT_ALWAYS);
    for (unsigned i = 0; i < NODES; i++) {
        struct action action = fixture_create(20 + i);
        fixture_give(&action);
    }
    while (results < NODES)
        fixture_turn();
    CU_ASSERT_EQUAL(script_count("POST /servers"), 1);
    fixture_close();
}

/* --------------------------------------------------------------------- runners whose pod is gone
 */

#define DEREGISTERED "DELETE /api/v1/admin/actions/runners/"
#define RUNNER_OF                                                                                  \
    "{\"runners\":[{\"id\":5,\"name\":\"%s\",\"status\":\"%s\",\"busy\":false,\"disabled\":false," \
    "\"labels\":[]}],\"total_count\":1}"
#define POD_OF                                                                                     \
    "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"gitea-runners\",\"uid\":\"x\"},\"spec\":{"     \
    "\"nodeName\":\"%s\"},\"status\":{\"phase\":\"Running\"}}"

/* No machine of the name; one runner in Gitea; these pods (nothing: pod ""). */
static void lone_runner(const char *runner, const char *status, const char *pod, const char *node)
{
    static const char *const none[] = {NULL};
    static char runners[512], pods[512];
    snprintf(runners, sizeof runners, RUNNER_OF, runner, status);
    snprintf(pods, sizeof pods, POD_OF, pod, node);
    script_reset(fixture.base);
    script("GET /servers?name=", 200, servers_json(none), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(pod[0] == '\0' ? "" : pods), SCRIPT_ALWAYS);
    script(RUNS, 200, runners, SCRIPT_ALWAYS);
    script(DEREGISTERED, 204, "", SCRIPT_ALWAYS);
}

/* Asks for these runners as this node's; how many were deregistered. */
static unsigned ask_for(const char *node, const struct runner_ref *runners, uint32_t count)
{
    struct action action = fixture_action(ACTION_DEREGISTER_RUNNERS);
    action.node.name = node;
    action.node.server_id = 0;
    action.node.node_uid = action.node.provider_id = "";
    action.runners = runners;
    action.runners_count = count;
    fixture_run(&action);
    return script_count(DEREGISTERED);
}

static unsigned ask_for_runner(const char *node)
{
    static const struct runner_ref runner = {.id = 5, .name = ""}; /* by its id alone */
    return ask_for(node, &runner, 1);
}

static void test_a_permanent_runner_is_nobodys(void)
{
    fixture_open();
    lone_runner("big-builder", "offline", "", "");
    CU_ASSERT_EQUAL(ask_for_runner("ebb-x"), 0);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE); /* and the node's end does not wait for it */
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "runner 5 (big-builder) stays registered"));
    CU_ASSERT_TRUE(fixture_log_holds("stays registered"));
    fixture_close();
}

static void test_a_pod_that_was_seen_there_is_its_nodes(void)
{
    fixture_open();
    lone_runner("runner-0", "online", "runner-0", NODE);
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_DRAIN_NODE);
    action.node.server_id = 0;
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_RUNNER_SEEN);
    lone_runner("runner-0", "offline", "", "");
    CU_ASSERT_EQUAL(ask_for_runner("ebb-linux-1-8"), 0); /* on another node */
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(ask_for(NODE, NULL, 0), 0); /* nor if nobody remembers it */
    static const struct runner_ref before = {.id = 5, .name = "runner-of-before"};
    CU_ASSERT_EQUAL(ask_for(NODE, &before, 1), 0); /* nor where its id was another's */
    CU_ASSERT_EQUAL(ask_for_runner(NODE), 1);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_PTR_NULL(strstr(last.text, "stays registered"));
    fixture_close();
}

/* After a restart: another pod of the same controller tells what its names look like. */
static void test_a_name_that_kubernetes_gave(void)
{
    static const struct {
        const char *runner;
        unsigned deregistered;
    } rows[] = {
        {"gitea-runner-x7k2p", 1},  {"gitea-runner-main1", 0}, {"gitea-runner-x7k2", 0},
        {"gitea-runner2-x7k2p", 0}, {"gitea-runnerxx7k2p", 0}, {"x7k2p", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_open();
        lone_runner(rows[i].runner, "offline", "gitea-runner-bcd24", "rack-1");
        CU_ASSERT_EQUAL(ask_for_runner(NODE), rows[i].deregistered);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
        fixture_close();
    }
}

/* A claim may keep a node: it costs a machine's time, and may be true. */
static void test_a_claimed_runner_keeps_its_node(void)
{
    fixture_open();
    lone_runner("big-builder", "online", "", "");
    CU_ASSERT_EQUAL(ask_for_runner("ebb-x"), 0);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    lone_runner("big-builder", "offline", "", "");
    script(JOBS "?", 200, job_json(), SCRIPT_ALWAYS);
    CU_ASSERT_EQUAL(ask_for_runner("ebb-x"), 0);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_HAS_JOB);
    fixture_close();
}

/* Root on a machine can write at its Kubernetes node: that makes no runner the machine's. */
static void test_a_note_that_a_machine_wrote(void)
{
    fixture_open();
    script(KNODE, 200, node_json("\"ebbtide/fence\":\"v1.1000.5\"", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(false, false, false), SCRIPT_ALWAYS);
    for (unsigned i = 0; i < 2; i++) {
        struct action action = fixture_action(ACTION_DEREGISTER_RUNNERS);
        action.runners_count = i;
        fixture_run(&action);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    }
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count("DELETE"), 0);
    fixture_close();
}

/* Runners are called as their nodes: a beginning of many names is no node. */
static void test_an_invented_node_has_no_runners(void)
{
    static const struct {
        const char *node, *runner, *status;
        enum outcome outcome;
        unsigned deregistered;
    } rows[] = {
        {"big", "big-builder", "offline", OUTCOME_DONE, 0},
        {"big", "big-builder", "online", OUTCOME_AGAIN, 0},
        {"ebb-linux", "ebb-linux-1-9", "online", OUTCOME_AGAIN, 0},
        {"ebb-linux-1-9", "ebb-linux-1-9", "offline", OUTCOME_DONE, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_open();
        fixture_set("gitea.runner_match", "node-name");
        lone_runner(rows[i].runner, rows[i].status, "", "");
        CU_ASSERT_EQUAL(ask_for_runner(rows[i].node), rows[i].deregistered);
        CU_ASSERT_EQUAL(last.outcome, rows[i].outcome);
        fixture_close();
    }
}

/* It came back before its machine went: the removal sends for it. */
static void test_a_runner_of_a_machine_that_went_is_seen(void)
{
    fixture_open();
    fixture_set("gitea.runner_match", "node-name");
    lone_runner(NODE, "offline", "", "");
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    action.node.server_id = 0;
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_RUNNER_SEEN);
    fixture_close();
}

/* ------------------------------------------------------------------- a server that is said to be
 */

#define BARE_NODE(ready)                                                                           \
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"" NODE                                            \
    "\",\"uid\":\"u-1\",\"labels\":{\"managed-by\":\"ebbtide\"},\"resourceVersion\":\"77\"},"      \
    "\"spec\":{},\"status\":{\"conditions\":[{"                                                    \
    "\"type\":"                                                                                    \
    "\"Ready\",\"status\":\"" ready "\"}]}}"

/* What is told of a node whose Kubernetes node bears no provider id, to every request. */
static void bare_node(const char *const *named, bool ready)
{
    fixture_open();
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(named), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(KNODE, 200, ready ? BARE_NODE("True") : BARE_NODE("False"), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(pod_json("web", "front", "", "Running")), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(DEL_NODE, 200, "{}", SCRIPT_ALWAYS);
    script("DELETE " RUNNER, 204, "", SCRIPT_ALWAYS);
}

static void ask_by_number(enum action_kind kind, uint64_t number)
{
    struct action action = fixture_action(kind);
    action.node.server_id = number;
    action.node.node_uid = action.node.provider_id = "";
    fixture_run(&action);
}

static void test_a_made_up_number_is_no_gone_server(void)
{
    static const char *const there[] = {NODE, NULL}, *const none[] = {NULL};
    bare_node(there, false);
    ask_by_number(ACTION_REMOVE_NODE, 999999);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail identity: server " NODE " is 42, not 999999"));
    CU_ASSERT_EQUAL(script_count("DELETE"), 0);
    fixture_close();
    bare_node(none, false); /* and what has neither number nor name is gone */
    ask_by_number(ACTION_REMOVE_NODE, 999999);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count(DEL_NODE), 1);
    fixture_close();
}

/* A person renamed the server: neither number nor name is found, and its kubelet reports. */
static void test_a_machine_that_reports_is_not_gone(void)
{
    static const char *const none[] = {NULL};
    bare_node(none, true);
    ask_by_number(ACTION_REMOVE_NODE, 999999);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail steps-in-order"));
    fixture_close();
    bare_node(none, true);
    script(RPODS "gitea", 200, pods_json(pod_json("gitea-runners", "runner-pod", "", "Running")),
           SCRIPT_ALWAYS);
    script(RUNS "?", 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    ask_by_number(ACTION_DEREGISTER_RUNNERS, 999999);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail foreign-fence"));
    CU_ASSERT_EQUAL(script_count("DELETE") + script_count("PATCH"), 0);
    fixture_close();
}

static void test_a_persons_fence_beside_a_made_up_number(void)
{
    static const char *const there[] = {NODE, NULL};
    bare_node(there, false);
    script(RPODS "gitea", 200, pods_json(pod_json("gitea-runners", "runner-pod", "", "Running")),
           SCRIPT_ALWAYS);
    script(RUNS "?", 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    ask_by_number(ACTION_DEREGISTER_RUNNERS, 999999);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(script_count("DELETE") + script_count("PATCH"), 0);
    fixture_close();
}

/* ---------------------------------------------------------------------------- a drain that is
 * forced */

#define CORDON "PATCH /api/v1/nodes/" NODE
#define TAINT  "{\"key\":\"ebbtide/drain\",\"value\":\"1000\",\"effect\":\"NoSchedule\"}"
#define SPENT  "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}"

/* A node with somebody's pod that its budget holds, and this taint. */
static void drain_by_force(const char *taints)
{
    script(KNODE, 200, node_json("", taints, taints[0] != '\0'), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(pod_json("web", "front", "", "Running")), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(CORDON, 200, "{}", SCRIPT_ALWAYS);
    script("POST /api/v1/namespaces/web", 429, SPENT, SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_DRAIN_NODE);
    action.force = true;
    fixture_run(&action);
}

static void test_no_force_before_the_deadline(void)
{
    fixture_open();
    drain_by_force(""); /* no drain has begun */
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "not forced yet"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoSchedule"));
    CU_ASSERT_PTR_NULL(strstr(script_body(CORDON), "NoExecute"));
    fixture_close();
}

/* What the taint says of its beginning is wall time; what counts is for how long we saw it. */
static void test_force_at_the_deadline(void)
{
    fixture_open();
    fixture_set("life.drain_deadline", "100ms");
    for (unsigned i = 0; i < 2; i++) {
        drain_by_force(TAINT);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
        CU_ASSERT_TRUE(last.retry_after_ms > 0 && last.retry_after_ms <= 100);
        usleep(110000);
        if (i == 0)
            fixture_restart(); /* and it begins anew */
    }
    CU_ASSERT_EQUAL(script_count(CORDON), 0);
    drain_by_force(TAINT);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.left, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoExecute"));
    fixture_close();
}

static void test_force_where_the_machine_is_gone(void)
{
    static const char *const none[] = {NULL};
    fixture_open();
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(none), SCRIPT_ALWAYS);
    script(KNODE, 200, BARE_NODE("False"), 2);
    drain_by_force("");
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(CORDON), "NoExecute"));
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"deletes that are asked for at once", test_deletes_that_are_asked_for_at_once},
        {"a delete counts from its request", test_a_delete_counts_from_its_request},
        {"intents without a server", test_intents_without_a_server_are_no_repeats},
        {"repeats take no places", test_repeats_take_no_places},
        {"creates that are asked for at once", test_creates_that_are_asked_for_at_once},
        {"a permanent runner is nobody's", test_a_permanent_runner_is_nobodys},
        {"a pod that was seen there", test_a_pod_that_was_seen_there_is_its_nodes},
        {"a name that Kubernetes gave", test_a_name_that_kubernetes_gave},
        {"a claimed runner keeps its node", test_a_claimed_runner_keeps_its_node},
        {"a note that a machine wrote", test_a_note_that_a_machine_wrote},
        {"an invented node has no runners", test_an_invented_node_has_no_runners},
        {"a runner of a machine that went", test_a_runner_of_a_machine_that_went_is_seen},
        {"a made-up number is no gone server", test_a_made_up_number_is_no_gone_server},
        {"a machine that reports is not gone", test_a_machine_that_reports_is_not_gone},
        {"a person's fence, a made-up number", test_a_persons_fence_beside_a_made_up_number},
        {"no force before the deadline", test_no_force_before_the_deadline},
        {"force at the deadline", test_force_at_the_deadline},
        {"force where the machine is gone", test_force_where_the_machine_is_gone},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_rails", tests);
}
