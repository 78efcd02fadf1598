/* A worker's channels to other workers. A new one takes the place of an older one, with all that
 * was half read on it. May not: know what is said on them. */
#include <unistd.h>

#include "common/log.h"
#include "proto/worker_internal.h"

static void on_open(struct channel *channel, const struct hello *hello, void *argument)
{
    (void)channel;
    struct worker_peer *peer = argument;
    struct worker *worker = peer->worker;
    peer->open = true;
    log_debug("channel to the %s (start %llu) is open", role_word(peer->role),
              (unsigned long long)hello->generation);
    if (worker->behaviour->peer_open != NULL)
        worker->behaviour->peer_open(worker, peer->role, worker->state);
}

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel;
    struct worker_peer *peer = argument;
    struct worker *worker = peer->worker;
    const struct worker_behaviour *behaviour = worker->behaviour;
    if (descriptor >= 0 && behaviour->passed != NULL) {
        behaviour->passed(worker, peer->role, message, descriptor, worker->state);
        return;
    }
    if (descriptor >= 0)
        close(descriptor);
    if (descriptor >= 0 || behaviour->message == NULL)
        message_free(message);
    else
        behaviour->message(worker, peer->role, message, worker->state);
}

static void drop(struct worker_peer *peer)
{
    bool was_open = peer->open;
    channel_free(peer->channel);
    peer->channel = NULL;
    peer->open = false;
    if (was_open && peer->worker->behaviour->peer_lost != NULL)
        peer->worker->behaviour->peer_lost(peer->worker, peer->role, peer->worker->state);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct worker_peer *peer = argument;
    /* That a process died is the supervisor's to say, and that it was told to end as well. */
    (channel_ended(channel) ? log_info : log_warning)("channel to the %s ended: %s",
                                                      role_word(peer->role), why->text);
    drop(peer);
}

static const struct channel_callbacks callbacks = {
    .open = on_open, .message = on_message, .closed = on_closed};

bool worker_peer_add(struct worker *worker, enum role role, int descriptor, struct error *error)
{
    struct worker_peer *peer = &worker->peers[role];
    const struct channel_identity identity = {
        .self = worker->behaviour->role, .peer = role, .generation = worker->generation};
    drop(peer);
    peer->worker = worker;
    peer->role = role;
    peer->channel = channel_open(worker->base, descriptor, &identity, &callbacks, peer, error);
    return peer->channel != NULL;
}

void worker_peers_free(struct worker *worker)
{
    for (int role = 0; role < (int)role_count; role++) {
        channel_free(worker->peers[role].channel);
        worker->peers[role].channel = NULL;
        worker->peers[role].open = false;
    }
}

bool worker_has_peer(const struct worker *worker, enum role peer)
{
    return peer == ROLE_SUPERVISOR ? worker->control != NULL : worker->peers[peer].open;
}

unsigned worker_unsent(const struct worker *worker, enum role peer)
{
    const struct channel *channel = worker->peers[peer].channel;
    return channel == NULL ? 0 : channel_unsent_messages(channel);
}

bool worker_pass(struct worker *worker, enum role peer, enum message_id id, const void *body,
                 int descriptor, struct error *error)
{
    struct channel *channel =
        peer == ROLE_SUPERVISOR ? worker->control : worker->peers[peer].channel;
    if (channel == NULL)
        return error_set(error, "cannot send %s: there is no channel to the %s", message_name(id),
                         role_word(peer));
    return channel_send(channel, id, body, descriptor, error);
}

bool worker_send(struct worker *worker, enum role peer, enum message_id id, const void *body,
                 struct error *error)
{
    return worker_pass(worker, peer, id, body, -1, error);
}
