/* The audit log's files as the supervisor hands them over: late, twice, or on a full disk.
 * May not: open a file with a name. */
#include "actuator/log_keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actions_fixture.h"
#include "cunit_main.h"

static struct log_keeper keeper;
static struct error error;

/* A segment; where it is full, nothing can be written behind its end. */
static int segment(bool full)
{
    int file = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_TRUE_FATAL(file >= 0 && fcntl(file, F_SETFL, O_APPEND) == 0);
    CU_ASSERT_TRUE_FATAL(!full || fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == 0);
    return file;
}

static bool give(unsigned index, int file)
{
    char name[32];
    snprintf(name, sizeof name, index == 0 ? "audit.jsonl" : "audit.jsonl.%u", index);
    return keeper_take(&keeper, &(struct file){.kind = FILE_AUDIT, .index = index, .name = name},
                       dup(file), &error);
}

static off_t size_of(int file)
{
    struct stat status;
    CU_ASSERT_EQUAL_FATAL(fstat(file, &status), 0);
    return status.st_size;
}

static bool write_line(void)
{
    struct action action = fixture_action(ACTION_REMOVE_NODE);
    return audit_intent(fixture.audit, &action, 1795764000000, &error);
}

/* The fixture's own log goes: the keeper opens what it is given. */
static void begin(void)
{
    fixture_open();
    audit_close(fixture.audit);
    fixture.audit = NULL;
    keeper_init(&keeper, &fixture);
}

static void end(void)
{
    keeper_clear(&keeper);
    fixture_close();
}

static void test_an_empty_segment_on_a_full_disk_keeps_nobody_from_starting(void)
{
    int first = segment(false), second = segment(true);
    begin();
    CU_ASSERT_TRUE(give(0, first));
    CU_ASSERT_TRUE(keeper_read(&keeper, NULL, &error));
    CU_ASSERT_TRUE(write_line());
    audit_close(fixture.audit); /* killed, and started again */
    fixture.audit = NULL;
    keeper_clear(&keeper);
    CU_ASSERT_TRUE(give(0, first));
    CU_ASSERT_TRUE(give(1, second));
    CU_ASSERT_TRUE_FATAL(keeper_read(&keeper, NULL, &error));
    off_t before = size_of(first);
    CU_ASSERT_TRUE(write_line());
    CU_ASSERT_TRUE(size_of(first) > before);
    CU_ASSERT_EQUAL(size_of(second), 0);
    int room = segment(false); /* the same one, once there is room */
    CU_ASSERT_TRUE(give(1, room));
    CU_ASSERT_TRUE(size_of(room) > 0);
    end();
    close(room);
    close(first);
    close(second);
}

static void test_a_segment_that_comes_twice_is_taken_once(void)
{
    int first = segment(false), second = segment(false);
    begin();
    CU_ASSERT_TRUE(give(0, first));
    CU_ASSERT_TRUE(keeper_read(&keeper, NULL, &error));
    CU_ASSERT_TRUE(write_line());
    CU_ASSERT_TRUE(give(1, second));
    CU_ASSERT_TRUE(write_line());
    CU_ASSERT_TRUE(give(1, second));
    CU_ASSERT_STRING_EQUAL(audit_trouble(fixture.audit), "");
    CU_ASSERT_FALSE(audit_leaves(fixture.audit));
    CU_ASSERT_TRUE(write_line());
    CU_ASSERT_EQUAL(keeper.segment_index, 1);
    end();
    close(first);
    close(second);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an empty segment on a full disk",
         test_an_empty_segment_on_a_full_disk_keeps_nobody_from_starting},
        {"a segment that comes twice", test_a_segment_that_comes_twice_is_taken_once},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("log_keeper", tests);
}
