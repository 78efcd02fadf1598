/* The listeners, and the way of a request to its handler. May not know an API. */
#include "simulator/server_private.h"

#include "common/clock.h"
#include "common/log.h"

#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDLE_TIMEOUT_S 120

static const char *const api_names[API_COUNT] = {[API_GITEA] = "gitea",
                                                 [API_HETZNER] = "hetzner",
                                                 [API_KUBE] = "kube",
                                                 [API_CONTROL] = "control"};

const char *api_name(enum api api)
{
    return api_names[api];
}

bool api_from_name(const char *name, enum api *out)
{
    for (int api = 0; api < API_COUNT; api++) {
        if (strcmp(name, api_names[api]) == 0) {
            *out = (enum api)api;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------- a request's way */

static enum token_kind judge_token(const struct listener *listener, const char *authorization)
{
    if (listener->read_token[0] == '\0' && listener->write_token[0] == '\0')
        return TOKEN_WRITE;
    if (authorization == NULL)
        return TOKEN_NONE;
    const char *token = NULL;
    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        token = authorization + 7;
    else if (strncasecmp(authorization, "token ", 6) == 0)
        token = authorization + 6;
    if (token == NULL || *token == '\0')
        return TOKEN_WRONG;
    if (strcmp(token, listener->write_token) == 0)
        return TOKEN_WRITE;
    return strcmp(token, listener->read_token) == 0 ? TOKEN_READ : TOKEN_WRONG;
}

/* Refuses where the token does not allow the route; true where it does. */
static bool permitted(struct exchange *exchange)
{
    void (*refuse)(struct exchange *, enum refusal) = exchange->listener->definition->refuse;
    enum permission needed = exchange->route->permission;
    if (needed == PERMIT_ANYONE)
        return true;
    if (exchange->token == TOKEN_NONE)
        refuse(exchange, REFUSE_NO_TOKEN);
    else if (exchange->token == TOKEN_WRONG)
        refuse(exchange, REFUSE_WRONG_TOKEN);
    else if (exchange->token == TOKEN_READ && needed == PERMIT_WRITE)
        refuse(exchange, REFUSE_READ_ONLY);
    else
        return true;
    return false;
}

static void answer_fault(struct exchange *exchange, const struct fault *fault, enum refusal why)
{
    const char *type = fault->content_type != NULL ? fault->content_type : "application/json";
    exchange->fault_status = fault->status;
    if (fault->retry_after_s >= 0)
        exchange_add_headerf(exchange, "Retry-After", "%lld", (long long)fault->retry_after_s);
    if (fault->body != NULL)
        exchange_reply_text(exchange, fault->status, type, fault->body, strlen(fault->body));
    else
        exchange->listener->definition->refuse(exchange, why);
}

static void answer_html(struct exchange *exchange, const struct fault *fault)
{
    static const char page[] = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head>"
                               "<body><h1>We'll be back soon</h1></body></html>\n";
    const char *text = fault->body != NULL ? fault->body : page;
    exchange_reply_text(exchange, fault->status, "text/html; charset=utf-8", text, strlen(text));
}

/* Faults that strike instead of the handler; false where one has. */
static bool spared(struct exchange *exchange)
{
    const struct fault *fault;
    exchange->refused = true;
    if ((fault = exchange_strike(exchange, FAULT_STATUS, NULL, NULL, NULL)) != NULL)
        answer_fault(exchange, fault, REFUSE_FAULT);
    else if ((fault = exchange_strike(exchange, FAULT_RATE_LIMIT, NULL, NULL, NULL)) != NULL)
        answer_fault(exchange, fault, REFUSE_RATE_LIMIT);
    else if ((fault = exchange_strike(exchange, FAULT_HTML, NULL, NULL, NULL)) != NULL)
        answer_html(exchange, fault);
    else if ((fault = exchange_strike(exchange, FAULT_RAW, NULL, NULL, NULL)) != NULL)
        wire_raw(exchange, fault->body);
    else if (exchange_strike(exchange, FAULT_HANG, NULL, NULL, NULL) != NULL)
        wire_hang(exchange);
    else if (exchange_strike(exchange, FAULT_CLOSE, NULL, NULL, NULL) != NULL) {
        exchange->answer.mode = WIRE_CLOSE;
        wire_send(exchange);
    } else {
        exchange->refused = false;
    }
    return !exchange->refused;
}

static void run_handler(struct exchange *exchange)
{
    const struct api_definition *definition = exchange->listener->definition;
    exchange->state = EXCHANGE_HANDLED;
    if (!spared(exchange))
        return;
    if (definition->before == NULL || definition->before(exchange))
        exchange->route->handler(exchange);
    if (exchange->state == EXCHANGE_HANDLED) {
        log_error("the handler of %s %s has not answered", exchange->method, exchange->target);
        abort();
    }
}

static void handle_later(evutil_socket_t fd, short what, void *context)
{
    struct exchange *exchange = context;
    (void)fd;
    (void)what;
    event_free(exchange->timer);
    exchange->timer = NULL;
    run_handler(exchange);
    if (exchange->state == EXCHANGE_OVER)
        exchange_free(exchange);
}

/* A delay is drawn before the handler, because it may hold the handler back as well. */
static void handle(struct exchange *exchange)
{
    const struct fault *delay = exchange_strike(exchange, FAULT_DELAY, NULL, NULL, NULL);
    if (delay != NULL && delay->before_effect) {
        struct timeval wait = {.tv_sec = delay->delay_ms / 1000,
                               .tv_usec = delay->delay_ms % 1000 * 1000};
        exchange->state = EXCHANGE_DELAYED_BEFORE;
        exchange->timer = evtimer_new(exchange->server->base, handle_later, exchange);
        if (exchange->timer != NULL && evtimer_add(exchange->timer, &wait) == 0)
            return;
        log_warning("no timer to delay a request: it is handled at once");
    } else if (delay != NULL) {
        exchange->delay_ms = delay->delay_ms;
    }
    run_handler(exchange);
}

static void dispatch(struct exchange *exchange)
{
    const struct api_definition *definition = exchange->listener->definition;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(exchange->request));
    bool path_known = false;
    bool whole = exchange_read(exchange);
    exchange->state = EXCHANGE_HANDLED;
    exchange->refused = true;
    exchange->token = judge_token(exchange->listener, exchange_header(exchange, "Authorization"));
    if (!whole) {
        definition->refuse(exchange, REFUSE_TOO_LARGE);
        return;
    }
    exchange->route = route_find(definition->routes, definition->route_count, exchange->method,
                                 path != NULL ? path : "/", &exchange->parameters, &path_known);
    if (exchange->route == NULL) {
        definition->refuse(exchange, path_known ? REFUSE_METHOD : REFUSE_NOT_FOUND);
    } else if (permitted(exchange)) {
        exchange->refused = false;
        handle(exchange);
    }
}

/* --------------------------------------------------------------------------------- connections */

static void connection_ended(struct evhttp_connection *http, void *context)
{
    struct connection *connection = context;
    struct server *server = connection->server;
    struct connection **at = &server->connections;
    (void)http;
    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    server->connection_count--;
    if (connection->exchange != NULL) {
        if (connection->exchange->state != EXCHANGE_HUNG)
            exchange_log(connection->exchange, 0, 0);
        exchange_free(connection->exchange);
    }
    if (connection->stream != NULL) {
        connection->stream->closed(connection->stream->context);
        free(connection->stream);
    }
    /* libevent has let go of a request whose peer went before the answer's end: it is ours then. */
    if (connection->request != NULL && evhttp_request_get_connection(connection->request) == NULL)
        evhttp_request_free(connection->request);
    if (connection->closer != NULL)
        event_free(connection->closer);
    free(connection);
}

static struct connection *connection_of(struct server *server, struct evhttp_connection *http)
{
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        if (at->http == http)
            return at;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.next = server->connections, .server = server, .http = http};
    server->connections = connection;
    server->connection_count++;
    evhttp_connection_set_closecb(http, connection_ended, connection);
    return connection;
}

static void request_arrived(struct evhttp_request *request, void *context)
{
    struct listener *listener = context;
    struct server *server = listener->server;
    struct connection *connection = connection_of(server, evhttp_request_get_connection(request));
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (connection == NULL || exchange == NULL ||
        server->connection_count > SERVER_CONNECTIONS_MAX) {
        free(exchange);
        log_warning("a request to %s is refused: no memory, or more than %d connections",
                    api_name(listener->api), SERVER_CONNECTIONS_MAX);
        evhttp_send_error(request, 503, "Service Unavailable");
        return;
    }
    exchange->server = server;
    exchange->listener = listener;
    exchange->connection = connection;
    exchange->request = request;
    exchange->began_mono_ms = clock_mono_ms();
    exchange->began_wall_ms = clock_wall_ms();
    connection->exchange = exchange;
    connection->request = request;
    dispatch(exchange);
    if (exchange->state == EXCHANGE_OVER)
        exchange_free(exchange);
}

/* --------------------------------------------------------------------------------- the servers */

bool server_init(struct server **out, struct event_base *base, struct world *world,
                 struct faults *faults, const char *log_path, struct error *error)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return error_set(error, "no memory for the servers");
    server->base = base;
    server->world = world;
    server->faults = faults;
    if (!request_log_init(&server->log, log_path, error)) {
        free(server);
        return false;
    }
    server->history = history_new();
    if (server->history == NULL) {
        server_free(server);
        return error_set(error, "no memory for the servers");
    }
    *out = server;
    return true;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    for (int api = 0; api < API_COUNT; api++) {
        if (server->listener[api].http != NULL)
            evhttp_free(server->listener[api].http);
    }
    history_free(server->history);
    request_log_free(server->log);
    free(server);
}

static bool bind_port(struct listener *listener, uint16_t port, struct error *error)
{
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(listener->http, "127.0.0.1", port);
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    if (bound == NULL)
        return error_set_errno(error, EVUTIL_SOCKET_ERROR(),
                               "127.0.0.1:%u cannot be listened on for the %s API", (unsigned)port,
                               api_name(listener->api));
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length) != 0)
        return error_set_errno(error, EVUTIL_SOCKET_ERROR(), "the port of the %s API is unknown",
                               api_name(listener->api));
    listener->port = ntohs(address.sin_port);
    return true;
}

static void take_tokens(struct listener *listener, const struct server_tokens *tokens)
{
    if (tokens != NULL && tokens->read != NULL)
        snprintf(listener->read_token, sizeof listener->read_token, "%s", tokens->read);
    if (tokens != NULL && tokens->write != NULL)
        snprintf(listener->write_token, sizeof listener->write_token, "%s", tokens->write);
}

void server_tokens_change(struct server *server, enum api api, const struct server_tokens *tokens)
{
    take_tokens(&server->listener[api], tokens);
}

bool server_listen(struct server *server, enum api api, const struct api_definition *definition,
                   uint16_t port, const struct server_tokens *tokens, struct error *error)
{
    struct listener *listener = &server->listener[api];
    *listener = (struct listener){.server = server, .api = api, .definition = definition};
    take_tokens(listener, tokens);
    listener->http = evhttp_new(server->base);
    if (listener->http == NULL)
        return error_set(error, "no memory for the %s API", api_name(api));
    evhttp_set_allowed_methods(listener->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                   EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                   EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(listener->http, (ev_ssize_t)SERVER_HEADER_BYTES_MAX);
    /* The API itself words the refusal of a body that is too long, up to twice the limit. */
    evhttp_set_max_body_size(listener->http, (ev_ssize_t)SERVER_BODY_BYTES_MAX * 2);
    evhttp_set_timeout(listener->http, IDLE_TIMEOUT_S);
    evhttp_set_default_content_type(listener->http, NULL);
    evhttp_set_gencb(listener->http, request_arrived, listener);
    return bind_port(listener, port, error);
}

uint16_t server_port(const struct server *server, enum api api)
{
    return server->listener[api].port;
}

json_t *server_requests(const struct server *server, enum api api, uint64_t since)
{
    return request_log_read(server->log, api, since);
}

uint64_t server_request_count(const struct server *server, enum api api)
{
    return request_log_count(server->log, api);
}
