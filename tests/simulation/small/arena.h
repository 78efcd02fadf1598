/* What a search keeps: the numbers of the states that it has seen, and the images of those that it
 * has yet to go on from. May not: know what is in them. Out of memory ends the process (abort). */
#ifndef EBBTIDE_TESTS_SIMULATION_SMALL_ARENA_H
#define EBBTIDE_TESTS_SIMULATION_SMALL_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define SEEN_FRESH UINT32_MAX

/* An open table of numbers (never 0), each with what belongs to it. */
struct seen {
    uint64_t *number;
    uint32_t *value;
    uint64_t count, mask;
};

void seen_open(struct seen *seen);
void seen_close(struct seen *seen);
/* The place of what belongs to a number: SEEN_FRESH where it is new. Holds until the next call. */
uint32_t *seen_place(struct seen *seen, uint64_t number);

struct image {
    uint32_t state;
    const void *packed;
};

struct chunk;
struct images {
    struct image *image;
    size_t count, room, bytes;
    struct chunk *chunk; /* the one that is being filled; the others behind it */
};

struct images *images_new(void);
void images_free(struct images *images);
void images_clear(struct images *images);
void images_add(struct images *images, uint32_t state, const void *packed, size_t size);

#endif
