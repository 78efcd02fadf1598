/* What secrets promise: bounds, trimming, wiping; and what reading whole files promises. */
#include "common/secret.h"
#include "common/whole_file.h"
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int file_of(const char *text, size_t length)
{
    int file = memfd_create("test", MFD_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(write(file, text, length), (ssize_t)length);
    return file;
}

static void test_read(void)
{
    struct error error;
    int file = file_of(" token\r\n\n", 9);
    struct secret *secret = secret_read(file, "x", &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    CU_ASSERT_EQUAL(secret_length(secret), 9);
    secret_trim(secret);
    CU_ASSERT_STRING_EQUAL(secret_text(secret), "token");
    CU_ASSERT_EQUAL(secret_length(secret), 5);
    CU_ASSERT_EQUAL(secret_text(secret)[6], '\0'); /* what was cut is wiped */
    secret_free(secret);
    secret = secret_read(file, "x", &error); /* the descriptor can be read again */
    CU_ASSERT_PTR_NOT_NULL(secret);
    secret_free(secret);
    close(file);
}

static void test_pipe(void)
{
    struct error error;
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL(write(ends[1], "ab", 2), 2);
    close(ends[1]);
    struct secret *secret = secret_read(ends[0], "x", &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    CU_ASSERT_STRING_EQUAL(secret_text(secret), "ab");
    secret_free(secret);
    close(ends[0]);
}

static void test_bounds(void)
{
    struct error error;
    char *text = calloc(1, SECRET_BYTES_MAX + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'x', SECRET_BYTES_MAX + 1);
    int file = file_of(text, SECRET_BYTES_MAX);
    struct secret *secret = secret_read(file, "x", &error);
    CU_ASSERT_PTR_NOT_NULL(secret);
    secret_free(secret);
    CU_ASSERT_EQUAL(write(file, "y", 1), 1);
    CU_ASSERT_PTR_NULL(secret_read(file, "the token's file", &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the token's file is longer than"));
    CU_ASSERT_PTR_NULL(secret_new(text, SECRET_BYTES_MAX + 1, &error));
    close(file);
    file = file_of("", 0);
    CU_ASSERT_PTR_NULL(secret_read(file, "the token's file", &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is empty"));
    close(file);
    file = file_of(" \r\n", 3);
    CU_ASSERT_PTR_NULL(secret_read(file, "the token's file", &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is empty"));
    close(file);
    CU_ASSERT_PTR_NULL(secret_read(file, "the token's file", &error)); /* closed */
    free(text);
    secret_free(NULL);
}

/* AddressSanitizer takes mlock for itself: it says yes to all and locks nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define ALL_IS_LOCKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALL_IS_LOCKED 1
#endif
#endif
#ifndef ALL_IS_LOCKED
#define ALL_IS_LOCKED 0
#endif

/* In a child, because a limit that was taken is gone. Its status: whether a small secret is told
 * as locked where reading it took more than may be locked. */
static int read_with_little_to_lock(int file)
{
    const struct rlimit little = {65536, 65536};
    struct error error;
    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || (geteuid() == 0 && setuid(65534) != 0))
        return 2;
    struct secret *secret = secret_read(file, "x", &error);
    int status = secret == NULL ? 3 : secret_locked(secret);
    secret_free(secret);
    return status;
}

static void test_what_lay_unlocked_is_not_called_locked(void)
{
    int status, file = file_of("token", 5);
    pid_t child = fork();
    CU_ASSERT_TRUE_FATAL(child >= 0);
    if (child == 0)
        _exit(read_with_little_to_lock(file));
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), ALL_IS_LOCKED);
    close(file);
}

static void test_whole_file(void)
{
    struct error error;
    char *text = NULL, large[40000];
    size_t length = 0;
    memset(large, 'x', sizeof large);
    int file = file_of(large, sizeof large);
    CU_ASSERT_TRUE_FATAL(whole_file_read(file, "x", sizeof large, &text, &length, &error));
    CU_ASSERT_EQUAL(length, sizeof large);
    CU_ASSERT_EQUAL(strlen(text), sizeof large);
    free(text);
    CU_ASSERT_FALSE(whole_file_read(file, "hosts", sizeof large - 1, &text, &length, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "hosts is longer"));
    close(file);
    file = file_of("", 0);
    CU_ASSERT_TRUE_FATAL(whole_file_read(file, "x", 10, &text, NULL, &error));
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
    close(file);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"read, trim, read again", test_read},
        {"a pipe", test_pipe},
        {"bounds", test_bounds},
        {"what lay unlocked", test_what_lay_unlocked_is_not_called_locked},
        {"whole files", test_whole_file},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("secret", tests);
}
