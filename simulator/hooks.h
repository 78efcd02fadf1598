/* The boot and delete hooks: a shell command, run when a machine starts or its power is cut, with
 * NAME, ID and USER_DATA in its environment. It lets what runs on a machine be real.
 *
 * A boot command may stay for as long as its machine lives; those that are left when the simulator
 * ends are told to (SIGTERM to their process group). May not: block the loop, change the world. */
#ifndef EBBTIDE_SIMULATOR_HOOKS_H
#define EBBTIDE_SIMULATOR_HOOKS_H

#include "common/error.h"
#include "simulator/world/world.h"

struct event_base;
struct hooks;

/* Commands may be NULL. Observes the world from now on; it must outlive the hooks. */
bool hooks_init(struct hooks **out, struct event_base *base, struct world *world,
                const char *boot_command, const char *delete_command, struct error *error);
void hooks_free(struct hooks *hooks);

#endif
