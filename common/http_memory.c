/* libcurl's memory: what it frees is wiped, because request headers hold tokens. May not: log. */
#include "common/http_parts.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wiping_free(void *pointer)
{
    if (pointer == NULL)
        return;
    explicit_bzero(pointer, malloc_usable_size(pointer));
    free(pointer);
}

/* realloc would leave the old bytes behind. */
static void *wiping_realloc(void *pointer, size_t size)
{
    void *moved = malloc(size == 0 ? 1 : size);
    if (moved == NULL || pointer == NULL)
        return moved;
    size_t before = malloc_usable_size(pointer);
    memcpy(moved, pointer, before < size ? before : size);
    wiping_free(pointer);
    return moved;
}

bool http_global_start(struct error *error)
{
    static bool started;
    if (started)
        return true;
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc,
                                         strdup, calloc);
    if (code != CURLE_OK)
        return error_set(error, "libcurl cannot start: %s", curl_easy_strerror(code));
    started = true;
    return true;
}
