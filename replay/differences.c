/* Two lists of actions, paired by node and step. May not: play. */
#include "replay/differences.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/status_table.h"
#include "proto/message.h"

static struct asked *last_of(struct asked_list *list, const char *node)
{
    for (size_t i = list->asked != NULL ? list->count : 0; i-- > 0;)
        if (strcmp(list->asked[i].node, node) == 0)
            return &list->asked[i];
    return NULL;
}

static struct asked *next_room(struct asked_list *list)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : list->room * 2;
        struct asked *more = realloc(list->asked, room * sizeof *more);
        if (more == NULL) {
            list->cut = true;
            return NULL;
        }
        list->asked = more;
        list->room = room;
    }
    return &list->asked[list->count++];
}

static void add_one(struct asked_list *list, const struct play_step *step,
                    const struct action *action)
{
    struct asked *last = last_of(list, action->node.name);
    if (last != NULL && last->kind == action->kind) {
        last->id = action->id;
        last->open = true;
        return;
    }
    struct asked *asked = next_room(list);
    if (asked == NULL)
        return;
    *asked = (struct asked){.id = action->id,
                            .kind = action->kind,
                            .reason = action->reason,
                            .number = step->number,
                            .wall_ms = step->wall_ms,
                            .open = true};
    snprintf(asked->node, sizeof asked->node, "%s", action->node.name);
    snprintf(asked->pool, sizeof asked->pool, "%s", action->node.pool);
    snprintf(asked->text, sizeof asked->text, "%s", action->text);
}

void asked_list_add(struct asked_list *list, const struct play_step *step,
                    const struct core_output *output)
{
    for (uint32_t i = 0; i < output->action_count; i++)
        add_one(list, step, &output->action[i].action);
}

bool asked_list_answer(struct asked_list *then, struct asked_list *instead, struct action_id *id)
{
    const struct asked *found = NULL;
    for (size_t i = then->count; i-- > 0 && found == NULL;)
        if (then->asked[i].id.epoch == id->epoch && then->asked[i].id.counter == id->counter)
            found = &then->asked[i];
    for (size_t i = instead->count; found != NULL && i-- > 0;) {
        struct asked *asked = &instead->asked[i];
        if (!asked->open || asked->kind != found->kind || strcmp(asked->node, found->node) != 0)
            continue;
        asked->open = false;
        *id = asked->id;
        return true;
    }
    return false;
}

void asked_list_forget_open(struct asked_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        list->asked[i].open = false;
}

void asked_list_free(struct asked_list *list)
{
    free(list->asked);
    *list = (struct asked_list){.asked = NULL};
}

/* ---------------------------------------------------------------------------------- telling */

/* A create's node has a name that only its own core would give: the pool says whether it is the
 * same. */
static bool is_same(const struct asked *a, const struct asked *b)
{
    if (a->kind != b->kind || a->paired || b->paired)
        return false;
    return strcmp(a->node, b->node) == 0 ||
           (a->kind == ACTION_CREATE_SERVER && strcmp(a->pool, b->pool) == 0);
}

static struct asked *pair_of(const struct asked *asked, struct asked_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_same(asked, &list->asked[i]))
            return &list->asked[i];
    return NULL;
}

struct telling {
    struct report *report;
    struct asked_list *then, *instead;
    json_t *list;
    uint64_t count;
};

static bool was_told_in(const struct asked_list *list, const char *node)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->asked[i].told && strcmp(list->asked[i].node, node) == 0)
            return true;
    return false;
}

/* Whether a difference of this node was told before: what comes later follows from it. */
static bool follows(const struct telling *telling, const char *node)
{
    return was_told_in(telling->then, node) || was_told_in(telling->instead, node);
}

static void tell(struct telling *telling, const char *how, struct asked *asked,
                 const char *sentence)
{
    char clock[CLOCK_TEXT_BYTES];
    bool after = follows(telling, asked->node);
    asked->told = true;
    telling->count++;
    if (telling->report->json) {
        clock_format_rfc3339(asked->wall_ms, clock);
        json_array_append_new(
            telling->list,
            json_pack("{s:s, s:b, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "how", how, "follows", after,
                      "time", clock, "event", (json_int_t)asked->number, "kind",
                      action_kind_word(asked->kind), "node", asked->node, "pool", asked->pool,
                      "reason", reason_word(asked->reason), "text", sentence));
        return;
    }
    printf("%s  event %-5" PRIu64 " ", report_clock(asked->wall_ms, clock), asked->number);
    fputs(after ? "(follows) " : "", stdout);
    report_print(stdout, sentence);
    fputc('\n', stdout);
}

static void tell_alone(struct telling *telling, bool then, struct asked *asked)
{
    char text[2 * TEXT_BYTES_MAX];
    snprintf(text, sizeof text, "%s %s of %s (%s): %s",
             then ? "only then:  " : "only OTHER: ", action_kind_word(asked->kind), asked->node,
             reason_word(asked->reason), asked->text);
    tell(telling, then ? "only-then" : "only-other", asked, text);
}

static void tell_moved(struct telling *telling, struct asked *then, const struct asked *instead)
{
    char text[2 * TEXT_BYTES_MAX], span[32], clock[CLOCK_TEXT_BYTES];
    bool later = instead->wall_ms > then->wall_ms;
    int64_t by = later ? instead->wall_ms - then->wall_ms : then->wall_ms - instead->wall_ms;
    if (by < 1000)
        snprintf(span, sizeof span, "%" PRId64 "ms", by);
    else
        status_table_span(by, span, sizeof span);
    if (by == 0)
        snprintf(text, sizeof text, "another reason: %s of %s: %s then, %s with OTHER",
                 action_kind_word(then->kind), then->node, reason_word(then->reason),
                 reason_word(instead->reason));
    else
        snprintf(text, sizeof text, "%s with OTHER (%s, at %s): %s of %s (%s; OTHER: %s)",
                 later ? "later" : "earlier", span, report_clock(instead->wall_ms, clock),
                 action_kind_word(then->kind), then->node, reason_word(then->reason),
                 reason_word(instead->reason));
    tell(telling, by == 0 ? "reason" : later ? "later" : "earlier", then, text);
}

static void tell_all(struct telling *telling, struct asked_list *then, struct asked_list *instead)
{
    size_t at = 0;
    for (size_t i = 0; i < then->count; i++) {
        struct asked *asked = &then->asked[i];
        struct asked *pair = pair_of(asked, instead);
        if (pair != NULL)
            asked->paired = pair->paired = true;
        /* What only OTHER asks stands where it would have come. */
        for (; at < instead->count && instead->asked[at].wall_ms <= asked->wall_ms; at++)
            if (!instead->asked[at].paired && pair_of(&instead->asked[at], then) == NULL)
                tell_alone(telling, false, &instead->asked[at]);
        if (pair == NULL)
            tell_alone(telling, true, asked);
        else if (pair->wall_ms != asked->wall_ms || pair->reason != asked->reason)
            tell_moved(telling, asked, pair);
    }
    for (; at < instead->count; at++)
        if (!instead->asked[at].paired)
            tell_alone(telling, false, &instead->asked[at]);
}

uint64_t differences_tell(struct asked_list *then, struct asked_list *instead, const char *other,
                          struct report *report)
{
    struct telling telling = {report, then, instead, report->json ? json_array() : NULL, 0};
    if (then->cut || instead->cut)
        report_note(report, other, "no memory for all actions: the list ends early", true);
    tell_all(&telling, then, instead);
    static const char limit[] =
        "Gitea, Hetzner and Kubernetes are shown to OTHER as they answered then. From the first "
        "difference on they would have answered otherwise: the later lines say what OTHER would "
        "have asked for in that same world, not what would have come of it";
    if (report->json) {
        report_put(report, "other", telling.list);
        report_put(report, "limit", json_string(limit));
    } else if (telling.count == 0) {
        printf("with %s the same would have been asked for, at the same times\n", other);
    } else {
        printf("\n%" PRIu64 " actions would have been others with OTHER (%s).\n%s.\n",
               telling.count, other, limit);
    }
    return telling.count;
}
