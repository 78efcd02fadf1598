/* What came of the last SIGHUP, for `ebbtide reload`: kept in the lock file of files.state_dir,
 * which exists anyway and which only the daemon writes. May not: decide what is taken. */
#ifndef EBBTIDE_SUPERVISOR_VERDICT_H
#define EBBTIDE_SUPERVISOR_VERDICT_H

#include "supervisor/state_dir.h"

#define VERDICT_BYTES 1024 /* of the record: its end is filled up */

struct verdict {
    uint64_t number; /* rises with each; 0 there is none */
    bool taken;
    char text[VERDICT_BYTES]; /* a sentence */
};

/* Writes the next one; a text that does not fit is cut. False with a sentence. */
bool verdict_write(const struct state_dir *state, bool taken, const char *text,
                   struct error *error);

/* Reads the last one; what is no record counts as none. False with a sentence where the file cannot
 * be read. */
bool verdict_read(const struct config *config, struct verdict *out, struct error *error);

#endif
