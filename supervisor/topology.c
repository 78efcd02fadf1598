/* The rows of edges.def as arrays. May not start anything. */
#include "supervisor/topology.h"

#include <assert.h>

static const struct worker_row workers[] = {
#define WORKER(role_, program_, argument_, key, account_, phase, doc)                              \
    {.role = role_,                                                                                \
     .program = program_,                                                                          \
     .argument = argument_,                                                                        \
     .users_key = "users." #key,                                                                   \
     .account = account_,                                                                          \
     .stop_phase = phase,                                                                          \
     .user_offset = offsetof(struct config, users.key)},
#define EDGE(one_, other_, carries_)
#include "supervisor/edges.def"
#undef WORKER
#undef EDGE
};

static const struct edge_row edges[] = {
#define WORKER(role_, program_, argument_, key, account_, phase, doc)
#define EDGE(one_, other_, carries_) {.one = one_, .other = other_, .carries = carries_},
#include "supervisor/edges.def"
#undef WORKER
#undef EDGE
};

_Static_assert(sizeof workers / sizeof workers[0] == TOPOLOGY_WORKERS, "edges.def and topology.h");

const struct worker_row *topology_worker(unsigned place)
{
    assert(place < TOPOLOGY_WORKERS);
    return &workers[place];
}

uint32_t topology_peers(enum role role)
{
    uint32_t peers = 0;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        if (edges[i].one == role)
            peers |= ROLE_BIT(edges[i].other);
        if (edges[i].other == role)
            peers |= ROLE_BIT(edges[i].one);
    }
    return peers;
}

const char *topology_user(const struct worker_row *row, const struct config *config)
{
    const char *const *user =
        (const char *const *)(const void *)((const char *)config + row->user_offset);
    return *user;
}

bool topology_wanted(const struct worker_row *row, const struct config *config)
{
    return row->role != ROLE_MONITOR || config->monitor.enabled;
}
