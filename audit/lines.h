/* The lines of a file, one after the other, within bounds whatever it holds.
 * May not: open, write, know what a line is. */
#ifndef EBBTIDE_AUDIT_LINES_H
#define EBBTIDE_AUDIT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define LINES_BYTES_MAX                                                                            \
    65536 /* of a longer line its first bytes are given, and the rest skipped                      \
           */

struct lines_end {
    uint64_t whole; /* bytes up to and with the last newline */
    uint64_t torn;  /* bytes behind it */
};

/* Reads a descriptor from its beginning (its offset is not moved) and calls take for each line that
 * ends in a newline, without it. bytes is the line's true length; length at most LINES_BYTES_MAX.
 * False with a sentence where it cannot be read; name is for that. */
bool lines_each(int descriptor, const char *name,
                void (*take)(const char *line, size_t length, uint64_t bytes, void *argument),
                void *argument, struct lines_end *end, struct error *error);

#endif
