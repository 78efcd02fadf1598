/* Tests of the log: one line an event, never forged, never blocking, in the form its reader knows.
 */
#include "common/log.h"
#include "cunit_main.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int reader, old_stderr;
static char seen[8 * LOG_LINE_BYTES_MAX];

/* Standard error becomes a pipe, which never blocks. */
static void begin(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    old_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
}

/* Standard error is itself again; what came is in `seen`. */
static void end(void)
{
    dup2(old_stderr, STDERR_FILENO);
    close(old_stderr);
    ssize_t got = read(reader, seen, sizeof seen - 1);
    seen[got > 0 ? got : 0] = '\0';
    close(reader);
}

static bool ends_with(const char *tail)
{
    size_t length = strlen(seen), wanted = strlen(tail);
    return length >= wanted && strcmp(seen + length - wanted, tail) == 0;
}

static void test_a_line_says_when_how_bad_who_and_what(void)
{
    unsetenv("JOURNAL_STREAM");
    log_init("poller[gitea]", LOG_INFO_LEVEL);
    begin();
    log_warning("%d jobs", 3);
    end();
    CU_ASSERT(ends_with(" poller[gitea]: 3 jobs\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen, " warn"));
    CU_ASSERT_EQUAL(seen[10], 'T');
    CU_ASSERT_EQUAL(seen[23], 'Z');
}

static void test_a_journal_gets_its_own_form(void)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    log_init("monitor", LOG_INFO_LEVEL);
    begin();
    log_error("broken");
    end();
    unsetenv("JOURNAL_STREAM");
    CU_ASSERT_STRING_EQUAL(seen, "<3>monitor: broken\n");
}

static void test_less_than_the_level_is_not_said(void)
{
    log_init("x", LOG_WARNING_LEVEL);
    begin();
    log_debug("a");
    log_info("b");
    end();
    CU_ASSERT_STRING_EQUAL(seen, "");
}

static void test_text_from_outside_stays_on_its_line(void)
{
    log_init("x", LOG_INFO_LEVEL);
    begin();
    log_info("name: %s", "a\n2026-01-01T00:00:00.000Z error forged\r\x1b[2J");
    end();
    CU_ASSERT(ends_with("name: a?2026-01-01T00:00:00.000Z error forged??[2J\n"));
    CU_ASSERT_PTR_EQUAL(strchr(seen, '\n'), seen + strlen(seen) - 1);
}

static void test_a_long_line_is_cut_and_ended(void)
{
    static char text[2 * LOG_LINE_BYTES_MAX];
    memset(text, 'x', sizeof text - 1);
    log_init("x", LOG_INFO_LEVEL);
    begin();
    log_info("%s", text);
    end();
    CU_ASSERT(strlen(seen) < LOG_LINE_BYTES_MAX);
    CU_ASSERT(ends_with("xxx\n"));
}

static void test_a_full_pipe_drops_lines_and_counts_them(void)
{
    log_init("x", LOG_INFO_LEVEL);
    uint64_t before = log_lines_lost();
    begin();
    for (int i = 0; i < 4000; i++)
        log_info("a line of some length that fills the pipe after some thousands of them");
    end();
    CU_ASSERT(log_lines_lost() > before);
}

static void test_fatal_says_why_and_ends(void)
{
    log_init("x", LOG_INFO_LEVEL);
    begin();
    pid_t child = fork();
    if (child == 0)
        log_fatal("no way on");
    int status = 0;
    waitpid(child, &status, 0);
    end();
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CU_ASSERT(ends_with(" x: no way on\n"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a line says when, how bad, who and what", test_a_line_says_when_how_bad_who_and_what},
        {"a journal gets its own form", test_a_journal_gets_its_own_form},
        {"less than the level is not said", test_less_than_the_level_is_not_said},
        {"text from outside stays on its line", test_text_from_outside_stays_on_its_line},
        {"a long line is cut and ended", test_a_long_line_is_cut_and_ended},
        {"a full pipe drops lines and counts them", test_a_full_pipe_drops_lines_and_counts_them},
        {"fatal says why and ends", test_fatal_says_why_and_ends},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("log", tests);
}
