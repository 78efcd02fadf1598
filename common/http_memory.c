/* libcurl's memory: what it frees is wiped, because request headers hold tokens. May not: log. */
#include "common/http_parts.h"
#include "common/wiping.h"

#include <stdlib.h>
#include <string.h>

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
