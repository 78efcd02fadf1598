/* How often hints of the monitor's may make Gitea be looked at: HINTS_AT_ONCE, and one more each
 * HINT_REFILL_MS, whoever sends them. A monitor that was taken over can cause no more. Pure.
 * May not: know what a hint says. */
#ifndef EBBTIDE_RECONCILER_HINT_BUDGET_H
#define EBBTIDE_RECONCILER_HINT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define HINTS_AT_ONCE  5
#define HINT_REFILL_MS 1000 /* the monitor sends no more than one in this time */

struct hint_budget {
    uint32_t spent;      /* of HINTS_AT_ONCE; all zero at first */
    int64_t refilled_ms; /* up to when the refill is counted */
};

/* Spends one; false where there is none. mono_ms does not go back. */
bool hint_budget_take(struct hint_budget *budget, int64_t mono_ms);

#endif
