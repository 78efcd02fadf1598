/* The audit log's descriptors as they arrive from the supervisor, and its clock: segments, the
 * slots of the key, the noted head; the end of each epoch; the head with each heartbeat. May not:
 * know what a line says. */
#ifndef EBBTIDE_ACTUATOR_LOG_KEEPER_H
#define EBBTIDE_ACTUATOR_LOG_KEEPER_H

#include "actuator/actuator.h"
#include "audit/seal_store.h"
#include "proto/worker.h"

#define SEGMENTS_AT_START 2
#define WANT_AGAIN_MS     10000

struct log_keeper {
    struct worker *worker;
    struct actuator *actuator;
    bool started;
    /* segments that arrived before the start, oldest first */
    struct {
        int descriptor;
        char name[SETTING_BYTES_MAX + 1];
    } segment[SEGMENTS_AT_START];
    unsigned segment_count;
    uint64_t segment_index;   /* of the newest */
    int64_t wanted_mono_ms;   /* when the next was asked for; 0: it was not */
    int key_slot[SEAL_SLOTS]; /* -1: none */
    struct event *epoch_timer;
    uint64_t told_seq;                     /* the head that the supervisor was told last */
    char told_trouble[TEXT_BYTES_MAX + 1]; /* what the reconciler was told last */
};

void keeper_init(struct log_keeper *keeper, struct actuator *actuator);

/* A descriptor of FILE_AUDIT, FILE_AUDIT_BEFORE, FILE_AUDIT_KEY or FILE_AUDIT_HEAD; takes it. False
 * with a sentence. */
bool keeper_take(struct log_keeper *keeper, const struct file *file, int descriptor,
                 struct error *error);

/* Before privileges are dropped: libcrypto reads its own configuration now or never. */
void keeper_prepare(void);

/* Reads the log, which an earlier actuator wrote; after they are dropped. */
bool keeper_read(struct log_keeper *keeper, struct worker *worker, struct error *error);

/* The loop turns: what the start found is written down, the last run's epoch ends. */
void keeper_begin(struct log_keeper *keeper);

/* Asks for the next segment where it is time to. */
void keeper_want(struct log_keeper *keeper);

/* With each heartbeat: tells the supervisor the head, and the reconciler what is wrong with the
 * log, where they have not been told. */
void keeper_tell(struct log_keeper *keeper);

/* The reconciler has just been told audit_trouble with actuator_state. */
void keeper_told_trouble(struct log_keeper *keeper);

/* The orderly end: the last epoch ends with it. */
void keeper_end(struct log_keeper *keeper);

void keeper_clear(struct log_keeper *keeper);

#endif
