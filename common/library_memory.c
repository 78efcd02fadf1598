/* Which functions the libraries take and give memory by. CRYPTO_set_mem_functions(3),
 * event_set_mem_functions, json_set_alloc_funcs. May not: log. */
#include "common/library_memory.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "common/wiping.h"

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

static void *crypto_realloc(void *pointer, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return wiping_realloc(pointer, size);
}

static void crypto_free(void *pointer, const char *file, int line)
{
    (void)file, (void)line;
    wiping_free(pointer);
}

bool library_memory_wipe(struct error *error)
{
    json_set_alloc_funcs(malloc, wiping_free);
    event_set_mem_functions(malloc, wiping_realloc, wiping_free);
    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1 ||
           error_set(error, "OpenSSL does not let its memory be wiped: it was used before main");
}
