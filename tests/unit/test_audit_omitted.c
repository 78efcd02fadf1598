/* Orders that are refused do not fill the audit log: so many have lines, of the rest the number
 * stands there, and nothing is lost. Time is given. May not: keep files. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actuator/audit.h"
#include "actuator/omitted.h"
#include "audit/fields.h"
#include "audit/verify.h"
#include "common/json_read.h"
#include "common/metrics.h"
#include "cunit_main.h"

#define WALL INT64_C(1795764000000)
#define MONO INT64_C(5000000)

static const struct audit_limits limits = {
    .max_bytes = 16 << 20, .reserve_bytes = 65536, .epoch_ms = 900000};
static int kept;   /* a descriptor of the log that survives audit_close */
static int in_use; /* the log's own */
static struct audit *audit;
static struct error error;
static uint64_t counter;
static int64_t after_ms; /* since the test began, by the clock since boot */
static const char *rail = "offer";

static int new_file(void)
{
    int file = memfd_create("audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_TRUE_FATAL(file >= 0 && fcntl(file, F_SETFL, O_APPEND) == 0);
    return file;
}

static void reopen(const struct audit_limits *with)
{
    audit_close(audit);
    audit = NULL;
    in_use = dup(kept);
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, in_use, "audit.jsonl", with, NULL, &error));
}

static void begin(const struct audit_limits *with)
{
    kept = new_file();
    counter = 0;
    after_ms = 0;
    metrics_reset();
    reopen(with);
}

static void end(void)
{
    audit_close(audit);
    audit = NULL;
    close(kept);
}

static struct action action_on(const char *node, enum action_kind kind)
{
    return (struct action){.id = {2, ++counter},
                           .kind = kind,
                           .text = "why",
                           .node = {.name = node, .pool = "p", .node_uid = "", .provider_id = ""},
                           .server_type = "t",
                           .location = "l",
                           .image = "i"};
}

static enum audit_entry finish_at(const struct action *action, enum outcome outcome,
                                  uint64_t server_id, int64_t wall_ms)
{
    struct action_result result = {.id = action->id,
                                   .kind = action->kind,
                                   .outcome = outcome,
                                   .server_id = server_id,
                                   .text = "rail offer: no such thing"};
    struct audit_end of = {.action = action,
                           .result = &result,
                           .rail = outcome == OUTCOME_REFUSED ? rail : "",
                           .mono_ms = MONO + after_ms,
                           .wall_ms = wall_ms};
    return audit_unchanged(audit, &of, &error);
}

static enum audit_entry ends(const char *node, enum action_kind kind, enum outcome outcome,
                             uint64_t server_id)
{
    struct action action = action_on(node, kind);
    return finish_at(&action, outcome, server_id, WALL + after_ms);
}

static enum audit_entry refuse(void)
{
    return ends("n", ACTION_CREATE_SERVER, OUTCOME_REFUSED, 0);
}

/* How many of so many are written. */
static unsigned refuse_many(unsigned many)
{
    unsigned written = 0;
    for (unsigned i = 0; i < many; i++)
        written += refuse() == AUDIT_WRITTEN;
    return written;
}

static bool intend(void)
{
    struct action action = action_on("n", ACTION_DRAIN_NODE);
    return audit_intent(audit, &action, WALL + after_ms, &error);
}

static const char *text_of(int file)
{
    static char text[16 << 20];
    ssize_t got = pread(file, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static unsigned lines_that_hold(const char *word)
{
    unsigned count = 0;
    for (const char *at = text_of(kept); (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* The newest line `omitted`; NULL: none. */
static json_t *omitted_line(int file)
{
    const char *at = text_of(file), *found = NULL;
    for (; (at = strstr(at, "\"event\":\"omitted\"")) != NULL; at++)
        found = at;
    if (found == NULL)
        return NULL;
    while (found > text_of(file) && found[-1] != '\n')
        found--;
    json_t *line = json_loadb(found, strcspn(found, "\n"), 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    return line;
}

static void says(uint64_t count, uint64_t refused, const char *lowest, const char *highest)
{
    const char *key;
    json_t *value, *line = omitted_line(kept);
    json_object_foreach(line, key, value)
        CU_ASSERT_TRUE(line_field_known(LINE_omitted, key));
    CU_ASSERT_EQUAL(json_u64_of(line, "count"), count);
    CU_ASSERT_EQUAL(json_u64_of(line, "refused"), refused);
    CU_ASSERT_STRING_EQUAL(json_text_of(line, "lowest"), lowest);
    CU_ASSERT_STRING_EQUAL(json_text_of(line, "highest"), highest);
    json_decref(line);
}

static double counted(enum outcome outcome)
{
    static struct sample samples[SAMPLES_MAX];
    uint32_t count = metrics_collect(samples, SAMPLES_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (samples[i].metric == M_AUDIT_OMITTED && samples[i].label == outcome)
            return samples[i].value;
    return 0;
}

static struct verify_result verdict(void)
{
    struct verify_result result;
    struct noted_heads head = {.count = 1, .head = {{.link = audit_head(audit), .wall_ms = WALL}}};
    struct verify *verify = verify_new(NULL, &head, false, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(verify != NULL && verify_file(verify, kept, "audit.jsonl", &error));
    verify_end(verify, &result);
    verify_free(verify);
    return result;
}

/* ------------------------------------------------------------------------------------- the bound
 */

static void test_a_flood_has_so_many_lines_and_a_number(void)
{
    begin(&limits);
    CU_ASSERT_EQUAL(refuse_many(REFUSED_AT_ONCE), REFUSED_AT_ONCE);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), ""); /* nothing is left out yet */
    size_t full = strlen(text_of(kept));
    CU_ASSERT_EQUAL(refuse_many(10000), 0);
    CU_ASSERT_EQUAL(strlen(text_of(kept)), full);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, REFUSED_AT_ONCE + 10000);
    CU_ASSERT_TRUE(audit_sum_up_due(audit, MONO + OMITTED_MS - 1, WALL, &error));
    CU_ASSERT_EQUAL(strlen(text_of(kept)), full);
    CU_ASSERT_TRUE(audit_sum_up_due(audit, MONO + OMITTED_MS, WALL + OMITTED_MS, &error));
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error)); /* told once */
    CU_ASSERT_EQUAL(lines_that_hold("\"event\":\"omitted\""), 1);
    CU_ASSERT_EQUAL(lines_that_hold("\"event\":\"intent\""), REFUSED_AT_ONCE);
    CU_ASSERT_EQUAL(lines_that_hold("\"outcome\":\"refused\",\"trouble\""), REFUSED_AT_ONCE);
    says(10000, 10000, "2-65", "2-10064");
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(kept), "\"of\":[{\"kind\":\"create_server\",\"outcome\":"
                                                 "\"refused\",\"rail\":\"offer\",\"count\":10000}]"
                                                 ",\"text\":\"rail offer: no such thing\""));
    CU_ASSERT_EQUAL(counted(OUTCOME_REFUSED), 10000);
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "more orders were refused"));
    struct verify_result result = verdict();
    CU_ASSERT_EQUAL(result.findings, 0);
    CU_ASSERT_EQUAL(result.omitted, 10000);
    CU_ASSERT_EQUAL(result.omitted_refused, 10000);
    end();
}

/* The number stands there a minute after the first that was left out, even if nobody asks whether
 * it is due; by the clock since boot, whatever the other one does. */
static void test_the_number_comes_after_a_minute(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 3);
    after_ms = OMITTED_MS - 1;
    struct action action = action_on("n", ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(finish_at(&action, OUTCOME_RUNNER_SEEN, 0, WALL + INT64_C(86400000)),
                    AUDIT_WRITTEN);
    CU_ASSERT_PTR_NULL(omitted_line(kept));
    after_ms = OMITTED_MS;
    action = action_on("n", ACTION_DRAIN_NODE);
    CU_ASSERT_EQUAL(finish_at(&action, OUTCOME_RUNNER_SEEN, 0, WALL - INT64_C(86400000)),
                    AUDIT_WRITTEN);
    says(3, 3, "2-65", "2-67");
    end();
}

/* After a flood of hours a minute has 8 lines and a number; after a quiet time all are there. */
static void test_lines_come_back_with_time(void)
{
    begin(&limits);
    refuse_many(1000);
    for (unsigned minute = 1; minute <= 60; minute++) {
        unsigned written = 0;
        for (unsigned i = 0; i < 120; i++) {
            after_ms += 500;
            written += refuse_many(5);
        }
        CU_ASSERT_EQUAL(written, 60000 / REFUSED_EVERY_MS);
    }
    CU_ASSERT_TRUE(lines_that_hold("\"event\":\"omitted\"") >= 59);
    CU_ASSERT_TRUE(lines_that_hold("\"event\":\"omitted\"") <= 61);
    after_ms += REFUSED_AT_ONCE * (int64_t)REFUSED_EVERY_MS;
    CU_ASSERT_EQUAL(refuse_many(1000), REFUSED_AT_ONCE);
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    CU_ASSERT_EQUAL(verdict().findings, 0);
    CU_ASSERT_EQUAL(verdict().omitted + lines_that_hold("\"event\":\"outcome\""), counter);
    end();
}

/* What only looked has lines of its own number, so that a flood of one hides nothing of the other.
 */
static void test_what_only_looked_is_bounded_too(void)
{
    begin(&limits);
    unsigned written = 0;
    for (unsigned i = 0; i < 5000; i++)
        written += ends("n", ACTION_DRAIN_NODE, i % 2 == 0 ? OUTCOME_DONE : OUTCOME_AGAIN, 0) ==
                   AUDIT_WRITTEN;
    CU_ASSERT_EQUAL(written, LOOKED_AT_ONCE);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), ""); /* a great fleet may do so */
    CU_ASSERT_EQUAL(refuse_many(100), REFUSED_AT_ONCE);
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    says(5000 - LOOKED_AT_ONCE + 36, 36, "2-1025", "2-5100");
    CU_ASSERT_EQUAL(2 * counted(OUTCOME_AGAIN), 5000 - LOOKED_AT_ONCE);
    end();
}

/* --------------------------------------------------------------------------- before other lines */

static void test_the_number_stands_before_the_next_intent(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 1);
    CU_ASSERT_TRUE(intend());
    says(1, 1, "2-65", "2-65");
    const char *number = strstr(text_of(kept), "\"event\":\"omitted\"");
    CU_ASSERT_PTR_NOT_NULL(strstr(number, "\"event\":\"intent\""));
    CU_ASSERT_PTR_NULL(strstr(number, "\"event\":\"outcome\""));
    end();
}

static void test_the_number_stands_before_the_next_segment(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 1);
    int next = new_file();
    CU_ASSERT_TRUE(audit_next(audit, next, "audit.jsonl.1", NULL, &error));
    says(1, 1, "2-65", "2-65");
    end();
}

/* Without keys too: the end of an epoch, and of the daemon, come by the same way. */
static void test_the_number_stands_before_the_end_of_an_epoch(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_CLOSE, WALL, &error));
    says(1, 1, "2-65", "2-65");
    end();
}

/* ------------------------------------------------------------------------------ what a start knows
 */

static void test_ids_that_were_left_out_are_used_up(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 20);
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    reopen(&limits);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, REFUSED_AT_ONCE + 20);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    CU_ASSERT_EQUAL(verdict().findings, 0);
    end();
}

/* What a later start must read has lines however many there were. */
static void test_what_a_start_must_know_is_never_left_out(void)
{
    static struct unknown_action open[4];
    begin(&limits);
    struct action create = action_on("m", ACTION_CREATE_SERVER);
    CU_ASSERT_TRUE(audit_intent(audit, &create, WALL, &error)); /* its outcome never comes */
    for (unsigned i = 0; i < LOOKED_AT_ONCE; i++)
        (void)ends("n", ACTION_DRAIN_NODE, OUTCOME_AGAIN, 0);
    CU_ASSERT_EQUAL(ends("o", ACTION_REMOVE_NODE, OUTCOME_DONE, 0), AUDIT_COUNTED);
    CU_ASSERT_EQUAL(ends("m", ACTION_DRAIN_NODE, OUTCOME_DONE, 0), AUDIT_COUNTED);
    CU_ASSERT_EQUAL(ends("m", ACTION_REMOVE_NODE, OUTCOME_DONE, 0), AUDIT_WRITTEN);
    CU_ASSERT_EQUAL(ends("adopted", ACTION_CREATE_SERVER, OUTCOME_DONE, 7), AUDIT_WRITTEN);
    CU_ASSERT_EQUAL(ends("adopted", ACTION_CREATE_SERVER, OUTCOME_DONE, 7), AUDIT_COUNTED);
    reopen(&limits);
    CU_ASSERT_EQUAL(audit_open_intents(audit, open, 4), 0);
    CU_ASSERT_TRUE(audit_name_used(audit, "m"));
    CU_ASSERT_TRUE(audit_name_used(audit, "adopted"));
    end();
}

/* ------------------------------------------------------------------------------------------ room
 */

/* However long it goes on, creates stop for want of room before the reserve for teardown is
 * touched. */
static void test_a_flood_takes_none_of_the_reserve(void)
{
    struct audit_limits small = {.max_bytes = 65536, .reserve_bytes = 65536};
    begin(&small);
    unsigned unwritten = 0;
    for (unsigned i = 0; i < 5000; i++, after_ms += REFUSED_EVERY_MS)
        unwritten += refuse() == AUDIT_UNWRITTEN;
    CU_ASSERT_TRUE(unwritten > 0);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), ""); /* it is the disk that has no lines */
    CU_ASSERT_TRUE(strlen(text_of(kept)) <= small.max_bytes);
    CU_ASSERT_FALSE(audit_sum_up(audit, WALL, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "full"));
    CU_ASSERT_TRUE(intend()); /* a teardown */
    unsigned written = lines_that_hold("\"event\":\"outcome\"");
    int next = new_file();
    CU_ASSERT_TRUE(audit_next(audit, dup(next), "audit.jsonl.1", NULL, &error));
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error)); /* there is room for the number now */
    json_t *line = omitted_line(next);
    CU_ASSERT_EQUAL(json_u64_of(line, "count") + written, 5000);
    json_decref(line);
    close(next);
    end();
}

static void test_a_number_that_cannot_be_written_is_kept(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 5);
    int full = kept, next = new_file();
    CU_ASSERT_EQUAL_FATAL(fcntl(full, F_ADD_SEALS, F_SEAL_GROW), 0);
    CU_ASSERT_FALSE(audit_sum_up(audit, WALL, &error));
    CU_ASSERT_FALSE(audit_sum_up_due(audit, MONO + OMITTED_MS, WALL, &error));
    CU_ASSERT_TRUE(audit_sum_up_due(audit, MONO + OMITTED_MS + 1, WALL, &error)); /* not at once */
    CU_ASSERT_FALSE(audit_sum_up_due(audit, MONO + 2 * OMITTED_MS, WALL, &error));
    CU_ASSERT_TRUE(audit_next(audit, dup(next), "audit.jsonl.1", NULL, &error));
    kept = next;
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    says(5, 5, "2-65", "2-69");
    close(full);
    end();
}

/* There seems to be room, and the write fails all the same. */
static void test_a_number_whose_write_fails_is_kept(void)
{
    begin(&limits);
    refuse_many(REFUSED_AT_ONCE + 5);
    /* A file of the kernel's, which preallocates nothing and takes nothing but a number. */
    int refuses = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(refuses >= 0 && dup2(refuses, in_use) == in_use);
    CU_ASSERT_FALSE(audit_sum_up(audit, WALL, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "cannot write"));
    CU_ASSERT_TRUE_FATAL(dup2(kept, in_use) == in_use);
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    says(5, 5, "2-65", "2-69");
    CU_ASSERT_EQUAL(verdict().findings, 0);
    close(refuses);
    end();
}

/* The longest line: each kind with each outcome and rail, and a text that JSON makes long. */
static void test_every_row_fits_into_a_line(void)
{
    static char rails[20][16], text[TEXT_BYTES_MAX + 1];
    begin(&limits);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    for (unsigned i = 0; i < REFUSED_AT_ONCE + LOOKED_AT_ONCE; i++)
        (void)ends("n", ACTION_DRAIN_NODE, i < REFUSED_AT_ONCE ? OUTCOME_REFUSED : OUTCOME_AGAIN,
                   0);
    for (unsigned kind = 0; kind < action_kind_count; kind++)
        for (unsigned i = 0; i < 18 + outcome_count; i++) {
            bool refused = i < 18;
            struct action action = action_on("n", (enum action_kind)kind);
            struct action_result result = {.id = action.id,
                                           .kind = (enum action_kind)kind,
                                           .outcome =
                                               refused ? OUTCOME_REFUSED : (enum outcome)(i - 18),
                                           .text = text};
            if (refused)
                snprintf(rails[i], sizeof rails[i], "rail-of-15-ch%02u", i);
            if (!refused && result.outcome == OUTCOME_REFUSED)
                continue;
            struct audit_end of = {&action, &result, refused ? rails[i] : "", MONO, WALL};
            CU_ASSERT_EQUAL(audit_unchanged(audit, &of, &error), AUDIT_COUNTED);
        }
    CU_ASSERT_TRUE(audit_sum_up(audit, WALL, &error));
    json_t *line = omitted_line(kept);
    CU_ASSERT_EQUAL(json_array_size(json_array_of(line, "of")), 5 * (18 + outcome_count - 1));
    json_decref(line);
    CU_ASSERT_EQUAL(verdict().findings, 0);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a flood has so many lines and a number", test_a_flood_has_so_many_lines_and_a_number},
        {"the number comes after a minute", test_the_number_comes_after_a_minute},
        {"lines come back with time", test_lines_come_back_with_time},
        {"what only looked is bounded too", test_what_only_looked_is_bounded_too},
        {"before the next intent", test_the_number_stands_before_the_next_intent},
        {"before the next segment", test_the_number_stands_before_the_next_segment},
        {"before the end of an epoch", test_the_number_stands_before_the_end_of_an_epoch},
        {"ids that were left out are used up", test_ids_that_were_left_out_are_used_up},
        {"what a start must know", test_what_a_start_must_know_is_never_left_out},
        {"a flood takes none of the reserve", test_a_flood_takes_none_of_the_reserve},
        {"a number that cannot be written", test_a_number_that_cannot_be_written_is_kept},
        {"a number whose write fails", test_a_number_whose_write_fails_is_kept},
        {"every row fits into a line", test_every_row_fits_into_a_line},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("audit_omitted", tests);
}
