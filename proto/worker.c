/* A worker's frame: from main to the loop and out of it again. May not: know what the worker is
 * for. */
#include "proto/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/role.h"
#include "proto/worker_internal.h"

struct event_base *worker_base(struct worker *worker)
{
    return worker->base;
}

const struct config *worker_config(const struct worker *worker)
{
    return worker->config;
}

uint64_t worker_epoch(const struct worker *worker)
{
    return worker->epoch;
}

uint64_t worker_generation(const struct worker *worker)
{
    return worker->generation;
}

/* ---------------------------------------------------------------------------- leaving */

static void on_flushed(struct channel *channel, bool sent, void *argument)
{
    (void)channel, (void)sent;
    struct worker *worker = argument;
    event_base_loopbreak(worker->base);
}

static void on_flush_limit(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct worker *worker = argument;
    event_base_loopbreak(worker->base);
}

void worker_leave(struct worker *worker, int status)
{
    if (worker->leaving)
        return;
    const struct timeval limit = {WORKER_FLUSH_MS_MAX / 1000, WORKER_FLUSH_MS_MAX % 1000 * 1000};
    worker->leaving = true;
    worker->status = status;
    event_add(worker->flush_limit, &limit);
    if (worker->control != NULL)
        channel_when_sent(worker->control, on_flushed, worker);
    else
        event_base_loopbreak(worker->base);
}

void worker_stopped(struct worker *worker, const char *text)
{
    struct error error = {""};
    const struct stopped stopped = {.text = text};
    if (worker->control != NULL &&
        !channel_send(worker->control, MESSAGE_stopped, &stopped, -1, &error))
        log_warning("%s", error.text);
    worker_leave(worker, 0);
}

void worker_fail(struct worker *worker, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_error("%s", text);
    worker_leave(worker, 1);
}

/* ---------------------------------------------------------------------------- the control channel
 */

static void on_supervisor(struct channel *channel, const struct hello *hello, void *argument)
{
    (void)channel;
    struct worker *worker = argument;
    worker->generation = hello->generation;
}

/* Without a supervisor nobody watches or ends this worker: it ends at once. What the actuator has
 * in flight is in its audit log, and the next start looks at it again. */
static void on_control_closed(struct channel *channel, const struct error *why, void *argument)
{
    (void)channel;
    struct worker *worker = argument;
    channel_free(worker->control);
    worker->control = NULL;
    if (!worker->leaving)
        log_error("the supervisor is gone (%s); this worker ends", why->text);
    worker->leaving = true;
    worker->status = worker->status == 0 && !worker->entered ? 1 : worker->status;
    event_base_loopbreak(worker->base);
}

static void on_start_limit(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    worker_fail(argument, "the supervisor has not said `enter` within %d s",
                WORKER_START_MS_MAX / 1000);
}

static void on_heartbeat(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct worker *worker = argument;
    char text[TEXT_BYTES_MAX + 1] = "";
    struct error error = {""};
    if (worker->leaving || worker->control == NULL)
        return;
    if (worker->behaviour->status != NULL)
        worker->behaviour->status(text, sizeof text, worker->state);
    const struct heartbeat beat = {
        .sequence = ++worker->beats, .text = text, .lines_lost = log_lines_lost()};
    if (!channel_send(worker->control, MESSAGE_heartbeat, &beat, -1, &error))
        log_warning("%s", error.text);
    else if (worker->behaviour->beat != NULL)
        worker->behaviour->beat(worker, worker->state);
}

static void on_counters(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    static struct sample samples[SAMPLES_MAX]; /* large, and one thread only */
    struct worker *worker = argument;
    struct error error = {""};
    if (!worker_has_peer(worker, ROLE_MONITOR))
        return;
    metric_set(M_LOG_LINES_LOST, 0, 0, (double)log_lines_lost());
    const struct counters counters = {.role = worker->behaviour->role,
                                      .samples = samples,
                                      .samples_count = metrics_collect(samples, SAMPLES_MAX)};
    if (!worker_send(worker, ROLE_MONITOR, MESSAGE_counters, &counters, &error))
        log_debug("%s", error.text);
}

/* ---------------------------------------------------------------------------------- the loop */

static bool open_control(struct worker *worker, struct error *error)
{
    const struct channel_identity identity = {.self = worker->behaviour->role,
                                              .peer = ROLE_SUPERVISOR};
    const struct channel_callbacks callbacks = {
        .open = on_supervisor, .message = worker_on_control, .closed = on_control_closed};
    const struct timeval limit = {WORKER_START_MS_MAX / 1000, 0};
    worker->start_limit = event_new(worker->base, -1, 0, on_start_limit, worker);
    worker->heartbeat = event_new(worker->base, -1, EV_PERSIST, on_heartbeat, worker);
    worker->counters = event_new(worker->base, -1, EV_PERSIST, on_counters, worker);
    worker->flush_limit = event_new(worker->base, -1, 0, on_flush_limit, worker);
    if (worker->start_limit == NULL || worker->heartbeat == NULL || worker->counters == NULL ||
        worker->flush_limit == NULL || event_add(worker->start_limit, &limit) != 0)
        return error_set(error, "no memory for the worker's timers");
    worker->control =
        channel_open(worker->base, WORKER_CONTROL_FD, &identity, &callbacks, worker, error);
    return worker->control != NULL;
}

static void release(struct worker *worker)
{
    worker_peers_free(worker);
    channel_free(worker->control);
    struct event *const events[] = {worker->start_limit, worker->heartbeat, worker->counters,
                                    worker->flush_limit};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    config_free(worker->proposal);
    config_free(worker->config);
    event_base_free(worker->base);
}

int worker_run(const struct worker_behaviour *behaviour, void *state)
{
    struct worker worker = {.behaviour = behaviour, .state = state};
    struct error error = {""};
    log_init(role_word(behaviour->role), LOG_INFO_LEVEL);
    /* Ctrl-C in a terminal goes to the whole group: only the supervisor decides about the end. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (!role_begin(WORKER_CONTROL_FD, &error))
        log_fatal("%s", error.text);
    worker.base = event_base_new();
    if (worker.base == NULL || !open_control(&worker, &error))
        log_fatal("this program is a worker and is started by `ebbtide run`: %s",
                  worker.base == NULL ? "no event loop" : error.text);
    event_base_dispatch(worker.base);
    if (behaviour->ended != NULL)
        behaviour->ended(&worker, state);
    release(&worker);
    return worker.status;
}
