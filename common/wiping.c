/* Memory that is wiped before it is given back. May not: log. */
#include "common/wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FREED_BYTE 0xdb

void wiping_free(void *pointer)
{
    if (pointer == NULL)
        return;
    explicit_bzero(pointer, malloc_usable_size(pointer));
    free(pointer);
}

/* realloc would leave the old bytes behind. */
void *wiping_realloc(void *pointer, size_t size)
{
    if (size == 0 && pointer != NULL) {
        wiping_free(pointer);
        return NULL;
    }
    void *moved = malloc(size == 0 ? 1 : size);
    if (moved == NULL || pointer == NULL)
        return moved;
    size_t before = malloc_usable_size(pointer);
    memcpy(moved, pointer, before < size ? before : size);
    wiping_free(pointer);
    return moved;
}

void wiping_begin(void)
{
#ifdef M_PERTURB
    (void)mallopt(M_PERTURB, FREED_BYTE);
#endif
}

void wiping_end(void)
{
#ifdef M_PERTURB
    (void)mallopt(M_PERTURB, 0);
#endif
}
