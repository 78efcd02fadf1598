/* What systemd is told (sd_notify's protocol, sd_notify(3)): a datagram of NAME=VALUE lines to the
 * socket that NOTIFY_SOCKET names. Nothing happens where there is none.
 * May not: block, fail loudly. */
#ifndef EBBTIDE_SUPERVISOR_NOTIFY_H
#define EBBTIDE_SUPERVISOR_NOTIFY_H

#include <stdint.h>

struct notify {
    int socket;          /* -1 where nobody listens */
    int64_t watchdog_ms; /* how often WATCHDOG=1 is due (half of WATCHDOG_USEC); 0 never */
    char status[256];    /* the STATUS sent last */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment. */
void notify_open(struct notify *notify);

void notify_close(struct notify *notify);

/* READY=1. */
void notify_ready(struct notify *notify);

/* RELOADING=1 with MONOTONIC_USEC; READY follows when it is over. */
void notify_reloading(struct notify *notify);

/* STOPPING=1. */
void notify_stopping(struct notify *notify);

/* WATCHDOG=1. */
void notify_watchdog(struct notify *notify);

/* STATUS=text, when it differs from the last; newlines become blanks. */
void notify_status(struct notify *notify, const char *text);

#endif
