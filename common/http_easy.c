/* libcurl's handle for one call: every option in one place, and what its result means.
 * No option here sets a method or a body; `shape` does where its program links one.
 * May not: log, open a file. */
#include "common/http_parts.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_SHOWN         160
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
    int64_t elapsed = http_call_elapsed_ms(call);
    int64_t connect = call->connect_ms - elapsed, total = call->total_ms - elapsed;
    SET(up, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect < 1 ? 1 : connect));
    SET(up, CURLOPT_TIMEOUT_MS, (long)(total < 1 ? 1 : total));
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

/* ---------------------------------------------------------------------------------- results */

struct failure {
    CURLcode code;
    enum trouble trouble;
    const char *what, *advice; /* advice may hold %s: the setting's prefix, then its address' key */
};

/* What the dialer says. The host's address is named by a key, or the proxy's is (say_failure). */
static const struct failure dial_failures[dial_failure_count] = {
    [DIAL_NO_NAME] = {CURLE_COULDNT_RESOLVE_HOST, TROUBLE_UNREACHABLE, "the name is not found",
                      "check %s.%s and this machine's name servers"},
    [DIAL_NO_CONNECTION] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE, "no connection",
                            "check that it runs and that %s.%s names it"},
    [DIAL_TIMED_OUT] = {CURLE_OPERATION_TIMEDOUT, TROUBLE_UNREACHABLE, "no connection in time",
                        "check %s.%s and the network between, or raise http.connect_timeout"},
    [DIAL_NOT_ALLOWED] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE,
                          "the dialer refuses the connection", "restart Ebbtide"},
    [DIAL_TOO_MANY] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE,
                       "the dialer refuses the connection", "look at its log lines"},
};

/* The first row that holds wins; CURLE_OK ends the table and stands for every other code. */
static const struct failure failures[] = {
    {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE, "no connection",
     "check that it runs and that %s.%s names it"},
    {CURLE_PEER_FAILED_VERIFICATION, TROUBLE_UNREACHABLE, "its certificate is not trusted",
     "put the CA that signed it into %s.ca_file"},
    {CURLE_SSL_CACERT_BADFILE, TROUBLE_UNREACHABLE, "the roots cannot be read",
     "put the CA in PEM form into %s.ca_file"},
    {CURLE_SSL_CERTPROBLEM, TROUBLE_UNREACHABLE, "our client certificate or key cannot be used",
     "check the kubeconfig"},
    {CURLE_SSL_CONNECT_ERROR, TROUBLE_UNREACHABLE, "no TLS connection",
     "check that %s.%s speaks TLS 1.2 or newer there"},
    {CURLE_GOT_NOTHING, TROUBLE_UNREACHABLE, "it closed the connection without an answer", ""},
    {CURLE_SEND_ERROR, TROUBLE_UNREACHABLE, "the connection broke while the request was sent", ""},
    {CURLE_RECV_ERROR, TROUBLE_UNREACHABLE, "the connection broke before the answer was whole", ""},
    {CURLE_PARTIAL_FILE, TROUBLE_BAD_ANSWER, "the answer is cut off", ""},
    {CURLE_FILESIZE_EXCEEDED, TROUBLE_BAD_ANSWER, "the answer is larger than allowed",
     "raise http.answer_max if it should be that large"},
    {CURLE_WEIRD_SERVER_REPLY, TROUBLE_BAD_ANSWER, "the answer is no HTTP", "check %s.%s"},
    {CURLE_UNSUPPORTED_PROTOCOL, TROUBLE_BAD_ANSWER, "the answer is no HTTP/1", "check %s.%s"},
    {CURLE_BAD_CONTENT_ENCODING, TROUBLE_BAD_ANSWER, "the answer's encoding is unknown", ""},
    {CURLE_OUT_OF_MEMORY, TROUBLE_BAD_ANSWER,
     "a line of its head is longer than allowed, or memory is out", ""},
    {CURLE_OK, TROUBLE_UNREACHABLE, "the request failed", ""},
};

static const struct failure *find_failure(const struct http_call *call, CURLcode code)
{
    static const struct failure large_headers = {CURLE_WRITE_ERROR, TROUBLE_BAD_ANSWER,
                                                 "its header lines are larger than allowed", ""};
    static const struct failure unanswered = {CURLE_OPERATION_TIMEDOUT, TROUBLE_TIMEOUT,
                                              "no whole answer in time",
                                              "look at its load, or raise http.total_timeout"};
    if (call->headers_too_large)
        return &large_headers;
    if (call->too_large)
        code = CURLE_FILESIZE_EXCEEDED;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return call->answer.sent ? &unanswered : &dial_failures[DIAL_TIMED_OUT];
    const struct failure *row = failures;
    while (row->code != CURLE_OK && row->code != code)
        row++;
    return row;
}

/* libcurl's own words, without a full stop, or where they say nothing new, none. */
static void say_failure(struct http_call *call, const struct failure *failure, const char *detail)
{
    char advice[128];
    const struct http_endpoint *endpoint = call->endpoint;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* rows of the table above */
    snprintf(advice, sizeof advice, failure->advice, endpoint->setting,
             endpoint->proxy[0] == '\0' ? http_address_key(endpoint->setting) : "proxy");
#pragma GCC diagnostic pop
    bool roots = failure->code == CURLE_PEER_FAILED_VERIFICATION;
    error_set(&call->answer.error, "%.*s%s: %s (%.120s%s%.80s)%s%s", URL_SHOWN, call->url,
              strlen(call->url) > URL_SHOWN ? "..." : "", failure->what, detail,
              roots ? "; roots: " : "",
              !roots                    ? ""
              : endpoint->roots == NULL ? "none"
                                        : endpoint->roots_name,
              advice[0] == '\0' ? "" : "; ", advice);
}

static void read_info(struct http_call *call)
{
    long status = 0, connections = 0;
    curl_off_t before_transfer = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &before_transfer);
    call->answer.status = status < 0 || status > 999 ? 0 : (unsigned)status;
    call->answer.reused = connections == 0;
    /* Once is enough: libcurl itself may have sent it on a connection that then died. */
    call->answer.sent = call->answer.sent || before_transfer > 0 || status > 0;
}

void http_easy_result(struct http_call *call, CURLcode code)
{
    struct http_answer *answer = &call->answer;
    int64_t wall_ms = clock_wall_ms();
    read_info(call);
    answer->body = call->body == NULL ? "" : call->body;
    answer->length = call->length;
    answer->content_type = call->headers.content_type;
    answer->date_ms = call->headers.date_ms;
    answer->retry_after_ms = http_retry_after(&call->headers, wall_ms);
    answer->rate_limit = call->headers.rate_limit;
    answer->rate_remaining = call->headers.rate_remaining;
    answer->rate_reset_ms = http_rate_reset(&call->headers, wall_ms);
    if (code == CURLE_OK)
        return;
    const struct failure *failure = find_failure(call, code);
    answer->trouble = failure->trouble;
    say_failure(call, failure,
                call->error_text[0] != '\0' ? call->error_text : curl_easy_strerror(code));
    /* Half an answer is none. */
    answer->body = "";
    answer->length = 0;
}

void http_easy_unconnected(struct http_call *call, enum dial_failure failure, const char *text)
{
    char detail[HTTP_HOST_BYTES_MAX + 128];
    snprintf(detail, sizeof detail, "%.200s: %.120s", call->endpoint->host, text);
    call->answer.trouble = dial_failures[failure].trouble;
    say_failure(call, &dial_failures[failure], detail);
}
