/* The reconciler's capture: each event before the core is told, and what it said, appended to
 * segments whose descriptors the supervisor gives.
 *
 * Trouble with it never stops the reconciler: it pauses, says so once, and goes on in a new segment
 * that begins with the core's memory. A segment is asked for before the last is full; the switch
 * comes between two steps.
 * May not: open a file, step the core, fail. */
#ifndef EBBTIDE_RECONCILER_CAPTURE_H
#define EBBTIDE_RECONCILER_CAPTURE_H

#include "common/config.h"
#include "reconciler/capture/chunks.h"

#define CAPTURE_RETRY_FIRST_MS 5000 /* after trouble; it doubles */
#define CAPTURE_RETRY_MOST_MS  300000
#define CAPTURE_NAME_BYTES_MAX SETTING_BYTES_MAX

struct capture_segment {
    int descriptor; /* -1: none */
    uint64_t number;
    char name[CAPTURE_NAME_BYTES_MAX + 1]; /* for texts */
};

struct capture {
    bool enabled;
    uint64_t segment_bytes;
    uint64_t epoch;
    uint64_t events; /* of this process, captured or not */
    uint64_t missed; /* of them, since the last one that was written */
    struct capture_segment now, next;
    struct capture_writer *writer; /* of `now`; NULL: none */
    bool event_written;            /* the output belongs behind it */
    bool paused;                   /* it was said */
    int64_t pause_ms;              /* the next pause */
    int64_t not_before_mono_ms;    /* neither tried nor asked */
};

void capture_init(struct capture *capture);

/* What the configuration says, now and after each reload. Switched off it closes its files. */
void capture_configure(struct capture *capture, const struct config *config, uint64_t epoch);

/* A segment came: empty, append only. Takes the descriptor; false with *error set where it is off.
 */
bool capture_take(struct capture *capture, uint64_t number, const char *name, int descriptor,
                  struct error *error);

/* Before and after core_step. `core` as it is before the step, for the image of a new segment. */
void capture_event(struct capture *capture, const struct core *core,
                   const struct core_event *event);
void capture_output(struct capture *capture, const struct core_output *output, int64_t mono_ms);

/* A message that is no event for the core. */
void capture_heard(struct capture *capture, int64_t mono_ms, int64_t wall_ms,
                   const struct message *message);

/* True where a next segment is to be asked for, once for each. */
bool capture_wants(struct capture *capture, int64_t mono_ms);

void capture_close(struct capture *capture);

#endif
