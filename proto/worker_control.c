/* What the supervisor says to a worker, one function a message. May not: know what the worker is
 * for. */
#include <stdlib.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/log.h"
#include "common/role.h"
#include "proto/worker_internal.h"

static void tell(struct worker *worker, enum message_id id, const void *body)
{
    struct error error = {""};
    if (worker->control != NULL && !channel_send(worker->control, id, body, -1, &error))
        log_warning("%s", error.text);
}

static void apply_log_level(const struct worker *worker)
{
    log_init(role_word(worker->behaviour->role), (enum log_level)worker->config->log_level);
}

static bool sandbox_suffices(const struct worker *worker, struct error *error)
{
    const struct config_sandbox *sandbox = &worker->proposal->sandbox;
    return role_suffices(&worker->role,
                         sandbox_parts_of(sandbox->required, sandbox->required_count),
                         sandbox_parts_of(sandbox->without, sandbox->without_count), error);
}

static void propose(struct worker *worker, const struct configure *configure)
{
    struct error error = {""};
    config_free(worker->proposal);
    worker->proposal = config_import(configure->settings, configure->settings_count, &error);
    worker->proposal_generation = configure->generation;
    bool good = worker->proposal != NULL && sandbox_suffices(worker, &error);
    if (good && worker->behaviour->check != NULL)
        good = worker->behaviour->check(worker, worker->proposal, worker->state, &error);
    if (!good) {
        config_free(worker->proposal);
        worker->proposal = NULL;
    }
    tell(worker, MESSAGE_configured,
         &(struct configured){
             .generation = configure->generation, .accepted = good, .text = error.text});
}

static void on_configure(struct worker *worker, const struct configure *configure)
{
    if (worker->entered) {
        propose(worker, configure);
        return;
    }
    struct error error = {""};
    config_free(worker->config);
    worker->config = config_import(configure->settings, configure->settings_count, &error);
    worker->epoch = configure->epoch;
    if (worker->config == NULL)
        worker_fail(worker, "the configuration cannot be taken over: %s", error.text);
    else
        apply_log_level(worker);
}

static void on_commit(struct worker *worker, const struct commit *commit)
{
    if (worker->proposal == NULL || commit->generation != worker->proposal_generation) {
        log_warning("the supervisor commits configuration %llu, which was not proposed",
                    (unsigned long long)commit->generation);
        return;
    }
    struct config *before = worker->config;
    worker->config = worker->proposal;
    worker->proposal = NULL;
    apply_log_level(worker);
    if (worker->behaviour->commit != NULL)
        worker->behaviour->commit(worker, worker->config, worker->state);
    /* Only now: until the commit the worker may still point into it. */
    config_free(before);
}

static void on_file(struct worker *worker, const struct file *file, int descriptor)
{
    struct error error = {""};
    bool good = descriptor_is(descriptor, descriptor_kind_of(file->kind), file->name, &error);
    if (good && worker->behaviour->file != NULL)
        good = worker->behaviour->file(worker, file, descriptor, worker->state, &error);
    else
        close(descriptor);
    if (good)
        return;
    if (worker->entered)
        log_error("%s %s is not taken over, the old one stays in use: %s",
                  file_kind_word(file->kind), file->name, error.text);
    else
        worker_fail(worker, "%s", error.text);
}

static void on_peer(struct worker *worker, const struct peer *peer, int descriptor)
{
    struct error error = {""};
    worker->epoch = peer->epoch;
    if (!descriptor_is(descriptor, DESCRIPTOR_CHANNEL, role_word(peer->role), &error)) {
        close(descriptor);
        worker_fail(worker, "%s", error.text);
        return;
    }
    if (worker->entered) {
        if (!worker_peer_add(worker, peer->role, descriptor, &error))
            log_error("no channel to the %s: %s", role_word(peer->role), error.text);
        return;
    }
    if (worker->pending_count == WORKER_PENDING_MAX) {
        close(descriptor);
        worker_fail(worker, "more channels than a worker has peers");
        return;
    }
    worker->pending[worker->pending_count].role = peer->role;
    worker->pending[worker->pending_count++].descriptor = descriptor;
}

/* Channels open only now: what arrives on them finds the worker ready. */
static void open_pending(struct worker *worker)
{
    struct error error = {""};
    for (unsigned i = 0; i < worker->pending_count; i++) {
        if (!worker_peer_add(worker, worker->pending[i].role, worker->pending[i].descriptor,
                             &error))
            log_error("no channel to the %s: %s", role_word(worker->pending[i].role), error.text);
    }
    worker->pending_count = 0;
}

/* Gives up what the configuration and the table say; `text` then says what is in force. */
static bool enter_role(struct worker *worker, const struct enter *enter, char *text, size_t size,
                       struct error *error)
{
    const struct config_sandbox *sandbox = &worker->config->sandbox;
    struct role_wish wish = {
        .role = worker->behaviour->role,
        .uid = (uint32_t)enter->uid,
        .gid = (uint32_t)enter->gid,
        .required = sandbox_parts_of(sandbox->required, sandbox->required_count),
        .without = sandbox_parts_of(sandbox->without, sandbox->without_count),
    };
    if (worker->behaviour->ports != NULL)
        wish.port_count = worker->behaviour->ports(wish.port, worker->state);
    bool entered = role_enter(&wish, &worker->role, error);
    role_describe(&wish, &worker->role, text, size);
    return entered;
}

static bool recall(struct worker *worker, struct error *error)
{
    return worker->behaviour->recall == NULL ||
           worker->behaviour->recall(worker, worker->state, error);
}

static void on_enter(struct worker *worker, const struct enter *enter)
{
    struct error error = {""};
    char text[TEXT_BYTES_MAX];
    if (worker->entered || worker->config == NULL) {
        worker_fail(worker, "the supervisor said `enter` twice, or before `configure`");
        return;
    }
    if (!worker->behaviour->start(worker, worker->config, worker->state, &error) ||
        !enter_role(worker, enter, text, sizeof text, &error) || !recall(worker, &error)) {
        worker_fail(worker, "cannot start: %s", error.text);
        return;
    }
    worker->entered = true;
    event_del(worker->start_limit);
    tell(worker, MESSAGE_ready, &(struct ready){.text = text});
    open_pending(worker);
    const struct timeval beat = {WORKER_HEARTBEAT_MS / 1000, WORKER_HEARTBEAT_MS % 1000 * 1000};
    const struct timeval count = {WORKER_COUNTERS_MS / 1000, WORKER_COUNTERS_MS % 1000 * 1000};
    event_add(worker->heartbeat, &beat);
    event_add(worker->counters, &count);
    /* The first one now. Not as EV_TIMEOUT: libevent would count the next from the one skipped. */
    event_active(worker->heartbeat, EV_READ, 0);
    if (worker->behaviour->started != NULL)
        worker->behaviour->started(worker, worker->state);
}

static void on_stop(struct worker *worker, const struct stop *stop)
{
    if (!worker->entered || worker->behaviour->stop == NULL)
        worker_stopped(worker, "");
    else
        worker->behaviour->stop(worker, stop->deadline_mono_ms, worker->state);
}

void worker_on_control(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel;
    struct worker *worker = argument;
    if (message->id == MESSAGE_configure)
        on_configure(worker, message_configure(message));
    else if (message->id == MESSAGE_commit)
        on_commit(worker, message_commit(message));
    else if (message->id == MESSAGE_file)
        on_file(worker, message_file(message), descriptor);
    else if (message->id == MESSAGE_peer)
        on_peer(worker, message_peer(message), descriptor);
    else if (message->id == MESSAGE_enter)
        on_enter(worker, message_enter(message));
    else if (message->id == MESSAGE_stop)
        on_stop(worker, message_stop(message));
    else if (worker->behaviour->told != NULL)
        worker->behaviour->told(worker, message, worker->state);
    else
        log_warning("the supervisor sent %s, which no worker expects", message_name(message->id));
    message_free(message);
}
