/* What a core says here, against what was captured then, byte for byte. May not: print. */
#ifndef EBBTIDE_REPLAY_COMPARE_H
#define EBBTIDE_REPLAY_COMPARE_H

#include "replay/play.h"

/* False with the first field that differs, in words: its value then and its value now. A step whose
 * output is not in the capture is not compared. */
bool compare_step(const struct play_step *step, struct error *what);

#endif
