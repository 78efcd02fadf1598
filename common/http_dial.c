/* A call without a connection: libcurl is stopped where it would open a socket, the connection is
 * asked for, and libcurl begins again with it. May not: log, open a socket. */
#include "common/http_parts.h"

#include <event2/event.h>
#include <unistd.h>

/* Nobody being there to be asked is no failure yet: http_dial_again comes, or the limit. */
static void dial(struct http_call *call)
{
    struct http *http = call->endpoint->http;
    struct error *why = &call->answer.error;
    call->dial_id = ++http->dials;
    if (http->way.dial(http->way.argument, call->dial_id, call->endpoint->source, why))
        why->text[0] = '\0';
}

/* libcurl has no connection that is free: one is asked for, and then it is tried again. No more are
 * asked for than libcurl would have open at once; the others wait until one of these is free. */
void http_dial_ask(struct http_call *call)
{
    struct http *http = call->endpoint->http;
    int64_t left = call->connect_ms - http_call_elapsed_ms(call);
    left = left > 0 ? left : 0;
    const struct timeval wait = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    curl_multi_remove_handle(http->multi, call->easy);
    call->wants_connection = false;
    call->answer.trouble = TROUBLE_NONE;
    call->answer.error.text[0] = '\0';
    event_add(call->later, &wait);
    call->queued = call->endpoint->dialing >= HTTP_HOST_CONNECTIONS_MAX;
    if (call->queued)
        return;
    call->endpoint->dialing++;
    dial(call);
}

void http_dial_end(struct http_call *call)
{
    if (call->dial_id == 0)
        return;
    call->dial_id = 0;
    call->endpoint->dialing--;
}

static void go_on(struct http_call *call)
{
    call->queued = false;
    event_del(call->later);
    http_call_begin(call, http_easy_again(call, &call->answer.error));
}

/* The one that waits longest for a connection is tried again: one may be free now. */
void http_dial_next(struct http_endpoint *endpoint)
{
    struct http_call *oldest = NULL;
    for (struct http_call *call = endpoint->http->calls; call != NULL; call = call->older)
        if (call->queued && call->endpoint == endpoint)
            oldest = call;
    if (oldest != NULL)
        go_on(oldest);
}

static struct http_call *find_dial(struct http *http, uint64_t id)
{
    struct http_call *call = http->calls;
    while (call != NULL && call->dial_id != id)
        call = call->older;
    return call;
}

void http_dialed(struct http *http, uint64_t id, int descriptor)
{
    struct http_call *call = id == 0 ? NULL : find_dial(http, id);
    if (call == NULL) {
        close(descriptor);
        return;
    }
    http_dial_end(call);
    call->connection = descriptor;
    go_on(call);
    http_dial_next(call->endpoint);
}

static void give_up(struct http_call *call, enum dial_failure failure, const char *text)
{
    http_dial_end(call);
    call->queued = false;
    http_easy_unconnected(call, failure, text);
    http_call_fail(call);
}

bool http_dial_late(struct http_call *call)
{
    if (call->dial_id != 0)
        give_up(call, DIAL_TIMED_OUT,
                call->answer.error.text[0] == '\0' ? "the dialer has not answered"
                                                   : call->answer.error.text);
    else if (call->queued)
        give_up(call, DIAL_TIMED_OUT, "all connections to it were asked for already");
    else
        return false;
    return true;
}

void http_dial_failed(struct http *http, uint64_t id, enum dial_failure failure, const char *text)
{
    struct http_call *call = id == 0 ? NULL : find_dial(http, id);
    if (call != NULL)
        give_up(call, failure, text);
}

void http_dial_again(struct http *http)
{
    for (struct http_call *call = http->calls; call != NULL; call = call->older) {
        if (call->dial_id != 0)
            dial(call);
    }
}
