/* The monitor's HTTP server: libevent's evhttp on a listener that was handed over, bounded in
 * connections, sizes and time. Only GET and HEAD. May not: open a socket, change anything. */
#ifndef EBBTIDE_MONITOR_SERVE_H
#define EBBTIDE_MONITOR_SERVE_H

#include <event2/event.h>

#include "common/config.h"
#include "monitor/picture.h"

#define REQUEST_HEADER_BYTES_MAX 8192
#define REQUEST_BODY_BYTES_MAX   1024

struct serve;

/* Takes the listener (closed on error too) and answers from `picture`, which must outlive it and
 * gets the monitor's own counters. */
struct serve *serve_new(struct event_base *base, int listener, const struct config *config,
                        struct picture *picture, struct error *error);

/* New limits: monitor.connections_max. */
void serve_limit(struct serve *serve, const struct config *config);

/* Closes the listener and every connection. NULL is fine. */
void serve_free(struct serve *serve);

#endif
