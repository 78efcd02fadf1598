/* The two listeners that the supervisor makes and hands over: the monitor's, and the control
 * socket's. May not: accept, read. */
#ifndef EBBTIDE_SUPERVISOR_LISTENERS_H
#define EBBTIDE_SUPERVISOR_LISTENERS_H

#include "common/config.h"

#define LISTENER_NAME_BYTES_MAX 160

/* Listens on monitor.listen_address and listen_port; `name` says on what in the end (port 0 takes a
 * free one). -1 with a sentence that names the key and what to do. */
int listener_open_monitor(const struct config *config, char name[LISTENER_NAME_BYTES_MAX],
                          struct error *error);

/* Listens on files.control_socket (its folder is made when only that is missing; an old socket that
 * nobody answers is replaced), for this user and, where configured, files.control_group. -1 with a
 * sentence. */
int listener_open_control(const struct config *config, struct error *error);

#endif
