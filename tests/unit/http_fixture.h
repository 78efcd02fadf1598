/* What the tests of the HTTP engine share: one engine, its servers, a request and its answer. */
#ifndef EBBTIDE_TESTS_UNIT_HTTP_FIXTURE_H
#define EBBTIDE_TESTS_UNIT_HTTP_FIXTURE_H

#include "common/http.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/http_server.h"
#include "tests/unit/http_way.h"

#define TOKEN "s3cret-token-9f8e7d"

/* A copy of an answer, since it lives only inside `done`. */
struct seen {
    bool done;
    struct http_answer answer;
    char body[4096], url[512];
};

extern struct event_base *base;
extern struct http *http;
extern struct test_way way;

/* An `http_done` whose argument is a struct seen; leaves the loop. */
void keep(const struct http_answer *answer, void *argument);

/* Limits that suit tests; the url lies in static memory until the next call. */
struct http_settings settings_for(const char *scheme, const char *host, unsigned port);

/* An endpoint that bears TOKEN. */
struct http_endpoint *endpoint_of(const struct http_settings *settings);

/* One request and its answer; checks that no text shows TOKEN. */
struct seen ask(struct http_endpoint *endpoint, const struct http_request *asked);
struct seen ask_path(struct http_endpoint *endpoint, const char *path);

/* Makes the engine, runs the tests, frees it; returns main's status. */
int fixture_run(const char *module, CU_TestInfo *tests);

#endif
