/* --config OTHER: a second core beside the first, told the same, with another configuration; and
 * what it would have asked. May not: pretend that the world would have answered the same. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "replay/differences.h"
#include "replay/replay.h"

struct other {
    struct replay_common common; /* first: it is the listeners' argument too */
    const char *path;
    struct played_core core; /* with OTHER; core NULL where it cannot be */
    struct asked_list then, instead;
};

/* ----------------------------------------------------------------------------- beginning it */

static struct config *load(const struct other *other)
{
    struct config *config;
    struct config_problems problems;
    if (config_load(other->path, &config, &problems))
        return config;
    config_problems_print(&problems, other->path, stderr);
    return NULL;
}

/* A core's memory names pools by their place. */
static bool same_pools(const struct config *then, const struct config *instead)
{
    for (uint32_t i = 0; i < then->pools_count; i++)
        if (i >= instead->pools_count || strcmp(then->pools[i].name, instead->pools[i].name) != 0)
            return false;
    return true;
}

static bool on_begun(const struct segment *segment, const struct capture_chunk *beginning,
                     const struct played_core *core, void *argument)
{
    struct other *other = argument;
    struct error error = {""};
    struct config *config = load(other);
    struct capture_chunk shared = *beginning; /* only looked at: the snapshots are copied */
    if (config == NULL) {
        report_note(other->common.report, other->path, "it is no configuration that could run",
                    true);
        return false;
    }
    if (segment->head.image && !same_pools(core->config, config)) {
        config_free(config);
        report_note(other->common.report, other->path,
                    "its pools have other names, or another order, than those that the capture's "
                    "memory speaks of: keep them as they were, or begin with the first segment of "
                    "a life",
                    true);
        return false;
    }
    asked_list_forget_open(&other->instead);
    if (played_core_begin(&other->core, segment, &shared, config, core->core, &error))
        return true;
    played_core_end(&other->core);
    report_note(other->common.report, other->path, error.text, true);
    return false;
}

/* ---------------------------------------------------------------------------------- stepping */

/* The same event for the second core: a copy of what it takes over. False: no memory. */
static bool copy_event(const struct core_event *event, struct core_event *copy, struct error *error)
{
    *copy = *event;
    struct message *message = NULL;
    if (event->kind == CORE_GITEA) {
        message = message_copy(MESSAGE_gitea_snapshot, event->u.gitea, error);
        copy->u.gitea = message == NULL ? NULL : message_gitea_snapshot(message);
    } else if (event->kind == CORE_HETZNER) {
        message = message_copy(MESSAGE_hetzner_snapshot, event->u.hetzner, error);
        copy->u.hetzner = message == NULL ? NULL : message_hetzner_snapshot(message);
    } else if (event->kind == CORE_KUBE) {
        message = message_copy(MESSAGE_kube_snapshot, event->u.kube, error);
        copy->u.kube = message == NULL ? NULL : message_kube_snapshot(message);
    } else {
        if (event->kind == CORE_CONFIGURED)
            copy->kind = CORE_TICK; /* OTHER holds all the time */
        return true;
    }
    copy->owner = message;
    return message != NULL;
}

static void step_other(struct other *other, const struct play_step *step)
{
    struct core_event event;
    struct action_result result;
    struct error error = {""};
    if (!copy_event(step->event, &event, &error)) {
        report_note(other->common.report, other->path, error.text, true);
        return;
    }
    if (event.kind == CORE_RESULT) {
        result = *event.u.result;
        /* What was answered then answers the same question here, whatever its number. */
        if (!asked_list_answer(&other->then, &other->instead, &result.id))
            event = (struct core_event){
                .mono_ms = event.mono_ms, .wall_ms = event.wall_ms, .kind = CORE_TICK};
        else
            event.u.result = &result;
    }
    core_step(other->core.core, &event, other->core.output);
    message_free(other->core.output->released);
    asked_list_add(&other->instead, step, other->core.output);
}

static bool on_step(const struct play_step *step, void *argument)
{
    struct other *other = argument;
    replay_compare_step(&other->common, step);
    asked_list_add(&other->then, step, step->output);
    step_other(other, step);
    return true;
}

/* The exit status tells of OTHER here; that this build decides as then is said beside it. */
static void finish(struct other *other, const struct play *play)
{
    struct report *report = other->common.report;
    char text[128];
    if (report->differing > 0) {
        snprintf(text, sizeof text,
                 "%" PRIu64 " events are decided otherwise by this build even without OTHER: "
                 "compare with that in mind",
                 report->differing);
        report_note(report, other->path, text, false);
    }
    report_extent(report, play);
    report->differing = differences_tell(&other->then, &other->instead, other->path, report);
}

void replay_other(const struct replay_words *words, const struct segments *segments,
                  struct play *play, struct report *report)
{
    struct other other = {.common = {report, play}, .path = words->config};
    play->listener = (struct play_listener){.begun = on_begun,
                                            .step = on_step,
                                            .note = replay_note,
                                            .differs = replay_differs,
                                            .argument = &other};
    play_all(play, segments);
    if (play->events > 0)
        finish(&other, play);
    played_core_end(&other.core);
    asked_list_free(&other.then);
    asked_list_free(&other.instead);
}
