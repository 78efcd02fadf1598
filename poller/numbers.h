/* The poller's own metrics, counted by common/metrics.h sent by worker.c.
 * May not: decide anything. */
#ifndef EBBTIDE_POLLER_NUMBERS_H
#define EBBTIDE_POLLER_NUMBERS_H

#include <stdint.h>

#include "common/api_trouble.h"
#include "tables/messages.h"

/* One request has ended. */
void numbers_request(enum source source, const struct http_answer *answer,
                     const struct api_trouble *trouble);

void numbers_whole_round(enum source source, int64_t duration_ms);
void numbers_failed_round(enum source source, enum trouble trouble);

/* A list is read again because its pages did not fit together. */
void numbers_reread(enum source source);

#endif
