/* ebbtide-monitor: shows what the others say of themselves, on a listener that the supervisor made.
 * May not: reach any API, hold any API's token, influence anything. */
#include <unistd.h>

#include "common/clock.h"
#include "monitor/picture.h"
#include "monitor/serve.h"
#include "proto/worker.h"

struct monitor {
    struct picture picture;
    struct serve *serve;
    int listener; /* -1 until it arrived, and after the server took it */
};

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    struct monitor *monitor = state;
    (void)worker;
    if (file->kind != FILE_LISTENER || monitor->serve || monitor->listener >= 0) {
        close(descriptor);
        return error_set(error, "the monitor takes one listener, and this is something else (%s)",
                         file->name);
    }
    monitor->listener = descriptor;
    return true;
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct monitor *monitor = state;
    int listener = monitor->listener;
    if (listener < 0)
        return error_set(error, "the monitor was given no listener");
    monitor->listener = -1;
    monitor->serve = serve_new(worker_base(worker), listener, config, &monitor->picture, error);
    return monitor->serve != NULL;
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    struct monitor *monitor = state;
    (void)worker;
    serve_limit(monitor->serve, config);
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
    static struct monitor monitor = {.listener = -1};
    int status = worker_run(&behaviour, &monitor);
    picture_clear(&monitor.picture);
    return status;
}
