/* What the files of ebbtide_http share; nobody else includes it. May not: be part of the contract.
 */
#ifndef EBBTIDE_COMMON_HTTP_PARTS_H
#define EBBTIDE_COMMON_HTTP_PARTS_H

#include <curl/curl.h>

#include "common/http.h"
#include "common/secret.h"

struct event;
struct event_base;

#define HTTP_HOST_BYTES_MAX 256
#define HTTP_HOST_CONNECTIONS_MAX                                                                  \
    8 /* open at once; as many calls of an endpoint are begun at most */

struct http {
    struct event_base *base;
    struct http_way way;
    uint64_t dials; /* questions for a connection that were asked so far */
    CURLM *multi;
    struct event *timer;
    struct http_call *calls; /* all under way, newest first */
    unsigned call_count, endpoint_count;
};

/* Credentials that were replaced while calls that point at them were under way. */
struct http_retired {
    struct http_retired *next;
    char *roots;
    struct secret *client_certificate, *client_key;
};

struct http_endpoint {
    struct http *http;
    char *url;   /* without '/' at its end */
    char *proxy; /* "" none */
    char setting[32];
    enum source source;
    /* Where its connections lead, as CURLOPT_RESOLVE wants it: to the proxy, if there is one. */
    char host[HTTP_HOST_BYTES_MAX];
    unsigned port;
    bool https;
    struct http_limits limits;
    struct secret *token;
    char *roots; /* PEM */
    size_t roots_length;
    char roots_name[256];
    struct secret *client_certificate, *client_key; /* both or neither */
    struct http_retired *retired;
    unsigned calls; /* under way */
    unsigned begun; /* of these, those that libcurl has, or that a connection is asked for */
};

/* What the header lines of one answer said. */
struct http_headers {
    size_t bytes;
    char content_type[128];
    char retry_after[64];
    int64_t date_ms, rate_limit, rate_remaining, rate_reset; /* HTTP_NONE */
};

struct http_call {
    struct http_call *newer, *older;
    struct http_endpoint *endpoint;
    char url[HTTP_URL_BYTES_MAX];
    int64_t began_mono_ms;
    int64_t connect_ms, total_ms; /* this call's */
    size_t answer_bytes_max;
    const char *content_type;
    http_shape shape;
    void *shape_argument;
    http_done done;
    void *argument;

    CURL *easy;
    uint64_t dial_id;      /* while a connection is asked for; else 0 */
    int connection;        /* that was made for it and not taken by libcurl yet; else -1 */
    bool wants_connection; /* libcurl wanted one, and there was none */
    int64_t asked_mono_ms; /* when the connection was asked for; 0: none was */
    bool begun, queued;    /* it has its turn, or waits for it */
    struct event *later;   /* the time limit of what is waited for, or an early end for the loop */
    struct curl_slist *header_list, *resolve_list;
    char error_text[CURL_ERROR_SIZE];
    struct http_headers headers;
    char *body;
    size_t length, room;
    bool too_large, headers_too_large, no_memory;
    bool delivering;
    struct http_answer answer;
};

/* http_memory.c: libcurl's start with memory that is wiped on free. */
bool http_global_start(struct error *error);

/* http_headers.c */
void http_headers_reset(struct http_headers *headers);
/* One header line as it came, without NUL. False when the lines together are too long. */
bool http_headers_line(struct http_headers *headers, const char *line, size_t length);
/* Retry-After from now: seconds, or a date against the Date header (else our clock); HTTP_NONE. */
int64_t http_retry_after(const struct http_headers *headers, int64_t wall_ms);
/* RateLimit-Reset as wall time. */
int64_t http_rate_reset(const struct http_headers *headers, int64_t wall_ms);

/* http_easy.c: libcurl's handle for a call. */
bool http_easy_make(struct http_call *call, struct error *error);
/* The limits once more, less what has passed: before it is tried with a connection. */
bool http_easy_again(struct http_call *call, struct error *error);

/* http_result.c. Fill call->answer where no connection came to be: the dialer says why; the dialer
 * said nothing in time; the call's turn did not come in time. */
void http_easy_unconnected(struct http_call *call, enum dial_failure failure, const char *text);
void http_easy_undialed(struct http_call *call);
void http_easy_unbegun(struct http_call *call);
/* Fills call->answer from what libcurl says at the end. */
void http_easy_result(struct http_call *call, CURLcode code);

/* http_endpoint.c: frees what was replaced, once no call is under way. */
void http_endpoint_rest(struct http_endpoint *endpoint);

/* http_dial.c. Begins a call that is made, now or when another has ended. */
void http_turn_take(struct http_call *call);
/* The call ends: the one that waits longest is begun. */
void http_turn_end(struct http_call *call);
/* Asks for a connection for a call that libcurl has just let go of. */
void http_dial_ask(struct http_call *call);
/* Its time is over: true where it waited for its turn or for a connection, and fails for that. */
bool http_wait_over(struct http_call *call);

/* http.c: what is left, at least 1: of the whole call; until it is to be connected. */
int64_t http_call_left_ms(const struct http_call *call);
int64_t http_call_connect_left_ms(const struct http_call *call);
/* Gives the call's handle to libcurl; good: it could be made (else its error says why). */
void http_call_begin(struct http_call *call, bool good);
/* It ends before libcurl has an answer; told from the loop, never from inside http_send. */
void http_call_fail(struct http_call *call);

#endif
