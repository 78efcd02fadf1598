/* deregister_runner and release_runner: what they promise about runners. May not: use a network. */
#include <string.h>
#include <unistd.h>

#include <time.h>

#include "actions_fixture.h"
#include "cunit_main.h"

#define NOTE         "\"ebbtide/fence\":\"v1.1000.5\"" /* long settled */
#define PATCHED      "PATCH " RUNNER
#define RUNNERS_PATH "/api/v1/admin/actions/runners"
#define DELETED      "DELETE " RUNNER
#define ANNOTATE     "PATCH /api/v1/nodes/" NODE

static const char *the_pod(void)
{
    return pods_json(pod_json("gitea-runners", "runner-pod", "", "Running"));
}

/* A node whose runner stands as said, and which bears these annotations. */
static void node_with(const char *annotations, bool busy, bool disabled)
{
    script(KNODE, 200, node_json(annotations, "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, busy, disabled), SCRIPT_ALWAYS);
    script(PATCHED, 200, "{\"id\":5}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    script(DELETED, 204, "", SCRIPT_ALWAYS);
}

static void run(enum action_kind kind)
{
    struct action action = fixture_action(kind);
    fixture_run(&action);
}

static void test_first_call_notes_then_fences(void)
{
    fixture_open();
    node_with("", false, false);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_TRUE(last.retry_after_ms >= 100);
    CU_ASSERT_TRUE(script_place(ANNOTATE) < script_place(PATCHED));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "ebbtide/fence"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "u-1"));
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":true}");
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

/* However old the note says that the fence is: it settles from when this actuator first saw it. */
static void run_settled(void)
{
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_TRUE(last.retry_after_ms > 0 && last.retry_after_ms <= 100);
    const struct timespec wait = {0, 120 * 1000000L}; /* fence_settle is 100 ms here */
    nanosleep(&wait, NULL);
    run(ACTION_DEREGISTER_RUNNERS);
}

static void test_settled_fence_two_looks_then_delete(void)
{
    fixture_open();
    node_with(NOTE, false, true);
    run_settled();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count(JOBS), 3); /* one before it had settled */
    CU_ASSERT_EQUAL(script_count(RUNS), 3);
    CU_ASSERT_EQUAL(script_count(DELETED), 1);
    fixture_close();
}

static void test_a_job_in_the_second_look_releases(void)
{
    fixture_open();
    node_with(NOTE, false, true);
    script(JOBS "?", 200, "{\"jobs\":[],\"total_count\":0}", 2);
    script(JOBS "?", 200, job_json(), SCRIPT_ALWAYS);
    run_settled();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_HAS_JOB);
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":false}");
    CU_ASSERT_TRUE(script_place(PATCHED) < script_place(ANNOTATE)); /* the note goes last */
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "null"));
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

/* Another runner of the node registered after our note was written, and a person disabled it. */
static void test_a_release_enables_only_what_we_fenced(void)
{
    static const char two[] =
        "{\"runners\":[{\"id\":5,\"name\":\"runner-pod\",\"status\":\"online\",\"busy\":true,"
        "\"disabled\":true,\"labels\":[]},{\"id\":6,\"name\":\"runner-pod\",\"status\":"
        "\"online\",\"busy\":false,\"disabled\":true,\"labels\":[]}],\"total_count\":2}";
    fixture_open();
    script(RUNS, 200, two, SCRIPT_ALWAYS);
    script(JOBS "?", 200, job_json(), SCRIPT_ALWAYS);
    node_with(NOTE, true, true);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_HAS_JOB);
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":false}");
    CU_ASSERT_EQUAL(script_count("PATCH " RUNNERS_PATH "/6"), 0);
    fixture_close();
}

static void test_busy_without_a_job_waits(void)
{
    fixture_open();
    node_with(NOTE, true, true);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(DELETED), 0);
    fixture_close();
}

static void test_a_persons_fence_is_left_alone(void)
{
    fixture_open();
    node_with("", false, true);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "foreign-fence"));
    CU_ASSERT_EQUAL(script_count("PATCH") + script_count("DELETE"), 0);
    run(ACTION_RELEASE_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count("PATCH"), 0);
    fixture_close();
}

static void test_release_lifts_our_fence(void)
{
    fixture_open();
    node_with(NOTE, false, true);
    run(ACTION_RELEASE_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":false}");
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "null"));
    fixture_close();
}

/* Somebody wrote over the note at the Kubernetes node: the server's says that the fence is ours. */
static void test_release_believes_the_note_that_can_be_read(void)
{
    fixture_open();
    script_reset(fixture.base);
    node_with("\"ebbtide/fence\":\"somebody was here\"", false, true);
    script(SERVER, 200, server_json(",\"ebbtide-fence\":\"v1.1000.5\""), SCRIPT_ALWAYS);
    script("PUT /servers/42", 200, server_json(""), SCRIPT_ALWAYS);
    run(ACTION_RELEASE_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_STRING_EQUAL(script_body(PATCHED), "{\"disabled\":false}");
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body(ANNOTATE), "null"));
    CU_ASSERT_EQUAL(script_count("PUT /servers/42"), 1);
    fixture_close();
}

static void test_without_a_node_the_server_bears_the_note(void)
{
    fixture_open();
    script_reset(fixture.base);
    script(SERVER, 200, server_json(""), SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script("PUT /servers/42", 200, server_json(""), SCRIPT_ALWAYS);
    script(PATCHED, 200, "{}", SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body("PUT /servers/42"), "ebbtide-fence"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script_body("PUT /servers/42"), "ebbtide-id"));
    fixture_close();
}

static void test_an_old_gitea_deletes_and_says_that_a_race_remains(void)
{
    fixture_open();
    node_with("", false, false);
    snprintf(fixture.gitea_version, sizeof fixture.gitea_version, "1.25.3");
    fixture.version_mono_ms = INT64_MAX / 2;
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "without a fence"));
    CU_ASSERT_EQUAL(script_count(PATCHED), 0);
    CU_ASSERT_EQUAL(script_count(JOBS), 2);
    CU_ASSERT_EQUAL(script_count(DELETED), 1);
    fixture_close();
}

/* A Gitea without the fence answers 405; so does a page of maintenance, or a proxy that lets no
 * PATCH pass, and nothing is deleted unfenced because of those. */
static void test_405_is_no_version(void)
{
    static const struct {
        const char *version;
        unsigned status;
        const char *body, *word;
    } rows[] = {
        {"{\"version\":\"1.26.0\"}", 405, "<html>", "Gitea 1.26.0 can disable a runner"},
        {"{\"version\":\"1.26.0\"}", 404, "404 page not found", "but answered 404"},
        {"<html>", 405, "<html>", "told no version and answered 405"},
        {"<html>", 404, "404 page not found", "told no version and answered 404"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_open();
        script_reset(fixture.base);
        script(SERVER, 200, server_json(""), SCRIPT_ALWAYS);
        script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
        script("GET /api/v1/version", 200, rows[i].version, SCRIPT_ALWAYS);
        script(PATCHED, rows[i].status, rows[i].body, SCRIPT_ALWAYS);
        node_with("", false, false);
        for (unsigned time = 0; time < 2; time++) {
            run(ACTION_DEREGISTER_RUNNERS);
            CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
            CU_ASSERT_PTR_NOT_NULL(strstr(last.text, rows[i].word));
        }
        CU_ASSERT_EQUAL(script_count(DELETED), 0);
        CU_ASSERT_EQUAL(script_count(PATCHED), 2);
        CU_ASSERT_EQUAL(script_count("GET /api/v1/version"), rows[i].version[0] == '<' ? 2 : 1);
        fixture_close();
    }
}

static void test_gone_is_success(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, the_pod(), SCRIPT_ALWAYS);
    script(RUNS, 200, "{\"runners\":[],\"total_count\":0}", SCRIPT_ALWAYS);
    run(ACTION_DEREGISTER_RUNNERS);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_DONE);
    CU_ASSERT_EQUAL(script_count("DELETE"), 0);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the first call notes, then fences", test_first_call_notes_then_fences},
        {"settled: two looks, then DELETE", test_settled_fence_two_looks_then_delete},
        {"a job in the second look releases", test_a_job_in_the_second_look_releases},
        {"a release enables only what we fenced", test_a_release_enables_only_what_we_fenced},
        {"release believes the note that can be read",
         test_release_believes_the_note_that_can_be_read},
        {"busy without a job waits", test_busy_without_a_job_waits},
        {"a person's fence is left alone", test_a_persons_fence_is_left_alone},
        {"release lifts our fence", test_release_lifts_our_fence},
        {"without a node the server bears the note", test_without_a_node_the_server_bears_the_note},
        {"an old Gitea: a race remains", test_an_old_gitea_deletes_and_says_that_a_race_remains},
        {"405 is no version", test_405_is_no_version},
        {"gone is success", test_gone_is_success},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_runners", tests);
}
