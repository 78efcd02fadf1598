/* The sending half of a channel: frames are queued whole and written as the peer reads them. A
 * descriptor travels with its frame's first byte. May not: call the owner, but through on_later. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/channel_internal.h"

static bool may_go(const struct channel *channel, enum message_id id, int descriptor,
                   struct error *error)
{
    const char *peer = role_word(channel->identity.peer);
    if (!message_permitted(id, channel->identity.self, channel->identity.peer))
        return error_set(error, "the table does not let the %s send %s to the %s",
                         role_word(channel->identity.self), message_name(id), peer);
    if ((descriptor >= 0 ? 1u : 0u) != message_descriptors(id))
        return error_set(error, "%s travels with %u descriptors, not %u", message_name(id),
                         message_descriptors(id), descriptor >= 0 ? 1u : 0u);
    if (channel->unsent > CHANNEL_UNSENT_BYTES_MAX)
        return error_set(error, "cannot send %s: %zu bytes already wait for the %s",
                         message_name(id), channel->unsent, peer);
    return true;
}

static struct outgoing *frame_new(const unsigned char *payload, size_t length, int descriptor,
                                  struct error *error)
{
    struct outgoing *frame = malloc(sizeof *frame + FRAME_HEAD_BYTES + length);
    if (frame == NULL) {
        error_set(error, "no memory for a frame of %zu bytes", length);
        return NULL;
    }
    *frame = (struct outgoing){.length = FRAME_HEAD_BYTES + length, .descriptor = -1};
    for (unsigned i = 0; i < FRAME_HEAD_BYTES; i++)
        frame->bytes[i] = (unsigned char)(length >> (8 * (FRAME_HEAD_BYTES - 1 - i)));
    memcpy(frame->bytes + FRAME_HEAD_BYTES, payload, length);
    if (descriptor >= 0) {
        frame->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
        if (frame->descriptor < 0) {
            error_set_errno(error, errno, "a descriptor to pass cannot be duplicated");
            free(frame);
            return NULL;
        }
    }
    return frame;
}

bool channel_queue(struct channel *channel, enum message_id id, const void *body, int descriptor,
                   struct error *error)
{
    unsigned char *payload;
    size_t length;
    if (!may_go(channel, id, descriptor, error) ||
        !message_encode(id, body, &payload, &length, error))
        return false;
    struct outgoing *frame = frame_new(payload, length, descriptor, error);
    free(payload);
    if (frame == NULL)
        return false;
    if (channel->last == NULL)
        channel->first = frame;
    else
        channel->last->next = frame;
    channel->last = frame;
    channel->unsent += frame->length;
    channel->unsent_frames++;
    event_add(channel->writable, NULL);
    return true;
}

/* One sendmsg of what is left of a frame; as sendmsg(2) answers. */
static ssize_t write_some(struct channel *channel, const struct outgoing *frame)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_len = frame->length - frame->sent};
    /* sendmsg only reads what it is given; its struct has no const. */
    memcpy(&part.iov_base, &(const unsigned char *){frame->bytes + frame->sent}, sizeof(void *));
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (frame->descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &frame->descriptor, sizeof(int));
    }
    return sendmsg(channel->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False where the socket takes no more now, or never again. */
static bool write_frame(struct channel *channel)
{
    struct outgoing *frame = channel->first;
    ssize_t written = write_some(channel, frame);
    if (written < 0) {
        if (errno != EAGAIN && errno != EINTR)
            channel_die(channel, "writing to the %s failed: %s", role_word(channel->identity.peer),
                        strerrordesc_np(errno));
        return false;
    }
    if (frame->descriptor >= 0)
        close(frame->descriptor);
    frame->descriptor = -1;
    frame->sent += (size_t)written;
    channel->unsent -= (size_t)written;
    if (frame->sent < frame->length)
        return false;
    channel->unsent_frames--;
    channel->first = frame->next;
    if (channel->first == NULL)
        channel->last = NULL;
    free(frame);
    return true;
}

void channel_on_writable(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct channel *channel = argument;
    while (channel->first != NULL && write_frame(channel)) {
    }
    if (channel->first != NULL || channel->dead)
        return;
    event_del(channel->writable);
    if (channel->sent != NULL)
        event_active(channel->later, EV_TIMEOUT, 0);
}
