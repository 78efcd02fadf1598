/* Names, then sockets, until one is connected. May not: know an API, log. */
#include "dialer/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct attempt {
    struct dialing *dial;
    int descriptor;      /* -1: over, or not begun */
    struct event *event; /* until it is connected or not */
    const char *address;
};

struct dialing {
    struct event_base *base;
    struct names *names;
    char host[NAME_HOST_BYTES_MAX];
    uint16_t port;
    dial_done done;
    void *argument;
    struct event *limit, *step;
    struct name_query *query; /* while the name is asked */
    struct name_addresses addresses;
    struct attempt attempt[NAME_ADDRESSES_MAX];
    unsigned begun, failed; /* of the addresses */
    enum dial_failure failure;
    char text[TEXT_BYTES_MAX]; /* what came back last */
};

/* ----------------------------------------------------------------------------------- the end */

static void end_attempt(struct attempt *attempt)
{
    if (attempt->event != NULL)
        event_free(attempt->event);
    if (attempt->descriptor >= 0)
        close(attempt->descriptor);
    attempt->event = NULL;
    attempt->descriptor = -1;
}

void dial_cancel(struct dialing *dial)
{
    if (dial == NULL)
        return;
    names_drop(dial->query);
    for (unsigned i = 0; i < dial->begun; i++)
        end_attempt(&dial->attempt[i]);
    if (dial->limit != NULL)
        event_free(dial->limit);
    if (dial->step != NULL)
        event_free(dial->step);
    free(dial);
}

static void finish(struct dialing *dial, int descriptor)
{
    dial_done done = dial->done;
    void *argument = dial->argument;
    enum dial_failure failure = dial->failure;
    char text[sizeof dial->text];
    memcpy(text, dial->text, sizeof text);
    dial_cancel(dial);
    done(descriptor, failure, text, argument);
}

/* Told from the loop: what found it out may be called from inside dial_begin. */
static void step_soon(struct dialing *dial, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(dial->step, &wait);
}

/* ------------------------------------------------------------------------------- an address */

static void attempt_failed(struct attempt *attempt, int number)
{
    struct dialing *dial = attempt->dial;
    snprintf(dial->text, sizeof dial->text, "%s port %u: %s", attempt->address,
             (unsigned)dial->port, strerrordesc_np(number));
    dial->failure = DIAL_NO_CONNECTION;
    end_attempt(attempt);
    dial->failed++;
    step_soon(dial, 0);
}

static void on_writable(evutil_socket_t descriptor, short what, void *argument)
{
    (void)what;
    struct attempt *attempt = argument;
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    if (number != 0) {
        attempt_failed(attempt, number);
        return;
    }
    attempt->descriptor = -1; /* the owner's from now on */
    finish(attempt->dial, descriptor);
}

/* The address as connect(2) takes it; returns its size, 0 where it is none. */
static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        memcpy(out, &four, sizeof four);
        return sizeof four;
    }
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
        memcpy(out, &six, sizeof six);
        return sizeof six;
    }
    return 0;
}

static void begin_attempt(struct dialing *dial)
{
    struct attempt *attempt = &dial->attempt[dial->begun];
    struct sockaddr_storage address;
    *attempt = (struct attempt){
        .dial = dial, .descriptor = -1, .address = dial->addresses.text[dial->begun]};
    dial->begun++;
    socklen_t size = address_of(attempt->address, dial->port, &address);
    if (size == 0) {
        attempt_failed(attempt, EAFNOSUPPORT);
        return;
    }
    attempt->descriptor =
        socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (attempt->descriptor < 0 ||
        (connect(attempt->descriptor, (struct sockaddr *)&address, size) != 0 &&
         errno != EINPROGRESS)) {
        attempt_failed(attempt, errno);
        return;
    }
    attempt->event = event_new(dial->base, attempt->descriptor, EV_WRITE, on_writable, attempt);
    if (attempt->event == NULL || event_add(attempt->event, NULL) != 0)
        attempt_failed(attempt, ENOMEM);
}

/* ---------------------------------------------------------------------------------- its course */

static void on_step(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct dialing *dial = argument;
    if (dial->begun < dial->addresses.count) {
        begin_attempt(dial);
        if (dial->begun < dial->addresses.count && event_pending(dial->step, EV_TIMEOUT, NULL) == 0)
            step_soon(dial, DIAL_NEXT_MS);
    } else if (dial->failed == dial->begun) {
        finish(dial, -1);
    }
}

static void on_limit(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct dialing *dial = argument;
    bool asked = dial->query != NULL;
    dial->failure = asked ? DIAL_NO_NAME : DIAL_TIMED_OUT;
    if (asked)
        snprintf(dial->text, sizeof dial->text, "no name server answered in time");
    else
        snprintf(dial->text, sizeof dial->text, "%s port %u: no answer",
                 dial->begun > 0 ? dial->attempt[dial->begun - 1].address : dial->host,
                 (unsigned)dial->port);
    finish(dial, -1);
}

static void on_name(const struct name_addresses *addresses, const char *why, void *argument)
{
    struct dialing *dial = argument;
    dial->query = NULL;
    dial->failure = DIAL_NO_NAME;
    if (addresses != NULL)
        dial->addresses = *addresses;
    else
        snprintf(dial->text, sizeof dial->text, "%s", why);
    step_soon(dial, 0);
}

struct dialing *dial_begin(struct event_base *base, struct names *names, const char *host,
                           uint16_t port, int64_t limit_ms, dial_done done, void *argument)
{
    struct dialing *dial = calloc(1, sizeof *dial);
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    if (dial == NULL)
        return NULL;
    *dial = (struct dialing){
        .base = base, .names = names, .port = port, .done = done, .argument = argument};
    snprintf(dial->host, sizeof dial->host, "%s", host);
    dial->limit = evtimer_new(base, on_limit, dial);
    dial->step = evtimer_new(base, on_step, dial);
    if (dial->limit == NULL || dial->step == NULL || event_add(dial->limit, &limit) != 0) {
        dial_cancel(dial);
        return NULL;
    }
    if (names_known(names, host, &dial->addresses))
        step_soon(dial, 0);
    else
        dial->query = names_ask(names, host, on_name, dial);
    return dial;
}
