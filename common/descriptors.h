/* Whether a descriptor that a process is given is what it is said to be. May not: read from it. */
#ifndef EBBTIDE_COMMON_DESCRIPTORS_H
#define EBBTIDE_COMMON_DESCRIPTORS_H

#include <stdbool.h>

#include "common/error.h"
#include "tables/messages.h"

enum descriptor_kind {
    DESCRIPTOR_NOTHING,    /* /dev/null */
    DESCRIPTOR_CHANNEL,    /* a connected local stream socket */
    DESCRIPTOR_READ,       /* a regular file, to be read and no more */
    DESCRIPTOR_WRITE,      /* a regular file that can be read and written */
    DESCRIPTOR_LISTENER,   /* a stream socket that listens on TCP */
    DESCRIPTOR_CONNECTION, /* a stream socket of the internet that does not listen */
    DESCRIPTOR_CONTROL,    /* a local stream socket that listens */
};

/* Looks with fstat(2), fcntl(2) and getsockopt(2). False with *error naming `name`, what was
 * expected and what it is. */
bool descriptor_is(int descriptor, enum descriptor_kind kind, const char *name,
                   struct error *error);

/* What a file that the supervisor hands over must be. */
enum descriptor_kind descriptor_kind_of(enum file_kind kind);

#endif
