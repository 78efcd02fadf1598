/* The log: one line an event on standard error, for journald or a terminal.
 *
 * Form: `<6>role[instance]: text` where standard error is a journal (JOURNAL_STREAM is set), else
 * `2026-11-24T10:00:00.123Z info  role[instance]: text`. Text that came from outside is escaped, so
 * that nobody can forge a line. Secrets are never given to it. May not: exit, open files, block for
 * ever (a full pipe drops the line and counts it). */
#ifndef EBBTIDE_COMMON_LOG_H
#define EBBTIDE_COMMON_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARNING_LEVEL, LOG_ERROR_LEVEL };

#define LOG_LINE_BYTES_MAX 2048

/* Says who logs ("poller[gitea]", copied) and the least level that is printed. */
void log_init(const char *name, enum log_level least);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Logs one error line and ends the process with status 1: only before a worker's loop has started.
 */
_Noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines lost to a full pipe since the start. */
uint64_t log_lines_lost(void);

#endif
