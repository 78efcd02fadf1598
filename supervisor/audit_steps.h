/* Which segment of the audit log the actuator may be given next: one that was taken over is not to
 * reach old segments, nor to use up the numbers. May not: open anything, log. */
#ifndef EBBTIDE_SUPERVISOR_AUDIT_STEPS_H
#define EBBTIDE_SUPERVISOR_AUDIT_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define AUDIT_STEP_SHARE       8       /* a segment is left when it holds 1/8 of files.audit_max */
#define AUDIT_STEP_MS_MIN      1000    /* between two new segments */
#define AUDIT_BENT_STEP_MS_MIN 3600000 /* ... where the last holds less: it does not verify */

struct audit_steps {
    unsigned last; /* the highest segment that was given */
    bool stepped;
    int64_t stepped_ms; /* mono; when a new one was given last */
};

/* Whether `index` may be given now: the last one again, or the one after it where the last one
 * holds enough (last_bytes, of max_bytes) or is left for the first time in an hour. A new one is
 * noted as the last. False with a sentence. */
bool audit_steps_take(struct audit_steps *steps, uint64_t index, uint64_t last_bytes,
                      uint64_t max_bytes, int64_t now_mono_ms, struct error *error);

#endif
