/* Each node's state from what is seen: who joined, works, rests, is gone or stuck. Teardowns for
 * the hour's sake are the plan's; those that what is seen demands begin here. May not: ask for
 * actions. */
#include "reconciler/core/private.h"

static bool seen_after_result(const struct core *core, const struct node *node)
{
    return core->gitea != NULL && core->kube != NULL &&
           trust_shows_result_of(core, SOURCE_GITEA, node);
}

/* Idle is confirmed by looks that agree; one look that does not ends it. */
static void follow_quiet(struct core *core, struct node *node)
{
    const struct sight *sight = &node->sight;
    if (core->event != CORE_GITEA || !seen_after_result(core, node))
        return;
    if (sight->jobs != 0 || sight->busy || sight->online == 0) {
        node->quiet = (struct moment){0};
        return;
    }
    if (node->quiet.mono_ms != 0)
        return;
    node->quiet.mono_ms = core->gitea->head.began_mono_ms;
    node->quiet.wall_ms = core->wall_ms - (core->mono_ms - node->quiet.mono_ms);
}

static void follow_online(struct core *core, struct node *node)
{
    if (core->gitea == NULL || core->kube == NULL)
        return;
    if (node->sight.online > 0) {
        node->offline_mono_ms = 0;
        node->ready_wall_ms = core->wall_ms - source_age_ms(core, SOURCE_GITEA);
    } else if (node->offline_mono_ms == 0) {
        node->offline_mono_ms = core->mono_ms;
    }
}

static bool server_gone(const struct core *core, const struct node *node)
{
    return core->may_destroy && trust_server_gone(core, node);
}

/* A runner that is disabled without our note was disabled by a person. Believed when a Gitea
 * picture before and one after the Kubernetes picture without the note both show it disabled. */
static void follow_fence(struct core *core, struct node *node)
{
    bool strange = node->sight.disabled > node->sight.disabled_by_us;
    if (core->gitea == NULL || core->kube == NULL)
        return;
    if (!strange || life_retirement(&node->life) != NULL || !seen_after_result(core, node) ||
        server_gone(core, node)) { /* a machine that is gone is nobody's to keep */
        node->disabled_mono_ms = 0;
        node->foreign = false;
        return;
    }
    const struct snapshot_head *gitea = &core->gitea->head, *kube = &core->kube->head;
    if (node->disabled_mono_ms == 0)
        node->disabled_mono_ms = gitea->ended_mono_ms;
    if (kube->began_mono_ms >= node->disabled_mono_ms &&
        gitea->began_mono_ms >= kube->ended_mono_ms)
        node->foreign = true;
    if (node->foreign)
        core_alarm(core, ALARM_FOREIGN_FENCE, node->name, T("a runner of "), T(node->name),
                   T(" was disabled, and not by us: the node is left alone, and paid, until "
                     "somebody enables the runner or deletes it."));
}

/* Mode observe: that it would go for this reason was said already. */
static bool said(const struct node *node, enum reason reason)
{
    return node->would_go && node->would_go_reason == (int64_t)reason;
}

/* Begins a teardown; in mode observe it only says so, once. */
static void go(struct core *core, struct node *node, enum edge edge, enum reason reason)
{
    if (core->config->mode == MODE_ACT) {
        node_step(core, node, edge, reason);
        return;
    }
    if (!said(node, reason))
        core_say(core, VERBOSITY_INFO,
                 T("observe: would deregister_runner, drain_node and "
                   "remove_node "),
                 T(node->name), T(" ("), T(reason_text(reason)), T(")"));
    node->would_go = true;
    node->would_go_reason = (int64_t)reason;
}

static void joined(struct core *core, struct node *node)
{
    int64_t took = core->mono_ms - node->asked.mono_ms;
    node_step(core, node, EDGE_join, REASON_DEMAND);
    offers_served(core, node);
    core->out->measured.provision_ms = took > 0 ? took : 1;
}

/* A machine that came to nothing goes, and its offer failed: once, also where nothing is done. */
static void give_up(struct core *core, struct node *node, enum reason reason, const char *why)
{
    if (!said(node, reason))
        offers_failed(core, node->pool, node->server_type, node->location, why);
    go(core, node, EDGE_give_up, reason);
}

/* A job on a runner that the list lacks, and that is or may be this node's. Gitea ends such a job
 * by itself. */
static bool may_hold_lost_job(const struct core *core, const struct node *node)
{
    return node->sight.registered == 0 && (node->sight.lost_job || core->jobs.nameless > 0);
}

/* When it has had its time to come and serve. One that was found at a start without memory has it
 * anew: what a first list lacks may have been there all along. */
static int64_t time_is_up_mono_ms(const struct core *core, const struct node *node)
{
    int64_t from_ms = hour_born_mono_ms(core, node);
    int64_t first_ms = node->presence[SOURCE_HETZNER].first_mono_ms;
    return (from_ms > first_ms ? from_ms : first_ms) + core->config->life.provision_timeout_ms;
}

/* True where the node was dropped. */
static bool out_of_time(struct core *core, struct node *node)
{
    const char *why = node->sight.kube == NONE ? "no Kubernetes node of it ever came"
                                               : "no runner of it ever came";
    enum reason reason = node->sight.kube == NONE ? REASON_NEVER_JOINED : REASON_NEVER_REGISTERED;
    if (!core_due(core, time_is_up_mono_ms(core, node)) || !core->may_destroy ||
        node->errand.in_flight)
        return false;
    if (reason == REASON_NEVER_REGISTERED && may_hold_lost_job(core, node))
        return false;
    if (node->server_id != 0 || node->sight.kube != NONE) {
        give_up(core, node, reason, why);
        return false;
    }
    if (!trust_shows_result(core, node))
        return false; /* not yet, and it has not failed yet either */
    offers_failed(core, node->pool, node->server_type, node->location, why);
    fleet_drop(core, node); /* no server of that name ever was; one that comes late is adopted */
    return true;
}

static bool observe_provisioning(struct core *core, struct node *node)
{
    const struct sight *sight = &node->sight;
    if (sight->online > 0 && core->gitea != NULL && core->kube != NULL) {
        joined(core, node);
        return false;
    }
    if (node->foreign || node->errand.in_flight)
        return false;
    if (sight->create_failed && core->may_destroy) {
        give_up(core, node, REASON_CREATE_FAILED, "its create failed");
    } else if (sight->kube != NONE && core->kube != NULL &&
               core->kube->nodes[sight->kube].evicting && core->may_destroy) {
        go(core, node, EDGE_give_up, REASON_CONTINUE);
    } else if (server_gone(core, node)) {
        go(core, node, EDGE_give_up, REASON_SERVER_GONE);
    } else {
        return out_of_time(core, node);
    }
    return false;
}

static void observe_busy(struct core *core, struct node *node)
{
    const struct config_life *life = &core->config->life;
    const struct sight *sight = &node->sight;
    if (!core_due(core, life_since(&node->life).mono_ms + life->busy_longest_ms)) {
        /* still within its longest stay */
    } else if (sight->jobs > 0) {
        core_alarm(core, ALARM_STUCK, node->name, T(node->name),
                   T(" has been busy for longer than "
                     "life.busy_longest. A job is never killed: look at it."));
    }
    if (core->gitea == NULL || sight->jobs > 0 || node->foreign || node->errand.in_flight)
        return;
    if (node->quiet.mono_ms != 0 && sight->online > 0 &&
        core->gitea->head.began_mono_ms - node->quiet.mono_ms >= life->idle_confirm_ms) {
        node_step(core, node, EDGE_rest, REASON_DEMAND);
    } else if (server_gone(core, node)) {
        go(core, node, EDGE_abandon, REASON_SERVER_GONE);
    } else if (node->offline_mono_ms != 0 && core->may_destroy && !may_hold_lost_job(core, node) &&
               core_due(core, node->offline_mono_ms + life->provision_timeout_ms)) {
        go(core, node, EDGE_abandon, REASON_RUNNER_GONE);
    }
}

static void observe_idle(struct core *core, struct node *node)
{
    const struct sight *sight = &node->sight;
    if (core->gitea == NULL || core->kube == NULL)
        return;
    if (server_gone(core, node) && sight->jobs == 0 && !node->foreign)
        go(core, node, EDGE_retire, REASON_SERVER_GONE);
    else if (sight->jobs > 0 || sight->busy || sight->online == 0)
        node_step(core, node, EDGE_work, REASON_DEMAND);
}

/* Longer than its longest stay: a person should know; the steps go on. */
static void observe_stay(struct core *core, struct node *node)
{
    const struct config_life *life = &core->config->life;
    enum node_state state = life_state(&node->life);
    int64_t most = state == NODE_DEREGISTERING ? life->deregister_longest_ms
                   : state == NODE_DRAINING    ? life->drain_longest_ms
                                               : life->remove_longest_ms;
    if (core_due(core, life_since(&node->life).mono_ms + most))
        core_alarm(core, ALARM_STUCK, node->name, T(node->name), T(" has been "),
                   T(state_text(state)), T(" for longer than "), SPAN(most), T(". "),
                   T(node->errand.text));
}

/* A Kubernetes node that nobody has drained: the machine joined after it was given up. */
static bool joined_late(const struct core *core, const struct node *node)
{
    const struct node_removing *removing = life_as_removing(&node->life);
    return removing != NULL && !removing->drained && node->sight.kube != NONE &&
           trust_shows_result_of(core, SOURCE_KUBE, node);
}

/* A runner that shows up again while its node goes: back to the fence. */
static void observe_return(struct core *core, struct node *node)
{
    const struct node_removing *removing = life_as_removing(&node->life);
    bool runner = node->sight.registered != 0 && seen_after_result(core, node);
    if ((!runner && !joined_late(core, node)) || (removing != NULL && removing->done_mono_ms != 0))
        return;
    node_step(core, node, removing != NULL ? EDGE_come_back : EDGE_relapse, REASON_RUNNER_BACK);
}

/* True where the node was dropped: removed, and every list begun since agrees. */
static bool observe_removed(struct core *core, struct node *node)
{
    const struct node_removing *removing = life_as_removing(&node->life);
    if (removing->done_mono_ms == 0)
        return false;
    if (node->sight.server == NONE && node->sight.kube == NONE && trust_shows_result(core, node)) {
        fleet_drop(core, node);
        return true;
    }
    if (core_due(core, removing->done_mono_ms + core->config->life.create_grace_ms) &&
        trust_shows_result(core, node))
        life_removed(&node->life, 0); /* still listed: ask again */
    return false;
}

/* True where the node was dropped. */
static bool observe_node(struct core *core, struct node *node)
{
    follow_quiet(core, node);
    follow_online(core, node);
    follow_fence(core, node);
    switch (life_state(&node->life)) {
    case NODE_PROVISIONING: return observe_provisioning(core, node);
    case NODE_BUSY: observe_busy(core, node); return false;
    case NODE_IDLE: observe_idle(core, node); return false;
    case NODE_DEREGISTERING: observe_stay(core, node); return false;
    case NODE_DRAINING:
        observe_stay(core, node);
        observe_return(core, node);
        return false;
    case NODE_REMOVING:
        observe_stay(core, node);
        observe_return(core, node);
        return life_as_removing(&node->life) != NULL && observe_removed(core, node);
    case node_state_count: break;
    }
    return false;
}

void observe_fleet(struct core *core)
{
    if (!core->restored)
        return;
    for (uint32_t i = 0; i < core->node_count;)
        if (!observe_node(core, &core->node[i]))
            i++;
}
