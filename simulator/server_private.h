/* What the parts of the servers share: the server, a connection, an exchange, a stream.
 * Private to server.c, exchange.c, answer.c, answer_faults.c, wire.c and stream.c.
 * May not: be included by an API. */
#ifndef EBBTIDE_SIMULATOR_SERVER_PRIVATE_H
#define EBBTIDE_SIMULATOR_SERVER_PRIVATE_H

#include "simulator/faults.h"
#include "simulator/history.h"
#include "simulator/request_log.h"
#include "simulator/route.h"
#include "simulator/server.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#define QUERY_PAIRS_MAX       128
#define FAULT_WORDS_BYTES_MAX 120
#define TOKEN_BYTES_MAX       256

struct listener {
    struct server *server;
    enum api api;
    struct evhttp *http;
    const struct api_definition *definition;
    uint16_t port;
    char read_token[TOKEN_BYTES_MAX];  /* "" where there is none */
    char write_token[TOKEN_BYTES_MAX]; /* both "": everybody may do everything */
};

struct server {
    struct event_base *base;
    struct world *world;
    struct faults *faults;
    struct request_log *log;
    struct history *history;
    struct listener listener[API_COUNT];
    struct connection *connections;
    size_t connection_count;
};

/* A connection that has sent a request; at most one exchange or stream is under way on it. */
struct connection {
    struct connection *next;
    struct server *server;
    struct evhttp_connection *http;
    struct exchange *exchange;
    struct stream *stream;
    struct evhttp_request *request; /* not yet answered to its end, else NULL */
    struct event *closer;           /* pending: the connection ends at the next turn of the loop */
};

/* How the bytes of an answer reach the wire. */
enum wire_mode {
    WIRE_WHOLE,
    WIRE_CUT,   /* `cut_length` bytes under a Content-Length of `claimed_length`, then close */
    WIRE_HANG,  /* nothing, the connection stays */
    WIRE_RAW,   /* the text as it is, head and all, then close */
    WIRE_STALL, /* head and half of the body, the connection stays */
    WIRE_CLOSE,
};

struct answer {
    int status;
    json_t *headers; /* of strings */
    char *text;
    size_t length;
    size_t spaces; /* that follow the text */
    enum wire_mode mode;
    size_t cut_length;
    int64_t claimed_length;
    int64_t date_skew_s;
};

enum exchange_state {
    EXCHANGE_NEW,
    EXCHANGE_DELAYED_BEFORE, /* waits for its handler */
    EXCHANGE_HANDLED,        /* its handler runs */
    EXCHANGE_DELAYED_AFTER,  /* its answer waits */
    EXCHANGE_HUNG,
    EXCHANGE_OVER,
};

struct exchange {
    struct server *server;
    struct listener *listener;
    struct connection *connection;
    struct evhttp_request *request;
    enum exchange_state state;
    const struct route *route;
    struct route_parameters parameters;
    enum token_kind token;
    char method[8];
    char origin[40];
    const char *target; /* path with query, as it came */
    char *path;         /* decoded */
    const char *query_text;
    struct {
        char *key, *value;
    } query[QUERY_PAIRS_MAX];
    size_t query_count;
    char *body_text;
    size_t body_length;
    json_t *body;
    bool refused;         /* answered without its handler: no fault changes that */
    bool in_answer_fault; /* an injected error is being worded: no further faults */
    int fault_status;
    int64_t delay_ms;
    char fault_words[FAULT_WORDS_BYTES_MAX];
    int64_t began_mono_ms, began_wall_ms;
    struct event *timer;
    struct answer answer;
};

struct stream {
    struct connection *connection;
    struct evhttp_request *request;
    void (*closed)(void *context);
    void *context;
};

/* exchange.c: reads the request; false where it is beyond a limit. Always leaves an exchange that
 * can be answered and freed. */
bool exchange_read(struct exchange *exchange);
void exchange_free(struct exchange *exchange);
/* What a fault is matched against. */
struct fault_subject exchange_subject(const struct exchange *exchange);
void exchange_log(const struct exchange *exchange, int status, size_t answer_bytes);

/* answer.c */
void answer_clear(struct answer *answer);
/* Sends what stands in exchange->answer, now or after its delay. */
void answer_finish(struct exchange *exchange);

/* answer_faults.c: lets the faults of STAGE_ANSWER change exchange->answer. False where the answer
 * was replaced by a new one that has been given already. */
bool answer_apply_faults(struct exchange *exchange);

/* wire.c */
void wire_send(struct exchange *exchange);
void wire_hang(struct exchange *exchange);
/* Throws away what stands in exchange->answer for the bytes of a raw fault, and sends them. */
void wire_raw(struct exchange *exchange, const char *characters);
void wire_put_headers(struct exchange *exchange);
/* Ends the connection at the next turn of the loop. */
void connection_close_soon(struct connection *connection);

/* "Not Found" */
const char *wire_phrase(int status);

#endif
