/* ebbtide-monitor: shows what the others say of themselves, and takes Gitea's webhooks, on
 * listeners that the supervisor made. May not: reach any API, hold any API's token, influence
 * anything but when the next look at Gitea happens. */
#include <inttypes.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_read.h"
#include "common/library_memory.h"
#include "common/log.h"
#include "monitor/picture.h"
#include "monitor/serve.h"
#include "monitor/webhook_door.h"
#include "proto/worker.h"

struct monitor {
    struct worker *worker;
    struct picture picture;
    struct serve *serve;
    struct webhook_door *webhooks;         /* NULL: none are taken */
    struct secret *secret;                 /* until the webhooks' door takes it */
    int pages_listener, webhooks_listener; /* -1 until it arrived, and after its door took it */
};

static bool take_listener(struct monitor *monitor, const struct file *file, int descriptor,
                          struct error *error)
{
    int *place = file->index == 0 ? &monitor->pages_listener : &monitor->webhooks_listener;
    if (monitor->serve || *place >= 0 || file->index > 1) {
        close(descriptor);
        return error_set(error, "the monitor has this listener already, or knows no such (%s)",
                         file->name);
    }
    *place = descriptor;
    return true;
}

static bool take_secret(struct monitor *monitor, const struct file *file, int descriptor,
                        struct error *error)
{
    struct secret *secret = secret_read(descriptor, file->name, error);
    close(descriptor);
    if (!secret)
        return false;
    secret_warn_unlocked(secret, file->name);
    secret_trim(secret);
    if (secret_length(secret) < WEBHOOK_SECRET_BYTES_ENOUGH)
        log_warning("monitor.webhook_secret_file holds only %zu bytes: whoever sees a delivery "
                    "could guess such a secret; `openssl rand -hex 32` makes a better one",
                    secret_length(secret));
    if (monitor->webhooks) {
        webhook_door_secret(monitor->webhooks, secret);
        return true;
    }
    secret_free(monitor->secret);
    monitor->secret = secret;
    return true;
}

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    (void)worker;
    if (file->kind == FILE_LISTENER)
        return take_listener(state, file, descriptor, error);
    if (file->kind == FILE_WEBHOOK_SECRET)
        return take_secret(state, file, descriptor, error);
    close(descriptor);
    return error_set(error,
                     "the monitor takes listeners and the webhooks' secret, and this is "
                     "something else (%s)",
                     file->name);
}

/* Only ever makes the next look at Gitea come sooner. */
static void on_hint(uint64_t job_id, void *argument)
{
    struct monitor *monitor = argument;
    struct error error = {""};
    const struct job_hint hint = {.job_id = job_id};
    if (!worker_has_peer(monitor->worker, ROLE_RECONCILER))
        return; /* it is being started again, and looks at everything then */
    if (worker_send(monitor->worker, ROLE_RECONCILER, MESSAGE_job_hint, &hint, &error))
        log_debug("a webhook says that job %" PRIu64 " waits: the reconciler is told", job_id);
    else
        log_warning("a webhook's hint is lost: %s", error.text);
}

static bool open_webhooks(struct monitor *monitor, struct event_base *base,
                          const struct config *config, struct error *error)
{
    int listener = monitor->webhooks_listener;
    struct secret *secret = monitor->secret;
    monitor->webhooks_listener = -1;
    monitor->secret = NULL;
    if (listener < 0) { /* a secret that nothing is verified with is not kept */
        secret_free(secret);
        return true;
    }
    monitor->webhooks = webhook_door_new(base, listener, secret, config, on_hint, monitor, error);
    return monitor->webhooks != NULL;
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct monitor *monitor = state;
    struct event_base *base = worker_base(worker);
    int listener = monitor->pages_listener;
    if (listener < 0)
        return error_set(error, "the monitor was given no listener");
    json_start();
    monitor->worker = worker;
    monitor->pages_listener = -1;
    monitor->serve = serve_new(base, listener, config, &monitor->picture, error);
    return monitor->serve && open_webhooks(monitor, base, config, error);
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    struct monitor *monitor = state;
    (void)worker;
    serve_limit(monitor->serve, config);
    webhook_door_limit(monitor->webhooks, config);
}

static void on_peer_open(struct worker *worker, enum role peer, void *state)
{
    struct monitor *monitor = state;
    (void)worker;
    if (peer == ROLE_RECONCILER)
        monitor->picture.reconciler = true;
}

static void on_peer_lost(struct worker *worker, enum role peer, void *state)
{
    struct monitor *monitor = state;
    (void)worker;
    if (peer == ROLE_RECONCILER)
        monitor->picture.reconciler = false;
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    struct monitor *monitor = state;
    (void)worker;
    picture_take(&monitor->picture, peer, message, clock_mono_ms());
}

static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    (void)deadline_mono_ms;
    (void)state;
    worker_stopped(worker, "");
}

int main(void)
{
    static const struct worker_behaviour behaviour = {
        .role = ROLE_MONITOR,
        .file = on_file,
        .start = on_start,
        .commit = on_commit,
        .peer_open = on_peer_open,
        .peer_lost = on_peer_lost,
        .message = on_message,
        .stop = on_stop,
    };
    static struct monitor monitor = {.pages_listener = -1, .webhooks_listener = -1};
    struct error error;
    if (!library_memory_wipe(&error))
        log_fatal("%s", error.text);
    int status = worker_run(&behaviour, &monitor);
    secret_free(monitor.secret);
    picture_clear(&monitor.picture);
    return status;
}
