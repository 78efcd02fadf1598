/* Lines for the log, and the standing alarms: what each step raises anew stands, what it does not
 * raise is over. May not: decide what is alarming. */
#include <string.h>

#include "reconciler/core/private.h"

void core_say_parts(struct core *core, enum verbosity level, const struct part *parts)
{
    struct core_output *out = core->out;
    if (out->line_count == CORE_LINES_PER_STEP_MAX) {
        out->lines_lost++;
        return;
    }
    struct core_line *line = &out->line[out->line_count++];
    line->level = level;
    say_parts(line->text, sizeof line->text, parts);
}

void alarms_begin(struct core *core)
{
    for (uint32_t i = 0; i < core->alarm_count; i++)
        core->alarm[i].raised = false;
    core->alarms_dropped = 0;
}

static struct alarm_slot *find(struct core *core, enum alarm_kind kind, const char *subject)
{
    for (uint32_t i = 0; i < core->alarm_count; i++)
        if (core->alarm[i].kind == kind && text_same(core->alarm[i].subject, subject))
            return &core->alarm[i];
    return NULL;
}

void core_alarm_parts(struct core *core, enum alarm_kind kind, const char *subject,
                      const struct part *parts)
{
    struct alarm_slot *alarm = find(core, kind, subject);
    if (alarm == NULL && core->alarm_count == ALARMS_MAX) {
        core->alarms_dropped++;
        return;
    }
    bool fresh = alarm == NULL;
    if (fresh) {
        alarm = &core->alarm[core->alarm_count++];
        alarm->kind = kind;
        alarm->since_wall_ms = core->wall_ms;
        text_copy(alarm->subject, sizeof alarm->subject, subject);
    }
    alarm->raised = true;
    say_parts(alarm->text, sizeof alarm->text, parts);
    if (fresh)
        core_say(core, VERBOSITY_WARNING, T("alarm "), T(alarm_text(kind)), T(" ("), T(subject),
                 T("): "), T(alarm->text));
}

void alarms_end(struct core *core)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < core->alarm_count; i++) {
        struct alarm_slot *alarm = &core->alarm[i];
        if (!alarm->raised) {
            core_say(core, VERBOSITY_INFO, T("alarm "), T(alarm_text(alarm->kind)), T(" ("),
                     T(alarm->subject), T(") is over"));
            continue;
        }
        if (kept != i)
            core->alarm[kept] = *alarm;
        kept++;
    }
    core->alarm_count = kept;
    if (core->alarms_dropped == 0)
        return;
    core_say(core, VERBOSITY_WARNING, N(core->alarms_dropped),
             T(" more alarms than can be shown at once"));
    /* Others went: the next step shows what had no room, and comes at once. */
    if (kept < ALARMS_MAX)
        (void)core_due(core, core->mono_ms + 1);
}
