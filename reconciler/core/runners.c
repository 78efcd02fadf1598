/* Part of the join: which runner is which node's (by its pod's name, by the node's name, or because
 * it was seen to be), and which jobs run on whom. May not: change a node's state. */
#include <string.h>

#include "common/names.h"
#include "reconciler/core/private.h"

static uint32_t mask_for(uint32_t count, uint32_t slots_max)
{
    uint32_t slots = 16;
    while (slots < count * 2 + 2 && slots < slots_max)
        slots *= 2;
    return slots - 1;
}

static uint32_t id_slot(uint64_t id, uint32_t mask)
{
    return (uint32_t)(number_mix(TEXT_HASH_START, id) >> 7) & mask;
}

static void index_runners(struct core *core)
{
    const struct gitea_snapshot *gitea = core->gitea;
    core->runner_mask = mask_for(gitea->runners_count, RUNNER_TABLE_SLOTS);
    memset(core->runner_table, 0, (core->runner_mask + 1) * sizeof core->runner_table[0]);
    for (uint32_t i = 0; i < gitea->runners_count; i++) {
        uint32_t slot = id_slot(gitea->runners[i].id, core->runner_mask);
        while (core->runner_table[slot] != 0)
            slot = (slot + 1) & core->runner_mask;
        core->runner_table[slot] = i + 1;
        core->runner_node[i] = NONE;
        core->runner_has_job[i] = false;
    }
}

static uint32_t runner_by_id(const struct core *core, uint64_t id)
{
    for (uint32_t slot = id_slot(id, core->runner_mask); core->runner_table[slot] != 0;
         slot = (slot + 1) & core->runner_mask)
        if (core->gitea->runners[core->runner_table[slot] - 1].id == id)
            return core->runner_table[slot] - 1;
    return NONE;
}

static uint32_t pod_slot(const struct core *core, const char *name)
{
    return (uint32_t)text_mix(TEXT_HASH_START, name) & core->pod_mask;
}

static void index_pods(struct core *core)
{
    const struct kube_snapshot *kube = core->kube;
    core->pod_mask = mask_for(kube->pods_count, POD_TABLE_SLOTS);
    memset(core->pod_table, 0, (core->pod_mask + 1) * sizeof core->pod_table[0]);
    for (uint32_t i = 0; i < kube->pods_count; i++) {
        struct node *node = fleet_find(core, kube->pods[i].node_name);
        uint32_t slot = pod_slot(core, kube->pods[i].name);
        while (core->pod_table[slot] != 0)
            slot = (slot + 1) & core->pod_mask;
        core->pod_table[slot] = i + 1;
        if (node != NULL)
            node->sight.pods++;
    }
}

static struct node *node_of_pod(struct core *core, const char *name)
{
    if (core->kube == NULL)
        return NULL;
    for (uint32_t slot = pod_slot(core, name); core->pod_table[slot] != 0;
         slot = (slot + 1) & core->pod_mask) {
        const struct kube_pod *pod = &core->kube->pods[core->pod_table[slot] - 1];
        if (text_same(pod->name, name))
            return fleet_find(core, pod->node_name);
    }
    return NULL;
}

/* The node whose name is `name`, or stands before one of its dashes. */
static struct node *node_of_name(struct core *core, const char *name)
{
    char start[NAME_BYTES_MAX + 1];
    struct node *node = fleet_find(core, name);
    text_copy(start, sizeof start, name);
    for (size_t i = text_length(start); node == NULL && i-- > 0;) {
        if (start[i] != '-')
            continue;
        start[i] = '\0';
        node = fleet_find(core, start);
    }
    return node;
}

/* A name is fixed at registration: another one under this id is another runner, and the id was used
 * again (a Gitea that was restored from a backup counts anew). "": nobody has noted it. */
static bool is_known(const struct known_runner *known, uint64_t id, const char *name)
{
    return known->id == id &&
           (known->name[0] == '\0' || name[0] == '\0' || text_same(known->name, name));
}

/* Adds a registration to those that the node remembers, or refreshes it: of one id there is one. A
 * full set forgets one that is no longer listed; RUNNERS_PER_NODE_MAX listed ones are more than a
 * pool's capacity can be. */
static void remember(struct node *node, const struct gitea_runner *runner)
{
    struct runner_set *set = life_runners_change(&node->life);
    if (set == NULL)
        return;
    for (uint32_t i = 0; i < set->count; i++)
        if (set->runner[i].id == runner->id) {
            text_copy(set->runner[i].name, sizeof set->runner[i].name, runner->name);
            set->runner[i].listed = true;
            return;
        }
    if (set->count == RUNNERS_PER_NODE_MAX)
        return;
    struct known_runner *known = &set->runner[set->count++];
    known->id = runner->id;
    known->listed = true;
    text_copy(known->name, sizeof known->name, runner->name);
}

/* Runners that a node remembers are its own, whatever became of their pods. */
static void claim_remembered(struct core *core, uint32_t index)
{
    struct runner_set *set = life_runners_change(&core->node[index].life);
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        uint32_t runner = runner_by_id(core, set->runner[i].id);
        if (runner != NONE && !is_known(&set->runner[i], core->gitea->runners[runner].id,
                                        core->gitea->runners[runner].name))
            runner = NONE;
        set->runner[i].listed = runner != NONE;
        core->jobs.unlisted += runner == NONE;
        if (runner != NONE)
            core->runner_node[runner] = index;
    }
}

/* One list without it is not a runner's end: it may be nobody's by name any more, when its pod is
 * gone, and we would never know it again. */
static void forget_gone(struct core *core, struct node *node)
{
    struct runner_set *set = life_runners_change(&node->life);
    uint32_t kept = 0;
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        struct known_runner *runner = &set->runner[i];
        if (runner->listed)
            runner->missing_mono_ms = 0;
        else if (runner->missing_mono_ms == 0)
            runner->missing_mono_ms = core->mono_ms;
        if (!runner->listed &&
            core_due(core, runner->missing_mono_ms + core->config->life.create_grace_ms))
            continue;
        if (kept != i) /* rarely: one is gone */
            set->runner[kept] = *runner;
        kept++;
    }
    if (set != NULL)
        set->count = kept;
}

static struct node *node_of_runner(struct core *core, const char *name)
{
    return core->config->gitea.runner_match == MATCH_POD_NAME ? node_of_pod(core, name)
                                                              : node_of_name(core, name);
}

static void claim_by_name(struct core *core, uint32_t index)
{
    const struct gitea_runner *runner = &core->gitea->runners[index];
    struct node *node = NULL;
    if (core->runner_node[index] == NONE) {
        node = node_of_runner(core, runner->name);
        if (node != NULL)
            core->runner_node[index] = (uint32_t)(node - core->node);
    }
    if (core->runner_node[index] != NONE)
        remember(&core->node[core->runner_node[index]], runner);
}

static bool read_note(const struct core *core, const struct node *node, struct fence_note *note)
{
    if (node->sight.kube != NONE &&
        fence_note_parse(core->kube->nodes[node->sight.kube].fence_note, note))
        return true;
    if (node->sight.server == NONE)
        return false;
    const struct hetzner_server *server = &core->hetzner->servers[node->sight.server];
    for (uint32_t i = 0; i < server->labels_count; i++)
        if (text_same(server->labels[i].key, SERVER_LABEL_FENCE) &&
            fence_note_parse(server->labels[i].value, note))
            return true;
    return false;
}

bool runners_noted(const struct core *core, const struct node *node)
{
    struct fence_note note;
    return read_note(core, node, &note);
}

static bool fenced_by_us(const struct core *core, const struct node *node, uint64_t runner)
{
    struct fence_note note;
    return read_note(core, node, &note) && fence_note_covers(&note, runner);
}

static void count_runner(struct core *core, uint32_t index)
{
    const struct gitea_runner *runner = &core->gitea->runners[index];
    if (core->runner_node[index] == NONE)
        return;
    struct node *node = &core->node[core->runner_node[index]];
    struct sight *sight = &node->sight;
    bool serves = runner->online && !runner->disabled;
    sight->registered++;
    sight->online += serves;
    sight->disabled += runner->disabled;
    sight->disabled_by_us += runner->disabled && fenced_by_us(core, node, runner->id);
    sight->free += serves && !core->runner_has_job[index];
    sight->busy = sight->busy || runner->busy;
}

static bool remembers(const struct node *node, const struct gitea_job *job)
{
    const struct runner_set *set = life_runners(&node->life);
    for (uint32_t i = 0; set != NULL && i < set->count; i++)
        if (is_known(&set->runner[i], job->runner_id, job->runner_name))
            return true;
    return false;
}

/* The node on whose runner the job is, though the list lacks that: Gitea names it in the job. */
static struct node *node_of_lost(struct core *core, const struct gitea_job *job)
{
    struct node *node = node_of_runner(core, job->runner_name);
    for (uint32_t i = 0; node == NULL && core->jobs.unlisted > 0 && i < core->node_count; i++)
        if (remembers(&core->node[i], job))
            node = &core->node[i];
    return node;
}

/* A job on a runner that the list lacks. An organisation's or a repository's list never holds the
 * runners of the whole instance: there only what can be ours is lost. */
static void place_lost(struct core *core, const struct gitea_job *job)
{
    struct node *node = node_of_lost(core, job);
    bool nameless = node == NULL && job->runner_name[0] == '\0';
    if (node != NULL)
        node->sight.lost_job = true;
    core->jobs.nameless += nameless;
    if (node != NULL || nameless || core->config->gitea.scope == SCOPE_ADMIN)
        core->jobs.lost++;
    else
        core->jobs.running++;
}

/* Gives each job in progress to its runner; one whose runner is gone is lost. */
static void place_job(struct core *core, uint32_t index)
{
    const struct gitea_job *job = &core->gitea->jobs[index];
    if (job->status != JOB_RUNNING)
        return;
    uint32_t runner = job->runner_id != 0 ? runner_by_id(core, job->runner_id) : NONE;
    if (runner == NONE && job->runner_id != 0) {
        place_lost(core, job);
        return;
    }
    core->jobs.running++;
    if (runner == NONE)
        return;
    core->runner_has_job[runner] = true;
    if (core->runner_node[runner] == NONE)
        return;
    struct sight *sight = &core->node[core->runner_node[runner]].sight;
    sight->jobs++;
    sight->job = index;
}

void runners_join(struct core *core)
{
    core->jobs = (struct counts){0};
    if (core->kube != NULL)
        index_pods(core);
    if (core->gitea == NULL)
        return;
    index_runners(core);
    for (uint32_t i = 0; i < core->node_count; i++)
        claim_remembered(core, i);
    for (uint32_t i = 0; i < core->gitea->runners_count; i++)
        claim_by_name(core, i);
    for (uint32_t i = 0; i < core->node_count; i++)
        forget_gone(core, &core->node[i]);
    for (uint32_t i = 0; i < core->gitea->jobs_count; i++)
        place_job(core, i);
    for (uint32_t i = 0; i < core->gitea->runners_count; i++)
        count_runner(core, i);
}
