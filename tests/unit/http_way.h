/* A way to connections in the test's own process: the dialer's parts without its process. */
#ifndef EBBTIDE_TESTS_UNIT_HTTP_WAY_H
#define EBBTIDE_TESTS_UNIT_HTTP_WAY_H

#include "common/http.h"
#include "dialer/callers.h"

struct test_way {
    struct callers callers;
    struct http *http; /* set by the caller as soon as there is one */
    unsigned asked;    /* connections so far */
};

/* Makes it, without name servers and hosts, and opens the engine over it. */
bool way_open(struct test_way *way, struct event_base *base, struct http **out,
              struct error *error);

/* Where the endpoint's connections lead from now on; its settings named this source. */
void way_leads(struct test_way *way, enum source source, const struct http_endpoint *endpoint);

/* Closes the engine, and then what is under way. */
void way_close(struct test_way *way);

#endif
