/* What the files of ebbtide_http share; nobody else includes it. May not: be part of the contract.
 */
#ifndef EBBTIDE_COMMON_HTTP_PARTS_H
#define EBBTIDE_COMMON_HTTP_PARTS_H

#include <curl/curl.h>

#include "common/http.h"
#include "common/http_names.h"
#include "common/secret.h"

struct event;
struct event_base;

#define HTTP_HOST_BYTES_MAX 256

struct http {
    struct event_base *base;
    struct names *names;
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
    /* Whose name is looked up, and the port that CURLOPT_RESOLVE wants: the proxy's, if there is
     * one. */
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

    struct name_query *query; /* while the name is asked */
    struct event *later;      /* name's time limit, or an early end that waits for the loop */
    CURL *easy;               /* from when the name is known */
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

/* http_easy.c: libcurl's handle for a call. addresses: of the endpoint's host. */
bool http_easy_make(struct http_call *call, const struct name_addresses *addresses,
                    struct error *error);
/* Fills call->answer from what libcurl says at the end. */
void http_easy_result(struct http_call *call, CURLcode code);

/* http_endpoint.c: frees what was replaced, once no call is under way. */
void http_endpoint_rest(struct http_endpoint *endpoint);

/* http.c: the limits that hold for a new call, and how much of them is left. */
int64_t http_call_elapsed_ms(const struct http_call *call);

#endif
