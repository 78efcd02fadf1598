/* create_server, and the dispatcher: never two servers for one name, the caps, the same id twice.
 * May not: use a network. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actions_fixture.h"
#include "cunit_main.h"

#define POST "POST /servers"
#define CREATED                                                                                    \
    "{\"server\":{\"id\":42,\"name\":\"" NODE "\",\"status\":\"initializing\",\"created\":"        \
    "\"2026-11-24T10:00:00Z\",\"server_type\":{\"name\":\"ccx33\"},\"location\":{\"name\":"        \
    "\"nbg1\"},\"labels\":{}},\"action\":{\"id\":8,\"command\":\"create_server\",\"status\":"      \
    "\"%s\"%s}}"
#define FAILED_ACTION                                                                              \
    "{\"action\":{\"id\":8,\"command\":\"create_server\",\"status\":\"error\",\"error\":{"         \
    "\"code\":\"resource_unavailable\",\"message\":\"sold out\"}}}"

static const char *const ours[] = {NODE, NULL};

static const char *created(const char *status)
{
    static char out[1024];
    snprintf(out, sizeof out, CREATED, status, "");
    return out;
}

static void run(void)
{
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    fixture_run(&action);
}

static void refused(const char *rail)
{
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_RAIL);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, rail));
    CU_ASSERT_EQUAL(script_count(POST), 0);
    fixture_close();
}

static void test_creates_and_follows(void)
{
    fixture_open();
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_TRUE(last.created_ms > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(POST), "\"ebbtide-id\":\"1-7\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(POST), "join-secret"));
    CU_ASSERT_FALSE(fixture_log_holds("join-secret"));
    CU_ASSERT_TRUE(fixture_log_holds("\"event\":\"intent\""));
    CU_ASSERT_TRUE(fixture_log_holds("\"outcome\":\"done\""));
    fixture_close();
}

static void test_a_failed_create_action_is_reported(void)
{
    fixture_open();
    script(POST, 201, created("running"), SCRIPT_ALWAYS);
    script("GET /actions/8", 200, FAILED_ACTION, SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_SOLD_OUT);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "paid"));
    fixture_close();
}

static void the_name_is_looked_for_after(unsigned status, const char *body)
{
    fixture_open();
    script_reset(fixture.base);
    static const char *const none[] = {NULL};
    script(LISTED, 200, servers_json(none), SCRIPT_ALWAYS);
    script(NAMED, 200, servers_json(none), 1);
    script(NAMED, 200, servers_json(ours), SCRIPT_ALWAYS);
    script("GET /server_types", 200,
           "{\"server_types\":[{\"id\":1,\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","
           "\"price_hourly\":{\"net\":\"0.10\"},\"price_monthly\":{\"net\":\"50\"}}]}]}",
           SCRIPT_ALWAYS);
    script(POST, status, body, SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    /* What came back is said, though all ended well. */
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "adopted server 42"));
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "cannot create the server"));
    fixture_close();
}

static void test_after_a_lost_answer_the_name_is_looked_for(void)
{
    the_name_is_looked_for_after(SCRIPT_TIMEOUT, "");
    the_name_is_looked_for_after(502, "<html>");
    the_name_is_looked_for_after(
        409, "{\"error\":{\"code\":\"uniqueness_error\",\"message\":\"name\"}}");
}

/* The POST's answer is nonsense, and then nobody answers: a server may be there all the same, and
 * the core must not choose another name. */
static void test_a_search_that_fails_proves_nothing(void)
{
    fixture_open();
    static const char *const none[] = {NULL};
    script_reset(fixture.base);
    script(LISTED, 200, servers_json(none), SCRIPT_ALWAYS);
    script(NAMED, 200, servers_json(none), 1);
    script(NAMED, 503, "{\"error\":{\"code\":\"unavailable\",\"message\":\"\"}}", SCRIPT_ALWAYS);
    script("GET /server_types", 200,
           "{\"server_types\":[{\"id\":1,\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","
           "\"price_hourly\":{\"net\":\"0.10\"},\"price_monthly\":{\"net\":\"50\"}}]}]}",
           SCRIPT_ALWAYS);
    script(POST, 200, "<html>", SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

static void test_only_ours_is_adopted(void)
{
    fixture_open();
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    static const char *const others[] = {"ebb-linux-1-8", NULL}; /* by name; its id is 1-7 */
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(ours), SCRIPT_ALWAYS);
    script(LISTED, 200, servers_json(ours), SCRIPT_ALWAYS);
    script("GET /server_types", 200, "{\"server_types\":[]}", SCRIPT_ALWAYS);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE); /* the id matches: adopted without a POST */
    CU_ASSERT_EQUAL(script_count(POST), 0);
    script_reset(fixture.base);
    script("GET /servers?name=ebb-linux-1-8", 200, servers_json(others), SCRIPT_ALWAYS);
    script(LISTED, 200, servers_json(others), SCRIPT_ALWAYS);
    script("GET /server_types", 200, "{\"server_types\":[]}", SCRIPT_ALWAYS);
    action = fixture_create(8);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED); /* it does not: left alone */
    CU_ASSERT_EQUAL(script_count(POST), 0);
    fixture_close();
}

static void test_sold_out_is_said(void)
{
    fixture_open();
    script(POST, 412, "{\"error\":{\"code\":\"resource_unavailable\",\"message\":\"x\"}}",
           SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_SOLD_OUT);
    fixture_close();
}

static void test_caps(void)
{
    static const char *const one[] = {"ebb-linux-1-2", NULL};
    fixture_open();
    fixture_set("mode", "observe");
    refused("rail mode");
    fixture_open();
    fixture_set("rails.max_servers", "1");
    script(LISTED "=", 200, servers_json(one), SCRIPT_ALWAYS);
    refused("rail max_servers");
    fixture_open();
    fixture_set("pools[0].max", "1");
    script(LISTED "=", 200, servers_json(one), SCRIPT_ALWAYS);
    refused("rail pool-max");
    fixture_open();
    fixture_set("rails.max_hourly_cost", "0.15");
    script(LISTED "=", 200, servers_json(one), SCRIPT_ALWAYS);
    refused("rail max_hourly_cost");
    fixture_open();
    fixture_set("pools[0].offers[0].location", "fsn1");
    refused("rail offer");
    fixture_open();
    fixture_set("name_prefix", "else");
    refused("rail name");
}

static void test_creates_a_minute_outlive_a_restart(void)
{
    fixture_open();
    fixture_set("rails.creates_per_minute", "1");
    script(POST, 412, "{\"error\":{\"code\":\"resource_unavailable\",\"message\":\"x\"}}",
           SCRIPT_ALWAYS);
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    run();
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "creates_per_minute"));
    fixture_restart();
    run();
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "creates_per_minute"));
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

/* An old checkpoint may ask again for a server that was rented, used and given back since. */
static void test_a_name_that_was_given_back_is_used_up(void)
{
    fixture_open();
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    struct action removal = fixture_action(ACTION_REMOVE_NODE);
    struct action_result done = {
        .id = removal.id, .kind = ACTION_REMOVE_NODE, .outcome = OUTCOME_DONE, .text = "gone"};
    struct error error;
    CU_ASSERT_TRUE(audit_intent(fixture.audit, &removal, 1795764000000, &error));
    CU_ASSERT_TRUE(audit_outcome(fixture.audit, &removal, &done, 1795764000000, &error));
    run();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "its name is used up"));
    fixture_restart();
    refused("its name is used up");
}

static void test_the_same_id_twice(void)
{
    fixture_open();
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    struct action older = action;
    fixture_run(&action);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_restart();
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    older.id.counter = 5; /* never heard of, and lower than what was used */
    fixture_run(&older);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "ids-rise"));
    fixture_close();
}

/* One that was taken over names the highest id that there is: no other would be higher, ever. */
static void test_an_id_of_another_epoch_uses_up_nothing(void)
{
    fixture_open();
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    const struct action_id own = action.id;
    action.id = (struct action_id){UINT64_MAX, UINT64_MAX};
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_STRING_EQUAL(
        last.text, "rail epoch: id 18446744073709551615-18446744073709551615 is not of epoch 1");
    CU_ASSERT_STRING_EQUAL(fixture_log(), "");
    fixture_restart(); /* nor after a restart */
    action.id = own;
    fixture_run(&action);
    CU_ASSERT_NOT_EQUAL(last.outcome, OUTCOME_REFUSED);

    /* The next reconciler's epoch; and the log's, where the supervisor has lost count. */
    action = fixture_action(ACTION_DRAIN_NODE);
    actuator_new_asker(&fixture, 7);
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    action.id.epoch = 7;
    fixture_run(&action);
    CU_ASSERT_NOT_EQUAL(last.outcome, OUTCOME_REFUSED);
    actuator_new_asker(&fixture, 2);
    action.id.counter++;
    fixture_run(&action);
    CU_ASSERT_NOT_EQUAL(last.outcome, OUTCOME_REFUSED);

    /* What one that was taken over asks under the ids of the next is no answer to the next. */
    action.id = (struct action_id){8, 1};
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    actuator_new_asker(&fixture, 8);
    fixture_run(&action);
    CU_ASSERT_NOT_EQUAL(last.outcome, OUTCOME_REFUSED);
    fixture_close();
}

/* Who asks once with the last number that there is must not leave none for those who come after. */
static void test_ids_do_not_leap(void)
{
    static const struct action_id leaps[] = {{1, UINT64_MAX}, {1, UINT64_C(1) << 40}};
    fixture_open();
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    struct action far = action;
    for (size_t i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
        far.id = leaps[i];
        fixture_run(&far);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "ids-rise: no action id that comes near"));
    }
    fixture_restart();
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

static void test_one_action_a_node_several_nodes_at_once(void)
{
    fixture_open();
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    static const char *const none[] = {NULL};
    script("GET /servers?name=ebb-linux-1-8", 200, servers_json(none), SCRIPT_ALWAYS);
    struct action first = fixture_action(ACTION_CREATE_SERVER);
    struct action second = fixture_action(ACTION_CREATE_SERVER);
    struct action other = fixture_create(8);
    fixture_give(&first);
    fixture_run(&second);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    fixture_give(&other);
    CU_ASSERT_EQUAL(fixture.work_count, 2);
    fixture_turn();
    fixture_turn();
    CU_ASSERT_EQUAL(fixture.work_count, 0);
    CU_ASSERT_EQUAL(script_count(POST), 2);
    fixture_close();
}

/* The other one lists the servers, and waits while the first reads the prices, makes its server and
 * is done: that server is neither in the list nor under way. */
static void test_a_create_that_ended_meanwhile_counts(void)
{
    static const char *const none[] = {NULL};
    fixture_open();
    fixture_set("rails.max_servers", "1");
    script(LISTED "=", 200, servers_json(none), 2);
    script(LISTED "=", 200, servers_json(ours), SCRIPT_ALWAYS);
    script("GET /servers?name=ebb-linux-1-8", 200, servers_json(none), SCRIPT_ALWAYS);
    script(POST, 201, created("success"), SCRIPT_ALWAYS);
    struct action first = fixture_action(ACTION_CREATE_SERVER);
    struct action other = fixture_create(8);
    fixture_give(&first);
    fixture_give(&other);
    fixture_turn();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_turn();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail max_servers"));
    CU_ASSERT_EQUAL(script_count(POST), 1);
    fixture_close();
}

static void test_a_stop_leaves_nothing_half_done(void)
{
    fixture_open();
    script(POST, 201, created("running"), SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    fixture_give(&action);
    while (script_count(POST) == 0)
        event_base_loop(fixture.base, EVLOOP_ONCE);
    actuator_stop(&fixture); /* the POST is on its way: its answer is waited for */
    CU_ASSERT_EQUAL(results, 0);
    fixture_turn();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(last.server_id, 42);
    CU_ASSERT_EQUAL(fixture.work_count, 0);
    fixture_close();
}

/* The reserve is for teardown: creates that no line can announce leave it as it is. */
static void test_a_create_without_room_takes_none_of_the_reserve(void)
{
    fixture_open();
    fixture_set("files.audit_max", "64KiB");
    fixture_restart();
    script(POST, 503, "{}", SCRIPT_ALWAYS);
    for (unsigned i = 0; i < 200; i++)
        if (strlen(fixture_log()) + 2 * (size_t)AUDIT_LINE_BYTES_MAX <= 65536)
            run();
    size_t length = strlen(fixture_log());
    for (unsigned i = 0; i < 20; i++)
        run();
    CU_ASSERT_NOT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(strlen(fixture_log()), length);
    struct action teardown = fixture_action(ACTION_DRAIN_NODE);
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(PODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script("PATCH /api/v1/nodes/" NODE, 200, "{}", SCRIPT_ALWAYS);
    fixture_run(&teardown);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_TRUE(strlen(fixture_log()) > length);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"creates and follows", test_creates_and_follows},
        {"a failed create action is reported", test_a_failed_create_action_is_reported},
        {"after a lost answer the name is looked for",
         test_after_a_lost_answer_the_name_is_looked_for},
        {"a search that fails proves nothing", test_a_search_that_fails_proves_nothing},
        {"only ours is adopted", test_only_ours_is_adopted},
        {"sold out is said", test_sold_out_is_said},
        {"caps", test_caps},
        {"creates a minute outlive a restart", test_creates_a_minute_outlive_a_restart},
        {"a name that was given back is used up", test_a_name_that_was_given_back_is_used_up},
        {"the same id twice", test_the_same_id_twice},
        {"an id of another epoch uses up nothing", test_an_id_of_another_epoch_uses_up_nothing},
        {"ids do not leap", test_ids_do_not_leap},
        {"one action a node, several nodes", test_one_action_a_node_several_nodes_at_once},
        {"a create that ended meanwhile counts", test_a_create_that_ended_meanwhile_counts},
        {"a create without room", test_a_create_without_room_takes_none_of_the_reserve},
        {"a stop leaves nothing half done", test_a_stop_leaves_nothing_half_done},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_create", tests);
}
