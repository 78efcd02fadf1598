/* What a step's pictures show of one node: the facts that it was decided from, as sentences.
 * May not: decide, print. */
#ifndef EBBTIDE_REPLAY_FACTS_H
#define EBBTIDE_REPLAY_FACTS_H

#include "replay/play.h"

#define FACTS_MAX        48
#define FACT_BYTES_MAX   400
#define FACT_MORE_MAX    64
#define RUNNER_NAMES_MAX (TEXT_BYTES_MAX + 1)

struct fact {
    char text[FACT_BYTES_MAX];
    char more[FACT_MORE_MAX]; /* what changes though nothing does: "5m00s left"; may be "" */
};

struct facts {
    struct fact fact[FACTS_MAX];
    unsigned count, dropped; /* dropped: more than FACTS_MAX */
};

/* Whether a fact stands in them already, whatever its `more` is. */
bool facts_hold(const struct facts *facts, const struct fact *fact);

/* The status row of a node; NULL where there is none. */
const struct status_node *facts_node(const struct status *status, const char *name);

/* Server, Kubernetes node, pods, runners, jobs, the paid hour, the pool's work. `runners`: names of
 * its runners, comma separated, as far as they were ever known. */
void facts_gather(const struct play_step *step, const char *name, const char *runners,
                  struct facts *facts);

#endif
