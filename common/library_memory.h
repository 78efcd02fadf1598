/* The libraries of a process that holds tokens give their memory back wiped: OpenSSL (what goes
 * through TLS), libevent (buffers), jansson (bodies, a join token among them). libcurl is told when
 * it is started (common/http_memory.c). msgpack-c knows no such hook; no secret is ever in a
 * message. May not: log. */
#ifndef EBBTIDE_COMMON_LIBRARY_MEMORY_H
#define EBBTIDE_COMMON_LIBRARY_MEMORY_H

#include <stdbool.h>

#include "common/error.h"

/* First in main: OpenSSL refuses once it has taken any memory. False with *error set then. */
bool library_memory_wipe(struct error *error);

#endif
