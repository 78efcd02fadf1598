/* The poller's own metrics, counted by common/metrics.h and sent to the monitor now and then.
 * May not: decide anything. */
#ifndef EBBTIDE_POLLER_NUMBERS_H
#define EBBTIDE_POLLER_NUMBERS_H

#include <stdint.h>

#include "common/api_trouble.h"
#include "proto/messages.h"

struct worker;

#define NUMBERS_PERIOD_MS 2000

/* Begins to send them every NUMBERS_PERIOD_MS, as the numbers of `role`. */
void numbers_start(struct worker *worker, enum role role);
void numbers_stop(void);

/* One request has ended. */
void numbers_request(enum source source, const struct http_answer *answer,
                     const struct api_trouble *trouble);

void numbers_whole_round(enum source source, int64_t duration_ms);
void numbers_failed_round(enum source source, enum trouble trouble);

/* A list is read again because its pages did not fit together. */
void numbers_reread(enum source source);

#endif
