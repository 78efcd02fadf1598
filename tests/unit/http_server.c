/* The child process that answers the engine's tests. One process a connection. */
#include "tests/unit/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int socket;
    SSL *tls;
    unsigned number; /* counts the server's connections from 1 */
    unsigned asked;  /* requests on this one */
    char request[8192];
};

/* ---------------------------------------------------------------------------------- bytes */

static bool put(struct connection *connection, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = connection->tls != NULL
                           ? SSL_write(connection->tls, bytes, (int)length)
                           : send(connection->socket, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool say(struct connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool say(struct connection *connection, const char *format, ...)
{
    char text[16384];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return put(connection, text, (size_t)length);
}

static bool read_request(struct connection *connection)
{
    size_t length = 0;
    connection->request[0] = '\0';
    while (strstr(connection->request, "\r\n\r\n") == NULL) {
        char *into = connection->request + length;
        size_t room = sizeof connection->request - 1 - length;
        ssize_t got = connection->tls != NULL ? SSL_read(connection->tls, into, (int)room)
                                              : recv(connection->socket, into, room, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        connection->request[length] = '\0';
    }
    return true;
}

static void nap(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* A header of the request, "" where it is missing. */
static const char *header(const struct connection *connection, const char *name, char out[512])
{
    char mark[64];
    snprintf(mark, sizeof mark, "\r\n%s: ", name);
    const char *found = strcasestr(connection->request, mark);
    out[0] = '\0';
    if (found != NULL)
        snprintf(out, 512, "%.*s", (int)strcspn(found + strlen(mark), "\r"), found + strlen(mark));
    return out;
}

/* -------------------------------------------------------------------------------- answers */

static bool body(struct connection *connection, const char *headers, const char *text)
{
    return say(connection, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", headers, strlen(text),
               text);
}

/* Tells what came, so that the tests can look at it. */
static bool reply_echo(struct connection *connection)
{
    char text[4096], authorization[512], cookie[512], accept[512];
    snprintf(text, sizeof text,
             "{\"connection\":%u,\"authorization\":\"%s\",\"cookie\":\"%s\",\"accept\":\"%s\","
             "\"line\":\"%.*s\"}",
             connection->number, header(connection, "Authorization", authorization),
             header(connection, "Cookie", cookie), header(connection, "Accept", accept),
             (int)strcspn(connection->request, "\r"), connection->request);
    return body(connection,
                "200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\n"
                "Date: Tue, 24 Nov 2026 07:18:56 GMT",
                text);
}

static bool reply_chunked(struct connection *connection)
{
    return say(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"
                           "2\r\n1}\r\n0\r\n\r\n");
}

static bool reply_truncated(struct connection *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":");
    return false;
}

static bool reply_hang(struct connection *connection)
{
    (void)connection;
    nap(60000);
    return false;
}

static bool reply_trickle(struct connection *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (say(connection, "x"))
        nap(400);
    return false;
}

static bool reply_large(struct connection *connection)
{
    return body(connection, "200 OK\r\nX: y", "0123456789012345678901234567890123456789");
}

static bool reply_endless(struct connection *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (say(connection, "8\r\n01234567\r\n"))
        continue;
    return false;
}

static bool reply_many_headers(struct connection *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 20000; i++)
        if (!say(connection, "X-Header-%u: %060u\r\n", i, i))
            return false;
    say(connection, "Content-Length: 0\r\n\r\n");
    return true;
}

static bool reply_garbage(struct connection *connection)
{
    say(connection, "220 mail.example.org ESMTP\r\n");
    return false;
}

static bool reply_close(struct connection *connection)
{
    (void)connection;
    return false;
}

static bool reply_slow(struct connection *connection)
{
    nap(250);
    return body(connection, "200 OK", "slow");
}

/* The first answer is the last: the next request ends the connection, after a while. */
static bool reply_tired(struct connection *connection)
{
    if (connection->asked == 1)
        return body(connection, "200 OK", "first");
    nap(600);
    return false;
}

static bool reply_redirect(struct connection *connection)
{
    return body(connection, "302 Found\r\nLocation: /echo", "");
}

static bool reply_retry(struct connection *connection)
{
    return body(connection, "429 Too Many Requests\r\nRetry-After: 7", "{\"message\":\"slow\"}");
}

static bool reply_retry_date(struct connection *connection)
{
    return body(connection,
                "503 Unavailable\r\nDate: Tue, 24 Nov 2026 07:18:56 GMT\r\n"
                "Retry-After: Tue, 24 Nov 2026 07:19:06 GMT",
                "");
}

static bool reply_rate(struct connection *connection)
{
    return body(connection,
                "200 OK\r\nRateLimit-Limit: 3600\r\nratelimit-remaining: 3598\r\n"
                "RateLimit-Reset: 1795504738",
                "{}");
}

static bool reply_post(struct connection *connection)
{
    return body(connection, "200 OK",
                strncmp(connection->request, "GET ", 4) == 0 ? "get" : "other");
}

/* False: the connection is closed. */
static bool reply(struct connection *connection)
{
    static const struct {
        const char *path;
        bool (*reply)(struct connection *);
    } replies[] = {
        {"/echo", reply_echo},
        {"/chunked", reply_chunked},
        {"/truncated", reply_truncated},
        {"/hang", reply_hang},
        {"/trickle", reply_trickle},
        {"/large", reply_large},
        {"/endless", reply_endless},
        {"/headers", reply_many_headers},
        {"/garbage", reply_garbage},
        {"/close", reply_close},
        {"/slow", reply_slow},
        {"/tired", reply_tired},
        {"/redirect", reply_redirect},
        {"/retry", reply_retry},
        {"/retry-date", reply_retry_date},
        {"/rate", reply_rate},
        {"/method", reply_post},
    };
    const char *path = strchr(connection->request, ' ');
    for (size_t i = 0; path != NULL && i < sizeof replies / sizeof replies[0]; i++) {
        size_t length = strlen(replies[i].path);
        if (strncmp(path + 1, replies[i].path, length) == 0 &&
            strchr(" ?", path[1 + length]) != NULL)
            return replies[i].reply(connection);
    }
    return body(connection, "404 Not Found\r\nContent-Type: text/html", "<html>no</html>");
}

static void serve(int socket, unsigned number, SSL_CTX *context)
{
    struct connection connection = {.socket = socket, .number = number};
    if (context != NULL) {
        connection.tls = SSL_new(context);
        SSL_set_fd(connection.tls, socket);
        if (SSL_accept(connection.tls) != 1)
            _exit(0);
    }
    do {
        connection.asked++;
    } while (read_request(&connection) && reply(&connection));
    _exit(0);
}

/* ------------------------------------------------------------------------------- the server */

static SSL_CTX *make_context(const struct test_server_settings *settings)
{
    if (settings->certificate == NULL)
        return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (settings->tls_most != 0) {
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, settings->tls_most);
    }
    if (SSL_CTX_use_certificate_file(context, settings->certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, settings->key, SSL_FILETYPE_PEM) != 1)
        _exit(3);
    if (settings->client_ca != NULL) {
        SSL_CTX_load_verify_locations(context, settings->client_ca, NULL);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

static void run(int listener, const struct test_server_settings *settings)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = make_context(settings);
    for (unsigned number = 1;; number++) {
        int socket = accept(listener, NULL, NULL);
        if (socket < 0)
            _exit(0);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(socket, number, context);
        }
        close(socket);
    }
}

bool test_server_start(struct test_server *server, const struct test_server_settings *settings)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 32) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        close(listener);
        return false;
    }
    server->port = ntohs(address.sin_port);
    server->pid = fork();
    if (server->pid == 0)
        run(listener, settings);
    close(listener);
    return server->pid > 0;
}

void test_server_stop(struct test_server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

bool test_certificate(const char *certificate, const char *key, const char *name)
{
    char subject[128];
    snprintf(subject, sizeof subject, "/CN=%s", name);
    const char *arguments[] = {"openssl",
                               "req",
                               "-x509",
                               "-newkey",
                               "ec",
                               "-pkeyopt",
                               "ec_paramgen_curve:prime256v1",
                               "-nodes",
                               "-days",
                               "2",
                               "-subj",
                               subject,
                               "-addext",
                               "subjectAltName=IP:127.0.0.1,DNS:localhost",
                               "-keyout",
                               key,
                               "-out",
                               certificate,
                               NULL};
    union {
        const char **in;
        char **out;
    } list = {.in = arguments};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    pid_t pid;
    int status = -1;
    bool good = posix_spawnp(&pid, "openssl", &quiet, NULL, list.out, environ) == 0 &&
                waitpid(pid, &status, 0) == pid && status == 0;
    posix_spawn_file_actions_destroy(&quiet);
    return good;
}
