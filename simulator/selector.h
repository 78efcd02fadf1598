/* Label selectors, in the syntax that Hetzner and Kubernetes share: `k`, `!k`, `k=v`, `k==v`,
 * `k!=v`, `k in (a,b)`, `k notin (a,b)`, joined by commas.
 * May not: allocate. */
#ifndef EBBTIDE_SIMULATOR_SELECTOR_H
#define EBBTIDE_SIMULATOR_SELECTOR_H

#include "simulator/world/types.h"

#define SELECTOR_TERMS_MAX  32
#define SELECTOR_VALUES_MAX 32
#define SELECTOR_BYTES_MAX  2048

struct selector {
    char text[SELECTOR_BYTES_MAX]; /* the words below point into it */
    struct {
        const char *key;
        const char *values[SELECTOR_VALUES_MAX];
        size_t value_count;
        bool negated;
        bool presence; /* only whether the key is there */
    } terms[SELECTOR_TERMS_MAX];
    size_t term_count;
};

/* NULL or "" selects everything. False where the text is no selector. */
bool selector_parse(struct selector *out, const char *text);

bool selector_matches(const struct selector *selector, const struct world_map *labels);

/* The value of a key, NULL where it is missing. */
const char *world_map_value(const struct world_map *map, const char *key);

#endif
