/* The capture's segments in files.state_dir: the next one is made, the oldest go, so that all
 * together stay within capture.keep. May not: log, read what workers wrote. */
#ifndef EBBTIDE_SUPERVISOR_CAPTURE_DIR_H
#define EBBTIDE_SUPERVISOR_CAPTURE_DIR_H

#include "supervisor/state_dir.h"

#define CAPTURE_FILE_PREFIX  "capture." /* then the number, at least six digits */
#define CAPTURE_SEGMENTS_MAX 1000       /* whatever they hold */

/* Makes the next segment (0600, empty, append only) after the oldest were taken away; -1 with a
 * sentence. `name` is its path, for texts. The caller closes it. */
int capture_dir_next(struct state_dir *state, const struct config *config, uint32_t *number,
                     char *name, size_t size, struct error *error);

#endif
