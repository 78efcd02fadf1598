/* The plain life, and its places. May not: search. */
#include "tests/simulation/small/roots.h"

#include <string.h>

static unsigned errand_of(const struct tiny *tiny, enum action_kind kind)
{
    const struct tiny_errand *errand = &tiny->errand[0];
    return errand->kind == kind ? errand->stage : 0;
}

static int state_of(const struct tiny *tiny)
{
    return tiny->track[0].state - 1;
}

static unsigned jobs_that(const struct tiny *tiny, enum tiny_job_state state)
{
    unsigned count = 0;
    for (unsigned j = 0; j < TINY_JOBS; j++)
        count += tiny->land.job[j].state == state;
    return count;
}

static int64_t left_ms(const struct tiny *tiny)
{
    return HOUR_MS - (tiny_api_ms(tiny) - tiny->land.slot[0].created_ms) % HOUR_MS;
}

static bool fence_is_old(const struct tiny *tiny)
{
    return tiny->land.slot[0].node_note && tiny->mono_ms - tiny->land.slot[0].noted_ms >= SETTLE_MS;
}

static bool is_there(const struct tiny *tiny, enum root_kind kind)
{
    switch (kind) {
#define ROOT(name, when)                                                                           \
    case ROOT_##name:                                                                              \
        return (when);
#include "tests/simulation/small/roots.def"
#undef ROOT
    case root_count: break;
    }
    return false;
}

const char *root_name(enum root_kind kind)
{
    static const char *const names[] = {
#define ROOT(name, when) [ROOT_##name] = #name,
#include "tests/simulation/small/roots.def"
#undef ROOT
    };
    return names[kind];
}

bool root_make(struct sim *sim, enum root_kind kind, unsigned servers, unsigned jobs,
               struct root *root)
{
    memset(root, 0, sizeof *root);
    root->name = root_name(kind);
    root->servers = servers;
    root->jobs = jobs;
    sim_reset(sim, servers, jobs);
    while (!is_there(&sim->tiny, kind)) {
        unsigned count = root->count;
        if (count == ROOT_EVENTS_MAX)
            return false;
        tiny_event event = count < jobs ? TINY_EVENT(EVENT_job, 0) : sim_fair(sim);
        root->event[root->count++] = event;
        sim_do(sim, event);
    }
    return true;
}
