/* Attempts by messages: bytes on a worker's own channels that it must not be believed. They go
 * around the sender's own checks, as an attacker's would. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "proto/channel_internal.h"
#include "proto/worker_internal.h"
#include "tests/breakin/attempts.h"

struct channel *best_peer(const struct attack *attack)
{
    struct worker *worker = attack->worker;
    enum role self = worker->behaviour->role;
    enum role peer =
        self == ROLE_RECONCILER || self == ROLE_DIALER ? ROLE_ACTUATOR : ROLE_RECONCILER;
    return worker->peers[peer].channel;
}

static int put_with(const struct channel *channel, const void *bytes, size_t length, void *control,
                    size_t control_length)
{
    if (channel == NULL || channel->socket < 0)
        return BOARD_NONE;
    struct iovec part = {.iov_len = length};
    memcpy(&part.iov_base, &bytes, sizeof bytes);
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = control_length};
    ssize_t sent = sendmsg(channel->socket, &message, MSG_NOSIGNAL);
    return sent == (ssize_t)length ? BOARD_SENT : BOARD_NONE;
}

static int put(const struct channel *channel, const void *bytes, size_t length)
{
    return put_with(channel, bytes, length, NULL, 0);
}

static int forge_with(const struct channel *channel, enum message_id id, const void *body,
                      void *control, size_t control_length)
{
    unsigned char *payload;
    size_t length;
    struct error error;
    if (!message_encode(id, body, &payload, &length, &error))
        return BOARD_NONE;
    unsigned char *frame = malloc(FRAME_HEAD_BYTES + length);
    int result = BOARD_NONE;
    if (frame != NULL) {
        for (unsigned i = 0; i < FRAME_HEAD_BYTES; i++)
            frame[i] = (unsigned char)(length >> (8 * (FRAME_HEAD_BYTES - 1 - i)));
        memcpy(frame + FRAME_HEAD_BYTES, payload, length);
        result = put_with(channel, frame, FRAME_HEAD_BYTES + length, control, control_length);
    }
    free(frame);
    free(payload);
    return result;
}

int forge(const struct channel *channel, enum message_id id, const void *body)
{
    return forge_with(channel, id, body, NULL, 0);
}

/* -------------------------------------------------------------------------------- frames */

int frame_too_long(const struct attack *attack)
{
    return put(best_peer(attack), "\xff\xff\xff\xff\x91\x01", 6);
}

int frame_of_nothing(const struct attack *attack)
{
    return put(best_peer(attack), "\x00\x00\x00\x03\x91\xcc\xff", 7);
}

int frame_cut_off(const struct attack *attack)
{
    struct channel *channel = best_peer(attack);
    unsigned char *payload;
    size_t length;
    struct error error;
    /* One that everybody may send, so that only its end is wrong. */
    const struct hello hello = {.table_hash = message_table_hash(),
                                .role = attack->worker->behaviour->role};
    if (channel == NULL || !message_encode(MESSAGE_hello, &hello, &payload, &length, &error))
        return BOARD_NONE;
    unsigned char head[FRAME_HEAD_BYTES] = {0, 0, 0, (unsigned char)length};
    int result = put(channel, head, sizeof head);
    if (result == BOARD_SENT)
        result = put(channel, payload, length / 2);
    free(payload);
    channel_free(channel);
    for (unsigned role = 0; role < role_count; role++)
        if (attack->worker->peers[role].channel == channel)
            attack->worker->peers[role].channel = NULL;
    return result;
}

int second_hello(const struct attack *attack)
{
    const struct hello hello = {.table_hash = message_table_hash(),
                                .role = attack->worker->behaviour->role};
    return forge(best_peer(attack), MESSAGE_hello, &hello);
}

/* A message that this worker may send, with a descriptor that the table does not give it. */
int stray_descriptor(const struct attack *attack)
{
    struct worker *worker = attack->worker;
    bool is_monitor = worker->behaviour->role == ROLE_MONITOR;
    struct channel *channel = worker->peers[is_monitor ? ROLE_RECONCILER : ROLE_MONITOR].channel;
    const struct job_hint hint = {.job_id = 1};
    const struct counters counters = {.role = worker->behaviour->role};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct cmsghdr *head = &control.head;
    int descriptor = 2;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return is_monitor ? forge_with(channel, MESSAGE_job_hint, &hint, &control, sizeof control)
                      : forge_with(channel, MESSAGE_counters, &counters, &control, sizeof control);
}

/* --------------------------------------------------------------------- to the supervisor */

int order_supervisor(const struct attack *attack)
{
    return forge(attack->worker->control, MESSAGE_enter, &(struct enter){.uid = 0});
}

int ask_for_audit(const struct attack *attack)
{
    return forge(attack->worker->control, MESSAGE_file_wanted,
                 &(struct file_wanted){.kind = FILE_AUDIT});
}

/* The one that audit.jsonl.65534 would need: after it there is none, and what stands before it is
 * forgotten. */
int ask_for_last_segment(const struct attack *attack)
{
    return forge(attack->worker->control, MESSAGE_file_wanted,
                 &(struct file_wanted){.kind = FILE_AUDIT, .index = 65535});
}

/* ------------------------------------------------------------------------- in another's name */

int poller_acts(const struct attack *attack)
{
    const struct action action = {.id = {UINT32_MAX, 1},
                                  .kind = ACTION_REMOVE_NODE,
                                  .node = {.name = attack->board->node, .pool = "linux"}};
    return forge(best_peer(attack), MESSAGE_action, &action);
}

int poller_speaks_for_another(const struct attack *attack)
{
    const struct poll_trouble trouble = {.source = SOURCE_HETZNER,
                                         .trouble = TROUBLE_UNAUTHORIZED,
                                         .failures = 1000,
                                         .text = "forged by a poller"};
    return forge(best_peer(attack), MESSAGE_poll_trouble, &trouble);
}

static const struct channel *dialer_of(const struct attack *attack)
{
    return attack->worker->peers[ROLE_DIALER].channel;
}

/* No honest question bears so high a number. */
#define DIAL_FORGED (UINT64_C(1) << 60)

int poller_dials_for_another(const struct attack *attack)
{
    const struct dial dial = {.id = DIAL_FORGED, .source = SOURCE_HETZNER};
    return forge(dialer_of(attack), MESSAGE_dial, &dial);
}

int poller_dials_without_end(const struct attack *attack)
{
    int result = BOARD_NONE;
    for (unsigned i = 0; i < 1000; i++) {
        const struct dial dial = {.id = DIAL_FORGED + i, .source = SOURCE_GITEA};
        result = forge(dialer_of(attack), MESSAGE_dial, &dial);
    }
    return result;
}

int poller_names_the_place(const struct attack *attack)
{
    const struct kube_server told = {.role = ROLE_POLLER_KUBE, .url = "https://127.0.0.2:6443"};
    return forge(dialer_of(attack), MESSAGE_kube_server, &told);
}

/* /dev/null, for questions that were asked, perhaps, and for such that were not. */
int dialer_connects_nobody(const struct attack *attack)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    const int nothing = 0;
    int result = BOARD_NONE;
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof nothing);
    memcpy(CMSG_DATA(&control.head), &nothing, sizeof nothing);
    /* As many at once as the channel's buffer takes. */
    for (uint64_t id = 1; id <= 64; id++)
        if (forge_with(best_peer(attack), MESSAGE_dialed, &(struct dialed){.id = id}, control.bytes,
                       sizeof control.bytes) == BOARD_SENT)
            result = BOARD_SENT;
    return result;
}

static const struct action_result forged_result = {
    .id = {UINT32_MAX, 1}, .kind = ACTION_REMOVE_NODE, .outcome = OUTCOME_DONE, .text = "forged"};

/* Numbered far ahead, so that the true pictures that follow look old. */
int picture_of_nothing(const struct attack *attack)
{
    static uint64_t sequence = UINT64_C(1) << 40;
    sequence++;
    int64_t now = clock_mono_ms();
    const struct snapshot_head head = {.sequence = sequence,
                                       .began_mono_ms = now - 1,
                                       .ended_mono_ms = now,
                                       .wall_ms = clock_wall_ms(),
                                       .api_ms = clock_wall_ms(),
                                       .requests = 1};
    const struct channel *channel = best_peer(attack);
    switch ((int)attack->worker->behaviour->role) {
    case ROLE_POLLER_GITEA:
        return forge(channel, MESSAGE_gitea_snapshot,
                     &(struct gitea_snapshot){.head = head, .version = "1.26.0"});
    case ROLE_POLLER_HETZNER:
        return forge(channel, MESSAGE_hetzner_snapshot,
                     &(struct hetzner_snapshot){.head = head, .currency = "EUR"});
    default: return forge(channel, MESSAGE_kube_snapshot, &(struct kube_snapshot){.head = head});
    }
}

int dialer_results(const struct attack *attack)
{
    return forge(best_peer(attack), MESSAGE_action_result, &forged_result);
}

int monitor_results(const struct attack *attack)
{
    return forge(best_peer(attack), MESSAGE_action_result, &forged_result);
}

int actuator_results(const struct attack *attack)
{
    return forge(best_peer(attack), MESSAGE_action_result, &forged_result);
}

int actuator_status(const struct attack *attack)
{
    return forge(best_peer(attack), MESSAGE_status, &(struct status){.wall_ms = 1});
}
