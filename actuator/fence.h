/* The fence of a node's runners: the note, and `disabled` at Gitea. What deregister_runner and
 * release_runner share. May not: decide whether to fence, delete a runner. */
#ifndef EBBTIDE_ACTUATOR_FENCE_H
#define EBBTIDE_ACTUATOR_FENCE_H

#include "actuator/work.h"

/* Whether there is a place for the note: the Kubernetes node, or the server. */
bool fence_has_place(const struct work *work);

/* Whether this Gitea has the fence (1.26) by its version; true while that is unknown. */
bool fence_exists(const struct work *work);

/* Writes the note for work->notes.runner, since now, at node and server, then goes on. */
void fence_write_note(struct work *work, work_step after);

/* Takes the note away from node and server, then goes on. */
void fence_remove_note(struct work *work, work_step after);

/* PATCHes disabled for all of work->notes.runner (gone is fine), then goes on. An answer as of a
 * Gitea that has no fence is a failure: its version should have said so. */
void fence_set(struct work *work, bool disabled, work_step after);

/* Lifts the fence of work->notes.runner and takes the note away, then goes on. */
void fence_lift(struct work *work, work_step after);

#endif
