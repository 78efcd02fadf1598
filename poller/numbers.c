/* The poller's own metrics. May not: decide anything. */
#include "poller/numbers.h"

#include "common/log.h"
#include "common/metrics.h"
#include "proto/worker.h"

#include <event2/event.h>

static struct {
    struct worker *worker;
    enum role role;
    struct event *timer;
} sending;

static void send_all(void)
{
    static struct sample samples[SAMPLES_MAX];
    struct error error;
    metric_set(M_LOG_LINES_LOST, 0, 0, (double)log_lines_lost());
    struct counters message = {.role = sending.role, .samples = samples};
    message.samples_count = metrics_collect(samples, SAMPLES_MAX);
    if (worker_has_peer(sending.worker, ROLE_MONITOR) &&
        !worker_send(sending.worker, ROLE_MONITOR, MESSAGE_counters, &message, &error))
        log_debug("cannot send the counters: %s", error.text);
}

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    (void)argument;
    send_all();
}

void numbers_start(struct worker *worker, enum role role)
{
    struct timeval period = {.tv_sec = NUMBERS_PERIOD_MS / 1000};
    sending.worker = worker;
    sending.role = role;
    sending.timer = event_new(worker_base(worker), -1, EV_PERSIST, on_timer, NULL);
    if (sending.timer == NULL || event_add(sending.timer, &period) != 0)
        log_warning("out of memory: this poller's metrics are not sent");
}

void numbers_stop(void)
{
    if (sending.timer != NULL)
        event_free(sending.timer);
    sending.timer = NULL;
}

void numbers_request(enum source source, const struct http_answer *answer,
                     const struct api_trouble *trouble)
{
    double seconds = (double)(answer->ended_mono_ms - answer->began_mono_ms) / 1000.0;
    metric_observe(M_API_REQUEST_SECONDS, source, seconds);
    if (trouble->trouble != TROUBLE_NONE)
        metric_add(M_API_ERRORS, source, trouble->trouble, 1);
    if (answer->rate_remaining != HTTP_NONE)
        metric_set(M_API_BUDGET, source, 0, (double)answer->rate_remaining);
}

void numbers_whole_round(enum source source, int64_t duration_ms)
{
    metric_observe(M_POLL_SECONDS, source, (double)duration_ms / 1000.0);
    metric_add(M_SNAPSHOTS, source, 0, 1);
}

void numbers_failed_round(enum source source, enum trouble trouble)
{
    metric_add(M_POLL_FAILURES, source, trouble, 1);
}

void numbers_reread(enum source source)
{
    metric_add(M_POLL_INCONSISTENT, source, 0, 1);
}
