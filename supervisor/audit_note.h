/* The audit log's head as the supervisor notes it, in a file of its own that the actuator cannot
 * write: who takes the actuator over cannot cut the log without it being found, nor make lines anew
 * that were noted. A record of the file's ring is written over once the ring has gone round, and
 * that takes an epoch at the least, however often the actuator tells: until then it is sealed.
 * May not: read the log, log the same trouble twice. */
#ifndef EBBTIDE_SUPERVISOR_AUDIT_NOTE_H
#define EBBTIDE_SUPERVISOR_AUDIT_NOTE_H

#include "audit/head.h"
#include "proto/message.h"
#include "supervisor/state_dir.h"

#define AUDIT_NOTE_MS_MIN 1000 /* between two writes, however often the actuator tells */

struct audit_note {
    int descriptor; /* -1 while closed */
    struct noted_head head;
    bool changed;       /* it is to be written */
    unsigned slot;      /* the record written last */
    bool begun;         /* ... by this process */
    int64_t turned_ms;  /* mono: when it was that record's turn */
    int64_t turn_ms;    /* the next record's turn comes no sooner */
    int64_t written_ms; /* mono */
    bool told;          /* a trouble was logged; once until it is over */
};

/* How long a record is the one to write at the least: the ring outlasts an epoch. */
int64_t audit_note_turn_ms(int64_t epoch_ms);

/* Opens the file and reads the last note. False with a sentence. */
bool audit_note_open(struct audit_note *note, struct state_dir *state, const struct config *config,
                     struct error *error);

/* What the actuator says. A number below the noted one is never noted, and logged. */
void audit_note_take(struct audit_note *note, const struct audit_head *head);

/* Writes it where it is to be written and the last write is long enough ago. epoch_ms: as
 * configured now. */
void audit_note_look(struct audit_note *note, int64_t epoch_ms, int64_t mono_ms);

/* Writes it now where it is to be written. */
void audit_note_write(struct audit_note *note);

/* Writes what is to be written, and closes. */
void audit_note_close(struct audit_note *note);

#endif
