/* A door of the monitor: libevent's evhttp on a listener that was handed over, bounded in
 * connections, sizes, time and requests a minute. Whoever comes by another's name or for another
 * site's page is turned away here; every answer bears the headers that keep other sites out.
 * May not: open a socket, know what is asked for. */
#ifndef EBBTIDE_MONITOR_DOOR_H
#define EBBTIDE_MONITOR_DOOR_H

#include <event2/event.h>

#include "common/config.h"

#define REQUEST_HEADER_BYTES_MAX 8192 /* its first line and all of its headers */

struct door;
struct visit;

struct door_rules {
    size_t body_bytes_max;  /* a longer body is answered with 413, by evhttp itself */
    const char *style_hash; /* of the one style that its pages have; NULL: they have none */
    bool any_host;          /* the Host header is not looked at: what comes proves itself */
    void (*handler)(struct visit *visit, void *argument); /* answers exactly once */
    void *argument;
};

/* Takes the listener (closed on error too). The limits are those of config->monitor. NULL with a
 * sentence. */
struct door *door_new(struct event_base *base, int listener, const struct config *config,
                      const struct door_rules *rules, struct error *error);

/* New limits: monitor.hosts, connections_max, requests_per_minute. */
void door_limit(struct door *door, const struct config *config);

/* Closes the listener and every connection. NULL is fine. */
void door_free(struct door *door);

/* ----------------------------------------------------------------------------- inside a handler */

/* "/metrics": as it was sent, without query. Never NULL. */
const char *visit_path(const struct visit *visit);

/* Whether it was sent with one of these (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD). */
bool visit_method_is(const struct visit *visit, unsigned methods);

/* NULL where there is none. Headers that anything is decided by come once at most. */
const char *visit_header(const struct visit *visit, const char *name);

/* The body as one piece, until the answer; NULL where there is no memory for that. */
const char *visit_body(const struct visit *visit, size_t *length);

/* A further header of the answer. */
void visit_add_header(struct visit *visit, const char *name, const char *value);

/* Answers with a text that was printed, and frees it; NULL: there was no memory for it. */
void visit_answer(struct visit *visit, int status, const char *type, char *text, size_t length);

/* Answers with a sentence. */
void visit_say(struct visit *visit, int status, const char *sentence);

/* Answers with a sentence and counts why. */
void visit_refuse(struct visit *visit, enum monitor_refusal why, int status, const char *sentence);

#endif
