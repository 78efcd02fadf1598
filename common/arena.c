/* A chain of blocks; the newest is filled. May not: free a single piece. */
#include "common/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct block {
    struct block *older;
    size_t used, room;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
    size_t used, bytes_max;
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL)
        arena->bytes_max = bytes_max;
    return arena;
}

static bool add_block(struct arena *arena, size_t least)
{
    size_t room = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    struct block *block = malloc(sizeof *block + room);
    if (block == NULL)
        return false;
    block->older = arena->newest;
    block->used = 0;
    block->room = room;
    arena->newest = block;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size > arena->bytes_max)
        return NULL;
    size = size == 0 ? unit : (size + unit - 1) / unit * unit;
    if (size > arena->bytes_max - arena->used)
        return NULL;
    if (arena->newest == NULL || size > arena->newest->room - arena->newest->used)
        if (!add_block(arena, size))
            return NULL;
    void *piece = arena->newest->bytes + arena->newest->used;
    arena->newest->used += size;
    arena->used += size;
    return memset(piece, 0, size);
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    if (copy != NULL && length > 0)
        memcpy(copy, text, length);
    return copy;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

/* Frees all blocks but the oldest. */
static void keep_oldest(struct arena *arena)
{
    while (arena->newest != NULL && arena->newest->older != NULL) {
        struct block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}

void arena_reset(struct arena *arena)
{
    keep_oldest(arena);
    if (arena->newest != NULL)
        arena->newest->used = 0;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    keep_oldest(arena);
    free(arena->newest);
    free(arena);
}
