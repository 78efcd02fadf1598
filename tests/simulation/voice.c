/* The log (common/log.h) in place of standard error, at link time: its lines are part of the story.
 * May not: print where nobody asked for a story. */
#include <stdarg.h>
#include <stdlib.h>

#include "common/log.h"
#include "sim.h"

__attribute__((format(printf, 2, 0))) static void say(const char *level, const char *format,
                                                      va_list arguments)
{
    char text[LOG_LINE_BYTES_MAX];
    if (sim_now == NULL || sim_now->options.story == NULL)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    sim_say(sim_now, "    %s %s", level, text);
}

#define LEVEL(name, word)                                                                          \
    void log_##name(const char *format, ...)                                                       \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        say(word, format, arguments);                                                              \
        va_end(arguments);                                                                         \
    }
LEVEL(debug, "debug  ")
LEVEL(info, "info   ")
LEVEL(warning, "warning")
LEVEL(error, "error  ")
#undef LEVEL

void log_init(const char *name, enum log_level least)
{
    (void)name;
    (void)least;
}

void log_fatal(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    abort();
}

uint64_t log_lines_lost(void)
{
    return 0;
}
