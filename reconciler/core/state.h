/* The life of a node: six states, a struct each, that carries exactly what is known in that state.
 *
 * A state is reached only through the accessors and the edges below. An edge consumes one state by
 * value and returns the next; `life_VERB` takes it out of a life and puts the next one in. Asking a
 * life for a state that it is not in is NULL from life_as_X, and our bug (a trap) everywhere else.
 * May not: know APIs, plans or clocks. */
#ifndef EBBTIDE_RECONCILER_CORE_STATE_H
#define EBBTIDE_RECONCILER_CORE_STATE_H

#include "tables/messages.h"

/* The same instant by both clocks: mono decides, wall is kept across a reboot and shown. */
struct moment {
    int64_t mono_ms, wall_ms;
};

struct known_runner {
    uint64_t id;
    bool listed;             /* in the last Gitea snapshot */
    int64_t missing_mono_ms; /* since when it is not; 0 it is */
    char name[NAME_BYTES_MAX + 1];
};

/* Every registration that was seen to be the node's and is not known to be gone. */
struct runner_set {
    uint32_t count; /* at most RUNNERS_PER_NODE_MAX */
    struct known_runner runner[RUNNERS_PER_NODE_MAX];
};

/* Why and since when a node is being given back; goes along through the three last states. */
struct retirement {
    struct moment began;
    enum reason reason;
};

struct node_provisioning { /* asked for, booting, or without a runner */
    struct moment since;
    struct runner_set runners; /* registered, never seen online */
};

struct node_busy { /* a runner has a job, or may have one */
    struct moment since;
    struct runner_set runners;
};

struct node_idle {       /* confirmed */
    struct moment since; /* of the first look of those that agree */
    struct runner_set runners;
};

struct node_deregistering {
    struct moment since;
    struct retirement why;
    struct runner_set runners; /* to be fenced and deleted */
    bool again; /* a runner of it was seen after it was said to have none: the actuator looks for it
                   by its own marks, whatever our pictures show */
};

struct node_draining {
    struct moment since;
    struct retirement why;
    uint32_t pods_left; /* as the last look said */
    bool drained;       /* a Kubernetes node of it is there, and the actuator has drained it */
    bool asked;         /* since is when it was first asked for; until then, when the state began */
};

struct node_removing {
    struct moment since;
    struct retirement why;
    bool drained; /* as in draining; false also where a restart has forgotten it: a Kubernetes node
                     that is there then has to be drained (again) */
    int64_t done_mono_ms; /* when the actuator said it is gone; 0 not yet. Kept until lists agree */
};

/* One of the six. The members are private to state.c. */
struct life {
    enum node_state state_;
    union {
        struct node_provisioning provisioning;
        struct node_busy busy;
        struct node_idle idle;
        struct node_deregistering deregistering;
        struct node_draining draining;
        struct node_removing removing;
    } u_;
};

enum node_state life_state(const struct life *life);
struct moment life_since(const struct life *life);

/* The runners that it knows; NULL in draining and removing. */
const struct runner_set *life_runners(const struct life *life);
struct runner_set *life_runners_change(struct life *life);

/* Why it is given back; NULL while it is not. */
const struct retirement *life_retirement(const struct life *life);

/* A life begins: in provisioning, or as a checkpoint says (life_restore; the set may be empty). */
void life_begin(struct life *life, struct moment now);
void life_restore(struct life *life, enum node_state state, struct moment since,
                  const struct retirement *why, const struct runner_set *runners);

/* NULL in any other state: life_as_idle(life), ... */
const struct node_provisioning *life_as_provisioning(const struct life *life);
const struct node_busy *life_as_busy(const struct life *life);
const struct node_idle *life_as_idle(const struct life *life);
const struct node_deregistering *life_as_deregistering(const struct life *life);
const struct node_draining *life_as_draining(const struct life *life);
const struct node_removing *life_as_removing(const struct life *life);

/* What changes within a state. A trap in another one. */
void life_pods_left(struct life *life, uint32_t pods);
void life_drained(struct life *life);
/* The drain is asked for, now: where that is the first time, it begins only now. */
void life_drain_asked(struct life *life, struct moment now);
void life_removed(struct life *life, int64_t done_mono_ms);

/* What an edge is told: when, and for which reason (used where a retirement begins). */
struct edge_cause {
    struct moment at;
    enum reason reason;
};

/* struct node_busy node_join(struct node_provisioning from, struct edge_cause cause); and
 * void life_join(struct life *life, struct edge_cause cause); one pair for each row of edges.def.
 */
#define EDGE(from, to, verb, why)                                                                  \
    struct node_##to node_##verb(struct node_##from state, struct edge_cause cause);               \
    void life_##verb(struct life *life, struct edge_cause cause);
#include "reconciler/core/edges.def"
#undef EDGE

enum edge {
#define EDGE(from, to, verb, why) EDGE_##verb,
#include "reconciler/core/edges.def"
#undef EDGE
    edge_count
};

/* "busy -> idle" and the row's why, for log lines and coverage tables. */
const char *edge_path(enum edge edge);
const char *edge_why(enum edge edge);

#endif
