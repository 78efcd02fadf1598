/* The HTTP engine of pollers and actuator: libcurl's multi interface on libevent.
 *
 * It knows no method. A request is a path, headers, limits; libcurl's default (GET) is what comes
 * of it, unless the caller gives a `shape` function, which sets method and body on libcurl's handle
 * itself. Only the actuator links one. So the poller's program holds no word and no option constant
 * that could write (tests/process looks).
 *
 * Always: TLS >= 1.2 with verification, no redirects, no cookies, no netrc, no environment's proxy,
 * only http(s), keep-alive, connect, total and low-speed limits, bounded headers and body. It opens
 * no file and no socket, and looks up no name: a connection is asked for (struct http_way) and
 * handed over, already made.
 * May not: log, decide whether an HTTP status is good, know any API, put a secret into a text. */
#ifndef EBBTIDE_COMMON_HTTP_H
#define EBBTIDE_COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/error.h"
#include "tables/messages.h"

struct event_base;
struct secret;
struct http;          /* the engine; one a process */
struct http_endpoint; /* one API: address, roots, credentials, limits */
struct http_call;     /* one request under way */

#define HTTP_URL_BYTES_MAX      4096
#define HTTP_HEADER_BYTES_MAX   ((size_t)64 * 1024)    /* all header lines of one answer together */
#define HTTP_CALLS_MAX          64                     /* under way or waiting in one engine */
#define HTTP_RETRY_AFTER_MS_MAX ((int64_t)3600 * 1000) /* a longer Retry-After counts as this */

/* ------------------------------------------------------------------------------- the engine */

/* How the engine comes by a connection. */
struct http_way {
    /* Asks for one to this API; http_dialed or http_dial_failed brings the answer, by `id`, never
     * from inside. False with *error set where nobody can be asked now: http_dial_again says when
     * to try again. */
    bool (*dial)(void *argument, uint64_t id, enum source source, struct error *error);
    void *argument;
};

/* Makes the engine. Also initialises libcurl (with memory that is wiped on free), so call it before
 * privileges are dropped. The way is copied. */
bool http_open(struct http **out, struct event_base *base, const struct http_way *way,
               struct error *error);

/* The connection that was asked for as `id`: a connected TCP socket, taken. One that nobody waits
 * for any more is closed. */
void http_dialed(struct http *http, uint64_t id, int descriptor);

/* There is none. text: what was tried and what came back; copied. */
void http_dial_failed(struct http *http, uint64_t id, enum dial_failure failure, const char *text);

/* Whoever was asked is another now, or is there again: every question is asked anew. */
void http_dial_again(struct http *http);

/* Ends every call without calling its `done`, then frees. All endpoints must be freed before. NULL
 * is fine. Not from inside a `done`. */
void http_close(struct http *http);

/* ------------------------------------------------------------------------------ an endpoint */

struct http_limits {
    int64_t connect_ms;      /* from the question for a connection to the end of TLS' handshake */
    int64_t total_ms;        /* a whole request */
    int64_t low_speed_ms;    /* slower than low_speed_bytes a second for this long ends it */
    int64_t low_speed_bytes; /* a second */
    size_t answer_bytes_max; /* a larger body is refused */
};

struct http_settings {
    enum source source;  /* which API it is, for the way */
    const char *url;     /* base: scheme, host, port, path prefix; a '/' at its end is cut */
    const char *proxy;   /* "" or http://host:port */
    const char *setting; /* prefix of our keys, for advice in texts: "gitea" */
    bool allow_http_on_loopback; /* let http:// on 127.0.0.0/8, ::1, localhost pass */
    struct http_limits limits;
};

/* The limits of `http:` in the configuration. */
struct config;
struct http_limits http_limits_from(const struct config *config);

/* The key below `setting` that names the API's address, for advice: Kubernetes' stands in a
 * kubeconfig, the others' in a key of their own. */
static inline const char *http_address_key(const char *setting)
{
    return strcmp(setting, "kube") == 0 ? "kubeconfig_file" : "url";
}

/* False with a sentence where the URL is not usable: no http(s), http off loopback or not allowed,
 * user or password in it, query or fragment, proxy not http://. Settings are copied. */
bool http_endpoint_new(struct http *http, const struct http_settings *settings,
                       struct http_endpoint **out, struct error *error);

/* Not while a call of it is under way (http_cancel them first). NULL is fine. */
void http_endpoint_free(struct http_endpoint *endpoint);

/* The bearer token of later requests; takes `token` (NULL: none). Cut at white space ends. False
 * with a sentence, the old one kept and `token` freed, where it holds bytes that no header may. */
bool http_endpoint_token(struct http_endpoint *endpoint, struct secret *token, struct error *error);

/* Roots (PEM) of later connections, copied; name is where they come from, for texts. False with a
 * sentence where there is no certificate in them. Without roots every https request fails. */
bool http_endpoint_roots(struct http_endpoint *endpoint, const char *pem, size_t length,
                         const char *name, struct error *error);

/* Client certificate and key (PEM) of later connections; takes both. Both or neither. */
bool http_endpoint_client(struct http_endpoint *endpoint, struct secret *certificate,
                          struct secret *key, struct error *error);

void http_endpoint_limits(struct http_endpoint *endpoint, const struct http_limits *limits);

/* "https://git.example.org/x", for texts. */
const char *http_endpoint_url(const struct http_endpoint *endpoint);

/* The host and the TCP port that its connections lead to: the API's, or its proxy's. */
const char *http_endpoint_host(const struct http_endpoint *endpoint);
uint16_t http_endpoint_port(const struct http_endpoint *endpoint);

/* -------------------------------------------------------------------------------- a request */

#define HTTP_NONE INT64_C(-1) /* the header was missing or made no sense */

/* What came back. Everything is valid only inside `done`. */
struct http_answer {
    enum trouble trouble; /* TROUBLE_NONE: a whole HTTP answer with any status has arrived; else
                             UNREACHABLE, TIMEOUT, BAD_ANSWER (cut off, too large, not HTTP) */
    bool sent;        /* the request may have reached the API: what was asked may have happened */
    unsigned status;  /* 0 where there was no answer */
    const char *body; /* NUL-terminated; "" where there is none */
    size_t length;
    const char *content_type; /* "" where the header is missing */
    const char *url;          /* what was asked, for texts; holds no secret */
    int64_t began_mono_ms, ended_mono_ms;
    int64_t date_ms;        /* Date header as ms since 1970, or HTTP_NONE */
    int64_t retry_after_ms; /* Retry-After, seconds or date against Date, from now; or HTTP_NONE */
    int64_t rate_limit, rate_remaining; /* RateLimit-*; or HTTP_NONE */
    int64_t rate_reset_ms; /* RateLimit-Reset: ms since 1970 as Date (Hetzner: when it is full
                              again); or HTTP_NONE */
    bool reused;           /* an open connection served it */
    struct error error;    /* trouble: what was tried, on what, what came back, what to do */
};

typedef void (*http_done)(const struct http_answer *answer, void *argument);

/* Sets method and body on libcurl's handle (a `CURL *`); what it points at must live until `done`.
 * False with *error set fails the call. Never given by a poller. */
typedef bool (*http_shape)(void *easy, void *argument, struct error *error);

struct http_request {
    const char *path; /* below the endpoint's URL: begins with '/', query in it, escaped; copied */
    const char *content_type; /* of the body that `shape` sets; NULL: none. A literal. */
    int64_t total_ms;         /* 0: the endpoint's; else the shorter of the two holds */
    size_t answer_bytes_max;  /* 0: the endpoint's */
    http_shape shape;         /* NULL: a GET */
    void *shape_argument;
    http_done done; /* called once, from the loop, never from inside http_send */
    void *argument;
};

/* Starts a request. NULL with *error set (done is not called) when HTTP_CALLS_MAX are under way,
 * the path is not usable or memory is out. The call is freed after `done`. */
struct http_call *http_send(struct http_endpoint *endpoint, const struct http_request *request,
                            struct error *error);

/* Ends a call without `done`; what was asked may have happened. NULL is fine. */
void http_cancel(struct http_call *call);

/* The same for every call of the engine, so that endpoints can be freed. NULL is fine. */
void http_cancel_all(struct http *http);

#endif
