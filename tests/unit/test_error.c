/* Tests of errors as values: words that fit, in the order a person reads them, on one line. */
#include "common/error.h"
#include "cunit_main.h"

#include <errno.h>
#include <string.h>

static void test_says_what_it_was_told(void)
{
    struct error error = {0};
    CU_ASSERT_FALSE(error_set(&error, "port %d of %s", 80, "monitor"));
    CU_ASSERT_STRING_EQUAL(error.text, "port 80 of monitor");
}

static void test_names_the_errno(void)
{
    struct error error = {0};
    CU_ASSERT_FALSE(error_set_errno(&error, ENOENT, "opening %s", "/x"));
    CU_ASSERT_STRING_EQUAL(error.text, "opening /x: No such file or directory");
}

static void test_context_stands_before_what_it_wraps(void)
{
    struct error error = {0};
    error_set(&error, "connection refused");
    CU_ASSERT_FALSE(error_wrap(&error, "polling %s", "gitea"));
    CU_ASSERT_FALSE(error_wrap(&error, "start"));
    CU_ASSERT_STRING_EQUAL(error.text, "start: polling gitea: connection refused");
}

static void test_nobody_can_forge_a_line(void)
{
    struct error error = {0};
    error_set(&error, "answer: %s", "a\nb\x1b[31m\x7f");
    CU_ASSERT_STRING_EQUAL(error.text, "answer: a?b?[31m?");
    error_set(&error, "answer: %s",
              "\xc2\x9b"
              "31m\xc2\x80\xc2\x9f\xc2\xa0\xc3\x9b");
    CU_ASSERT_STRING_EQUAL(error.text, "answer: ?31m??\xc2\xa0\xc3\x9b");
}

/* What a server says, and what is cut, must not make a text that no message may carry. */
static void test_always_utf8(void)
{
    struct error error = {0};
    error_set(&error, "a\xff\xc3\xa4\xe2\x82");
    CU_ASSERT_STRING_EQUAL(error.text, "a?\xc3\xa4??");
    char text[ERROR_TEXT_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    memcpy(text + ERROR_TEXT_BYTES_MAX - 2, "\xc3\xa4", 3); /* its second byte is cut off */
    error_set(&error, "%s", text);
    CU_ASSERT_EQUAL(error.text[ERROR_TEXT_BYTES_MAX - 2], '?');
}

static void fill(char *text, size_t size, size_t length)
{
    memset(text, 'x', size);
    text[length] = '\0';
}

static void test_fits_at_its_bound_and_is_cut_behind_it(void)
{
    static char text[ERROR_TEXT_BYTES_MAX + 16];
    struct error error = {0};
    fill(text, sizeof text, ERROR_TEXT_BYTES_MAX - 1);
    error_set(&error, "%s", text);
    CU_ASSERT_STRING_EQUAL(error.text, text);
    fill(text, sizeof text, ERROR_TEXT_BYTES_MAX);
    error_set(&error, "%s", text);
    CU_ASSERT_EQUAL(strlen(error.text), ERROR_TEXT_BYTES_MAX - 1);
    error_wrap(&error, "context that pushes the rest out");
    CU_ASSERT_EQUAL(strlen(error.text), ERROR_TEXT_BYTES_MAX - 1);
    CU_ASSERT_EQUAL(strncmp(error.text, "context that", 12), 0);
    error_set_errno(&error, EACCES, "%s", text);
    CU_ASSERT_EQUAL(strlen(error.text), ERROR_TEXT_BYTES_MAX - 1);
}

static void test_nobody_need_want_to_know(void)
{
    CU_ASSERT_FALSE(error_set(NULL, "x"));
    CU_ASSERT_FALSE(error_set_errno(NULL, EACCES, "x"));
    CU_ASSERT_FALSE(error_wrap(NULL, "x"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"says what it was told", test_says_what_it_was_told},
        {"names the errno", test_names_the_errno},
        {"context stands before what it wraps", test_context_stands_before_what_it_wraps},
        {"nobody can forge a line", test_nobody_can_forge_a_line},
        {"always UTF-8", test_always_utf8},
        {"fits at its bound and is cut behind it", test_fits_at_its_bound_and_is_cut_behind_it},
        {"nobody need want to know", test_nobody_need_want_to_know},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("error", tests);
}
