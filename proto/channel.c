/* A channel's life: opening, the handshake, dying, freeing. Reading and writing are in
 * channel_read.c and channel_write.c. May not: log, open sockets. */
#include "proto/channel.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/channel_internal.h"

#define BUFFER_BYTES                (1024 * 1024) /* a snapshot goes in fewer pieces */
#define BUFFER_BYTES_OF_DESCRIPTORS (16 * 1024)   /* some 40 small messages */

void channel_enter(struct channel *channel)
{
    channel->depth++;
}

static void destroy(struct channel *channel)
{
    while (channel->first != NULL) {
        struct outgoing *next = channel->first->next;
        if (channel->first->descriptor >= 0)
            close(channel->first->descriptor);
        free(channel->first);
        channel->first = next;
    }
    for (unsigned i = 0; i < channel->descriptor_count; i++)
        close(channel->descriptors[i]);
    if (channel->incoming != NULL)
        evbuffer_free(channel->incoming);
    free(channel);
}

bool channel_leave(struct channel *channel)
{
    assert(channel->depth > 0);
    channel->depth--;
    if (channel->freed && channel->depth == 0) {
        destroy(channel);
        return false;
    }
    return !channel->freed;
}

/* Events and socket go at once: nothing may be called any more. */
static void silence(struct channel *channel)
{
    struct event **events[] = {&channel->readable, &channel->writable, &channel->later};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (*events[i] != NULL)
            event_free(*events[i]);
        *events[i] = NULL;
    }
    if (channel->socket >= 0)
        close(channel->socket);
    channel->socket = -1;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL || channel->freed)
        return;
    silence(channel);
    channel->freed = channel->dead = true;
    if (channel->depth == 0)
        destroy(channel);
}

void channel_die(struct channel *channel, const char *format, ...)
{
    if (channel->dead)
        return;
    va_list arguments;
    va_start(arguments, format);
    char text[ERROR_TEXT_BYTES_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(&channel->why, "%s", text);
    channel->dead = true;
    event_del(channel->readable);
    event_del(channel->writable);
    event_active(channel->later, EV_TIMEOUT, 0);
}

static bool tell_sent(struct channel *channel, bool sent)
{
    void (*done)(struct channel *, bool, void *) = channel->sent;
    channel->sent = NULL;
    channel_enter(channel);
    done(channel, sent, channel->sent_argument);
    return channel_leave(channel);
}

/* What had to wait for the loop: "all is sent", and the end. */
static void on_later(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct channel *channel = argument;
    if (channel->sent != NULL && (channel->dead || channel->first == NULL) &&
        !tell_sent(channel, !channel->dead))
        return;
    if (!channel->dead || channel->told)
        return;
    channel->told = true;
    channel_enter(channel);
    if (channel->callbacks.closed != NULL)
        channel->callbacks.closed(channel, &channel->why, channel->argument);
    channel_leave(channel);
}

void channel_when_sent(struct channel *channel, void (*done)(struct channel *, bool sent, void *),
                       void *argument)
{
    channel->sent = done;
    channel->sent_argument = argument;
    if (channel->first == NULL || channel->dead)
        event_active(channel->later, EV_TIMEOUT, 0);
}

static bool make_events(struct channel *channel, struct event_base *base, struct error *error)
{
    channel->incoming = evbuffer_new();
    channel->readable =
        event_new(base, channel->socket, EV_READ | EV_PERSIST, channel_on_readable, channel);
    channel->writable =
        event_new(base, channel->socket, EV_WRITE | EV_PERSIST, channel_on_writable, channel);
    channel->later = event_new(base, -1, 0, on_later, channel);
    if (channel->incoming == NULL || channel->readable == NULL || channel->writable == NULL ||
        channel->later == NULL || event_add(channel->readable, NULL) != 0)
        return error_set(error, "no memory for a channel's events");
    return true;
}

static bool say_hello(struct channel *channel, struct error *error)
{
    struct hello hello = {.table_hash = message_table_hash(),
                          .role = channel->identity.self,
                          .generation = channel->identity.generation,
                          .pid = (uint64_t)getpid()};
    return channel_queue(channel, MESSAGE_hello, &hello, -1, error);
}

struct channel *channel_open(struct event_base *base, int descriptor,
                             const struct channel_identity *identity,
                             const struct channel_callbacks *callbacks, void *argument,
                             struct error *error)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        close(descriptor);
        error_set(error, "no memory for a channel");
        return NULL;
    }
    channel->identity = *identity;
    channel->callbacks = *callbacks;
    channel->argument = argument;
    channel->socket = descriptor;
    if (evutil_make_socket_nonblocking(descriptor) != 0)
        error_set(error, "the channel's socket cannot be made non-blocking");
    else if (make_events(channel, base, error) && say_hello(channel, error))
        return channel;
    channel_free(channel);
    return NULL; /* NOLINT: nothing delivers yet (depth is 0), so channel_free has freed it */
}

bool channel_send(struct channel *channel, enum message_id id, const void *body, int descriptor,
                  struct error *error)
{
    if (channel->dead)
        return error_set(error, "cannot send %s to the %s: the channel is closed", message_name(id),
                         role_word(channel->identity.peer));
    return channel_queue(channel, id, body, descriptor, error);
}

bool channel_ended(const struct channel *channel)
{
    return channel->ended;
}

size_t channel_unsent_bytes(const struct channel *channel)
{
    return channel->unsent;
}

unsigned channel_unsent_messages(const struct channel *channel)
{
    return channel->unsent_frames;
}

int channel_buffer_bytes(enum role one, enum role other)
{
    for (int id = 0; id < (int)message_id_count; id++)
        if (message_descriptors((enum message_id)id) > 0 &&
            (message_permitted((enum message_id)id, one, other) ||
             message_permitted((enum message_id)id, other, one)))
            return BUFFER_BYTES_OF_DESCRIPTORS;
    return BUFFER_BYTES;
}
