/* The simulator's HTTP servers: one loopback listener an API, a routing table, tokens, a request
 * log, and the place where injected faults strike.
 *
 * An API is a table of routes and a function that writes the API's own refusals. A handler is given
 * an exchange: it reads parameters, query, headers and body from it, changes the world, and answers
 * exactly once (exchange_reply_*), or begins a stream. Everything runs on one event loop; a handler
 * never blocks.
 *
 * The way of a request: match the route -> token and permission (`refuse`) -> faults that strike
 * before the handler (status, hang, close, rate limit...) -> `before` of the API -> handler ->
 * faults that change the answer (delay, truncated, stale, empty...) -> the wire -> request log.
 * May not: know what any one API says. */
#ifndef EBBTIDE_SIMULATOR_SERVER_H
#define EBBTIDE_SIMULATOR_SERVER_H

#include "common/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct world;
struct faults;
struct fault;
struct server;
struct exchange;
struct stream;

/* A body longer than this is answered with 413. Hetzner's user_data may be 32 KiB. */
#define SERVER_BODY_BYTES_MAX   ((size_t)512 * 1024)
#define SERVER_HEADER_BYTES_MAX ((size_t)32 * 1024)
#define SERVER_PATH_BYTES_MAX   ((size_t)4096)
#define SERVER_CONNECTIONS_MAX  512
#define ROUTE_PARAMETERS_MAX    8

enum api {
    API_GITEA,
    API_HETZNER,
    API_KUBE,
    API_CONTROL,
    API_COUNT,
};

/* "gitea", "hetzner", "kube", "control". */
const char *api_name(enum api api);

/* False where the word names no API. */
bool api_from_name(const char *name, enum api *out);

/* What the caller showed. WRONG: an Authorization header whose token is none of ours. */
enum token_kind {
    TOKEN_NONE,
    TOKEN_WRONG,
    TOKEN_READ,
    TOKEN_WRITE,
};

/* What a route needs. */
enum permission {
    PERMIT_ANYONE,
    PERMIT_READ,
    PERMIT_WRITE,
};

/* Why a request did not reach its handler; each API words it in its own way. */
enum refusal {
    REFUSE_NO_TOKEN,
    REFUSE_WRONG_TOKEN,
    REFUSE_READ_ONLY,  /* a read token where the route needs PERMIT_WRITE */
    REFUSE_NOT_FOUND,  /* no route has this path */
    REFUSE_METHOD,     /* a route has this path, but not with this method */
    REFUSE_TOO_LARGE,  /* body over SERVER_BODY_BYTES_MAX */
    REFUSE_RATE_LIMIT, /* an injected rate limit: 429 in the API's words */
    REFUSE_FAULT,      /* an injected error: answer exchange_fault_status() in the API's words */
};

typedef void (*exchange_handler)(struct exchange *exchange);

/* `{name}` in a pattern takes one whole segment ("/v1/servers/{id}"); `{name...}` at the end takes
 * the rest of the path, slashes and all. The first row that matches wins. */
struct route {
    const char *method;  /* "GET", "POST", "PATCH", "PUT", "DELETE" */
    const char *pattern; /* full path, from "/" */
    enum permission permission;
    exchange_handler handler;
};

struct api_definition {
    const struct route *routes;
    size_t route_count;
    /* Answers a refused request; `exchange_route` is NULL for REFUSE_NOT_FOUND and REFUSE_METHOD.
     */
    void (*refuse)(struct exchange *exchange, enum refusal why);
    /* Runs before the handler of an accepted request, may be NULL: common headers, the API's own
     * rate limit. Returns false when it has answered itself. */
    bool (*before)(struct exchange *exchange);
    void *context;         /* exchange_context; owned by whoever made the definition */
    const char *json_type; /* Content-Type of its JSON; NULL: application/json */
};

/* Tokens of one API; NULL means "no such token". Both NULL: everybody may do everything. Copied. */
struct server_tokens {
    const char *read;
    const char *write;
};

/* Makes the servers over one world. log_path: file that gets a JSON line a request, or NULL. All
 * pointers are borrowed and must outlive the server. */
bool server_init(struct server **out, struct event_base *base, struct world *world,
                 struct faults *faults, const char *log_path, struct error *error);

/* Ends all listeners, streams and delayed answers. server_free(NULL) is fine. */
void server_free(struct server *server);

/* Listens for one API on 127.0.0.1; port 0 takes any free one. The definition is borrowed. */
bool server_listen(struct server *server, enum api api, const struct api_definition *definition,
                   uint16_t port, const struct server_tokens *tokens, struct error *error);

/* Tokens that count from now on, the old ones are wrong; a NULL member stays as it was. */
void server_tokens_change(struct server *server, enum api api, const struct server_tokens *tokens);

/* The port that server_listen took, 0 where this API does not listen. */
uint16_t server_port(const struct server *server, enum api api);

/* The status that an injected fault asks for (REFUSE_FAULT), 500 where it names none. */
int exchange_fault_status(const struct exchange *exchange);

/* Asks for a world effect (enum fault_effect), or for FAULT_GONE, about this request; what strikes
 * is noted in the request log. Names may be NULL. Borrowed as faults_strike says. */
const struct fault *exchange_strike(struct exchange *exchange, int effect, const char *server,
                                    const char *server_type, const char *location);

/* ------------------------------------------------------------------ what a handler may read */

struct server *exchange_server(const struct exchange *exchange);
struct world *exchange_world(const struct exchange *exchange);
struct faults *exchange_faults(const struct exchange *exchange);
struct event_base *exchange_base(const struct exchange *exchange);
void *exchange_context(const struct exchange *exchange);
const struct route *exchange_route(const struct exchange *exchange);
enum api exchange_api(const struct exchange *exchange);
enum token_kind exchange_token(const struct exchange *exchange);

/* "GET", ... */
const char *exchange_method(const struct exchange *exchange);

/* The decoded path without query. */
const char *exchange_path(const struct exchange *exchange);

/* "http://127.0.0.1:PORT", for Link headers and url fields. */
const char *exchange_origin(const struct exchange *exchange);

/* A request header, NULL where it is missing. */
const char *exchange_header(const struct exchange *exchange, const char *name);

/* The decoded path segment that `{name}` took; never NULL for a name that the pattern has. */
const char *exchange_parameter(const struct exchange *exchange, const char *name);

/* The same as a number: false unless it is decimal digits only and fits. */
bool exchange_parameter_u64(const struct exchange *exchange, const char *name, uint64_t *out);

/* First value of a query key, decoded; NULL where it is missing, "" for `?key` and `?key=`. */
const char *exchange_query(const struct exchange *exchange, const char *key);

/* The index-th value of a repeated key (`status=a&status=b`); NULL past the end. */
const char *exchange_query_at(const struct exchange *exchange, const char *key, size_t index);

/* A query value as a number, or `otherwise` where it is missing or no number. */
int64_t exchange_query_i64(const struct exchange *exchange, const char *key, int64_t otherwise);

/* The raw query without "?", "" where there is none. */
const char *exchange_query_text(const struct exchange *exchange);

/* The body as JSON, borrowed; NULL where it is empty or no JSON. */
json_t *exchange_body(struct exchange *exchange);

/* The body's bytes (NUL-terminated as well), borrowed. */
const char *exchange_body_text(const struct exchange *exchange, size_t *length);

/* --------------------------------------------------------------------------------- answering */

/* Adds a header to the answer; call before the reply. */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);
void exchange_add_headerf(struct exchange *exchange, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers with JSON, compact, in the API's Content-Type for it. Takes the reference to body; a NULL
 * body (memory ran out while it was built) answers 500. */
void exchange_reply_json(struct exchange *exchange, int status, json_t *body);

/* Answers with any text. */
void exchange_reply_text(struct exchange *exchange, int status, const char *content_type,
                         const char *text, size_t length);

/* Lets the answer wait so long, on top of what a fault asks for; call before the reply. */
void exchange_delay_answer(struct exchange *exchange, int64_t delay_ms);

/* Answers without a body (204, 404 with nothing to say). */
void exchange_reply_empty(struct exchange *exchange, int status);

/* Begins a long answer (a watch): 200, chunked. `closed` is called once when the peer is gone or
 * the server ends, never from within stream_write; after it the stream must not be used. Of the
 * faults, only those that strike before the handler concern a stream. */
struct stream *exchange_begin_stream(struct exchange *exchange, const char *content_type,
                                     void (*closed)(void *context), void *context);

/* Sends one piece at once. */
void stream_write(struct stream *stream, const char *bytes, size_t length);

/* Ends the answer properly; `closed` is not called. */
void stream_end(struct stream *stream);

/* -------------------------------------------------------------------------- the request log */

/* The requests of all APIs but control, oldest first, as a new JSON array of objects:
 * {"n":1,"time":"2026-...Z","mono_ms":1,"api":"gitea","method":"GET","path":"/api/...?limit=50",
 *  "token":"read","status":200,"ms":3,"request":{...}|null,"answer_bytes":512,"fault":"delay"|null}
 * from entry number `since` + 1 on, of one API where api is not API_COUNT. `request` is the body
 * with long strings cut; tokens are never in it. status 0: hung or closed without an answer. */
json_t *server_requests(const struct server *server, enum api api, uint64_t since);

/* Requests seen of one API since the start. */
uint64_t server_request_count(const struct server *server, enum api api);

#endif
