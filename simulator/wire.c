/* The way of an answer onto its connection: whole, cut short, never, or the connection closed.
 * May not: look into an answer. */
#include "simulator/server_private.h"

#include "common/clock.h"
#include "common/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HUNG_INPUT_BYTES_MAX 65536
#define SPACES_BYTES         65536

const char *wire_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } rows[] = {{200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {409, "Conflict"},
                {410, "Gone"},
                {412, "Precondition Failed"},
                {413, "Request Entity Too Large"},
                {415, "Unsupported Media Type"},
                {422, "Unprocessable Entity"},
                {423, "Locked"},
                {429, "Too Many Requests"},
                {500, "Internal Server Error"},
                {502, "Bad Gateway"},
                {503, "Service Unavailable"},
                {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status)
            return rows[i].phrase;
    }
    return "Status";
}

static void close_now(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)fd;
    (void)what;
    evhttp_connection_free(connection->http);
}

void connection_close_soon(struct connection *connection)
{
    struct timeval at_once = {0};
    if (connection->closer == NULL)
        connection->closer = evtimer_new(connection->server->base, close_now, connection);
    if (connection->closer == NULL || evtimer_add(connection->closer, &at_once) != 0)
        log_warning("no timer to close a connection: it stays open");
}

static void peer_is_gone(struct bufferevent *bufferevent, short what, void *context)
{
    (void)bufferevent;
    (void)what;
    connection_close_soon(context);
}

/* The exchange stays with its connection, which ends when the peer has had enough. */
void wire_hang(struct exchange *exchange)
{
    struct bufferevent *wire = evhttp_connection_get_bufferevent(exchange->connection->http);
    exchange->state = EXCHANGE_HUNG;
    exchange_log(exchange, 0, 0);
    bufferevent_setcb(wire, NULL, NULL, peer_is_gone, exchange->connection);
    bufferevent_set_timeouts(wire, NULL, NULL);
    bufferevent_setwatermark(wire, EV_READ, 0, HUNG_INPUT_BYTES_MAX);
    bufferevent_enable(wire, EV_READ);
}

static void raw_is_written(struct bufferevent *bufferevent, void *context)
{
    (void)bufferevent;
    connection_close_soon(context);
}

/* Past libevent's HTTP: bytes straight to the peer, which is left alone or closed afterwards. */
static void send_past_http(struct exchange *exchange, struct evbuffer *bytes, bool then_close)
{
    struct bufferevent *wire = evhttp_connection_get_bufferevent(exchange->connection->http);
    exchange->state = EXCHANGE_HUNG;
    bufferevent_setcb(wire, NULL, then_close ? raw_is_written : NULL, peer_is_gone,
                      exchange->connection);
    bufferevent_set_timeouts(wire, NULL, NULL);
    bufferevent_setwatermark(wire, EV_READ, 0, HUNG_INPUT_BYTES_MAX);
    if (bufferevent_write_buffer(wire, bytes) != 0 ||
        bufferevent_enable(wire, EV_READ | EV_WRITE) != 0)
        connection_close_soon(exchange->connection);
}

/* U+0000 to U+00FF of UTF-8, each as one byte; in place. */
static size_t to_bytes(char *text)
{
    size_t length = 0;
    for (size_t at = 0; text[at] != '\0'; at++) {
        unsigned first = (unsigned char)text[at];
        if (first >= 0xc2)
            first = (first & 3u) << 6 | ((unsigned char)text[++at] & 0x3fu);
        text[length++] = (char)first;
    }
    return length;
}

void wire_raw(struct exchange *exchange, const char *characters)
{
    answer_clear(&exchange->answer);
    exchange->answer.text = strdup(characters);
    exchange->answer.length = exchange->answer.text != NULL ? to_bytes(exchange->answer.text) : 0;
    exchange->answer.mode = WIRE_RAW;
    answer_finish(exchange);
}

static void add_date(struct exchange *exchange)
{
    time_t now = (time_t)(clock_wall_ms() / 1000 + exchange->answer.date_skew_s);
    struct tm parts;
    char text[64];
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
    exchange_add_header(exchange, "Date", text);
}

void wire_put_headers(struct exchange *exchange)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->request);
    const char *name;
    json_t *value;
    add_date(exchange);
    json_object_foreach(exchange->answer.headers, name, value)
        evhttp_add_header(headers, name, json_string_value(value));
}

static void cut_is_written(struct evhttp_connection *http, void *context)
{
    (void)http;
    connection_close_soon(context);
}

static void send_cut(struct exchange *exchange, struct evbuffer *buffer)
{
    char claimed[24];
    snprintf(claimed, sizeof claimed, "%lld", (long long)exchange->answer.claimed_length);
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), "Content-Length",
                      claimed);
    evhttp_send_reply_start(exchange->request, exchange->answer.status,
                            wire_phrase(exchange->answer.status));
    if (evbuffer_get_length(buffer) == 0)
        connection_close_soon(exchange->connection);
    else
        evhttp_send_reply_chunk_with_cb(exchange->request, buffer, cut_is_written,
                                        exchange->connection);
}

/* Many bytes and little memory: one block, referred to again and again. */
static bool add_spaces(struct evbuffer *buffer, size_t count)
{
    static char block[SPACES_BYTES];
    memset(block, ' ', sizeof block);
    while (count > 0) {
        size_t part = count < sizeof block ? count : sizeof block;
        if (evbuffer_add_reference(buffer, block, part, NULL, NULL) != 0)
            return false;
        count -= part;
    }
    return true;
}

static void send_bytes(struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;
    bool is_cut = answer->mode == WIRE_CUT;
    size_t length = is_cut ? answer->cut_length : answer->length;
    struct evbuffer *buffer = evbuffer_new();
    wire_put_headers(exchange);
    if (buffer == NULL || evbuffer_add(buffer, answer->text, length) != 0 ||
        !add_spaces(buffer, is_cut ? 0 : answer->spaces)) {
        log_warning("no memory to send an answer: its connection is closed");
        connection_close_soon(exchange->connection);
    } else if (is_cut) {
        send_cut(exchange, buffer);
    } else {
        exchange->connection->request = NULL;
        evhttp_send_reply(exchange->request, answer->status, wire_phrase(answer->status), buffer);
    }
    if (buffer != NULL)
        evbuffer_free(buffer);
}

/* The head as libevent would write it, with the whole body's length, and half of the body. */
static void add_stalled(struct exchange *exchange, struct evbuffer *out)
{
    const struct answer *answer = &exchange->answer;
    const char *name;
    json_t *value;
    add_date(exchange);
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", answer->status,
                        wire_phrase(answer->status), answer->length);
    json_object_foreach(answer->headers, name, value)
        evbuffer_add_printf(out, "%s: %s\r\n", name, json_string_value(value));
    evbuffer_add_printf(out, "\r\n");
    evbuffer_add(out, answer->text, answer->length / 2);
}

static void send_odd(struct exchange *exchange)
{
    struct evbuffer *bytes = evbuffer_new();
    const struct answer *answer = &exchange->answer;
    if (bytes == NULL) {
        log_warning("no memory to send an answer: its connection is closed");
        connection_close_soon(exchange->connection);
        return;
    }
    if (answer->mode == WIRE_STALL)
        add_stalled(exchange, bytes);
    else
        evbuffer_add(bytes, answer->text, answer->length);
    exchange_log(exchange, answer->status, evbuffer_get_length(bytes));
    send_past_http(exchange, bytes, answer->mode == WIRE_RAW);
    evbuffer_free(bytes);
}

void wire_send(struct exchange *exchange)
{
    enum wire_mode mode = exchange->answer.mode;
    if (mode == WIRE_HANG) {
        wire_hang(exchange);
        return;
    }
    if (mode == WIRE_RAW || mode == WIRE_STALL) {
        send_odd(exchange);
        return;
    }
    exchange->state = EXCHANGE_OVER;
    exchange->connection->exchange = NULL;
    exchange_log(exchange, mode == WIRE_CLOSE ? 0 : exchange->answer.status,
                 mode == WIRE_CLOSE ? 0 : exchange->answer.length);
    if (mode == WIRE_CLOSE)
        connection_close_soon(exchange->connection);
    else
        send_bytes(exchange);
}
