/* The pure core: it is told what happens, and says what to do.
 *
 * A step is a function of (state, event): no clock, no randomness, no memory of its own, no I/O.
 * Time rides in the event. Same events, same output, byte for byte. A step cannot fail: what is too
 * much for a bound waits, or is said in an alarm.
 *
 * The road of a step, a file a stretch: facts -> observe -> demand -> plan -> steps -> rails ->
 * output. May not: link anything but memcpy, memmove, memset, memcmp. */
#ifndef EBBTIDE_RECONCILER_CORE_CORE_H
#define EBBTIDE_RECONCILER_CORE_CORE_H

#include <stddef.h>

#include "common/config.h"
#include "tables/messages.h"

struct core;

#define CORE_ACTIONS_PER_STEP_MAX                                                                  \
    64 /* further ones wait for the next step, which comes at once                                 \
        */
#define CORE_LINES_PER_STEP_MAX                                                                    \
    128                           /* lines for the log; further ones are counted in lines_lost     \
                                   */
#define CORE_SERVER_LABELS_MAX 20 /* four of ours and hetzner.labels */

/* What can happen. The core borrows what an event points at for the step alone, but for snapshots.
 */
enum core_event_kind {
    CORE_TICK,           /* time has passed: wake_ms came */
    CORE_GITEA,          /* a whole snapshot, taken over (below) */
    CORE_HETZNER,        /* likewise */
    CORE_KUBE,           /* likewise */
    CORE_POLL_TROUBLE,   /* a poll failed */
    CORE_TOKEN_WRITES,   /* what a poller found out about its token */
    CORE_CHECKPOINT,     /* once, first: what the checkpoint holds; NULL where there is none */
    CORE_ACTUATOR_STATE, /* a channel to the actuator is open and it has said what it remembers */
    CORE_AUDIT_NEWS,     /* what the actuator says of its audit log is something else now */
    CORE_ACTUATOR_LOST,  /* no channel to the actuator: what is in flight has no known outcome */
    CORE_RESULT,         /* what came of an action */
    CORE_CONFIGURED,     /* another configuration holds from now on */
    CORE_STORAGE,        /* whether the checkpoint can be written */
    core_event_kind_count
};

struct core_event {
    int64_t mono_ms; /* CLOCK_BOOTTIME, never falls */
    int64_t wall_ms; /* CLOCK_REALTIME */
    enum core_event_kind kind;
    /* CORE_GITEA, CORE_HETZNER, CORE_KUBE: the storage of the snapshot, opaque to the core. The
     * core keeps it with the snapshot and gives the one before back in core_output.released. Not
     * NULL. */
    void *owner;
    union {
        const struct gitea_snapshot *gitea;
        const struct hetzner_snapshot *hetzner;
        const struct kube_snapshot *kube;
        const struct poll_trouble *poll_trouble;
        const struct token_writes *token_writes;
        const struct checkpoint *checkpoint;
        const struct actuator_state *actuator_state;
        const struct audit_news *audit_news;
        const struct action_result *result;
        const struct config *config; /* borrowed until the next CORE_CONFIGURED or the core's end */
        const char *storage_trouble; /* a sentence; NULL: it can be written */
    } u;
};

/* An action with room for what it points at. Its other texts lie in the core or in its snapshots:
 * all hold until the next core_step. */
struct core_action {
    struct action action;
    char text[TEXT_BYTES_MAX + 1];
    char provider_id[PROVIDER_ID_BYTES_MAX + 1];
    char label_id[48]; /* "EPOCH-COUNTER" */
    struct label label[CORE_SERVER_LABELS_MAX];
    struct runner_ref runner[RUNNERS_PER_NODE_MAX];
};

/* A line for the log. */
struct core_line {
    enum verbosity level;
    char text[TEXT_BYTES_MAX + 1]; /* one sentence; may hold words from outside */
};

/* Durations that were measured in this step, for the metrics; 0: none. */
struct core_measured {
    int64_t provision_ms; /* from asking for a server to its first runner online */
    int64_t teardown_ms;  /* from the fence to the server's end */
};

/* What the core says. The caller owns it (it is large: static or allocated) and performs it in this
 * order: write the checkpoint where it changed, then send actions, then status, then arm the timer.
 */
struct core_output {
    void *released; /* owner of the snapshot that was replaced, or NULL: the caller frees it */

    bool checkpoint_changed;
    const struct checkpoint
        *checkpoint; /* whole, but for its sequence; holds until the next step */

    uint32_t action_count; /* to be sent to the actuator in this order; none in mode observe */
    struct core_action action[CORE_ACTIONS_PER_STEP_MAX];

    bool status_changed;         /* more than the ages in it */
    const struct status *status; /* whole; holds until the next step */

    uint32_t poll_now; /* bit set of enum source: a fresh look at it is waited for */
    int64_t
        wake_ms; /* mono time of the next CORE_TICK; always set, at most CORE_WAKE_MS_MAX away */
    bool ready;  /* a snapshot of each source is there, and (mode act) the actuator's state */

    uint32_t line_count, lines_lost;
    struct core_line line[CORE_LINES_PER_STEP_MAX];
    struct core_measured measured;
};

#define CORE_WAKE_MS_MAX 60000

/* Bytes of the block that core_init needs. It holds NODES_MAX nodes and the joins' tables whatever
 * the configuration says, because a reload may raise every limit in it; what is not used is not
 * touched. */
size_t core_size(const struct config *config);

/* Makes a core in `block` (core_size bytes, aligned as malloc aligns; its content does not matter).
 * The configuration is borrowed until the core's end. epoch is at least 1, higher than ever before.
 */
struct core *core_init(void *block, const struct config *config, uint64_t epoch);

/* One step. `output` is overwritten. */
void core_step(struct core *core, const struct core_event *event, struct core_output *output);

/* A number over everything that decides what comes next, between two steps. Two cores of one
 * configuration with equal numbers answer equal further events alike, each reckoned from its own
 * clocks: times count by their distance from the last event's. The words that people see, and their
 * sums and counters, are not in it. What the held snapshots point at must still be there. */
uint64_t core_digest(const struct core *core);

/* Bit set of the edges (edges.def, in its order) that any node has taken so far: for coverage. */
uint32_t core_edges_seen(const struct core *core);

/* The core's end: hands out the owners of the snapshots that it still holds (NULL where none), by
 * enum source. Nothing else is to be freed. */
void core_end(struct core *core, void *owners[3]);

#endif
