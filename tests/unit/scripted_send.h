/* A scripted actuator/http_send.h at link time: rules answer requests from the loop, and every
 * request is written down. May not: touch the network. */
#ifndef EBBTIDE_TESTS_UNIT_SCRIPTED_SEND_H
#define EBBTIDE_TESTS_UNIT_SCRIPTED_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator/http_send.h"

struct event_base;

#define SCRIPT_ALWAYS   1000000u
#define SCRIPT_TIMEOUT  1u /* as a status: no answer came, and the request may have arrived */
#define SCRIPT_BROKEN   2u /* as a status: the connection broke after the request was sent */
#define SCRIPT_LOG_MAX  200
#define SCRIPT_TEXT_MAX 2048

void script_reset(struct event_base *base);

/* A request whose "METHOD PATH" begins with `what` (of several, the longest; of equal ones, the
 * oldest with uses left) gets this answer, `times` times. What no rule answers gets Kubernetes' and
 * Hetzner's 404. */
void script(const char *what, unsigned status, const char *body, unsigned times);

/* The same with a Retry-After. */
void script_retry(const char *what, unsigned status, const char *body, int64_t retry_after_ms);

/* How many requests began with this; the first one's place in the log (or SCRIPT_LOG_MAX); and the
 * body of the newest. */
unsigned script_count(const char *what);
unsigned script_place(const char *what);
const char *script_body(const char *what);

#endif
