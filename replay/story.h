/* The telling of a node's story: entries as they happen, facts below them, the answer at the end.
 * May not: play. */
#ifndef EBBTIDE_REPLAY_STORY_H
#define EBBTIDE_REPLAY_STORY_H

#include "replay/facts.h"
#include "replay/replay.h"

#define STORY_ASKED_MAX 512 /* actions of the node whose results are looked for; older ones go */
#define STORY_NODES_MAX 200 /* that are named when this one is not there */

struct story {
    struct replay_common common; /* first: it is the listeners' argument too */
    const char *name;
    bool known;                     /* it was there once */
    bool there;                     /* after the last step */
    char runners[RUNNER_NAMES_MAX]; /* the last that were known */
    struct action_id asked[STORY_ASKED_MAX];
    uint32_t asked_count;
    bool any_asked;
    enum action_kind last; /* asked */
    enum reason last_reason;
    bool facts_due;    /* this step's facts are to be told */
    struct facts told; /* the last; what stands in them is not told again */
    json_t *entries;   /* NULL unless json */
    /* How it ended. */
    bool retiring;
    bool began_before; /* its teardown, before what was named */
    enum reason why;
    int64_t retired_wall_ms, gone_wall_ms; /* 0: not yet */
    int64_t paid_until_ms, paid_left_ms, idle_ms;
    int64_t idle_mono_ms;               /* when idle_ms was so; 0: it was not idle */
    int64_t idle_timeout_ms, window_ms; /* as configured when its teardown began */
    int64_t teardown_ms;                /* the longest recent one, as measured; 0 never */
    struct story_pool {
        uint64_t waiting, servers, least; /* jobs, servers, min then */
    } pool;
    char node[STORY_NODES_MAX][NAME_BYTES_MAX + 1]; /* all that were seen */
    uint32_t node_count;
};

/* What a reason means: the last column of enums.def. */
const char *story_reason(enum reason reason);

/* An entry: kind is asks, hears or state. */
void story_entry(struct story *story, const struct play_step *step, const char *kind,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The facts of this step, below its entries: those that are new. */
void story_facts(struct story *story, const struct play_step *step);

/* The story goes on elsewhere: another life, or after a gap. */
void story_break(struct story *story, const struct segment *segment);

/* The answer. */
void story_end(struct story *story);

#endif
