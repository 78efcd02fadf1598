/* What one page of Gitea's list of runners shows, without sorting the whole list for it: runs read
 * millions of pages. May not: change a runner. */
#include <stdlib.h>

#include "sim.h"

/* The lists are ordered by last contact, newest first: the order changes while they are read. */
static int by_contact(const void *left, const void *right)
{
    const struct world_runner *a = *(const struct world_runner *const *)left;
    const struct world_runner *b = *(const struct world_runner *const *)right;
    if (a->last_contact_ms != b->last_contact_ms)
        return a->last_contact_ms > b->last_contact_ms ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Brings the runner that is at `place` in that order there: those before it to its left, the others
 * to its right. Only `first` .. `last` - 1 are looked at. */
static void put_in_place(const struct world_runner **order, size_t first, size_t last, size_t place)
{
    while (first + 1 < last && place < last) {
        const struct world_runner *middle =
            order[first + (last - 1 - first) / 2]; /* not the last */
        size_t left = first, right = last - 1;
        for (;; left++, right--) { /* Hoare's partition */
            while (by_contact(&order[left], &middle) < 0)
                left++;
            while (by_contact(&order[right], &middle) > 0)
                right--;
            if (left >= right)
                break;
            const struct world_runner *kept = order[left];
            order[left] = order[right];
            order[right] = kept;
        }
        if (place <= right)
            last = right + 1;
        else
            first = right + 1;
    }
}

void runners_sort_page(const struct world_runner **order, size_t total, size_t first, size_t size)
{
    size_t end = first + size < total ? first + size : total;
    if (first >= total)
        return;
    put_in_place(order, 0, total, first);
    put_in_place(order, first, total, end);
    qsort(order + first, end - first, sizeof order[0], by_contact);
}
