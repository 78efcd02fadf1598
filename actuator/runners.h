/* The runners of a node as the fresh looks show them. May not: change anything at an API. */
#ifndef EBBTIDE_ACTUATOR_RUNNERS_H
#define EBBTIDE_ACTUATOR_RUNNERS_H

#include "actuator/work.h"

/* Puts into work->notes.runner every runner of the node that exists: those that are seen to be its
 * own, and those of the action whose pod is gone and was a runner pod for all that we saw. Of more
 * than fit, the first; then work->notes.more_runners is set. */
void runners_gather(struct work *work);

/* Whether a runner is one of those. */
bool runners_is_target(const struct work *work, const struct gitea_runner *runner);

/* Whether the action names it, and no pod of its name exists. That is a claim: such a runner may
 * keep a node, since it may be this node's, but only a target is fenced or deleted. */
bool runners_is_claimed(const struct work *work, const struct gitea_runner *runner);

/* Remembers which runner pods the fresh look showed, and where. */
void runners_learn(const struct work *work);

/* Ends the action with RUNNER_SEEN where a runner of the node is registered; true where it did. */
bool runners_seen(struct work *work);

#endif
