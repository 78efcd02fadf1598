/* What people see: the whole picture after a step, and each node's sentence. May not: decide. */
#include "reconciler/core/private.h"

static int64_t since(const struct core *core, int64_t mono_ms)
{
    return core->mono_ms > mono_ms ? core->mono_ms - mono_ms : 0;
}

static void why_serving(const struct core *core, const struct node *node, char *out, size_t size)
{
    const struct node_idle *idle = life_as_idle(&node->life);
    if (node->foreign)
        say(out, size, T("a person disabled its runner: left alone"));
    else if (node->sight.job != NONE)
        say(out, size, T(core->gitea->jobs[node->sight.job].name), T(" · "),
            T(core->gitea->jobs[node->sight.job].repository), T(" #"),
            N(core->gitea->jobs[node->sight.job].run_id));
    else if (node->pool == NO_POOL)
        say(out, size, T("its pool is not in the configuration: goes as soon as it is idle"));
    else if (idle != NULL && core->pool[node->pool].serving <= node_pool(core, node)->min)
        say(out, size, T("kept: min is "), N(node_pool(core, node)->min));
    else if (idle != NULL && !core->may_destroy)
        say(out, size, T("kept: what the APIs say is not believed, see the alarms"));
    else if (idle != NULL)
        say(out, size, T("hour is paid; goes at "), CLOCK(hour_goes_wall_ms(core, node)),
            T(" if nothing comes"));
    else if (node->sight.online == 0)
        say(out, size, T("its runner is offline"));
    else
        say(out, size, T("no job seen; it is idle when all looks for "),
            SPAN(core->config->life.idle_confirm_ms), T(" agree"));
}

static void why_of(const struct core *core, const struct node *node, char *out, size_t size)
{
    const struct node_draining *draining = life_as_draining(&node->life);
    const struct retirement *retirement = life_retirement(&node->life);
    switch (life_state(&node->life)) {
    case NODE_PROVISIONING:
        say(out, size,
            T(node->server_id == 0       ? "asked for"
              : node->sight.kube == NONE ? "boots"
              : node->sight.pods == 0    ? "joined; no runner pod yet"
                                         : "joined; its runner is not online yet"),
            T("; removed at "),
            CLOCK(node->asked.wall_ms + core->config->life.provision_timeout_ms),
            T(" if no runner comes"));
        return;
    case NODE_BUSY:
    case NODE_IDLE: why_serving(core, node, out, size); return;
    case NODE_DRAINING:
        say(out, size, N(draining->pods_left), T(" pods left, deadline "),
            CLOCK(draining->since.wall_ms + core->config->life.drain_deadline_ms));
        return;
    case NODE_DEREGISTERING:
    case NODE_REMOVING:
        say(out, size, T(reason_text(retirement->reason)),
            T(node->errand.text[0] != '\0' ? ": " : ""), T(node->errand.text));
        return;
    case node_state_count: return;
    }
}

static void show_node(struct core *core, uint32_t index)
{
    const struct node *node = &core->node[index];
    const struct runner_set *runners = life_runners(&node->life);
    const struct node_idle *idle = life_as_idle(&node->life);
    struct hour hour = hour_of(core, node);
    char *names = core->status_runners[index];
    names[0] = '\0';
    for (uint32_t i = 0; runners != NULL && i < runners->count; i++)
        say_more(names, sizeof core->status_runners[index], T(i == 0 ? "" : ","),
                 T(runners->runner[i].name));
    why_of(core, node, core->status_why[index], sizeof core->status_why[index]);
    int64_t age = node->created_ms != 0 ? hour_api_ms(core) - node->created_ms : 0;
    core->status_node[index] = (struct status_node){
        .name = node->name,
        .pool = node->pool_name,
        .state = life_state(&node->life),
        .server_id = node->server_id,
        .state_ms = since(core, life_since(&node->life).mono_ms),
        .age_ms = age > 0 ? age : 0,
        .idle_ms = idle != NULL ? since(core, idle->since.mono_ms) : 0,
        .paid_until_ms = hour.until_wall_ms > 0 ? hour.until_wall_ms : 0,
        .paid_left_ms = hour.left_ms,
        .jobs = node->sight.jobs,
        .runners = names,
        .why = core->status_why[index],
    };
}

static void show_pool(struct core *core, uint32_t index)
{
    const struct config_pool *row = &core->config->pools[index];
    const struct pool_now *now = &core->pool[index];
    core->status_pool[index] = (struct status_pool){
        .name = row->name,
        .servers = now->total,
        .desired = now->desired,
        .least = row->min,
        .most = row->max,
        .jobs_runnable = now->runnable,
        .slots_free = now->free,
        .slots_coming = now->coming,
        .hourly_micro = now->hourly_micro,
    };
    core->status.hourly_micro += now->hourly_micro;
}

static void show_source(struct core *core, enum source source)
{
    const struct source_now *now = &core->source[source];
    int64_t age = now->head != NULL ? source_age_ms(core, source) : 0;
    core->status_source[source] = (struct status_source){
        .source = source,
        .sequence = now->head != NULL ? now->head->sequence : 0,
        .age_ms = age > 0 ? age : 0,
        .stale = source_stale(core, source),
        .text = now->trouble_text,
    };
}

static void show_alarm(struct core *core, uint32_t index)
{
    const struct alarm_slot *alarm = &core->alarm[index];
    core->status_alarm[index] = (struct alarm){
        .kind = alarm->kind,
        .subject = alarm->subject,
        .text = alarm->text,
        .since_wall_ms = alarm->since_wall_ms > 0 ? alarm->since_wall_ms : 0,
    };
}

/* Over what people would call a change: not the ages. */
static uint64_t picture_hash(const struct status *status)
{
    uint64_t hash = TEXT_HASH_START;
    const uint64_t numbers[] = {status->jobs_running,  status->jobs_waiting, status->jobs_blocked,
                                status->jobs_unserved, status->jobs_lost,    status->total_micro,
                                status->created,       status->deleted,      status->deregistered,
                                status->create_errors, status->remove_errors};
    for (uint32_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        hash = number_mix(hash, numbers[i]);
    for (uint32_t i = 0; i < status->nodes_count; i++) {
        hash = text_mix(text_mix(hash, status->nodes[i].name), status->nodes[i].why);
        hash = number_mix(number_mix(hash, status->nodes[i].state), status->nodes[i].jobs);
    }
    for (uint32_t i = 0; i < status->pools_count; i++)
        hash = number_mix(hash, status->pools[i].desired);
    for (uint32_t i = 0; i < status->alarms_count; i++)
        hash = text_mix(hash, status->alarms[i].text);
    for (uint32_t i = 0; i < status->sources_count; i++)
        hash = number_mix(hash, status->sources[i].stale);
    return hash;
}

void status_make(struct core *core)
{
    core->status = (struct status){
        .wall_ms = core->wall_ms,
        .mode = core->config->mode,
        .pools = core->status_pool,
        .pools_count = core->config->pools_count,
        .nodes = core->status_node,
        .nodes_count = core->node_count,
        .sources = core->status_source,
        .sources_count = SOURCES,
        .alarms = core->status_alarm,
        .alarms_count = core->alarm_count,
        .jobs_running = core->jobs.running,
        .jobs_waiting = core->jobs.waiting,
        .jobs_blocked = core->jobs.blocked,
        .jobs_unserved = core->jobs.unserved,
        .jobs_lost = core->jobs.lost,
        .unserved_labels = core->jobs.unserved_labels,
        .hourly_micro = core->pool[NO_POOL].hourly_micro,
        .today_micro = core->today_micro,
        .total_micro = core->total_micro,
        .currency = core->hetzner != NULL ? core->hetzner->currency : "",
        .created = core->created,
        .deleted = core->deleted,
        .deregistered = core->deregistered,
        .create_errors = core->create_errors,
        .remove_errors = core->remove_errors,
        .hours_rolled = core->hours_rolled,
    };
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        show_pool(core, i);
    for (uint32_t i = 0; i < core->node_count; i++)
        show_node(core, i);
    for (unsigned i = 0; i < SOURCES; i++)
        show_source(core, (enum source)i);
    for (uint32_t i = 0; i < core->alarm_count; i++)
        show_alarm(core, i);
    uint64_t hash = picture_hash(&core->status);
    core->out->status_changed = hash != core->status_hash;
    core->status_hash = hash;
}
