/* The log: one line an event on standard error. May not open files or exit (but log_fatal). */
#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    char name[64];
    enum log_level least;
    bool journal;
    uint64_t lost;
} state = {.name = "ebbtide", .least = LOG_INFO_LEVEL};

static const struct {
    const char *word;
    int syslog; /* sd-daemon(3): the prefix that journald reads */
} levels[] = {
    [LOG_DEBUG_LEVEL] = {"debug", 7},
    [LOG_INFO_LEVEL] = {"info ", 6},
    [LOG_WARNING_LEVEL] = {"warn ", 4},
    [LOG_ERROR_LEVEL] = {"error", 3},
};

void log_init(const char *name, enum log_level least)
{
    snprintf(state.name, sizeof state.name, "%s", name);
    state.least = least;
    state.journal = getenv("JOURNAL_STREAM") != NULL;
    tzset(); /* opens /etc/localtime now rather than at the first line, after privileges are gone */
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    if (state.journal) {
        int n = snprintf(line, size, "<%d>%s: ", levels[level].syslog, state.name);
        return n < 0 ? 0 : (size_t)n;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    int n = snprintf(line, size, "%s.%03dZ %s %s: ", stamp, (int)(now.tv_nsec / 1000000),
                     levels[level].word, state.name);
    return n < 0 ? 0 : (size_t)n;
}

static void write_line(enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void write_line(enum log_level level, const char *format, va_list arguments)
{
    char line[LOG_LINE_BYTES_MAX];
    size_t start = write_prefix(line, sizeof line, level);
    int n = vsnprintf(line + start, sizeof line - start - 1, format, arguments);
    if (n < 0)
        n = 0;
    size_t length = start + (size_t)n;
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    for (size_t i = start; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[length] = '\n';
    if (write(STDERR_FILENO, line, length + 1) != (ssize_t)(length + 1))
        state.lost++;
}

#define DEFINE_LEVEL(function, level)                                                              \
    void function(const char *format, ...)                                                         \
    {                                                                                              \
        if ((level) < state.least)                                                                 \
            return;                                                                                \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        write_line((level), format, arguments);                                                    \
        va_end(arguments);                                                                         \
    }

DEFINE_LEVEL(log_debug, LOG_DEBUG_LEVEL)
DEFINE_LEVEL(log_info, LOG_INFO_LEVEL)
DEFINE_LEVEL(log_warning, LOG_WARNING_LEVEL)
DEFINE_LEVEL(log_error, LOG_ERROR_LEVEL)

void log_fatal(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_ERROR_LEVEL, format, arguments);
    va_end(arguments);
    exit(1);
}

uint64_t log_lines_lost(void)
{
    return state.lost;
}
