/* deregister_runner and its fence: what holds when somebody else acts between two looks, when an
 * answer is not what was hoped for, and where the note stands. May not: use a network. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "actions_fixture.h"
#include "cunit_main.h"

#define NOTE       "\"ebbtide/fence\":\"v1.1000.5\""
#define AT_SERVER  ",\"ebbtide-fence\":\"v1.1000.5\""
#define PATCHED    "PATCH " RUNNER
#define DELETED    "DELETE " RUNNER
#define ANNOTATE   "PATCH /api/v1/nodes/" NODE
#define LABELLED   "PUT /servers/42"
#define GONE       "{\"errors\":null,\"message\":\"Runner not found\"}"
#define RUNNER_ROW "{\"id\":%u,\"name\":\"" NODE "-%u\",\"status\":\"online\",\"busy\":false,"

static const char *the_pod(void)
{
    return pods_json(pod_json("gitea-runners", "runner-pod", "", "Running"));
}

/* A node with these annotations, whose runner stands as said in every look that no longer rule of
 * the test answers. */
static void node_with(const char *annotations, bool busy, bool disabled)
{
    fixture_open();
    script(KNODE, 200, node_json(annotations, "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, busy, disabled), SCRIPT_ALWAYS);
    script(PATCHED, 200, "{\"id\":5}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
    script(DELETED, 204, "", SCRIPT_ALWAYS);
}

static void run(enum action_kind kind)
{
    struct action action = fixture_action(kind);
    fixture_run(&action);
}

/* The first call sees the fence for the first time, the second one that it has settled. */
static void run_settled(void)
{
    const struct timespec wait = {0, 120 * 1000000L}; /* fence_settle is 100 ms here */
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    nanosleep(&wait, NULL);
    run(ACTION_DEREGISTER_RUNNERS);
}

static void set_version(const char *version)
{
    snprintf(fixture.gitea_version, sizeof fixture.gitea_version, "%s", version);
    fixture.version_mono_ms = INT64_MAX / 2;
}

static void test_busy_at_the_second_look_waits(void)
{
    node_with(NOTE, true, true);
    script(RUNS "?", 200, runner_json(true, false, true), 2); /* not yet at the first two looks */
    run_settled();
    CU_ASSERT_EQUAL(script_count(RUNS), 3);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

static void test_a_fence_lifted_between_the_looks(void)
{
    node_with(NOTE, false, false);
    script(RUNS "?", 200, runner_json(true, false, true), 2);
    run_settled();
    CU_ASSERT_EQUAL(script_count(RUNS), 3);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    run(ACTION_DEREGISTER_RUNNERS); /* and it is set anew */
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":true}");
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

static void test_a_noted_runner_that_was_enabled_is_fenced_anew(void)
{
    node_with(NOTE, false, false);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":true}");
    fixture_close();
}

/* Server, node and pod are gone; what is left in Gitea is disabled, and our note went with them. We
 * saw the pod on the node before. */
static void test_a_registration_whose_machine_is_gone(void)
{
    node_with("", false, false);
    static const char *const none[] = {NULL};
    run(ACTION_RELEASE_RUNNERS);
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(none), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(false, false, true), SCRIPT_ALWAYS);
    script(DELETED, 204, "", SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count(DELETED), 1);
    fixture_close();
}

/* Nobody's by its pod, and Gitea still calls it online: whose it is cannot be told yet. */
static void test_a_doubtful_runner_is_waited_for(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script(DELETED, 204, "", SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "until Gitea sees it offline"));
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count(DELETED), 0);
    fixture_close();
}

/* Gitea was restored from a backup and counts anew: runner 5 is a person's now. The core knew it by
 * another name, and so may our note's id be meant. */
static void id_is_anothers(const char *note, const char *at_server, const char *pods)
{
    static const struct runner_ref known = {.id = 5, .name = "runner-pod-of-before"};
    fixture_open();
    script_reset(fixture.base);
    script(SERVER, 200, server_json(at_server), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(KNODE, 200, node_json(note, "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods, SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(false, false, false), SCRIPT_ALWAYS);
    script(DELETED, 204, "", SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_DEREGISTER_RUNNERS);
    action.runners = &known;
    fixture_run(&action);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "no runner of this node"));
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count(DELETED), 0);
    fixture_close();
}

static void test_an_id_that_is_used_again_is_anothers(void)
{
    id_is_anothers("", "", pods_json(""));
    id_is_anothers(NOTE, "", pods_json(""));
    id_is_anothers("", AT_SERVER, pods_json(""));
    /* Or it is another node's now: not this one's to deregister, and no reason to refuse either. */
    id_is_anothers("", "",
                   "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"runner-pod\","
                   "\"namespace\":\"gitea-runners\",\"uid\":\"p\"},\"spec\":{\"nodeName\":"
                   "\"rack-1\"},\"status\":{\"phase\":\"Running\"}}]}");
}

static void test_a_runner_that_went_meanwhile_is_deregistered(void)
{
    fixture_open();
    script(KNODE, 200, node_json(NOTE, "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    script(DELETED, 404, GONE, SCRIPT_ALWAYS);
    run_settled();
    CU_ASSERT_EQUAL(script_count(DELETED), 1);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_close();
}

static void test_an_old_gitea_keeps_a_busy_runner(void)
{
    node_with("", true, false);
    set_version("1.25.3");
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
    node_with("", true, false);
    script(RUNS "?", 200, runner_json(true, false, false), 1); /* busy at the second look only */
    set_version("1.25.3");
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

/* The first Gitea with the fence is fenced; Forgejo counts by the Gitea in it. */
static void test_which_gitea_is_fenced(void)
{
    static const struct {
        const char *version;
        unsigned fences;
    } rows[] = {
        {"1.26.0", 1}, {"1.25.9", 0}, {"2.0.0", 1}, {"11.0.1+gitea-1.22.0", 0}, {"main", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        node_with("", false, false);
        set_version(rows[i].version);
        run(ACTION_DEREGISTER_RUNNERS);
        CU_ASSERT_EQUAL(script_count(PATCHED), rows[i].fences);
        fixture_close();
    }
}

/* Whoever deletes the Kubernetes node takes its note away: the server bears it as well. */
static void test_the_note_stands_at_node_and_server(void)
{
    node_with("", false, false);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(script_count(ANNOTATE), 1);
    CU_ASSERT_EQUAL(script_count(LABELLED), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(LABELLED), "ebbtide-fence"));
    CU_ASSERT_TRUE(script_place(LABELLED) < script_place(PATCHED));
    fixture_close();
}

/* Somebody deletes it between our look and our note, which then stands at the server alone. */
static void test_the_node_goes_before_its_note(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script(PATCHED, 200, "{\"id\":5}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS); /* nothing answers its annotation but a 404 */
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(ANNOTATE), 1);
    CU_ASSERT_EQUAL(script_count(LABELLED), 1);
    CU_ASSERT_EQUAL(script_count(PATCHED), 1);
    CU_ASSERT_TRUE(script_place(LABELLED) < script_place(PATCHED));
    fixture_close();
}

static void test_a_release_takes_both_notes_away(void)
{
    fixture_open();
    script_reset(fixture.base);
    script(SERVER, 200, server_json(AT_SERVER), SCRIPT_ALWAYS);
    script(KNODE, 200, node_json(NOTE, "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    script(PATCHED, 200, "{\"id\":5}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
    run(ACTION_RELEASE_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "null"));
    CU_ASSERT_EQUAL(script_count(LABELLED), 1);
    CU_ASSERT_PTR_NULL(strstr(script_body(LABELLED), "ebbtide-fence"));
    fixture_close();
}

/* The node was deleted and came back, and its note went with it: the server's still says whose. */
static void test_the_servers_note_is_read_beside_a_node_without_one(void)
{
    fixture_open();
    script_reset(fixture.base);
    script(SERVER, 200, server_json(AT_SERVER), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN); /* it settles: no person's fence */
    fixture_close();
}

/* A version that nobody knows, and a runner that went before its PATCH: that is no sign that this
 * Gitea cannot fence. */
static void test_a_gone_runner_says_nothing_of_the_fence(void)
{
    fixture_open();
    fixture.version_mono_ms = INT64_MAX / 2;
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script(PATCHED, 404, GONE, SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    fixture_close();
}

static void test_a_fence_that_was_not_taken_is_no_fence(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script(PATCHED, 500, "{\"message\":\"\"}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    fixture_close();
}

/* `count` runners called as the node. */
static const char *many_runners(unsigned count, bool disabled)
{
    static char body[8192];
    size_t used = (size_t)snprintf(body, sizeof body, "{\"runners\":[");
    for (unsigned i = 1; i <= count; i++)
        used += (size_t)snprintf(body + used, sizeof body - used,
                                 "%s" RUNNER_ROW "\"disabled\":%s,\"labels\":[]}",
                                 i == 1 ? "" : ",", i, i, disabled ? "true" : "false");
    snprintf(body + used, sizeof body - used, "],\"total_count\":%u}", count);
    return body;
}

static void named_by_node(unsigned runners)
{
    fixture_open();
    fixture_set("gitea.runner_match", "node-name");
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RUNS, 200, many_runners(runners, false), SCRIPT_ALWAYS);
    script("PATCH /api/v1/admin/actions/runners/", 200, "{}", SCRIPT_ALWAYS);
    script("DELETE /api/v1/admin/actions/runners/", 204, "", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(LABELLED, 200, server_json(""), SCRIPT_ALWAYS);
}

static void test_all_runners_of_a_node_are_fenced(void)
{
    named_by_node(3);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count("PATCH /api/v1/admin/actions/runners/"), 3);
    fixture_close();
}

/* Of two disabled runners our note names one: the other one's fence is a person's. */
static void test_a_release_enables_whom_the_note_names(void)
{
    named_by_node(2);
    script_reset(fixture.base);
    script(SERVER, 200, server_json(""), SCRIPT_ALWAYS);
    script(KNODE, 200, node_json("\"ebbtide/fence\":\"v1.1000.1\"", "", false), SCRIPT_ALWAYS);
    script(RUNS, 200, many_runners(2, true), SCRIPT_ALWAYS);
    script("PATCH /api/v1/admin/actions/runners/", 200, "{}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    run(ACTION_RELEASE_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count("PATCH /api/v1/admin/actions/runners/1"), 1);
    CU_ASSERT_EQUAL(script_count("PATCH /api/v1/admin/actions/runners/2"), 0);
    fixture_close();
}

/* A registration that no pod explains and that the core did not name is nobody's business. */
static void test_a_ghost_that_nobody_named_is_left_alone(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(""), SCRIPT_ALWAYS);
    script(RUNS, 200,
           "{\"runners\":[{\"id\":6,\"name\":\"ghost\",\"status\":\"offline\",\"busy\":false,"
           "\"disabled\":false,\"labels\":[]}],\"total_count\":1}",
           SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count("DELETE"), 0);
    fixture_close();
}

static void test_more_runners_than_are_done_at_once(void)
{
    named_by_node(RUNNERS_PER_NODE_MAX + 1);
    set_version("1.25.3");
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(script_count("DELETE"), RUNNERS_PER_NODE_MAX);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    fixture_close();
    named_by_node(RUNNERS_PER_NODE_MAX);
    set_version("1.25.3");
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(script_count("DELETE"), RUNNERS_PER_NODE_MAX);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"busy at the second look waits", test_busy_at_the_second_look_waits},
        {"a fence lifted between the looks", test_a_fence_lifted_between_the_looks},
        {"a noted runner that was enabled", test_a_noted_runner_that_was_enabled_is_fenced_anew},
        {"a registration whose machine is gone", test_a_registration_whose_machine_is_gone},
        {"a doubtful runner is waited for", test_a_doubtful_runner_is_waited_for},
        {"an id that is used again is another's", test_an_id_that_is_used_again_is_anothers},
        {"a runner that went meanwhile", test_a_runner_that_went_meanwhile_is_deregistered},
        {"an old Gitea keeps a busy runner", test_an_old_gitea_keeps_a_busy_runner},
        {"which Gitea is fenced", test_which_gitea_is_fenced},
        {"the note stands at node and server", test_the_note_stands_at_node_and_server},
        {"the node goes before its note", test_the_node_goes_before_its_note},
        {"a release takes both notes away", test_a_release_takes_both_notes_away},
        {"the server's note beside a node without",
         test_the_servers_note_is_read_beside_a_node_without_one},
        {"a gone runner says nothing of the fence", test_a_gone_runner_says_nothing_of_the_fence},
        {"a fence that was not taken", test_a_fence_that_was_not_taken_is_no_fence},
        {"all runners of a node are fenced", test_all_runners_of_a_node_are_fenced},
        {"a release enables whom the note names", test_a_release_enables_whom_the_note_names},
        {"a ghost that nobody named", test_a_ghost_that_nobody_named_is_left_alone},
        {"more runners than are done at once", test_more_runners_than_are_done_at_once},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_fence", tests);
}
