/* The clocks, and the ways in which APIs and people write times.
 *
 * Two clocks only: mono (CLOCK_BOOTTIME, milliseconds; waits and time-outs) and wall
 * (CLOCK_REALTIME, milliseconds since 1970 UTC; what is shown and kept across a reboot). The core
 * is given both in its events and never calls these. May not: allocate. */
#ifndef EBBTIDE_COMMON_CLOCK_H
#define EBBTIDE_COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since boot, time asleep included (CLOCK_BOOTTIME). */
int64_t clock_mono_ms(void);

/* Milliseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME). */
int64_t clock_wall_ms(void);

/* Reads RFC 3339 (`2026-11-24T07:18:56Z`, fractions and offsets allowed) into ms since 1970. False
 * where it is none. */
bool clock_parse_rfc3339(const char *text, int64_t *ms);

/* Reads an HTTP Date header (RFC 9110 IMF-fixdate: `Tue, 24 Nov 2026 07:18:56 GMT`). False where it
 * is none. */
bool clock_parse_http_date(const char *text, int64_t *ms);

#define CLOCK_TEXT_BYTES 32

/* Writes RFC 3339 with milliseconds, UTC; returns out. */
char *clock_format_rfc3339(int64_t ms, char out[CLOCK_TEXT_BYTES]);

/* Reads a duration as people write it in the configuration: `5s`, `10m`, `1h`, `250ms`, `1h30m`;
 * units d h m s ms, largest first, each once, no sign, no space. False where it is none or exceeds
 * 100 years. */
bool clock_parse_duration(const char *text, int64_t *ms);

/* Writes the shortest such text (`1h30m`, `0s`); returns out. */
char *clock_format_duration(int64_t ms, char out[CLOCK_TEXT_BYTES]);

#endif
