/* Errors as values, with words for the person who reads them.
 *
 * An error says what was tried, on what, what came back and what to do. It is filled in where it is
 * first seen and wrapped on the way up; it is logged once, by whoever does not pass it on.
 * May not: log, allocate, exit. */
#ifndef EBBTIDE_COMMON_ERROR_H
#define EBBTIDE_COMMON_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define ERROR_TEXT_BYTES_MAX 512

struct error {
    char text[ERROR_TEXT_BYTES_MAX]; /* one sentence, UTF-8, no newline, "" when there is none */
};

/* Sets the text (printf-like; cut at ERROR_TEXT_BYTES_MAX - 1). Control characters, also those
 * of two bytes, are replaced by '?'. Returns false always, so that a function can `return
 * error_set(error, ...)`. error may be NULL. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_set, with ": " and strerror(number) added. */
bool error_set_errno(struct error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text that is already there. Returns false always. */
bool error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many bytes the control character at text has: 1, or 2 from U+0080 to U+009F, which move a
 * terminal's cursor as well; 0 where it is none. text is not at its end. */
size_t error_control_bytes(const char *text);

#ifdef __clang_analyzer__
/* The analyzer looks at one file at a time, and cannot see that these always return false. */
#define error_set(...)       (error_set(__VA_ARGS__), false)
#define error_set_errno(...) (error_set_errno(__VA_ARGS__), false)
#define error_wrap(...)      (error_wrap(__VA_ARGS__), false)
#endif

#endif
