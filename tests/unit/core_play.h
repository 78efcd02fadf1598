/* A world in which things happen by themselves, from a seed: jobs come, run and end, actions are
 * answered in any way. For tests that need many different steps. May not: know what is right. */
#ifndef EBBTIDE_TESTS_UNIT_CORE_PLAY_H
#define EBBTIDE_TESTS_UNIT_CORE_PLAY_H

#include "core_fixture.h"

struct core_play {
    uint64_t seed;
};

/* A world of short paid hours, so that a few rounds see whole lives. */
struct world *core_play_world(void);

/* One round: some jobs, a poll of each source, an answer to each open action. */
void core_play_round(struct world *world, struct core_play *play);

/* A snapshot's event with storage of its own (a message; event->owner); other events as they are.
 * Ends the test where memory is out. */
struct core_event core_play_copy(const struct core_event *event);

/* Frees what core_end of a core that was fed copies hands out. */
void core_play_end(struct core *core);

#endif
