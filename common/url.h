/* Builds a path with a query, with bounds and escaping. May not: allocate. */
#ifndef EBBTIDE_COMMON_URL_H
#define EBBTIDE_COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_PATH_BYTES_MAX 3072

/* Begin with URL_PATH_EMPTY; what does not fit sets `cut`, and then the text is "". */
struct url_path {
    char text[URL_PATH_BYTES_MAX];
    size_t length;
    bool cut;
};

#define URL_PATH_EMPTY                                                                             \
    {                                                                                              \
        {0}, 0, false                                                                              \
    }

/* Adds text as it is. */
void url_add(struct url_path *path, const char *text);

/* Adds text percent-encoded but for RFC 3986's unreserved characters. Fits segments and query
 * values. */
void url_add_escaped(struct url_path *path, const char *text);

/* The same for `owner/name`: the slash stays. */
void url_add_escaped_path(struct url_path *path, const char *text);

void url_add_u64(struct url_path *path, uint64_t number);

#endif
