/* --explain NODE: the story of one node: what was heard of it, each state that it took, each action
 * with its reason, and the facts of that moment. May not: decide. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "common/status_table.h"
#include "proto/message.h"
#include "replay/facts.h"
#include "replay/replay.h"
#include "replay/story.h"

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
}

/* Whether a sentence speaks of the node, and not of one whose name only begins so. */
static bool speaks_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; length > 0 && (at = strstr(at, name)) != NULL; at++)
        if ((at == text || !is_name_byte(at[-1])) && !is_name_byte(at[length]))
            return true;
    return false;
}

/* ------------------------------------------------------------------------------ what happens */

static void remember(struct story *story, const struct action *action)
{
    if (story->asked_count == STORY_ASKED_MAX) {
        memmove(story->asked, story->asked + 1, sizeof story->asked - sizeof story->asked[0]);
        story->asked_count--;
    }
    story->asked[story->asked_count++] = action->id;
}

static bool is_ours(const struct story *story, struct action_id id)
{
    for (uint32_t i = story->asked_count; i-- > 0;)
        if (story->asked[i].epoch == id.epoch && story->asked[i].counter == id.counter)
            return true;
    return false;
}

static void tell_event(struct story *story, const struct play_step *step)
{
    const struct core_event *event = step->event;
    if (event->kind == CORE_RESULT && is_ours(story, event->u.result->id)) {
        const struct action_result *result = event->u.result;
        story_entry(story, step, "hears", "hears %" PRIu64 "-%" PRIu64 " %s: %s%s%s",
                    result->id.epoch, result->id.counter, action_kind_word(result->kind),
                    outcome_word(result->outcome), result->text[0] != '\0' ? ", " : "",
                    result->text);
    } else if (story->there && event->kind == CORE_ACTUATOR_LOST) {
        story_entry(story, step, "hears", "the channel to the actuator is lost");
    } else if (story->there && event->kind == CORE_CONFIGURED) {
        story_entry(story, step, "hears", "another configuration holds from here on");
    }
}

/* A capture may begin, or go on after a gap, when the node is there already. */
static void tell_there(struct story *story, const struct play_step *step,
                       const struct status_node *node)
{
    char span[32];
    if (node == NULL || story->there || node->state_ms == 0)
        return;
    status_table_span(node->state_ms, span, sizeof span);
    story_entry(story, step, "state", "node %s: is there already, %s for %s: %s", story->name,
                node_state_word(node->state), span, node->why);
    story->facts_due = true;
}

static void tell_lines(struct story *story, const struct play_step *step)
{
    for (uint32_t i = 0; i < step->output->line_count; i++)
        if (speaks_of(step->output->line[i].text, story->name)) {
            story_entry(story, step, "state", "%s", step->output->line[i].text);
            story->facts_due = true;
        }
}

static void tell_actions(struct story *story, const struct play_step *step)
{
    for (uint32_t i = 0; i < step->output->action_count; i++) {
        const struct action *action = &step->output->action[i].action;
        if (strcmp(action->node.name, story->name) != 0)
            continue;
        story->facts_due = story->facts_due || !story->any_asked || story->last != action->kind;
        story->last = action->kind;
        remember(story, action);
        /* What a reason means is told where it is new. */
        bool known = story->any_asked && story->last_reason == action->reason;
        story_entry(story, step, "asks", "asks %" PRIu64 "-%" PRIu64 " %s (%s)%s%s%s%s",
                    action->id.epoch, action->id.counter, action_kind_word(action->kind),
                    reason_word(action->reason), action->text[0] != '\0' ? ": " : "", action->text,
                    known ? "" : ". ", known ? "" : story_reason(action->reason));
        story->any_asked = true;
        story->last_reason = action->reason;
    }
}

/* -------------------------------------------------------------------------------- what is kept */

static const struct checkpoint_node *remembered(const struct core_output *output, const char *name)
{
    for (uint32_t i = 0; output->checkpoint != NULL && i < output->checkpoint->nodes_count; i++)
        if (strcmp(output->checkpoint->nodes[i].name, name) == 0)
            return &output->checkpoint->nodes[i];
    return NULL;
}

static void note_node(struct story *story, const char *name)
{
    for (uint32_t i = 0; i < story->node_count; i++)
        if (strcmp(story->node[i], name) == 0)
            return;
    if (story->node_count < STORY_NODES_MAX)
        snprintf(story->node[story->node_count++], NAME_BYTES_MAX + 1, "%s", name);
}

static void note_pool(struct story *story, const struct status *status, const char *pool)
{
    for (uint32_t i = 0; i < status->pools_count; i++)
        if (strcmp(status->pools[i].name, pool) == 0)
            story->pool = (struct story_pool){.waiting = status->pools[i].jobs_runnable,
                                              .servers = status->pools[i].servers,
                                              .least = status->pools[i].least};
}

/* A teardown begins: what the answer at the end rests on. */
static void note_retirement(struct story *story, const struct play_step *step,
                            const struct status_node *node)
{
    const struct checkpoint_node *kept = remembered(step->output, story->name);
    story->retiring = true;
    story->why = kept != NULL ? kept->reason : REASON_CONTINUE;
    /* Where the story begins in the middle: since when it is in that state is known. */
    story->began_before = !story->there;
    story->retired_wall_ms =
        story->began_before && kept != NULL ? kept->state_since_wall_ms : step->wall_ms;
    story->teardown_ms = step->output->checkpoint->teardown_ms;
    if (story->idle_mono_ms != 0) /* and since the step that it was told in */
        story->idle_ms += step->mono_ms - story->idle_mono_ms;
    story->paid_until_ms = node->paid_until_ms;
    story->paid_left_ms = node->paid_left_ms;
    note_pool(story, step->output->status, node->pool);
    struct core_held held;
    core_holds(step->core, &held);
    story->idle_timeout_ms = held.config->life.idle_timeout_ms;
    story->window_ms = held.config->billing.window_ms;
}

static void follow(struct story *story, const struct play_step *step,
                   const struct status_node *node)
{
    bool retiring = node != NULL && node->state >= NODE_DEREGISTERING;
    if (node != NULL && node->runners[0] != '\0')
        snprintf(story->runners, sizeof story->runners, "%s", node->runners);
    if (retiring && !story->retiring) {
        note_retirement(story, step, node);
        story->told.count = 0; /* the moment that matters is told whole */
    }
    if (node != NULL && !retiring) {
        story->retiring = false;
        story->idle_ms = node->idle_ms; /* of the step before it goes */
        story->idle_mono_ms = node->state == NODE_IDLE ? step->mono_ms : 0;
    }
    if (node == NULL && story->there)
        story->gone_wall_ms = step->wall_ms;
    story->known = story->known || node != NULL;
    story->there = node != NULL;
}

static bool on_step(const struct play_step *step, void *argument)
{
    struct story *story = argument;
    const struct status *status = step->output->status;
    const struct status_node *node = facts_node(status, story->name);
    replay_compare_step(&story->common, step);
    for (uint32_t i = 0; i < status->nodes_count; i++)
        note_node(story, status->nodes[i].name);
    if (node == NULL && !story->there)
        return true;
    story->facts_due = false;
    tell_event(story, step);
    tell_there(story, step, node);
    tell_lines(story, step);
    tell_actions(story, step);
    follow(story, step, node);
    if (story->facts_due && node != NULL)
        story_facts(story, step);
    return true;
}

/* A life may begin in the middle: what is there is there already. */
static bool on_begun(const struct segment *segment, const struct capture_chunk *beginning,
                     const struct played_core *core, void *argument)
{
    (void)beginning, (void)core;
    struct story *story = argument;
    if (story->there)
        story_break(story, segment);
    return true;
}

void replay_explain(const struct replay_words *words, const struct segments *segments,
                    struct play *play, struct report *report)
{
    static struct story story; /* large */
    story = (struct story){.common = {report, play}, .name = words->explain};
    story.entries = report->json ? json_array() : NULL;
    play->listener = (struct play_listener){.begun = on_begun,
                                            .step = on_step,
                                            .note = replay_note,
                                            .differs = replay_differs,
                                            .argument = &story};
    play_all(play, segments);
    story_end(&story);
    report_put(report, "story", story.entries);
    report_extent(report, play);
}
