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

/* The runners that are disabled and that our note covers: it never names more than fit. */
static void gather_ours(struct work *work, const struct fence_note *note)
{
    work->notes.runner_count = 0;
    for (uint32_t i = 0; i < work->facts.runners.count; i++) {
        const struct gitea_runner *runner = &work->facts.runners.item[i];
        if (runners_is_target(work, runner) && runner->disabled &&
            fence_note_covers(note, runner->id) && work->notes.runner_count < RUNNERS_PER_NODE_MAX)
            work->notes.runner[work->notes.runner_count++] = runner->id;
    }
}

static void looked(struct work *work)
{
    const struct config *config = work->actuator->config;
    struct fence_note note;
    runners_learn(work);
    struct verdict verdict = judge_node(config, work->action, &work->facts);
    if (verdict.rail == RAIL_NONE)
        verdict = judge_runners(config, work->action, &work->facts);
    if (work_refused(work, &verdict))
        return;
    if (!facts_note(&work->facts, &note)) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "there is no fence of ours");
        return;
    }
    gather_ours(work, &note);
    if (work_intend(work))
        fence_lift(work, released);
}

void do_release_runner(struct work *work)
{
    work_look(work, LOOK_SERVER | LOOK_NODE | LOOK_RUNNER_PODS | LOOK_RUNNERS, looked);
}
