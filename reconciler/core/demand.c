/* What could run now and does not: runnable jobs by pool, less the room that is there, on its way,
 * or on permanent runners. May not: decide. */
#include <string.h>

#include "reconciler/core/private.h"

static uint32_t pool_of(const struct core *core, const struct gitea_job *job)
{
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++) {
        const struct config_pool *row = &core->config->pools[pool];
        for (uint32_t i = 0; i < row->label_sets_count; i++)
            if (room_labels_fit(job, row->label_sets[i].label, row->label_sets[i].label_count))
                return pool;
    }
    return NONE;
}

static uint64_t labels_hash(const struct gitea_job *job)
{
    uint64_t hash = TEXT_HASH_START;
    for (uint32_t i = 0; i < job->labels_count; i++)
        hash = text_mix(hash, job->labels[i]);
    return hash;
}

static bool same_labels(const struct gitea_job *a, const struct gitea_job *b)
{
    if (a->labels_count != b->labels_count)
        return false;
    for (uint32_t i = 0; i < a->labels_count; i++)
        if (!text_same(a->labels[i], b->labels[i]))
            return false;
    return true;
}

/* The interned list of a job's labels; NULL when LABEL_LISTS_MAX different ones are there. */
static struct label_list *list_of(struct core *core, uint32_t index)
{
    const struct gitea_job *job = &core->gitea->jobs[index];
    uint64_t hash = labels_hash(job);
    uint32_t slot = (uint32_t)(hash >> 11) & (LIST_TABLE_SLOTS - 1);
    for (; core->list_table[slot] != 0; slot = (slot + 1) & (LIST_TABLE_SLOTS - 1)) {
        struct label_list *list = &core->list[core->list_table[slot] - 1];
        if (list->hash == hash && same_labels(job, &core->gitea->jobs[list->job]))
            return list;
    }
    if (core->list_count == LABEL_LISTS_MAX)
        return NULL;
    struct label_list *list = &core->list[core->list_count++];
    core->list_table[slot] = core->list_count;
    *list =
        (struct label_list){.job = index, .oldest = NONE, .hash = hash, .pool = pool_of(core, job)};
    return list;
}

static void count_untaken(const struct core *core, struct pool_now *pool, uint32_t index)
{
    const struct gitea_job *jobs = core->gitea->jobs;
    if (pool->untaken == 0 || jobs[index].id < jobs[pool->untaken_job].id)
        pool->untaken_job = index;
    pool->untaken++;
}

static void count_job(struct core *core, uint32_t index)
{
    const struct gitea_job *job = &core->gitea->jobs[index];
    core->jobs.blocked += job->status == JOB_BLOCKED;
    if (job->status != JOB_RUNNABLE)
        return;
    struct label_list *list = list_of(core, index);
    uint32_t pool = list != NULL ? list->pool : pool_of(core, job);
    bool untaken = pool != NONE && job->id <= core->memory[pool].untaken_upto;
    if (list != NULL) {
        list->runnable++;
        list->left++;
        list->untaken += untaken;
        if (!untaken && (list->oldest == NONE || job->id < core->gitea->jobs[list->oldest].id))
            list->oldest = index;
    }
    if (pool == NONE) {
        core->jobs.unserved += list == NULL;
        return;
    }
    core->jobs.waiting++;
    core->pool[pool].runnable++;
    core->pool[pool].uncovered++;
    if (untaken)
        count_untaken(core, &core->pool[pool], index);
}

/* Lists that no pool serves: some runner may. */
static void count_unserved(struct core *core, const struct label_list *list)
{
    const struct gitea_job *job = &core->gitea->jobs[list->job];
    for (uint32_t i = 0; i < core->gitea->runners_count; i++) {
        const struct gitea_runner *runner = &core->gitea->runners[i];
        if (room_labels_fit(job, runner->labels, runner->labels_count)) {
            core->jobs.waiting += list->runnable;
            return;
        }
    }
    core->jobs.unserved += list->runnable;
    for (uint32_t i = 0; i < job->labels_count; i++)
        say_more(core->jobs.unserved_labels, sizeof core->jobs.unserved_labels,
                 T(core->jobs.unserved_labels[0] == '\0' ? ""
                   : i == 0                              ? ", "
                                                         : "+"),
                 T(job->labels[i]));
}

static void count_room(struct core *core)
{
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *node = &core->node[i];
        struct pool_now *pool = &core->pool[node->pool];
        uint32_t capacity = (uint32_t)node_pool(core, node)->capacity;
        if (trust_takes_place(core, node)) {
            pool->total++;
            pool->hourly_micro += node->price_micro;
        }
        if (life_retirement(&node->life) != NULL || node->foreign)
            continue;
        pool->serving++;
        /* One listing without it is not its end: what is coming is not asked for twice. */
        bool listed = !trust_server_gone(core, node);
        /* However long ago it was first asked for: a create that is under way, or that nobody has
         * answered yet, may bring a server. */
        bool asked = node->server_id == 0 && node->errand.kind == ACTION_CREATE_SERVER &&
                     (node->errand.in_flight || node->errand.unknown);
        bool young = asked || core->mono_ms - hour_born_mono_ms(core, node) <
                                  core->config->life.provision_timeout_ms;
        pool->free += node->sight.free;
        if (young && node->sight.online < capacity && listed)
            pool->coming += capacity - node->sight.online;
    }
}

static void job_alarms(struct core *core)
{
    if (core->jobs.unserved > 0)
        core_alarm(core, ALARM_UNSERVED, "labels", N(core->jobs.unserved),
                   T(" jobs wait for labels that no pool and no runner has: "),
                   T(core->jobs.unserved_labels), T(". Add them to a pool's label_sets."));
    if (core->jobs.lost == 0)
        core->lost_mono_ms = 0;
    else if (core->lost_mono_ms == 0)
        core->lost_mono_ms = core->mono_ms;
    if (core->lost_mono_ms != 0 &&
        core_due(core, core->lost_mono_ms + core->config->life.idle_confirm_ms))
        core_alarm(core, ALARM_LOST_JOB, "gitea", N(core->jobs.lost),
                   T(" jobs are in progress on runners that are gone. Gitea ends them by itself "
                     "within a quarter of an hour; run them again."));
}

void demand_count(struct core *core)
{
    memset(core->pool, 0, sizeof core->pool);
    count_room(core);
    core->list_count = 0;
    if (core->gitea == NULL)
        return;
    memset(core->list_table, 0, sizeof core->list_table);
    for (uint32_t i = 0; i < core->gitea->jobs_count; i++)
        count_job(core, i);
    room_promise(core);
    for (uint32_t i = 0; i < core->list_count; i++)
        if (core->list[i].pool == NONE)
            count_unserved(core, &core->list[i]);
    job_alarms(core);
}
