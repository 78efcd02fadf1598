/* The engine: libcurl's multi interface driven by libevent, and a call's way from http_send to
 * `done`. May not: log, know a method, judge a status. */
#include "common/http_parts.h"

#include "common/clock.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16L

static void finish(struct http_call *call);

/* ------------------------------------------------------------------ libcurl's sockets and timer */

/* Tells the owners of calls that have ended. A `done` may start and cancel other calls. */
static void reap(struct http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_call *call = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        http_easy_result(call, code);
        if (code != CURLE_OK && call->wants_connection)
            http_dial_ask(call);
        else
            finish(call);
    }
}

static void act(struct http *http, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(http->multi, socket, events, &running);
    reap(http);
}

static void on_event(evutil_socket_t socket, short what, void *argument)
{
    int events = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    act(argument, socket, events);
}

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    act(argument, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants another watch of a socket; `event` is what it was given for it before. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *argument, void *before)
{
    (void)easy;
    struct http *http = argument;
    struct event *event = before;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
                               (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
        event = event_new(http->base, socket, events, on_event, http);
        if (event == NULL || event_add(event, NULL) != 0)
            return -1; /* libcurl then fails the transfers with CURLM_ABORTED_BY_CALLBACK */
    }
    curl_multi_assign(http->multi, socket, event);
    return 0;
}

static int on_timeout(CURLM *multi, long ms, void *argument)
{
    (void)multi;
    struct http *http = argument;
    if (ms < 0)
        return event_del(http->timer);
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    return event_add(http->timer, &wait);
}

/* ----------------------------------------------------------------------------- open, close */

static bool set_multi(struct http *http)
{
    return curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK &&
           curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timeout) == CURLM_OK &&
           curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) == CURLM_OK &&
           curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX) == CURLM_OK &&
           curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                             (long)HTTP_HOST_CONNECTIONS_MAX) == CURLM_OK;
}

bool http_open(struct http **out, struct event_base *base, const struct http_way *way,
               struct error *error)
{
    if (!http_global_start(error))
        return false;
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return error_set(error, "out of memory for the HTTP engine");
    http->base = base;
    http->way = *way;
    http->timer = evtimer_new(base, on_timer, http);
    http->multi = curl_multi_init();
    if (http->timer == NULL || http->multi == NULL || !set_multi(http)) {
        http_close(http);
        return error_set(error, "out of memory for the HTTP engine");
    }
    *out = http;
    return true;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    http_cancel_all(http);
    if (http->endpoint_count != 0)
        abort(); /* our own bug: an endpoint outlives its engine */
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    if (http->timer != NULL)
        event_free(http->timer);
    free(http);
}

/* ---------------------------------------------------------------------------- a call's life */

static int64_t left_of(int64_t limit_ms, int64_t since_mono_ms)
{
    int64_t left = limit_ms - (clock_mono_ms() - since_mono_ms);
    return left > 1 ? left : 1;
}

int64_t http_call_left_ms(const struct http_call *call)
{
    return left_of(call->total_ms, call->began_mono_ms);
}

int64_t http_call_connect_left_ms(const struct http_call *call)
{
    int64_t all = http_call_left_ms(call);
    int64_t left = call->asked_mono_ms == 0 ? call->connect_ms
                                            : left_of(call->connect_ms, call->asked_mono_ms);
    return left < all ? left : all;
}

static void link_call(struct http_call *call)
{
    struct http *http = call->endpoint->http;
    call->older = http->calls;
    if (http->calls != NULL)
        http->calls->newer = call;
    http->calls = call;
    http->call_count++;
    call->endpoint->calls++;
}

static void unlink_call(struct http_call *call)
{
    struct http *http = call->endpoint->http;
    if (call->newer != NULL)
        call->newer->older = call->older;
    else
        http->calls = call->older;
    if (call->older != NULL)
        call->older->newer = call->newer;
    http->call_count--;
    call->endpoint->calls--;
    http_turn_end(call);
    http_endpoint_rest(call->endpoint);
}

/* Its own memory; libcurl and the endpoint have let go of it. */
static void free_call(struct http_call *call)
{
    if (call->connection >= 0)
        close(call->connection);
    if (call->later != NULL)
        event_free(call->later);
    curl_slist_free_all(call->header_list);
    curl_slist_free_all(call->resolve_list);
    free(call->body);
    free(call);
}

static void end_transfer(struct http_call *call)
{
    if (call->easy == NULL)
        return;
    curl_multi_remove_handle(call->endpoint->http->multi, call->easy);
    curl_easy_cleanup(call->easy);
    call->easy = NULL;
}

/* The answer is complete: tells the owner, then frees the call. */
static void finish(struct http_call *call)
{
    call->answer.url = call->url;
    call->answer.began_mono_ms = call->began_mono_ms;
    call->answer.ended_mono_ms = clock_mono_ms();
    call->delivering = true;
    end_transfer(call);
    unlink_call(call);
    /* From here on `done` may free the endpoint: nothing of it is touched again. */
    call->done(&call->answer, call->argument);
    free_call(call);
}

/* The call ends before libcurl had it; told from the loop, never from inside http_send. */
void http_call_fail(struct http_call *call)
{
    static const struct timeval now = {0, 0};
    call->answer.body = call->answer.content_type = "";
    call->answer.date_ms = call->answer.retry_after_ms = HTTP_NONE;
    call->answer.rate_limit = call->answer.rate_remaining = call->answer.rate_reset_ms = HTTP_NONE;
    if (call->answer.trouble == TROUBLE_NONE)
        call->answer.trouble = TROUBLE_UNREACHABLE;
    event_add(call->later, &now);
}

/* Gives the handle to libcurl, for the first time or with the connection that it wanted. */
void http_call_begin(struct http_call *call, bool good)
{
    if (!good) {
        error_wrap(&call->answer.error, "%.160s", call->url);
        http_call_fail(call);
        return;
    }
    CURLMcode code = curl_multi_add_handle(call->endpoint->http->multi, call->easy);
    if (code != CURLM_OK) {
        error_set(&call->answer.error, "%.160s: libcurl refuses the request: %s", call->url,
                  curl_multi_strerror(code));
        http_call_fail(call);
    }
}

/* The time for what it waits for is over, or an early failure is due to be told. */
static void on_later(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    struct http_call *call = argument;
    if (!http_wait_over(call))
        finish(call);
}

/* --------------------------------------------------------------------------------- sending */

/* A path that could leave the header line or the endpoint's prefix is our own mistake. */
static bool is_path(const char *path)
{
    if (path[0] != '/')
        return false;
    for (; *path != '\0'; path++)
        if (*path <= ' ' || *path > '~' || *path == '#')
            return false;
    return true;
}

static bool make_url(struct http_call *call, const char *path, struct error *error)
{
    int length = snprintf(call->url, sizeof call->url, "%s%s", call->endpoint->url, path);
    if (!is_path(path) || length < 0 || (size_t)length >= sizeof call->url)
        return error_set(error, "the path `%.100s` below %.160s is not usable", path,
                         call->endpoint->url);
    return true;
}

static int64_t shorter(int64_t ours, int64_t theirs)
{
    return theirs > 0 && theirs < ours ? theirs : ours;
}

static void take_limits(struct http_call *call, const struct http_request *request)
{
    const struct http_limits *limits = &call->endpoint->limits;
    call->total_ms = shorter(limits->total_ms, request->total_ms);
    call->connect_ms = shorter(call->total_ms, limits->connect_ms);
    call->answer_bytes_max =
        request->answer_bytes_max > 0 ? request->answer_bytes_max : limits->answer_bytes_max;
}

struct http_call *http_send(struct http_endpoint *endpoint, const struct http_request *request,
                            struct error *error)
{
    struct http *http = endpoint->http;
    if (http->call_count >= HTTP_CALLS_MAX) {
        error_set(error, "more than %d requests at once", HTTP_CALLS_MAX);
        return NULL;
    }
    struct http_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        error_set(error, "out of memory for a request");
        return NULL;
    }
    call->endpoint = endpoint;
    call->connection = -1;
    call->began_mono_ms = clock_mono_ms();
    call->content_type = request->content_type;
    call->shape = request->shape;
    call->shape_argument = request->shape_argument;
    call->done = request->done;
    call->argument = request->argument;
    call->later = evtimer_new(http->base, on_later, call);
    take_limits(call, request);
    bool good = call->later != NULL || error_set(error, "out of memory for a request");
    if (!good || !make_url(call, request->path, error)) {
        free_call(call);
        return NULL;
    }
    link_call(call);
    if (http_easy_make(call, &call->answer.error))
        http_turn_take(call);
    else
        http_call_begin(call, false);
    return call;
}

void http_cancel(struct http_call *call)
{
    if (call == NULL || call->delivering)
        return;
    end_transfer(call);
    unlink_call(call);
    free_call(call);
}

void http_cancel_all(struct http *http)
{
    for (struct http_call *call = http == NULL ? NULL : http->calls, *older; call != NULL;
         call = older) {
        older = call->older;
        http_cancel(call);
    }
}
