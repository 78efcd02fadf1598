/* What an accessor of a life shows is not written.
 * expect: read-only|const-qualified|const value
 * May not: be linked into anything. */
#include "reconciler/core/state.h"

int64_t snippet(const struct life *life);

int64_t snippet(const struct life *life)
{
#ifdef REFUSED
    life_as_idle(life)->since.mono_ms = 0;
#endif
    return life_as_idle(life)->since.mono_ms;
}
