/* The lines of a log against the heads that the supervisor noted: what a start and `verify` find.
 * May not: open a file with a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "audit_running.h"
#include "cunit_main.h"

static struct noted_heads noted;

/* As the supervisor does, with what it is told. */
static void note(const struct audit *audit)
{
    noted.some = true;
    noted.head[noted.count++] =
        (struct noted_head){.link = audit_head(audit), .wall_ms = RUNNING_WALL_MS};
    running.limits.noted = &noted;
}

/* Who has taken the actuator over makes a line anew, and all hashes after it, and goes on telling
 * heads: the next line fits what he made of them, and is noted. */
static void rewrite_drain(const char *id)
{
    static char made[65536];
    char body[CHAIN_LINE_BYTES_MAX], *bytes = running_text(), *next, *save;
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
    CU_ASSERT_EQUAL(ftruncate(running.file, 0), 0);
    CU_ASSERT_EQUAL(write(running.file, made, length), (ssize_t)length);
}

static void test_a_line_made_anew_is_found_though_later_heads_are_told(void)
{
    struct verify_result result;
    running_begin();
    noted.count = 0;
    struct audit *audit = running_start(false);
    for (uint64_t i = 1; i <= 5; i++) { /* line 1 is the segment's */
        running_intend(audit, i);
        note(audit);
    }
    audit_close(audit);
    rewrite_drain("\"2-3\"");
    running.limits.noted = NULL; /* he believes nobody */
    audit = running_start(false);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    running_intend(audit, 6);
    note(audit);
    audit_close(audit);
    const char *bytes = running_text();
    result = verify_bytes(bytes, strlen(bytes), strlen(bytes), NULL, &noted);
    CU_ASSERT_EQUAL(result.first.line, 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "another line than the supervisor has noted"));
    CU_ASSERT_TRUE(result.findings == 3 && result.noted == 6 && result.head_compared);
    for (unsigned i = 0; i < 2; i++) { /* said by each start, written once */
        audit = running_start(false);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(audit_trouble(audit), "audit.jsonl line 4: number 4 is another"));
        CU_ASSERT_TRUE(audit_leaves(audit));
        audit_close(audit);
    }
    CU_ASSERT_EQUAL(running_times("\"event\":\"bent\""), 1);
    running_end();
}

static void test_a_note_that_is_gone_is_missed_until_a_start_finds_it(void)
{
    running_begin();
    noted.count = 0;
    running.limits.noted = &noted; /* empty, and so is the log */
    struct audit *audit = running_start(false);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    running_intend(audit, 1);
    audit_close(audit);
    running.limits.noted = &noted;
    audit = running_start(false);
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "audit.head"));
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "has nothing to say")); /* not cut */
    CU_ASSERT_TRUE(strlen(audit_trouble(audit)) < ERROR_TEXT_BYTES_MAX - 1);
    CU_ASSERT_FALSE(audit_leaves(audit)); /* no line of it is known to be wrong */
    note(audit);
    audit_close(audit);
    audit = running_start(false);
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    audit_close(audit);
    running_end();
}

static void test_a_noted_head_that_is_not_there_is_found(void)
{
    running_begin();
    noted.count = 0;
    struct audit *audit = running_start(false);
    running_intend(audit, 1);
    off_t kept = (off_t)strlen(running_text());
    running_intend(audit, 2);
    note(audit);
    audit_close(audit);
    audit_close(running_start(false));
    CU_ASSERT_EQUAL(running_times("\"event\":\"bent\""), 0);
    CU_ASSERT_EQUAL(ftruncate(running.file, kept), 0);
    audit = running_start(false);
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "was cut off"));
    CU_ASSERT_TRUE(audit_head(audit).seq > noted.head[0].link.seq); /* no number is given twice */
    audit_close(audit);
    CU_ASSERT_EQUAL(running_verdict(false).first.line, 3); /* the place stays to be seen */
    running_end();
    running_begin();
    audit = running_start(false);
    running_intend(audit, 1);
    noted.count = 0;
    note(audit);
    audit_close(audit);
    memset(noted.head[0].link.hash.byte, 9, CHAIN_HASH_BYTES);
    audit = running_start(false);
    CU_ASSERT_PTR_NOT_NULL(strstr(audit_trouble(audit), "number 2 is another one"));
    audit_close(audit);
    running_end();
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
