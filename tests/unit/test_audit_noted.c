/* The lines of a log against the heads that the supervisor noted: what a start and `verify` find.
 * May not: open a file with a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "cunit_main.h"

#define WALL INT64_C(1795764000000)

static struct audit_limits limits = {
    .max_bytes = 1 << 20, .reserve_bytes = 65536, .epoch_ms = 900000};
static int file;
static struct error error;

static void begin(void)
{
    file = fixture_file();
    limits.noted = NULL;
}

static void end(void)
{
    close(file);
}

static struct audit *start(void)
{
    struct audit *audit = NULL;
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, dup(file), "audit.jsonl", &limits, NULL, &error));
    audit_take_keys(audit, -1, -1);
    CU_ASSERT_TRUE(audit_settle(audit, WALL, &error));
    return audit;
}

static void intend(struct audit *audit, uint64_t counter)
{
    struct action action = {.id = {2, counter},
                            .kind = ACTION_DRAIN_NODE,
                            .text = "why",
                            .node = {.name = "n", .pool = "p", .node_uid = ""},
                            .server_type = "",
                            .location = "",
                            .image = ""};
    CU_ASSERT_TRUE(audit_intent(audit, &action, WALL, &error));
}

static char *text(void)
{
    static char bytes[65536];
    ssize_t got = pread(file, bytes, sizeof bytes - 1, 0);
    bytes[got > 0 ? got : 0] = '\0';
    return bytes;
}

static struct verify_result verdict(void)
{
    const char *bytes = text();
    return verify_bytes(bytes, strlen(bytes), strlen(bytes), NULL, NULL);
}

static unsigned times(const char *word)
{
    unsigned count = 0;
    for (const char *at = text(); (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

static struct noted_heads noted;

/* As the supervisor does, with what it is told. */
static void note(const struct audit *audit)
{
    noted.some = true;
    noted.head[noted.count++] = (struct noted_head){.link = audit_head(audit), .wall_ms = WALL};
    limits.noted = &noted;
}

/* Who has taken the actuator over makes a line anew, and all hashes after it, and goes on telling
 * heads: the next line fits what he made of them, and is noted. */
static void rewrite_drain(const char *id)
{
    static char made[65536];
    char body[CHAIN_LINE_BYTES_MAX], *bytes = text(), *next, *save;
    struct chain_link last = {.seq = 0};
    size_t length = 0;
    for (char *line = strtok_r(bytes, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        next = strchr(line, ',') + 1;
        int size =
            snprintf(body, sizeof body, "{%.*s}", (int)(strstr(next, ",\"prev\"") - next), next);
        char *word = strstr(body, id) == NULL ? NULL : strstr(body, "\"why\"");
        if (word != NULL)
            word[1] = 'W';
        length +=
            chain_make(&last, body, (size_t)size, NULL, made + length, sizeof made - length, &last);
    }
    CU_ASSERT_EQUAL(ftruncate(file, 0), 0);
    CU_ASSERT_EQUAL(write(file, made, length), (ssize_t)length);
}

static void test_a_line_made_anew_is_found_though_later_heads_are_told(void)
{
    struct verify_result result;
    begin();
    noted.count = 0;
    struct audit *audit = start();
    for (uint64_t i = 1; i <= 5; i++) { /* line 1 is the segment's */
        intend(audit, i);
        note(audit);
    }
    audit_close(audit);
    rewrite_drain("\"2-3\"");
    limits.noted = NULL; /* he believes nobody */
    audit = start();
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    intend(audit, 6);
    note(audit);
    audit_close(audit);
    const char *bytes = text();
    result = verify_bytes(bytes, strlen(bytes), strlen(bytes), NULL, &noted);
    CU_ASSERT_EQUAL(result.first.line, 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "another line than the supervisor has noted"));
    CU_ASSERT_TRUE(result.findings == 3 && result.noted == 6 && result.head_compared);
    for (unsigned i = 0; i < 2; i++) { /* said by each start, written once */
        audit = start();
        CU_ASSERT_PTR_NOT_NULL(
            strstr(audit_trouble(audit), "audit.jsonl line 4: number 4 is another"));
        CU_ASSERT_TRUE(audit_leaves(audit));
        audit_close(audit);
    }
    CU_ASSERT_EQUAL(times("\"event\":\"bent\""), 1);
    end();
}

static void test_a_note_that_is_gone_is_missed_until_a_start_finds_it(void)
{
    begin();
    noted.count = 0;
    limits.noted = &noted; /* empty, and so is the log */
    struct audit *audit = start();
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    intend(audit, 1);
    audit_close(audit);
    limits.noted = &noted;
    audit = start();
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "audit.head"));
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "has nothing to say")); /* not cut */
    CU_ASSERT_TRUE(strlen(audit_trouble(audit)) < ERROR_TEXT_BYTES_MAX - 1);
    CU_ASSERT_FALSE(audit_leaves(audit)); /* no line of it is known to be wrong */
    note(audit);
    audit_close(audit);
    audit = start();
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    audit_close(audit);
    end();
}

static void test_a_noted_head_that_is_not_there_is_found(void)
{
    begin();
    noted.count = 0;
    struct audit *audit = start();
    intend(audit, 1);
    off_t kept = (off_t)strlen(text());
    intend(audit, 2);
    note(audit);
    audit_close(audit);
    audit_close(start());
    CU_ASSERT_EQUAL(times("\"event\":\"bent\""), 0);
    CU_ASSERT_EQUAL(ftruncate(file, kept), 0);
    audit = start();
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "was cut off"));
    CU_ASSERT_TRUE(audit_head(audit).seq > noted.head[0].link.seq); /* no number is given twice */
    audit_close(audit);
    CU_ASSERT_EQUAL(verdict().first.line, 3); /* the place stays to be seen */
    end();
    begin();
    audit = start();
    intend(audit, 1);
    noted.count = 0;
    note(audit);
    audit_close(audit);
    memset(noted.head[0].link.hash.byte, 9, CHAIN_HASH_BYTES);
    audit = start();
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "number 2 is another one"));
    audit_close(audit);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a line made anew though heads go on",
         test_a_line_made_anew_is_found_though_later_heads_are_told},
        {"a note that is gone", test_a_note_that_is_gone_is_missed_until_a_start_finds_it},
        {"a noted head that is not there", test_a_noted_head_that_is_not_there_is_found},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("audit_noted", tests);
}
