/* The checkpoint's promise: what was written is read again; a write that was cut short, at any
 * byte, leaves the one before it; and damage is said, never believed. */
#include "cunit_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reconciler/checkpoint_file.h"

static void open_file(struct checkpoint_file *file, int slots[2])
{
    struct error error = {""};
    checkpoint_file_init(file);
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++)
        CU_ASSERT_TRUE(checkpoint_file_take(file, i, dup(slots[i]), &error));
}

static void make_slots(int slots[2])
{
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++) {
        slots[i] = memfd_create("slot", MFD_CLOEXEC);
        CU_ASSERT(slots[i] >= 0 && ftruncate(slots[i], 4096) == 0); /* preallocated: zeros */
    }
}

static void write_one(struct checkpoint_file *file, int64_t wall_ms)
{
    struct checkpoint_node node = {.name = "ebb-linux-1-1", .pool = "linux"};
    struct checkpoint checkpoint = {
        .sequence = 1, .wall_ms = wall_ms, .epoch = 1, .nodes = &node, .nodes_count = 1};
    struct error error = {""};
    CU_ASSERT_TRUE(checkpoint_file_write(file, &checkpoint, &error));
}

/* What a fresh start reads: its wall_ms; 0 for nothing, -1 for an error. */
static int64_t read_one(int slots[2], struct error *note)
{
    struct checkpoint_file file;
    struct message *message = NULL;
    struct error error = {""};
    open_file(&file, slots);
    int64_t found = -1;
    if (checkpoint_file_read(&file, &message, note, &error))
        found = message == NULL ? 0 : message_checkpoint(message)->wall_ms;
    else
        CU_ASSERT(error.text[0] != '\0');
    message_free(message);
    checkpoint_file_close(&file);
    return found;
}

static void close_slots(int slots[2])
{
    close(slots[0]);
    close(slots[1]);
}

static void test_a_first_start_has_none(void)
{
    int slots[2];
    struct error note;
    make_slots(slots);
    CU_ASSERT_EQUAL(read_one(slots, &note), 0);
    CU_ASSERT_EQUAL(ftruncate(slots[0], 0), 0);
    CU_ASSERT_EQUAL(read_one(slots, &note), 0);
    CU_ASSERT_STRING_EQUAL(note.text, "");
    close_slots(slots);
}

static void test_the_last_one_holds(void)
{
    int slots[2];
    struct error note;
    struct checkpoint_file file;
    make_slots(slots);
    open_file(&file, slots);
    for (int64_t i = 1; i <= 5; i++) {
        write_one(&file, i);
        CU_ASSERT_EQUAL(read_one(slots, &note), i);
    }
    checkpoint_file_close(&file);
    /* A start goes on where the last one was, and does not overwrite the newest slot. */
    struct message *message = NULL;
    struct error error = {""};
    open_file(&file, slots);
    CU_ASSERT_TRUE(checkpoint_file_read(&file, &message, &note, &error));
    message_free(message);
    write_one(&file, 6);
    CU_ASSERT_EQUAL(read_one(slots, &note), 6);
    checkpoint_file_close(&file);
    close_slots(slots);
}

/* The second write lands in slot 1; cut it short after every number of bytes. */
static void test_a_torn_write_leaves_the_one_before(void)
{
    int slots[2];
    struct error note;
    struct checkpoint_file file;
    unsigned char whole[4096];
    make_slots(slots);
    open_file(&file, slots);
    write_one(&file, 1);
    write_one(&file, 2);
    checkpoint_file_close(&file);
    ssize_t length = pread(slots[1], whole, sizeof whole, 0);
    while (length > 0 && whole[length - 1] == 0)
        length--;
    CU_ASSERT(length > 60);
    for (ssize_t cut = 1; cut < length; cut++) {
        CU_ASSERT_EQUAL(ftruncate(slots[1], 0), 0);
        CU_ASSERT_EQUAL(pwrite(slots[1], whole, (size_t)cut, 0), cut);
        CU_ASSERT_EQUAL(read_one(slots, &note), 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(note.text, "slot 1"));
    }
    close_slots(slots);
}

static void test_damage_is_said(void)
{
    int slots[2];
    struct error note;
    struct checkpoint_file file;
    make_slots(slots);
    open_file(&file, slots);
    write_one(&file, 1);
    checkpoint_file_close(&file);
    unsigned char byte;
    CU_ASSERT_EQUAL(pread(slots[0], &byte, 1, 50), 1);
    byte ^= 0x10;
    CU_ASSERT_EQUAL(pwrite(slots[0], &byte, 1, 50), 1);
    CU_ASSERT_EQUAL(read_one(slots, &note), -1);
    close_slots(slots);
}

/* A file with the largest sequence (damage that its sum covers, or malice) is followed by others.
 */
static void test_the_largest_sequence_is_followed(void)
{
    int slots[2];
    struct error note, error = {""};
    struct checkpoint_file file;
    struct message *message = NULL;
    make_slots(slots);
    open_file(&file, slots);
    file.sequence = UINT64_MAX - 2;
    for (int64_t i = 1; i <= 4; i++) {
        write_one(&file, i);
        CU_ASSERT_EQUAL(read_one(slots, &note), i);
    }
    checkpoint_file_close(&file);
    open_file(&file, slots);
    CU_ASSERT_TRUE(checkpoint_file_read(&file, &message, &note, &error));
    message_free(message);
    write_one(&file, 9);
    CU_ASSERT_EQUAL(read_one(slots, &note), 9);
    checkpoint_file_close(&file);
    close_slots(slots);
}

/* For the test a disk that writes and does not read: the same file, opened for writing only. */
static void make_unreadable(struct checkpoint_file *file, unsigned slot)
{
    char path[32];
    struct error error = {""};
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->slot[slot]);
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    CU_ASSERT_FATAL(descriptor >= 0);
    CU_ASSERT_TRUE(checkpoint_file_take(file, slot, descriptor, &error));
}

/* The other slot holds all but the last step; and what cannot be read now does not come back later
 * as the newest. */
static void test_a_slot_that_cannot_be_read(void)
{
    for (unsigned bad = 0; bad < CHECKPOINT_SLOTS; bad++) {
        int slots[2];
        struct error note, error = {""};
        struct checkpoint_file file;
        struct message *message = NULL;
        make_slots(slots);
        open_file(&file, slots);
        for (int64_t i = 1; i <= 5; i++)
            write_one(&file, i); /* 5 in the first slot, 4 in the second */
        make_unreadable(&file, bad);
        CU_ASSERT_TRUE(checkpoint_file_read(&file, &message, &note, &error));
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_EQUAL(message_checkpoint(message)->wall_ms, bad == 0 ? 4 : 5);
        CU_ASSERT_PTR_NOT_NULL(strstr(note.text, bad == 0 ? "slot 0" : "slot 1"));
        message_free(message);
        write_one(&file, 6);
        CU_ASSERT_EQUAL(read_one(slots, &note), 6);
        checkpoint_file_close(&file);
        close_slots(slots);
    }
}

static void test_no_slot_can_be_read(void)
{
    int slots[2];
    struct error note, error = {""};
    struct checkpoint_file file;
    struct message *message = NULL;
    make_slots(slots);
    open_file(&file, slots);
    for (int64_t i = 1; i <= 5; i++)
        write_one(&file, i);
    make_unreadable(&file, 0);
    make_unreadable(&file, 1);
    CU_ASSERT_FALSE(checkpoint_file_read(&file, &message, &note, &error));
    CU_ASSERT_PTR_NULL(message);
    CU_ASSERT(error.text[0] != '\0');
    write_one(&file, 6); /* numbered anew, and yet none of the old ones is newer */
    CU_ASSERT_EQUAL(read_one(slots, &note), 6);
    write_one(&file, 7);
    CU_ASSERT_EQUAL(read_one(slots, &note), 7);
    checkpoint_file_close(&file);
    close_slots(slots);
}

static void test_a_slot_that_is_none(void)
{
    struct checkpoint_file file;
    struct error error = {""};
    checkpoint_file_init(&file);
    CU_ASSERT_FALSE(checkpoint_file_take(&file, CHECKPOINT_SLOTS, dup(0), &error));
    CU_ASSERT(error.text[0] != '\0');
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a first start has none", test_a_first_start_has_none},
        {"the last one holds", test_the_last_one_holds},
        {"a torn write leaves the one before", test_a_torn_write_leaves_the_one_before},
        {"damage is said", test_damage_is_said},
        {"the largest sequence is followed", test_the_largest_sequence_is_followed},
        {"a slot that cannot be read", test_a_slot_that_cannot_be_read},
        {"no slot can be read", test_no_slot_can_be_read},
        {"a slot that is none", test_a_slot_that_is_none},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("checkpoint", tests);
}
