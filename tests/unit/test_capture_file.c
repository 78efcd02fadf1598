/* A capture's file: what was written is read again; whatever is cut off, changed or too large is
 * found, and never read past. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cunit_main.h"
#include "reconciler/capture/file.h"
#include "reconciler/capture/head.h"

#define HEAD   "ebbtide capture\nformat 1\n"
#define CHUNKS 4

static int empty_file(void)
{
    int descriptor = memfd_create("segment", MFD_CLOEXEC);
    CU_ASSERT_FATAL(descriptor >= 0);
    return descriptor;
}

static void put(struct capture_writer *writer, const char *text)
{
    struct error error = {""};
    CU_ASSERT_EQUAL(capture_writer_item(writer, CAPTURE_MESSAGE, (const unsigned char *)text,
                                        strlen(text), &error),
                    CAPTURE_WRITTEN);
    CU_ASSERT_STRING_EQUAL(error.text, "");
}

/* Four records, of one item, two, a long one, and an empty one. */
static void write_four(int descriptor)
{
    struct error error = {""};
    char long_text[5000];
    memset(long_text, 'l', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct capture_writer *writer = capture_writer_new(descriptor, UINT64_MAX, HEAD, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
    const char *const items[CHUNKS][2] = {
        {"first", NULL}, {"second", "beside it"}, {long_text, NULL}, {"", NULL}};
    for (unsigned i = 0; i < CHUNKS; i++) {
        put(writer, items[i][0]);
        if (items[i][1] != NULL)
            put(writer, items[i][1]);
        CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_WRITTEN);
    }
    CU_ASSERT_EQUAL(capture_writer_size(writer), (uint64_t)lseek(descriptor, 0, SEEK_END));
    capture_writer_free(writer);
}

struct found {
    unsigned chunks, items;
    size_t bytes;
    enum capture_read end; /* how it ended; CAPTURE_BROKEN also where it would not open */
    bool opened;
    char text[ERROR_TEXT_BYTES_MAX];
};

static struct found read_all(int descriptor)
{
    struct found found = {.end = CAPTURE_BROKEN};
    struct error error = {""};
    struct capture_reader *reader = capture_reader_new(dup(descriptor), &error);
    found.opened = reader != NULL;
    while (reader != NULL) {
        found.end = capture_reader_next(reader, &error);
        if (found.end != CAPTURE_CHUNK)
            break;
        found.chunks++;
        enum capture_item_kind kind;
        const unsigned char *bytes;
        size_t length;
        while (capture_reader_item(reader, &kind, &bytes, &length, &error)) {
            found.items++;
            found.bytes += length;
            for (size_t i = 0; i < length; i++) /* all are there: a sanitizer watches */
                found.bytes += bytes[i] == '\0';
        }
    }
    /* Only an end, or a chunk, is without a sentence. */
    CU_ASSERT((found.opened && found.end == CAPTURE_END) || error.text[0] != '\0');
    snprintf(found.text, sizeof found.text, "%s", error.text);
    capture_reader_free(reader);
    return found;
}

static void test_what_was_written_is_read_again(void)
{
    int file = empty_file();
    write_four(file);
    struct found found = read_all(file);
    CU_ASSERT_EQUAL(found.end, CAPTURE_END);
    CU_ASSERT_EQUAL(found.chunks, CHUNKS);
    CU_ASSERT_EQUAL(found.items, CHUNKS + 1);
    CU_ASSERT_EQUAL(found.bytes, 5 + 6 + 9 + 4999);
    close(file);
}

static int copy_of(int file, off_t length)
{
    unsigned char bytes[8192];
    int copy = empty_file();
    CU_ASSERT_EQUAL_FATAL(pread(file, bytes, (size_t)length, 0), (ssize_t)length);
    CU_ASSERT_EQUAL_FATAL(pwrite(copy, bytes, (size_t)length, 0), (ssize_t)length);
    return copy;
}

/* Cut after any byte: all whole records before it are read, and the tear is said. */
static void test_a_file_cut_anywhere_is_read_up_to_the_tear(void)
{
    int file = empty_file();
    write_four(file);
    off_t size = lseek(file, 0, SEEK_END);
    unsigned ends = 0, last = 0;
    for (off_t cut = 0; cut < size; cut++) {
        int copy = copy_of(file, cut);
        struct found found = read_all(copy);
        if (found.opened) {
            CU_ASSERT(found.end == CAPTURE_TORN || found.end == CAPTURE_END);
            CU_ASSERT(found.chunks == last || found.chunks == last + 1);
            ends += found.end == CAPTURE_END;
            last = found.chunks;
        }
        close(copy);
    }
    CU_ASSERT_EQUAL(ends, CHUNKS); /* after the head and after each record but the last */
    CU_ASSERT_EQUAL(last, CHUNKS - 1);
    close(file);
}

/* Any byte changed, in any of three ways: never again the whole file. */
static void test_any_changed_byte_is_found(void)
{
    static const unsigned char ways[] = {0x01, 0x80, 0xff};
    int file = empty_file();
    write_four(file);
    off_t size = lseek(file, 0, SEEK_END);
    for (off_t at = 0; at < size; at++) {
        for (unsigned way = 0; way < sizeof ways; way++) {
            unsigned char byte;
            int copy = copy_of(file, size);
            CU_ASSERT_EQUAL(pread(copy, &byte, 1, at), 1);
            byte ^= ways[way];
            CU_ASSERT_EQUAL(pwrite(copy, &byte, 1, at), 1);
            struct found found = read_all(copy);
            CU_ASSERT(!found.opened || found.end == CAPTURE_DAMAGED || found.end == CAPTURE_TORN);
            CU_ASSERT(found.chunks < CHUNKS);
            close(copy);
        }
    }
    close(file);
}

/* A record taken away, or one that is there twice. */
static void test_a_record_that_moved_is_found(void)
{
    int file = empty_file();
    write_four(file);
    unsigned char bytes[8192];
    ssize_t size = pread(file, bytes, sizeof bytes, 0);
    size_t at = CAPTURE_MAGIC_BYTES;
    size_t head = CAPTURE_FRAME_BYTES + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
    size_t first = CAPTURE_FRAME_BYTES + (size_t)(bytes[at + head + 2] << 8 | bytes[at + head + 3]);
    int copy = empty_file();
    CU_ASSERT_EQUAL(pwrite(copy, bytes, at + head, 0), (ssize_t)(at + head));
    CU_ASSERT(pwrite(copy, bytes + at + head + first, (size_t)size - at - head - first,
                     (off_t)(at + head)) > 0);
    struct found found = read_all(copy);
    CU_ASSERT_EQUAL(found.end, CAPTURE_DAMAGED);
    CU_ASSERT_EQUAL(found.chunks, 0);
    close(copy);
    close(file);
}

/* A power cut may leave the file longer than what was written, filled with zeros. */
static void test_zeros_at_the_end_are_a_tear(void)
{
    int file = empty_file();
    write_four(file);
    off_t size = lseek(file, 0, SEEK_END);
    CU_ASSERT_EQUAL(ftruncate(file, size + 5000), 0);
    struct found found = read_all(file);
    CU_ASSERT_EQUAL(found.end, CAPTURE_TORN);
    CU_ASSERT_EQUAL(found.chunks, CHUNKS);
    CU_ASSERT_EQUAL(pwrite(file, "x", 1, size + 4999), 1);
    CU_ASSERT_EQUAL(read_all(file).end, CAPTURE_DAMAGED);
    close(file);
}

static void test_what_is_no_capture_is_said(void)
{
    int file = empty_file();
    CU_ASSERT_PTR_NOT_NULL(strstr(read_all(file).text, "empty"));
    CU_ASSERT_EQUAL(pwrite(file, "gitea: {}\n", 10, 0), 10);
    CU_ASSERT_PTR_NOT_NULL(strstr(read_all(file).text, "no capture"));
    close(file);
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_PTR_NOT_NULL(strstr(read_all(folder).text, "not a regular file"));
    close(folder);
}

/* ---------------------------------------------------------------------------------- bounds */

static enum capture_put write_within(uint64_t bytes_max, uint64_t *size)
{
    struct error error = {""};
    int file = empty_file();
    enum capture_put result = CAPTURE_FAILED;
    struct capture_writer *writer = capture_writer_new(file, bytes_max, HEAD, &error);
    if (writer != NULL) {
        put(writer, "something to keep");
        result = capture_writer_end(writer, &error);
        *size = capture_writer_size(writer);
    }
    CU_ASSERT((uint64_t)lseek(file, 0, SEEK_END) <= bytes_max);
    capture_writer_free(writer);
    close(file);
    return result;
}

static void test_a_segment_at_its_most_and_one_less(void)
{
    uint64_t size = 0, ignored;
    CU_ASSERT_EQUAL(write_within(UINT64_MAX, &size), CAPTURE_WRITTEN);
    CU_ASSERT_EQUAL(write_within(size, &ignored), CAPTURE_WRITTEN);
    CU_ASSERT_EQUAL(write_within(size - 1, &ignored), CAPTURE_FULL);
    CU_ASSERT_EQUAL(write_within(10, &ignored), CAPTURE_FAILED);
}

static void test_an_item_at_its_most_and_one_more(void)
{
    struct error error = {""};
    int file = empty_file();
    unsigned char *bytes = calloc(1, CAPTURE_ITEM_BYTES_MAX + 1);
    struct capture_writer *writer = capture_writer_new(file, UINT64_MAX, HEAD, &error);
    CU_ASSERT_FATAL(bytes != NULL && writer != NULL);
    CU_ASSERT_EQUAL(
        capture_writer_item(writer, CAPTURE_IMAGE, bytes, CAPTURE_ITEM_BYTES_MAX, &error),
        CAPTURE_WRITTEN);
    CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_WRITTEN);
    CU_ASSERT_EQUAL(
        capture_writer_item(writer, CAPTURE_IMAGE, bytes, CAPTURE_ITEM_BYTES_MAX + 1, &error),
        CAPTURE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "at most"));
    capture_writer_free(writer);
    struct found found = read_all(file);
    CU_ASSERT_EQUAL(found.end, CAPTURE_END);
    CU_ASSERT_EQUAL(found.items, 1);
    free(bytes);
    close(file);
}

/* Zeros compress a thousandfold: what they would become is bounded. */
static void test_a_record_that_would_burst_is_refused(void)
{
    struct error error = {""};
    int file = empty_file();
    unsigned char *bytes = calloc(1, CAPTURE_ITEM_BYTES_MAX);
    struct capture_writer *writer = capture_writer_new(file, UINT64_MAX, HEAD, &error);
    CU_ASSERT_FATAL(bytes != NULL && writer != NULL);
    for (size_t done = 0; done <= CAPTURE_CHUNK_BYTES_MAX; done += CAPTURE_ITEM_BYTES_MAX)
        CU_ASSERT_EQUAL(
            capture_writer_item(writer, CAPTURE_IMAGE, bytes, CAPTURE_ITEM_BYTES_MAX, &error),
            CAPTURE_WRITTEN);
    CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_WRITTEN);
    CU_ASSERT(capture_writer_size(writer) < 100000);
    capture_writer_free(writer);
    struct found found = read_all(file);
    CU_ASSERT_EQUAL(found.end, CAPTURE_DAMAGED);
    CU_ASSERT_PTR_NOT_NULL(strstr(found.text, "more than a record may"));
    free(bytes);
    close(file);
}

/* A disk that is full in the middle of a record: the file ends after the last whole one. */
static void test_a_half_written_record_is_taken_back(void)
{
    struct error error = {""};
    char path[] = "/tmp/ebbtide-capture-XXXXXX";
    unsigned char noise[4096];
    int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    unlink(path);
    struct rlimit before, small = {2000, 2000};
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    struct capture_writer *writer = capture_writer_new(file, UINT64_MAX, HEAD, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
    put(writer, "whole");
    CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_WRITTEN);
    uint64_t whole = capture_writer_size(writer);
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (unsigned char)(state >> 24);
    }
    CU_ASSERT_EQUAL(capture_writer_item(writer, CAPTURE_IMAGE, noise, sizeof noise, &error),
                    CAPTURE_WRITTEN);
    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_FAILED);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    CU_ASSERT(error.text[0] != '\0');
    capture_writer_free(writer);
    CU_ASSERT_EQUAL((uint64_t)lseek(file, 0, SEEK_END), whole);
    struct found found = read_all(file);
    CU_ASSERT_EQUAL(found.end, CAPTURE_END);
    CU_ASSERT_EQUAL(found.chunks, 1);
    close(file);
}

/* ------------------------------------------------------------------------------------ head */

static void test_the_head_says_who_can_replay(void)
{
    struct error error = {""};
    char text[CAPTURE_HEAD_BYTES_MAX + 1];
    struct capture_head head = capture_head_here(), read;
    head.segment = UINT32_MAX;
    head.epoch = UINT64_MAX;
    head.events = UINT64_MAX - 1;
    head.image = true;
    head.wall_ms = INT64_C(1795764000123);
    capture_head_format(&head, text);
    CU_ASSERT(strlen(text) < CAPTURE_HEAD_BYTES_MAX);
    CU_ASSERT_TRUE(capture_head_parse(text, &read, &error));
    CU_ASSERT(read.epoch == head.epoch && read.events == head.events && read.image &&
              read.segment == head.segment && read.wall_ms == head.wall_ms);
    CU_ASSERT_TRUE(capture_head_fits(&read, &error));
    memset(read.table_hash, '0', 64); /* only what it says in words is another */
    CU_ASSERT_TRUE(capture_head_fits(&read, &error));
    read.form[0] = read.form[0] == 'a' ? 'b' : 'a';
    snprintf(read.version, sizeof read.version, "9.8.7");
    CU_ASSERT_FALSE(capture_head_fits(&read, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "9.8.7"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, head.code));
    CU_ASSERT_TRUE(capture_head_parse("x\nformat 2\nversion 9.8.7\n", &read, &error));
    CU_ASSERT_FALSE(capture_head_fits(&read, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "with version 9.8.7"));
}

static void test_a_head_that_lacks_a_fact_is_refused(void)
{
    struct error error = {""};
    char text[CAPTURE_HEAD_BYTES_MAX + 1], less[CAPTURE_HEAD_BYTES_MAX + 1];
    struct capture_head head = capture_head_here(), read;
    head.epoch = 1;
    capture_head_format(&head, text);
    unsigned refused = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t before = (size_t)(line - text);
        snprintf(less, sizeof less, "%.*s%s", (int)before, text, strchr(line, '\n') + 1);
        refused += !capture_head_parse(less, &read, &error);
    }
    CU_ASSERT_EQUAL(refused, 10); /* all but the first line and the last */
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what was written is read again", test_what_was_written_is_read_again},
        {"a file cut anywhere is read up to the tear",
         test_a_file_cut_anywhere_is_read_up_to_the_tear},
        {"any changed byte is found", test_any_changed_byte_is_found},
        {"a record that moved is found", test_a_record_that_moved_is_found},
        {"zeros at the end are a tear", test_zeros_at_the_end_are_a_tear},
        {"what is no capture is said", test_what_is_no_capture_is_said},
        {"a segment at its most and one less", test_a_segment_at_its_most_and_one_less},
        {"an item at its most and one more", test_an_item_at_its_most_and_one_more},
        {"a record that would burst is refused", test_a_record_that_would_burst_is_refused},
        {"a half written record is taken back", test_a_half_written_record_is_taken_back},
        {"the head says who can replay", test_the_head_says_who_can_replay},
        {"a head that lacks a fact is refused", test_a_head_that_lacks_a_fact_is_refused},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("capture_file", tests);
}
