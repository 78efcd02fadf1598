/* What a process gives up before it reads anything from outside, in one place.
 *
 * role_begin, first in a worker's main: the descriptors that were not given are closed and those
 * that were are looked at, core dumps and tracing are forbidden, it ends with its parent.
 * role_enter, when all has arrived: the parts of common/sandbox_parts.def, one after the other, by
 * the table common/sandbox.def (docs/sandbox.md is made from it). After it nothing is opened;
 * descriptors only arrive.
 * May not: know what any worker is for, log. */
#ifndef EBBTIDE_COMMON_ROLE_H
#define EBBTIDE_COMMON_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sandbox_parts.h"
#include "tables/messages.h"

#define ROLE_PORTS_MAX     8
#define ROLE_WHY_BYTES_MAX 96

/* What is asked of role_enter. */
struct role_wish {
    enum role role;                /* which rows of the table: a worker, or ROLE_SUPERVISOR */
    uint32_t uid, gid;             /* 0: stays who it is */
    uint32_t required;             /* PART_BITs whose absence is an error */
    uint32_t without;              /* PART_BITs that are left out */
    uint32_t port_count;           /* at most ROLE_PORTS_MAX */
    uint16_t port[ROLE_PORTS_MAX]; /* of TCP, that it will connect to */
};

/* What came of it. */
struct role_report {
    uint32_t uid, gid; /* whose rights it has now */
    uint32_t in_force; /* PART_BITs */
    uint32_t missing;  /* PART_BITs that this process should have, and has not */
    uint32_t left_out; /* of these, what the wish left out */
    char why[sandbox_part_count][ROLE_WHY_BYTES_MAX]; /* of what is missing; else "" */
};

/* Closes all descriptors above `last`, which must be a connected local stream socket; 0 and 1 must
 * be /dev/null, 2 is the log. Sets umask 077, RLIMIT_CORE 0 and PR_SET_DUMPABLE 0 (prctl(2)), and
 * asks the kernel for SIGKILL when the parent dies. False with *error set where one of these fails:
 * then the worker must not go on. */
bool role_begin(int last, struct error *error);

/* The parts that a process of this role has. */
uint32_t role_parts(enum role role);

/* Takes every part that the role has and the wish does not leave out. False with *error set where
 * one that is required is missing, where it was asked to become a user and could not, or where
 * no_new_privs or no-dump fail; then the process must not go on. */
bool role_enter(const struct role_wish *wish, struct role_report *report, struct error *error);

/* Whether a process of this report could also live where `required` is asked for: for a reload,
 * before anything is changed. What was left out then and would not be left out now (`without`)
 * counts as there: the next start tells. False with *error naming the first that is missing. */
bool role_suffices(const struct role_report *report, uint32_t required, uint32_t without,
                   struct error *error);

/* Says in a sentence what is in force and what is missing and why, for the log. */
void role_describe(const struct role_wish *wish, const struct role_report *report, char *out,
                   size_t size);

#endif
