/* evhttp with limits. */
#include "monitor/door.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "monitor/visitors.h"

#define DESCRIPTORS_MAX 1200 /* connections_max of two doors, and what else a worker has */
#define LOOK_EVERY_MS   100

/* All that evhttp knows, but CONNECT; what a door does not serve is said by its handler. */
#define METHODS                                                                                    \
    (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |     \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_PATCH)

/* What a descriptor was when it was last looked at. */
struct seen {
    ino_t inode; /* a socket's number: another one is another connection */
    int64_t since_ms;
    bool answered;
};

struct door {
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *look;
    struct door_rules rules;
    unsigned short port; /* network order */
    uint64_t connections_max, requests_per_minute;
    int64_t longest_ms;
    struct host_names hosts;
    struct peers peers;
    struct seen seen[DESCRIPTORS_MAX];
};

struct visit {
    struct door *door;
    struct evhttp_request *request;
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* --------------------------------------------------------------------------------- connections */

/* libevent does not say when an evhttp connection ends, so the connections are counted where they
 * cannot hide: among this process's descriptors. The lowest free number is always taken, so all of
 * them are below DESCRIPTORS_MAX. */

static void local_address(int descriptor, union address *out)
{
    socklen_t size = sizeof *out;
    memset(out, 0, sizeof *out);
    if (descriptor < 0 || getsockname(descriptor, &out->any, &size) != 0)
        out->any.sa_family = AF_UNSPEC;
}

static unsigned short local_port(int descriptor)
{
    union address address;
    local_address(descriptor, &address);
    if (address.any.sa_family == AF_INET)
        return address.four.sin_port;
    return address.any.sa_family == AF_INET6 ? address.six.sin6_port : 0;
}

static bool is_connection(const struct door *door, int descriptor)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return local_port(descriptor) == door->port &&
           getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

/* What is said to a request that did not become whole: evhttp has no word for it. By sendmsg, which
 * the channels need too, so that no sandbox needs a call for it alone. */
static void say_too_slow(int descriptor)
{
    static char words[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nCache-Control: no-store\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Length: 58\r\n\r\n"
        "the request was not whole within monitor.request_timeout\r\n";
    struct iovec piece = {words, sizeof words - 1};
    const struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    metric_add(M_HTTP_REFUSED, REFUSAL_TIME, 0, 1);
    (void)sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The notes on a descriptor's connection; new ones where it is another connection. NULL: not ours.
 */
static struct seen *notes_of(struct door *door, int descriptor, int64_t now_ms)
{
    struct stat status;
    if (descriptor < 0 || descriptor >= DESCRIPTORS_MAX || fstat(descriptor, &status) != 0)
        return NULL;
    struct seen *seen = &door->seen[descriptor];
    if (seen->inode != status.st_ino)
        *seen = (struct seen){.inode = status.st_ino, .since_ms = now_ms};
    return seen;
}

/* A connection may last one request's time, however slowly its bytes come: evhttp sees its end and
 * frees it. */
static void mind_the_time(struct door *door, int descriptor, int64_t now_ms)
{
    struct seen *seen = notes_of(door, descriptor, now_ms);
    if (seen == NULL || now_ms - seen->since_ms <= door->longest_ms)
        return;
    if (!seen->answered)
        say_too_slow(descriptor);
    seen->answered = true;
    shutdown(descriptor, SHUT_RDWR);
}

/* Accepts while there is room; the kernel's backlog holds the rest. Looks again as long as there
 * are connections. */
static void look_at_connections(struct door *door)
{
    static const struct timeval pause = {.tv_usec = LOOK_EVERY_MS * 1000};
    uint64_t count = 0;
    int64_t now_ms = clock_mono_ms();
    for (int descriptor = 0; descriptor < DESCRIPTORS_MAX; descriptor++)
        if (is_connection(door, descriptor)) {
            mind_the_time(door, descriptor, now_ms);
            count++;
        }
    if (count >= door->connections_max)
        evconnlistener_disable(door->listener);
    else
        evconnlistener_enable(door->listener);
    if (count > 0)
        event_add(door->look, &pause);
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

static int descriptor_of(const struct visit *visit)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(visit->request);
    return connection ? bufferevent_getfd(evhttp_connection_get_bufferevent(connection)) : -1;
}

/* ------------------------------------------------------------------------------------- answers */

void visit_add_header(struct visit *visit, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(visit->request), name, value);
}

/* No other site may read, frame or embed what is answered, and nobody keeps it. There is no CORS
 * header, ever. */
static void add_headers(struct visit *visit, const char *type)
{
    static const char *const always[][2] = {
        {"Connection", "close"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    char policy[256];
    const char *hash = visit->door->rules.style_hash;
    snprintf(policy, sizeof policy,
             "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             hash ? hash : "none");
    visit_add_header(visit, "Content-Type", type);
    visit_add_header(visit, "Content-Security-Policy", policy);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        visit_add_header(visit, always[i][0], always[i][1]);
}

/* Where evhttp's own list ends. */
static const char *phrase_of(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {{421, "Misdirected Request"}, {429, "Too Many Requests"}};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return NULL;
}

/* HEAD is told how much there is, and gets none of it, which evhttp leaves to us. */
static size_t announce(struct visit *visit, size_t length)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", length);
    visit_add_header(visit, "Content-Length", number);
    return 0;
}

void visit_answer(struct visit *visit, int status, const char *type, char *text, size_t length)
{
    struct evbuffer *body = evbuffer_new();
    struct seen *seen = notes_of(visit->door, descriptor_of(visit), clock_mono_ms());
    metric_add(M_HTTP_REQUESTS, 0, 0, 1);
    add_headers(visit, type);
    if (seen)
        seen->answered = true;
    if (text && visit_method_is(visit, EVHTTP_REQ_HEAD))
        length = announce(visit, length);
    if (!text || !body || evbuffer_add(body, text, length) != 0)
        evhttp_send_error(visit->request, HTTP_INTERNAL, "out of memory");
    else
        evhttp_send_reply(visit->request, status, phrase_of(status), body);
    if (body)
        evbuffer_free(body);
    free(text);
}

void visit_say(struct visit *visit, int status, const char *sentence)
{
    char *text = NULL;
    int length = asprintf(&text, "%s\n", sentence);
    visit_answer(visit, status, "text/plain; charset=utf-8", length < 0 ? NULL : text,
                 length < 0 ? 0 : (size_t)length);
}

void visit_refuse(struct visit *visit, enum monitor_refusal why, int status, const char *sentence)
{
    metric_add(M_HTTP_REFUSED, why, 0, 1);
    visit_say(visit, status, sentence);
}

/* -------------------------------------------------------------------------------- what is asked */

const char *visit_path(const struct visit *visit)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(visit->request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    return path ? path : "";
}

bool visit_method_is(const struct visit *visit, unsigned methods)
{
    return ((unsigned)evhttp_request_get_command(visit->request) & methods) != 0;
}

const char *visit_header(const struct visit *visit, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(visit->request), name);
}

const char *visit_body(const struct visit *visit, size_t *length)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(visit->request);
    *length = evbuffer_get_length(body);
    return *length == 0 ? "" : (const char *)evbuffer_pullup(body, -1);
}

/* ---------------------------------------------------------------------------------- turned away */

/* Two of one of these, and it would matter which one is believed. */
static bool repeats_a_header(const struct visit *visit)
{
    static const char *const single[] = {"Host",           "Content-Type",      "Content-Length",
                                         "X-Gitea-Event",  "X-Gitea-Delivery",  "Sec-Fetch-Site",
                                         "Sec-Fetch-Mode", "X-Gitea-Signature", "Sec-Fetch-Dest"};
    unsigned count[sizeof single / sizeof *single] = {0};
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(visit->request);
    for (const struct evkeyval *one = headers->tqh_first; one; one = one->next.tqe_next)
        for (size_t i = 0; i < sizeof single / sizeof *single; i++)
            if (evutil_ascii_strcasecmp(one->key, single[i]) == 0 && ++count[i] > 1)
                return true;
    return false;
}

/* Since HTTP/1.1 every request says whom it asks; what is older and says nothing is no browser. */
static bool lacks_host(const struct visit *visit)
{
    const struct evhttp_request *request = visit->request;
    bool old = request->major < 1 || (request->major == 1 && request->minor < 1);
    return !old && visit_header(visit, "Host") == NULL;
}

/* By the Host header, and by the address in the request line where one stands there. */
static bool asked_by_our_name(const struct visit *visit)
{
    union address here;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(visit->request);
    const char *named[] = {visit_header(visit, "Host"), uri ? evhttp_uri_get_host(uri) : NULL};
    local_address(descriptor_of(visit), &here);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i] && !host_is_ours(named[i], &here.any, &visit->door->hosts))
            return false;
    return true;
}

static const struct sockaddr *sender_of(const struct visit *visit)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(visit->request);
    return connection ? evhttp_connection_get_addr(connection) : NULL;
}

static void on_request(struct evhttp_request *request, void *argument)
{
    struct door *door = argument;
    struct visit visit = {door, request};
    if (!peers_allow(&door->peers, sender_of(&visit), door->requests_per_minute, clock_mono_ms())) {
        visit_add_header(&visit, "Retry-After", "1");
        visit_refuse(&visit, REFUSAL_RATE, 429,
                     "too many requests of this address (monitor.requests_per_minute)");
    } else if (repeats_a_header(&visit)) {
        visit_say(&visit, HTTP_BADREQUEST, "a header that may come once came twice");
    } else if (lacks_host(&visit)) {
        visit_say(&visit, HTTP_BADREQUEST, "without a Host header");
    } else if (!door->rules.any_host && !asked_by_our_name(&visit)) {
        visit_refuse(&visit, REFUSAL_HOST, 421,
                     "this server does not go by the name that it was asked by: ask by its "
                     "address, or add the name to monitor.hosts");
    } else if (!site_is_ours(visit_header(&visit, "Sec-Fetch-Site"),
                             visit_header(&visit, "Sec-Fetch-Mode"),
                             visit_header(&visit, "Sec-Fetch-Dest"))) {
        visit_refuse(&visit, REFUSAL_CROSS_SITE, 403, "not for the pages of another site");
    } else {
        door->rules.handler(&visit, door->rules.argument);
    }
}

/* --------------------------------------------------------------------------------------- whole */

/* evhttp ends what says nothing at all; that is later than this door's own look at the time, which
 * answers first. */
static void set_up(struct door *door)
{
    struct timeval longest = {.tv_sec = 2 * door->longest_ms / 1000,
                              .tv_usec = 2 * door->longest_ms % 1000 * 1000};
    evhttp_set_allowed_methods(door->http, METHODS);
    evhttp_set_max_headers_size(door->http, REQUEST_HEADER_BYTES_MAX);
    evhttp_set_max_body_size(door->http, (ev_ssize_t)door->rules.body_bytes_max);
    evhttp_set_timeout_tv(door->http, &longest);
    evhttp_set_bevcb(door->http, on_connection, door);
    evhttp_set_gencb(door->http, on_request, door);
}

static void set_limits(struct door *door, const struct config *config)
{
    door->connections_max = config->monitor.connections_max;
    door->requests_per_minute = config->monitor.requests_per_minute;
    host_names_set(&door->hosts, config);
}

struct door *door_new(struct event_base *base, int listener, const struct config *config,
                      const struct door_rules *rules, struct error *error)
{
    struct door *door = calloc(1, sizeof *door);
    struct evhttp_bound_socket *bound = NULL;
    if (door) {
        door->base = base;
        door->rules = *rules;
        door->longest_ms = config->monitor.request_timeout_ms;
        door->port = local_port(listener);
        door->look = evtimer_new(base, on_look, door);
        door->http = evhttp_new(base);
        set_limits(door, config);
    }
    if (door && door->look && door->http && evutil_make_socket_nonblocking(listener) == 0) {
        set_up(door);
        bound = evhttp_accept_socket_with_handle(door->http, listener);
    }
    if (!bound) {
        error_set(error, "the monitor's HTTP server cannot be made: out of memory");
        close(listener);
        door_free(door);
        return NULL;
    }
    door->listener = evhttp_bound_socket_get_listener(bound);
    return door;
}

void door_limit(struct door *door, const struct config *config)
{
    set_limits(door, config);
    look_at_connections(door);
}

void door_free(struct door *door)
{
    if (!door)
        return;
    if (door->look)
        event_free(door->look);
    if (door->http)
        evhttp_free(door->http); /* with its listener and connections */
    free(door);
}
