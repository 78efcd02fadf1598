/* The runners of a node. May not: change anything at an API. */
#include "actuator/runners.h"

#include <inttypes.h>

static bool is_asked(const struct action *action, const struct gitea_runner *runner)
{
    for (uint32_t i = 0; i < action->runners_count; i++)
        if (action->runners[i].id == runner->id)
            return !facts_id_used_again(action, runner);
    return false;
}

static enum runner_owner owner_of(const struct work *work, const struct gitea_runner *runner)
{
    return facts_runner_owner(&work->facts, work->actuator->config, work->action, runner);
}

bool runners_is_target(const struct work *work, const struct gitea_runner *runner)
{
    enum runner_owner owner = owner_of(work, runner);
    return owner == RUNNER_OURS || (owner == RUNNER_LEFT && is_asked(work->action, runner));
}

bool runners_is_claimed(const struct work *work, const struct gitea_runner *runner)
{
    enum runner_owner owner = owner_of(work, runner);
    return (owner == RUNNER_LEFT || owner == RUNNER_UNKNOWN) && is_asked(work->action, runner);
}

void runners_learn(const struct work *work)
{
    pods_seen_note(work->actuator->pods_seen, &work->facts.runner_pods);
}

void runners_gather(struct work *work)
{
    const struct facts *facts = &work->facts;
    work->notes.runner_count = 0;
    work->notes.more_runners = false;
    for (uint32_t i = 0; i < facts->runners.count; i++) {
        const struct gitea_runner *runner = &facts->runners.item[i];
        if (!runners_is_target(work, runner))
            continue;
        if (work->notes.runner_count == RUNNERS_PER_NODE_MAX)
            work->notes.more_runners = true;
        else
            work->notes.runner[work->notes.runner_count++] = runner->id;
    }
}

/* One that is called as a machine that is gone is to be deregistered, too. */
static bool runs_here(const struct work *work, const struct gitea_runner *runner)
{
    enum runner_owner owner = owner_of(work, runner);
    return owner == RUNNER_OURS ||
           (owner == RUNNER_LEFT && work->actuator->config->gitea.runner_match == MATCH_NODE_NAME);
}

bool runners_seen(struct work *work)
{
    const struct facts *facts = &work->facts;
    runners_learn(work);
    for (uint32_t i = 0; i < facts->runners.count; i++) {
        const struct gitea_runner *runner = &facts->runners.item[i];
        if (!runs_here(work, runner))
            continue;
        work_finish(work, OUTCOME_RUNNER_SEEN, TROUBLE_NONE,
                    "runner %" PRIu64 " (%.100s) of this node is registered", runner->id,
                    runner->name);
        return true;
    }
    return false;
}
