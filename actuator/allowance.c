/* So many at once, and one more after each interval. May not: do I/O, read a clock. */
#include "actuator/allowance.h"

/* What was given back by now. */
static uint32_t used_at(const struct allowance *allowance, const struct allowance_size *size,
                        int64_t mono_ms)
{
    int64_t back = (mono_ms - allowance->since_mono_ms) / size->every_ms;
    if (back <= 0)
        return allowance->used;
    return back >= allowance->used ? 0 : allowance->used - (uint32_t)back;
}

bool allowance_take(struct allowance *allowance, const struct allowance_size *size, int64_t mono_ms)
{
    uint32_t used = used_at(allowance, size, mono_ms);
    /* Of a whole one the interval begins with its first use, of another it goes on. */
    allowance->since_mono_ms =
        used == 0 ? mono_ms
                  : allowance->since_mono_ms + (int64_t)(allowance->used - used) * size->every_ms;
    allowance->used = used;
    if (used >= size->at_once)
        return false;
    allowance->used++;
    return true;
}

int64_t allowance_wait_ms(const struct allowance *allowance, const struct allowance_size *size,
                          int64_t mono_ms)
{
    uint32_t used = used_at(allowance, size, mono_ms);
    if (used < size->at_once)
        return 0;
    int64_t gone = (mono_ms - allowance->since_mono_ms) % size->every_ms;
    return size->every_ms - gone;
}
