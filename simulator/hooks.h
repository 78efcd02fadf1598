/* Hooks: a command that runs when a server has booted or is deleted, so that a test can play the
 * machine with real programs. The command is the shell's, with NAME, ID and USER_DATA in its
 * environment. May not: wait for it. */
#ifndef EBBTIDE_SIMULATOR_HOOKS_H
#define EBBTIDE_SIMULATOR_HOOKS_H

#include "common/error.h"

struct world;

struct hooks {
    const char *boot, *removal; /* commands, NULL: none; borrowed */
};

/* Observes the world from now on; hooks is borrowed and must outlive it. */
bool hooks_init(struct hooks *hooks, struct world *world, struct error *error);

#endif
