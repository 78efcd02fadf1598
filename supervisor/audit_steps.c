/* Which segment of the audit log comes next. May not: open anything, log. */
#include "supervisor/audit_steps.h"

#include <inttypes.h>

bool audit_steps_take(struct audit_steps *steps, uint64_t index, uint64_t last_bytes,
                      uint64_t max_bytes, int64_t now_mono_ms, struct error *error)
{
    if (index == steps->last)
        return true;
    if (index != (uint64_t)steps->last + 1)
        return error_set(error, "it asks for %" PRIu64 ", and %u is the last: not given", index,
                         steps->last);
    bool holds_enough = last_bytes >= max_bytes / AUDIT_STEP_SHARE;
    int64_t pause_ms = holds_enough ? AUDIT_STEP_MS_MIN : AUDIT_BENT_STEP_MS_MIN;
    if (steps->stepped && now_mono_ms - steps->stepped_ms < pause_ms)
        return error_set(error,
                         "segment %u holds only %" PRIu64
                         " bytes and was begun a short time ago: there is no next one yet",
                         steps->last, last_bytes);
    *steps =
        (struct audit_steps){.last = steps->last + 1, .stepped = true, .stepped_ms = now_mono_ms};
    return true;
}
