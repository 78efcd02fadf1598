/* An arena: memory taken piece by piece and freed at once, with a limit. What the decoders of the
 * APIs' answers put their texts into. May not: free a single piece. */
#ifndef EBBTIDE_COMMON_ARENA_H
#define EBBTIDE_COMMON_ARENA_H

#include <stddef.h>

struct arena;

/* An arena of at most bytes_max. NULL when memory is out. */
struct arena *arena_new(size_t bytes_max);

/* Zeroed memory, aligned for any type. NULL when memory or the limit is out. size 0 counts as 1. */
void *arena_take(struct arena *arena, size_t size);

/* A copy with a NUL behind it. NULL when memory or the limit is out. */
char *arena_text(struct arena *arena, const char *text, size_t length);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

/* Forgets all pieces, keeps the first block for reuse. */
void arena_reset(struct arena *arena);

/* Frees it with all its pieces. NULL is fine. */
void arena_free(struct arena *arena);

#endif
