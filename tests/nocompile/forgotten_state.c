/* A switch over a node's states names all of them, so a new one is thought of everywhere.
 * expect: enumeration value .NODE_DRAINING. not handled
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

bool snippet(const struct life *life);

bool snippet(const struct life *life)
{
    switch (life_state(life)) {
    case NODE_PROVISIONING:
    case NODE_BUSY:
    case NODE_IDLE: return true;
    case NODE_DEREGISTERING:
    case NODE_REMOVING:
#ifndef REFUSED
    case NODE_DRAINING:
#endif
    case node_state_count: break;
    }
    return false;
}
