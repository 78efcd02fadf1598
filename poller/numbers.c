/* The poller's own metrics. May not: decide anything. */
#include "poller/numbers.h"

#include "common/metrics.h"

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
