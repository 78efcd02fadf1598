/* What a handler may read of its request. May not answer, know an API. */
#include "simulator/server_private.h"

#include "common/clock.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *method_word(enum evhttp_cmd_type command)
{
    switch (command) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_DELETE: return "DELETE";
    case EVHTTP_REQ_OPTIONS: return "OPTIONS";
    case EVHTTP_REQ_PATCH: return "PATCH";
    case EVHTTP_REQ_TRACE: return "TRACE";
    case EVHTTP_REQ_CONNECT: return "CONNECT";
    }
    return "?";
}

/* Decodes a piece of a query; "+" is a space there. NULL without memory. */
static char *decode(const char *from, size_t length)
{
    char *raw = strndup(from, length);
    char *text = raw != NULL ? evhttp_uridecode(raw, 1, NULL) : NULL;
    free(raw);
    return text;
}

static bool read_query(struct exchange *exchange)
{
    const char *at = exchange->query_text;
    while (*at != '\0') {
        size_t length = strcspn(at, "&");
        size_t key = strcspn(at, "=&");
        if (exchange->query_count == QUERY_PAIRS_MAX)
            return false;
        if (length > 0) {
            size_t value = key < length ? key + 1 : length;
            size_t i = exchange->query_count++;
            exchange->query[i].key = decode(at, key);
            exchange->query[i].value = decode(at + value, length - value);
            if (exchange->query[i].key == NULL || exchange->query[i].value == NULL)
                return false;
        }
        at += length + (at[length] == '&' ? 1 : 0);
    }
    return true;
}

static bool read_body(struct exchange *exchange)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(exchange->request);
    size_t length = evbuffer_get_length(input);
    if (length > SERVER_BODY_BYTES_MAX)
        return false;
    exchange->body_text = malloc(length + 1);
    if (exchange->body_text == NULL || evbuffer_remove(input, exchange->body_text, length) < 0)
        return false;
    exchange->body_length = length;
    exchange->body_text[length] = '\0';
    exchange->body = json_loadb(exchange->body_text, length, JSON_DECODE_ANY, NULL);
    return true;
}

bool exchange_read(struct exchange *exchange)
{
    struct evhttp_request *request = exchange->request;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = evhttp_uri_get_query(uri);
    const char *path = evhttp_uri_get_path(uri);
    snprintf(exchange->method, sizeof exchange->method, "%s",
             method_word(evhttp_request_get_command(request)));
    snprintf(exchange->origin, sizeof exchange->origin, "http://127.0.0.1:%u",
             (unsigned)exchange->listener->port);
    exchange->target = evhttp_request_get_uri(request);
    exchange->query_text = query != NULL ? query : "";
    exchange->path = evhttp_uridecode(path != NULL ? path : "/", 0, NULL);
    return exchange->path != NULL && strlen(exchange->target) < SERVER_PATH_BYTES_MAX &&
           read_query(exchange) && read_body(exchange);
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->timer != NULL)
        event_free(exchange->timer);
    for (size_t i = 0; i < exchange->query_count; i++) {
        free(exchange->query[i].key);
        free(exchange->query[i].value);
    }
    answer_clear(&exchange->answer);
    json_decref(exchange->body);
    free(exchange->body_text);
    free(exchange->path);
    free(exchange);
}

struct fault_subject exchange_subject(const struct exchange *exchange)
{
    return (struct fault_subject){
        .api = exchange->listener->api, .method = exchange->method, .path = exchange->target};
}

void exchange_log(const struct exchange *exchange, int status, size_t answer_bytes)
{
    struct request_entry entry = {.api = exchange->listener->api,
                                  .method = exchange->method,
                                  .path = exchange->target,
                                  .token = exchange->token,
                                  .status = status,
                                  .began_mono_ms = exchange->began_mono_ms,
                                  .ended_mono_ms = clock_mono_ms(),
                                  .began_wall_ms = exchange->began_wall_ms,
                                  .request = exchange->body,
                                  .answer_bytes = answer_bytes,
                                  .fault = exchange->fault_words};
    if (entry.api != API_CONTROL)
        request_log_add(exchange->server->log, &entry);
}

static void add_fault_word(struct exchange *exchange, const char *word)
{
    size_t used = strlen(exchange->fault_words);
    snprintf(exchange->fault_words + used, sizeof exchange->fault_words - used, "%s%s",
             used > 0 ? "+" : "", word);
}

const struct fault *exchange_strike(struct exchange *exchange, int effect, const char *server,
                                    const char *server_type, const char *location)
{
    struct fault_subject subject = exchange_subject(exchange);
    subject.server = server;
    subject.server_type = server_type;
    subject.location = location;
    if (subject.api == API_CONTROL || exchange->in_answer_fault)
        return NULL;
    const struct fault *fault = faults_strike(exchange->server->faults, (enum fault_effect)effect,
                                              &subject, clock_mono_ms());
    if (fault != NULL)
        add_fault_word(exchange, fault_word(fault->effect));
    return fault;
}

int exchange_fault_status(const struct exchange *exchange)
{
    return exchange->fault_status != 0 ? exchange->fault_status : 500;
}

struct server *exchange_server(const struct exchange *exchange)
{
    return exchange->server;
}

struct world *exchange_world(const struct exchange *exchange)
{
    return exchange->server->world;
}

struct faults *exchange_faults(const struct exchange *exchange)
{
    return exchange->server->faults;
}

struct event_base *exchange_base(const struct exchange *exchange)
{
    return exchange->server->base;
}

void *exchange_context(const struct exchange *exchange)
{
    return exchange->listener->definition->context;
}

const struct route *exchange_route(const struct exchange *exchange)
{
    return exchange->route;
}

enum api exchange_api(const struct exchange *exchange)
{
    return exchange->listener->api;
}

enum token_kind exchange_token(const struct exchange *exchange)
{
    return exchange->token;
}

const char *exchange_method(const struct exchange *exchange)
{
    return exchange->method;
}

const char *exchange_path(const struct exchange *exchange)
{
    return exchange->path;
}

const char *exchange_origin(const struct exchange *exchange)
{
    return exchange->origin;
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

const char *exchange_parameter(const struct exchange *exchange, const char *name)
{
    return route_parameter(&exchange->parameters, name);
}

static bool read_u64(const char *text, uint64_t *out)
{
    uint64_t number = 0;
    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return false;
    }
    *out = number;
    return true;
}

bool exchange_parameter_u64(const struct exchange *exchange, const char *name, uint64_t *out)
{
    return read_u64(exchange_parameter(exchange, name), out);
}

const char *exchange_query_at(const struct exchange *exchange, const char *key, size_t index)
{
    for (size_t i = 0; i < exchange->query_count; i++) {
        if (strcmp(exchange->query[i].key, key) == 0 && index-- == 0)
            return exchange->query[i].value;
    }
    return NULL;
}

const char *exchange_query(const struct exchange *exchange, const char *key)
{
    return exchange_query_at(exchange, key, 0);
}

int64_t exchange_query_i64(const struct exchange *exchange, const char *key, int64_t otherwise)
{
    const char *text = exchange_query(exchange, key);
    bool negative = text != NULL && *text == '-';
    uint64_t number;
    if (!read_u64(negative ? text + 1 : text, &number) || number > INT64_MAX)
        return otherwise;
    return negative ? -(int64_t)number : (int64_t)number;
}

const char *exchange_query_text(const struct exchange *exchange)
{
    return exchange->query_text;
}

json_t *exchange_body(struct exchange *exchange)
{
    return exchange->body;
}

const char *exchange_body_text(const struct exchange *exchange, size_t *length)
{
    *length = exchange->body_length;
    return exchange->body_text;
}
