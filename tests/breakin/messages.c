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

/* No honest question bears so high a number. */
#define DIAL_FORGED (UINT64_C(1) << 60)

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

/* Of the board's peer; role_count where there is no such. */
static enum role named_peer(const struct attack *attack)
{
    enum role role = ROLE_SUPERVISOR;
    while (role < role_count && strcmp(role_word(role), attack->board->peer) != 0)
        role = (enum role)(role + 1);
    return role;
}

/* Where the channel to it is kept. */
static struct channel **named_channel(const struct attack *attack)
{
    static struct channel *none;
    enum role peer = named_peer(attack);
    if (peer == ROLE_SUPERVISOR)
        return &attack->worker->control;
    return peer == role_count ? &none : &attack->worker->peers[peer].channel;
}

int frame_too_long(const struct attack *attack)
{
    return put(*named_channel(attack), "\xff\xff\xff\xff\x91\x01", 6);
}

int frame_of_nothing(const struct attack *attack)
{
    return put(*named_channel(attack), "\x00\x00\x00\x03\x91\xcc\xff", 7);
}

/* Without its control channel the worker has nobody who would end it. */
static void hang_up(const struct attack *attack)
{
    struct channel **channel = named_channel(attack);
    channel_free(*channel);
    *channel = NULL;
    if (named_peer(attack) == ROLE_SUPERVISOR)
        worker_leave(attack->worker, 0);
}

int frame_cut_off(const struct attack *attack)
{
    const struct channel *channel = *named_channel(attack);
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
    if (result == BOARD_SENT)
        hang_up(attack);
    return result;
}

int second_hello(const struct attack *attack)
{
    const struct hello hello = {.table_hash = message_table_hash(),
                                .role = attack->worker->behaviour->role};
    return forge(*named_channel(attack), MESSAGE_hello, &hello);
}

/* What this worker may say to this peer and what changes little: without the descriptor it would
 * be heard. The last is refused by its id. */
static int say_with(const struct attack *attack, void *control, size_t control_length)
{
    enum role self = attack->worker->behaviour->role, peer = named_peer(attack);
    const struct heartbeat beat = {.sequence = UINT32_MAX};
    const struct counters counters = {.role = self};
    const struct job_hint hint = {.job_id = 1};
    const struct poll_now now = {.text = "a forged hint"};
    const struct dial dial = {.id = DIAL_FORGED, .source = SOURCE_GITEA};
    const struct dial_failed failed = {.id = DIAL_FORGED, .text = "forged"};
    const struct token_writes writes = {.source = SOURCE_GITEA};
    const struct audit_news news = {.trouble = ""};
    const struct action action = {.id = {1, 1},
                                  .kind = ACTION_DRAIN_NODE,
                                  .node = {.name = "ebb-linux-1-1", .pool = "linux"}};
    const struct {
        enum message_id id;
        const void *body;
    } harmless[] = {
        {MESSAGE_heartbeat, &beat},      {MESSAGE_counters, &counters},
        {MESSAGE_job_hint, &hint},       {MESSAGE_poll_now, &now},
        {MESSAGE_dial, &dial},           {MESSAGE_dial_failed, &failed},
        {MESSAGE_token_writes, &writes}, {MESSAGE_audit_news, &news},
        {MESSAGE_action, &action},
    };
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (message_permitted(harmless[i].id, self, peer))
            return forge_with(*named_channel(attack), harmless[i].id, harmless[i].body, control,
                              control_length);
    return BOARD_MUTE;
}

int stray_descriptor(const struct attack *attack)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct cmsghdr *head = &control.head;
    const int descriptor = STDERR_FILENO;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return say_with(attack, control.bytes, sizeof control.bytes);
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

int poller_dials_for_another(const struct attack *attack)
{
    const struct dial dial = {.id = DIAL_FORGED, .source = SOURCE_HETZNER};
    return forge(dialer_of(attack), MESSAGE_dial, &dial);
}

int poller_dials_without_end(const struct attack *attack)
{
    int result = BOARD_NONE;
    /* As many at once as the channel's buffer takes. */
    for (unsigned i = 0; i < 1000; i++) {
        const struct dial dial = {.id = DIAL_FORGED + i, .source = SOURCE_GITEA};
        if (forge(dialer_of(attack), MESSAGE_dial, &dial) == BOARD_SENT)
            result = BOARD_SENT;
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
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof nothing);
    memcpy(CMSG_DATA(&control.head), &nothing, sizeof nothing);
    for (int role = 0; role < (int)role_count; role++) {
        unsigned sent = 0;
        if ((ROLES_CALLERS & ROLE_BIT(role)) == 0)
            continue;
        /* As many at once as the channel's buffer takes. */
        for (uint64_t id = 1; id <= 64; id++)
            if (forge_with(attack->worker->peers[role].channel, MESSAGE_dialed,
                           &(struct dialed){.id = id}, control.bytes,
                           sizeof control.bytes) == BOARD_SENT)
                sent++;
        if (sent == 0)
            return BOARD_NONE;
    }
    return BOARD_SENT;
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
