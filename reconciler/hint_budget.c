/* Hints that are let through. Pure. */
#include "reconciler/hint_budget.h"

bool hint_budget_take(struct hint_budget *budget, int64_t mono_ms)
{
    int64_t back = (mono_ms - budget->refilled_ms) / HINT_REFILL_MS;
    if (back > 0) {
        budget->spent = back >= budget->spent ? 0 : budget->spent - (uint32_t)back;
        budget->refilled_ms += back * HINT_REFILL_MS;
    }
    if (budget->spent == HINTS_AT_ONCE)
        return false;
    budget->spent++;
    return true;
}
