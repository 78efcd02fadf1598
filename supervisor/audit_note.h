/* The audit log's head as the supervisor notes it, in a file of its own that the actuator cannot
 * write: who takes the actuator over cannot cut the log without it being found.
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
    unsigned slot;      /* the record to write next */
    int64_t written_ms; /* mono */
    bool told;          /* a trouble was logged; once until it is over */
};

/* Opens the file and reads the last note. False with a sentence. */
bool audit_note_open(struct audit_note *note, struct state_dir *state, const struct config *config,
                     struct error *error);

/* What the actuator says. A number below the noted one is never noted, and logged. */
void audit_note_take(struct audit_note *note, const struct audit_head *head);

/* Writes it where it is to be written and the last write is long enough ago. */
void audit_note_look(struct audit_note *note, int64_t mono_ms);

/* Writes it now where it is to be written. */
void audit_note_write(struct audit_note *note);

/* Writes what is to be written, and closes. */
void audit_note_close(struct audit_note *note);

#endif
