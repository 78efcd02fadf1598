/* Memory of a search. May not: know what is in it. */
#include "tests/simulation/small/arena.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_FIRST  (UINT64_C(1) << 12)
#define CHUNK_BYTES ((size_t)4 * 1024 * 1024)

static void *some(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        abort();
    return memory;
}

/* ---------------------------------------------------------------------------------------- seen */

static void make_table(struct seen *seen, uint64_t slots)
{
    seen->number = some(slots * sizeof seen->number[0]);
    seen->value = some(slots * sizeof seen->value[0]);
    seen->mask = slots - 1;
}

void seen_open(struct seen *seen)
{
    seen->count = 0;
    make_table(seen, SEEN_FIRST);
}

void seen_close(struct seen *seen)
{
    free(seen->number);
    free(seen->value);
    memset(seen, 0, sizeof *seen);
}

static uint64_t slot_of(const struct seen *seen, uint64_t number)
{
    uint64_t slot = (number >> 7) & seen->mask;
    while (seen->number[slot] != 0 && seen->number[slot] != number)
        slot = (slot + 1) & seen->mask;
    return slot;
}

static void grow(struct seen *seen)
{
    struct seen old = *seen;
    make_table(seen, (old.mask + 1) * 2);
    for (uint64_t i = 0; i <= old.mask; i++) {
        if (old.number[i] == 0)
            continue;
        uint64_t slot = slot_of(seen, old.number[i]);
        seen->number[slot] = old.number[i];
        seen->value[slot] = old.value[i];
    }
    free(old.number);
    free(old.value);
}

uint32_t *seen_place(struct seen *seen, uint64_t number)
{
    if (seen->count * 2 > seen->mask)
        grow(seen);
    uint64_t slot = slot_of(seen, number);
    if (seen->number[slot] == 0) {
        seen->number[slot] = number;
        seen->value[slot] = SEEN_FRESH;
        seen->count++;
    }
    return &seen->value[slot];
}

/* -------------------------------------------------------------------------------------- images */

struct chunk {
    struct chunk *before;
    size_t used;
    unsigned char bytes[CHUNK_BYTES];
};

struct images *images_new(void)
{
    return some(sizeof(struct images));
}

void images_clear(struct images *images)
{
    while (images->chunk != NULL) {
        struct chunk *before = images->chunk->before;
        free(images->chunk);
        images->chunk = before;
    }
    images->count = 0;
    images->bytes = 0;
}

void images_free(struct images *images)
{
    images_clear(images);
    free(images->image);
    free(images);
}

static void *room_for(struct images *images, size_t size)
{
    if (images->chunk == NULL || images->chunk->used + size > CHUNK_BYTES) {
        struct chunk *chunk = malloc(sizeof *chunk);
        if (chunk == NULL || size > CHUNK_BYTES)
            abort();
        chunk->before = images->chunk;
        chunk->used = 0;
        images->chunk = chunk;
        images->bytes += CHUNK_BYTES;
    }
    void *room = images->chunk->bytes + images->chunk->used;
    images->chunk->used += size;
    return room;
}

void images_add(struct images *images, uint32_t state, const void *packed, size_t size)
{
    if (images->count == images->room) {
        images->room = images->room == 0 ? 1024 : images->room * 2;
        images->image = realloc(images->image, images->room * sizeof images->image[0]);
        if (images->image == NULL)
            abort();
    }
    void *copy = room_for(images, (size + 7) / 8 * 8);
    memcpy(copy, packed, size);
    images->image[images->count++] = (struct image){state, copy};
}
