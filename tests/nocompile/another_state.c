/* A transition takes the state that its row of edges.def names, and no other.
 * expect: incompatible type
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

struct node_idle snippet(struct node_provisioning provisioning, struct node_busy busy,
                         struct edge_cause cause);

struct node_idle snippet(struct node_provisioning provisioning, struct node_busy busy,
                         struct edge_cause cause)
{
    (void)provisioning, (void)busy;
#ifdef REFUSED
    return node_rest(provisioning, cause);
#else
    return node_rest(busy, cause);
#endif
}
