/* What the audit log says is on the disk: a line for which the answer is true was synced, and after
 * all of it was written; where the disk does not say so, neither does the log.
 * May not: open a file with a name. */
#include <errno.h>
#include <sys/stat.h>

#include "audit_running.h"
#include "cunit_main.h"

static bool disk_fails;
static off_t synced_bytes; /* of the log, when it was synced last */
static struct audit *audit;

/* The linker's --wrap: what the log calls instead of fdatasync. */
int __wrap_fdatasync(int descriptor);

static off_t size_of(int descriptor, ino_t *inode)
{
    struct stat status;
    CU_ASSERT_EQUAL_FATAL(fstat(descriptor, &status), 0);
    *inode = status.st_ino;
    return status.st_size;
}

int __wrap_fdatasync(int descriptor)
{
    ino_t log, this;
    (void)size_of(running.file, &log);
    off_t bytes = size_of(descriptor, &this);
    if (log != this)
        return 0; /* a slot of the key */
    if (disk_fails) {
        errno = EIO;
        return -1;
    }
    synced_bytes = bytes;
    return 0;
}

/* ------------------------------------------------------------------------------------ the log */

static void begin(void)
{
    running_begin();
    disk_fails = false;
    synced_bytes = 0;
    audit = running_open(true);
}

static void end(void)
{
    audit_close(audit);
    running_end();
}

static struct action_result result_of(uint64_t counter)
{
    return (struct action_result){.id = {2, counter},
                                  .kind = ACTION_DRAIN_NODE,
                                  .outcome = OUTCOME_AGAIN,
                                  .text = "2 pods left"};
}

static bool intend(void)
{
    struct action action = running_action(1);
    return audit_intent(audit, &action, RUNNING_WALL_MS, &running.error);
}

static bool come_out(void)
{
    struct action action = running_action(1);
    struct action_result result = result_of(1);
    return audit_outcome(audit, &action, &result, RUNNING_WALL_MS, &running.error);
}

static bool only_look(void)
{
    struct action action = running_action(2);
    struct action_result result = result_of(2);
    struct audit_end end = {
        .action = &action, .result = &result, .rail = "", .mono_ms = 1, .wall_ms = RUNNING_WALL_MS};
    return audit_unchanged(audit, &end, &running.error) == AUDIT_WRITTEN;
}

static bool seal(void)
{
    return audit_seal(audit, SEAL_EPOCH, RUNNING_WALL_MS, &running.error);
}

/* Each way of writing lines, in the order of a life. */
static bool (*const writes[])(void) = {intend, come_out, only_look, seal};

#define WRITES (sizeof writes / sizeof writes[0])

/* ---------------------------------------------------------------------------------- the tests */

static void test_what_is_written_is_synced_before_it_is_said(void)
{
    ino_t inode;
    begin();
    for (size_t i = 0; i < WRITES; i++) {
        off_t before = size_of(running.file, &inode);
        CU_ASSERT_TRUE(writes[i]());
        CU_ASSERT_TRUE(size_of(running.file, &inode) > before);
        CU_ASSERT_EQUAL(synced_bytes,
                        size_of(running.file, &inode)); /* all of it, and not before it */
    }
    end();
}

static void test_what_the_disk_has_not_taken_is_not_said(void)
{
    for (size_t i = 0; i < WRITES; i++) {
        begin();
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_TRUE(writes[k]());
        disk_fails = true;
        CU_ASSERT_FALSE(writes[i]());
        disk_fails = false;
        end();
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what is written is synced first", test_what_is_written_is_synced_before_it_is_said},
        {"what the disk has not taken is not said", test_what_the_disk_has_not_taken_is_not_said},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("audit_sync", tests);
}
