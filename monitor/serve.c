/* evhttp with limits. */
#include "monitor/serve.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"

#define DESCRIPTORS_MAX 1200 /* connections_max of the table, and what else a worker has */
#define LOOK_EVERY_MS   100

/* What a descriptor was when it was last looked at. */
struct seen {
    ino_t inode; /* a socket's number: another one is another connection */
    int64_t since_ms;
};

struct serve {
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct picture *picture;
    struct event *look;
    unsigned short port; /* network order */
    uint64_t connections_max;
    int64_t longest_ms;
    struct seen seen[DESCRIPTORS_MAX];
};

/* --------------------------------------------------------------------------------- connections */

/* libevent does not say when an evhttp connection ends, so the connections are counted where they
 * cannot hide: among this process's descriptors. The lowest free number is always taken, so all of
 * them are below DESCRIPTORS_MAX. */

static unsigned short local_port(int descriptor)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, &address.any, &size) != 0)
        return 0;
    if (address.any.sa_family == AF_INET)
        return address.four.sin_port;
    return address.any.sa_family == AF_INET6 ? address.six.sin6_port : 0;
}

static bool is_connection(const struct serve *serve, int descriptor)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return local_port(descriptor) == serve->port &&
           getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

/* A connection may last one request's time, however slowly its bytes come: evhttp sees its end and
 * frees it. */
static void mind_the_time(struct serve *serve, int descriptor, int64_t now_ms)
{
    struct seen *seen = &serve->seen[descriptor];
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return;
    if (seen->inode != status.st_ino)
        *seen = (struct seen){status.st_ino, now_ms};
    else if (now_ms - seen->since_ms > serve->longest_ms)
        shutdown(descriptor, SHUT_RDWR);
}

/* Accepts while there is room; the kernel's backlog holds the rest. Looks again as long as there
 * are connections. */
static void look_at_connections(struct serve *serve)
{
    static const struct timeval pause = {.tv_usec = LOOK_EVERY_MS * 1000};
    uint64_t count = 0;
    int64_t now_ms = clock_mono_ms();
    for (int descriptor = 0; descriptor < DESCRIPTORS_MAX; descriptor++)
        if (is_connection(serve, descriptor)) {
            mind_the_time(serve, descriptor, now_ms);
            count++;
        }
    if (count >= serve->connections_max)
        evconnlistener_disable(serve->listener);
    else
        evconnlistener_enable(serve->listener);
    if (count > 0)
        event_add(serve->look, &pause);
}

static void on_look(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    look_at_connections(argument);
}

/* evhttp has accepted a connection and asks for its bufferevent: it may use its own. */
static struct bufferevent *on_connection(struct event_base *base, void *argument)
{
    (void)base;
    look_at_connections(argument);
    return NULL;
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
    struct timeval longest = {.tv_sec = serve->longest_ms / 1000,
                              .tv_usec = serve->longest_ms % 1000 * 1000};
    evhttp_set_timeout_tv(serve->http, &longest);
    evhttp_set_bevcb(serve->http, on_connection, serve);
    evhttp_set_gencb(serve->http, on_other, serve);
    serve->connections_max = config->monitor.connections_max;
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
        serve->base = base;
        serve->picture = picture;
        serve->longest_ms = config->monitor.request_timeout_ms;
        serve->port = local_port(listener);
        serve->look = evtimer_new(base, on_look, serve);
        serve->http = evhttp_new(base);
    }
    if (serve && serve->look && serve->http && set_up(serve, config) &&
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
    look_at_connections(serve);
}

void serve_free(struct serve *serve)
{
    if (!serve)
        return;
    if (serve->look)
        event_free(serve->look);
    if (serve->http)
        evhttp_free(serve->http); /* with its listener and connections */
    free(serve);
}
