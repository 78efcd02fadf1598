/* What a start makes of a log and of its key's files, whatever a crash or a person left of them.
 * May not: open a file with a name. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "audit_running.h"
#include "cunit_main.h"

/* --------------------------------------------------------------------------------------- keys */

static void test_nothing_is_written_where_nothing_happens(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_START, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_STRING_EQUAL(running_text(), "");
    CU_ASSERT_EQUAL(audit_head(audit).seq, 0);
    audit_close(audit);
    running_end();
}

/* A seal that cannot be written is told until one can. */
static void test_a_seal_that_fails_is_told(void)
{
    struct rlimit before, none = {0};
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    void (*kept)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &none), 0);
    CU_ASSERT_FALSE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, kept);
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "the audit log is not sealed: "));
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    CU_ASSERT_EQUAL(running_times("\"event\":\"seal\""), 1);
    audit_close(audit);
    running_end();
}

static void test_what_a_run_left_is_sealed_by_the_next_start(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    audit_close(audit);
    audit = running_start(true);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_START, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_TRUE(
        audit_seal(audit, SEAL_START, RUNNING_WALL_MS, &running.error)); /* no second one */
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_CLOSE, RUNNING_WALL_MS, &running.error));
    CU_ASSERT_EQUAL(running_times("\"event\":\"seal\""), 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS,
                              &running.error)); /* one of an epoch without a line */
    CU_ASSERT_EQUAL(running_times("\"event\":\"seal\""), 2);
    audit_close(audit);
    CU_ASSERT_EQUAL(running_verdict(true).findings, 0);
    running_end();
}

static void get_slot(unsigned which, char record[SEAL_RECORD_BYTES])
{
    CU_ASSERT_EQUAL_FATAL(pread(running.slot[which], record, SEAL_RECORD_BYTES, 0),
                          SEAL_RECORD_BYTES);
}

static void put_slot(unsigned which, const char *record, size_t length)
{
    CU_ASSERT_EQUAL_FATAL(ftruncate(running.slot[which], 0), 0);
    CU_ASSERT_EQUAL_FATAL(pwrite(running.slot[which], record, length, 0), (ssize_t)length);
}

/* The writes of one step, in their order, cut after any byte: the log's seal stands there already.
 */
static void test_a_crash_at_any_instant_of_a_seal_loses_none(void)
{
    char old[SEAL_RECORD_BYTES], new[SEAL_RECORD_BYTES], torn[SEAL_RECORD_BYTES];
    running_begin();
    get_slot(0, old);
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    get_slot(0, new);
    CU_ASSERT_NOT_EQUAL(memcmp(old, new, sizeof old), 0);
    for (unsigned which = 0; which < SEAL_SLOTS; which++)
        for (size_t cut = 0; cut <= SEAL_RECORD_BYTES; cut += cut % 64 == 63 ? 1 : 7) {
            memcpy(torn, new, cut);
            memcpy(torn + cut, old + cut, sizeof torn - cut);
            put_slot(0, which == 0 ? torn : new, SEAL_RECORD_BYTES);
            put_slot(1, which == 0 ? old : torn, SEAL_RECORD_BYTES);
            audit = running_start(true);
            CU_ASSERT_TRUE(audit_sealed(audit));
            CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
            CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
            audit_close(audit);
            CU_ASSERT_EQUAL(running_verdict(true).findings, 0);
            CU_ASSERT_EQUAL(running_times("\"seal\":1,"), 1);
            /* back to before */
            char *bytes = running_text(), *last = strstr(bytes, "\"seal\":1,");
            while (last > bytes && last[-1] != '\n')
                last--;
            CU_ASSERT_EQUAL(ftruncate(running.file, last - bytes), 0);
        }
    running_end();
}

static void test_the_old_key_lies_in_no_file(void)
{
    char old[SEAL_RECORD_BYTES], now[SEAL_RECORD_BYTES], hex[CHAIN_HEX_BYTES + 1];
    running_begin();
    chain_hex(&running.first.key, hex);
    get_slot(0, old);
    CU_ASSERT_PTR_NOT_NULL(memmem(old, sizeof old, hex, CHAIN_HEX_BYTES));
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    for (unsigned i = 0; i < SEAL_SLOTS; i++) {
        get_slot(i, now);
        CU_ASSERT_PTR_NULL(memmem(now, sizeof now, hex, CHAIN_HEX_BYTES));
        CU_ASSERT_EQUAL(lseek(running.slot[i], 0, SEEK_END), SEAL_RECORD_BYTES);
    }
    put_slot(1, old, sizeof old); /* a crash left it there */
    audit_close(running_start(true));
    get_slot(1, now);
    CU_ASSERT_PTR_NULL(memmem(now, sizeof now, hex, CHAIN_HEX_BYTES));
    running_end();
}

static void test_keys_that_cannot_be_read_are_said_and_the_log_goes_on(void)
{
    running_begin();
    put_slot(0, "garbage", 7);
    put_slot(1, "", 0);
    struct audit *audit = running_start(true);
    CU_ASSERT_FALSE(audit_sealed(audit));
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "setup-keys"));
    running_intend(audit, 1);
    audit_close(audit);
    put_slot(0, "", 0); /* none were ever set up: nothing to say */
    audit = running_start(true);
    CU_ASSERT_FALSE(audit_sealed(audit));
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    audit_close(audit);
    running_end();
}

static void test_keys_that_a_sealed_log_lost_are_missed(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    audit = running_start(false); /* both files are gone */
    CU_ASSERT_FALSE(audit_sealed(audit));
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "audit.key.0"));
    CU_ASSERT_FALSE(audit_leaves(audit)); /* the log itself is well */
    audit_close(audit);
    put_slot(0, "", 0);
    put_slot(1, "", 0);
    audit = running_start(true);
    CU_ASSERT_FALSE(audit_sealed(audit));
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "audit.key.0"));
    audit_close(audit);
    running_end();
}

static void test_a_seal_that_was_taken_out_is_found(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    off_t kept = (off_t)strlen(running_text());
    running_intend(audit, 2);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    CU_ASSERT_EQUAL(ftruncate(running.file, kept), 0);
    audit = running_start(true);
    CU_ASSERT_TRUE(audit_leaves(audit));
    CU_ASSERT_NOT_EQUAL(audit_trouble(audit)[0], '\0');
    audit_close(audit);
    CU_ASSERT_EQUAL(running_times("\"event\":\"bent\""), 1);
    running_end();
}

/* The last seal in the file says that it is another epoch's; its hash made anew or not. */
static void claim_number(const char *number, bool hash)
{
    char *bytes = running_text(), *at = strstr(bytes, "\"seal\":0,"), made[8192],
         hex[CHAIN_HEX_BYTES + 1];
    struct chain_hash sum;
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    int length = snprintf(made, sizeof made, "%.*s\"seal\":%s,%s", (int)(at - bytes), bytes, number,
                          at + strlen("\"seal\":0,"));
    char *end = strstr(made + (at - bytes), ",\"hash\":\""), *line = made + (at - bytes);
    while (line > made && line[-1] != '\n')
        line--;
    chain_sum(line, (size_t)(end - line), &sum);
    if (hash)
        memcpy(end + strlen(",\"hash\":\""), chain_hex(&sum, hex), CHAIN_HEX_BYTES);
    CU_ASSERT_EQUAL(ftruncate(running.file, 0), 0);
    CU_ASSERT_EQUAL(write(running.file, made, (size_t)length), length);
}

static void test_no_key_is_used_up_for_what_a_line_claims(void)
{
    static const char *const claimed[] = {"1", "40", "4999998", "9000000", "9007199254740991"};
    char before[SEAL_RECORD_BYTES], after[SEAL_RECORD_BYTES];
    for (unsigned i = 0; i < 2 * sizeof claimed / sizeof claimed[0]; i++) {
        running_begin();
        struct audit *audit = running_start(true);
        running_intend(audit, 1);
        CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
        audit_close(audit);
        get_slot(0, before);
        claim_number(claimed[i / 2], i % 2 == 1);
        audit = running_start(true);
        get_slot(0, after);
        CU_ASSERT_EQUAL(memcmp(before, after, sizeof before), 0);
        CU_ASSERT_TRUE(audit_sealed(audit));
        CU_ASSERT_TRUE(audit_leaves(audit));
        CU_ASSERT_NOT_EQUAL(audit_trouble(audit)[0], '\0');
        audit_close(audit);
        running_end();
    }
}

/* Files of a disk that was full, or of a copy: behind by many. */
static void test_keys_that_are_behind_catch_up(void)
{
    char old[SEAL_RECORD_BYTES], new[SEAL_RECORD_BYTES], now[SEAL_RECORD_BYTES];
    running_begin();
    get_slot(0, old);
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    for (unsigned i = 0; i < 50; i++)
        CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    get_slot(0, new);
    put_slot(0, old, sizeof old);
    put_slot(1, old, sizeof old);
    audit = running_start(true);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    for (unsigned i = 0; i < SEAL_SLOTS; i++) {
        get_slot(i, now);
        CU_ASSERT_EQUAL(memcmp(new, now, sizeof new), 0);
    }
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    CU_ASSERT_EQUAL(running_verdict(true).findings, 0);
    running_end();
}

/* ------------------------------------------------------------------------------------- the log */

static void test_a_bent_log_is_told_once_and_gone_on_with(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    running_intend(audit, 2);
    audit_close(audit);
    char *bytes = running_text(), *word = strstr(bytes, "drain_node");
    CU_ASSERT_PTR_NOT_NULL_FATAL(word);
    word[0] = 'b';
    CU_ASSERT_EQUAL(ftruncate(running.file, 0), 0);
    CU_ASSERT_EQUAL(write(running.file, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    for (unsigned i = 0; i < 3; i++) {
        audit = running_start(true);
        CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "audit.jsonl line 2: changed"));
        CU_ASSERT_TRUE(audit_wants_next(audit)); /* what was found stays as it is */
        running_intend(audit, 10 + i);
        audit_close(audit);
    }
    CU_ASSERT_EQUAL(running_times("\"event\":\"bent\""), 1);
    struct verify_result result = running_verdict(true);
    CU_ASSERT_EQUAL(result.first.line, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "changed"));
    running_end();
}

static void test_a_bent_segment_is_left_for_the_next(void)
{
    running_begin();
    struct audit *audit = running_start(false);
    running_intend(audit, 1);
    audit_close(audit);
    CU_ASSERT_EQUAL(write(running.file, "hello\n", 6), 6);
    audit = running_start(false);
    CU_ASSERT_TRUE(audit_leaves(audit));
    int next = fixture_file();
    CU_ASSERT_TRUE(audit_next(audit, dup(next), "audit.jsonl.1", NULL, &running.error));
    CU_ASSERT_FALSE(audit_leaves(audit));
    CU_ASSERT_NOT_EQUAL(audit_trouble(audit)[0], '\0'); /* until a start that finds none */
    audit_close(audit);
    close(running.file);
    running.file = next; /* the bent one was put aside */
    audit = running_start(false);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    audit_close(audit);
    running_end();
}

static void test_a_torn_line_is_cut_and_told(void)
{
    running_begin();
    struct audit *audit = running_start(true);
    running_intend(audit, 1);
    audit_close(audit);
    CU_ASSERT_EQUAL(write(running.file, "{\"seq\":3,\"ti", 12), 12);
    CU_ASSERT_EQUAL(running_verdict(true).first.line, 3);
    audit_close(running_start(true));
    CU_ASSERT_EQUAL(running_times("\"event\":\"cut\""), 1);
    CU_ASSERT_EQUAL(running_times("\"bytes\":12"), 1);
    audit = running_start(true);
    CU_ASSERT_TRUE(audit_seal(audit, SEAL_START, RUNNING_WALL_MS, &running.error));
    audit_close(audit);
    CU_ASSERT_EQUAL(running_verdict(true).findings, 0);
    CU_ASSERT_EQUAL(running_verdict(true).cuts, 1);
    running_end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"nothing where nothing happens", test_nothing_is_written_where_nothing_happens},
        {"the next start seals what is left", test_what_a_run_left_is_sealed_by_the_next_start},
        {"a crash at any instant of a seal", test_a_crash_at_any_instant_of_a_seal_loses_none},
        {"the old key lies in no file", test_the_old_key_lies_in_no_file},
        {"keys that cannot be read", test_keys_that_cannot_be_read_are_said_and_the_log_goes_on},
        {"keys that a sealed log lost", test_keys_that_a_sealed_log_lost_are_missed},
        {"a seal that was taken out", test_a_seal_that_was_taken_out_is_found},
        {"no key is used up for a claim", test_no_key_is_used_up_for_what_a_line_claims},
        {"keys that are behind catch up", test_keys_that_are_behind_catch_up},
        {"a bent log is told once", test_a_bent_log_is_told_once_and_gone_on_with},
        {"a bent segment is left", test_a_bent_segment_is_left_for_the_next},
        {"a torn line is cut and told", test_a_torn_line_is_cut_and_told},
        {"a seal that fails is told", test_a_seal_that_fails_is_told},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("audit_start", tests);
}
