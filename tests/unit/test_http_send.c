/* The real http_send against a small server: each method arrives with its body and type.
 * May not: leave loopback. */
#include "actuator/http_send.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cunit_main.h"
#include "http_way.h"

static struct event_base *base;
static struct http *http;
static struct test_way way;
static struct http_endpoint *endpoint;
static struct {
    enum evhttp_cmd_type method;
    char body[256], type[64], length[16];
    unsigned status, answers;
    bool sent;
} seen;
static unsigned posts; /* that arrived while connections die */
static bool dies;      /* what was asked takes effect, and the connection ends without an answer */

static void serve(struct evhttp_request *request, void *argument)
{
    (void)argument;
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    ev_ssize_t got = evbuffer_remove(input, seen.body, sizeof seen.body - 1);
    seen.body[got > 0 ? got : 0] = '\0';
    seen.method = evhttp_request_get_command(request);
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const char *type = evhttp_find_header(headers, "Content-Type");
    const char *length = evhttp_find_header(headers, "Content-Length");
    snprintf(seen.type, sizeof seen.type, "%s", type == NULL ? "" : type);
    snprintf(seen.length, sizeof seen.length, "%s", length == NULL ? "" : length);
    if (dies) {
        struct evhttp_connection *connection = evhttp_request_get_connection(request);
        shutdown(bufferevent_getfd(evhttp_connection_get_bufferevent(connection)), SHUT_RDWR);
        posts++;
    }
    evhttp_send_reply(request, 207, "Fine", NULL);
}

static void done(const struct http_answer *answer, void *argument)
{
    (void)argument;
    seen.status = answer->status;
    seen.sent = answer->sent;
    seen.answers++;
    event_base_loopbreak(base);
}

static unsigned bound_port(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
    return ntohs(address.sin_port);
}

static struct evhttp *begin(void)
{
    struct error error;
    char url[64];
    base = event_base_new();
    struct evhttp *server = evhttp_new(base);
    evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                           EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE);
    evhttp_set_gencb(server, serve, NULL);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bound);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", bound_port(bound));
    struct http_settings settings = {
        .url = url,
        .proxy = "",
        .setting = "test",
        .allow_http_on_loopback = true,
        .limits = {.connect_ms = 2000,
                   .total_ms = 5000,
                   .low_speed_ms = 5000,
                   .low_speed_bytes = 1,
                   .answer_bytes_max = 65536},
    };
    CU_ASSERT_TRUE_FATAL(way_open(&way, base, &http, &error));
    CU_ASSERT_TRUE_FATAL(http_endpoint_new(http, &settings, &endpoint, &error));
    way_leads(&way, settings.source, endpoint);
    return server;
}

static void end(struct evhttp *server)
{
    http_endpoint_free(endpoint);
    way_close(&way);
    evhttp_free(server);
    event_base_free(base);
}

static void ask(enum send_method method, const char *body, const char *type)
{
    struct error error;
    struct send_request request = {.method = method,
                                   .path = "/x",
                                   .body = body == NULL ? NULL : strdup(body),
                                   .content_type = type,
                                   .done = done};
    memset(&seen, 0, sizeof seen);
    CU_ASSERT_PTR_NOT_NULL_FATAL(send_request(endpoint, &request, &error));
    CU_ASSERT_EQUAL(seen.answers, 0);
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.status, dies ? 0 : 207);
}

static void test_each_method_with_its_body(void)
{
    static const struct {
        enum send_method method;
        enum evhttp_cmd_type arrives;
        const char *body;
    } rows[] = {
        {SEND_GET, EVHTTP_REQ_GET, NULL},
        {SEND_POST, EVHTTP_REQ_POST, "{\"a\":1}"},
        {SEND_POST, EVHTTP_REQ_POST, NULL},
        {SEND_PUT, EVHTTP_REQ_PUT, "{\"b\":2}"},
        {SEND_PATCH, EVHTTP_REQ_PATCH, "{\"c\":3}"},
        {SEND_DELETE, EVHTTP_REQ_DELETE, "{\"d\":4}"},
        {SEND_DELETE, EVHTTP_REQ_DELETE, NULL},
        {SEND_GET, EVHTTP_REQ_GET, NULL}, /* nothing of the one before sticks */
    };
    struct evhttp *server = begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(rows[i].method, rows[i].body, "application/merge-patch+json");
        CU_ASSERT_EQUAL(seen.method, rows[i].arrives);
        CU_ASSERT_STRING_EQUAL(seen.body, rows[i].body == NULL ? "" : rows[i].body);
        if (rows[i].body != NULL)
            CU_ASSERT_STRING_EQUAL(seen.type, "application/merge-patch+json");
    }
    end(server);
}

/* A POST makes something: where a kept connection dies under it, it is told that it may have been
 * done, and is not sent again by anybody who does not know what it makes. */
static void test_a_post_is_sent_once(void)
{
    struct evhttp *server = begin();
    posts = 0;
    dies = false;
    for (unsigned i = 0; i < 3; i++)
        ask(SEND_GET, NULL, NULL); /* a connection is kept */
    dies = true;
    ask(SEND_POST, "{\"name\":\"one\"}", "application/json");
    dies = false;
    CU_ASSERT_EQUAL(posts, 1);
    CU_ASSERT_TRUE(seen.sent);
    end(server);
}

static void test_cancelled_is_never_answered(void)
{
    struct error error;
    struct evhttp *server = begin();
    struct send_request request = {
        .method = SEND_DELETE, .path = "/x", .body = strdup("{}"), .done = done};
    memset(&seen, 0, sizeof seen);
    struct send_call *call = send_request(endpoint, &request, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(call);
    send_cancel(call);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CU_ASSERT_EQUAL(seen.answers, 0);
    end(server);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    CU_TestInfo tests[] = {
        {"each method with its body", test_each_method_with_its_body},
        {"a POST is sent once", test_a_post_is_sent_once},
        {"cancelled is never answered", test_cancelled_is_never_answered},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("http_send", tests);
}
