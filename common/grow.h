/* A list that grows by doubling up to a named limit. May not: know what it holds. */
#ifndef EBBTIDE_COMMON_GROW_H
#define EBBTIDE_COMMON_GROW_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* The list `items` of `count` elements with room for one more; *room is kept up to date. NULL with
 * *error set (and the old list still valid) when count has reached most ("more than 5000 runners")
 * or memory is out. */
void *grow(void *items, uint32_t count, uint32_t *room, uint32_t most, size_t size,
           const char *what, struct error *error);

#endif
