/* release_runner: lifts a fence of ours. What a person disabled stays so.
 * May not: enable a runner that our note does not cover. */
#include "actuator/actions.h"

#include <inttypes.h>

#include "actuator/fence.h"
#include "actuator/runners.h"

static void released(struct work *work)
{
    work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "the fence of %" PRIu32 " runners was lifted",
                work->notes.runner_count);
}

/* Keeps of the runners only those that are disabled and that our note covers. */
static void keep_ours(struct work *work, const struct fence_note *note)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < work->notes.runner_count; i++) {
        uint64_t id = work->notes.runner[i];
        const struct gitea_runner *runner = facts_runner(&work->facts, id);
        if (runner != NULL && runner->disabled && fence_note_covers(note, id))
            work->notes.runner[kept++] = id;
    }
    work->notes.runner_count = kept;
}

static void looked(struct work *work)
{
    const struct config *config = work->actuator->config;
    struct fence_note note;
    struct verdict verdict = judge_node(config, work->action, &work->facts);
    if (verdict.rail == RAIL_NONE)
        verdict = judge_runners(config, work->action, &work->facts);
    if (work_refused(work, &verdict))
        return;
    if (!facts_note(&work->facts, &note)) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "there is no fence of ours");
        return;
    }
    if (!runners_gather(work)) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_INCONSISTENT, "more than %d runners of one node",
                    RUNNERS_PER_NODE_MAX);
        return;
    }
    keep_ours(work, &note);
    if (work_intend(work))
        fence_lift(work, released);
}

void do_release_runner(struct work *work)
{
    work_look(work, LOOK_SERVER | LOOK_NODE | LOOK_RUNNER_PODS | LOOK_RUNNERS, looked);
}
