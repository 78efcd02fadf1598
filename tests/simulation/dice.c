/* Chance, from a seed and from nothing else (splitmix64, Steele et al. 2014). May not: read a
 * clock.
 */
#include "sim.h"

uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    uint64_t z = dice->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return sides == 0 ? z : z % sides;
}

int64_t dice_between(struct dice *dice, int64_t least, int64_t most)
{
    return least + (int64_t)dice_roll(dice, (uint64_t)(most - least) + 1);
}

uint64_t name_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash;
}

double dice_unit(struct dice *dice)
{
    return (double)(dice_roll(dice, 0) >> 11) / 9007199254740992.0; /* 2^53 */
}

bool dice_chance(struct dice *dice, double probability)
{
    return dice_unit(dice) < probability;
}
