/* Errors as values: formatting and wrapping. May not log, allocate or exit. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

#ifdef __clang_analyzer__
#undef error_set
#undef error_set_errno
#undef error_wrap
#endif

/* How many bytes the character at text has; 0 where it is no UTF-8 (cut off, or from a peer that
 * writes something else). */
static size_t character_bytes(const char *text)
{
    for (size_t length = 1; length <= 4 && text[length - 1] != '\0'; length++)
        if (utf8_valid(text, length))
            return length;
    return 0;
}

size_t error_control_bytes(const char *text)
{
    unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
    if (first < 0x20 || first == 0x7f)
        return 1;
    return first == 0xc2 && second >= 0x80 && second <= 0x9f ? 2 : 0;
}

/* One line of UTF-8 without control characters: such texts travel in messages as they are. */
static void make_printable(char *text)
{
    char *to = text;
    while (*text != '\0') {
        size_t length = character_bytes(text), control = error_control_bytes(text);
        if (length == 0 || control > 0) {
            *to++ = '?';
            text += control > 0 ? control : 1;
            continue;
        }
        memmove(to, text, length);
        to += length;
        text += length;
    }
    *to = '\0';
}

/* Adds ": more" at `length`, cut where the text is full. */
static void append(struct error *error, size_t length, const char *more)
{
    for (const char *part = ": "; *part != '\0' && length < sizeof error->text - 1; part++)
        error->text[length++] = *part;
    for (; *more != '\0' && length < sizeof error->text - 1; more++)
        error->text[length++] = *more;
    error->text[length] = '\0';
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
        append(error, (size_t)written, strerror_r(number, buffer, sizeof buffer));
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
        append(error, (size_t)written, inner);
    make_printable(error->text);
    return false;
}
