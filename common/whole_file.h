/* Reads a descriptor that was handed over, from its beginning to its end, into memory. For what is
 * no secret (roots, resolv.conf, hosts); secrets: common/secret.h. May not: open, log. */
#ifndef EBBTIDE_COMMON_WHOLE_FILE_H
#define EBBTIDE_COMMON_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* Sets *text (malloc'd, NUL-terminated, the caller's) and *length. False with a sentence where it
 * cannot be read or is longer than most. length may be NULL. */
bool whole_file_read(int descriptor, const char *name, size_t most, char **text, size_t *length,
                     struct error *error);

#endif
