/* A log is bent in every way that one line allows, and each is found: at its place where whoever
 * did it left the hashes, by the next seal or the supervisor's note where he made them anew.
 * May not: open a file with a name. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/fields.h"
#include "audit_fixture.h"
#include "cunit_main.h"

static struct bent_log whole;
static unsigned last_seal;

/* The place of a line as verify names it. */
static bool is_at(const struct verify_result *result, unsigned line, const struct bent_log *log)
{
    bool second = line >= log->second;
    return result->findings > 0 && result->first.line == (second ? line - log->second : line) + 1 &&
           strcmp(result->first.file, second ? "audit.jsonl.1" : "audit.jsonl") == 0;
}

static void expect_at(const struct bent_log *log, unsigned line, const char *how)
{
    struct verify_result result = verify_log(log, NULL, &fixture_head);
    if (is_at(&result, line, log))
        return;
    fprintf(stderr, "line %u %s: %s line %lu: %s\n", line, how, result.first.file,
            (unsigned long)result.first.line, result.what.text);
    CU_FAIL("it is found elsewhere, or not at all");
}

/* Found where only the key tells, and where only the note does. */
static void expect_found(const struct bent_log *log, unsigned line, const char *how)
{
    struct verify_result key = verify_log(log, &fixture_keys, NULL);
    struct verify_result head = verify_log(log, NULL, &fixture_head);
    bool sealed = line <= last_seal;
    if ((key.findings > 0 || !sealed) && head.findings > 0)
        return;
    fprintf(stderr, "line %u %s: with the key %s, with the note %s\n", line, how,
            key.findings > 0 ? "found" : "NOT FOUND", head.findings > 0 ? "found" : "NOT FOUND");
    CU_FAIL("it is not found");
}

static bool is_seal(const char *line)
{
    return strstr(line, "\"event\":\"seal\"") != NULL;
}

static void test_what_was_written_verifies(void)
{
    fixture_log(&whole); /* for all tests */
    for (unsigned i = 0; i < whole.count; i++)
        last_seal = is_seal(whole.line[i]) ? i : last_seal;
    struct verify_result result = verify_log(&whole, &fixture_keys, &fixture_head);
    CU_ASSERT_EQUAL(result.findings, 0);
    CU_ASSERT_EQUAL(result.lines, whole.count);
    CU_ASSERT_EQUAL(result.seals, 4);
    CU_ASSERT_EQUAL(result.sealed.line, last_seal - whole.second + 1);
    CU_ASSERT_STRING_EQUAL(result.sealed.file, "audit.jsonl.1");
    CU_ASSERT_EQUAL(result.unsealed, whole.count - 1 - last_seal);
    CU_ASSERT_TRUE(result.head_compared);
}

/* Every byte: another one by a bit, and one of each class that a reader might take for nothing. */
static void test_no_byte_can_be_another(void)
{
    static const char classes[] = {'\n', '\0', ' ', '"', '\\', '0', 'A', '\r', '}', '\t', '\x7f'};
    size_t first, length;
    char *bytes = log_bytes(&whole, &first, &length);
    unsigned line = 0, wrong = 0;
    for (size_t at = 0; at < length; at++) {
        char byte = bytes[at];
        const char other[] = {(char)(byte ^ 1 << at % 8), classes[at % sizeof classes]};
        for (unsigned i = 0; i < 2; i++) {
            if (other[i] == byte)
                continue;
            bytes[at] = other[i];
            struct verify_result result = verify_bytes(bytes, first, length, NULL, &fixture_head);
            wrong += !is_at(&result, line, &whole);
        }
        bytes[at] = byte;
        line += byte == '\n';
    }
    free(bytes);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(line, whole.count);
}

static void test_no_byte_can_be_put_in_or_taken_out(void)
{
    size_t first, length, wrong = 0;
    char *bytes = log_bytes(&whole, &first, &length), *more = malloc(length + 1);
    CU_ASSERT_TRUE_FATAL(more != NULL);
    for (size_t at = 0; at < length; at += 3) {
        memcpy(more, bytes, at);
        more[at] = " \n{,0"[at % 5];
        memcpy(more + at + 1, bytes + at, length - at);
        wrong += verify_bytes(more, first + (at < first), length + 1, NULL, NULL).findings == 0;
        memcpy(more + at, bytes + at + 1, length - at - 1);
        struct verify_result less =
            verify_bytes(more, first - (at < first), length - 1, NULL, NULL);
        wrong += less.findings == 0;
    }
    free(more);
    free(bytes);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_no_end_can_be_cut(void)
{
    size_t first, length, wrong = 0;
    char *bytes = log_bytes(&whole, &first, &length);
    for (size_t left = 0; left < length; left += bytes[left] == '\n' ? 1 : 3)
        wrong +=
            verify_bytes(bytes, left < first ? left : first, left, NULL, &fixture_head).findings ==
            0;
    free(bytes);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_no_line_can_go_or_come_twice_or_move(void)
{
    struct bent_log bent;
    for (unsigned i = 0; i < whole.count; i++) {
        log_copy(&whole, &bent);
        log_drop(&bent, i);
        expect_at(&bent, i, "dropped");
        log_free(&bent);
        log_copy(&whole, &bent);
        log_insert(&bent, i + 1, whole.line[i]);
        expect_at(&bent, i + 1, "twice");
        log_free(&bent);
        for (unsigned other = i + 1; other < whole.count; other++) {
            log_copy(&whole, &bent);
            log_replace(&bent, i, whole.line[other]);
            log_replace(&bent, other, whole.line[i]);
            expect_at(&bent, i, "swapped");
            log_free(&bent);
        }
    }
}

/* ------------------------------------------------------------------- with the chain made anew */

/* Another value of the same type. */
static json_t *other_value(const json_t *value)
{
    char text[4096];
    const char *words = json_string_value(value);
    if (json_is_integer(value))
        return json_integer(json_integer_value(value) + 1);
    if (json_is_boolean(value))
        return json_boolean(!json_is_true(value));
    if (json_is_array(value))
        return json_pack("[i]", 1);
    snprintf(text, sizeof text, "%s", words);
    text[strlen(text) - 1] ^= 1;
    return json_string(text);
}

static void change_field(unsigned line, const char *key, bool drop)
{
    struct bent_log bent;
    char how[64];
    json_t *table = json_loads(whole.line[line], 0, NULL);
    if (drop)
        json_object_del(table, key);
    else
        json_object_set_new(table, key, other_value(json_object_get(table, key)));
    char *text = json_dumps(table, JSON_COMPACT);
    log_copy(&whole, &bent);
    log_replace(&bent, line, text);
    snprintf(how, sizeof how, "with %s %s", key, drop ? "dropped" : "changed");
    expect_at(&bent, line, how);
    /* Its own hash fits: what it says does not, or the next line does not follow on it. */
    log_seal_again(&bent, line, NULL);
    struct verify_result result = verify_log(&bent, NULL, &fixture_head);
    CU_ASSERT_TRUE(is_at(&result, line, &bent) || is_at(&result, line + 1, &bent));
    log_chain_again(&bent, line);
    expect_found(&bent, line, how);
    log_free(&bent);
    free(text);
    json_decref(table);
}

static void test_no_field_can_be_another_or_missing(void)
{
    unsigned fields = 0;
    for (unsigned i = 0; i < whole.count; i++) {
        const char *key;
        json_t *value, *table = json_loads(whole.line[i], 0, NULL);
        CU_ASSERT_TRUE_FATAL(table != NULL);
        json_object_foreach(table, key, value) {
            bool frame = strcmp(key, "seq") == 0 || strcmp(key, "prev") == 0 ||
                         strcmp(key, "hash") == 0 || strcmp(key, "mac") == 0;
            if (frame)
                continue; /* every byte of them is turned above */
            change_field(i, key, false);
            change_field(i, key, true);
            fields++;
        }
        json_decref(table);
    }
    CU_ASSERT_TRUE(fields > 200);
}

static void test_no_line_can_go_or_come_with_the_chain_made_anew(void)
{
    struct bent_log bent;
    for (unsigned i = 0; i < whole.count; i++) {
        log_copy(&whole, &bent);
        log_drop(&bent, i);
        log_chain_again(&bent, i);
        /* Without the last seal, what is left looks as if its epoch had not ended yet. */
        expect_found(&bent, i == last_seal ? i + 1 : i, "dropped, made anew");
        log_free(&bent);
        log_copy(&whole, &bent);
        log_insert(&bent, i, whole.line[1]);
        log_chain_again(&bent, i);
        expect_found(&bent, i, "put in, made anew");
        log_free(&bent);
    }
}

/* Who takes the machine over has the key of the epoch that runs, and may make seals with it. */
static void test_no_seal_can_be_made_for_an_epoch_that_is_over(void)
{
    struct bent_log bent;
    struct seal_key stolen = fixture_keys.key[0];
    while (stolen.number < 4)
        seal_next(&stolen);
    for (unsigned from = 1; from < last_seal; from++) {
        log_copy(&whole, &bent);
        char *named = NULL;
        CU_ASSERT_TRUE_FATAL(asprintf(&named,
                                      "{\"seq\":1,\"time\":\"2026-11-27T00:00:00Z\","
                                      "\"event\":\"seal\",\"id\":\"2-9\",\"key\":\"%s\","
                                      "\"seal\":4,\"why\":\"epoch\",\"epoch_ms\":900000,"
                                      "\"prev\":\"\"}",
                                      stolen.id) > 0);
        log_replace(&bent, last_seal, named);
        free(named);
        for (unsigned i = last_seal;
             i-- > from;) /* everything of the epochs between is taken out */
            log_drop(&bent, i);
        log_seal_again(&bent, from, &stolen);
        log_chain_again(&bent, from + 1);
        struct verify_result result = verify_log(&bent, &fixture_keys, NULL);
        CU_ASSERT_TRUE(result.findings > 0);
        log_free(&bent);
    }
}

static void test_seals_cannot_all_be_left_out(void)
{
    struct bent_log bent;
    log_copy(&whole, &bent);
    for (unsigned i = whole.count; i-- > 0;)
        if (is_seal(bent.line[i]))
            log_drop(&bent, i);
    log_chain_again(&bent, 0);
    struct verify_result result = verify_log(&bent, &fixture_keys, NULL);
    CU_ASSERT_TRUE(result.findings > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "no seal"));
    log_free(&bent);
}

static void test_an_old_file_cannot_come_back(void)
{
    struct bent_log old;
    for (unsigned kept = 1; kept < whole.second; kept++) { /* the first segment as it was once */
        log_copy(&whole, &old);
        while (old.second > kept)
            log_drop(&old, old.second - 1);
        struct verify_result result = verify_log(&old, NULL, NULL);
        CU_ASSERT_TRUE(is_at(&result, old.second, &old));
        log_free(&old);
    }
    for (unsigned kept = whole.second; kept < whole.count; kept++) { /* or the second */
        log_copy(&whole, &old);
        while (old.count > kept)
            log_drop(&old, old.count - 1);
        struct verify_result result = verify_log(&old, NULL, &fixture_head);
        CU_ASSERT_TRUE(is_at(&result, old.count, &old) || kept == whole.second);
        CU_ASSERT_TRUE(result.findings == 1);
        log_free(&old);
    }
    log_copy(&whole, &old); /* the first is gone */
    while (old.second > 0)
        log_drop(&old, 0);
    struct verify_result result = verify_log(&old, &fixture_keys, &fixture_head);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "not here"));
    log_free(&old);
}

/* Nothing is what is left of a log that somebody emptied. */
static void test_an_emptied_log_is_not_sealed(void)
{
    struct verify_result result = verify_bytes("", 0, 0, &fixture_keys, NULL);
    CU_ASSERT_EQUAL(result.findings, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.what.text, "emptied"));
    CU_ASSERT_EQUAL(verify_bytes("", 0, 0, NULL, NULL).findings, 0); /* nothing to tell it by */
}

/* ------------------------------------------------------------------------------------- the page */

#define PAGE  TEST_SOURCE_DIR "/../docs/audit.md"
#define BEGIN "<!-- from audit/audit.def -->\n"
#define END   "<!-- until here -->"

/* The tables of the page, between its two marks, are those of the table. */
static void test_the_page_equals_the_table(void)
{
    char *page = calloc(1, 131072), *table = NULL;
    size_t length;
    FILE *file = fopen(PAGE, "r"), *out = open_memstream(&table, &length);
    CU_ASSERT_TRUE_FATAL(page != NULL && file != NULL && out != NULL);
    CU_ASSERT_TRUE(fread(page, 1, 131071, file) > 0);
    line_print_reference(out);
    fclose(out);
    fclose(file);
    char *begin = strstr(page, BEGIN), *end = strstr(page, END);
    CU_ASSERT_TRUE_FATAL(begin != NULL && end != NULL);
    size_t from = (size_t)(begin - page) + strlen(BEGIN);
    bool same = end - page == (ptrdiff_t)(from + length) && memcmp(page + from, table, length) == 0;
    if (!same)
        fprintf(stderr, "docs/audit.md is to hold between its marks:\n%s", table);
    CU_ASSERT_TRUE(same);
    free(table);
    free(page);
}

/* What the actuator writes, and every field of it, stands in the table. */
static void test_the_table_knows_every_field(void)
{
    for (unsigned i = 0; i < whole.count; i++) {
        enum line_event event;
        struct error error;
        const char *key;
        json_t *value, *line = json_loads(whole.line[i], JSON_REJECT_DUPLICATES, NULL);
        CU_ASSERT_TRUE_FATAL(line != NULL && line_event_of(line, &event));
        CU_ASSERT_TRUE(line_fields_fit(line, &error));
        json_object_foreach(line, key, value)
            CU_ASSERT_TRUE(line_field_known(event, key));
        json_decref(line);
    }
}

int main(int count, char **word)
{
    CU_TestInfo tests[] = {
        {"what was written verifies", test_what_was_written_verifies},
        {"no byte can be another", test_no_byte_can_be_another},
        {"no byte can be put in or taken out", test_no_byte_can_be_put_in_or_taken_out},
        {"no end can be cut", test_no_end_can_be_cut},
        {"no line can go, come twice or move", test_no_line_can_go_or_come_twice_or_move},
        {"no field can be another or missing", test_no_field_can_be_another_or_missing},
        {"nor with the chain made anew", test_no_line_can_go_or_come_with_the_chain_made_anew},
        {"no seal of an epoch that is over", test_no_seal_can_be_made_for_an_epoch_that_is_over},
        {"seals cannot all be left out", test_seals_cannot_all_be_left_out},
        {"an old file cannot come back", test_an_old_file_cannot_come_back},
        {"an emptied log is not sealed", test_an_emptied_log_is_not_sealed},
        {"the page equals the table", test_the_page_equals_the_table},
        {"the table knows every field", test_the_table_knows_every_field},
        CU_TEST_INFO_NULL,
    };
    if (count == 2 && strcmp(word[1], "--reference") == 0) {
        line_print_reference(stdout);
        return 0;
    }
    int status = cunit_run("audit_bent", tests);
    log_free(&whole);
    return status;
}
