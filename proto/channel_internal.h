/* A channel's inside, shared by the file that reads and the one that writes. Private to proto/. */
#ifndef EBBTIDE_PROTO_CHANNEL_INTERNAL_H
#define EBBTIDE_PROTO_CHANNEL_INTERNAL_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "proto/channel.h"

#define FRAME_HEAD_BYTES 4 /* the payload's length, big-endian */
/* Descriptors that have arrived before the message that they belong to is whole. */
#define CHANNEL_DESCRIPTORS_MAX 8

struct outgoing {
    struct outgoing *next;
    size_t length, sent;
    int descriptor; /* travels with the first byte; -1: none */
    unsigned char bytes[];
};

struct channel {
    struct channel_identity identity;
    struct channel_callbacks callbacks;
    void *argument;
    int socket;
    struct event *readable, *writable;
    struct event *later; /* runs what must not run inside a call of the owner's */
    /* 1: opened once the peer's hello has come and fits; nothing else is taken before. */
    bool opened;
    /* 2: once dead nothing is read or written; `why` says the reason until closed() was called. */
    bool dead, told;
    bool ended; /* dead because the peer closed it, and nothing was cut off */
    struct error why;
    /* 3: freed while inside a callback (depth > 0): the memory goes when the last one returns. */
    bool freed;
    unsigned depth;
    struct evbuffer *incoming;
    int descriptors[CHANNEL_DESCRIPTORS_MAX];
    unsigned descriptor_count;
    struct outgoing *first, *last;
    size_t unsent;
    unsigned unsent_frames;
    void (*sent)(struct channel *, bool, void *);
    void *sent_argument;
};

/* No more comes or goes; closed() is called from the loop, with this reason (the first one holds).
 */
void channel_die(struct channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* libevent's callbacks. */
void channel_on_readable(evutil_socket_t socket, short what, void *argument);
void channel_on_writable(evutil_socket_t socket, short what, void *argument);

/* Queues a frame; false with *error set where it may not go. */
bool channel_queue(struct channel *channel, enum message_id id, const void *body, int descriptor,
                   struct error *error);

/* Around every call of the owner's: channel_leave frees what was freed meanwhile, and says so. */
void channel_enter(struct channel *channel);
bool channel_leave(struct channel *channel); /* false: the channel is gone */

#endif
