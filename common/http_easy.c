/* libcurl's handle for one call: every option in one place. What its result means: http_result.c.
 * No option here sets a method or a body; `shape` does where its program links one.
 * May not: log, open a file. */
#include "common/http_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_FIRST_BYTES  ((size_t)8 * 1024)
#define CONNECTION_IDLE_S 100L /* an idle connection older than this is not used again */
#define CONNECTION_LIFE_S                                                                          \
    600L /* nor one that was made before this: its name may lead elsewhere now */

/* ------------------------------------------------------------------------------- callbacks */

static bool make_room(struct http_call *call, size_t more)
{
    size_t needed = call->length + more + 1;
    if (needed <= call->room)
        return true;
    size_t room = call->room == 0 ? BODY_FIRST_BYTES : call->room * 2;
    if (room < needed)
        room = needed;
    char *body = realloc(call->body, room);
    if (body == NULL)
        return false;
    call->body = body;
    call->room = room;
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *argument)
{
    struct http_call *call = argument;
    size_t length = size * count;
    if (length > call->answer_bytes_max - call->length) {
        call->too_large = true;
        return 0;
    }
    if (!make_room(call, length)) {
        call->no_memory = true;
        return 0;
    }
    memcpy(call->body + call->length, bytes, length);
    call->length += length;
    call->body[call->length] = '\0';
    return length;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *argument)
{
    struct http_call *call = argument;
    if (!http_headers_line(&call->headers, bytes, size * count)) {
        call->headers_too_large = true;
        return 0;
    }
    return size * count;
}

/* The connection that was made for this call; without one the attempt ends here, and the engine
 * asks for it (http.c). Where libcurl goes on with one that it has, this is not called. */
static curl_socket_t on_open_socket(void *argument, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    (void)purpose, (void)address;
    struct http_call *call = argument;
    int connection = call->connection;
    call->wants_connection = connection < 0;
    call->connection = -1;
    return connection < 0 ? CURL_SOCKET_BAD : connection;
}

static int on_socket_made(void *argument, curl_socket_t socket, curlsocktype purpose)
{
    (void)argument, (void)socket, (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* --------------------------------------------------------------------------------- options */

/* Collects the first failure, so that the options can be written as a list. */
struct setting_up {
    CURL *easy;
    CURLcode first;
};

#define SET(up, option, value)                                                                     \
    do {                                                                                           \
        CURLcode code_ = curl_easy_setopt((up)->easy, option, value);                              \
        if ((up)->first == CURLE_OK)                                                               \
            (up)->first = code_;                                                                   \
    } while (0)

static void set_transport(struct setting_up *up, const struct http_call *call)
{
    const struct http_endpoint *endpoint = call->endpoint;
    SET(up, CURLOPT_URL, call->url);
    SET(up, CURLOPT_NOSIGNAL, 1L);
    SET(up, CURLOPT_PROTOCOLS_STR, endpoint->https ? "https" : "http");
    SET(up, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(up, CURLOPT_PATH_AS_IS, 1L);
    SET(up, CURLOPT_FOLLOWLOCATION, 0L);
    SET(up, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(up, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(up, CURLOPT_PROXY, endpoint->proxy); /* always: "" keeps the environment's out */
    SET(up, CURLOPT_NOPROXY, "");
    SET(up, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(up, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(up, CURLOPT_RESOLVE, call->resolve_list);
    SET(up, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(up, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S);
    SET(up, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
    SET(up, CURLOPT_USERAGENT, "ebbtide/" EBBTIDE_VERSION);
    SET(up, CURLOPT_HTTPHEADER, call->header_list);
}

static void set_limits(struct setting_up *up, const struct http_call *call)
{
    const struct http_limits *limits = &call->endpoint->limits;
    SET(up, CURLOPT_CONNECTTIMEOUT_MS, (long)http_call_connect_left_ms(call));
    SET(up, CURLOPT_TIMEOUT_MS, (long)http_call_left_ms(call));
    SET(up, CURLOPT_LOW_SPEED_LIMIT, (long)limits->low_speed_bytes);
    SET(up, CURLOPT_LOW_SPEED_TIME, (long)((limits->low_speed_ms + 999) / 1000));
    SET(up, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->answer_bytes_max);
}

static struct curl_blob blob_of(const struct secret *secret)
{
    union {
        const char *in;
        void *out;
    } bytes = {.in = secret_text(secret)};
    return (struct curl_blob){
        .data = bytes.out, .len = secret_length(secret), .flags = CURL_BLOB_NOCOPY};
}

/* Debian's libcurl has a file and a folder of roots compiled in: both are taken away, so that only
 * the roots we were handed count, and nothing is opened after the sandbox is up. */
static void set_tls(struct setting_up *up, const struct http_endpoint *endpoint)
{
    struct curl_blob roots = {
        .data = endpoint->roots, .len = endpoint->roots_length, .flags = CURL_BLOB_NOCOPY};
    SET(up, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(up, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(up, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(up, CURLOPT_CAPATH, NULL);
    SET(up, CURLOPT_CAINFO, NULL);
    if (endpoint->roots != NULL)
        SET(up, CURLOPT_CAINFO_BLOB, &roots);
    if (endpoint->client_certificate != NULL) {
        struct curl_blob certificate = blob_of(endpoint->client_certificate);
        struct curl_blob key = blob_of(endpoint->client_key);
        SET(up, CURLOPT_SSLCERT_BLOB, &certificate);
        SET(up, CURLOPT_SSLKEY_BLOB, &key);
    }
}

static void set_callbacks(struct setting_up *up, struct http_call *call)
{
    SET(up, CURLOPT_WRITEFUNCTION, on_body);
    SET(up, CURLOPT_WRITEDATA, call);
    SET(up, CURLOPT_HEADERFUNCTION, on_header);
    SET(up, CURLOPT_HEADERDATA, call);
    SET(up, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(up, CURLOPT_OPENSOCKETDATA, call);
    SET(up, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    SET(up, CURLOPT_ERRORBUFFER, call->error_text);
    SET(up, CURLOPT_PRIVATE, call);
}

/* ----------------------------------------------------------------------------------- lists */

static bool add_header(struct http_call *call, const char *line)
{
    struct curl_slist *list = curl_slist_append(call->header_list, line);
    if (list == NULL)
        return false;
    call->header_list = list;
    return true;
}

/* The line is put together in locked memory; libcurl's copy is wiped when it is freed. */
static bool add_authorization(struct http_call *call, const struct secret *token)
{
    static const char begin[] = "Authorization: Bearer ";
    size_t length = sizeof begin - 1 + secret_length(token);
    struct secret *line = secret_room(length, NULL);
    if (line == NULL)
        return false;
    memcpy(secret_bytes(line), begin, sizeof begin - 1);
    memcpy(secret_bytes(line) + sizeof begin - 1, secret_text(token), secret_length(token));
    bool good = add_header(call, secret_text(line));
    secret_free(line);
    return good;
}

static bool make_headers(struct http_call *call)
{
    char line[128];
    if (!add_header(call, "Accept: application/json") || !add_header(call, "Expect:"))
        return false;
    if (call->content_type != NULL) {
        snprintf(line, sizeof line, "Content-Type: %s", call->content_type);
        if (!add_header(call, line))
            return false;
    }
    return call->endpoint->token == NULL || add_authorization(call, call->endpoint->token);
}

/* libcurl is told that the host is known, so that it asks nobody; where it is does not matter,
 * because the connection is made already. For a host that is an address it asks nobody anyway. */
static bool make_resolve(struct http_call *call)
{
    char line[HTTP_HOST_BYTES_MAX + 32];
    const struct http_endpoint *endpoint = call->endpoint;
    snprintf(line, sizeof line, "%s:%u:127.0.0.1", endpoint->host, endpoint->port);
    call->resolve_list = curl_slist_append(NULL, line);
    return call->resolve_list != NULL;
}

bool http_easy_make(struct http_call *call, struct error *error)
{
    call->easy = curl_easy_init();
    if (call->easy == NULL || !make_headers(call) || !make_resolve(call))
        return error_set(error, "out of memory for a request");
    struct setting_up up = {.easy = call->easy, .first = CURLE_OK};
    set_transport(&up, call);
    set_limits(&up, call);
    set_tls(&up, call->endpoint);
    set_callbacks(&up, call);
    if (up.first != CURLE_OK)
        return error_set(error, "libcurl takes not all options: %s", curl_easy_strerror(up.first));
    http_headers_reset(&call->headers);
    return call->shape == NULL || call->shape(call->easy, call->shape_argument, error);
}

bool http_easy_again(struct http_call *call, struct error *error)
{
    struct setting_up up = {.easy = call->easy, .first = CURLE_OK};
    call->error_text[0] = '\0';
    http_headers_reset(&call->headers);
    set_limits(&up, call);
    return up.first == CURLE_OK ||
           error_set(error, "libcurl takes not all options: %s", curl_easy_strerror(up.first));
}
