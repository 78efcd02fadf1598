/* Ebbtide's promises as functions: each looks at a scene, which says what is so, and tells whether
 * the promise holds. The one place where a promise is written down; who watches fills scenes in.
 *
 * Scenes say what the world itself knows, never what Ebbtide believes, but where a promise is about
 * Ebbtide's own behaviour (scene action, scene node). Times are milliseconds.
 * May not: know a world, a core or an API; do I/O. */
#ifndef EBBTIDE_PROMISES_PROMISES_H
#define EBBTIDE_PROMISES_PROMISES_H

#include <stdbool.h>
#include <stdint.h>

#include "tables/messages.h"

/* What a client's call does, as far as promises care. */
enum scene_call {
    SCENE_CREATE_SERVER,
    SCENE_DELETE_SERVER,
    SCENE_DELETE_NODE,
    SCENE_END_POD, /* evicts or deletes a runner pod, or taints its node so that it must go */
    SCENE_DEREGISTER,
    SCENE_RELEASE, /* enables a runner */
    SCENE_MARK,    /* labels, annotations, cordon, fence: ends nothing */
    scene_call_count
};

/* A call at the instant before it changes the world. What does not concern the call is 0. */
struct call_scene {
    enum scene_call call;
    bool ours; /* what it is about is Ebbtide's own */

    /* the node that it is about */
    uint32_t jobs;         /* that live runners of it work on, in progress in Gitea's eyes */
    uint32_t runners;      /* registered for longer than race_ms, by daemons that live */
    int64_t oldest_job_ms; /* how long ago the oldest of the jobs began */
    bool unfenced;         /* each of those jobs is on a runner that nobody could have fenced */
    int64_t race_ms;       /* the longest time between an action's last look and its call */
    bool fence_possible;   /* SCENE_DEREGISTER: this Gitea can, and there is a place for the note */
    int64_t fenced_ms;     /* SCENE_DEREGISTER: for how long it has been disabled; -1 it is not */
    int64_t fence_settle_ms;
    bool fenced_by_person; /* SCENE_DEREGISTER, SCENE_RELEASE: a person disabled it */

    /* SCENE_CREATE_SERVER; counts without the new one */
    uint64_t servers, servers_max;
    uint64_t pool_servers, pool_min, pool_max;
    uint64_t pool_able; /* of them, those that come; a watcher who knows which others are kept and
                           serve counts them as well */
    uint64_t hourly_micro, hourly_micro_max; /* with the new one */
    uint32_t names_before;                   /* servers that had the name and were shown to us */
    uint32_t coming; /* slots of healthy servers of the pool, young and without a runner as yet */
    uint32_t wanted; /* the most jobs of the pool that were runnable at once, as lately as an honest
                        picture of Gitea may be old */
};

/* The core asks for an action. */
struct action_scene {
    enum action_kind kind;
    enum reason reason;
    bool begins;              /* it is the first of this teardown */
    uint32_t in_flight;       /* other actions of this node without a result */
    int64_t source_age_ms[3]; /* by enum source, of the last picture given; INT64_MAX none */
    int64_t source_age_max_ms[3];
    /* Nodes that vanished from each source within the age that its picture may have, and how many
     * it showed until then, those included. */
    uint32_t known[3], vanished[3];
    uint32_t vanished_floor;         /* trust.breaker_floor */
    uint32_t vanished_share_percent; /* trust.breaker_share */
    int64_t skew_ms, skew_max_ms;    /* the largest between our clock and an API's; its limit */
    uint32_t failures;               /* of this step on this node, in a row */
    int64_t since_failure_ms;        /* since the last of them was reported */
    int64_t backoff_first_ms, backoff_most_ms;
    bool unknown; /* this core was told that nobody knows what came of the node's last action */
    uint32_t unlooked;  /* sources whose last picture began no later than it was told so */
    uint32_t pods_left; /* ACTION_REMOVE_NODE: on a node that our drain has marked */
    bool drain_forced;  /* its drain has been told not to wait any longer */
    bool forces;        /* ACTION_DRAIN_NODE: it is told so now, though its server is there */
    int64_t drain_asked_ms, drain_deadline_ms; /* since the first order of this drain; its limit */
    uint32_t room;  /* ACTION_CREATE_SERVER for a job: runners of the pool's machines that have been
                       free, in service and unhindered for longer than a picture may be old */
    uint32_t wants; /* the most jobs that were the pool's and waited at once, in that time; 0: not
                       judged */
};

/* A node after a step. */
struct node_scene {
    uint32_t failures; /* of its present step, in a row */
    uint32_t failures_loud;
    int64_t stay_ms, stay_longest_ms; /* in its present state; 0: a state without a limit */
    bool alarm;                       /* one of the failing step stands, and names the node */
    bool stay_alarm;                  /* one of the long stay stands */
    int64_t rest_ms, rest_least_ms;   /* how long it is said to rest; what was written down of it */
};

/* A rented server. */
struct server_scene {
    bool used;         /* a job runs on it, or the pool's minimum asks for it */
    int64_t unused_ms; /* since a job last ran on it (its creation, where none ever did) */
    int64_t quiet_ms;  /* since something last hindered its teardown */
    int64_t bound_ms;  /* a paid hour, and what Ebbtide may take to notice and to act */
    bool hour_begins;  /* a paid hour begins at this instant, and it is not the first */
    int64_t notice_ms; /* what Ebbtide may take to notice and to act before an hour's end */
    int64_t hour_ms;
};

/* A pool that may grow. */
struct pool_scene {
    uint64_t least;     /* its min */
    int64_t lacking_ms; /* for how long it has had fewer machines than its min; 0 it has them */
    int64_t waits_ms;   /* for how long the oldest job of it has waited; 0 none does */
    int64_t quiet_ms;   /* since something last hindered creates, the pool's own limits included */
    int64_t bound_ms;
};

/* The end of a run: the faults stopped `healed_ms` ago. */
struct end_scene {
    int64_t healed_ms, bound_ms;
    uint64_t jobs_waiting;         /* that some pool serves */
    uint64_t servers, servers_min; /* of ours; what the pools' minima ask for */
    uint64_t jobs_left;            /* not over */
};

struct twin_scene {
    uint64_t first, second; /* digests of all output */
};

enum scene_kind {
    SCENE_call,
    SCENE_action,
    SCENE_node,
    SCENE_server,
    SCENE_pool,
    SCENE_end,
    SCENE_twin
};

/* Any scene. */
struct scene {
    enum scene_kind kind;
    union {
        struct call_scene call;
        struct action_scene action;
        struct node_scene node;
        struct server_scene server;
        struct pool_scene pool;
        struct end_scene end;
        struct twin_scene twin;
    } u;
};

/* bool promise_NAME(const struct SCENE_scene *scene); true: it holds. */
#define PROMISE(name, scene, sentence) bool promise_##name(const struct scene##_scene *scene);
#include "promises/promises.def"
#undef PROMISE

enum promise {
#define PROMISE(name, scene, sentence) PROMISE_##name,
#include "promises/promises.def"
#undef PROMISE
    promise_count
};

/* Whether the promise is about scenes of this kind; whether it holds in one (of another kind: it
 * does). */
bool promise_concerns(enum promise promise, enum scene_kind kind);
bool promise_holds(enum promise promise, const struct scene *scene);

/* Whether anything was at stake: a promise of no concern to the scene, or that could not have been
 * broken in it (NONE), one that a breach in this scene would have broken (DECIDED), and one whose
 * own excuse covers the scene, whatever happened in it (EXCUSED). */
enum stake { STAKE_NONE, STAKE_DECIDED, STAKE_EXCUSED };
enum stake promise_stake(enum promise promise, const struct scene *scene);

/* "job_kept"; its sentence; the scene it is judged in: "call". */
const char *promise_name(enum promise promise);
const char *promise_sentence(enum promise promise);
const char *promise_scene(enum promise promise);

/* Whether a call can end what runs on a node. */
bool scene_call_destroys(enum scene_call call);

/* Whether the call is such a race as job_kept allows and measures. */
bool scene_is_race(const struct call_scene *scene);

/* Whether a paid hour begins unused because something hindered the teardown: allowed, counted. */
bool scene_is_hindered_hour(const struct server_scene *scene);

#endif
