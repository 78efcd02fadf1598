/* What came of an action: one row of decisions for each kind of action. May not: ask for the next.
 */
#include "reconciler/core/private.h"

#define CREATE_PAUSE_MOST_MS 60000

/* A limit of a type's, or a rail that may be the pool's own, holds no other pool. */
static bool is_of_pool(const struct core *core, uint32_t pool, const struct action_result *result)
{
    return pool < core->config->pools_count &&
           (result->trouble == TROUBLE_QUOTA || result->outcome == OUTCOME_REFUSED);
}

static void pause_creates(struct core *core, uint32_t pool, const struct action_result *result,
                          int64_t least_ms)
{
    bool own = is_of_pool(core, pool, result);
    uint32_t *failures = own ? &core->memory[pool].refused : &core->create_failures;
    int64_t pause = STEP_BACKOFF_FIRST_MS;
    for (uint32_t i = 0; i < *failures && pause < CREATE_PAUSE_MOST_MS; i++)
        pause *= 2;
    pause = pause < CREATE_PAUSE_MOST_MS ? pause : CREATE_PAUSE_MOST_MS;
    pause = pause > least_ms ? pause : least_ms;
    pause = pause > result->retry_after_ms ? pause : result->retry_after_ms;
    ++*failures;
    if (own)
        core->memory[pool].pause_mono_ms = core->mono_ms + pause;
    else
        core->create_pause_mono_ms = core->mono_ms + pause;
    core->create_trouble = result->outcome == OUTCOME_REFUSED ? TROUBLE_RAIL : result->trouble;
    text_copy(core->create_text, sizeof core->create_text, result->text);
}

/* One that was made says nothing of what holds another pool. */
static void creates_go_on(struct core *core, uint32_t pool)
{
    bool held = false;
    for (uint32_t i = 0; i < core->config->pools_count; i++) {
        if (i == pool)
            core->memory[i].refused = 0;
        held = held || core->memory[i].refused > 0;
    }
    core->create_failures = 0;
    if (!held || (core->create_trouble != TROUBLE_RAIL && core->create_trouble != TROUBLE_QUOTA))
        core->create_trouble = TROUBLE_NONE;
}

/* Whether a server is wanted that nobody has asked for, or is asked for and not answered. */
static bool wants_server(const struct core *core)
{
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        if (core->pool[i].desired > core->pool[i].serving)
            return true;
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct errand *errand = &core->node[i].errand;
        if (errand->kind == ACTION_CREATE_SERVER && (errand->in_flight || errand->unknown))
            return true;
    }
    return false;
}

static bool pauses_are_over(struct core *core)
{
    bool over = core_due(core, core->create_pause_mono_ms);
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        over = core_due(core, core->memory[i].pause_mono_ms) && over;
    return over;
}

void results_forget(struct core *core)
{
    bool failed = core->create_failures > 0 || core->create_trouble != TROUBLE_NONE;
    if (!failed || !pauses_are_over(core) || wants_server(core))
        return;
    core->create_failures = 0;
    core->create_trouble = TROUBLE_NONE;
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        core->memory[i].refused = 0;
}

static void look_again(struct core *core, struct node *node)
{
    node->errand.unknown = true;
    core->out->poll_now |= (1u << SOURCES) - 1;
}

/* Nothing was made for certain: the node is dropped, and the plan chooses anew. */
static void not_created(struct core *core, struct node *node, const struct action_result *result)
{
    const struct config_rails *rails = &core->config->rails;
    core->create_errors++;
    if (result->trouble == TROUBLE_SOLD_OUT)
        offers_close(core, node->pool, node->server_type, node->location, rails->sold_out_pause_ms,
                     result->text);
    else if (result->trouble == TROUBLE_INVALID)
        offers_failed(core, node->pool, node->server_type, node->location, result->text);
    if (result->trouble != TROUBLE_SOLD_OUT)
        pause_creates(core, node->pool, result,
                      result->trouble == TROUBLE_QUOTA ? rails->sold_out_pause_ms : 0);
    fleet_drop(core, node);
}

static void on_created(struct core *core, struct node *node, const struct action_result *result)
{
    switch (result->outcome) {
    case OUTCOME_DONE:
        node->server_id = result->server_id;
        node->created_ms = result->created_ms;
        core->created++;
        creates_go_on(core, node->pool);
        core->out->poll_now |= 1u << SOURCE_HETZNER;
        return;
    case OUTCOME_FAILED:
        /* After these a server may have been made all the same. */
        if (result->trouble == TROUBLE_TIMEOUT || result->trouble == TROUBLE_SERVER_ERROR ||
            result->trouble == TROUBLE_BAD_ANSWER || result->trouble == TROUBLE_LOCKED ||
            result->server_id != 0) {
            core->create_errors++;
            errand_back_off(core, node, result->retry_after_ms);
            look_again(core, node);
            return;
        }
        not_created(core, node, result);
        return;
    case OUTCOME_REFUSED:
        rails_take_back(&core->creates); /* nothing was asked of Hetzner */
        not_created(core, node, result);
        return;
    case OUTCOME_AGAIN: node->errand.next_mono_ms = core->mono_ms + result->retry_after_ms; break;
    case OUTCOME_UNKNOWN:
    case OUTCOME_HAS_JOB:
    case OUTCOME_RUNNER_SEEN:
    case outcome_count: break;
    }
    look_again(core, node);
}

static void on_done(struct core *core, struct node *node, enum action_kind kind)
{
    const struct retirement *why = life_retirement(&node->life);
    enum node_state state = life_state(&node->life);
    if (kind == ACTION_DEREGISTER_RUNNERS && state == NODE_DEREGISTERING) {
        core->deregistered += life_runners(&node->life)->count;
        node_step(core, node, EDGE_drain, why->reason);
    } else if (kind == ACTION_DRAIN_NODE && state == NODE_DRAINING) {
        if (node->sight.kube != NONE)
            life_drained(&node->life);
        node_step(core, node, EDGE_remove, why->reason);
    } else if (kind == ACTION_REMOVE_NODE && state == NODE_REMOVING) {
        int64_t took = core->mono_ms - why->began.mono_ms;
        core->deleted++;
        core->out->measured.teardown_ms = took > 0 ? took : 1;
        /* How long a rail held it says nothing of the next one: the window allows for that apart.
         */
        if (!node->held_by_rail)
            hour_teardown_took(core, took);
        life_removed(&node->life, core->mono_ms);
        core->out->poll_now |= (1u << SOURCE_HETZNER) | (1u << SOURCE_KUBE);
    }
    node->errand.failures = 0;
}

static void on_again(struct core *core, struct node *node, const struct action_result *result)
{
    node->errand.failures = 0;
    node->errand.next_mono_ms =
        core->mono_ms +
        (result->retry_after_ms > 0 ? result->retry_after_ms : STEP_BACKOFF_FIRST_MS);
    if (life_state(&node->life) == NODE_DRAINING)
        life_pods_left(&node->life, (uint32_t)result->left);
}

static void on_has_job(struct core *core, struct node *node)
{
    core->out->poll_now |= 1u << SOURCE_GITEA;
    if (node->offline_mono_ms !=
        0) /* the actuator saw it; or an old list would ask at once again */
        node->offline_mono_ms = core->mono_ms;
    if (life_state(&node->life) == NODE_DEREGISTERING)
        node_step(core, node, EDGE_release, REASON_DEMAND);
    else
        errand_back_off(core, node, 0);
}

/* The actuator saw more than our pictures show: nothing goes on before new ones are there, or the
 * node would run in a circle as fast as messages do. */
static void on_runner_seen(struct core *core, struct node *node)
{
    look_again(core, node);
    if (life_state(&node->life) == NODE_DRAINING)
        node_step(core, node, EDGE_relapse, REASON_RUNNER_BACK);
    else if (life_state(&node->life) == NODE_REMOVING)
        node_step(core, node, EDGE_come_back, REASON_RUNNER_BACK);
    else
        errand_back_off(core, node, 0);
}

static void on_step(struct core *core, struct node *node, const struct action_result *result)
{
    switch (result->outcome) {
    case OUTCOME_DONE: on_done(core, node, result->kind); return;
    case OUTCOME_AGAIN: on_again(core, node, result); return;
    case OUTCOME_HAS_JOB: on_has_job(core, node); return;
    case OUTCOME_RUNNER_SEEN: on_runner_seen(core, node); return;
    case OUTCOME_REFUSED:
        node->errand.refused = true;
        node->held_by_rail = true;
        core->remove_errors++;
        errand_back_off(core, node, result->retry_after_ms);
        return;
    case OUTCOME_FAILED:
        core->remove_errors++;
        errand_back_off(core, node, result->retry_after_ms);
        return;
    case OUTCOME_UNKNOWN:
        errand_back_off(core, node, result->retry_after_ms);
        look_again(core, node);
        return;
    case outcome_count: break;
    }
    __builtin_trap();
}

void results_take(struct core *core, const struct action_result *result)
{
    struct node *node = fleet_find_action(core, result->id);
    if (node == NULL || node->errand.kind != result->kind) {
        core_say(core, VERBOSITY_INFO, T("a result of an action that nobody waits for: "),
                 T(action_text(result->kind)));
        return;
    }
    struct errand *errand = &node->errand;
    errand->in_flight = false;
    errand->unknown = false;
    errand->refused = false;
    errand->result_mono_ms = core->mono_ms;
    errand->trouble = result->trouble;
    text_copy(errand->text, sizeof errand->text, result->text);
    if (result->outcome == OUTCOME_FAILED || result->outcome == OUTCOME_REFUSED)
        core_say(core, VERBOSITY_WARNING, T("node "), T(node->name), T(": "),
                 T(action_text(result->kind)), T(": "), T(result->text));
    if (result->kind == ACTION_CREATE_SERVER)
        on_created(core, node, result);
    else
        on_step(core, node, result);
}
