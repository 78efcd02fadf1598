/* One step of teardown a node, in order; looks again after what has no known outcome; lifts a fence
 * of ours that was left behind. At most one action in flight a node. May not: begin a teardown. */
#include "reconciler/core/private.h"

/* A result that never comes: twice the actuator's own deadline, then nobody waits any longer. */
static void give_up_waiting(struct core *core, struct node *node)
{
    struct errand *errand = &node->errand;
    int64_t most = 2 * core->config->life.action_deadline_ms + STEP_BACKOFF_FIRST_MS;
    if (!errand->in_flight || !core_due(core, errand->asked_mono_ms + most))
        return;
    errand->in_flight = false;
    errand->unknown = true;
    errand->result_mono_ms = core->mono_ms;
    core->out->poll_now = (1u << SOURCES) - 1;
    text_copy(errand->text, sizeof errand->text, "no result came in time");
    core_say(core, VERBOSITY_WARNING, T("node "), T(node->name), T(": no result of "),
             T(action_text(errand->kind)), T(" came in time; it is looked at again"));
}

static bool is_picture_of_another(const struct core *core, enum source source)
{
    static const enum core_event_kind picture[SOURCES] = {CORE_GITEA, CORE_HETZNER, CORE_KUBE};
    for (unsigned i = 0; i < SOURCES; i++)
        if (core->event == picture[i])
            return i != source;
    return false;
}

/* Asks those that do not show yet what came of it. A picture of another one is no reason to ask
 * again: the look that was asked for is under way, or its source is away, and each picture would
 * call for the next one as fast as they come. */
static void ask_for_looks(struct core *core, const struct node *node)
{
    for (unsigned i = 0; i < SOURCES; i++) {
        enum source source = (enum source)i;
        bool under_way = core->source[i].head != NULL && is_picture_of_another(core, source);
        if (!under_way && !trust_shows_result_of(core, source, node))
            core->out->poll_now |= 1u << i;
    }
}

/* Whether the node may be asked for something now. */
static bool free_to_ask(struct core *core, const struct node *node)
{
    if (node->errand.in_flight || !core->actuator_ready || !ask_room(core))
        return false;
    if (node->errand.unknown && !trust_shows_result(core, node)) {
        ask_for_looks(core, node);
        return false;
    }
    return core_due(core, node->errand.next_mono_ms);
}

/* Slots that the pool's later creates without an answer would bring: each of them waits for the
 * earlier ones, not the other way round, or none would be looked for. */
static uint64_t slots_of_later(const struct core *core, const struct node *node)
{
    uint64_t slots = 0;
    for (const struct node *at = node + 1; at < &core->node[core->node_count]; at++)
        if (at->pool == node->pool && at->server_id == 0 && at->errand.unknown &&
            life_state(&at->life) == NODE_PROVISIONING)
            slots += node_pool(core, node)->capacity;
    return slots;
}

/* Whether jobs, or the pool's minimum, still ask for this server, of which nothing is there yet. */
static bool is_wanted(const struct core *core, const struct node *node)
{
    const struct config_pool *row = node_pool(core, node);
    const struct pool_now *pool = &core->pool[node->pool];
    uint64_t room = (uint64_t)pool->free + pool->coming;
    uint64_t others = row->capacity + slots_of_later(core, node);
    uint64_t rest = room > others ? room - others : 0;
    return room_wanted(core, node->pool) > rest || pool->serving <= row->min;
}

/* One that only the actuator remembers bears no offer: where it has to be asked again, it is looked
 * for by its name first, and made of what is sold now. */
static bool has_offer(struct core *core, struct node *node)
{
    if (node->server_type[0] != '\0')
        return true;
    uint32_t offer = offers_choose(core, node->pool);
    if (offer == NONE)
        return false;
    const struct config_offer *row = &node_pool(core, node)->offers[offer];
    text_copy(node->server_type, sizeof node->server_type, row->server_type);
    text_copy(node->location, sizeof node->location, row->location);
    return true;
}

/* A create that nobody answered: adopt what appeared, else ask again by the same name and id. */
static void step_provisioning(struct core *core, struct node *node)
{
    struct errand *errand = &node->errand;
    if (node->server_id != 0) {
        errand->unknown = false;
        return;
    }
    if (!errand->unknown || !core->may_create || !trust_shows_result(core, node) ||
        !is_wanted(core, node) ||
        !core_due(core, errand->result_mono_ms + core->config->life.create_grace_ms / 4) ||
        !has_offer(core, node))
        return;
    ask_create(core, node, REASON_DEMAND, "the answer to its create was lost: look for its name");
}

/* A deregistering without a known outcome: what its actuator had sent when it died may arrive yet,
 * and must meet a runner that is fenced. */
static bool may_arrive_yet(struct core *core, const struct node *node)
{
    const struct errand *errand = &node->errand;
    return errand->unknown && errand->kind == ACTION_DEREGISTER_RUNNERS &&
           !core_due(core, errand->result_mono_ms + core->config->life.action_deadline_ms);
}

/* A fence of ours that outlived its teardown is lifted. So is a note without one: it would make a
 * person's fence look like ours, and enable what he disabled. */
static void step_serving(struct core *core, struct node *node)
{
    if (may_arrive_yet(core, node) || core->gitea == NULL || core->kube == NULL ||
        !core->may_destroy || !runners_noted(core, node) || !trust_shows_result(core, node))
        return;
    ask_step(core, node, ACTION_RELEASE_RUNNERS, REASON_FENCE_LEFT,
             "a fence of ours was left behind", false);
}

/* One that was seen and is not listed now may only be missing from one list: the actuator looks. */
static bool never_joined(const struct node *node)
{
    return node->sight.kube == NONE && node->presence[SOURCE_KUBE].first_mono_ms == 0;
}

static void step_deregistering(struct core *core, struct node *node)
{
    const struct node_deregistering *state = life_as_deregistering(&node->life);
    struct hour hour = hour_of(core, node);
    char why[TEXT_BYTES_MAX + 1];
    if (!state->again && state->runners.count == 0 && never_joined(node) &&
        node->sight.registered == 0) {
        node_step(core, node, EDGE_drain, state->why.reason); /* nothing of it can have a runner */
        return;
    }
    say(why, sizeof why, T("given back since "), CLOCK(state->why.began.wall_ms),
        T(", paid until "), CLOCK(hour.until_wall_ms), T(", runners known: "),
        N(state->runners.count));
    ask_step(core, node, ACTION_DEREGISTER_RUNNERS, state->why.reason, why, false);
}

static void step_draining(struct core *core, struct node *node)
{
    const struct node_draining *state = life_as_draining(&node->life);
    char why[TEXT_BYTES_MAX + 1];
    if (never_joined(node) && trust_shows_result_of(core, SOURCE_KUBE, node)) {
        node_step(core, node, EDGE_remove, state->why.reason); /* no Kubernetes node, no pods */
        return;
    }
    life_drain_asked(&node->life, core_now(core));
    bool over = core_due(core, state->since.mono_ms + core->config->life.drain_deadline_ms);
    say(why, sizeof why, T("deadline "),
        CLOCK(state->since.wall_ms + core->config->life.drain_deadline_ms),
        T(over ? ", which is over" : ""));
    ask_step(core, node, ACTION_DRAIN_NODE, state->why.reason, why,
             over || node->presence[SOURCE_HETZNER].missing_mono_ms != 0);
}

static void step_removing(struct core *core, struct node *node)
{
    const struct node_removing *state = life_as_removing(&node->life);
    if (state->done_mono_ms != 0)
        return;
    if (!rails_allow_delete(core)) {
        node->held_by_rail = true;
        return;
    }
    if (node->errand.kind != ACTION_REMOVE_NODE)
        rails_count(core, &core->deletes);
    ask_step(core, node, ACTION_REMOVE_NODE, state->why.reason,
             "its runners are gone and its pods have left", false);
}

static void step(struct core *core, struct node *node)
{
    enum node_state before = life_state(&node->life);
    give_up_waiting(core, node);
    if (!free_to_ask(core, node))
        return;
    switch (before) {
    case NODE_PROVISIONING: step_provisioning(core, node); break;
    case NODE_BUSY:
    case NODE_IDLE: /* looked at: nothing is left to know */
        node->errand.unknown = may_arrive_yet(core, node);
        break;
    case NODE_DEREGISTERING:
        if (core->may_destroy)
            step_deregistering(core, node);
        break;
    case NODE_DRAINING:
        if (core->may_destroy)
            step_draining(core, node);
        break;
    case NODE_REMOVING:
        if (core->may_destroy)
            step_removing(core, node);
        break;
    case node_state_count: break;
    }
    if (life_retirement(&node->life) == NULL && free_to_ask(core, node))
        step_serving(core, node);
    if (life_state(&node->life) != before)
        step(core,
             node); /* a stretch with nothing to do is passed at once; states only go forward */
}

/* What its failures are of: of a teardown, the step it is at, also where a restart has forgotten
 * what was asked. */
static enum action_kind step_of(const struct node *node)
{
    switch (life_state(&node->life)) {
    case NODE_DEREGISTERING: return ACTION_DEREGISTER_RUNNERS;
    case NODE_DRAINING: return ACTION_DRAIN_NODE;
    case NODE_REMOVING: return ACTION_REMOVE_NODE;
    case NODE_PROVISIONING:
    case NODE_BUSY:
    case NODE_IDLE:
    case node_state_count: break;
    }
    return node->errand.kind;
}

static void step_alarms(struct core *core, const struct node *node)
{
    const struct errand *errand = &node->errand;
    const char *step = action_text(step_of(node));
    if (errand->refused)
        core_alarm(core, ALARM_RAIL, node->name, T("the actuator refuses "), T(step), T(" of "),
                   T(node->name), T(": "), T(errand->text));
    else if (errand->failures > 0 && errand->trouble == TROUBLE_STORAGE)
        core_alarm(core, ALARM_STORAGE, node->name, T(step), T(" of "), T(node->name),
                   T(" cannot be written down, so it is not done: "), T(errand->text));
    else if (errand->failures >= STEP_FAILURES_LOUD)
        core_alarm(core, ALARM_STEP_FAILS, node->name, T(step), T(" of "), T(node->name),
                   T(" failed "), N(errand->failures), T(" times in a row: "), T(errand->text));
}

void steps_take(struct core *core)
{
    uint32_t count = core->node_count;
    for (uint32_t i = 0; i < count && core->config->mode == MODE_ACT && core->restored; i++)
        step(core, &core->node[(core->turn + i) % count]);
    if (count > 0)
        core->turn = (core->turn + 1) % count;
    for (uint32_t i = 0; i < count; i++)
        step_alarms(core, &core->node[i]);
    if (!ask_room(core))
        core->wake_ms = core->mono_ms;
    if (core->create_failures >= STEP_FAILURES_LOUD || core->create_trouble == TROUBLE_QUOTA ||
        core->create_trouble == TROUBLE_RAIL || core->create_trouble == TROUBLE_UNAUTHORIZED ||
        core->create_trouble == TROUBLE_STORAGE)
        core_alarm(core,
                   core->create_trouble == TROUBLE_QUOTA          ? ALARM_QUOTA
                   : core->create_trouble == TROUBLE_RAIL         ? ALARM_RAIL
                   : core->create_trouble == TROUBLE_UNAUTHORIZED ? ALARM_UNAUTHORIZED
                   : core->create_trouble == TROUBLE_STORAGE      ? ALARM_STORAGE
                                                                  : ALARM_STEP_FAILS,
                   "create_server", T("servers cannot be created: "), T(core->create_text));
}
