/* The workers and the channels between them, from edges.def. May not: start anything. */
#ifndef EBBTIDE_SUPERVISOR_TOPOLOGY_H
#define EBBTIDE_SUPERVISOR_TOPOLOGY_H

#include "common/config.h"

#define STOP_PHASES 3

struct worker_row {
    enum role role;
    const char *program;   /* file name of its executable */
    const char *argument;  /* its only argument, or NULL */
    const char *users_key; /* "users.monitor" */
    const char *account;   /* the package's user */
    unsigned stop_phase;   /* below STOP_PHASES */
    size_t user_offset;    /* of users.KEY in struct config */
};

struct edge_row {
    enum role one, other;
    const char *carries;
};

#define TOPOLOGY_WORKERS 7

/* Row `place` in the order of starting, place < TOPOLOGY_WORKERS. */
const struct worker_row *topology_worker(unsigned place);

/* The other end of each edge of `role`, as a set of ROLE_BITs. */
uint32_t topology_peers(enum role role);

/* What the configuration says of the worker's user: users.KEY. */
const char *topology_user(const struct worker_row *row, const struct config *config);

/* Whether this configuration wants the worker at all (monitor.enabled). */
bool topology_wanted(const struct worker_row *row, const struct config *config);

#endif
