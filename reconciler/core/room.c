/* Who will take the waiting jobs without a new server: permanent runners, and free runners of other
 * pools; and which jobs nobody takes though room is free for them. May not: decide. */
#include "reconciler/core/private.h"

bool room_labels_fit(const struct gitea_job *job, const char *const *labels, uint32_t count)
{
    for (uint32_t i = 0; i < job->labels_count; i++) {
        uint32_t k = 0;
        while (k < count && !text_same(job->labels[i], labels[k]))
            k++;
        if (k == count)
            return false;
    }
    return true;
}

/* One job of a list has a runner that will take it. */
static void promise(struct core *core, struct label_list *list)
{
    list->left--;
    list->offered = true;
    core->pool[list->pool].uncovered--;
}

static bool can_take(const struct core *core, const struct gitea_runner *runner,
                     const struct label_list *list)
{
    return list->left > list->untaken && list->pool != NONE &&
           room_labels_fit(&core->gitea->jobs[list->job], runner->labels, runner->labels_count);
}

static void promise_permanent(struct core *core, const struct gitea_runner *runner)
{
    for (uint32_t i = 0; i < core->list_count; i++)
        if (can_take(core, runner, &core->list[i])) {
            promise(core, &core->list[i]);
            return;
        }
}

/* A machine's runner takes whatever its labels fit: what its own pool leaves free is room for the
 * jobs of others, whose own room is not enough. */
static void lend(struct core *core, const struct node *node, const struct gitea_runner *runner)
{
    struct pool_now *own = &core->pool[node->pool];
    if (life_retirement(&node->life) != NULL || node->foreign || node->pool == NO_POOL ||
        own->free <= own->uncovered + own->lent)
        return;
    for (uint32_t i = 0; i < core->list_count; i++) {
        struct label_list *list = &core->list[i];
        if (list->pool == node->pool || !can_take(core, runner, list) ||
            core->pool[list->pool].uncovered <= core->pool[list->pool].free)
            continue;
        promise(core, list);
        own->lent++;
        return;
    }
}

static bool is_free(const struct core *core, uint32_t index)
{
    const struct gitea_runner *runner = &core->gitea->runners[index];
    return runner->online && !runner->disabled && !core->runner_has_job[index];
}

/* The oldest of the pool's jobs that has room free for it and is not known as untaken; NONE. */
static uint32_t oldest_offered(const struct core *core, uint32_t pool)
{
    const struct gitea_job *jobs = core->gitea->jobs;
    uint32_t oldest = NONE;
    for (uint32_t i = 0; i < core->list_count; i++) {
        const struct label_list *list = &core->list[i];
        if (list->pool == pool && list->offered && list->oldest != NONE &&
            (oldest == NONE || jobs[list->oldest].id < jobs[oldest].id))
            oldest = list->oldest;
    }
    return oldest;
}

/* The youngest runnable job of all. */
static uint64_t youngest(const struct core *core)
{
    uint64_t id = 0;
    for (uint32_t i = 0; i < core->gitea->jobs_count; i++)
        if (core->gitea->jobs[i].status == JOB_RUNNABLE && core->gitea->jobs[i].id > id)
            id = core->gitea->jobs[i].id;
    return id;
}

/* By the looks at Gitea: when the oldest job has waited beside free room for longer than a runner
 * can need to ask for it, nobody took it or any that waited with it. That is known for as long as
 * one of them waits, also when the machine that was free for it has gone. */
static void follow(struct core *core, uint32_t pool)
{
    struct pool_memory *memory = &core->memory[pool];
    uint32_t oldest = oldest_offered(core, pool);
    uint64_t id = oldest != NONE ? core->gitea->jobs[oldest].id : 0;
    int64_t now = core->gitea->head.began_mono_ms;
    if (core->pool[pool].untaken == 0)
        memory->untaken_upto = 0;
    if (id != memory->waits_job) {
        memory->waits_job = id;
        memory->waits_mono_ms = now;
        memory->waits_upto = id != 0 ? youngest(core) : 0;
    } else if (id != 0 && now - memory->waits_mono_ms >= core->config->life.provision_timeout_ms) {
        memory->untaken_upto = memory->waits_upto;
        memory->waits_job = 0;
    }
}

static void untaken_alarm(struct core *core, uint32_t pool)
{
    const struct pool_now *now = &core->pool[pool];
    const char *name = core->config->pools[pool].name;
    if (now->untaken == 0)
        return;
    core_alarm(core, ALARM_UNTAKEN, name, T("nobody takes "), N(now->untaken),
               T(" waiting jobs, such as job "), N(core->gitea->jobs[now->untaken_job].id),
               T(" of "), T(core->gitea->jobs[now->untaken_job].repository),
               T(", though runners were free for pool "), T(name),
               T(". Do they bear all of its labels, and are they registered for its repository?"));
}

uint32_t room_wanted(const struct core *core, uint32_t pool)
{
    const struct pool_now *now = &core->pool[pool];
    /* What nobody takes is tried with one machine at a time, where the pool has none. */
    return now->uncovered - now->untaken + (now->untaken > 0 && now->serving == 0);
}

void room_promise(struct core *core)
{
    for (uint32_t i = 0; i < core->gitea->runners_count; i++)
        if (core->runner_node[i] == NONE && is_free(core, i))
            promise_permanent(core, &core->gitea->runners[i]);
    for (uint32_t i = 0; core->config->pools_count > 1 && i < core->gitea->runners_count; i++)
        if (core->runner_node[i] != NONE && is_free(core, i))
            lend(core, &core->node[core->runner_node[i]], &core->gitea->runners[i]);
    for (uint32_t i = 0; i < core->list_count; i++) {
        struct label_list *list = &core->list[i];
        if (list->pool != NONE && core->pool[list->pool].free > 0)
            list->offered = true;
    }
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++) {
        follow(core, pool);
        untaken_alarm(core, pool);
    }
}
