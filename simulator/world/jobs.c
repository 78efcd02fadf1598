/* Gitea's runs and jobs: they are pushed, wait for each other, run, end, are cancelled or lost.
 * May not: know machines beyond the time that is put on their account. */
#include "simulator/world/world_private.h"

#include <stdlib.h>

/* ---- repositories ---- */

const struct world_repo *world_repo_find(const struct world *world, const char *owner,
                                         const char *name)
{
    for (size_t i = 0; i < world->repos.count; i++) {
        const struct repo_entry *entry = world->repos.items[i];
        if (strcmp(entry->repo.owner, owner) == 0 && strcmp(entry->repo.name, name) == 0)
            return &entry->repo;
    }
    return NULL;
}

bool world_owner_exists(const struct world *world, const char *owner)
{
    for (size_t i = 0; i < world->repos.count; i++) {
        const struct repo_entry *entry = world->repos.items[i];
        if (strcmp(entry->repo.owner, owner) == 0)
            return true;
    }
    for (size_t i = 0; i < world->runners.count; i++) {
        const struct runner_entry *entry = world->runners.items[i];
        if (strcmp(entry->runner.owner, owner) == 0)
            return true;
    }
    return world->config.runner_owner != NULL && strcmp(world->config.runner_owner, owner) == 0;
}

const struct world_repo *world_repo(struct world *world, const char *owner, const char *name)
{
    const struct world_repo *found = world_repo_find(world, owner, name);
    if (found != NULL)
        return found;
    struct repo_entry *entry = world_alloc(sizeof *entry);
    entry->repo.id = world->repos.count + 1;
    world_copy_name(entry->repo.owner, sizeof entry->repo.owner, owner);
    world_copy_name(entry->repo.name, sizeof entry->repo.name, name);
    list_push(&world->repos, entry);
    return &entry->repo;
}

/* ---- looking jobs up ---- */

struct job_entry *job_entry_find(const struct world *world, uint64_t id)
{
    return id >= 1 && id <= world->jobs.count ? world->jobs.items[id - 1] : NULL;
}

size_t world_job_count(const struct world *world)
{
    return world->jobs.count;
}

const struct world_job *world_job_find(const struct world *world, uint64_t id)
{
    const struct job_entry *entry = job_entry_find(world, id);
    return entry != NULL ? &entry->job : NULL;
}

size_t world_run_count(const struct world *world)
{
    return world->runs.count;
}

static struct world_run *run_get(const struct world *world, uint64_t id)
{
    return id >= 1 && id <= world->runs.count ? world->runs.items[id - 1] : NULL;
}

const struct world_run *world_run_find(const struct world *world, uint64_t id)
{
    return run_get(world, id);
}

void job_entry_free(struct job_entry *entry)
{
    strings_free(&entry->job.labels);
    free(entry->job.needs);
    free(entry);
}

/* ---- a run as a whole ---- */

static enum world_conclusion worse(enum world_conclusion a, enum world_conclusion b)
{
    static const int weight[] = {
        [WORLD_CONCLUSION_NONE] = 0,    [WORLD_CONCLUSION_SKIPPED] = 1,
        [WORLD_CONCLUSION_SUCCESS] = 2, [WORLD_CONCLUSION_CANCELLED] = 3,
        [WORLD_CONCLUSION_FAILURE] = 4,
    };
    return weight[a] >= weight[b] ? a : b;
}

/* A run is running while any of its jobs is, or while some are over and some are not. */
static void run_summarize(struct world *world, struct world_run *run)
{
    uint32_t counts[WORLD_JOB_COMPLETED + 1] = {0};
    enum world_conclusion conclusion = WORLD_CONCLUSION_NONE;
    for (uint32_t i = 0; i < run->job_count; i++) {
        const struct world_job *job = world_job_find(world, run->first_job + i);
        counts[job->status]++;
        conclusion = worse(conclusion, job->conclusion);
    }
    if (counts[WORLD_JOB_COMPLETED] == run->job_count) {
        run->status = WORLD_JOB_COMPLETED;
        run->conclusion = conclusion;
        run->completed_ms = world->now_ms;
    } else if (counts[WORLD_JOB_RUNNING] + counts[WORLD_JOB_COMPLETED] > 0) {
        run->status = WORLD_JOB_RUNNING;
        run->started_ms = run->started_ms != 0 ? run->started_ms : world->now_ms;
    } else {
        run->status = counts[WORLD_JOB_QUEUED] > 0 ? WORLD_JOB_QUEUED : WORLD_JOB_BLOCKED;
    }
}

/* ---- beginning ---- */

static void job_queue(struct world *world, struct job_entry *entry)
{
    entry->job.status = WORLD_JOB_QUEUED;
    entry->job.runnable_ms = world->now_ms;
    list_push(&world->queued, entry);
    tell_job(world, WORLD_EVENT_JOB_QUEUED, &entry->job, NULL);
}

static struct job_entry *job_add(struct world *world, const struct world_run *run,
                                 const struct world_job_spec *spec)
{
    struct job_entry *entry = world_alloc(sizeof *entry);
    struct world_job *job = &entry->job;
    job->id = world->jobs.count + 1;
    job->run_id = run->id;
    job->repo = run->repo;
    world_copy_name(job->name, sizeof job->name, spec->name);
    strings_copy(&job->labels, spec->labels, spec->label_count);
    job->needs = world_alloc(spec->needs_count * sizeof *job->needs);
    job->needs_count = spec->needs_count;
    for (uint32_t i = 0; i < spec->needs_count; i++)
        job->needs[i] = run->first_job + spec->needs[i];
    job->skip = spec->skip;
    /* A job without runs-on is taken by anyone, and fails (as seen). */
    job->fails = spec->fails || spec->label_count == 0 ||
                 (world->config.job_fails_permille > 0 &&
                  world_random(world, PERMILLE) < (uint64_t)world->config.job_fails_permille);
    job->duration_ms = spec->duration_ms;
    job->created_ms = world->now_ms;
    list_push(&world->jobs, entry);
    return entry;
}

uint64_t world_run_create(struct world *world, const struct world_repo *repo,
                          const struct world_job_spec *jobs, uint32_t job_count)
{
    if (job_count == 0 || world->jobs.count + job_count > (size_t)world->config.jobs_max)
        return 0;
    struct repo_entry *of = world->repos.items[repo->id - 1];
    struct world_run *run = world_alloc(sizeof *run);
    run->id = world->runs.count + 1;
    run->number = ++of->runs;
    run->repo = repo;
    run->first_job = world->jobs.count + 1;
    run->job_count = job_count;
    run->created_ms = world->now_ms;
    list_push(&world->runs, run);
    for (uint32_t i = 0; i < job_count; i++)
        (void)job_add(world, run, &jobs[i]);
    for (uint32_t i = 0; i < job_count; i++) {
        struct job_entry *entry = job_entry_find(world, run->first_job + i);
        if (entry->job.needs_count == 0)
            job_queue(world, entry);
        else
            tell_job(world, WORLD_EVENT_JOB_BLOCKED, &entry->job, NULL);
    }
    run_summarize(world, run);
    return run->id;
}

/* ---- ending ---- */

/* Job time goes on the account of the rented machine it was spent on. */
static void account(struct world *world, const struct world_job *job)
{
    const struct runner_entry *runner = runner_entry_find(world, job->runner_id);
    struct server_entry *server =
        runner != NULL ? server_entry_find(world, runner->runner.server_id) : NULL;
    if (server != NULL)
        server->server.busy_ms += world->now_ms - job->started_ms;
}

static void job_complete(struct world *world, struct job_entry *entry,
                         enum world_conclusion conclusion);

enum needs_state { NEEDS_OPEN, NEEDS_MET, NEEDS_FAILED };

static enum needs_state needs_of(const struct world *world, const struct world_job *job)
{
    enum needs_state state = NEEDS_MET;
    for (uint32_t i = 0; i < job->needs_count; i++) {
        const struct world_job *needed = world_job_find(world, job->needs[i]);
        if (needed->status != WORLD_JOB_COMPLETED)
            return NEEDS_OPEN;
        if (needed->conclusion != WORLD_CONCLUSION_SUCCESS)
            state = NEEDS_FAILED;
    }
    return state;
}

/* Lets go on what waited: it may start, or is skipped where what it needs did not succeed. A job
 * needs earlier ones of its run only, so one walk is enough. */
static void release_blocked(struct world *world, const struct world_run *run)
{
    for (uint32_t i = 0; i < run->job_count; i++) {
        struct job_entry *entry = job_entry_find(world, run->first_job + i);
        if (entry->job.status != WORLD_JOB_BLOCKED)
            continue;
        enum needs_state state = needs_of(world, &entry->job);
        if (state == NEEDS_MET)
            job_queue(world, entry);
        else if (state == NEEDS_FAILED)
            job_complete(world, entry, WORLD_CONCLUSION_SKIPPED);
    }
}

static void job_complete(struct world *world, struct job_entry *entry,
                         enum world_conclusion conclusion)
{
    struct world_job *job = &entry->job;
    if (job->status == WORLD_JOB_QUEUED)
        (void)list_remove(&world->queued, entry);
    if (job->status == WORLD_JOB_RUNNING) {
        (void)list_remove(&world->running, entry);
        if (!job->lost)
            account(world, job);
    }
    job->status = WORLD_JOB_COMPLETED;
    job->conclusion = conclusion;
    job->completed_ms = world->now_ms;
    const struct runner_entry *runner = runner_entry_find(world, job->runner_id);
    tell_job(world, WORLD_EVENT_JOB_COMPLETED, job, runner != NULL ? &runner->runner : NULL);
    struct world_run *run = run_get(world, job->run_id);
    release_blocked(world, run);
    run_summarize(world, run);
}

/* ---- running ---- */

void job_start(struct world *world, struct job_entry *entry, struct runner_entry *runner)
{
    struct world_job *job = &entry->job;
    (void)list_remove(&world->queued, entry);
    list_push(&world->running, entry);
    job->status = WORLD_JOB_RUNNING;
    job->started_ms = job->last_update_ms = world->now_ms;
    job->runner_id = runner->runner.id;
    memcpy(job->runner_name, runner->runner.name, sizeof job->runner_name);
    runner->runner.job_id = job->id;
    tell_job(world, WORLD_EVENT_JOB_STARTED, job, &runner->runner);
    run_summarize(world, run_get(world, job->run_id));
    runner_update(world, runner->runner.id, job->id);
    world_due_in(world, job->skip ? 0 : job->duration_ms, DUE_JOB_END, job->id, runner->runner.id);
}

void job_end(struct world *world, uint64_t id, uint64_t runner_id)
{
    struct job_entry *entry = job_entry_find(world, id);
    struct runner_entry *runner = runner_entry_find(world, runner_id);
    struct world_job *job = &entry->job;
    int64_t silent_ms = runner_silent_ms(world, runner);
    if (runner->runner.job_id == id && silent_ms > 0) { /* it is told when Gitea hears again */
        world_due_in(world, silent_ms, DUE_JOB_END, id, runner_id);
        return;
    }
    if (job->status == WORLD_JOB_RUNNING && !job->lost)
        job_complete(world, entry,
                     job->skip    ? WORLD_CONCLUSION_SKIPPED
                     : job->fails ? WORLD_CONCLUSION_FAILURE
                                  : WORLD_CONCLUSION_SUCCESS);
    if (runner->runner.job_id == id)
        runner_release(world, runner);
}

void job_lose(struct world *world, struct job_entry *entry)
{
    struct world_job *job = &entry->job;
    if (job->status != WORLD_JOB_RUNNING || job->lost)
        return;
    account(world, job);
    job->lost = true;
    world->totals.jobs_lost++;
    const struct runner_entry *runner = runner_entry_find(world, job->runner_id);
    tell_job(world, WORLD_EVENT_JOB_LOST, job, &runner->runner);
}

void job_requeue(struct world *world, struct job_entry *entry)
{
    (void)world;
    entry->picked = false;
}

/* ---- what clients and Gitea's cron do ---- */

enum world_verdict world_job_cancel(struct world *world, uint64_t id)
{
    struct job_entry *entry = job_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    struct world_job *job = &entry->job;
    if (job->status == WORLD_JOB_COMPLETED)
        return WORLD_CONFLICT;
    if (job->status == WORLD_JOB_RUNNING)
        world_due_in(world, world->config.cancel_lag_ms, DUE_RELEASE, job->runner_id, id);
    job_complete(world, entry, WORLD_CONCLUSION_CANCELLED);
    return WORLD_OK;
}

void world_zombie_sweep(struct world *world)
{
    /* What is ended leaves the list; what it lets go on is never running at once. */
    for (size_t i = world->running.count; i-- > 0;) {
        struct job_entry *entry = world->running.items[i];
        if (world->now_ms - entry->job.last_update_ms < world->config.zombie_ms)
            continue;
        uint64_t runner_id = entry->job.runner_id;
        job_complete(world, entry, WORLD_CONCLUSION_FAILURE);
        runner_release_due(world, runner_id, entry->job.id);
    }
}

void sweep_due(struct world *world, uint64_t id, uint64_t stamp)
{
    (void)id;
    (void)stamp;
    world_zombie_sweep(world);
    world_due_in(world, world->config.sweep_period_ms, DUE_SWEEP, 0, 0);
}

size_t world_queued_count(const struct world *world)
{
    return world->queued.count;
}

const struct world_job *world_queued_at(const struct world *world, size_t index)
{
    const struct job_entry *entry = world->queued.items[index];
    return &entry->job;
}
