/* Whose rights each worker gets. May not: change anybody's rights (the worker does, in role_enter).
 */
#ifndef EBBTIDE_SUPERVISOR_USERS_H
#define EBBTIDE_SUPERVISOR_USERS_H

#include <sys/types.h>

#include "supervisor/topology.h"

/* uid 0: the worker stays who the supervisor is. */
struct worker_user {
    uint32_t uid, gid;
};

/* Whether workers can be given users of their own: root, or SETUID and SETGID as ambient
 * capabilities. */
bool users_can_switch(void);

/* The user of each worker, by its place in the topology: the configured one, else the package's,
 * else a number that nobody has, another for each. *made tells how many of those. All zero where
 * users_can_switch is false. False with a sentence where a configured user is unknown or is root.
 */
bool users_find(const struct config *config, struct worker_user out[TOPOLOGY_WORKERS],
                unsigned *made, struct error *error);

/* SIGKILL to a worker that has this user by now, or not yet. False with errno where it cannot be
 * sent (kill(2)). */
bool users_kill(const struct worker_user *user, pid_t pid);

#endif
