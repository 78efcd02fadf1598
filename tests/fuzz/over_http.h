/* For targets that fuzz a door of the monitor: a server on a socket of the abstract name space (of
 * the network nothing is used), a client that sends bytes, and what every answer promises.
 *
 * The input of such a target: bytes as a client sends them; a byte 0xff lets the server read what
 * came so far. One server a process. */
#ifndef EBBTIDE_TESTS_FUZZ_OVER_HTTP_H
#define EBBTIDE_TESTS_FUZZ_OVER_HTTP_H

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/config.h"
#include "tests/fuzz/fuzz.h"

#define PAUSE        0xff
#define TURNS_MAX    64
#define ANSWER_BYTES ((size_t)256 * 1024)

static struct event_base *base;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;
static char answer[ANSWER_BYTES];

/* Makes the event base and a listener. */
static inline int over_http_listen(void)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    base = event_base_new();
    PROMISE(base != NULL && listener >= 0);
    address_size = offsetof(struct sockaddr_un, sun_path) +
                   (socklen_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                       "ebbtide-fuzz-%d", (int)getpid()) +
                   1;
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&address;
    PROMISE(bind(listener, any, address_size) == 0 && listen(listener, 8) == 0);
    return listener;
}

/* Limits that a fuzzer does not meet. Both ends of a connection are in this process, and counted.
 */
static inline struct config *over_http_config(void)
{
    struct config *config = config_new();
    PROMISE(config != NULL);
    config->monitor.connections_max = 64;
    config->monitor.requests_per_minute = 100000000;
    return config;
}

static inline int connect_client(void)
{
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&address;
    PROMISE(client >= 0 && connect(client, any, address_size) == 0);
    return client;
}

/* Reads what is there; false at the end. */
static inline bool read_some(int client, size_t *length)
{
    ssize_t got = recv(client, answer + *length, ANSWER_BYTES - 1 - *length, 0);
    if (got > 0)
        *length += (size_t)got;
    return got > 0 || (got < 0 && *length < ANSWER_BYTES - 1 && errno == EAGAIN);
}

static inline void send_bytes(int client, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *stop = memchr(data, PAUSE, size);
        size_t length = stop == NULL ? size : (size_t)(stop - data);
        /* The server may have closed its end by now. */
        if (length > 0 && send(client, data, length, MSG_NOSIGNAL) < 0)
            return;
        size_t used = stop == NULL ? length : length + 1;
        data += used, size -= used;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

/* The whole answer, with a NUL behind it; how long it is. The server has ended the connection. */
static inline size_t talk(const uint8_t *data, size_t size)
{
    size_t length = 0;
    int client = connect_client();
    send_bytes(client, data, size);
    shutdown(client, SHUT_WR);
    unsigned turn = 0;
    while (turn < TURNS_MAX && read_some(client, &length)) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        turn++;
    }
    PROMISE(turn < TURNS_MAX);
    close(client);
    answer[length] = '\0';
    for (turn = 0; turn < 4; turn++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    return length;
}

/* The server's library answers in the version that it was asked in: two numbers, even below 0. */
static inline unsigned status_of(const char *text)
{
    PROMISE(strncmp(text, "HTTP/", 5) == 0);
    text += 5 + strspn(text + 5, "0123456789.-");
    if (*text != ' ')
        fprintf(stderr, "answered: %.100s\n", answer);
    PROMISE(*text == ' ');
    return (unsigned)strtoul(text, NULL, 10);
}

/* What was sent: the input without its pauses. The caller frees. */
static inline uint8_t *sent_of(const uint8_t *data, size_t size, size_t *length)
{
    uint8_t *sent = fuzz_copy(data, size);
    *length = 0;
    for (size_t i = 0; i < size; i++)
        if (data[i] != PAUSE)
            sent[(*length)++] = data[i];
    return sent;
}

static inline bool has_word(const uint8_t *data, size_t size, const char *word)
{
    return size > 0 && memmem(data, size, word, strlen(word)) != NULL;
}

/* The status, which is one of the list (ends in 0); no header lets another site in, sets anything
 * or leads anywhere. */
static inline unsigned promise_head(const unsigned *statuses)
{
    unsigned status = status_of(answer);
    const unsigned *one = statuses;
    while (*one != 0 && *one != status)
        one++;
    if (*one == 0)
        fprintf(stderr, "status %u\n", status);
    PROMISE(*one != 0);
    char *end = strstr(answer, "\r\n\r\n");
    PROMISE(end != NULL);
    *end = '\0';
    PROMISE(strcasestr(answer, "access-control") == NULL &&
            strcasestr(answer, "\nserver:") == NULL);
    PROMISE(strcasestr(answer, "set-cookie") == NULL && strcasestr(answer, "location:") == NULL);
    *end = '\r';
    return status;
}

static inline int lowest_free(void)
{
    int descriptor = dup(STDERR_FILENO);
    PROMISE(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

#endif
