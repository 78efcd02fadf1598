/* What the servers promise: tokens and limits are judged before a handler runs, each fault does to
 * the bytes what its row says, the request log tells all of it and no secret. */
#include "tests/unit/cunit_main.h"

#include "common/clock.h"
#include "simulator/faults.h"
#include "simulator/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 65536

static struct event_base *base;
static struct faults *faults;
static struct server *server;
static char answer[ANSWER_BYTES_MAX];
static int calls, stream_closed;
static struct stream *stream;

static void refuse(struct exchange *exchange, enum refusal why)
{
    static const int status[] = {401, 401, 403, 404, 405, 413, 429, 0};
    int code = why == REFUSE_FAULT ? exchange_fault_status(exchange) : status[why];
    exchange_reply_json(exchange, code, json_pack("{s:i}", "refused", (int)why));
}

static void list(struct exchange *exchange)
{
    calls++;
    exchange_add_header(exchange, "X-Total-Count", "4");
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:[i,i,i,i], s:i, s:i}", "jobs", 1, 2, 3, 4, "total_count", 4, "call", calls));
}

static void change(struct exchange *exchange)
{
    calls++;
    exchange_reply_empty(exchange, 204);
}

static void on_closed(void *context)
{
    (void)context;
    stream_closed++;
}

static void watch(struct exchange *exchange)
{
    stream = exchange_begin_stream(exchange, "application/json", on_closed, NULL);
    stream_write(stream, "{\"a\":1}\n", 8);
}

static const struct route routes[] = {
    {.method = "GET", .pattern = "/list", .permission = PERMIT_READ, .handler = list},
    {.method = "POST", .pattern = "/change", .permission = PERMIT_WRITE, .handler = change},
    {.method = "GET", .pattern = "/watch", .permission = PERMIT_ANYONE, .handler = watch},
};
static const struct api_definition definition = {
    .routes = routes, .route_count = sizeof routes / sizeof *routes, .refuse = refuse};

static int open_connection(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server_port(server, API_GITEA)),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Turns the loop until the peer closed or the time is over; what came is in `answer`. True: closed.
 */
static bool receive(int fd, int64_t wait_ms)
{
    size_t used = strlen(answer);
    int64_t end = clock_mono_ms() + wait_ms;
    do {
        event_base_loop(base, EVLOOP_NONBLOCK);
        ssize_t got = recv(fd, answer + used, sizeof answer - used - 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
        if (got > 0)
            answer[used += (size_t)got] = '\0';
        usleep(500);
    } while (clock_mono_ms() < end);
    return false;
}

static bool ask_for(const char *method, const char *target, const char *token, const char *body,
                    int64_t wait_ms)
{
    int fd = open_connection();
    char *request = NULL;
    int length =
        asprintf(&request,
                 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 method, target, token != NULL ? "Authorization: Bearer " : "",
                 token != NULL ? token : "", token != NULL ? "\r\n" : "", strlen(body), body);
    answer[0] = '\0';
    for (int sent = 0; sent < length;) {
        ssize_t now =
            send(fd, request + sent, (size_t)(length - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (now < 0 && errno != EAGAIN)
            break;
        sent += now > 0 ? (int)now : 0;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    bool closed = receive(fd, wait_ms);
    close(fd);
    event_base_loop(base, EVLOOP_NONBLOCK);
    free(request);
    return closed;
}

static int status(void)
{
    return strlen(answer) > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static bool says(const char *text)
{
    return strstr(answer, text) != NULL;
}

static void add_fault(const char *text)
{
    struct error error = {{0}};
    uint64_t id;
    json_t *rule = json_loads(text, 0, NULL);
    if (!faults_add(faults, rule, clock_mono_ms(), &id, &error))
        CU_FAIL_FATAL(error.text);
    json_decref(rule);
}

static void begin(void)
{
    struct error error = {{0}};
    struct server_tokens tokens = {.read = "r", .write = "w"};
    server_free(server);
    faults_free(faults);
    server = NULL;
    faults = NULL;
    calls = stream_closed = 0;
    if (base == NULL)
        base = event_base_new();
    CU_ASSERT_TRUE_FATAL(faults_init(&faults, &error));
    CU_ASSERT_TRUE_FATAL(server_init(&server, base, NULL, faults, NULL, &error));
    CU_ASSERT_TRUE_FATAL(server_listen(server, API_GITEA, &definition, 0, &tokens, &error));
}

static void tokens_are_judged_before_the_handler(void)
{
    begin();
    ask_for("GET", "/list", NULL, "", 1000);
    CU_ASSERT_EQUAL(status(), 401);
    ask_for("GET", "/list", "x", "", 1000);
    CU_ASSERT_EQUAL(status(), 401);
    ask_for("POST", "/change", "r", "{}", 1000);
    CU_ASSERT_EQUAL(status(), 403);
    CU_ASSERT_EQUAL(calls, 0);
    ask_for("POST", "/change", "w", "{}", 1000);
    CU_ASSERT_EQUAL(status(), 204);
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_EQUAL(status(), 200);
    CU_ASSERT_TRUE(says("X-Total-Count: 4") && says("Date: ") && says("application/json"));
    ask_for("GET", "/other", "r", "", 1000);
    CU_ASSERT_EQUAL(status(), 404);
    ask_for("DELETE", "/list", "w", "", 1000);
    CU_ASSERT_EQUAL(status(), 405);
    CU_ASSERT_EQUAL(calls, 2);
}

static void a_body_is_taken_at_its_limit_and_refused_above(void)
{
    begin();
    char *body = malloc(SERVER_BODY_BYTES_MAX + 2);
    memset(body, ' ', SERVER_BODY_BYTES_MAX + 1);
    body[SERVER_BODY_BYTES_MAX + 1] = '\0';
    ask_for("POST", "/change", "w", body, 5000);
    CU_ASSERT_EQUAL(status(), 413);
    CU_ASSERT_EQUAL(calls, 0);
    body[SERVER_BODY_BYTES_MAX] = '\0';
    ask_for("POST", "/change", "w", body, 5000);
    CU_ASSERT_EQUAL(status(), 204);
    free(body);
}

static void errors_strike_before_or_after_the_effect(void)
{
    begin();
    add_fault("{\"effect\":\"status\",\"status\":502,\"count\":1}");
    ask_for("POST", "/change", "w", "{}", 1000);
    CU_ASSERT_EQUAL(status(), 502);
    CU_ASSERT_EQUAL(calls, 0);
    add_fault("{\"effect\":\"answer_status\",\"status\":503,\"count\":1,\"retry_after\":7}");
    ask_for("POST", "/change", "w", "{}", 1000);
    CU_ASSERT_EQUAL(status(), 503);
    CU_ASSERT_TRUE(says("Retry-After: 7"));
    CU_ASSERT_EQUAL(calls, 1);
    add_fault("{\"effect\":\"rate_limit\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_EQUAL(status(), 429);
    add_fault("{\"effect\":\"html\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(status() == 200 && says("text/html") && says("<h1>"));
}

static void connections_hang_and_close(void)
{
    begin();
    add_fault("{\"effect\":\"hang\",\"count\":1}");
    CU_ASSERT_FALSE(ask_for("GET", "/list", "r", "", 200));
    CU_ASSERT_EQUAL(strlen(answer), 0);
    add_fault("{\"effect\":\"close\",\"count\":1}");
    CU_ASSERT_TRUE(ask_for("GET", "/list", "r", "", 1000));
    CU_ASSERT_EQUAL(strlen(answer), 0);
    CU_ASSERT_EQUAL(calls, 0);
    add_fault("{\"effect\":\"answer_close\",\"count\":1}");
    CU_ASSERT_TRUE(ask_for("POST", "/change", "w", "", 1000));
    add_fault("{\"effect\":\"answer_hang\",\"count\":1}");
    CU_ASSERT_FALSE(ask_for("POST", "/change", "w", "", 200));
    CU_ASSERT_EQUAL(strlen(answer), 0);
    CU_ASSERT_EQUAL(calls, 2);
}

static void a_delay_holds_the_answer_or_the_handler(void)
{
    begin();
    add_fault("{\"effect\":\"delay\",\"delay_ms\":300,\"count\":1}");
    CU_ASSERT_FALSE(ask_for("GET", "/list", "r", "", 150)); /* the asker gives up */
    CU_ASSERT_EQUAL(calls, 1);
    faults_clear(faults);
    add_fault("{\"effect\":\"delay\",\"delay_ms\":300,\"count\":1,\"before_effect\":true}");
    CU_ASSERT_FALSE(ask_for("GET", "/list", "r", "", 150));
    CU_ASSERT_EQUAL(calls, 1);
    for (int i = 0; i < 100 && calls == 1; i++) {
        usleep(10000);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT_EQUAL(calls, 2);
    add_fault("{\"effect\":\"delay\",\"delay_ms\":100,\"count\":1}");
    CU_ASSERT_TRUE(ask_for("GET", "/list", "r", "", 2000));
    CU_ASSERT_EQUAL(status(), 200);
}

static void bodies_are_cut_thinned_and_grow_stale(void)
{
    begin();
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("\"call\":1"));
    usleep(2000);
    add_fault("{\"effect\":\"stale\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(calls == 2 && says("\"call\":1") && says("X-Total-Count: 4"));
    add_fault("{\"effect\":\"empty\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("\"jobs\":[]") && says("\"total_count\":0") && says("X-Total-Count: 0"));
    add_fault("{\"effect\":\"half_list\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("\"jobs\":[1,3]") && says("\"total_count\":4"));
    add_fault("{\"effect\":\"truncated\",\"count\":1}");
    CU_ASSERT_TRUE(ask_for("GET", "/list", "r", "", 1000));
    CU_ASSERT_TRUE(says("{\"jobs\"") && !says("call"));
    CU_ASSERT_TRUE(says("Content-Length: 43"));
    add_fault("{\"effect\":\"bad_json\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("{\"jobs\"") && !says("call") && says("Content-Length: 21"));
    add_fault("{\"effect\":\"wrong_length\",\"length_delta\":5,\"count\":1}");
    CU_ASSERT_TRUE(ask_for("GET", "/list", "r", "", 1000));
    CU_ASSERT_TRUE(says("Content-Length: 48") && says("\"call\":"));
}

static void odd_answers_come_byte_by_byte(void)
{
    begin();
    add_fault(
        "{\"effect\":\"raw\",\"body\":\"HTTP/1.1 200 OK\\r\\n\\r\\n\\u00ff\\u0080x\",\"count\":1}");
    CU_ASSERT_TRUE(ask_for("GET", "/list", "r", "", 1000));
    CU_ASSERT_STRING_EQUAL(answer, "HTTP/1.1 200 OK\r\n\r\n\xff\x80x");
    CU_ASSERT_EQUAL(calls, 0);
    add_fault("{\"effect\":\"answer_raw\",\"body\":\"nonsense\",\"count\":1}");
    CU_ASSERT_TRUE(ask_for("POST", "/change", "w", "", 1000));
    CU_ASSERT_STRING_EQUAL(answer, "nonsense");
    CU_ASSERT_EQUAL(calls, 1);
    add_fault("{\"effect\":\"stall\",\"count\":1}");
    CU_ASSERT_FALSE(ask_for("GET", "/list", "r", "", 200));
    CU_ASSERT_TRUE(says("Content-Length: 43") && says("X-Total-Count: 4"));
    CU_ASSERT_TRUE(says("{\"jobs\"") && !says("call"));
    add_fault("{\"effect\":\"large\",\"bytes\":50,\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("Content-Length: 50") && says("\"call\":3}       "));
    add_fault("{\"effect\":\"wrong_types\",\"count\":1}");
    ask_for("GET", "/list", "r", "", 1000);
    CU_ASSERT_TRUE(says("\"jobs\":[\"seven\",\"seven\",\"seven\",\"seven\"]"));
}

static void a_stream_is_written_and_its_end_is_told(void)
{
    begin();
    CU_ASSERT_FALSE(ask_for("GET", "/watch", NULL, "", 100));
    CU_ASSERT_TRUE(says("chunked") && says("{\"a\":1}"));
    for (int i = 0; i < 100 && stream_closed == 0; i++) {
        usleep(1000);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT_EQUAL(stream_closed, 1);
    int fd = open_connection();
    static const char request[] = "GET /watch HTTP/1.1\r\nHost: x\r\n\r\n";
    CU_ASSERT_EQUAL(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    answer[0] = '\0';
    receive(fd, 50);
    stream_end(stream);
    receive(fd, 50);
    CU_ASSERT_TRUE(says("\r\n0\r\n\r\n"));
    CU_ASSERT_EQUAL(stream_closed, 1);
    close(fd);
}

static void the_request_log_tells_all_but_secrets(void)
{
    begin();
    add_fault("{\"effect\":\"delay\",\"delay_ms\":1,\"count\":1}");
    ask_for("POST", "/change?x=1", "w", "{\"token\":\"hush\",\"user_data\":\"hush\",\"n\":[1]}",
            1000);
    ask_for("GET", "/list", NULL, "", 1000);
    json_t *log = server_requests(server, API_COUNT, 0);
    char *text = json_dumps(log, JSON_COMPACT);
    CU_ASSERT_EQUAL(json_array_size(log), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"path\":\"/change?x=1\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"token\":\"write\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"token\":\"none\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"fault\":\"delay\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"n\":[1]"));
    CU_ASSERT_PTR_NULL(strstr(text, "hush"));
    free(text);
    json_decref(log);
    log = server_requests(server, API_GITEA, 1);
    CU_ASSERT_EQUAL(json_array_size(log), 1);
    json_decref(log);
    CU_ASSERT_EQUAL(server_request_count(server, API_KUBE), 0);
    server_free(server);
    faults_free(faults);
    event_base_free(base);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"tokens are judged before the handler", tokens_are_judged_before_the_handler},
        {"a body is taken at its limit and refused above",
         a_body_is_taken_at_its_limit_and_refused_above},
        {"errors strike before or after the effect", errors_strike_before_or_after_the_effect},
        {"connections hang and close", connections_hang_and_close},
        {"a delay holds the answer or the handler", a_delay_holds_the_answer_or_the_handler},
        {"bodies are cut, thinned and grow stale", bodies_are_cut_thinned_and_grow_stale},
        {"odd answers come byte by byte", odd_answers_come_byte_by_byte},
        {"a stream is written and its end is told", a_stream_is_written_and_its_end_is_told},
        {"the request log tells all but secrets", the_request_log_tells_all_but_secrets},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_server", tests);
}
