/* Rails that must hold against a reconciler that was taken over: what it asks for at once, and what
 * it says that is not so. May not: use a network. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "actions_fixture.h"
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
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"%.39s\",\"uid\":\"u-%u\",\"resourceVersion\":"    \
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

static void test_creates_that_are_asked_for_at_once(void)
{
    static char names[NODES][40];
    static const char *const none[] = {NULL};
    fixture_open();
    fixture_set("rails.creates_per_minute", "1");
    script("GET /servers?name=", 200, servers_json(none), SCRIPT_ALWAYS);
    script("POST /servers", 422, "{\"error\":{\"code\":\"invalid_input\",\"message\":\"\"}}",
           SCRIPT_ALWAYS);
    for (unsigned i = 0; i < NODES; i++) {
        struct action action = fixture_action(ACTION_CREATE_SERVER);
        snprintf(names[i], sizeof names[i], "ebb-linux-1-%u", 20 + i);
        action.node.name = names[i];
        fixture_give(&action);
    }
    while (results < NODES)
        fixture_turn();
    CU_ASSERT_EQUAL(script_count("POST /servers"), 1);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"deletes that are asked for at once", test_deletes_that_are_asked_for_at_once},
        {"a delete counts from its request", test_a_delete_counts_from_its_request},
        {"intents without a server", test_intents_without_a_server_are_no_repeats},
        {"creates that are asked for at once", test_creates_that_are_asked_for_at_once},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_rails", tests);
}
