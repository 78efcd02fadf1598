/* The capture's folder: numbers rise, all files together stay within their bound, what is not a
 * segment is left alone. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cunit_main.h"
#include "supervisor/capture_dir.h"

#define SEGMENT UINT64_C(65536)
#define KEEP    (4 * SEGMENT)

struct folder {
    char path[64];
    struct config *config;
    struct state_dir state;
};

static void set(struct config *config, const char *path, const char *value)
{
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(config_set(config, path, value, &error));
}

static void open_folder(struct folder *folder)
{
    struct error error = {""};
    snprintf(folder->path, sizeof folder->path, "/tmp/ebbtide-capture-dir-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder->path));
    folder->config = config_new();
    set(folder->config, "files.state_dir", folder->path);
    set(folder->config, "capture.segment", "64KiB");
    set(folder->config, "capture.keep", "256KiB");
    CU_ASSERT_TRUE_FATAL(state_dir_open(&folder->state, folder->config, &error));
}

static void close_folder(struct folder *folder)
{
    char command[128];
    state_dir_close(&folder->state);
    config_free(folder->config);
    snprintf(command, sizeof command, "rm -r %s", folder->path);
    CU_ASSERT_EQUAL(system(command), 0); /* NOLINT: a fixed folder of this test */
}

static bool there(const struct folder *folder, const char *name, struct stat *status)
{
    return fstatat(folder->state.directory, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

static uint32_t next(struct folder *folder, off_t size)
{
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    uint32_t number = 0;
    int file = capture_dir_next(&folder->state, folder->config, &number, name, sizeof name, &error);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_EQUAL(fcntl(file, F_GETFL) & O_APPEND, O_APPEND);
    CU_ASSERT_EQUAL(ftruncate(file, size), 0);
    close(file);
    return number;
}

static uint64_t total(const struct folder *folder)
{
    uint64_t bytes = 0;
    for (unsigned i = 1; i < 100; i++) {
        char name[32];
        struct stat status;
        snprintf(name, sizeof name, "capture.%06u", i);
        bytes += there(folder, name, &status) ? (uint64_t)status.st_size : 0;
    }
    return bytes;
}

static void test_the_oldest_go_before_the_bound_is_passed(void)
{
    struct folder folder = {.path = ""};
    struct stat status;
    open_folder(&folder);
    for (uint32_t i = 1; i <= 20; i++) {
        CU_ASSERT_EQUAL(next(&folder, (off_t)SEGMENT), i);
        CU_ASSERT(total(&folder) <= KEEP);
    }
    CU_ASSERT_EQUAL(total(&folder), KEEP);
    CU_ASSERT_FALSE(there(&folder, "capture.000016", &status));
    CU_ASSERT_TRUE(there(&folder, "capture.000017", &status));
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    close_folder(&folder);
}

/* The newest may still grow to a whole segment: that room is set aside. */
static void test_small_ones_stay_while_they_fit(void)
{
    struct folder folder = {.path = ""};
    struct stat status;
    open_folder(&folder);
    for (uint32_t i = 1; i <= 40; i++)
        CU_ASSERT_EQUAL(next(&folder, 1000), i);
    CU_ASSERT_TRUE(there(&folder, "capture.000001", &status));
    CU_ASSERT(total(&folder) + 2 * SEGMENT <= KEEP);
    close_folder(&folder);
}

static void test_what_is_no_segment_is_left_alone(void)
{
    static const char *const others[] = {"capture.1", "capture.000001.gz", "capture.",
                                         "capture.x", "audit.jsonl",       "checkpoint.0"};
    struct folder folder = {.path = ""};
    struct stat status;
    open_folder(&folder);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        int file = openat(folder.state.directory, others[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CU_ASSERT_FATAL(file >= 0);
        CU_ASSERT_EQUAL(ftruncate(file, (off_t)KEEP), 0);
        close(file);
    }
    for (uint32_t i = 1; i <= 10; i++)
        CU_ASSERT_EQUAL(next(&folder, (off_t)SEGMENT), i);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CU_ASSERT_TRUE(there(&folder, others[i], &status));
    close_folder(&folder);
}

static void test_the_last_number_is_said(void)
{
    struct folder folder = {.path = ""};
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    uint32_t number;
    open_folder(&folder);
    int file =
        openat(folder.state.directory, "capture.4294967295", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(file >= 0);
    close(file);
    CU_ASSERT_EQUAL(
        capture_dir_next(&folder.state, folder.config, &number, name, sizeof name, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "move them away"));
    close_folder(&folder);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the oldest go before the bound is passed", test_the_oldest_go_before_the_bound_is_passed},
        {"small ones stay while they fit", test_small_ones_stay_while_they_fit},
        {"what is no segment is left alone", test_what_is_no_segment_is_left_alone},
        {"the last number is said", test_the_last_number_is_said},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("capture_dir", tests);
}
