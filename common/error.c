/* Errors as values: formatting and wrapping. May not log, allocate or exit. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

bool error_set(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    make_printable(error->text);
    return false;
}

bool error_set_errno(struct error *error, int number, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (written >= 0 && (size_t)written < sizeof error->text) {
        char buffer[128];
        snprintf(error->text + written, sizeof error->text - (size_t)written, ": %s",
                 strerror_r(number, buffer, sizeof buffer));
    }
    make_printable(error->text);
    return false;
}

bool error_wrap(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return false;
    char inner[ERROR_TEXT_BYTES_MAX];
    memcpy(inner, error->text, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (written >= 0 && (size_t)written < sizeof error->text)
        snprintf(error->text + written, sizeof error->text - (size_t)written, ": %s", inner);
    make_printable(error->text);
    return false;
}
