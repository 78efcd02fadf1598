/* A list that grows by doubling up to a named limit. May not: know what it holds. */
#include "common/grow.h"

#include <stdlib.h>

#define FIRST_ROOM 32

void *grow(void *items, uint32_t count, uint32_t *room, uint32_t most, size_t size,
           const char *what, struct error *error)
{
    if (count >= most) {
        error_set(error, "more than %u %s: that is beyond what Ebbtide handles", most, what);
        return NULL;
    }
    if (count < *room)
        return items;
    uint32_t wanted = *room == 0 ? FIRST_ROOM : *room * 2;
    if (wanted > most)
        wanted = most;
    void *grown = realloc(items, (size_t)wanted * size);
    if (grown == NULL) {
        error_set(error, "out of memory for %u %s", wanted, what);
        return NULL;
    }
    *room = wanted;
    return grown;
}
