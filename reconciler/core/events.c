/* What an event changes before the step begins: the snapshot that is held, what a source said, who
 * is there. May not: decide; that is the road's. */
#include <string.h>

#include "reconciler/core/private.h"

/* Takes a snapshot's storage over, hands the one before back. False, and the new one is handed
 * back, where it was begun before the one that is held: what came late shows nothing new. Likewise
 * where it claims to come from the future: it would be fresh for ever. */
static bool hold(struct core *core, enum source source, void *owner,
                 const struct snapshot_head *head)
{
    struct source_now *now = &core->source[source];
    bool late = now->head != NULL && head->began_mono_ms < now->head->began_mono_ms;
    bool early = head->ended_mono_ms > core->mono_ms || head->began_mono_ms > head->ended_mono_ms;
    core->out->released = late || early ? owner : now->owner;
    if (early)
        core_say(core, VERBOSITY_WARNING, T(source_text(source)),
                 T(": a snapshot that was not taken yet; not believed"));
    if (late || early)
        return false;
    if (now->trouble.failures != 0)
        core_say(core, VERBOSITY_INFO, T(source_text(source)), T(": answers again"));
    now->owner = owner;
    now->head = head;
    now->trouble.failures = 0;
    now->trouble_text[0] = '\0';
    return true;
}

static void on_gitea(struct core *core, const struct core_event *event)
{
    if (hold(core, SOURCE_GITEA, event->owner, &event->u.gitea->head))
        core->gitea = event->u.gitea;
    else
        core->event = CORE_TICK;
}

static void on_hetzner(struct core *core, const struct core_event *event)
{
    if (hold(core, SOURCE_HETZNER, event->owner, &event->u.hetzner->head))
        core->hetzner = event->u.hetzner;
    else
        core->event = CORE_TICK;
}

static void on_kube(struct core *core, const struct core_event *event)
{
    if (hold(core, SOURCE_KUBE, event->owner, &event->u.kube->head))
        core->kube = event->u.kube;
    else
        core->event = CORE_TICK;
}

static void on_poll_trouble(struct core *core, const struct core_event *event)
{
    const struct poll_trouble *trouble = event->u.poll_trouble;
    struct source_now *now = &core->source[trouble->source];
    if (now->trouble.failures == 0 || !text_same(now->trouble_text, trouble->text))
        core_say(core, VERBOSITY_WARNING, T(source_text(trouble->source)), T(": "),
                 T(trouble->text));
    now->trouble = *trouble;
    text_copy(now->trouble_text, sizeof now->trouble_text, trouble->text);
    now->trouble.text = now->trouble_text;
}

static void on_token_writes(struct core *core, const struct core_event *event)
{
    const struct token_writes *found = event->u.token_writes;
    struct source_now *now = &core->source[found->source];
    now->token_writes = found->writes;
    text_copy(now->token_text, sizeof now->token_text, found->text);
}

static void on_checkpoint(struct core *core, const struct core_event *event)
{
    if (core->restored)
        return;
    core->restored = true;
    if (event->u.checkpoint != NULL)
        checkpoint_take(core, event->u.checkpoint);
}

/* An action whose outcome nobody knows: what the APIs show decides, but only from now on. */
static void lose_sight(struct core *core, struct node *node, const char *why)
{
    struct errand *errand = &node->errand;
    errand->in_flight = false;
    errand->unknown = true;
    errand->result_mono_ms = core->mono_ms;
    text_copy(errand->text, sizeof errand->text, why);
    core_say(core, VERBOSITY_WARNING, T("node "), T(node->name), T(": "),
             T(action_text(errand->kind)), T(": "), T(why));
}

static void on_actuator_lost(struct core *core)
{
    core->actuator_ready = false;
    for (uint32_t i = 0; i < core->node_count; i++)
        if (core->node[i].errand.in_flight)
            lose_sight(core, &core->node[i], "the actuator is gone; what came of it is looked at");
}

/* Reads "-" and a number in base 36, as B36 writes it. */
static bool read_part(const char **text, uint64_t *value)
{
    const char *at = *text;
    *value = 0;
    if (*at != '-')
        return false;
    for (at++; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z'); at++) {
        uint64_t digit = *at <= '9' ? (uint64_t)(*at - '0') : (uint64_t)(*at - 'a') + 10;
        if (*value > COUNTER_BELIEVED_MAX / 36)
            return false;
        *value = *value * 36 + digit;
    }
    *text = at;
    return *value != 0;
}

/* The pool that a name of ours was made for, and the id that made it: PREFIX-POOL-EPOCH-COUNTER.
 * NONE: it is not one of ours. */
static uint32_t pool_of_name(const struct core *core, const char *name, struct action_id *id)
{
    const char *rest = NULL, *end = NULL;
    if (!text_begins(name, core->config->name_prefix, &rest) || *rest != '-')
        return NONE;
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        if (text_begins(rest + 1, core->config->pools[i].name, &end) &&
            read_part(&end, &id->epoch) && read_part(&end, &id->counter) && *end == '\0')
            return i;
    return NONE;
}

/* A create under way, or without an outcome, that no checkpoint remembers: its server may come yet,
 * and must not be rented twice. Which offer it was asked from the server will say. */
static struct node *remember_create(struct core *core, const char *name)
{
    struct action_id id = {0, 0};
    uint32_t pool = pool_of_name(core, name, &id);
    struct node *node = pool != NONE ? fleet_add(core, name, core->config->pools[pool].name) : NULL;
    if (node == NULL)
        return NULL;
    node->made_by = id;
    core_say(core, VERBOSITY_INFO, T("node "), T(name),
             T(": the actuator knows of its create, and we do not: it may come yet"));
    return node;
}

static void take_audit_text(struct core *core, const char *text)
{
    text_copy(core->audit_text, sizeof core->audit_text, text != NULL ? text : "");
}

/* Once, at the start: whether ids were used that the checkpoint knows nothing of. */
static void compare_memories(struct core *core, const struct actuator_state *state)
{
    bool higher =
        state->epoch > core->remembered.epoch ||
        (state->epoch == core->remembered.epoch && state->counter > core->remembered.counter);
    if (!core->actuator_known && higher)
        core->forgot_mono_ms = core->mono_ms;
}

static void on_actuator_state(struct core *core, const struct core_event *event)
{
    const struct actuator_state *state = event->u.actuator_state;
    compare_memories(core, state);
    on_actuator_lost(core); /* a new channel: nothing of the old one will be answered */
    core->actuator_ready = true;
    core->actuator_known = true;
    take_audit_text(core, state->audit_trouble);
    /* Ids never repeat: go on above the highest that was ever used; but not where counting on would
     * come to an end, which no honest log ever reaches. */
    if (state->counter > COUNTER_BELIEVED_MAX || state->epoch > COUNTER_BELIEVED_MAX) {
        core_say(core, VERBOSITY_ERROR, T("the audit log knows id "), N(state->epoch), T("-"),
                 N(state->counter), T(", which cannot be: not believed"));
    } else if (state->epoch > core->epoch) {
        core_say(core, VERBOSITY_WARNING, T("the audit log knows epoch "), N(state->epoch),
                 T(", this start has "), N(core->epoch), T(": going on above the log's"));
        core->epoch = state->epoch;
        core->counter = state->counter;
    } else if (state->epoch == core->epoch && state->counter > core->counter) {
        core->counter = state->counter;
    }
    for (uint32_t i = 0; i < state->unknown_count; i++) {
        struct node *node = fleet_find(core, state->unknown[i].node);
        if (node == NULL && state->unknown[i].kind == ACTION_CREATE_SERVER)
            node = remember_create(core, state->unknown[i].node);
        if (node == NULL)
            continue;
        node->errand.kind = state->unknown[i].kind;
        node->errand.id = state->unknown[i].id; /* it may be under way yet: its result counts */
        lose_sight(core, node, "the audit log holds no outcome of it; it is looked at again");
    }
}

static void on_configured(struct core *core, const struct core_event *event)
{
    core->config = event->u.config;
    offers_configured(core);
    core_say(core, VERBOSITY_INFO, T("a new configuration holds"));
}

static void on_storage(struct core *core, const struct core_event *event)
{
    text_copy(core->storage_text, sizeof core->storage_text,
              event->u.storage_trouble != NULL ? event->u.storage_trouble : "");
}

void events_take(struct core *core, const struct core_event *event)
{
    switch (event->kind) {
    case CORE_TICK: return;
    case CORE_GITEA: on_gitea(core, event); return;
    case CORE_HETZNER: on_hetzner(core, event); return;
    case CORE_KUBE: on_kube(core, event); return;
    case CORE_POLL_TROUBLE: on_poll_trouble(core, event); return;
    case CORE_TOKEN_WRITES: on_token_writes(core, event); return;
    case CORE_CHECKPOINT: on_checkpoint(core, event); return;
    case CORE_ACTUATOR_STATE: on_actuator_state(core, event); return;
    case CORE_AUDIT_NEWS: take_audit_text(core, event->u.audit_news->trouble); return;
    case CORE_ACTUATOR_LOST: on_actuator_lost(core); return;
    case CORE_RESULT: results_take(core, event->u.result); return;
    case CORE_CONFIGURED: on_configured(core, event); return;
    case CORE_STORAGE: on_storage(core, event); return;
    case core_event_kind_count: break;
    }
    __builtin_trap();
}
