/* The messages' promise: what was sent arrives as it was; what is out of bounds is never sent; and
 * no bytes, however hostile, do more than be refused with a sentence. */
#include "cunit_main.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "proto/message.h"

static const char *const labels[] = {"linux", "x86-64"};
static const struct gitea_job job = {.id = UINT64_MAX,
                                     .status = JOB_RUNNING,
                                     .labels = labels,
                                     .labels_count = 2,
                                     .name = "h\xc3\xa4mmern",
                                     .repository = "acme/app",
                                     .created_ms = TIME_MS_MAX};
static const struct gitea_snapshot snapshot = {
    .head = {.sequence = 1, .requests = 2}, .version = "1.26.0", .jobs = &job, .jobs_count = 1};

static bool encode(enum message_id id, const void *body, unsigned char **bytes, size_t *length)
{
    struct error error = {""};
    bool good = message_encode(id, body, bytes, length, &error);
    CU_ASSERT_EQUAL(good, error.text[0] == '\0');
    return good;
}

static bool decodes(const unsigned char *bytes, size_t length)
{
    struct error error = {""};
    struct message *message = NULL;
    bool good = message_decode(bytes, length, &message, &error);
    CU_ASSERT_EQUAL(good, error.text[0] == '\0');
    message_free(good ? message : NULL);
    return good;
}

static void test_round_trip(void)
{
    struct error error = {""};
    struct message *copy = message_copy(MESSAGE_gitea_snapshot, &snapshot, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    const struct gitea_snapshot *got = message_gitea_snapshot(copy);
    CU_ASSERT_STRING_EQUAL(got->version, "1.26.0");
    CU_ASSERT_EQUAL_FATAL(got->jobs_count, 1);
    CU_ASSERT_EQUAL(got->jobs[0].id, UINT64_MAX);
    CU_ASSERT_EQUAL(got->jobs[0].created_ms, TIME_MS_MAX);
    CU_ASSERT_EQUAL(got->jobs[0].status, JOB_RUNNING);
    CU_ASSERT_EQUAL_FATAL(got->jobs[0].labels_count, 2);
    CU_ASSERT_STRING_EQUAL(got->jobs[0].labels[1], "x86-64");
    CU_ASSERT_STRING_EQUAL(got->jobs[0].name, "h\xc3\xa4mmern");
    CU_ASSERT_STRING_EQUAL(got->jobs[0].runner_name, ""); /* NULL counts as "" */
    CU_ASSERT_EQUAL(got->runners_count, 0);
    message_free(copy);
}

static void test_every_truncation_is_refused(void)
{
    unsigned char *bytes;
    size_t length;
    CU_ASSERT_FATAL(encode(MESSAGE_gitea_snapshot, &snapshot, &bytes, &length));
    for (size_t cut = 0; cut < length; cut++) {
        /* Memory of exactly that size, so that a sanitizer sees a read behind it. */
        unsigned char *part = malloc(cut + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, bytes, cut);
        CU_ASSERT_FALSE(decodes(part, cut));
        free(part);
    }
    CU_ASSERT_TRUE(decodes(bytes, length));
    free(bytes);
}

static void test_trailing_byte_is_refused(void)
{
    unsigned char *bytes;
    size_t length;
    CU_ASSERT_FATAL(encode(MESSAGE_gitea_snapshot, &snapshot, &bytes, &length));
    unsigned char *longer = malloc(length + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(longer);
    memcpy(longer, bytes, length);
    longer[length] = 0;
    CU_ASSERT_FALSE(decodes(longer, length + 1));
    free(longer);
    free(bytes);
}

/* Any one byte changed: refused or another good message, never a fault (sanitizers watch). */
static void test_any_byte_changed_does_no_harm(void)
{
    unsigned char *bytes;
    size_t length;
    CU_ASSERT_FATAL(encode(MESSAGE_gitea_snapshot, &snapshot, &bytes, &length));
    unsigned refused = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char old = bytes[i];
        for (unsigned value = 0; value < 256; value++) {
            bytes[i] = (unsigned char)value;
            refused += decodes(bytes, length) ? 0 : 1;
        }
        bytes[i] = old;
    }
    CU_ASSERT(refused > 0);
    free(bytes);
}

static void test_a_count_is_not_believed(void)
{
    struct error error = {""};
    struct message *message;
    /* gitea_snapshot whose jobs claim 20,000 (their most) records and hold none. */
    const unsigned char claim[] = {
        0x95, MESSAGE_gitea_snapshot, 0x96, 1, 0, 0, 0, 0, 1, 0xa0, 0xdc, 0x4e, 0x20};
    CU_ASSERT_FALSE(message_decode(claim, sizeof claim, &message, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "gitea_snapshot.jobs"));
    const unsigned char huge[] = {0xdd, 0xff, 0xff, 0xff, 0xff, MESSAGE_hello};
    CU_ASSERT_FALSE(message_decode(huge, sizeof huge, &message, &error));
    const unsigned char text[] = {0x95, MESSAGE_hello, 0xdb, 0xff, 0xff, 0xff, 0xff, 'a'};
    CU_ASSERT_FALSE(message_decode(text, sizeof text, &message, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "hello.table_hash"));
}

static void test_an_id_that_is_none(void)
{
    const unsigned char bytes[] = {0x92, message_id_count, 0};
    CU_ASSERT_FALSE(decodes(bytes, sizeof bytes));
    CU_ASSERT_FALSE(decodes((const unsigned char *)"", 0));
}

static bool text_fits(size_t bytes)
{
    char text[TEXT_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    text[bytes] = '\0';
    unsigned char *out;
    size_t length;
    struct stopped stopped = {.text = text};
    bool good = encode(MESSAGE_stopped, &stopped, &out, &length);
    if (good) {
        CU_ASSERT_TRUE(decodes(out, length));
        free(out);
    }
    return good;
}

static void test_texts_at_most_and_one_more(void)
{
    CU_ASSERT_TRUE(text_fits(TEXT_BYTES_MAX));
    CU_ASSERT_FALSE(text_fits(TEXT_BYTES_MAX + 1));
    unsigned char *out;
    size_t length;
    CU_ASSERT_FALSE(encode(MESSAGE_stopped, &(struct stopped){.text = "\xff"}, &out, &length));
    /* A text that has a least length (hello's hash: exactly 64). */
    CU_ASSERT_FALSE(encode(MESSAGE_hello, &(struct hello){.table_hash = "ab"}, &out, &length));
}

static bool list_fits(uint32_t count)
{
    static struct alarm alarms[ALARMS_MAX + 1];
    unsigned char *out;
    size_t length;
    struct status status = {.alarms = alarms, .alarms_count = count};
    bool good = encode(MESSAGE_status, &status, &out, &length);
    if (good) {
        CU_ASSERT_TRUE(decodes(out, length));
        free(out);
    }
    return good;
}

static void test_lists_at_most_and_one_more(void)
{
    CU_ASSERT_TRUE(list_fits(ALARMS_MAX));
    CU_ASSERT_FALSE(list_fits(ALARMS_MAX + 1));
    unsigned char *out;
    size_t length;
    struct status nowhere = {.alarms = NULL, .alarms_count = 1};
    CU_ASSERT_FALSE(encode(MESSAGE_status, &nowhere, &out, &length));
}

static void test_numbers_at_their_bounds(void)
{
    unsigned char *out;
    size_t length;
    struct enter fits = {.uid = UINT32_MAX, .gid = 0}, too_much = {.uid = UINT64_C(1) << 32};
    CU_ASSERT_TRUE_FATAL(encode(MESSAGE_enter, &fits, &out, &length));
    CU_ASSERT_TRUE(decodes(out, length));
    free(out);
    CU_ASSERT_FALSE(encode(MESSAGE_enter, &too_much, &out, &length));
    CU_ASSERT_FALSE(encode(MESSAGE_commit, &(struct commit){.generation = 0}, &out, &length));
    struct stop before = {.deadline_mono_ms = -1};
    CU_ASSERT_FALSE(encode(MESSAGE_stop, &before, &out, &length));
    struct file no_kind = {.kind = file_kind_count};
    CU_ASSERT_FALSE(encode(MESSAGE_file, &no_kind, &out, &length));
}

/* Times of a peer that was taken over cannot make the reader's sums overflow. */
static void test_times_are_bounded(void)
{
    unsigned char *out;
    size_t length;
    struct poll_trouble trouble = {.failures = 1, .text = "why", .next_ms = TIME_MS_MAX};
    CU_ASSERT_TRUE_FATAL(encode(MESSAGE_poll_trouble, &trouble, &out, &length));
    CU_ASSERT_TRUE(decodes(out, length));
    free(out);
    trouble.next_ms = TIME_MS_MAX + 1;
    CU_ASSERT_FALSE(encode(MESSAGE_poll_trouble, &trouble, &out, &length));
    CU_ASSERT(TIME_MS_MAX < INT64_MAX / 1000);
}

static void test_doubles_arrive(void)
{
    struct sample samples[] = {{.metric = 1, .value = 0.1}, {.metric = 2, .value = -INFINITY}};
    struct counters counters = {.role = ROLE_ACTUATOR, .samples = samples, .samples_count = 2};
    struct error error = {""};
    struct message *copy = message_copy(MESSAGE_counters, &counters, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_DOUBLE_EQUAL(message_counters(copy)->samples[0].value, 0.1, 0.0);
    CU_ASSERT(isinf(message_counters(copy)->samples[1].value));
    message_free(copy);
}

static void test_who_may_send_what(void)
{
    CU_ASSERT_TRUE(message_permitted(MESSAGE_action, ROLE_RECONCILER, ROLE_ACTUATOR));
    CU_ASSERT_FALSE(message_permitted(MESSAGE_action, ROLE_MONITOR, ROLE_ACTUATOR));
    CU_ASSERT_FALSE(message_permitted(MESSAGE_action, ROLE_ACTUATOR, ROLE_RECONCILER));
    CU_ASSERT_FALSE(message_permitted(MESSAGE_action, role_count, ROLE_ACTUATOR));
    CU_ASSERT_EQUAL(message_descriptors(MESSAGE_file), 1);
    CU_ASSERT_EQUAL(message_descriptors(MESSAGE_action), 0);
}

static void test_every_message_has_a_bound(void)
{
    for (int id = 0; id < (int)message_id_count; id++) {
        CU_ASSERT(message_bytes_max((enum message_id)id) <= FRAME_BYTES_MAX);
        CU_ASSERT(message_bytes_max((enum message_id)id) > 0);
    }
    CU_ASSERT_EQUAL(message_bytes_max(MESSAGE_gitea_snapshot), FRAME_BYTES_MAX);
    CU_ASSERT(message_bytes_max(MESSAGE_heartbeat) < 1024);
}

static void test_hash_is_sha256(void)
{
    CU_ASSERT_EQUAL(strlen(message_table_hash()), 64);
    CU_ASSERT_EQUAL(strspn(message_table_hash(), "0123456789abcdef"), 64);
    CU_ASSERT_STRING_EQUAL(outcome_word(OUTCOME_HAS_JOB), "has-job");
    CU_ASSERT_STRING_EQUAL(outcome_word(outcome_count), "?");
}

static void test_utf8(void)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"plain", true},
        {"\xc3\xa9", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xc0\xaf", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xe2\x82", false},
        {"\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xe0\x80\xaf", false},
        {"\xf0\x80\x80\xaf", false},
        {"\xef\xbf\xbd", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
    CU_ASSERT_FALSE(utf8_valid("a\0b", 3));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what was sent arrives", test_round_trip},
        {"every truncation is refused", test_every_truncation_is_refused},
        {"a trailing byte is refused", test_trailing_byte_is_refused},
        {"any byte changed does no harm", test_any_byte_changed_does_no_harm},
        {"a count is not believed", test_a_count_is_not_believed},
        {"an id that is none", test_an_id_that_is_none},
        {"texts at most and one more", test_texts_at_most_and_one_more},
        {"lists at most and one more", test_lists_at_most_and_one_more},
        {"numbers at their bounds", test_numbers_at_their_bounds},
        {"times are bounded", test_times_are_bounded},
        {"doubles arrive", test_doubles_arrive},
        {"who may send what", test_who_may_send_what},
        {"every message has a bound", test_every_message_has_a_bound},
        {"the table's hash", test_hash_is_sha256},
        {"UTF-8", test_utf8},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("messages", tests);
}
