/* How long what stands at a node has been going on: by the clock since boot, from when this process
 * first saw it. The wall times in our notes and taints tell one beginning from another, and are for
 * people; a wall clock that jumps must neither end a wait nor make it endless. After a restart a
 * wait begins anew, which costs no more than itself once.
 * May not: do I/O, allocate. */
#ifndef EBBTIDE_ACTUATOR_SINCE_H
#define EBBTIDE_ACTUATOR_SINCE_H

#include <stdint.h>

#include "tables/limits.h"

enum since_kind { SINCE_FENCE, SINCE_DRAIN };

struct since {
    char node[NAME_BYTES_MAX + 1];
    enum since_kind kind;
    int64_t begun_wall_ms; /* as it is written at the node */
    int64_t seen_mono_ms;  /* 0: an empty row */
};

#define SINCES_MAX (2 * NODES_MAX)

struct sinces {
    struct since row[SINCES_MAX];
    uint32_t count, next; /* next: whose row is taken when all are full */
};

/* Milliseconds since this beginning was first seen, 0 when it is seen for the first time now. */
int64_t since_seen_ms(struct sinces *sinces, const char *node, enum since_kind kind,
                      int64_t begun_wall_ms, int64_t mono_ms);

/* Begins now, whatever was seen before: we have just written it. */
void since_begin(struct sinces *sinces, const char *node, enum since_kind kind,
                 int64_t begun_wall_ms, int64_t mono_ms);

#endif
