/* Matching a path against route patterns, and decoding what the parameters took.
 * May not: know HTTP servers, allocate. */
#ifndef EBBTIDE_SIMULATOR_ROUTE_H
#define EBBTIDE_SIMULATOR_ROUTE_H

#include "simulator/server.h"

#include <stdbool.h>
#include <stddef.h>

struct route_parameters {
    size_t count;
    struct {
        const char *name; /* into the pattern, not terminated */
        size_t name_length;
        const char *value; /* into text */
    } at[ROUTE_PARAMETERS_MAX];
    char text[SERVER_PATH_BYTES_MAX];
    size_t used;
};

/* Matches an encoded path (no query) against a pattern. Segments are decoded one by one, so that
 * an encoded slash stays inside its segment. False where it does not match, where an escape is
 * broken or decodes to NUL, or where a limit is met. */
bool route_match(const char *pattern, const char *path, struct route_parameters *out);

/* The value of a parameter, NULL where the pattern has none of this name. */
const char *route_parameter(const struct route_parameters *parameters, const char *name);

/* The row for method and path, or NULL; then path_known says whether another method would do. */
const struct route *route_find(const struct route *routes, size_t count, const char *method,
                               const char *path, struct route_parameters *out, bool *path_known);

#endif
