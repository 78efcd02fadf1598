/* What a worker gives up before it reads anything from outside, in one place.
 *
 * role_begin, first in main: closes every descriptor that was not given, forbids core dumps and
 * tracing, ends with its parent. role_enter, when all has arrived: group, user, no_new_privs. After
 * it nothing is opened; descriptors only arrive.
 * May not: know what any worker is for, log. */
#ifndef EBBTIDE_COMMON_ROLE_H
#define EBBTIDE_COMMON_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Closes all descriptors above `last`, sets umask 077, RLIMIT_CORE 0 and PR_SET_DUMPABLE 0
 * (prctl(2)), and asks the kernel for SIGKILL when the parent dies. False with *error set where one
 * of these fails: then the worker must not go on. */
bool role_begin(int last, struct error *error);

/* Drops to gid and uid (0: stays who it is), with no supplementary groups where it is root, and
 * sets no_new_privs. Checks that the old user cannot be had back. `text` says in a sentence what is
 * in force and what is missing and why, for the log. False with *error set where it was asked for
 * more than it could do. */
bool role_enter(uint32_t uid, uint32_t gid, char *text, size_t size, struct error *error);

#endif
