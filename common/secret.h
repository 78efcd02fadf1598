/* A secret in memory that is locked (never swapped), left out of core dumps and forked children,
 * and wiped when freed. May not: log, open files, copy a secret into any other memory. */
#ifndef EBBTIDE_COMMON_SECRET_H
#define EBBTIDE_COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define SECRET_BYTES_MAX ((size_t)256 * 1024)

struct secret;

/* A secret of these bytes (NUL-terminated beyond its length). NULL with *error set when it is
 * longer than SECRET_BYTES_MAX or memory is out. The caller wipes its own copy. */
struct secret *secret_new(const void *bytes, size_t length, struct error *error);

/* Zeroed room of `length` bytes to be filled through secret_bytes. */
struct secret *secret_room(size_t length, struct error *error);

/* Reads a descriptor from its beginning to its end (the offset is not moved where it is a file).
 * name is for texts. Empty, longer than SECRET_BYTES_MAX, or unreadable: NULL with a sentence. */
struct secret *secret_read(int descriptor, const char *name, struct error *error);

/* Cuts white space (blank, tab, CR, LF) at both ends, in place. */
void secret_trim(struct secret *secret);

const char *secret_text(const struct secret *secret); /* NUL-terminated; may hold NULs itself */
char *secret_bytes(struct secret *secret);
size_t secret_length(const struct secret *secret);

/* Whether the kernel let us lock it (RLIMIT_MEMLOCK), and what it was read into before. */
bool secret_locked(const struct secret *secret);

/* Says once in the process's log where a secret is not locked. `name` is for the text. */
void secret_warn_unlocked(const struct secret *secret, const char *name);

/* Wipes and frees. NULL is fine. */
void secret_free(struct secret *secret);

#endif
