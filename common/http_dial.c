/* A call's turn, and its connection: libcurl is stopped where it would open a socket, the
 * connection is asked for, and libcurl begins again with it. May not: log, open a socket. */
#include "common/http_parts.h"

#include "common/clock.h"

#include <event2/event.h>
#include <unistd.h>

#define TURN_MS_LEAST 50 /* with less than this a call that has waited is not begun any more */

static void arm(struct http_call *call, int64_t ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(call->later, &wait);
}

/* ---------------------------------------------------------------------------------- its turn */

static void go_on(struct http_call *call)
{
    event_del(call->later);
    http_call_begin(call, http_easy_again(call, &call->answer.error));
}

static void begin(struct http_call *call)
{
    call->queued = false;
    call->begun = true;
    call->endpoint->begun++;
}

/* No more are begun than there may be connections, so that libcurl keeps none waiting, with the
 * connection that was made for it. The others wait as long as a request may take: that the API is
 * busy is no lack of a connection. */
void http_turn_take(struct http_call *call)
{
    if (call->endpoint->begun >= HTTP_HOST_CONNECTIONS_MAX) {
        call->queued = true;
        arm(call, http_call_left_ms(call));
        return;
    }
    begin(call);
    http_call_begin(call, true);
}

void http_turn_end(struct http_call *call)
{
    struct http_call *oldest = NULL;
    if (!call->begun)
        return;
    call->begun = false;
    call->endpoint->begun--;
    for (struct http_call *one = call->endpoint->http->calls; one != NULL; one = one->older)
        if (one->queued && one->endpoint == call->endpoint &&
            http_call_left_ms(one) >= TURN_MS_LEAST)
            oldest = one;
    if (oldest == NULL)
        return;
    begin(oldest);
    go_on(oldest);
}

/* ---------------------------------------------------------------------------- its connection */

/* Nobody being there to be asked is no failure yet: http_dial_again comes, or the limit. */
static void dial(struct http_call *call)
{
    struct http *http = call->endpoint->http;
    struct error *why = &call->answer.error;
    call->dial_id = ++http->dials;
    if (http->way.dial(http->way.argument, call->dial_id, call->endpoint->source, why))
        why->text[0] = '\0';
}

/* libcurl has no connection that is free: one is asked for, and then it is tried again. */
void http_dial_ask(struct http_call *call)
{
    curl_multi_remove_handle(call->endpoint->http->multi, call->easy);
    call->wants_connection = false;
    call->answer.trouble = TROUBLE_NONE;
    call->answer.error.text[0] = '\0';
    call->asked_mono_ms = clock_mono_ms();
    arm(call, http_call_connect_left_ms(call));
    dial(call);
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
    call->dial_id = 0;
    call->connection = descriptor;
    go_on(call);
}

/* Nobody waits any more: its end is told by the loop. */
static void give_up(struct http_call *call)
{
    call->dial_id = 0;
    call->queued = false;
    http_call_fail(call);
}

bool http_wait_over(struct http_call *call)
{
    if (call->dial_id != 0)
        http_easy_undialed(call);
    else if (call->queued)
        http_easy_unbegun(call);
    else
        return false;
    give_up(call);
    return true;
}

void http_dial_failed(struct http *http, uint64_t id, enum dial_failure failure, const char *text)
{
    struct http_call *call = id == 0 ? NULL : find_dial(http, id);
    if (call == NULL)
        return;
    http_easy_unconnected(call, failure, text);
    give_up(call);
}

void http_dial_again(struct http *http)
{
    for (struct http_call *call = http->calls; call != NULL; call = call->older) {
        if (call->dial_id != 0)
            dial(call);
    }
}
