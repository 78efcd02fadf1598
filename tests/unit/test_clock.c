/* What the clocks promise: texts of the APIs are read exactly, bad ones refused, durations survive
 * a round trip. */
#include "tests/unit/cunit_main.h"

#include "common/clock.h"

static void rfc3339_is_read_with_fraction_and_offset(void)
{
    int64_t ms = 0;
    CU_ASSERT_TRUE(clock_parse_rfc3339("2026-11-24T07:18:56Z", &ms));
    CU_ASSERT_EQUAL(ms, INT64_C(1795504736000));
    int64_t other = 0;
    CU_ASSERT_TRUE(clock_parse_rfc3339("2026-11-24T08:18:56.250+01:00", &other));
    CU_ASSERT_EQUAL(other, ms + 250);
    CU_ASSERT_TRUE(clock_parse_rfc3339("1970-01-01T00:00:00Z", &ms));
    CU_ASSERT_EQUAL(ms, 0);
}

static void what_is_no_time_is_refused(void)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-24",
                                      "2026-11-24T07:18:56",
                                      "2026-11-24T07:18:56Zx",
                                      "2026-11-24T07:18:56+0100",
                                      "2026-11-24T07:18:56+25:00"};
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(clock_parse_rfc3339(bad[i], &ms));
}

static void http_dates_are_read(void)
{
    int64_t ms = 0;
    CU_ASSERT_TRUE(clock_parse_http_date("Tue, 24 Nov 2026 07:18:56 GMT", &ms));
    CU_ASSERT_EQUAL(ms, INT64_C(1795504736000));
    CU_ASSERT_FALSE(clock_parse_http_date("Tue, 24 Nov 2026 07:18:56", &ms));
}

static void durations_survive_a_round_trip(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"0s", 0},         {"5s", 5000},    {"250ms", 250},
                {"10m", 600000},   {"1h", 3600000}, {"1h30m", 5400000},
                {"2d", 172800000}, {"1m5s", 65000}, {"1s1ms", 1001}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        char text[CLOCK_TEXT_BYTES];
        CU_ASSERT_TRUE(clock_parse_duration(rows[i].text, &ms));
        CU_ASSERT_EQUAL(ms, rows[i].ms);
        CU_ASSERT_STRING_EQUAL(clock_format_duration(ms, text), rows[i].text);
    }
}

static void bad_durations_are_refused(void)
{
    static const char *const bad[] = {"",     "5",         "s",    "5 s",
                                      "-5s",  "5x",        "5s1h", "1h1h",
                                      "1.5h", "99999999d", "5sec", "9999999999999s"};
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(clock_parse_duration(bad[i], &ms));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"RFC 3339 is read with fraction and offset", rfc3339_is_read_with_fraction_and_offset},
        {"what is no time is refused", what_is_no_time_is_refused},
        {"HTTP dates are read", http_dates_are_read},
        {"durations survive a round trip", durations_survive_a_round_trip},
        {"bad durations are refused", bad_durations_are_refused},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("clock", tests);
}
