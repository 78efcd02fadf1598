/* A transition leads to the state that its row of edges.def names.
 * expect: conflicting types for .node_drain
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

#ifdef REFUSED
#define NEXT struct node_removing
#else
#define NEXT struct node_draining
#endif
NEXT node_drain(struct node_deregistering state, struct edge_cause cause)
{
    return (NEXT){.since = cause.at, .why = state.why};
}
