/* The engine's questions to the dialer's parts, and back. */
#include "tests/unit/http_way.h"

#include "common/clock.h"

#include <stdio.h>

#define WHO ROLE_ACTUATOR

static bool ask(void *argument, uint64_t id, enum source source, struct error *error)
{
    (void)error;
    struct test_way *way = argument;
    way->asked++;
    callers_ask(&way->callers, WHO, id, source, clock_mono_ms());
    return true;
}

static void answer(enum role caller, uint64_t id, int descriptor, enum dial_failure failure,
                   const char *text, void *argument)
{
    (void)caller;
    struct test_way *way = argument;
    if (descriptor >= 0)
        http_dialed(way->http, id, descriptor);
    else
        http_dial_failed(way->http, id, failure, text);
}

bool way_open(struct test_way *way, struct event_base *base, struct http **out, struct error *error)
{
    *way = (struct test_way){
        .callers = {.base = base, .limit_ms = 60000, .answer = answer, .argument = way}};
    const struct http_way ours = {.dial = ask, .argument = way};
    if (!names_new(&way->callers.names, base, "", "", error) || !http_open(out, base, &ours, error))
        return false;
    way->http = *out;
    return true;
}

void way_leads(struct test_way *way, enum source source, const struct http_endpoint *endpoint)
{
    struct destination *to = &way->callers.destinations.of[WHO][source];
    to->port = http_endpoint_port(endpoint);
    snprintf(to->host, sizeof to->host, "%s", http_endpoint_host(endpoint));
}

void way_close(struct test_way *way)
{
    http_close(way->http);
    callers_forget(&way->callers, WHO);
    names_free(way->callers.names);
}
