/* The engine and its way to connections: what becomes of calls whose questions are answered late,
 * twice, wrongly or never, and of more calls than there may be connections. May not: leave
 * loopback. */
#include "tests/unit/http_fixture.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLS 32
#define AT_ONCE_MAX                                                                                \
    8 /* connections to one API, as the contract of the dialer's bounds counts on                  \
       */

static struct test_server plain;

/* ------------------------------------------------------------------------------- many at once */

struct ended {
    bool done;
    struct seen seen;
};

static struct ended ended[CALLS];
static unsigned left; /* of them, that are awaited */

static void on_end(const struct http_answer *answer, void *argument)
{
    struct ended *one = argument;
    CU_ASSERT_FALSE(one->done); /* once */
    one->done = true;
    keep(answer, &one->seen);
    if (--left > 0)
        event_base_loopcontinue(base);
}

static unsigned count_open(void)
{
    unsigned count = 0;
    for (int descriptor = 0; descriptor < 1024; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

/* Sends them; *calls (CALLS of them) may be NULL. */
static void send_many(struct http_endpoint *endpoint, const char *path, struct http_call **calls)
{
    struct error error;
    memset(ended, 0, sizeof ended);
    left = CALLS;
    for (unsigned i = 0; i < CALLS; i++) {
        const struct http_request request = {.path = path, .done = on_end, .argument = &ended[i]};
        struct http_call *call = http_send(endpoint, &request, &error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call);
        if (calls != NULL)
            calls[i] = call;
    }
}

static void await_all(void)
{
    while (left > 0)
        event_base_dispatch(base);
}

/* Those that wait because the API is busy wait as long as a request may take, not as long as a
 * connection may; and no connection is made only to wait. */
static void test_a_slow_api_is_waited_for(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    settings.limits.connect_ms = 400;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    unsigned asked = way.asked;
    send_many(endpoint, "/slow", NULL);
    await_all();
    for (unsigned i = 0; i < CALLS; i++)
        CU_ASSERT_EQUAL(ended[i].seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_TRUE(way.asked - asked <= AT_ONCE_MAX);
    http_endpoint_free(endpoint);
}

static void test_a_turn_that_does_not_come_is_said(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    settings.limits.total_ms = 700;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    unsigned unsent = 0;
    send_many(endpoint, "/hang", NULL);
    await_all();
    for (unsigned i = 0; i < CALLS; i++) {
        const struct http_answer *answer = &ended[i].seen.answer;
        CU_ASSERT_EQUAL(answer->trouble, TROUBLE_TIMEOUT);
        CU_ASSERT_TRUE(answer->ended_mono_ms - answer->began_mono_ms < 1400);
        if (answer->sent)
            continue;
        unsent++;
        CU_ASSERT_PTR_NOT_NULL(strstr(answer->error.text, "/hang: not sent in time (127.0.0.1: all "
                                                          "connections to it were busy)"));
        CU_ASSERT_PTR_NOT_NULL(strstr(answer->error.text, "raise http.total_timeout"));
    }
    CU_ASSERT_TRUE(unsent >= CALLS - 2 * AT_ONCE_MAX); /* some have their turn in the last moment */
    http_endpoint_free(endpoint);
}

/* A connection that was kept may die long after the request: the time for another one begins when
 * that is asked for. */
static void test_a_kept_connection_dies_late(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    settings.limits.connect_ms = 300;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    CU_ASSERT_STRING_EQUAL(ask_path(endpoint, "/tired").body, "first");
    struct seen seen = ask_path(endpoint, "/tired");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_STRING_EQUAL(seen.body, "first"); /* of another connection */
    CU_ASSERT_TRUE(seen.answer.sent);
    http_endpoint_free(endpoint);
}

/* ------------------------------------------------------------------ where nobody answers rightly
 */

/* Takes what is asked, and answers nothing by itself. */
static struct {
    bool there;
    unsigned count;
    uint64_t id[4 * CALLS];
} asked_of;

static bool ask_nobody(void *argument, uint64_t id, enum source source, struct error *error)
{
    (void)argument, (void)source;
    if (!asked_of.there)
        return error_set(error, "the dialer is not there");
    CU_ASSERT_TRUE_FATAL(asked_of.count < 4 * CALLS);
    asked_of.id[asked_of.count++] = id;
    return true;
}

static struct http *open_mute(void)
{
    static const struct http_way mute = {.dial = ask_nobody};
    struct http *engine = NULL;
    struct error error;
    memset(&asked_of, 0, sizeof asked_of);
    asked_of.there = true;
    CU_ASSERT_TRUE_FATAL(http_open(&engine, base, &mute, &error));
    return engine;
}

static struct http_endpoint *endpoint_in(struct http *engine, int64_t connect_ms)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = NULL;
    struct error error;
    settings.limits.connect_ms = connect_ms;
    CU_ASSERT_TRUE_FATAL(http_endpoint_new(engine, &settings, &endpoint, &error));
    return endpoint;
}

static void turn(void)
{
    for (unsigned i = 0; i < 8; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

/* As the dialer makes it: the kernel has not been asked again whether it is connected. */
static int connect_plain(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)plain.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    (void)connect(descriptor, (struct sockaddr *)&to, sizeof to);
    struct pollfd watch = {.fd = descriptor, .events = POLLOUT};
    CU_ASSERT_EQUAL_FATAL(poll(&watch, 1, 1000), 1);
    return descriptor;
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

static void test_a_dialer_that_says_nothing(void)
{
    struct http *engine = open_mute();
    struct http_endpoint *endpoint = endpoint_in(engine, 200);
    struct seen seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text,
                                  "no connection in time (127.0.0.1: the dialer has not answered); "
                                  "look at the dialer's log lines"));
    seen = ask(endpoint, &(struct http_request){.path = "/echo", .total_ms = 60});
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text,
                                  "the time for the request was over); check "
                                  "gitea.url and the network between"));
    asked_of.there = false;
    seen = ask_path(endpoint, "/echo");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "(127.0.0.1: the dialer is not there)"));
    http_endpoint_free(endpoint);
    http_close(engine);
}

/* Answers that nobody waits for, twice, of no question, after the limit: what they bring is closed,
 * and no call hears of it. */
static void test_answers_of_nothing_are_closed(void)
{
    struct http *engine = open_mute();
    struct http_endpoint *endpoint = endpoint_in(engine, 200);
    ask_path(endpoint, "/echo"); /* fails; its question is answered now */
    int late = connect_plain(), zero = connect_plain(), unknown = connect_plain();
    http_dialed(engine, asked_of.id[0], late);
    http_dialed(engine, 0, zero);
    http_dialed(engine, 4711, unknown);
    CU_ASSERT_FALSE(is_open(late) || is_open(zero) || is_open(unknown));
    http_dial_failed(engine, asked_of.id[0], DIAL_NO_NAME, "late");

    struct http_call *calls[CALLS];
    send_many(endpoint, "/echo", calls);
    turn();
    CU_ASSERT_EQUAL_FATAL(asked_of.count, 1 + AT_ONCE_MAX);
    int first = connect_plain(), twice = connect_plain();
    http_dialed(engine, asked_of.id[1], first);
    http_dialed(engine, asked_of.id[1], twice);
    CU_ASSERT_FALSE(is_open(twice));
    http_dial_failed(engine, asked_of.id[1], DIAL_NO_NAME, "after all");
    http_dial_failed(engine, asked_of.id[2], DIAL_NO_NAME, "once");
    http_dial_failed(engine, asked_of.id[2], DIAL_NO_NAME, "twice");
    await_all();
    CU_ASSERT_EQUAL(ended[0].seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(ended[1].seen.answer.error.text, "once"));
    http_endpoint_free(endpoint);
    http_close(engine);
}

/* Another dialer is there in the middle of it: all is asked again, and the first one's answers
 * count no more. */
static void test_another_dialer_is_asked_again(void)
{
    struct http *engine = open_mute();
    struct http_endpoint *endpoint = endpoint_in(engine, 3000);
    send_many(endpoint, "/echo", NULL);
    turn();
    CU_ASSERT_EQUAL_FATAL(asked_of.count, AT_ONCE_MAX);
    http_dial_again(engine);
    CU_ASSERT_EQUAL_FATAL(asked_of.count, 2 * AT_ONCE_MAX);
    for (unsigned i = 0; i < 2 * AT_ONCE_MAX; i++)
        http_dialed(engine, asked_of.id[i], connect_plain());
    await_all();
    for (unsigned i = 0; i < CALLS; i++)
        CU_ASSERT_EQUAL(ended[i].seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_EQUAL(asked_of.count, 2 * AT_ONCE_MAX); /* kept connections served the others */
    http_endpoint_free(endpoint);
    http_close(engine);
}

/* Cancelled while it waits for its turn, for a connection, with one in hand, and after that; the
 * others go on, and no descriptor is left. */
static void test_cancelled_at_every_moment(void)
{
    unsigned before = count_open();
    struct http *engine = open_mute();
    struct http_endpoint *endpoint = endpoint_in(engine, 3000);
    for (unsigned moment = 0; moment < 5; moment++) {
        struct http_call *calls[CALLS];
        asked_of.count = 0;
        send_many(endpoint, "/hang", calls);
        if (moment > 0)
            turn();
        for (unsigned i = 0; i < asked_of.count && moment > 1; i++)
            http_dialed(engine, asked_of.id[i], connect_plain());
        if (moment > 2)
            turn();
        for (unsigned i = 0; i < CALLS && moment == 3; i++)
            http_cancel(calls[CALLS - 1 - i]);
        for (unsigned i = 0; i < CALLS && moment < 3; i++)
            http_cancel(calls[i]);
        if (moment == 4)
            http_cancel_all(engine);
        turn();
        for (unsigned i = 0; i < CALLS; i++)
            CU_ASSERT_FALSE(ended[i].done);
    }
    http_endpoint_free(endpoint);
    http_close(engine);
    CU_ASSERT_EQUAL(count_open(), before);
}

/* What is handed over is no connection: whoever uses it fails, and says so. */
static void test_what_is_no_connection_fails(void)
{
    struct http *engine = open_mute();
    struct http_endpoint *endpoint = endpoint_in(engine, 1000);
    for (unsigned kind = 0; kind < 2; kind++) {
        asked_of.count = 0;
        memset(ended, 0, sizeof ended);
        left = 1;
        const struct http_request request = {
            .path = "/echo", .done = on_end, .argument = &ended[0]};
        struct error error;
        CU_ASSERT_PTR_NOT_NULL_FATAL(http_send(endpoint, &request, &error));
        turn();
        CU_ASSERT_EQUAL_FATAL(asked_of.count, 1);
        int descriptor = kind == 0 ? connect_plain() : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (kind == 0)
            shutdown(descriptor, SHUT_RDWR);
        http_dialed(engine, asked_of.id[0], descriptor);
        await_all();
        CU_ASSERT_NOT_EQUAL(ended[0].seen.answer.trouble, TROUBLE_NONE);
        CU_ASSERT_PTR_NOT_NULL(strstr(ended[0].seen.answer.error.text, "http://127.0.0.1"));
    }
    http_endpoint_free(endpoint);
    http_close(engine);
}

/* ------------------------------------------------------------------------------ many in a row */

/* Hundreds of connections that end each in its way: none is kept. The dialer has a pace. */
static void test_no_descriptor_is_left(void)
{
    static const char *const paths[] = {"/close", "/echo", "/truncated", "/garbage"};
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    unsigned before = 0;
    for (unsigned round = 0; round < 400; round++) {
        struct seen seen = {0};
        struct error error;
        const struct http_request request = {
            .path = paths[round % 4], .done = keep, .argument = &seen};
        CU_ASSERT_PTR_NOT_NULL_FATAL(http_send(endpoint, &request, &error));
        event_base_dispatch(base);
        CU_ASSERT_TRUE(seen.done);
        if (round == 40)
            before = count_open();
        if (round % 100 == 99)
            sleep(1);
    }
    CU_ASSERT_TRUE(count_open() <= before + 1);
    http_endpoint_free(endpoint);
}

/* ------------------------------------------------------------------------- what is between */

static void test_a_handshake_that_hangs(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&at, &size);
    struct http_settings settings = settings_for("https", "127.0.0.1", ntohs(at.sin_port));
    settings.limits.connect_ms = 400;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent);
    CU_ASSERT_TRUE(seen.answer.ended_mono_ms - seen.answer.began_mono_ms < 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "raise http.connect_timeout"));
    http_endpoint_free(endpoint);
    close(listener);
}

/* A proxy that does not let us through: nothing was sent to the API. */
static void test_a_proxy_that_refuses(void)
{
    char proxy[64];
    struct http_settings settings = settings_for("https", "127.0.0.1", 1);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", plain.port);
    settings.proxy = proxy;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent);
    CU_ASSERT_EQUAL(seen.answer.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "gitea.proxy"));
    http_endpoint_free(endpoint);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a slow API is waited for", test_a_slow_api_is_waited_for},
        {"a turn that does not come is said", test_a_turn_that_does_not_come_is_said},
        {"a kept connection dies late", test_a_kept_connection_dies_late},
        {"a dialer that says nothing", test_a_dialer_that_says_nothing},
        {"answers of nothing are closed", test_answers_of_nothing_are_closed},
        {"another dialer is asked again", test_another_dialer_is_asked_again},
        {"cancelled at every moment", test_cancelled_at_every_moment},
        {"what is no connection fails", test_what_is_no_connection_fails},
        {"no descriptor is left", test_no_descriptor_is_left},
        {"a handshake that hangs", test_a_handshake_that_hangs},
        {"a proxy that refuses", test_a_proxy_that_refuses},
        CU_TEST_INFO_NULL,
    };
    const struct test_server_settings settings = {0};
    if (!test_server_start(&plain, &settings))
        return 2;
    int status = fixture_run("http_dial", tests);
    test_server_stop(&plain);
    return status;
}
