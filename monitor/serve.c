/* evhttp with limits. */
#include "monitor/serve.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"

struct serve {
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct picture *picture;
    uint64_t connections, connections_max;
    struct timeval longest;
};

/* One connection: counted from its accept to its end. */
struct connection {
    struct serve *serve;
    struct bufferevent *socket;
    struct event *end;
};

/* --------------------------------------------------------------------------------- connections */

/* Accepts while there is room; the kernel's backlog holds the rest. */
static void mind_the_limit(struct serve *serve)
{
    if (!serve->listener)
        return;
    if (serve->connections >= serve->connections_max)
        evconnlistener_disable(serve->listener);
    else
        evconnlistener_enable(serve->listener);
}

static void on_connection_freed(void *argument)
{
    struct connection *connection = argument;
    struct serve *serve = connection->serve;
    event_free(connection->end);
    free(connection);
    serve->connections--;
    mind_the_limit(serve);
}

/* A connection may last one request's time, however slowly its bytes come: evhttp sees its end and
 * frees it. */
static void on_connection_too_long(evutil_socket_t socket, short what, void *argument)
{
    struct connection *connection = argument;
    (void)socket;
    (void)what;
    evutil_socket_t own = bufferevent_getfd(connection->socket);
    if (own >= 0)
        shutdown(own, SHUT_RDWR);
}

/* evhttp asks for a connection's bufferevent. It gets a filter that passes everything, because a
 * filter alone says when it is freed. NULL (no memory) makes evhttp use its own, uncounted. */
static struct bufferevent *on_connection(struct event_base *base, void *argument)
{
    struct serve *serve = argument;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->serve = serve;
    connection->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    connection->end = evtimer_new(base, on_connection_too_long, connection);
    struct bufferevent *filter = NULL;
    if (connection->socket && connection->end)
        filter = bufferevent_filter_new(connection->socket, NULL, NULL, BEV_OPT_CLOSE_ON_FREE,
                                        on_connection_freed, connection);
    if (!filter) {
        if (connection->end)
            event_free(connection->end);
        if (connection->socket)
            bufferevent_free(connection->socket);
        free(connection);
        return NULL;
    }
    event_add(connection->end, &serve->longest);
    serve->connections++;
    if (serve->connections >= serve->connections_max)
        metric_add(M_HTTP_REFUSED, 0, 0, 1);
    mind_the_limit(serve);
    return filter;
}

/* ------------------------------------------------------------------------------------- answers */

/* Sends a text that was printed; NULL: there was no memory for it. */
static void answer(struct evhttp_request *request, int status, const char *type, char *text,
                   size_t length)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evbuffer_new();
    metric_add(M_HTTP_REQUESTS, 0, 0, 1);
    evhttp_add_header(headers, "Connection", "close");
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'");
    if (!text || !body || evbuffer_add(body, text, length) != 0)
        evhttp_send_error(request, HTTP_INTERNAL, "out of memory");
    else
        evhttp_send_reply(request, status, NULL, body);
    if (body)
        evbuffer_free(body);
    free(text);
}

/* The monitor's own numbers, as every process sends its. */
static void count_own(struct serve *serve)
{
    static struct sample samples[SAMPLES_MAX];
    const struct counters own = {.role = ROLE_MONITOR,
                                 .samples = samples,
                                 .samples_count = metrics_collect(samples, SAMPLES_MAX)};
    struct message *message = message_copy(MESSAGE_counters, &own, NULL);
    if (message)
        picture_take(serve->picture, ROLE_MONITOR, message, clock_mono_ms());
}

static void on_metrics(struct evhttp_request *request, void *argument)
{
    struct serve *serve = argument;
    char *text = NULL;
    size_t size = 0;
    count_own(serve);
    FILE *out = open_memstream(&text, &size);
    if (out) {
        picture_print_metrics(serve->picture, clock_mono_ms(), out);
        fclose(out);
    }
    answer(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, size);
}

static void on_page(struct evhttp_request *request, void *argument)
{
    struct serve *serve = argument;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        picture_print_page(serve->picture, clock_mono_ms(), out);
        fclose(out);
    }
    answer(request, HTTP_OK, "text/html; charset=utf-8", text, size);
}

static void on_ready(struct evhttp_request *request, void *argument)
{
    struct serve *serve = argument;
    char *text = NULL;
    size_t size = 0;
    bool ready = false;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        ready = picture_ready(serve->picture, clock_mono_ms(), out);
        fclose(out);
    }
    answer(request, ready ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain; charset=utf-8", text, size);
}

/* The monitor answers, so the daemon runs: the supervisor ends it all when a worker cannot be kept
 * alive. */
static void on_health(struct evhttp_request *request, void *argument)
{
    char *text = strdup("alive\n");
    (void)argument;
    answer(request, HTTP_OK, "text/plain; charset=utf-8", text, text ? strlen(text) : 0);
}

static void on_other(struct evhttp_request *request, void *argument)
{
    char *text = strdup("there are /, /metrics, /healthz and /readyz\n");
    (void)argument;
    answer(request, HTTP_NOTFOUND, "text/plain; charset=utf-8", text, text ? strlen(text) : 0);
}

/* --------------------------------------------------------------------------------------- whole */

static bool set_up(struct serve *serve, const struct config *config)
{
    static const struct {
        const char *path;
        void (*answer)(struct evhttp_request *, void *);
    } routes[] = {
        {"/", on_page}, {"/metrics", on_metrics}, {"/healthz", on_health}, {"/readyz", on_ready}};
    evhttp_set_allowed_methods(serve->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(serve->http, REQUEST_HEADER_BYTES_MAX);
    evhttp_set_max_body_size(serve->http, REQUEST_BODY_BYTES_MAX);
    evhttp_set_timeout_tv(serve->http, &serve->longest);
    evhttp_set_bevcb(serve->http, on_connection, serve);
    evhttp_set_gencb(serve->http, on_other, serve);
    serve_limit(serve, config);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (evhttp_set_cb(serve->http, routes[i].path, routes[i].answer, serve) != 0)
            return false;
    return true;
}

struct serve *serve_new(struct event_base *base, int listener, const struct config *config,
                        struct picture *picture, struct error *error)
{
    struct serve *serve = calloc(1, sizeof *serve);
    struct evhttp_bound_socket *bound = NULL;
    if (serve) {
        int64_t ms = config->monitor.request_timeout_ms;
        serve->base = base;
        serve->picture = picture;
        serve->longest = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
        serve->http = evhttp_new(base);
    }
    if (serve && serve->http && set_up(serve, config) &&
        evutil_make_socket_nonblocking(listener) == 0)
        bound = evhttp_accept_socket_with_handle(serve->http, listener);
    if (!bound) {
        error_set(error, "the monitor's HTTP server cannot be made: out of memory");
        close(listener);
        serve_free(serve);
        return NULL;
    }
    serve->listener = evhttp_bound_socket_get_listener(bound);
    return serve;
}

void serve_limit(struct serve *serve, const struct config *config)
{
    serve->connections_max = config->monitor.connections_max;
    mind_the_limit(serve);
}

void serve_free(struct serve *serve)
{
    if (!serve)
        return;
    serve->listener = NULL; /* evhttp frees it; what ends meanwhile must not wake it */
    if (serve->http)
        evhttp_free(serve->http);
    /* A filter is freed in the loop's next turn: one is taken, so that each connection is counted
     * out. */
    event_base_loop(serve->base, EVLOOP_NONBLOCK);
    free(serve);
}
