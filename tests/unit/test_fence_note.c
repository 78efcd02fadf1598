/* The note of a fence: what is written is read back, and a stranger's text is no note. May not: do
 * I/O. */
#include "common/fence_note.h"

#include <string.h>

#include "cunit_main.h"

static void test_written_and_read_back(void)
{
    struct fence_note note = {.since_wall_ms = 1795764000000, .id_count = 2, .id = {7, UINT64_MAX}};
    struct fence_note read;
    char text[64];
    fence_note_format(&note, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "v1.1795764000.7.18446744073709551615");
    CU_ASSERT_TRUE(fence_note_parse(text, &read));
    CU_ASSERT_EQUAL(read.since_wall_ms, note.since_wall_ms);
    CU_ASSERT_EQUAL(read.id_count, 2);
    CU_ASSERT_TRUE(fence_note_covers(&read, 7));
    CU_ASSERT_TRUE(fence_note_covers(&read, UINT64_MAX));
    CU_ASSERT_FALSE(fence_note_covers(&read, 8));
}

static void test_what_does_not_fit_stands_for_all(void)
{
    struct fence_note note = {.since_wall_ms = 1795764000000, .id_count = RUNNERS_PER_NODE_MAX};
    struct fence_note read;
    char text[64];
    for (uint32_t i = 0; i < note.id_count; i++)
        note.id[i] = 1000000 + i;
    fence_note_format(&note, text, sizeof text);
    CU_ASSERT_TRUE(strlen(text) < sizeof text);
    CU_ASSERT_TRUE(fence_note_parse(text, &read));
    CU_ASSERT_TRUE(read.all);
    CU_ASSERT_TRUE(fence_note_covers(&read, 1000015));
}

static void test_every_size_is_kept(void)
{
    struct fence_note note = {
        .since_wall_ms = TIME_MS_MAX, .id_count = 3, .id = {UINT64_MAX, 1, UINT64_MAX}};
    struct fence_note read;
    for (size_t size = 32; size <= 96; size++) {
        char text[128];
        memset(text, '#', sizeof text);
        fence_note_format(&note, text, size);
        CU_ASSERT_TRUE(memchr(text, '\0', size) != NULL);
        CU_ASSERT_EQUAL(text[size], '#');
        CU_ASSERT_TRUE(fence_note_parse(text, &read));
        for (uint32_t i = 0; i < note.id_count; i++)
            CU_ASSERT_TRUE(fence_note_covers(&read, note.id[i]));
    }
}

static void test_what_is_no_note(void)
{
    static const char *const bad[] = {"",
                                      "v1",
                                      "v1.",
                                      "v2.1.1",
                                      "v1.1.",
                                      "v1.1.0",
                                      "v1.1.x.2",
                                      "v1.1.y",
                                      "v1.-1.2",
                                      "v1.99999999999999999999.1",
                                      "v1.1.18446744073709551616",
                                      "v1.1.2 ",
                                      "hello"};
    struct fence_note read;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_FALSE(fence_note_parse(bad[i], &read));
    CU_ASSERT_FALSE(fence_note_parse("v1.1.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17", &read));
    CU_ASSERT_TRUE(fence_note_parse("v1.1.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", &read));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what is written is read back", test_written_and_read_back},
        {"what does not fit stands for all", test_what_does_not_fit_stands_for_all},
        {"no size is overrun", test_every_size_is_kept},
        {"a stranger's text is no note", test_what_is_no_note},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("fence_note", tests);
}
