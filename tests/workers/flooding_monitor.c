/* A monitor that was taken over, for a test of the whole: it serves nothing, and sends hints to the
 * reconciler as fast as it can, for no reason. May not be installed. */
#include <event2/event.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/worker.h"

#define HINTS_AT_ONCE 50
#define EVERY_MS      5

static struct event *timer;

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    (void)worker, (void)file, (void)state, (void)error;
    close(descriptor);
    return true;
}

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    static const struct timeval pause = {.tv_usec = EVERY_MS * 1000};
    static uint64_t job_id;
    struct worker *worker = argument;
    struct error error;
    (void)socket, (void)what;
    for (int i = 0; i < HINTS_AT_ONCE && worker_has_peer(worker, ROLE_RECONCILER); i++) {
        job_id++;
        const struct job_hint hint = {.job_id = job_id};
        if (!worker_send(worker, ROLE_RECONCILER, MESSAGE_job_hint, &hint, &error))
            break;
    }
    event_add(timer, &pause);
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    (void)config, (void)state;
    timer = evtimer_new(worker_base(worker), on_timer, worker);
    return timer != NULL || error_set(error, "no memory for a timer");
}

static void on_started(struct worker *worker, void *state)
{
    (void)state;
    log_info("floods the reconciler with hints");
    on_timer(-1, 0, worker);
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    (void)worker, (void)peer, (void)state;
    message_free(message);
}

static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    (void)deadline_mono_ms, (void)state;
    worker_stopped(worker, "");
}

static void on_ended(struct worker *worker, void *state)
{
    (void)worker, (void)state;
    if (timer != NULL)
        event_free(timer);
}

int main(void)
{
    static const struct worker_behaviour behaviour = {
        .role = ROLE_MONITOR,
        .file = on_file,
        .start = on_start,
        .started = on_started,
        .message = on_message,
        .stop = on_stop,
        .ended = on_ended,
    };
    return worker_run(&behaviour, NULL);
}
