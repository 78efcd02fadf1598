/* What the monitor shows: the page, /metrics, /healthz and /readyz, at a door of their own. Only
 * GET and HEAD. May not: open a socket, change anything. */
#ifndef EBBTIDE_MONITOR_SERVE_H
#define EBBTIDE_MONITOR_SERVE_H

#include "monitor/door.h"
#include "monitor/picture.h"

#define REQUEST_BODY_BYTES_MAX 1024 /* nothing is read from it */

struct serve;

/* Takes the listener (closed on error too) and answers from `picture`, which must outlive it and
 * gets the monitor's own counters. */
struct serve *serve_new(struct event_base *base, int listener, const struct config *config,
                        struct picture *picture, struct error *error);

/* New limits. */
void serve_limit(struct serve *serve, const struct config *config);

/* Closes the listener and every connection. NULL is fine. */
void serve_free(struct serve *serve);

#endif
