/* How often a worker was started again, how long to wait before the next time, and when it is too
 * often. Pure: the time rides in. May not: read a clock, log. */
#ifndef EBBTIDE_SUPERVISOR_RESTARTS_H
#define EBBTIDE_SUPERVISOR_RESTARTS_H

#include <stdbool.h>
#include <stdint.h>

#define RESTARTS_KEPT_MAX 1000 /* the most that supervisor.restarts_max may be */

struct restarts {
    int64_t at_ms[RESTARTS_KEPT_MAX]; /* mono, oldest first */
    uint32_t count;
};

struct restart_limits {
    uint64_t restarts_max; /* more than this within ... */
    int64_t within_ms;     /* ... this is too often */
    int64_t first_ms,
        most_ms; /* pause: first, doubled with each restart within within_ms, at most most */
};

/* The worker died at now_ms. True: start it again after *pause_ms. False: it is too often. */
bool restarts_note(struct restarts *restarts, const struct restart_limits *limits, int64_t now_ms,
                   int64_t *pause_ms);

#endif
