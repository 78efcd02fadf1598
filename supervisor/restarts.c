/* Back-off and ceiling of restarts. May not read a clock or log. */
#include "supervisor/restarts.h"

#include <string.h>

static void forget_older(struct restarts *restarts, int64_t than_ms)
{
    uint32_t old = 0;
    while (old < restarts->count && restarts->at_ms[old] <= than_ms)
        old++;
    restarts->count -= old;
    memmove(restarts->at_ms, restarts->at_ms + old, restarts->count * sizeof restarts->at_ms[0]);
}

static int64_t pause_after(uint32_t earlier, const struct restart_limits *limits)
{
    int64_t pause = limits->first_ms;
    for (uint32_t i = 0; i < earlier && pause < limits->most_ms; i++)
        pause *= 2; /* below 2 * most_ms: no overflow */
    return pause < limits->most_ms ? pause : limits->most_ms;
}

bool restarts_note(struct restarts *restarts, const struct restart_limits *limits, int64_t now_ms,
                   int64_t *pause_ms)
{
    forget_older(restarts, now_ms - limits->within_ms);
    if (restarts->count >= limits->restarts_max || restarts->count >= RESTARTS_KEPT_MAX)
        return false;
    *pause_ms = pause_after(restarts->count, limits);
    restarts->at_ms[restarts->count++] = now_ms;
    return true;
}
