/* Long answers (a watch): 200, chunked, until one side ends it. May not know what is sent. */
#include "simulator/server_private.h"

#include "common/clock.h"
#include "common/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

struct stream *exchange_begin_stream(struct exchange *exchange, const char *content_type,
                                     void (*closed)(void *context), void *context)
{
    struct connection *connection = exchange->connection;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        log_error("no memory for a stream");
        abort();
    }
    *stream = (struct stream){.connection = connection,
                              .request = exchange->request,
                              .closed = closed,
                              .context = context};
    connection->stream = stream;
    connection->exchange = NULL;
    exchange->state = EXCHANGE_OVER;
    exchange_log(exchange, 200, 0);
    exchange_add_header(exchange, "Content-Type", content_type);
    wire_put_headers(exchange);
    evhttp_send_reply_start(stream->request, 200, wire_phrase(200));
    bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection->http), NULL, NULL);
    return stream;
}

void stream_write(struct stream *stream, const char *bytes, size_t length)
{
    struct evbuffer *buffer = evbuffer_new();
    if (buffer == NULL || evbuffer_add(buffer, bytes, length) != 0)
        log_warning("no memory for a piece of a stream: it is lost");
    else
        evhttp_send_reply_chunk(stream->request, buffer);
    if (buffer != NULL)
        evbuffer_free(buffer);
}

void stream_end(struct stream *stream)
{
    stream->connection->stream = NULL;
    stream->connection->request = NULL;
    evhttp_send_reply_end(stream->request);
    free(stream);
}
