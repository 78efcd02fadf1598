/* The listeners that the supervisor makes and hands over: the monitor's (for pages, and for
 * webhooks where they are wanted), and the control socket's. May not: accept, read. */
#ifndef EBBTIDE_SUPERVISOR_LISTENERS_H
#define EBBTIDE_SUPERVISOR_LISTENERS_H

#include "common/config.h"

#define LISTENER_NAME_BYTES_MAX 160

/* The monitor's; the value is the `index` of its FILE_LISTENER. */
enum monitor_listener { LISTENER_PAGES, LISTENER_WEBHOOKS, MONITOR_LISTENERS };

struct made_listener {
    int descriptor;                     /* -1 while there is none */
    char name[LISTENER_NAME_BYTES_MAX]; /* on what it listens */
};

/* Whether this configuration asks for it. */
bool listener_wanted(const struct config *config, enum monitor_listener which);

/* Whether both ask for it on the same address and port. */
bool listener_same(const struct config *one, const struct config *other,
                   enum monitor_listener which);

/* Listens on monitor.listen_address and listen_port, or on monitor.webhook_*; port 0 takes a free
 * one. False with a sentence that names the key and what to do. `before` is the configuration in
 * force, whose listeners are open; NULL at the start. */
bool listener_open_monitor(const struct config *config, const struct config *before,
                           enum monitor_listener which, struct made_listener *out,
                           struct error *error);

/* Whether only this machine can reach it there. */
bool listener_is_loopback(const struct config *config, enum monitor_listener which);

/* Logs on what it listens; a warning where that is no address of loopback. */
void listener_say(const struct config *config, enum monitor_listener which,
                  const struct made_listener *made);

/* Listens on files.control_socket (its folder is made when only that is missing; an old socket that
 * nobody answers is replaced), for this user and, where configured, files.control_group. -1 with a
 * sentence. */
int listener_open_control(const struct config *config, struct error *error);

#endif
