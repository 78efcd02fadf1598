/* deregister_runner: fences all runners of a node, looks twice afresh once the fence has settled,
 * and deletes them; one that has a job is released with all the others. Nothing is remembered
 * between two calls but the note at the node, so any of them may be the first after a crash.
 * May not: delete a runner that has a job or that a person fenced, nor one that only the request
 * says is the node's. */
#include "actuator/actions.h"

#include <inttypes.h>

#include "actuator/fence.h"
#include "actuator/look.h"
#include "actuator/runners.h"
#include "common/clock.h"

#define TWICE_MS_MOST  1500 /* `busy` reads false for about a second while a job runs (FACTS) */
#define TWICE_MS_LEAST 100
#define BUSY_MS        2000 /* `busy` stays true for 10 s after a job's end */
#define OFFLINE_MS     5000 /* a runner that died is called online for up to 60 s */

/* ----------------------------------------------------------------------------- what is seen */

static const struct gitea_runner *target(const struct work *work, uint32_t index)
{
    return facts_runner(&work->facts, work->notes.runner[index]);
}

/* Of those that are only claimed, too: such a runner may be this node's. */
static const struct gitea_job *any_job(const struct work *work)
{
    const struct gitea_job *job = NULL;
    for (uint32_t i = 0; job == NULL && i < work->facts.runners.count; i++) {
        const struct gitea_runner *runner = &work->facts.runners.item[i];
        if (runners_is_target(work, runner) || runners_is_claimed(work, runner))
            job = facts_job_of(&work->facts, runner->id);
    }
    return job;
}

static const struct gitea_runner *any_busy(const struct work *work)
{
    for (uint32_t i = 0; i < work->notes.runner_count; i++) {
        const struct gitea_runner *runner = target(work, i);
        if (runner != NULL && runner->busy)
            return runner;
    }
    return NULL;
}

static bool all_disabled(const struct work *work)
{
    for (uint32_t i = 0; i < work->notes.runner_count; i++) {
        const struct gitea_runner *runner = target(work, i);
        if (runner != NULL && !runner->disabled)
            return false;
    }
    return true;
}

static bool all_covered(const struct work *work, const struct fence_note *note)
{
    for (uint32_t i = 0; i < work->notes.runner_count; i++)
        if (!fence_note_covers(note, work->notes.runner[i]))
            return false;
    return true;
}

/* A runner that is disabled without our note was fenced by a person. Where its machine is gone
 * there is nothing left to keep, and our own note may have gone with the Kubernetes node. */
static const struct gitea_runner *foreign_fence(const struct work *work,
                                                const struct fence_note *note)
{
    if (facts_machine_gone(&work->facts))
        return NULL;
    for (uint32_t i = 0; i < work->notes.runner_count; i++) {
        const struct gitea_runner *runner = target(work, i);
        if (runner != NULL && runner->disabled && !fence_note_covers(note, runner->id))
            return runner;
    }
    return NULL;
}

/* Its pod is gone, and Gitea still calls it online: it cannot be told whose it is until it is
 * offline. */
static const struct gitea_runner *any_doubtful(const struct work *work)
{
    for (uint32_t i = 0; i < work->facts.runners.count; i++) {
        const struct gitea_runner *runner = &work->facts.runners.item[i];
        if (runner->online && runners_is_claimed(work, runner))
            return runner;
    }
    return NULL;
}

/* The end, which names the registrations that nothing shows to be this node's: they stay. */
static void done(struct work *work)
{
    for (uint32_t i = 0; i < work->facts.runners.count; i++) {
        const struct gitea_runner *runner = &work->facts.runners.item[i];
        if (!runners_is_claimed(work, runner) || runners_is_target(work, runner))
            continue;
        work_say(work,
                 "runner %" PRIu64 " (%.100s) stays registered: it is offline, and nothing that "
                 "was seen here shows that its pod was this node's; if it was, delete it in Gitea",
                 runner->id, runner->name);
        work->notes.for_a_person = true;
    }
    work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "%s", work->said);
}

static void again(struct work *work, int64_t ms, const char *why)
{
    work->retry_after_ms = ms;
    work_finish(work, OUTCOME_AGAIN, TROUBLE_NONE, "%s", why);
}

/* ----------------------------------------------------------------------------------- a job */

static void released(struct work *work)
{
    work_finish(work, OUTCOME_HAS_JOB, TROUBLE_NONE, "%s", work->said);
}

/* What our note does not cover is not ours to enable. */
static void keep_ours(struct work *work, const struct fence_note *note)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < work->notes.runner_count; i++)
        if (fence_note_covers(note, work->notes.runner[i]))
            work->notes.runner[kept++] = work->notes.runner[i];
    work->notes.runner_count = kept;
}

/* All fences of the node that are ours are lifted; nothing was removed. */
static void release(struct work *work, const struct gitea_job *job)
{
    struct fence_note note;
    work_say(work, "runner %" PRIu64 " has job %" PRIu64 " (%.100s)", job->runner_id, job->id,
             job->name);
    if (!facts_note(&work->facts, &note)) {
        released(work);
        return;
    }
    keep_ours(work, &note);
    if (work_intend(work))
        fence_lift(work, released);
}

/* ---------------------------------------------------------------------------------- deleting */

static void delete_next(struct work *work);

static void on_deleted(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    (void)answer;
    work->http_status = trouble->http_status;
    if (trouble->trouble != TROUBLE_NONE && !look_is_gone(SOURCE_GITEA, trouble)) {
        work_fail(work, trouble);
        return;
    }
    work->notes.index++;
    delete_next(work);
}

static void delete_next(struct work *work)
{
    if (work->notes.index == work->notes.runner_count && work->notes.more_runners) {
        /* A pod that starts again and again leaves a registration behind each time. */
        again(work, BUSY_RETRY_MS,
              "deregistered as many runners as are done at once; more are left");
        return;
    }
    if (work->notes.index == work->notes.runner_count) {
        work_say(work, "%" PRIu32 " runners deregistered%s", work->notes.runner_count,
                 work->notes.fenced ? ""
                                    : ", without a fence: a job that a runner took in the last "
                                      "instant would be lost (Gitea before 1.26, or nothing "
                                      "left to note the fence at)");
        done(work);
        return;
    }
    struct gitea_scope_name scope = look_scope(work);
    struct url_path path;
    gitea_path_runner(&path, &scope, work->notes.runner[work->notes.index]);
    work_write(work, SOURCE_GITEA, SEND_DELETE, &path, NULL, on_deleted, "deregister the runner");
}

static void looked_twice(struct work *work)
{
    const struct gitea_job *job = any_job(work);
    if (job != NULL) {
        release(work, job);
    } else if (any_busy(work) != NULL) {
        again(work, BUSY_MS, "a runner is called busy; no job in progress names it yet");
    } else if (work->notes.fenced && !all_disabled(work)) {
        again(work, BUSY_RETRY_MS, "somebody lifted the fence; it is set anew");
    } else if (work_intend(work)) {
        work->notes.index = 0;
        delete_next(work);
    }
}

static void look_twice(struct work *work)
{
    work_look(work, LOOK_JOBS | LOOK_RUNNERS, looked_twice);
}

static void begin_second_look(struct work *work)
{
    int64_t pause = work->actuator->config->gitea.fence_settle_ms / 4;
    pause = pause > TWICE_MS_MOST ? TWICE_MS_MOST : pause;
    work_pause(work, pause < TWICE_MS_LEAST ? TWICE_MS_LEAST : pause, look_twice);
}

/* ---------------------------------------------------------------------------------- the fence */

static void fenced(struct work *work)
{
    since_begin(work->actuator->sinces, work->action->node.name, SINCE_FENCE,
                work->notes.fence_wall_ms, clock_mono_ms());
    again(work, work->actuator->config->gitea.fence_settle_ms,
          "fenced; waits until the fence has settled");
}

static void noted(struct work *work)
{
    fence_set(work, true, fenced);
}

static void with_fence(struct work *work, const struct fence_note *note)
{
    if (!all_covered(work, note) || !all_disabled(work)) {
        if (work_intend(work))
            fence_write_note(work, noted);
        return;
    }
    int64_t settle = work->actuator->config->gitea.fence_settle_ms;
    int64_t seen = since_seen_ms(work->actuator->sinces, work->action->node.name, SINCE_FENCE,
                                 note->since_wall_ms, clock_mono_ms());
    if (seen < settle)
        again(work, settle - seen, "waits until the fence has settled");
    else if (any_busy(work) != NULL)
        again(work, BUSY_MS, "a runner is called busy; no job in progress names it yet");
    else
        begin_second_look(work);
}

static void go_on(struct work *work)
{
    struct fence_note note;
    (void)facts_note(&work->facts, &note);
    const struct gitea_runner *foreign = foreign_fence(work, &note);
    if (foreign != NULL) {
        struct verdict verdict = {.rail = RAIL_FENCE};
        error_set(&verdict.text,
                  "rail %s: runner %" PRIu64 " (%.100s) was disabled by a person; "
                  "it and its node are left alone",
                  rail_name(RAIL_FENCE), foreign->id, foreign->name);
        (void)work_refused(work, &verdict);
        return;
    }
    work->notes.fenced = fence_exists(work) && fence_has_place(work);
    if (work->notes.fenced)
        with_fence(work, &note);
    else if (any_busy(work) != NULL)
        again(work, BUSY_MS, "a runner is called busy; no job in progress names it yet");
    else
        begin_second_look(work);
}

static void none_left(struct work *work)
{
    work_say(work, "no runner of this node is registered");
    done(work);
}

static void looked(struct work *work)
{
    const struct config *config = work->actuator->config;
    runners_learn(work);
    struct verdict verdict = judge_node(config, work->action, &work->facts);
    if (verdict.rail == RAIL_NONE)
        verdict = judge_runners(config, work->action, &work->facts);
    if (work_refused(work, &verdict))
        return;
    runners_gather(work);
    const struct gitea_job *job = any_job(work);
    if (job != NULL)
        release(work, job);
    else if (any_doubtful(work) != NULL)
        again(work, OFFLINE_MS, "a runner's pod is gone; waits until Gitea sees it offline");
    else if (work->notes.runner_count == 0)
        none_left(work);
    else
        go_on(work);
}

void do_deregister_runner(struct work *work)
{
    work_look(work, LOOK_SERVER | LOOK_NODE | LOOK_GITEA_VERSION | LOOKS_WORK, looked);
}
