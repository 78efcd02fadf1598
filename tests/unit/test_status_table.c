/* What the table promises: every node, alarm and stale source is in it, it keeps to its width, it
 * says the times rightly, and no job's name can move the cursor. */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>

#include "common/status_table.h"

static const struct status_pool pool = {
    .name = "linux", .servers = 3, .desired = 4, .most = 5, .jobs_runnable = 2, .slots_coming = 1};
static const struct status_node nodes[] = {
    {.name = "ebb-linux-7k2-01",
     .pool = "linux",
     .state = NODE_BUSY,
     .state_ms = 252000,
     .paid_until_ms = INT64_C(1795504736000),
     .paid_left_ms = 2220000,
     .runners = "runner-7k2-01",
     .why = "build \033[2J \xc2\x9b acme/app \xc3\xa4 #118"},
    {.name = "ebb-linux-7k2-02",
     .pool = "linux",
     .state = NODE_DEREGISTERING,
     .state_ms = 8000,
     .runners = "",
     .why = "fenced; settles for 7 s more, and then a very long sentence follows that "
            "goes on and on until it cannot fit any terminal that anybody has"},
};
static const struct status_source sources[] = {
    {.source = SOURCE_GITEA, .sequence = 7, .age_ms = 1500, .text = ""},
    {.source = SOURCE_HETZNER, .sequence = 9, .age_ms = 90000, .stale = true, .text = "timeout"},
};
static const struct alarm alarm_row = {.kind = ALARM_LOST_JOB,
                                       .subject = "job 7",
                                       .text = "its runner is gone",
                                       .since_wall_ms = INT64_C(1795504736000)};

static struct status example(void)
{
    return (struct status){.wall_ms = INT64_C(1795504736000),
                           .mode = MODE_ACT,
                           .pools = &pool,
                           .pools_count = 1,
                           .nodes = nodes,
                           .nodes_count = 2,
                           .sources = sources,
                           .sources_count = 2,
                           .alarms = &alarm_row,
                           .alarms_count = 1,
                           .jobs_running = 1,
                           .jobs_blocked = 6,
                           .jobs_unserved = 1,
                           .unserved_labels = "gpu",
                           .hourly_micro = 261000,
                           .today_micro = 2350000,
                           .currency = "EUR"};
}

static char *printed(const struct status *status, unsigned width, bool colours)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    status_table_print(status, &(struct status_table_style){width, colours}, out);
    fclose(out);
    return text;
}

static void has(const char *text, const char *words)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(text, words));
    if (!strstr(text, words))
        fprintf(stderr, "not there: %s\nin:\n%s\n", words, text);
}

static void everything_is_there(void)
{
    struct status status = example();
    char *text = printed(&status, 140, false);
    has(text, "0.261 EUR/h   today 2.35 EUR");
    has(text, "1 running  0 waiting  6 blocked  1 that nobody serves (gpu)");
    has(text, "pool  linux  3 of 5 servers (wants 4)  2 waiting  0 free  1 on the way");
    has(text, "ebb-linux-7k2-01  busy           4m12s   07:18:56     37m  runner-7k2-01");
    has(text, "deregistering");
    has(text, "hetzner: last seen whole 1m30s ago, too old to act on: timeout");
    CU_ASSERT_PTR_NULL(strstr(text, "gitea:"));
    has(text, "ALARM lost-job since 07:18:56 job 7: its runner is gone");
    free(text);
    status.alarms_count = 0;
    status.nodes_count = 0;
    status.mode = MODE_OBSERVE;
    text = printed(&status, 140, false);
    has(text, "alarms: none");
    has(text, "no servers");
    has(text, "nothing is rented or removed");
    free(text);
}

static void no_text_moves_the_cursor(void)
{
    struct status status = example();
    char *text = printed(&status, 140, false);
    CU_ASSERT_PTR_NULL(strchr(text, '\033'));
    CU_ASSERT_PTR_NULL(strstr(text, "\xc2\x9b"));
    has(text, "build ?[2J ? acme/app \xc3\xa4 #118");
    free(text);
    text = printed(&status, 140, true);
    CU_ASSERT_PTR_NULL(strstr(text, "\033[2J"));
    has(text, "\033[32mbusy");
    free(text);
}

static unsigned columns_of(const char *line, size_t bytes)
{
    unsigned count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)line[i] & 0xC0) != 0x80;
    return count;
}

/* Lines of nodes keep to the width; what is cut shows it. */
static void nodes_keep_to_the_width(void)
{
    static const unsigned widths[] = {90, 100, 120, 160};
    struct status status = example();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char *text = printed(&status, widths[i], false);
        for (const char *at = text; (at = strstr(at, "\nebb-linux")) != NULL;) {
            at++;
            CU_ASSERT_TRUE(columns_of(at, strcspn(at, "\n")) <= widths[i]);
        }
        CU_ASSERT_PTR_NOT_NULL(strchr(text, '~'));
        free(text);
    }
}

static void spans_are_short_and_right(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0s"},          {8999, "8s"},       {59999, "59s"},  {60000, "1m00s"},
                {252000, "4m12s"},  {599999, "9m59s"},  {600000, "10m"}, {3599000, "59m"},
                {3600000, "1h00m"}, {90000000, "1d01h"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        status_table_span(rows[i].ms, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"everything is there", everything_is_there},
        {"no text moves the cursor", no_text_moves_the_cursor},
        {"nodes keep to the width", nodes_keep_to_the_width},
        {"spans are short and right", spans_are_short_and_right},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("status_table", tests);
}
