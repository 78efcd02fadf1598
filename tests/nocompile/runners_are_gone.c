/* A draining node has no runners any more: nobody can ask for them.
 * expect: no member named .runners
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

uint32_t snippet(const struct node_deregistering *before, const struct node_draining *after);

uint32_t snippet(const struct node_deregistering *before, const struct node_draining *after)
{
    (void)before, (void)after;
#ifdef REFUSED
    return after->runners.count;
#else
    return before->runners.count;
#endif
}
