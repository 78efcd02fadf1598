/* The channel's promise: messages arrive whole and in order, descriptors with theirs; and whatever
 * a peer sends that it may not, only the channel ends, with a sentence that says why. */
#include "cunit_main.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/channel.h"

struct end {
    struct channel *channel;
    unsigned opened, closed, messages, descriptors;
    bool ended;
    char why[ERROR_TEXT_BYTES_MAX];
    char text[TEXT_BYTES_MAX + 1];
    bool free_in_message;
};

static struct event_base *base;

static void on_open(struct channel *channel, const struct hello *hello, void *argument)
{
    (void)channel, (void)hello;
    struct end *end = argument;
    end->opened++;
}

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    struct end *end = argument;
    end->messages++;
    if (descriptor >= 0) {
        end->descriptors++;
        close(descriptor);
    }
    if (message->id == MESSAGE_stopped)
        snprintf(end->text, sizeof end->text, "%s", message_stopped(message)->text);
    message_free(message);
    if (end->free_in_message) {
        channel_free(channel);
        end->channel = NULL;
    }
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct end *end = argument;
    CU_ASSERT_EQUAL(end->closed, 0); /* at most once */
    end->closed++;
    end->ended = channel_ended(channel);
    snprintf(end->why, sizeof end->why, "%s", why->text);
    channel_free(channel);
    end->channel = NULL;
}

static const struct channel_callbacks callbacks = {
    .open = on_open, .message = on_message, .closed = on_closed};

static struct channel *open_end(int socket, enum role self, enum role peer, struct end *end)
{
    struct channel_identity identity = {.self = self, .peer = peer, .generation = 1};
    struct error error = {""};
    end->channel = channel_open(base, socket, &identity, &callbacks, end, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(end->channel);
    return end->channel;
}

static void turn(void)
{
    for (int i = 0; i < 40; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void make_pair(int sockets[2])
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
}

/* Both ends as supervisor and monitor, open. */
static void open_both(struct end *supervisor, struct end *worker)
{
    int sockets[2];
    make_pair(sockets);
    open_end(sockets[0], ROLE_SUPERVISOR, ROLE_MONITOR, supervisor);
    open_end(sockets[1], ROLE_MONITOR, ROLE_SUPERVISOR, worker);
    turn();
    CU_ASSERT_EQUAL(supervisor->opened, 1);
    CU_ASSERT_EQUAL(worker->opened, 1);
}

static void test_messages_arrive(void)
{
    struct end supervisor = {0}, worker = {0};
    open_both(&supervisor, &worker);
    struct stopped stopped = {.text = "nothing is left"};
    struct error error = {""};
    CU_ASSERT_TRUE(channel_send(worker.channel, MESSAGE_stopped, &stopped, -1, &error));
    turn();
    CU_ASSERT_EQUAL(supervisor.messages, 1);
    CU_ASSERT_STRING_EQUAL(supervisor.text, "nothing is left");
    channel_free(worker.channel);
    turn();
    CU_ASSERT_EQUAL(supervisor.closed, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(supervisor.why, "the monitor closed the channel"));
    CU_ASSERT_TRUE(supervisor.ended);
}

static void test_a_large_message_arrives(void)
{
    static struct alarm alarms[ALARMS_MAX];
    static char text[TEXT_BYTES_MAX + 1];
    memset(text, 'x', TEXT_BYTES_MAX);
    for (size_t i = 0; i < ALARMS_MAX; i++)
        alarms[i].text = text;
    static struct status_node nodes[NODES_MAX];
    for (size_t i = 0; i < NODES_MAX; i++)
        nodes[i] = (struct status_node){.name = "node", .why = text};
    struct status status = {
        .alarms = alarms, .alarms_count = ALARMS_MAX, .nodes = nodes, .nodes_count = NODES_MAX};
    struct end reconciler = {0}, monitor = {0};
    int sockets[2];
    make_pair(sockets);
    open_end(sockets[0], ROLE_RECONCILER, ROLE_MONITOR, &reconciler);
    open_end(sockets[1], ROLE_MONITOR, ROLE_RECONCILER, &monitor);
    struct error error = {""};
    CU_ASSERT_TRUE(channel_send(reconciler.channel, MESSAGE_status, &status, -1, &error));
    CU_ASSERT(channel_unsent_bytes(reconciler.channel) > 500000);
    turn();
    CU_ASSERT_EQUAL(monitor.messages, 1);
    CU_ASSERT_EQUAL(channel_unsent_bytes(reconciler.channel), 0);
    channel_free(reconciler.channel);
    channel_free(monitor.channel);
}

static void test_descriptors_travel_with_their_message(void)
{
    struct end supervisor = {0}, worker = {0};
    open_both(&supervisor, &worker);
    struct error error = {""};
    struct file file = {.kind = FILE_LISTENER, .name = "a"};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_TRUE(channel_send(supervisor.channel, MESSAGE_file, &file, null, &error));
    close(null); /* ours: what travels is a duplicate */
    turn();
    CU_ASSERT_EQUAL(worker.messages, 5);
    CU_ASSERT_EQUAL(worker.descriptors, 5);
    channel_free(supervisor.channel);
    channel_free(worker.channel);
}

static void test_what_may_not_be_sent_is_refused(void)
{
    struct end supervisor = {0}, worker = {0};
    open_both(&supervisor, &worker);
    struct error error = {""};
    CU_ASSERT_FALSE(channel_send(worker.channel, MESSAGE_stop, &(struct stop){0}, -1, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "does not let the monitor send stop"));
    struct file file = {.kind = FILE_LISTENER};
    CU_ASSERT_FALSE(channel_send(supervisor.channel, MESSAGE_file, &file, -1, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "1 descriptors"));
    CU_ASSERT_EQUAL(supervisor.closed + worker.closed, 0);
    channel_free(supervisor.channel);
    channel_free(worker.channel);
}

/* ---- a hostile peer: raw bytes on the other end */

static int hostile(struct end *end)
{
    int sockets[2];
    make_pair(sockets);
    open_end(sockets[0], ROLE_SUPERVISOR, ROLE_MONITOR, end);
    return sockets[1];
}

static void send_frame(int socket, enum message_id id, const void *body, int descriptor)
{
    unsigned char *bytes;
    size_t length;
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(message_encode(id, body, &bytes, &length, &error));
    unsigned char head[4] = {(unsigned char)(length >> 24), (unsigned char)(length >> 16),
                             (unsigned char)(length >> 8), (unsigned char)length};
    struct iovec parts[2] = {{head, sizeof head}, {bytes, length}};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        *CMSG_FIRSTHDR(&message) = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &descriptor, sizeof descriptor);
    }
    CU_ASSERT(sendmsg(socket, &message, MSG_NOSIGNAL) > 0);
    free(bytes);
}

static void say_hello(int socket, enum role role)
{
    struct hello hello = {.table_hash = message_table_hash(), .role = role, .pid = 1};
    send_frame(socket, MESSAGE_hello, &hello, -1);
}

/* The channel has ended, with these words. */
static void ended(struct end *end, int socket, const char *words)
{
    turn();
    CU_ASSERT_EQUAL(end->closed, 1);
    CU_ASSERT_FALSE(end->ended);
    if (strstr(end->why, words) == NULL)
        printf("\n  said: %s\n  want: %s\n", end->why, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(end->why, words));
    close(socket);
}

static void test_another_table_is_refused(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    char hash[65];
    memset(hash, '0', 64);
    hash[64] = '\0';
    send_frame(socket, MESSAGE_hello, &(struct hello){.table_hash = hash, .role = ROLE_MONITOR},
               -1);
    ended(&end, socket, "another table");
}

static void test_another_role_is_refused(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    say_hello(socket, ROLE_ACTUATOR);
    ended(&end, socket, "the actuator said hello");
}

static void test_a_message_before_hello(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    send_frame(socket, MESSAGE_stopped, &(struct stopped){.text = "x"}, -1);
    ended(&end, socket, "before hello");
    CU_ASSERT_EQUAL(end.messages, 0);
}

static void test_a_second_hello(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    say_hello(socket, ROLE_MONITOR);
    say_hello(socket, ROLE_MONITOR);
    ended(&end, socket, "twice");
}

static void test_a_message_of_another_role(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    say_hello(socket, ROLE_MONITOR);
    send_frame(socket, MESSAGE_commit, &(struct commit){.generation = 1}, -1);
    ended(&end, socket, "may not send commit");
}

static void test_lengths_are_not_believed(void)
{
    static const struct {
        unsigned char bytes[16];
        size_t count;
        const char *words;
    } cases[] = {
        {{0xff, 0xff, 0xff, 0xff}, 4, "more than it may send"},
        {{0, 0, 0, 0}, 4, "more than it may send"},
        /* a ready that claims 550 bytes, more than its own bound: refused before they come */
        {{0, 0, 0x02, 0x26, 0x92, MESSAGE_ready, 0xd9}, 7, "of ready, at most"},
        {{0, 0, 0, 2, 0x91, 0x7f}, 6, "the table does not have"},
        {{0, 0, 0, 3, 0x92, MESSAGE_stopped, 0x07}, 7, "does not decode: stopped.text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct end end = {0};
        int socket = hostile(&end);
        say_hello(socket, ROLE_MONITOR);
        CU_ASSERT_EQUAL(write(socket, cases[i].bytes, cases[i].count), (ssize_t)cases[i].count);
        ended(&end, socket, cases[i].words);
    }
}

static void test_an_end_inside_a_message(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    CU_ASSERT_EQUAL(write(socket, "\0\0\0\x20\x92", 5), 5);
    shutdown(socket, SHUT_WR);
    ended(&end, socket, "in the middle of a message");
}

static void test_stray_descriptors(void)
{
    struct end end = {0};
    int socket = hostile(&end);
    say_hello(socket, ROLE_MONITOR);
    send_frame(socket, MESSAGE_stopped, &(struct stopped){.text = "x"}, socket);
    ended(&end, socket, "carries none");
    struct end other = {0};
    int sockets[2];
    make_pair(sockets);
    open_end(sockets[0], ROLE_MONITOR, ROLE_SUPERVISOR, &other);
    say_hello(sockets[1], ROLE_SUPERVISOR);
    send_frame(sockets[1], MESSAGE_file, &(struct file){.kind = FILE_AUDIT}, -1);
    ended(&other, sockets[1], "without its descriptor");
}

static void test_freeing_inside_a_callback(void)
{
    struct end supervisor = {.free_in_message = true}, worker = {0};
    open_both(&supervisor, &worker);
    struct error error = {""};
    struct stopped stopped = {.text = "x"};
    channel_send(worker.channel, MESSAGE_stopped, &stopped, -1, &error);
    channel_send(worker.channel, MESSAGE_stopped, &stopped, -1, &error);
    turn();
    CU_ASSERT_EQUAL(supervisor.messages, 1);
    CU_ASSERT_EQUAL(supervisor.closed, 0);
    CU_ASSERT_EQUAL(worker.closed, 1);
}

static unsigned sent_well;

static void on_sent(struct channel *channel, bool sent, void *argument)
{
    (void)channel, (void)argument;
    sent_well += sent ? 1 : 100;
}

static void test_when_sent(void)
{
    struct end supervisor = {0}, worker = {0};
    open_both(&supervisor, &worker);
    struct error error = {""};
    channel_send(worker.channel, MESSAGE_stopped, &(struct stopped){.text = "x"}, -1, &error);
    channel_when_sent(worker.channel, on_sent, NULL);
    CU_ASSERT_EQUAL(sent_well, 0);
    turn();
    CU_ASSERT_EQUAL(sent_well, 1);
    channel_when_sent(worker.channel, on_sent, NULL); /* nothing waits: told at once, by the loop */
    turn();
    CU_ASSERT_EQUAL(sent_well, 2);
    channel_free(supervisor.channel);
    channel_free(worker.channel);
}

static void test_a_peer_that_does_not_read(void)
{
    struct end end = {0};
    int sockets[2];
    make_pair(sockets);
    open_end(sockets[0], ROLE_RECONCILER, ROLE_CLIENT, &end);
    static char text[TEXT_BYTES_MAX + 1];
    memset(text, 'x', TEXT_BYTES_MAX);
    static struct status_node nodes[NODES_MAX];
    for (size_t i = 0; i < NODES_MAX; i++)
        nodes[i] = (struct status_node){.name = "node", .why = text, .runners = text};
    struct status status = {.nodes = nodes, .nodes_count = NODES_MAX};
    struct error error = {""};
    unsigned sent = 0;
    while (sent < 1000 && channel_send(end.channel, MESSAGE_status, &status, -1, &error))
        sent++;
    CU_ASSERT(sent < 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "already wait for the client"));
    turn();
    CU_ASSERT_EQUAL(end.closed, 0);
    channel_free(end.channel);
    close(sockets[1]);
}

int main(void)
{
    base = event_base_new();
    CU_TestInfo tests[] = {
        {"messages arrive", test_messages_arrive},
        {"a large message arrives", test_a_large_message_arrives},
        {"descriptors travel with their message", test_descriptors_travel_with_their_message},
        {"what may not be sent is refused", test_what_may_not_be_sent_is_refused},
        {"another table is refused", test_another_table_is_refused},
        {"another role is refused", test_another_role_is_refused},
        {"a message before hello", test_a_message_before_hello},
        {"a second hello", test_a_second_hello},
        {"a message of another role", test_a_message_of_another_role},
        {"lengths are not believed", test_lengths_are_not_believed},
        {"an end inside a message", test_an_end_inside_a_message},
        {"stray descriptors", test_stray_descriptors},
        {"freeing inside a callback", test_freeing_inside_a_callback},
        {"when sent", test_when_sent},
        {"a peer that does not read", test_a_peer_that_does_not_read},
        CU_TEST_INFO_NULL,
    };
    int status = cunit_run("channel", tests);
    event_base_free(base);
    return status;
}
