/* The world's summary as JSON and as text. May not: compute. */
#include "simulator/summary_text.h"

#define MS_PER_SECOND 1000.0
#define MICRO         1e6
#define PERCENT       100.0

json_t *summary_json(const struct world_summary *summary)
{
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {
#define COUNT(member) {#member, (int64_t)summary->member}
        COUNT(jobs_total),      COUNT(jobs_blocked),
        COUNT(jobs_queued),     COUNT(jobs_running),
        COUNT(jobs_completed),  COUNT(jobs_succeeded),
        COUNT(jobs_failed),     COUNT(jobs_cancelled),
        COUNT(jobs_skipped),    COUNT(jobs_lost),
        COUNT(jobs_unservable), COUNT(wait_median_ms),
        COUNT(wait_p95_ms),     COUNT(wait_max_ms),
        COUNT(servers_rented),  COUNT(servers_now),
        COUNT(servers_max),     COUNT(paid_periods),
        COUNT(paid_ms),         COUNT(busy_ms),
        COUNT(cost_microeuro),  COUNT(runners_registered),
        COUNT(runners_deleted), COUNT(pods_evicted),
        COUNT(nodes_deleted),
#undef COUNT
    };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)json_object_set_new(object, rows[i].key, json_integer(rows[i].value));
    (void)json_object_set_new(object, "paid_share_used", json_real(summary->paid_share_used));
    return object;
}

void summary_print(const struct world_summary *summary, FILE *out)
{
    (void)fprintf(
        out,
        "jobs run          %llu (%llu well, %llu failed, %llu lost with their machine)\n"
        "jobs left         %llu running, %llu waiting (%llu for a label nobody has), "
        "%llu blocked\n"
        "wait for a runner median %.1f s, p95 %.1f s, longest %.1f s\n",
        (unsigned long long)summary->jobs_completed, (unsigned long long)summary->jobs_succeeded,
        (unsigned long long)summary->jobs_failed, (unsigned long long)summary->jobs_lost,
        (unsigned long long)summary->jobs_running, (unsigned long long)summary->jobs_queued,
        (unsigned long long)summary->jobs_unservable, (unsigned long long)summary->jobs_blocked,
        (double)summary->wait_median_ms / MS_PER_SECOND,
        (double)summary->wait_p95_ms / MS_PER_SECOND, (double)summary->wait_max_ms / MS_PER_SECOND);
    (void)fprintf(out,
                  "servers rented    %llu, at most %llu at once, %llu still there\n"
                  "paid hours        %lld (%.0f s), %.4f EUR\n"
                  "paid time used    %.0f %%\n",
                  (unsigned long long)summary->servers_rented,
                  (unsigned long long)summary->servers_max,
                  (unsigned long long)summary->servers_now, (long long)summary->paid_periods,
                  (double)summary->paid_ms / MS_PER_SECOND, (double)summary->cost_microeuro / MICRO,
                  PERCENT * summary->paid_share_used);
}
