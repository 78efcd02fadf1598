/* All attempts, declared from their table. May not: be linked by anything that is installed. */
#ifndef EBBTIDE_BREAKIN_ATTEMPTS_H
#define EBBTIDE_BREAKIN_ATTEMPTS_H

#include "tests/breakin/board.h"

#define ATTEMPT(name, function, roles, with, refusals, log, doc)                                   \
    int function(const struct attack *attack);
#define FRAME(name, function, log, doc) int function(const struct attack *attack);
#include "tests/breakin/attempts.def"
#undef ATTEMPT
#undef FRAME

/* The channel to the peer that is worth most: the actuator from the reconciler, it from all others.
 */
struct channel *best_peer(const struct attack *attack);

/* Sends a whole frame, whoever may send it: BOARD_SENT, or BOARD_NONE where there is no channel. */
int forge(const struct channel *channel, enum message_id id, const void *body);

#endif
