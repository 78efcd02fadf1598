/* What an accessor of a life shows is not kept as something that can be written.
 * expect: discards .*qualifier
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

uint32_t snippet(const struct life *life);

uint32_t snippet(const struct life *life)
{
#ifdef REFUSED
    struct runner_set *set = life_runners(life);
#else
    const struct runner_set *set = life_runners(life);
#endif
    return set->count;
}
