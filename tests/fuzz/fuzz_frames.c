/* Fuzzes the receiving half of a channel: bytes of a peer that was taken over, through a real
 * socket pair. Whatever comes, only messages that this peer may send arrive, each with exactly the
 * descriptors of its row, none before hello; a channel that is closed says why, once; and no
 * descriptor stays open.
 *
 * The input: a byte that chooses who talks to whom, a byte of flags (1: the peer's own hello goes
 * before), then parts: a byte with the part's length, whose highest bit lets a descriptor travel
 * with it. */
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/channel.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_LEAST      2
#define HELLO            1u
#define WITH_DESCRIPTOR  0x80u
#define PART_BYTES_SHIFT 2 /* parts of up to 508 bytes */

static const enum role pairs[][2] = {
    /* who reads, who was taken over */
    {ROLE_RECONCILER, ROLE_POLLER_GITEA}, {ROLE_RECONCILER, ROLE_POLLER_HETZNER},
    {ROLE_RECONCILER, ROLE_POLLER_KUBE},  {ROLE_RECONCILER, ROLE_ACTUATOR},
    {ROLE_RECONCILER, ROLE_MONITOR},      {ROLE_RECONCILER, ROLE_CLIENT},
    {ROLE_ACTUATOR, ROLE_RECONCILER},     {ROLE_MONITOR, ROLE_RECONCILER},
    {ROLE_MONITOR, ROLE_ACTUATOR},        {ROLE_SUPERVISOR, ROLE_MONITOR},
    {ROLE_SUPERVISOR, ROLE_ACTUATOR},     {ROLE_POLLER_GITEA, ROLE_SUPERVISOR},
    {ROLE_DIALER, ROLE_POLLER_GITEA},     {ROLE_ACTUATOR, ROLE_DIALER},
};

struct seen {
    const enum role *pair;
    unsigned opened, closed;
};

static struct event_base *base;

static void on_open(struct channel *channel, const struct hello *hello, void *argument)
{
    struct seen *seen = argument;
    (void)channel;
    PROMISE(hello->role == seen->pair[1] && seen->closed == 0);
    seen->opened++;
}

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    const struct seen *seen = argument;
    (void)channel;
    PROMISE(seen->opened == 1 && seen->closed == 0 && message->id != MESSAGE_hello);
    PROMISE(message_permitted(message->id, seen->pair[1], seen->pair[0]));
    PROMISE((descriptor >= 0) == (message_descriptors(message->id) == 1));
    PROMISE(descriptor < 0 || fcntl(descriptor, F_GETFD) == FD_CLOEXEC);
    if (descriptor >= 0)
        close(descriptor);
    message_free(message);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct seen *seen = argument;
    (void)channel;
    promise_words(why->text);
    PROMISE(seen->closed == 0);
    seen->closed++;
}

static void send_part(int socket, const void *bytes, size_t size, bool with_descriptor)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = fuzz_copy(bytes, size), .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (with_descriptor) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &(int){STDERR_FILENO}, sizeof(int));
    }
    /* A channel that has closed its end refuses: that is its right. */
    if (size > 0 && sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        (void)socket;
    free(part.iov_base);
}

static void send_hello(int socket, enum role role)
{
    const struct hello hello = {.table_hash = message_table_hash(), .role = role, .pid = 7};
    unsigned char *payload, frame[256];
    size_t length;
    PROMISE(message_encode(MESSAGE_hello, &hello, &payload, &length, NULL));
    PROMISE(length + 4 <= sizeof frame);
    for (unsigned i = 0; i < 4; i++)
        frame[i] = (unsigned char)(length >> (8 * (3 - i)));
    memcpy(frame + 4, payload, length);
    send_part(socket, frame, length + 4, false);
    free(payload);
}

static void send_parts(int socket, const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t length = (size_t)(data[0] & ~WITH_DESCRIPTOR) << PART_BYTES_SHIFT;
        bool with_descriptor = data[0] & WITH_DESCRIPTOR;
        data++, size--;
        length = length > size ? size : length;
        send_part(socket, data, length, with_descriptor);
        data += length, size -= length;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

/* The lowest free number: the same before and after, where nothing stays open. */
static int lowest_free(void)
{
    int descriptor = dup(STDERR_FILENO);
    PROMISE(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct channel_callbacks callbacks = {on_open, on_message, on_closed};
    int ends[2];
    if (size < INPUT_LEAST)
        return 0;
    if (base == NULL)
        base = event_base_new();
    int before = lowest_free();
    PROMISE(base != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    struct seen seen = {.pair = pairs[data[0] % (sizeof pairs / sizeof pairs[0])]};
    const struct channel_identity identity = {
        .self = seen.pair[0], .peer = seen.pair[1], .generation = 1};
    struct error error = {""};
    struct channel *channel = channel_open(base, ends[0], &identity, &callbacks, &seen, &error);
    PROMISE(channel != NULL);
    if (data[1] & HELLO)
        send_hello(ends[1], seen.pair[1]);
    send_parts(ends[1], data + INPUT_LEAST, size - INPUT_LEAST);
    event_base_loop(base, EVLOOP_NONBLOCK);
    close(ends[1]);
    for (unsigned turn = 0; turn < 4 && seen.closed == 0; turn++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    PROMISE(seen.closed == 1);
    channel_free(channel);
    event_base_loop(base, EVLOOP_NONBLOCK);
    PROMISE(lowest_free() == before);
    return 0;
}
