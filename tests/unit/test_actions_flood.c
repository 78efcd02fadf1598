/* A reconciler that asks without end: what it is told, and what stays of it. May not: use a
 * network.
 */
#include <string.h>

#include "actions_fixture.h"
#include "actuator/omitted.h"
#include "common/clock.h"
#include "cunit_main.h"

#define ANNOTATE "PATCH /api/v1/nodes/" NODE

static struct error error;

static unsigned lines_that_hold(const char *word)
{
    unsigned count = 0;
    for (const char *at = fixture_log(); (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

static void run(enum action_kind kind)
{
    struct action action = fixture_action(kind);
    fixture_run(&action);
}

/* Each is told that it is refused and why, whether the log has a line of it or not. */
static void test_each_refusal_is_told_and_few_are_written(void)
{
    fixture_open();
    fixture_set("mode", "observe");
    for (unsigned i = 1; i <= 1000; i++) {
        run(ACTION_REMOVE_NODE);
        CU_ASSERT_EQUAL(results, i);
        CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
        CU_ASSERT_EQUAL(last.trouble, TROUBLE_RAIL);
        CU_ASSERT_STRING_EQUAL(last.text, "rail mode: in mode observe nothing is changed");
    }
    /* The loop may have taken longer than one is given back in. */
    unsigned written = lines_that_hold("\"event\":\"outcome\"");
    CU_ASSERT_TRUE(written >= REFUSED_AT_ONCE && written <= REFUSED_AT_ONCE + 2);
    CU_ASSERT_TRUE(audit_sum_up(fixture.audit, 1795764000000, &error));
    char number[64];
    snprintf(number, sizeof number, "\"rail\":\"mode\",\"count\":%u}", 1000 - written);
    CU_ASSERT_TRUE(fixture_log_holds(number));
    fixture_close();
}

/* An id that only the number covers is used up: the same order is not judged again. */
static void test_an_id_that_was_left_out_is_answered_as_used(void)
{
    fixture_open();
    fixture_set("mode", "observe");
    for (unsigned i = 0; i < 2 * REFUSED_AT_ONCE; i++)
        run(ACTION_REMOVE_NODE);
    struct action again = fixture_action(ACTION_REMOVE_NODE);
    fixture_run(&again);
    CU_ASSERT_TRUE(audit_sum_up(fixture.audit, 1795764000000, &error));
    fixture_restart();
    fixture_set("mode", "act");
    size_t length = strlen(fixture_log());
    fixture_run(&again);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "rail ids-rise"));
    CU_ASSERT_EQUAL(strlen(fixture_log()), length);
    CU_ASSERT_EQUAL(script_count("GET"), 0);
    fixture_close();
}

/* A fence that is lifted again and again: each order is valid, each changes something. */
static void test_one_node_is_not_changed_without_end(void)
{
    fixture_open();
    script(KNODE, 200, node_json("\"ebbtide/fence\":\"v1.1000.5\"", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(pod_json("gitea-runners", "runner-pod", "", "Running")),
           SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, true), SCRIPT_ALWAYS);
    script("PATCH " RUNNER, 200, "{\"id\":5}", SCRIPT_ALWAYS);
    script(ANNOTATE, 200, "{}", SCRIPT_ALWAYS);
    for (unsigned i = 0; i + 2 < CHANGES_AT_ONCE; i++) /* what was done before this test began */
        CU_ASSERT_EQUAL(pace_change(fixture.paces, NODE, clock_mono_ms()), 0);
    unsigned done = 0;
    for (unsigned i = 0; i < 6; i++) {
        run(ACTION_RELEASE_RUNNERS);
        done += last.outcome == OUTCOME_DONE;
    }
    CU_ASSERT_TRUE(done >= 2 && done <= 3);
    CU_ASSERT_EQUAL(lines_that_hold("\"outcome\":\"done\""), done);
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(last.text, "changed again and again"));
    CU_ASSERT_TRUE(last.retry_after_ms > 0 && last.retry_after_ms <= CHANGES_EVERY_MS);
    CU_ASSERT_EQUAL(script_count("PATCH " RUNNER), done);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"each refusal is told and few are written", test_each_refusal_is_told_and_few_are_written},
        {"an id that was left out", test_an_id_that_was_left_out_is_answered_as_used},
        {"one node is not changed without end", test_one_node_is_not_changed_without_end},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_flood", tests);
}
