/* The core reads the snapshots that an event points at, and cannot write them.
 * expect: read-only|const-qualified
 * May not: be linked into anything. */
#include "reconciler/core/core.h"

uint32_t snippet(const struct core_event *event);

uint32_t snippet(const struct core_event *event)
{
#ifdef REFUSED
    event->u.gitea->jobs_count = 0;
#endif
    return event->u.gitea->jobs_count;
}
