/* What the monitor's two doors promise, over real connections of loopback: what is answered and
 * what is refused, that no other site reads it, that slow, large and many requests end, and that of
 * many webhooks few hints come. */
#include "tests/unit/cunit_main.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "monitor/serve.h"
#include "monitor/webhook.h"
#include "monitor/webhook_door.h"

#define SECRET "of the hook"
#define HOST   "Host: localhost\r\n"

static struct {
    struct event_base *base;
    struct config *config;
    struct picture picture;
    struct serve *serve;
    struct webhook_door *webhooks;
    unsigned short port;
    unsigned hints;
    uint64_t last_job;
} rig;

static char answer[1 << 18];

static void set(const char *key, const char *value)
{
    struct error error = {""};
    CU_ASSERT_TRUE(config_set(rig.config, key, value, &error));
}

static void begin(void)
{
    memset(&rig, 0, sizeof rig);
    rig.base = event_base_new();
    rig.config = config_new();
    CU_ASSERT_TRUE_FATAL(rig.base && rig.config);
    metrics_reset();
}

static void end(void)
{
    serve_free(rig.serve);
    webhook_door_free(rig.webhooks);
    picture_clear(&rig.picture);
    config_free(rig.config);
    event_base_free(rig.base);
}

static int listening(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&address, size), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 16), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    rig.port = ntohs(address.sin_port);
    return listener;
}

static void open_pages(void)
{
    struct error error = {""};
    rig.serve = serve_new(rig.base, listening(), rig.config, &rig.picture, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.serve);
}

static void on_hint(uint64_t job_id, void *argument)
{
    (void)argument;
    rig.hints++;
    rig.last_job = job_id;
}

static void open_webhooks(void)
{
    struct error error = {""};
    struct secret *secret = secret_new(SECRET, strlen(SECRET), &error);
    rig.webhooks =
        webhook_door_new(rig.base, listening(), secret, rig.config, on_hint, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.webhooks);
}

static int connected(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(rig.port)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CU_ASSERT_EQUAL_FATAL(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

/* Turns the loop until the server has ended the connection, or ms are over; what came is added to
 * `answer`, of which `used` bytes are there. */
static bool read_on(int client, size_t *used, unsigned ms)
{
    ssize_t got = -1;
    for (unsigned waited = 0; waited < ms && got != 0; waited += 5) {
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
        got = recv(client, answer + *used, sizeof answer - *used - 1, MSG_DONTWAIT);
        if (got > 0)
            *used += (size_t)got;
        else if (got < 0)
            usleep(5000);
    }
    answer[*used] = '\0';
    return got == 0;
}

static bool read_all(int client, unsigned ms)
{
    size_t used = 0;
    return read_on(client, &used, ms);
}

static void has(const char *words)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, words));
    if (!strstr(answer, words))
        fprintf(stderr, "not there: %s, in: %.300s\n", words, answer);
}

static void lacks(const char *words)
{
    CU_ASSERT_PTR_NULL(strcasestr(answer, words));
    if (strcasestr(answer, words))
        fprintf(stderr, "there: %s, in: %.300s\n", words, answer);
}

static void ask_bytes(const char *request, size_t length, const char *words)
{
    int client = connected();
    size_t sent = 0;
    while (sent < length) {
        ssize_t some = send(client, request + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (some > 0)
            sent += (size_t)some;
        else if (read_all(client, 5))
            break;
    }
    CU_ASSERT_TRUE(read_all(client, 3000));
    has(words);
    close(client);
}

static void ask(const char *request, const char *words)
{
    ask_bytes(request, strlen(request), words);
}

/* ----------------------------------------------------------------------------------- the pages */

static void the_server_answers_and_refuses(void)
{
    static char large[REQUEST_HEADER_BYTES_MAX + 512];
    begin();
    open_pages();
    ask("GET /healthz HTTP/1.1\r\n" HOST "\r\n", "200 OK");
    ask("GET /healthz HTTP/1.0\r\n\r\n", "alive");
    ask("GET /metrics HTTP/1.1\r\n" HOST "\r\n", "ebbtide_build_info{");
    ask("GET /metrics?x=1 HTTP/1.1\r\n" HOST "\r\n",
        "ebbtide_monitor_requests_total{process=\"monitor\"} 3");
    ask("GET / HTTP/1.1\r\n" HOST "\r\n", "<title>Ebbtide</title>");
    ask("GET /readyz HTTP/1.1\r\n" HOST "\r\n", "503 ");
    ask("GET /nowhere HTTP/1.1\r\n" HOST "\r\n", "404 ");
    ask("HEAD /healthz HTTP/1.1\r\n" HOST "\r\n", "200 OK");
    has("Content-Length: 6\r\n");
    lacks("alive\n");
    ask("POST /metrics HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "405 ");
    has("Allow: GET, HEAD\r\n");
    ask("OPTIONS /metrics HTTP/1.1\r\n" HOST
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
        "405 ");
    ask("BREW /metrics HTTP/1.1\r\n" HOST "\r\n", "501 ");
    int length = snprintf(large, sizeof large, "GET / HTTP/1.1\r\nX: ");
    memset(large + length, 'a', sizeof large - (size_t)length - 1);
    ask(large, "400 ");
    ask("POST / HTTP/1.1\r\n" HOST "Content-Length: 2000\r\n\r\n", "413 ");
    ask("GET /metrics HTTP/1.1\r\n" HOST "\r\n",
        "ebbtide_monitor_requests_refused_total{process=\"monitor\",reason=\"method\"} 2");
    end();
}

/* Nobody's page but our own reads, frames or keeps what is shown, and no software is named. */
static void other_sites_read_nothing(void)
{
    begin();
    set("monitor.hosts[0]", "ci.example.com");
    open_pages();
    ask("GET / HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n", "200 OK");
    lacks("Access-Control");
    lacks("\r\nServer:");
    lacks("libevent");
    has("X-Content-Type-Options: nosniff\r\n");
    has("X-Frame-Options: DENY\r\n");
    has("Cross-Origin-Resource-Policy: same-origin\r\n");
    has("Cross-Origin-Opener-Policy: same-origin\r\n");
    has("Cache-Control: no-store\r\n");
    has("Content-Security-Policy: default-src 'none'; style-src 'sha256-");
    has("frame-ancestors 'none'\r\n");
    ask("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request");
    has("monitor.hosts");
    lacks("ebbtide_build_info");
    ask("GET http://evil.example/metrics HTTP/1.1\r\n" HOST "\r\n", "421 ");
    ask("GET /metrics HTTP/1.1\r\n" HOST "Host: evil.example\r\n\r\n", "400 ");
    ask("GET /metrics HTTP/1.1\r\n\r\n", "400 ");
    ask("GET /metrics HTTP/1.1\r\nHost: CI.example.com:9464\r\n\r\n", "200 OK");
    ask("GET /metrics HTTP/1.1\r\n" HOST "Sec-Fetch-Site: cross-site\r\n\r\n", "403 ");
    lacks("ebbtide_build_info");
    ask("GET / HTTP/1.1\r\n" HOST "Sec-Fetch-Site: same-origin\r\n\r\n", "200 OK");
    ask("GET /metrics HTTP/1.1\r\n" HOST "\r\n", "reason=\"host\"} 2");
    has("reason=\"cross-site\"} 1");
    end();
}

/* The policy lets the page's own style pass: the hash is of that text. */
static void the_page_has_the_style_that_may_be(void)
{
    unsigned char digest[EVP_MAX_MD_SIZE], text[64];
    char hash[80];
    EVP_Digest(PAGE_STYLE, strlen(PAGE_STYLE), digest, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock(text, digest, 32);
    snprintf(hash, sizeof hash, "sha256-%s", (const char *)text);
    CU_ASSERT_STRING_EQUAL(hash, PAGE_STYLE_HASH);
}

/* A request whose bytes come one by one is ended in request_timeout all the same, and told why. */
static void slow_requests_are_ended(void)
{
    begin();
    set("monitor.request_timeout", "500ms");
    open_pages();
    size_t used = 0;
    bool ended = false;
    int client = connected();
    CU_ASSERT_EQUAL(send(client, "GET /", 5, MSG_NOSIGNAL), 5);
    for (int i = 0; i < 20 && !ended; i++) {
        send(client, "a", 1, MSG_NOSIGNAL);
        ended = read_on(client, &used, 100);
    }
    CU_ASSERT_TRUE(ended);
    has("408 Request Timeout");
    char *body = strstr(answer, "\r\n\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    CU_ASSERT_EQUAL(strlen(body + 4), 58); /* the Content-Length that is said */
    close(client);
    end();
}

/* One more than connections_max waits until one ends; one that says nothing is ended in
 * request_timeout. */
static void the_server_holds_its_limits(void)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";
    begin();
    set("monitor.connections_max", "2");
    set("monitor.request_timeout", "500ms");
    open_pages();
    int silent[2] = {connected(), connected()};
    CU_ASSERT_FALSE(read_all(silent[0], 50));
    int third = connected();
    send(third, request, sizeof request - 1, MSG_NOSIGNAL);
    CU_ASSERT_FALSE(read_all(third, 150));
    close(silent[0]);
    CU_ASSERT_TRUE(read_all(third, 2000));
    has("200 OK");
    send(silent[1], "GET", 3, MSG_NOSIGNAL);
    CU_ASSERT_TRUE(read_all(silent[1], 2000));
    for (int i = 0; i < 5; i++)
        ask(request, "200 OK");
    close(silent[1]);
    close(third);
    end();
}

static void too_many_requests_are_told_so(void)
{
    begin();
    set("monitor.requests_per_minute", "10");
    open_pages();
    for (int i = 0; i < 10; i++)
        ask("GET /healthz HTTP/1.1\r\n" HOST "\r\n", "200 OK");
    ask("GET /healthz HTTP/1.1\r\n" HOST "\r\n", "429 Too Many Requests");
    has("Retry-After: 1\r\n");
    set("monitor.requests_per_minute", "1000");
    serve_limit(rig.serve, rig.config);
    usleep(120000); /* two more come back in that time */
    ask("GET /healthz HTTP/1.1\r\n" HOST "\r\n", "200 OK");
    end();
}

/* ------------------------------------------------------------------------------------- webhooks */

/* A delivery of job `id`, rightly signed with `secret`; a further header may be given. */
static const char *delivery(const char *secret, unsigned id, const char *header)
{
    static char text[4096];
    char body[256], hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int length =
        snprintf(body, sizeof body, "{\"action\":\"queued\",\"workflow_job\":{\"id\":%u}}", id);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body, (size_t)length,
         digest, &size);
    for (unsigned int i = 0; i < size; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    snprintf(
        text, sizeof text,
        "POST /webhook HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/json\r\n"
        "X-Gitea-Event: workflow_job\r\nX-Gitea-Delivery: d-%u\r\nX-Gitea-Signature: %s\r\n"
        "%sContent-Length: %d\r\n\r\n%s",
        id, hex, header, length, body);
    return text;
}

static void webhooks_are_answered_and_refused(void)
{
    begin();
    open_webhooks();
    ask(delivery(SECRET, 7, ""), "200 OK");
    CU_ASSERT_EQUAL(rig.hints, 1);
    CU_ASSERT_EQUAL(rig.last_job, 7);
    ask(delivery(SECRET, 7, ""), "200 OK");
    has("taken before");
    ask(delivery("another", 8, ""), "401 ");
    has("WWW-Authenticate: ");
    has("monitor.webhook_secret_file");
    ask(delivery(SECRET, 9, "X-Gitea-Signature: 00\r\n"), "400 ");
    ask(delivery(SECRET, 9, "Sec-Fetch-Site: cross-site\r\n"), "403 ");
    ask("GET /webhook HTTP/1.1\r\n" HOST "\r\n", "405 ");
    has("Allow: POST\r\n");
    ask("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "404 ");
    ask("GET /metrics HTTP/1.1\r\n" HOST "\r\n", "404 ");
    ask("POST /webhook HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "415 ");
    ask("POST /webhook HTTP/1.1\r\n" HOST
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "401 ");
    CU_ASSERT_EQUAL(rig.hints, 1);
    struct error error = {""};
    webhook_door_secret(rig.webhooks, secret_new("another", 7, &error));
    ask(delivery("another", 8, ""), "200 OK");
    end();
}

/* Over our limit our words, far over it the library's; both before all of it has come. */
static void large_bodies_are_refused(void)
{
    static char text[3 * WEBHOOK_BODY_BYTES_MAX];
    begin();
    open_webhooks();
    memset(text, 'x', sizeof text);
    size_t length = WEBHOOK_BODY_BYTES_MAX + 1;
    int head = snprintf(text, sizeof text,
                        "POST /webhook HTTP/1.1\r\n" HOST
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        length);
    text[head] = 'x';
    ask_bytes(text, (size_t)head + length, "413 ");
    has("256 KiB");
    ask("POST /webhook HTTP/1.1\r\n" HOST
        "Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{",
        "413 ");
    CU_ASSERT_EQUAL(rig.hints, 0);
    end();
}

/* However many come, there is one hint at once and one in each HINT_GAP_MS, and the last is never
 * lost. */
static void a_flood_is_few_hints(void)
{
    begin();
    set("monitor.requests_per_minute", "100000");
    open_webhooks();
    int64_t began = clock_mono_ms();
    for (unsigned i = 1; i <= 100; i++)
        ask(delivery(SECRET, i, ""), "200 OK");
    int64_t took = clock_mono_ms() - began;
    CU_ASSERT_TRUE(rig.hints >= 1 && rig.hints <= 1 + (unsigned)(took / HINT_GAP_MS));
    for (int64_t until = clock_mono_ms() + 2 * (int64_t)HINT_GAP_MS;
         rig.last_job != 100 && clock_mono_ms() < until; usleep(5000))
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
    CU_ASSERT_EQUAL(rig.last_job, 100);
    CU_ASSERT_TRUE(rig.hints <= 2 + (unsigned)((clock_mono_ms() - began) / HINT_GAP_MS));
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the server answers and refuses", the_server_answers_and_refuses},
        {"other sites read nothing", other_sites_read_nothing},
        {"the page has the style that may be", the_page_has_the_style_that_may_be},
        {"slow requests are ended", slow_requests_are_ended},
        {"the server holds its limits", the_server_holds_its_limits},
        {"too many requests are told so", too_many_requests_are_told_so},
        {"webhooks are answered and refused", webhooks_are_answered_and_refused},
        {"large bodies are refused", large_bodies_are_refused},
        {"a flood is few hints", a_flood_is_few_hints},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("doors", tests);
}
