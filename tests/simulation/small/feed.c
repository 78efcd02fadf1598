/* The core's side of the tiny world: events go in, actions come out and go to the actuator, the
 * checkpoint is kept as the shell would keep it. May not: judge, change the land. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/small/tiny.h"

static void fold(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *hash ^= *hash >> 31;
}

static void fold_text(uint64_t *hash, const char *text)
{
    for (; *text != '\0'; text++)
        *hash = (*hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
}

/* ---------------------------------------------------------------------------------- checkpoint */

static void save_node(struct tiny_saved_node *to, const struct checkpoint_node *from)
{
    *to = (struct tiny_saved_node){.name = name_index(from->name),
                                   .state = (uint8_t)from->state,
                                   .reason = (uint8_t)from->reason,
                                   .failures = (uint8_t)from->failures,
                                   .epoch = from->epoch,
                                   .counter = from->counter,
                                   .server = from->server_id,
                                   .since_ms = from->state_since_wall_ms,
                                   .idle_ms = from->idle_since_wall_ms,
                                   .asked_ms = from->create_asked_wall_ms,
                                   .server_first_ms = from->server_first_wall_ms,
                                   .kube_first_ms = from->kube_first_wall_ms,
                                   .runners_first_ms = from->runners_first_wall_ms,
                                   .kube_missing_ms = from->kube_missing_wall_ms,
                                   .runners_missing_ms = from->runners_missing_wall_ms};
    for (uint32_t r = 0; r < from->runners_count && r < TINY_RUNNERS * 2; r++) {
        to->runner[r] = (uint32_t)from->runners[r].id;
        to->runner_name[r] = name_index(from->runners[r].name);
        to->runners++;
    }
}

static void save(struct tiny *tiny, const struct checkpoint *from)
{
    struct tiny_saved *to = &tiny->saved[0];
    tiny->saved[1] = tiny->saved[0];
    tiny->sent = false; /* the shell writes it first, and then sends */
    memset(to, 0, sizeof *to);
    to->there = true;
    to->epoch = from->epoch;
    to->counter = from->counter;
    to->wall_ms = from->wall_ms;
    to->teardown_ms = from->teardown_ms;
    to->today_ms = from->today_wall_ms;
    to->today_micro = from->today_micro;
    to->total_micro = from->total_micro;
    tiny->full = tiny->full || from->nodes_count > TINY_SLOTS;
    for (uint32_t n = 0; n < from->nodes_count && n < TINY_SLOTS; n++)
        save_node(&to->node[to->nodes++], &from->nodes[n]);
    if (from->offers_count > 0) {
        to->offers = 1;
        to->offer_failures = from->offers[0].failures;
        to->offer_until_ms = from->offers[0].closed_until_wall_ms;
    }
}

/* A checkpoint as it would be read; its storage holds until the next call. */
static const struct checkpoint *load(const struct tiny_saved *from)
{
    static struct checkpoint checkpoint;
    static struct checkpoint_node node[TINY_SLOTS];
    static struct runner_ref runner[TINY_SLOTS][TINY_RUNNERS * 2];
    static struct checkpoint_offer offer;
    if (!from->there)
        return NULL;
    for (unsigned n = 0; n < from->nodes; n++) {
        const struct tiny_saved_node *saved = &from->node[n];
        node[n] = (struct checkpoint_node){.name = name_text(saved->name),
                                           .pool = "linux",
                                           .state = (enum node_state)saved->state,
                                           .reason = (enum reason)saved->reason,
                                           .server_id = saved->server,
                                           .epoch = saved->epoch,
                                           .counter = saved->counter,
                                           .state_since_wall_ms = saved->since_ms,
                                           .idle_since_wall_ms = saved->idle_ms,
                                           .create_asked_wall_ms = saved->asked_ms,
                                           .server_first_wall_ms = saved->server_first_ms,
                                           .kube_first_wall_ms = saved->kube_first_ms,
                                           .runners_first_wall_ms = saved->runners_first_ms,
                                           .kube_missing_wall_ms = saved->kube_missing_ms,
                                           .runners_missing_wall_ms = saved->runners_missing_ms,
                                           .failures = saved->failures,
                                           .runners = runner[n],
                                           .runners_count = saved->runners,
                                           .server_type = "ccx33",
                                           .location = "nbg1"};
        for (unsigned r = 0; r < saved->runners; r++)
            runner[n][r] = (struct runner_ref){.id = saved->runner[r],
                                               .name = name_text(saved->runner_name[r])};
    }
    offer = (struct checkpoint_offer){.pool = "linux",
                                      .server_type = "ccx33",
                                      .location = "nbg1",
                                      .failures = from->offer_failures,
                                      .closed_until_wall_ms = from->offer_until_ms};
    checkpoint = (struct checkpoint){.wall_ms = from->wall_ms,
                                     .epoch = from->epoch,
                                     .counter = from->counter,
                                     .nodes = node,
                                     .nodes_count = from->nodes,
                                     .offers = &offer,
                                     .offers_count = from->offers,
                                     .teardown_ms = from->teardown_ms,
                                     .today_micro = from->today_micro,
                                     .today_wall_ms = from->today_ms,
                                     .total_micro = from->total_micro};
    return &checkpoint;
}

/* ------------------------------------------------------------------------------------- actions */

static unsigned slot_named(const struct tiny *tiny, uint16_t name)
{
    unsigned s = 0;
    while (s < TINY_SLOTS && tiny->land.slot[s].name != name)
        s++;
    return s;
}

/* Where an action belongs; a create finds a free place. TINY_SLOTS: nowhere. */
static unsigned slot_for(struct tiny *tiny, const struct action *action)
{
    uint16_t name = name_index(action->node.name);
    unsigned s = slot_named(tiny, name);
    if (s < TINY_SLOTS || action->kind != ACTION_CREATE_SERVER)
        return s;
    s = slot_named(tiny, 0);
    if (s < TINY_SLOTS)
        tiny->land.slot[s] = (struct tiny_slot){.name = name,
                                                .epoch = (uint32_t)action->id.epoch,
                                                .counter = (uint32_t)action->id.counter};
    return s;
}

static void note_said(struct sim *sim, const struct action *action)
{
    uint64_t *said = &sim->said;
    fold(said, action->kind);
    fold(said, action->id.epoch);
    fold(said, action->id.counter);
    fold(said, action->reason);
    fold(said, action->force);
    fold(said, action->node.server_id);
    fold_text(said, action->node.name);
    for (uint32_t r = 0; r < action->runners_count; r++)
        fold(said, action->runners[r].id);
}

/* Hands it to the actuator; false where that answers "again" at once: it still works on the node.
 */
static bool ask(struct sim *sim, const struct action *action)
{
    struct tiny *tiny = &sim->tiny;
    unsigned s = slot_for(tiny, action);
    if (s == TINY_SLOTS) {
        tiny->full = true;
        return true;
    }
    struct tiny_errand *errand = &tiny->errand[s];
    tiny->sent = true;
    scene_action(sim, s, action);
    tiny->track[s].unknown_ms = 0;
    story_line(sim, "    the core asks %u-%u: %s of %s", (unsigned)action->id.epoch,
               (unsigned)action->id.counter,
               (const char *[]){"create_server", "deregister_runner", "drain_node", "remove_node",
                                "release_runner"}[action->kind],
               action->node.name);
    tiny->highest_epoch = (uint32_t)action->id.epoch;
    tiny->highest_counter = (uint32_t)action->id.counter;
    if (errand->stage == 1 && tiny->mono_ms - errand->asked_ms <= DEADLINE_MS)
        return false;
    *errand = (struct tiny_errand){.stage = 1,
                                   .force = action->force,
                                   .kind = (uint8_t)action->kind,
                                   .epoch = (uint32_t)action->id.epoch,
                                   .counter = (uint32_t)action->id.counter,
                                   .asked_ms = tiny->mono_ms};
    for (uint32_t r = 0; r < action->runners_count; r++)
        if (r < TINY_RUNNERS)
            errand->runner[r] = (uint32_t)action->runners[r].id;
        else
            tiny->full = true;
    return true;
}

/* Puts what the core said into the world. Returns how many actions were answered at once. */
static unsigned take_actions(struct sim *sim, struct action_result bounced[])
{
    unsigned count = 0;
    for (uint32_t i = 0; i < sim->out->action_count; i++) {
        const struct action *action = &sim->out->action[i].action;
        note_said(sim, action);
        if (!ask(sim, action) && count < TINY_SLOTS)
            bounced[count++] = (struct action_result){.id = action->id,
                                                      .kind = action->kind,
                                                      .outcome = OUTCOME_AGAIN,
                                                      .retry_after_ms = 500,
                                                      .text = "another action is under way"};
    }
    return count;
}

/* Forgets places of which nothing is left. */
static void free_slots(struct sim *sim)
{
    struct tiny *tiny = &sim->tiny;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        const struct tiny_slot *slot = &tiny->land.slot[s];
        bool runners = false;
        enum node_state state;
        for (unsigned r = 0; r < TINY_RUNNERS; r++)
            runners = runners || slot->runner[r].id != 0;
        bool late = tiny->track[s].late && tiny->mono_ms - tiny->track[s].late_ms <= LATE_MS;
        if (slot->name == 0 || slot->server != 0 || slot->node || runners || late ||
            tiny->errand[s].stage != 0 || core_knows(sim, slot->name, &state))
            continue;
        memset(&tiny->land.slot[s], 0, sizeof tiny->land.slot[s]);
        memset(&tiny->track[s], 0, sizeof tiny->track[s]);
    }
}

static void note_told(struct sim *sim)
{
    const struct core_output *out = sim->out;
    fold(&sim->said, (uint64_t)(out->wake_ms - sim->tiny.mono_ms));
    fold(&sim->said, out->poll_now);
    fold(&sim->said, out->checkpoint_changed);
    for (uint32_t i = 0; i < out->line_count; i++)
        fold_text(&sim->told, out->line[i].text);
    for (uint32_t i = 0; i < out->line_count; i++)
        story_line(sim, "    core: %s", out->line[i].text);
    sim->edges |= core_edges_seen(sim->core);
}

void feed_step(struct sim *sim, struct core_event *event)
{
    struct action_result bounced[TINY_SLOTS];
    event->mono_ms = sim->tiny.mono_ms;
    event->wall_ms = tiny_wall_ms(&sim->tiny);
    core_step(sim->core, event, sim->out);
    sim->steps++;
    sim->tiny.wake_ms = sim->out->wake_ms;
    sim->tiny.fed_ms = sim->tiny.mono_ms;
    if (sim->out->checkpoint_changed)
        save(&sim->tiny, sim->out->checkpoint);
    note_told(sim);
    unsigned count = take_actions(sim, bounced);
    scene_nodes(sim);
    free_slots(sim);
    for (unsigned i = 0; i < count; i++)
        feed_step(sim, &(struct core_event){.kind = CORE_RESULT, .u.result = &bounced[i]});
}

/* ------------------------------------------------------------------------------- what goes in */

static void note_shown(struct tiny *tiny, unsigned slot, enum source source,
                       const struct tiny_picture *picture)
{
    struct tiny_track *track = &tiny->track[slot];
    uint8_t bit = (uint8_t)(1u << source);
    bool there = false;
    for (unsigned p = 0; p < TINY_SLOTS; p++)
        there = there || picture->land.slot[p].name == tiny->land.slot[slot].name;
    if (there) {
        if ((track->shown & bit) == 0)
            track->shown_ms[source] = tiny->mono_ms;
        track->shown |= bit;
        track->gone &= (uint8_t)~bit;
    } else if ((track->shown & bit) != 0 && (track->gone & bit) == 0) {
        track->gone |= bit;
        track->gone_ms[source] = tiny->mono_ms;
    }
}

void feed_picture(struct sim *sim, enum source source, const struct tiny_picture *picture)
{
    struct tiny *tiny = &sim->tiny;
    struct core_event event = {0};
    uint8_t buffer = !tiny->buffer[source];
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        if (tiny->land.slot[s].name != 0)
            note_shown(tiny, s, source, picture);
    show_build(source, buffer, picture, &event);
    if (picture != &tiny->held[source])
        tiny->held[source] = *picture;
    tiny->buffer[source] = buffer;
    memset(&tiny->old[source], 0, sizeof tiny->old[source]);
    feed_step(sim, &event);
}

void feed_rebuild(struct sim *sim)
{
    struct core_event event;
    for (unsigned k = 0; k < 3; k++)
        if (sim->tiny.held[k].there)
            show_build((enum source)k, sim->tiny.buffer[k], &sim->tiny.held[k], &event);
}

void feed_answer(struct sim *sim, unsigned slot)
{
    struct tiny *tiny = &sim->tiny;
    struct tiny_errand errand = tiny->errand[slot];
    struct tiny_track *track = &tiny->track[slot];
    struct action_result result = {.id = {errand.epoch, errand.counter},
                                   .kind = (enum action_kind)errand.kind,
                                   .outcome = (enum outcome)errand.outcome,
                                   .trouble = (enum trouble)errand.trouble,
                                   .retry_after_ms = errand.retry_ms,
                                   .server_id = errand.server,
                                   .created_ms = errand.created_ms,
                                   .left = errand.left,
                                   .text = "so it was"};
    bool bad = errand.outcome == OUTCOME_FAILED || errand.outcome == OUTCOME_REFUSED ||
               errand.outcome == OUTCOME_UNKNOWN;
    bool same = track->step == errand.kind;
    memset(&tiny->errand[slot], 0, sizeof tiny->errand[slot]);
    if (errand.orphan)
        return;
    track->step = errand.kind;
    track->failures = bad ? (uint8_t)((same ? track->failures : 0) + 1) : 0;
    track->failed_ms = tiny->mono_ms;
    track->unknown_ms = errand.outcome == OUTCOME_UNKNOWN ? tiny->mono_ms : 0;
    feed_step(sim, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
}

void feed_lost(struct sim *sim)
{
    struct tiny *tiny = &sim->tiny;
    tiny->connected = false;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        if (tiny->errand[s].stage != 0)
            tiny->track[s].lost = (uint8_t)(tiny->errand[s].kind + 1u);
        memset(&tiny->errand[s], 0, sizeof tiny->errand[s]);
        /* The next one waits anew for what it finds begun. */
        tiny->land.slot[s].noted_ms = tiny->land.slot[s].evicting_ms = 0;
    }
    feed_step(sim, &(struct core_event){.kind = CORE_ACTUATOR_LOST});
}

void feed_actuator(struct sim *sim)
{
    struct tiny *tiny = &sim->tiny;
    struct unknown_action unknown[TINY_SLOTS];
    struct actuator_state state = {
        .epoch = tiny->highest_epoch, .counter = tiny->highest_counter, .unknown = unknown};
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        struct tiny_errand *errand = &tiny->errand[s];
        struct tiny_track *track = &tiny->track[s];
        if (errand->stage == 0 && track->lost == 0)
            continue;
        unsigned kind = errand->stage != 0 ? errand->kind : track->lost - 1u;
        unknown[state.unknown_count++] =
            (struct unknown_action){.id = {1, 1},
                                    .kind = (enum action_kind)kind,
                                    .node = name_text(tiny->land.slot[s].name)};
        errand->orphan = true; /* of the reconciler before this one */
        track->lost = 0;
    }
    tiny->connected = true;
    feed_step(sim, &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
}

void feed_start(struct sim *sim, unsigned checkpoint)
{
    struct tiny *tiny = &sim->tiny;
    const struct checkpoint *saved = checkpoint < 2 ? load(&tiny->saved[checkpoint]) : NULL;
    void *owners[3];
    if (sim->core != NULL)
        core_end(sim->core, owners);
    sim->core = core_init(sim->block, tiny->agreed ? sim->agreed : sim->config, ++tiny->epoch);
    memset(tiny->held, 0, sizeof tiny->held);
    memset(tiny->old, 0, sizeof tiny->old);
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        tiny->errand[s].orphan = tiny->errand[s].stage != 0;
        tiny->track[s].failures = 0;
        tiny->track[s].unknown_ms = 0;
        tiny->track[s].shown = tiny->track[s].gone = 0;
    }
    feed_step(sim, &(struct core_event){.kind = CORE_CHECKPOINT, .u.checkpoint = saved});
    if (tiny->connected)
        feed_actuator(sim);
}
