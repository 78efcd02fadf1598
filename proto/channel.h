/* A channel: one peer at the other end of a stream Unix socket, over libevent.
 *
 * Frames are a 4-byte big-endian length and one message. The first frame each way is `hello` with
 * the table's hash; a length above the largest message that this peer may send is refused before a
 * byte of it is kept. A message that does not decode, or that this peer may not send, closes the
 * channel with a reason; it never ends the receiver. Descriptors travel (SCM_RIGHTS) only with
 * messages whose row says so, exactly that many; others are closed. May not: open sockets, log (the
 * owner does, from the reason it is given). */
#ifndef EBBTIDE_PROTO_CHANNEL_H
#define EBBTIDE_PROTO_CHANNEL_H

#include "proto/message.h"

struct event_base;
struct channel;

#define CHANNEL_UNSENT_BYTES_MAX (64u * 1024 * 1024) /* what may wait for a slow peer */

struct channel_identity {
    enum role self, peer;
    uint64_t generation; /* of self */
};

struct channel_callbacks {
    /* The peer's hello has arrived and fits. May be NULL. */
    void (*open)(struct channel *channel, const struct hello *hello, void *argument);
    /* A message; the callee takes it and frees it. descriptor is -1 or the callee's to close. */
    void (*message)(struct channel *channel, struct message *message, int descriptor,
                    void *argument);
    /* The channel is dead: nothing more will come, the owner calls channel_free (here, or later).
     * why says what happened
     * ("the peer closed it" included). Called at most once, never from inside channel_open or
     * channel_send. */
    void (*closed)(struct channel *channel, const struct error *why, void *argument);
};

/* Takes `descriptor` (closed on error too), makes it non-blocking and sends hello. NULL with *error
 * set on failure. */
struct channel *channel_open(struct event_base *base, int descriptor,
                             const struct channel_identity *identity,
                             const struct channel_callbacks *callbacks, void *argument,
                             struct error *error);

/* Queues a message; descriptor -1 or one to pass, which is duplicated into flight: the caller keeps
 * and closes its own. False with *error set when it is not permitted, out of bounds, or more than
 * CHANNEL_UNSENT_BYTES_MAX already waits; the channel stays usable. On a dead channel: false. */
bool channel_send(struct channel *channel, enum message_id id, const void *body, int descriptor,
                  struct error *error);

/* Bytes that wait to be written; messages, whole or in part. */
size_t channel_unsent_bytes(const struct channel *channel);
unsigned channel_unsent_messages(const struct channel *channel);

/* SO_SNDBUF for a channel between these two: what the kernel keeps for who does not read. Little
 * where descriptors travel, since those on their way count against a limit of the sender's user,
 * and beyond it no other channel of that user could carry one (unix(7): ETOOMANYREFS). */
int channel_buffer_bytes(enum role one, enum role other);

/* Whether a dead channel ended because the peer closed it between two messages, as one does that
 * ends; what has gone wrong with such a peer, if anything, others know. */
bool channel_ended(const struct channel *channel);

/* Calls `done` once when all that is queued has been written, or the channel died (sent tells
 * which). For orderly ends. */
void channel_when_sent(struct channel *channel, void (*done)(struct channel *, bool sent, void *),
                       void *argument);

/* Closes and frees; no callback is called any more. NULL is fine. Safe inside a callback of this
 * channel. */
void channel_free(struct channel *channel);

#endif
