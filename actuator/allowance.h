/* How often something may be done: so many at once, and one more after each interval. Pure.
 * May not: do I/O, read a clock. */
#ifndef EBBTIDE_ACTUATOR_ALLOWANCE_H
#define EBBTIDE_ACTUATOR_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance_size {
    uint32_t at_once;
    int64_t every_ms; /* one is given back after each of these */
};

/* All zero is a whole one. */
struct allowance {
    uint32_t used;
    int64_t since_mono_ms; /* what was used is given back from here on */
};

/* Uses one. False where none is left. */
bool allowance_take(struct allowance *allowance, const struct allowance_size *size,
                    int64_t mono_ms);

/* Milliseconds until one is there, 0 where it is. */
int64_t allowance_wait_ms(const struct allowance *allowance, const struct allowance_size *size,
                          int64_t mono_ms);

#endif
