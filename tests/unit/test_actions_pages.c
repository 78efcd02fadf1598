/* The actuator's looks at lists of several pages, which change while they are read. May not: use a
 * network. */
#include <stdio.h>
#include <string.h>

#include "actions_fixture.h"
#include "cunit_main.h"

#define BODY_BYTES 32768
#define PAGE_1     JOBS "?status=in_progress&limit=50&page=1"
#define PAGE_2     JOBS "?status=in_progress&limit=50&page=2"

/* A page of jobs in progress; the first of them runs on runner `first`, the next on the next. */
static const char *jobs(unsigned first, unsigned end, unsigned total)
{
    static char body[8][BODY_BYTES];
    static unsigned next;
    char *out = body[next++ % 8];
    size_t used = (size_t)snprintf(out, BODY_BYTES, "{\"jobs\":[");
    for (unsigned i = first; i < end; i++)
        used += (size_t)snprintf(out + used, BODY_BYTES - used,
                                 "%s{\"id\":%u,\"url\":\"u\",\"name\":\"j\",\"labels\":[],"
                                 "\"status\":\"in_progress\",\"runner_id\":%u}",
                                 i == first ? "" : ",", i, i);
    snprintf(out + used, BODY_BYTES - used, "],\"total_count\":%u}", total);
    return out;
}

static void node_with_a_job_list(void)
{
    fixture_open();
    script(KNODE, 200, node_json("", "", false), SCRIPT_ALWAYS);
    script(RPODS, 200, pods_json(pod_json("gitea-runners", "runner-pod", "", "Running")),
           SCRIPT_ALWAYS);
    script(RUNS, 200, runner_json(true, false, false), SCRIPT_ALWAYS);
    script("PATCH ", 200, "{}", SCRIPT_ALWAYS);
    script("PUT /servers/42", 200, server_json(""), SCRIPT_ALWAYS);
}

static void deregister(void)
{
    struct action action = fixture_action(ACTION_DEREGISTER_RUNNERS);
    fixture_run(&action);
}

/* Jobs of others are listed; one of the first page ends before the second is read, so that
 * job 5, of our runner, moves to the first. The sum is right, and it is not in it. */
static void test_an_entry_that_went_between_two_pages(void)
{
    node_with_a_job_list();
    script(PAGE_1, 200, jobs(60, 110, 60), 1);
    script(PAGE_2, 200, jobs(110, 119, 59), 1);
    script(PAGE_1, 200, jobs(5, 55, 59), SCRIPT_ALWAYS);
    script(PAGE_2, 200, jobs(55, 64, 59), SCRIPT_ALWAYS);
    deregister();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_HAS_JOB);
    CU_ASSERT_EQUAL(script_count(PAGE_1), 2);
    CU_ASSERT_EQUAL(script_count("PATCH " RUNNER), 0);
    fixture_close();
}

static void test_a_list_that_never_stays(void)
{
    node_with_a_job_list();
    script(PAGE_1, 200, jobs(60, 110, 60), SCRIPT_ALWAYS);
    script(PAGE_2, 200, jobs(110, 119, 59), SCRIPT_ALWAYS);
    deregister();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(last.trouble, TROUBLE_INCONSISTENT);
    CU_ASSERT_EQUAL(script_count(PAGE_1), 4);
    CU_ASSERT_EQUAL(script_count("PATCH"), 0);
    fixture_close();
}

static void test_a_list_that_stays(void)
{
    node_with_a_job_list();
    script(PAGE_1, 200, jobs(60, 110, 60), SCRIPT_ALWAYS);
    script(PAGE_2, 200, jobs(110, 120, 60), SCRIPT_ALWAYS);
    deregister();
    CU_ASSERT_EQUAL(last.outcome, OUTCOME_AGAIN);
    CU_ASSERT_EQUAL(script_count(PAGE_1), 1);
    CU_ASSERT_EQUAL(script_count("PATCH " RUNNER), 1);
    fixture_close();
}

/* A page of servers of Hetzner's: these ids, and whether another page follows. */
static const char *servers(unsigned first, unsigned end, unsigned next_page, unsigned total)
{
    static char body[4][BODY_BYTES];
    static unsigned next;
    char *out = body[next++ % 4], follows[16] = "null";
    size_t used = (size_t)snprintf(out, BODY_BYTES, "{\"servers\":[");
    if (next_page != 0)
        snprintf(follows, sizeof follows, "%u", next_page);
    for (unsigned i = first; i < end; i++)
        used += (size_t)snprintf(
            out + used, BODY_BYTES - used,
            "%s{\"id\":%u,\"name\":\"ebb-linux-1-%u\",\"status\":\"running\",\"created\":"
            "\"2026-11-24T10:00:00Z\",\"server_type\":{\"name\":\"ccx33\"},\"location\":{\"name\":"
            "\"nbg1\"},\"labels\":{\"ebbtide-pool\":\"linux\"}}",
            i == first ? "" : ",", i, i);
    snprintf(out + used, BODY_BYTES - used,
             "],\"meta\":{\"pagination\":{\"page\":1,\"next_page\":%s,\"total_entries\":%u}}}",
             follows, total);
    return out;
}

/* Two servers go from the first page: two others are on no page, and a third is new. */
static void test_servers_that_went_between_two_pages(void)
{
    static const char *const none[] = {NULL};
    fixture_open();
    fixture_set("rails.max_servers", "60");
    fixture_set("pools[0].max", "60");
    script_reset(fixture.base);
    script(NAMED, 200, servers_json(none), SCRIPT_ALWAYS);
    script("GET /server_types", 200,
           "{\"server_types\":[{\"id\":1,\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","
           "\"price_hourly\":{\"net\":\"0.01\"},\"price_monthly\":{\"net\":\"5\"}}]}]}",
           SCRIPT_ALWAYS);
    script(LISTED, 200, servers(100, 150, 2, 60), 1);
    script(LISTED, 200, servers(152, 160, 0, 58), 1);
    script(LISTED, 200, servers(100, 148, 2, 58), 1);
    script(LISTED, 200, servers(150, 160, 0, 58), 1);
    script("POST /servers", 422, "{\"error\":{\"code\":\"invalid_input\",\"message\":\"\"}}",
           SCRIPT_ALWAYS);
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    fixture_run(&action);
    CU_ASSERT_EQUAL(script_count(LISTED), 4);
    CU_ASSERT_EQUAL(script_count("POST /servers"), 1);
    fixture_close();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an entry that went between two pages", test_an_entry_that_went_between_two_pages},
        {"a list that never stays", test_a_list_that_never_stays},
        {"a list that stays", test_a_list_that_stays},
        {"servers that went between two pages", test_servers_that_went_between_two_pages},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("actions_pages", tests);
}
