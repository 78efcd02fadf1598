/* No node is drained before its runners are deregistered.
 * expect: incompatible type
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

struct node_draining snippet(struct node_idle idle, struct edge_cause cause);

struct node_draining snippet(struct node_idle idle, struct edge_cause cause)
{
#ifdef REFUSED
    return node_drain(idle, cause);
#else
    return node_drain(node_retire(idle, cause), cause);
#endif
}
