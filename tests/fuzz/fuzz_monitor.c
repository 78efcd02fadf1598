/* Fuzzes the monitor's HTTP server with the raw bytes of a connection. Whatever comes, a connection
 * ends; what is answered is HTTP with a status of the server's list, 200 and 503 only to a GET or
 * HEAD; nothing of the request stands in an answer's headers; no descriptor stays open; and the
 * next scrape is answered as ever.
 *
 * The input: bytes as a client sends them; a byte 0xff lets the server read what came so far. */
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/serve.h"
#include "tests/fuzz/fuzz.h"

#define PAUSE        0xff
#define TURNS_MAX    64
#define ANSWER_BYTES ((size_t)256 * 1024)

static struct event_base *base;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;
static char answer[ANSWER_BYTES];

static const char scrape[] = "GET /metrics HTTP/1.0\r\n\r\n";

/* On a socket of the abstract name space: nothing of the network is used. */
static void start(void)
{
    static struct picture picture;
    struct config *config = config_new();
    struct error error = {""};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    base = event_base_new();
    PROMISE(config != NULL && base != NULL && listener >= 0);
    address_size = offsetof(struct sockaddr_un, sun_path) +
                   (socklen_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                       "ebbtide-fuzz-%d", (int)getpid()) +
                   1;
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&address;
    PROMISE(bind(listener, any, address_size) == 0 && listen(listener, 8) == 0);
    /* Both ends of a connection are in this process, and are counted. */
    config->monitor.connections_max = 64;
    PROMISE(serve_new(base, listener, config, &picture, &error) != NULL);
    config_free(config);
}

static int connect_client(void)
{
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&address;
    PROMISE(client >= 0 && connect(client, any, address_size) == 0);
    return client;
}

/* Reads what is there; false at the end. */
static bool read_some(int client, size_t *length)
{
    ssize_t got = recv(client, answer + *length, ANSWER_BYTES - 1 - *length, 0);
    if (got > 0)
        *length += (size_t)got;
    return got > 0 || (got < 0 && *length < ANSWER_BYTES - 1 && errno == EAGAIN);
}

static void send_bytes(int client, const uint8_t *data, size_t size)
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

/* The whole answer, with a NUL behind it; how long it is. */
static size_t talk(const uint8_t *data, size_t size)
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
    PROMISE(turn < TURNS_MAX); /* the server has ended the connection */
    close(client);
    answer[length] = '\0';
    for (turn = 0; turn < 4; turn++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    return length;
}

/* The server's library answers in the version that it was asked in: two numbers, even below 0. */
static unsigned status_of(const char *text)
{
    PROMISE(strncmp(text, "HTTP/", 5) == 0);
    text += 5 + strspn(text + 5, "0123456789.-");
    if (*text != ' ')
        fprintf(stderr, "answered: %.100s\n", answer);
    PROMISE(*text == ' ');
    return (unsigned)strtoul(text, NULL, 10);
}

/* Whether the word stands in what was sent, pauses left out. */
static bool asks(const uint8_t *data, size_t size, const char *word)
{
    char *sent = fuzz_text(data, size);
    size_t length = 0;
    for (size_t i = 0; i < size; i++)
        if (data[i] != PAUSE)
            sent[length++] = (char)data[i];
    bool found = memmem(sent, length, word, strlen(word)) != NULL;
    free(sent);
    return found;
}

static void promise_answer(const uint8_t *data, size_t size)
{
    static const unsigned statuses[] = {100, 200, 400, 404, 405, 413, 417, 500, 501, 503};
    unsigned status = status_of(answer);
    bool known = false;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        known = known || statuses[i] == status;
    PROMISE(known);
    if (status == 200 || status == 503) {
        PROMISE(asks(data, size, "GET") || asks(data, size, "HEAD"));
        PROMISE(strstr(answer, "X-Content-Type-Options: nosniff\r\n") != NULL);
    }
    char *end = strstr(answer, "\r\n\r\n");
    PROMISE(end != NULL);
    *end = '\0';
    PROMISE(strcasestr(answer, "set-cookie") == NULL && strcasestr(answer, "location:") == NULL);
}

static int lowest_free(void)
{
    int descriptor = dup(STDERR_FILENO);
    PROMISE(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (base == NULL)
        start();
    int before = lowest_free();
    if (talk(data, size) > 0)
        promise_answer(data, size);
    PROMISE(lowest_free() == before);
    PROMISE(talk((const uint8_t *)scrape, sizeof scrape - 1) > 0);
    PROMISE(strncmp(answer, "HTTP/1.0 200 OK\r\n", 17) == 0);
    PROMISE(strstr(answer, "ebbtide_build_info{") != NULL);
    return 0;
}
