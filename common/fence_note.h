/* The note of a fence: who fenced which runners, and since when, as it stands at the Kubernetes
 * node (annotation NODE_ANNOTATION_FENCE), or, while there is no node, as the server's label
 * SERVER_LABEL_FENCE. The actuator writes it before it disables a runner and takes it away after it
 * enabled them again, so that a fence of ours that outlived an actuator is known by it, and one
 * that a person set is known by its absence.
 *
 * Text: `v1.<wall seconds>.<id>.<id>...`, only characters that a label value may hold. A note that
 * was cut (more runners than fit a label's 63 characters) ends in `.x` and stands for every runner
 * of its node. May not: call anything but memcpy, memmove, memset, memcmp (the pure core links it).
 */
#ifndef EBBTIDE_COMMON_FENCE_NOTE_H
#define EBBTIDE_COMMON_FENCE_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tables/limits.h"

struct fence_note {
    int64_t since_wall_ms; /* whole seconds */
    bool all;              /* every runner of the node */
    uint32_t id_count;
    uint64_t id[RUNNERS_PER_NODE_MAX];
};

/* False where the text is no note of ours (empty, another version, malformed, too many ids). */
bool fence_note_parse(const char *text, struct fence_note *out);

/* Writes it with its NUL; ids that do not fit `size` are replaced by `.x`. size is at least 32. */
void fence_note_format(const struct fence_note *note, char *out, size_t size);

/* Whether the note says that this runner was fenced by us. */
bool fence_note_covers(const struct fence_note *note, uint64_t runner_id);

#endif
