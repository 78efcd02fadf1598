/* Plays segments: feeds what was captured to a core, and shows each step to a listener.
 * May not: judge what comes of it, print. */
#ifndef EBBTIDE_REPLAY_PLAY_H
#define EBBTIDE_REPLAY_PLAY_H

#include "reconciler/capture/chunks.h"
#include "reconciler/core/image.h"
#include "replay/segments.h"

/* A core with what it lives in. */
struct played_core {
    void *block;
    struct core *core; /* NULL before the first segment */
    struct core_output *output;
    struct config *config; /* the one that holds; owned */
};

/* One step: the event, what the core says to it here, what it said then. All of it holds during the
 * call. */
struct play_step {
    const struct segment *segment;
    uint64_t epoch, number; /* of the event */
    int64_t mono_ms, wall_ms;
    const struct core_event *event;
    const struct core *core;
    const struct core_output *output;
    const struct capture_chunk *said; /* NULL: it is not in the capture */
};

struct play_listener {
    /* A life begins, or goes on after a gap: a core was made anew. `core` has not stepped. NULL:
     * nothing to do. False: stop. */
    bool (*begun)(const struct segment *segment, const struct capture_chunk *beginning,
                  const struct played_core *core, void *argument);
    /* After each step. False: stop. */
    bool (*step)(const struct play_step *step, void *argument);
    /* A sentence about what is missing, torn or damaged, or (different) does not match. */
    void (*note)(const char *path, const char *text, bool unusable, void *argument);
    void (*differs)(const char *path, uint64_t number, const char *text, void *argument);
    void *argument;
};

/* Where to stop: before the first event that is later. 0: nowhere. */
struct play_limit {
    uint64_t epoch;  /* of `number`; 0: any */
    uint64_t number; /* of an event */
    int64_t wall_ms;
};

struct play {
    struct play_limit limit;
    struct played_core core;
    struct play_listener listener;
    uint64_t epoch, number; /* of the last event */
    uint64_t events, segments, lives;
    int64_t first_wall_ms, last_wall_ms;
    bool stopped; /* by the listener */
};

/* Plays all of them in their order. */
void play_all(struct play *play, const struct segments *segments);
void play_free(struct play *play);

/* Makes a core: a new one, or from the beginning's image and the snapshots beside it. Those are
 * taken out of the chunk; where another core has taken them already (`like`, else NULL) they are
 * copied from it. `config` is taken. False with *error set. */
bool played_core_begin(struct played_core *core, const struct segment *segment,
                       struct capture_chunk *beginning, struct config *config,
                       const struct core *like, struct error *error);
void played_core_end(struct played_core *core);

#endif
