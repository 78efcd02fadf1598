/* What the files of the witness share. May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_WITNESS_PRIVATE_H
#define EBBTIDE_SIMULATOR_WITNESS_PRIVATE_H

#include "simulator/witness.h"

#define CHANGES_MAX 4096 /* of the number of waiting jobs within demand_memory_ms */

/* A server that bore our labels, ever. */
struct rented {
    char name[WORLD_NAME_BYTES];
    uint64_t server_id;
    uint32_t pool;
    bool had_runner;
    bool rogue;          /* made while witness_rogue held: whose it is, is open */
    bool shown;          /* to the client (rules.shown_is_told), or deleted by it */
    int64_t hours;       /* paid ones that have begun */
    int64_t last_job_ms; /* when a job last ran on it; 0 never */
    int64_t hindered_ms; /* when something last hindered the teardown of this one alone */
    int64_t noted_ms;    /* since when a note of our fence stands at node or server; 0 none does */
};

/* How many jobs of a pool waited from at_ms on. */
struct change {
    int64_t at_ms;
    uint32_t waiting;
};

struct demand {
    struct change change[CHANGES_MAX]; /* a ring; the oldest is merged away when it is full */
    uint32_t first, count;
    uint32_t waiting;
};

struct witness {
    struct world *world;
    struct witness_rules rules;
    struct book book;
    bool rogue;                                            /* witness_rogue */
    bool (*keeps)(const char *node, const void *argument); /* witness_client */
    const void *keeps_argument;
    struct rented *rented;
    size_t rented_count, rented_room;
    struct demand demand[WITNESS_POOLS_MAX]; /* of all jobs that the pool serves */
    struct demand own[WITNESS_POOLS_MAX];    /* of those that are its: no earlier one serves them */
    uint32_t served_waiting;                 /* of any pool */
    int64_t creates_hindered_ms;             /* when something last hindered creates alone */
    int64_t full_ms[WITNESS_POOLS_MAX];      /* when a limit last kept the pool from growing */
    int64_t lacks_ms[WITNESS_POOLS_MAX];     /* since when it has less than its min; 0 it has not */
    uint64_t open[WITNESS_POOLS_MAX];        /* rogue ones that do: the client may count them */
    uint64_t serving[WITNESS_POOLS_MAX];     /* machines, as the last look counted them */
    int64_t hindered_ms; /* when something last hindered; the beginning of the world, at first */
};

/* ---- witness_ours.c: what is ours, and what its runners do ---- */
/* The value of a label or annotation; "" where there is none. */
const char *witness_label(const struct world_map *labels, const char *key);
/* Whether a server bears our labels; an id of an action among them. */
bool witness_labelled(const struct witness *witness, const struct world_map *labels);
bool witness_marks(const struct witness *witness, const struct world_map *labels);
/* The pool's index; rules.pool_count: there is none of that name. */
uint32_t witness_pool_named(const struct witness *witness, const char *name);
struct rented *witness_rented(const struct witness *witness, uint64_t server_id);
struct rented *witness_rented_named(const struct witness *witness, const char *name);
void witness_note_rented(struct witness *witness, const struct world_server *server);
/* The job that a runner works on, in progress in Gitea's eyes; NULL: none. */
const struct world_job *witness_live_job(const struct witness *witness,
                                         const struct world_runner *runner);
/* A runner of it lives and none is disabled: it serves, and counts for its pool's minimum. */
bool witness_serves(const struct witness *witness, const struct world_server *server);
/* Young, healthy as far as anybody can know, and no runner of it has come yet. */
bool witness_is_coming(const struct witness *witness, const struct world_server *server,
                       int64_t now_ms);
/* Registered so lately that no action can have known it. */
bool witness_is_young(const struct witness *witness, const struct world_runner *runner,
                      int64_t now_ms);
/* Fills in what a call's scene says of the runners on a server and their jobs. */
void witness_look_at_runners(const struct witness *witness, uint64_t server_id, int64_t now_ms,
                             struct call_scene *scene);

/* ---- witness_demand.c: how many jobs waited, and when ---- */
/* The most that waited at once since then. */
uint32_t witness_demand_peak(struct demand *demand, int64_t since_ms);
void witness_count_waiting(struct witness *witness, const struct world_job *job, int64_t at_ms,
                           bool more);
/* Other rules: what waits now is counted anew. */
void witness_count_again(struct witness *witness);

/* ---- witness_pools.c ---- */
/* Whether all labels of a job are the pool's; the first pool that serves it (pool_count: none). */
bool witness_pool_serves(const struct witness_pool *pool, const struct world_job *job);
uint32_t witness_pool_of_job(const struct witness *witness, const struct world_job *job);
/* Those that are being given back do not count for the pool's minimum: one fenced runner takes its
 * whole node out of service, and one that never came to serve in time does not come any more. */
bool witness_serves_or_comes(const struct witness *witness, const struct world_server *server,
                             int64_t now_ms);
/* How many machines of each pool serve, or come. */
void witness_count_serving(struct witness *witness, int64_t now_ms);
void witness_look_at_pools(struct witness *witness, int64_t now_ms);

/* ---- witness_calls.c: the guard ---- */
void witness_on_call(void *context, const struct world_call *call);

#endif
