/* What came of it all: jobs, waits, servers, paid time, cost. Read only.
 * May not: change the world. */
#include "simulator/world/world_private.h"

#include <stdlib.h>

#define P95_PERCENT 95
#define PERCENT     100

static int compare_ms(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool ever_servable(const struct world *world, const struct world_job *job)
{
    for (size_t i = 0; i < world->label_sets.count; i++) {
        const struct world_strings *set = world->label_sets.items[i];
        bool all = true;
        for (uint32_t k = 0; all && k < job->labels.count; k++)
            all = strings_have(set, job->labels.items[k]);
        if (all)
            return true;
    }
    return false;
}

static void count_conclusion(const struct world_job *job, struct world_summary *summary)
{
    uint64_t *const counters[] = {
        [WORLD_CONCLUSION_NONE] = NULL,
        [WORLD_CONCLUSION_SUCCESS] = &summary->jobs_succeeded,
        [WORLD_CONCLUSION_FAILURE] = &summary->jobs_failed,
        [WORLD_CONCLUSION_CANCELLED] = &summary->jobs_cancelled,
        [WORLD_CONCLUSION_SKIPPED] = &summary->jobs_skipped,
    };
    if (counters[job->conclusion] != NULL)
        ++*counters[job->conclusion];
}

static void count_job(const struct world *world, const struct world_job *job,
                      struct world_summary *summary)
{
    uint64_t *const counters[] = {
        [WORLD_JOB_BLOCKED] = &summary->jobs_blocked,
        [WORLD_JOB_QUEUED] = &summary->jobs_queued,
        [WORLD_JOB_RUNNING] = &summary->jobs_running,
        [WORLD_JOB_COMPLETED] = &summary->jobs_completed,
    };
    ++*counters[job->status];
    count_conclusion(job, summary);
    if (job->status == WORLD_JOB_QUEUED && !ever_servable(world, job))
        summary->jobs_unservable++;
}

/* The value at or above so many percent of the sorted waits (nearest rank). */
static int64_t percentile(const int64_t *sorted, size_t count, size_t percent)
{
    if (count == 0)
        return 0;
    size_t rank = (count * percent + PERCENT - 1) / PERCENT;
    return sorted[rank > 0 ? rank - 1 : 0];
}

static void sum_jobs(const struct world *world, struct world_summary *summary)
{
    int64_t *waits = world_alloc(world->jobs.count * sizeof *waits);
    size_t count = 0;
    for (size_t i = 0; i < world->jobs.count; i++) {
        const struct job_entry *entry = world->jobs.items[i];
        count_job(world, &entry->job, summary);
        if (entry->job.started_ms != 0)
            waits[count++] = entry->job.started_ms - entry->job.runnable_ms;
    }
    qsort(waits, count, sizeof *waits, compare_ms);
    summary->wait_median_ms = percentile(waits, count, PERCENT / 2);
    summary->wait_p95_ms = percentile(waits, count, P95_PERCENT);
    summary->wait_max_ms = percentile(waits, count, PERCENT);
    free(waits);
}

static void sum_servers(const struct world *world, struct world_summary *summary)
{
    summary->paid_periods = world->totals.ended_periods;
    summary->cost_microeuro = world->totals.ended_cost_microeuro;
    summary->busy_ms = world->totals.ended_busy_ms;
    int64_t slots = world->totals.ended_slots; /* paid periods of each runner that could work */
    for (size_t i = 0; i < world->servers.count; i++) {
        const struct server_entry *entry = world->servers.items[i];
        if (entry->server.foreign)
            continue;
        int64_t periods = world_paid_periods(world, &entry->server, world->now_ms);
        summary->paid_periods += periods;
        slots += periods * runners_wanted_on(world, &entry->server);
        summary->cost_microeuro += world_cost_microeuro(world, &entry->server, world->now_ms);
        summary->busy_ms += entry->server.busy_ms;
    }
    for (size_t i = 0; i < world->running.count; i++) {
        const struct job_entry *entry = world->running.items[i];
        const struct runner_entry *runner = runner_entry_find(world, entry->job.runner_id);
        if (!entry->job.lost && runner->runner.server_id != 0)
            summary->busy_ms += world->now_ms - entry->job.started_ms;
    }
    summary->paid_ms = summary->paid_periods * world->config.billing_period_ms;
    if (slots > 0)
        summary->paid_share_used =
            (double)summary->busy_ms / (double)(slots * world->config.billing_period_ms);
}

void world_summary(const struct world *world, struct world_summary *summary)
{
    const struct totals *totals = &world->totals;
    *summary = (struct world_summary){
        .jobs_total = world->jobs.count,
        .jobs_lost = totals->jobs_lost,
        .servers_rented = totals->servers_rented,
        .servers_now = totals->servers_now,
        .servers_max = totals->servers_max,
        .runners_registered = totals->runners_registered,
        .runners_deleted = totals->runners_deleted,
        .pods_evicted = totals->pods_evicted,
        .nodes_deleted = totals->nodes_deleted,
    };
    sum_jobs(world, summary);
    sum_servers(world, summary);
}
