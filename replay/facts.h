/* What a step's pictures show of one node: the facts that it was decided from, as sentences.
 * May not: decide, print. */
#ifndef EBBTIDE_REPLAY_FACTS_H
#define EBBTIDE_REPLAY_FACTS_H

#include "replay/play.h"

#define FACTS_MAX        24
#define FACT_BYTES_MAX   400
#define RUNNER_NAMES_MAX (TEXT_BYTES_MAX + 1)

struct facts {
    char text[FACTS_MAX][FACT_BYTES_MAX];
    unsigned count, dropped; /* dropped: more than FACTS_MAX */
};

/* The status row of a node; NULL where there is none. */
const struct status_node *facts_node(const struct status *status, const char *name);

/* Server, Kubernetes node, pods, runners, jobs, the paid hour, the pool's work. `runners`: names of
 * its runners, comma separated, as far as they were ever known. */
void facts_gather(const struct play_step *step, const char *name, const char *runners,
                  struct facts *facts);

#endif
