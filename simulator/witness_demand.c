/* How many jobs of each pool waited, and when: what a create may rest on. May not: judge. */
#include "simulator/witness_private.h"

#include <assert.h>
#include <string.h>

/* --------------------------------------------------------------------------------- the demand */

static void demand_changed(struct demand *demand, int64_t at_ms)
{
    if (demand->count == CHANGES_MAX) { /* the second oldest takes the larger of both */
        uint32_t next = (demand->first + 1) % CHANGES_MAX;
        if (demand->change[demand->first].waiting > demand->change[next].waiting)
            demand->change[next].waiting = demand->change[demand->first].waiting;
        demand->first = next;
        demand->count--;
    }
    demand->change[(demand->first + demand->count++) % CHANGES_MAX] =
        (struct change){at_ms, demand->waiting};
}

/* The most that waited at once since then. */
uint32_t witness_demand_peak(struct demand *demand, int64_t since_ms)
{
    while (demand->count > 1 &&
           demand->change[(demand->first + 1) % CHANGES_MAX].at_ms <= since_ms) {
        demand->first = (demand->first + 1) % CHANGES_MAX;
        demand->count--;
    }
    uint32_t peak = 0;
    for (uint32_t i = 0; i < demand->count; i++) {
        uint32_t waiting = demand->change[(demand->first + i) % CHANGES_MAX].waiting;
        peak = waiting > peak ? waiting : peak;
    }
    return peak;
}

static void count(struct demand *demand, int64_t at_ms, bool more)
{
    assert(more || demand->waiting > 0);
    demand->waiting += more ? 1 : UINT32_MAX;
    demand_changed(demand, at_ms);
}

void witness_count_waiting(struct witness *witness, const struct world_job *job, int64_t at_ms,
                           bool more)
{
    uint32_t own = witness_pool_of_job(witness, job);
    if (own == witness->rules.pool_count)
        return;
    count(&witness->own[own], at_ms, more);
    witness->served_waiting += more ? 1 : UINT32_MAX;
    for (uint32_t i = own; i < witness->rules.pool_count; i++)
        if (witness_pool_serves(&witness->rules.pool[i], job))
            count(&witness->demand[i], at_ms, more);
}

/* From the world itself: what waited before anybody watched, or by other pools. */
void witness_count_again(struct witness *witness)
{
    witness->served_waiting = 0;
    for (uint32_t i = 0; i < witness->rules.pool_count; i++)
        witness->demand[i].waiting = witness->own[i].waiting = 0;
    for (uint64_t id = 1; id <= world_job_count(witness->world); id++) {
        const struct world_job *job = world_job_find(witness->world, id);
        if (job != NULL && job->status == WORLD_JOB_QUEUED)
            witness_count_waiting(witness, job, world_now_ms(witness->world), true);
    }
}

uint64_t witness_waiting(const struct witness *witness)
{
    return witness->served_waiting;
}
