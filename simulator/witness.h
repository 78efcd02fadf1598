/* The witness: watches a simulated world and judges, by the book of promises, each call of the
 * client at the instant before it changes anything, and each rented server whenever a paid hour of
 * it begins. What it compares with is what the world itself knows, never what a client believes.
 * May not: change the world, read a clock, know HTTP. Out of memory ends the process (abort). */
#ifndef EBBTIDE_SIMULATOR_WITNESS_H
#define EBBTIDE_SIMULATOR_WITNESS_H

#include "promises/book.h"
#include "simulator/world/world.h"

#define WITNESS_POOLS_MAX  16
#define WITNESS_LABELS_MAX 16

struct witness_pool {
    char name[64];
    uint64_t min, max, capacity;
    uint64_t owed; /* what it must have; min is what it may keep, more where a reload is near */
    char labels[WITNESS_LABELS_MAX][64]; /* a job is the pool's whose labels are all among these */
    uint32_t label_count;
};

/* What the client was told, as far as promises depend on it. Times in milliseconds. */
struct witness_rules {
    char cluster[64];
    uint64_t servers_max, hourly_micro_max;
    struct witness_pool pool[WITNESS_POOLS_MAX];
    uint32_t pool_count;
    bool fence_exists; /* this Gitea can disable a runner */
    int64_t fence_settle_ms;
    int64_t race_ms;             /* call_scene.race_ms */
    int64_t demand_memory_ms;    /* how old a picture of Gitea a create may rest on, way included */
    int64_t provision_ms;        /* life.provision_timeout */
    int64_t notice_ms, bound_ms; /* server_scene */
    int64_t growth_ms;           /* pool_scene.bound_ms; 0: pools are not judged */
    uint64_t dearest_micro;      /* the dearest server that a pool may rent, an hour */
    bool shown_is_told; /* witness_shown is called; else whatever was rented counts as shown */
};

struct witness;

/* Begins to watch; takes the world's guard and one observer. The rules are copied. The world must
 * outlive it. Never NULL. */
struct witness *witness_new(struct world *world, const struct witness_rules *rules);
void witness_free(struct witness *witness); /* NULL is fine */

/* Other rules hold from now on. */
void witness_change(struct witness *witness, const struct witness_rules *rules);

/* Something hinders teardown at this instant (a fault is on, a process is down). */
void witness_hindered(struct witness *witness, int64_t now_ms);
/* The same of one server only, by its name. One that was never ours is nobody's matter. */
void witness_hindered_one(struct witness *witness, const char *name, int64_t now_ms);

/* Something hinders creates at this instant: a type is sold out, machines never boot. */
void witness_creates_hindered(struct witness *witness, int64_t now_ms);

/* Who can tell whether the client keeps a node of that name in service; NULL: nobody. A machine
 * that it is giving back counts for no minimum, also while its runners are still there. */
void witness_client(struct witness *witness, bool (*keeps)(const char *node, const void *argument),
                    const void *argument);

/* What a create for a job of this pool (its index) may be compared with: runners of the pool that
 * have been free, in service and unhindered for as long as a picture may be old, and the most jobs
 * that were the pool's and waited at once in that time. wants 0: nothing can be said. in_service
 * tells whether the client counts a node as serving. */
struct witness_room {
    uint32_t room, wants;
};
struct witness_room witness_room(struct witness *witness, uint32_t pool, int64_t now_ms,
                                 bool (*in_service)(const char *node, const void *argument),
                                 const void *argument);

/* The client was shown this server, in a list or in an answer that it took note of. One that nobody
 * was ever shown, and that somebody else deleted, may be made again by its name: nobody can know.
 */
void witness_shown(struct witness *witness, uint64_t server_id);

/* Whoever decides for the client is not himself, from now on or no longer: his creates need no
 * demand (one_demand_one_create) and no new name (name_used_once: the actuator's memory of names is
 * bounded). All else is held against his calls as ever. */
void witness_rogue(struct witness *witness, bool rogue);

/* Looks at every rented server; to be called at least each few seconds of the world's time. */
void witness_look(struct witness *witness, int64_t now_ms);

/* Whether anything of ours bears this name, or ever did: a server, node or pod's node. */
bool witness_ours(const struct witness *witness, const char *name);

/* The name of a server that was ours, ever; NULL: it was not. */
const char *witness_name(const struct witness *witness, uint64_t server_id);

/* Jobs that may start now and that some pool serves. */
uint64_t witness_waiting(const struct witness *witness);

/* What was judged so far. */
struct book *witness_book(struct witness *witness);

#endif
