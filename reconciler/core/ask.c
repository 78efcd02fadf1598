/* Puts an action into the output, with its reason and the snapshots that it was decided from.
 * May not: decide. */
#include "common/names.h"
#include "reconciler/core/private.h"

bool ask_room(const struct core *core)
{
    return core->out->action_count < CORE_ACTIONS_PER_STEP_MAX;
}

static uint64_t sequence_of(const struct core *core, enum source source)
{
    return core->source[source].head != NULL ? core->source[source].head->sequence : 0;
}

static void name_node(struct core *core, const struct node *node, struct core_action *out)
{
    struct node_ref *ref = &out->action.node;
    *ref = (struct node_ref){.name = node->name,
                             .pool = node->pool_name,
                             .server_id = node->server_id,
                             .node_uid = "",
                             .provider_id = ""};
    if (node->sight.kube != NONE) {
        ref->node_uid = core->kube->nodes[node->sight.kube].uid;
        ref->provider_id = core->kube->nodes[node->sight.kube].provider_id;
    }
}

static struct core_action *next(struct core *core, struct node *node, enum action_kind kind,
                                enum reason reason, const char *why)
{
    struct core_action *out = &core->out->action[core->out->action_count++];
    struct errand *errand = &node->errand;
    text_copy(out->text, sizeof out->text, why);
    out->action = (struct action){
        .id = {.epoch = core->epoch, .counter = ++core->counter},
        .kind = kind,
        .reason = reason,
        .text = out->text,
        .server_type = node->server_type,
        .location = node->location,
        .image = node_pool(core, node)->image,
        .labels = out->label,
        .runners = out->runner,
        .gitea_sequence = sequence_of(core, SOURCE_GITEA),
        .hetzner_sequence = sequence_of(core, SOURCE_HETZNER),
        .kube_sequence = sequence_of(core, SOURCE_KUBE),
    };
    name_node(core, node, out);
    errand->in_flight = true;
    errand->unknown = false;
    errand->kind = kind;
    errand->id = out->action.id;
    errand->asked_mono_ms = core->mono_ms;
    return out;
}

static void add_label(struct core_action *out, const char *key, const char *value)
{
    if (out->action.labels_count < CORE_SERVER_LABELS_MAX)
        out->label[out->action.labels_count++] = (struct label){.key = key, .value = value};
}

void ask_create(struct core *core, struct node *node, enum reason reason, const char *why)
{
    struct core_action *out = next(core, node, ACTION_CREATE_SERVER, reason, why);
    if (node->made_by.epoch == 0)
        node->made_by = out->action.id;
    say(out->label_id, sizeof out->label_id, N(node->made_by.epoch), T("-"),
        N(node->made_by.counter));
    add_label(out, SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE);
    add_label(out, SERVER_LABEL_CLUSTER, core->config->cluster);
    add_label(out, SERVER_LABEL_POOL, node->pool_name);
    add_label(out, SERVER_LABEL_ID, out->label_id);
    for (uint32_t i = 0; i < core->config->hetzner.labels_count; i++)
        add_label(out, core->config->hetzner.labels[i].key, core->config->hetzner.labels[i].value);
}

void ask_step(struct core *core, struct node *node, enum action_kind kind, enum reason reason,
              const char *why, bool force)
{
    struct core_action *out = next(core, node, kind, reason, why);
    const struct runner_set *runners = life_runners(&node->life);
    out->action.force = force;
    if (kind != ACTION_DEREGISTER_RUNNERS && kind != ACTION_RELEASE_RUNNERS)
        return;
    for (uint32_t i = 0; runners != NULL && i < runners->count; i++)
        out->runner[out->action.runners_count++] =
            (struct runner_ref){.id = runners->runner[i].id, .name = runners->runner[i].name};
}

void errand_back_off(struct core *core, struct node *node, int64_t least_ms)
{
    int64_t pause = STEP_BACKOFF_FIRST_MS;
    node->errand.failures++;
    for (uint32_t i = 1; i < node->errand.failures && pause < STEP_BACKOFF_MOST_MS; i++)
        pause *= 2;
    pause = pause < STEP_BACKOFF_MOST_MS ? pause : STEP_BACKOFF_MOST_MS;
    node->errand.next_mono_ms = core->mono_ms + (pause > least_ms ? pause : least_ms);
}
