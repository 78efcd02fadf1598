/* The queue of what is due: a binary heap, ordered by time and then by order of entry.
 * May not: do what is due. */
#include "simulator/world/world_private.h"

#include <stdlib.h>

#define QUEUE_ROOM_FIRST 64

static bool before(const struct due *a, const struct due *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->sequence < b->sequence;
}

void queue_push(struct queue *queue, const struct due *due)
{
    if (queue->count == queue->room) {
        queue->room = queue->room == 0 ? QUEUE_ROOM_FIRST : queue->room * 2;
        queue->items = reallocarray(queue->items, queue->room, sizeof *queue->items);
        if (queue->items == NULL)
            abort();
    }
    struct due entry = *due;
    entry.sequence = ++queue->sequence;
    size_t at = queue->count++;
    while (at > 0 && before(&entry, &queue->items[(at - 1) / 2])) {
        queue->items[at] = queue->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->items[at] = entry;
}

bool queue_peek(const struct queue *queue, struct due *due)
{
    if (queue->count == 0)
        return false;
    *due = queue->items[0];
    return true;
}

void queue_pop(struct queue *queue)
{
    assert(queue->count > 0);
    struct due last = queue->items[--queue->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && before(&queue->items[child + 1], &queue->items[child]))
            child++;
        if (!before(&queue->items[child], &last))
            break;
        queue->items[at] = queue->items[child];
        at = child;
    }
    if (queue->count > 0)
        queue->items[at] = last;
}

void queue_free(struct queue *queue)
{
    free(queue->items);
    *queue = (struct queue){0};
}
