/* The control socket: a person's command asks for the status. Accept only; the listener was made by
 * the supervisor. Who may ask is read from the socket (SO_PEERCRED, SO_PEERGROUPS, unix(7)).
 * May not: change anything, take any message but status_request. */
#ifndef EBBTIDE_RECONCILER_CONTROL_H
#define EBBTIDE_RECONCILER_CONTROL_H

#include "reconciler/shell.h"

#define CONTROL_CLIENTS_MAX 16

struct control;

/* Takes the listener. group: whose members may ask besides root and `owner`; "" none. Before
 * privileges are dropped, since it looks the group up. NULL with *error set. */
struct control *control_open(struct shell *shell, int listener, const char *group,
                             struct error *error);

/* NULL is fine. */
void control_close(struct control *control);

#endif
