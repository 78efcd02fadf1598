/* The step: one straight road from an event to an output, a file a stretch.
 * May not: call anything but memcpy, memmove, memset, memcmp. */
#include "reconciler/core/core.h"

#include <string.h>

#include "reconciler/core/private.h"

size_t core_size(const struct config *config)
{
    (void)config; /* a reload may raise each of its limits up to the bounds that size the block */
    return sizeof(struct core);
}

struct core *core_init(void *block, const struct config *config, uint64_t epoch)
{
    struct core *core = block;
    memset(core, 0, CORE_CLEARED_BYTES);
    core->config = config;
    core->epoch = epoch;
    return core;
}

bool core_due(struct core *core, int64_t mono_ms)
{
    if (core->mono_ms >= mono_ms)
        return true;
    if (mono_ms < core->wake_ms)
        core->wake_ms = mono_ms;
    return false;
}

struct moment core_now(const struct core *core)
{
    return (struct moment){.mono_ms = core->mono_ms, .wall_ms = core->wall_ms};
}

static void begin(struct core *core, const struct core_event *event, struct core_output *output)
{
    core->out = output;
    output->released = NULL;
    output->checkpoint_changed = false;
    output->action_count = 0;
    output->status_changed = false;
    output->poll_now = 0;
    output->line_count = 0;
    output->lines_lost = 0;
    output->measured = (struct core_measured){0};
    if (event->mono_ms > core->mono_ms)
        core->mono_ms = event->mono_ms;
    core->wall_ms = event->wall_ms;
    core->wake_ms = core->mono_ms + CORE_WAKE_MS_MAX;
    core->event = event->kind;
}

static bool ready(const struct core *core)
{
    for (unsigned i = 0; i < SOURCES; i++)
        if (core->source[i].head == NULL)
            return false;
    return core->restored && (core->actuator_known || core->config->mode == MODE_OBSERVE);
}

void core_step(struct core *core, const struct core_event *event, struct core_output *output)
{
    begin(core, event, output);
    alarms_begin(core);
    events_take(core, event);
    facts_join(core);
    trust_judge(core);
    hour_count_money(core);
    observe_fleet(core);
    demand_count(core);
    plan_make(core);
    results_forget(core);
    steps_take(core);
    offers_alarms(core);
    alarms_end(core);
    status_make(core);
    checkpoint_make(core);
    output->checkpoint = &core->checkpoint;
    output->status = &core->status;
    output->ready = ready(core);
    output->wake_ms = core->wake_ms > core->mono_ms ? core->wake_ms : core->mono_ms + 1;
    core->out = NULL;
}

uint32_t core_edges_seen(const struct core *core)
{
    return core->edges_seen;
}

void core_end(struct core *core, void *owners[3])
{
    for (unsigned i = 0; i < SOURCES; i++) {
        owners[i] = core->source[i].owner;
        core->source[i].owner = NULL;
        core->source[i].head = NULL;
    }
    core->gitea = NULL;
    core->hetzner = NULL;
    core->kube = NULL;
}
