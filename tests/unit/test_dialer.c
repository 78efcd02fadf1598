/* How the dialer makes a connection, and how it bounds who asks. May not: leave loopback. */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "dialer/callers.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/http_way.h"

static struct event_base *base;
static struct callers callers;

static struct {
    unsigned answers;
    enum role caller;
    uint64_t id;
    int descriptor; /* of the last connection that was made */
    enum dial_failure failure;
    char text[TEXT_BYTES_MAX];
} seen;

static void on_answer(enum role caller, uint64_t id, int descriptor, enum dial_failure failure,
                      const char *text, void *argument)
{
    (void)argument;
    seen.answers++;
    seen.caller = caller;
    seen.id = id;
    seen.descriptor = descriptor;
    seen.failure = failure;
    snprintf(seen.text, sizeof seen.text, "%s", text);
    event_base_loopbreak(base);
}

static void begin(void)
{
    struct error error;
    memset(&seen, 0, sizeof seen);
    seen.descriptor = -1;
    base = event_base_new();
    callers = (struct callers){.base = base, .limit_ms = 3000, .answer = on_answer};
    CU_ASSERT_TRUE_FATAL(names_new(&callers.names, base, "", "", &error));
}

static void end(void)
{
    for (int role = 0; role < (int)role_count; role++)
        callers_forget(&callers, (enum role)role);
    names_free(callers.names);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
}

static void lead(enum role role, enum source source, const char *host, uint16_t port)
{
    struct destination *to = &callers.destinations.of[role][source];
    to->port = port;
    snprintf(to->host, sizeof to->host, "%s", host);
}

/* A listener at an address of loopback; *port 0: any. backlog 0 and never accepted: see below. */
static int listen_at(const char *address, uint16_t *port, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof at;
    inet_pton(AF_INET, address, &at.sin_addr);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_EQUAL_FATAL(bind(descriptor, (struct sockaddr *)&at, sizeof at), 0);
    CU_ASSERT_EQUAL_FATAL(listen(descriptor, backlog), 0);
    getsockname(descriptor, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return descriptor;
}

/* The port of the other end. */
static uint16_t peer_port(int descriptor)
{
    struct sockaddr_in to = {.sin_port = 0};
    socklen_t size = sizeof to;
    CU_ASSERT_EQUAL(getpeername(descriptor, (struct sockaddr *)&to, &size), 0);
    return ntohs(to.sin_port);
}

static void test_a_connection_is_made(void)
{
    uint16_t port = 0;
    begin();
    int listener = listen_at("127.0.0.1", &port, 8);
    lead(ROLE_POLLER_KUBE, SOURCE_KUBE, "localhost", port);
    callers_ask(&callers, ROLE_POLLER_KUBE, 7, SOURCE_KUBE, 0);
    CU_ASSERT_EQUAL(seen.answers, 0); /* never from inside */
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.caller, ROLE_POLLER_KUBE);
    CU_ASSERT_EQUAL(seen.id, 7);
    CU_ASSERT_TRUE_FATAL(seen.descriptor >= 0);
    CU_ASSERT_EQUAL(peer_port(seen.descriptor), port);
    close(seen.descriptor);
    close(listener);
    end();
}

/* localhost is two addresses; only the second has a listener. */
static void test_the_next_address_is_tried(void)
{
    uint16_t port = 0;
    begin();
    struct error error;
    int listener = listen_at("127.0.0.3", &port, 8);
    CU_ASSERT_TRUE(
        names_replace(callers.names, "", "127.0.0.2 api.test\n127.0.0.3 api.test\n", &error));
    lead(ROLE_ACTUATOR, SOURCE_GITEA, "api.test", port);
    callers_ask(&callers, ROLE_ACTUATOR, 1, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    CU_ASSERT_TRUE_FATAL(seen.descriptor >= 0);
    CU_ASSERT_EQUAL(peer_port(seen.descriptor), port);
    close(seen.descriptor);
    close(listener);
    end();
}

/* A name server of the test: ten IPv4 addresses, at none of which anybody listens, and one of IPv6.
 */
static void on_question(struct evdns_server_request *request, void *argument)
{
    (void)argument;
    for (int i = 0; i < request->nquestions; i++) {
        const struct evdns_server_question *question = request->questions[i];
        unsigned char four[10 * 4], six[16] = {[15] = 1};
        for (unsigned k = 0; k < 10; k++)
            memcpy(four + 4 * k, (unsigned char[]){127, 0, 0, (unsigned char)(9 + k)}, 4);
        if (question->type == EVDNS_TYPE_A)
            evdns_server_request_add_a_reply(request, question->name, 10, four, 60);
        else if (question->type == EVDNS_TYPE_AAAA)
            evdns_server_request_add_aaaa_reply(request, question->name, 1, six, 60);
    }
    evdns_server_request_respond(request, 0);
}

static struct evdns_server_port *serve_names(char *resolv_conf, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_EQUAL_FATAL(bind(descriptor, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(descriptor, (struct sockaddr *)&at, &length);
    snprintf(resolv_conf, size, "nameserver 127.0.0.1:%u\n", ntohs(at.sin_port));
    return evdns_add_server_port_with_base(base, descriptor, 0, on_question, NULL);
}

/* Many addresses of a family that leads nowhere do not hide those of the other. */
static void test_both_families_are_tried(void)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof at;
    char resolv_conf[64];
    struct error error;
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_six = listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0;
    if (!has_six) {
        printf("(no IPv6 here) ");
        if (listener >= 0)
            close(listener);
        return;
    }
    CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&at, &size);
    begin();
    struct evdns_server_port *server = serve_names(resolv_conf, sizeof resolv_conf);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_TRUE(names_replace(callers.names, resolv_conf, "", &error));
    lead(ROLE_ACTUATOR, SOURCE_GITEA, "api.test", ntohs(at.sin6_port));
    callers_ask(&callers, ROLE_ACTUATOR, 1, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    CU_ASSERT_TRUE(seen.descriptor >= 0);
    if (seen.descriptor >= 0)
        close(seen.descriptor);
    close(listener);
    evdns_close_server_port(server);
    end();
}

/* Fills a listener's queue, so that the kernel answers nothing more there: an address that is
 * silent. */
static void make_silent(const char *address, uint16_t port, int *kept, unsigned count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &at.sin_addr);
    for (unsigned i = 0; i < count; i++) {
        kept[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(kept[i], (struct sockaddr *)&at, sizeof at);
    }
}

static void test_a_silent_address_does_not_hold_up(void)
{
    uint16_t port = 0;
    int kept[4];
    struct error error;
    begin();
    int good = listen_at("127.0.0.3", &port, 8);
    int silent = listen_at("127.0.0.2", &port, 0);
    make_silent("127.0.0.2", port, kept, 4);
    CU_ASSERT_TRUE(
        names_replace(callers.names, "", "127.0.0.2 api.test\n127.0.0.3 api.test\n", &error));
    lead(ROLE_ACTUATOR, SOURCE_GITEA, "api.test", port);
    int64_t began = clock_mono_ms();
    callers_ask(&callers, ROLE_ACTUATOR, 1, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    int64_t took = clock_mono_ms() - began;
    CU_ASSERT_TRUE_FATAL(seen.descriptor >= 0);
    CU_ASSERT_TRUE(took >= DIAL_NEXT_MS - 20 && took < 2500);
    close(seen.descriptor);
    for (unsigned i = 0; i < 4; i++)
        close(kept[i]);
    close(silent);
    close(good);
    end();
}

static void test_what_fails_is_said(void)
{
    uint16_t port = 0;
    int kept[4];
    begin();
    int silent = listen_at("127.0.0.2", &port, 0);
    make_silent("127.0.0.2", port, kept, 4);
    lead(ROLE_POLLER_GITEA, SOURCE_GITEA, "127.0.0.9", port);
    callers_ask(&callers, ROLE_POLLER_GITEA, 1, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.descriptor, -1);
    CU_ASSERT_EQUAL(seen.failure, DIAL_NO_CONNECTION);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "127.0.0.9 port"));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "Connection refused"));

    lead(ROLE_POLLER_GITEA, SOURCE_GITEA, "nowhere.test", port); /* and no name server */
    callers_ask(&callers, ROLE_POLLER_GITEA, 2, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.failure, DIAL_NO_NAME);

    callers.limit_ms = 300;
    lead(ROLE_POLLER_GITEA, SOURCE_GITEA, "127.0.0.2", port);
    callers_ask(&callers, ROLE_POLLER_GITEA, 3, SOURCE_GITEA, 0);
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.id, 3);
    CU_ASSERT_EQUAL(seen.failure, DIAL_TIMED_OUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "127.0.0.2 port"));

    callers_ask(&callers, ROLE_POLLER_GITEA, 4, SOURCE_HETZNER, 0);
    CU_ASSERT_EQUAL(seen.failure, DIAL_NOT_ALLOWED);
    CU_ASSERT_STRING_EQUAL(seen.text, "the poller-gitea is not to be connected with hetzner");
    CU_ASSERT_EQUAL(seen.answers, 4);
    for (unsigned i = 0; i < 4; i++)
        close(kept[i]);
    close(silent);
    end();
}

static void test_a_caller_is_bounded_and_forgotten(void)
{
    uint16_t port = 0;
    int kept[4];
    begin();
    int silent = listen_at("127.0.0.2", &port, 0);
    make_silent("127.0.0.2", port, kept, 4);
    lead(ROLE_POLLER_GITEA, SOURCE_GITEA, "127.0.0.2", port);
    lead(ROLE_ACTUATOR, SOURCE_GITEA, "127.0.0.2", port);
    for (uint64_t i = 1; i <= CALLER_DIALS_MAX; i++)
        callers_ask(&callers, ROLE_POLLER_GITEA, i, SOURCE_GITEA, 0);
    CU_ASSERT_EQUAL(seen.answers, 0);
    callers_ask(&callers, ROLE_POLLER_GITEA, 100, SOURCE_GITEA, 0);
    CU_ASSERT_EQUAL(seen.id, 100);
    CU_ASSERT_EQUAL(seen.failure, DIAL_TOO_MANY);
    callers_ask(&callers, ROLE_ACTUATOR, 1, SOURCE_GITEA, 0); /* another's room is its own */
    CU_ASSERT_EQUAL(seen.answers, 1);
    for (uint64_t i = 2; i <= CALLER_DIALS_MAX; i++)
        callers_ask(&callers, ROLE_ACTUATOR, i, SOURCE_GITEA, 0);
    lead(ROLE_ACTUATOR, SOURCE_KUBE, "127.0.0.2", port);
    callers_ask(&callers, ROLE_ACTUATOR, 99, SOURCE_KUBE, 0); /* and so is each API's */
    CU_ASSERT_EQUAL(seen.answers, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
    callers_forget(&callers, ROLE_POLLER_GITEA);
    callers_ask(&callers, ROLE_POLLER_GITEA, 101, SOURCE_GITEA, 0);
    CU_ASSERT_EQUAL(seen.answers, 1); /* there is room again */
    for (unsigned i = 0; i < 4; i++)
        close(kept[i]);
    close(silent);
    end();
}

/* As many as it may in a second, then none, then again; another's pace is its own. */
static void test_a_caller_has_a_pace(void)
{
    begin();
    for (uint64_t i = 1; i <= CALLER_DIALS_A_SECOND; i++) {
        lead(ROLE_POLLER_GITEA, SOURCE_GITEA, "127.0.0.9", 1);
        callers_ask(&callers, ROLE_POLLER_GITEA, i, SOURCE_GITEA, 5000 + (int64_t)i);
        callers_forget(&callers, ROLE_POLLER_GITEA);
    }
    CU_ASSERT_EQUAL(seen.answers, 0);
    callers_ask(&callers, ROLE_POLLER_GITEA, 1000, SOURCE_GITEA, 5999);
    CU_ASSERT_EQUAL(seen.failure, DIAL_TOO_MANY);
    CU_ASSERT_STRING_EQUAL(seen.text,
                           "the poller-gitea asks for more than 200 connections a second");
    lead(ROLE_ACTUATOR, SOURCE_GITEA, "127.0.0.9", 1);
    callers_ask(&callers, ROLE_ACTUATOR, 1, SOURCE_GITEA, 5999);
    callers_ask(&callers, ROLE_POLLER_GITEA, 1001, SOURCE_GITEA, 6001);
    CU_ASSERT_EQUAL(seen.answers, 1);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a connection is made", test_a_connection_is_made},
        {"the next address is tried", test_the_next_address_is_tried},
        {"both families are tried", test_both_families_are_tried},
        {"a silent address does not hold up", test_a_silent_address_does_not_hold_up},
        {"what fails is said", test_what_fails_is_said},
        {"a caller is bounded and forgotten", test_a_caller_is_bounded_and_forgotten},
        {"a caller has a pace", test_a_caller_has_a_pace},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("dialer", tests);
}
