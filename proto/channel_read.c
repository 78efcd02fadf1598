/* The receiving half of a channel: bytes to frames to messages. A length is checked against what
 * the peer may send, and against that message's own bound, before more of it is kept. May not:
 * trust a byte. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/channel_internal.h"

#define READ_BYTES       ((size_t)64 * 1024)
#define READS_A_TURN_MAX 16 /* then others have their turn in the loop */

/* ---------------------------------------------------------------------------- descriptors */

static void keep_descriptor(struct channel *channel, int descriptor)
{
    if (channel->descriptor_count == CHANNEL_DESCRIPTORS_MAX) {
        close(descriptor);
        channel_die(channel, "the %s sent more descriptors than messages that carry them",
                    role_word(channel->identity.peer));
        return;
    }
    channel->descriptors[channel->descriptor_count++] = descriptor;
}

static void keep_descriptors(struct channel *channel, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof descriptor);
            keep_descriptor(channel, descriptor);
        }
    }
    if ((message->msg_flags & MSG_CTRUNC) != 0)
        channel_die(channel, "the %s sent more descriptors at once than any message carries",
                    role_word(channel->identity.peer));
}

/* The oldest one, for the message that was just read; -1 and a dead channel where it is missing. */
static int take_descriptor(struct channel *channel, enum message_id id)
{
    if (channel->descriptor_count == 0) {
        channel_die(channel, "the %s sent %s without its descriptor",
                    role_word(channel->identity.peer), message_name(id));
        return -1;
    }
    int descriptor = channel->descriptors[0];
    channel->descriptor_count--;
    memmove(channel->descriptors, channel->descriptors + 1,
            channel->descriptor_count * sizeof channel->descriptors[0]);
    return descriptor;
}

/* ------------------------------------------------------------------------------- messages */

static bool hello_fits(struct channel *channel, const struct hello *hello)
{
    if (strcmp(hello->table_hash, message_table_hash()) != 0) {
        channel_die(channel,
                    "the %s (pid %" PRIu64 ") was built from another table of messages; stop and "
                    "install all programs of one version",
                    role_word(hello->role), hello->pid);
        return false;
    }
    if (hello->role != channel->identity.peer) {
        channel_die(channel, "the %s was expected here, the %s said hello",
                    role_word(channel->identity.peer), role_word(hello->role));
        return false;
    }
    return true;
}

/* False where the channel is gone, or dead. */
static bool take_hello(struct channel *channel, struct message *message)
{
    const struct hello *hello = message_hello(message);
    bool lives = false;
    if (channel->opened) {
        channel_die(channel, "the %s said hello twice", role_word(channel->identity.peer));
    } else if (hello_fits(channel, hello)) {
        channel->opened = true;
        lives = true;
        if (channel->callbacks.open != NULL) {
            channel_enter(channel);
            channel->callbacks.open(channel, hello, channel->argument);
            lives = channel_leave(channel) && !channel->dead;
        }
    }
    message_free(message);
    return lives;
}

static bool take_message(struct channel *channel, struct message *message)
{
    if (message->id == MESSAGE_hello)
        return take_hello(channel, message);
    int descriptor = -1;
    if (message_descriptors(message->id) == 1)
        descriptor = take_descriptor(channel, message->id);
    if (!channel->dead && !channel->opened)
        channel_die(channel, "the %s sent %s before hello", role_word(channel->identity.peer),
                    message_name(message->id));
    if (channel->dead || channel->callbacks.message == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        message_free(message);
        return !channel->dead;
    }
    channel_enter(channel);
    channel->callbacks.message(channel, message, descriptor, channel->argument);
    return channel_leave(channel) && !channel->dead;
}

/* --------------------------------------------------------------------------------- frames */

/* The most that any message of this peer may be. */
static size_t frame_bytes_max(const struct channel *channel)
{
    size_t most = 0;
    for (int id = 0; id < (int)message_id_count; id++) {
        size_t size = message_bytes_max((enum message_id)id);
        if (message_permitted((enum message_id)id, channel->identity.peer,
                              channel->identity.self) &&
            size > most)
            most = size;
    }
    return most;
}

/* Looks at the first bytes of a frame: may this peer send it, and be it so long? True: go on. */
static bool head_fits(struct channel *channel, size_t length)
{
    const char *peer = role_word(channel->identity.peer);
    unsigned char first[FRAME_HEAD_BYTES + MESSAGE_PEEK_BYTES_MAX];
    ev_ssize_t got = evbuffer_copyout(channel->incoming, first, sizeof first);
    size_t payload = (size_t)got - FRAME_HEAD_BYTES;
    if (length == 0 || length > frame_bytes_max(channel)) {
        channel_die(channel, "the %s announced a message of %zu bytes, more than it may send", peer,
                    length);
        return false;
    }
    enum message_id id = MESSAGE_hello;
    int known = message_peek(first + FRAME_HEAD_BYTES, payload < length ? payload : length, &id);
    if (known < 0)
        channel_die(channel, "the %s sent a message that the table does not have", peer);
    else if (known > 0 && !message_permitted(id, channel->identity.peer, channel->identity.self))
        channel_die(channel, "the %s may not send %s here", peer, message_name(id));
    else if (known > 0 && length > message_bytes_max(id))
        channel_die(channel, "the %s announced %zu bytes of %s, at most %zu are allowed", peer,
                    length, message_name(id), message_bytes_max(id));
    return !channel->dead;
}

static bool decode_frame(struct channel *channel, size_t length)
{
    struct error error = {""};
    struct message *message;
    evbuffer_drain(channel->incoming, FRAME_HEAD_BYTES);
    const unsigned char *payload = evbuffer_pullup(channel->incoming, (ev_ssize_t)length);
    if (payload == NULL) {
        channel_die(channel, "no memory for a message of %zu bytes", length);
        return false;
    }
    bool good = message_decode(payload, length, &message, &error);
    evbuffer_drain(channel->incoming, length);
    if (!good) {
        channel_die(channel, "a message of the %s does not decode: %s",
                    role_word(channel->identity.peer), error.text);
        return false;
    }
    return take_message(channel, message);
}

/* True while whole frames may be left; *gone where the owner freed the channel. */
static bool next_frame(struct channel *channel)
{
    unsigned char head[FRAME_HEAD_BYTES];
    if (evbuffer_copyout(channel->incoming, head, sizeof head) < (ev_ssize_t)sizeof head)
        return false;
    size_t length = 0;
    for (unsigned i = 0; i < FRAME_HEAD_BYTES; i++)
        length = length << 8 | head[i];
    if (!head_fits(channel, length) ||
        evbuffer_get_length(channel->incoming) - FRAME_HEAD_BYTES < length)
        return false;
    return decode_frame(channel, length);
}

/* --------------------------------------------------------------------------------- bytes */

/* As recvmsg(2) answers; what came is in the buffer, descriptors are kept. */
static ssize_t read_some(struct channel *channel)
{
    static unsigned char bytes[READ_BYTES]; /* one thread, and nothing is called meanwhile */
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(CHANNEL_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(channel->socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got <= 0)
        return got;
    keep_descriptors(channel, &message);
    if (evbuffer_add(channel->incoming, bytes, (size_t)got) != 0)
        channel_die(channel, "no memory for what the %s sent", role_word(channel->identity.peer));
    return got;
}

static void check_end(struct channel *channel, ssize_t got)
{
    const char *peer = role_word(channel->identity.peer);
    if (got == 0 && evbuffer_get_length(channel->incoming) > 0)
        channel_die(channel, "the %s closed the channel in the middle of a message", peer);
    else if (got == 0) {
        channel->ended = !channel->dead;
        channel_die(channel, "the %s closed the channel", peer);
    } else if (errno != EAGAIN && errno != EINTR)
        channel_die(channel, "reading from the %s failed: %s", peer, strerrordesc_np(errno));
}

/* A descriptor that no whole or begun frame explains is a breach of the table. */
static void check_strays(struct channel *channel)
{
    if (!channel->dead && channel->descriptor_count > 0 &&
        evbuffer_get_length(channel->incoming) == 0)
        channel_die(channel, "the %s sent a descriptor with a message that carries none",
                    role_word(channel->identity.peer));
}

void channel_on_readable(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct channel *channel = argument;
    channel_enter(channel);
    for (unsigned turn = 0; turn < READS_A_TURN_MAX && !channel->dead; turn++) {
        ssize_t got = read_some(channel);
        if (got <= 0) {
            check_end(channel, got);
            break;
        }
        while (!channel->dead && next_frame(channel)) {
        }
        check_strays(channel);
    }
    channel_leave(channel);
}
