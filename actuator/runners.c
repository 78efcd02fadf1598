/* The runners of a node. May not: change anything at an API. */
#include "actuator/runners.h"

#include <inttypes.h>

static bool is_asked(const struct action *action, uint64_t id)
{
    for (uint32_t i = 0; i < action->runners_count; i++)
        if (action->runners[i].id == id)
            return true;
    return false;
}

static enum runner_owner owner_of(const struct work *work, const struct gitea_runner *runner)
{
    return facts_runner_owner(&work->facts, work->actuator->config, work->action->node.name,
                              runner);
}

bool runners_is_target(const struct work *work, const struct gitea_runner *runner)
{
    enum runner_owner owner = owner_of(work, runner);
    return owner == RUNNER_OURS || (owner == RUNNER_LEFT && is_asked(work->action, runner->id));
}

bool runners_is_claimed(const struct work *work, const struct gitea_runner *runner)
{
    enum runner_owner owner = owner_of(work, runner);
    return (owner == RUNNER_LEFT || owner == RUNNER_UNKNOWN) && is_asked(work->action, runner->id);
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

bool runners_seen(struct work *work)
{
    const struct facts *facts = &work->facts;
    runners_learn(work);
    for (uint32_t i = 0; i < facts->runners.count; i++) {
        const struct gitea_runner *runner = &facts->runners.item[i];
        if (owner_of(work, runner) != RUNNER_OURS)
            continue;
        work_finish(work, OUTCOME_RUNNER_SEEN, TROUBLE_NONE,
                    "runner %" PRIu64 " (%.100s) of this node is registered", runner->id,
                    runner->name);
        return true;
    }
    return false;
}
