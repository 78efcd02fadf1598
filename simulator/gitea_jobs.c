/* Lists of jobs in each scope, with Gitea's status filter as it was seen to work; single jobs and
 * runs. May not change anything. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What `?status=` accepts, and what it returns. A blocked job is asked for by four words, and shown
 * as "waiting". */
struct status_filter {
    bool everything;
    unsigned statuses;    /* bits of enum world_job_status */
    unsigned conclusions; /* bits of enum world_conclusion, of completed jobs; 0: any */
};

static const struct {
    const char *word;
    enum world_job_status status;
    enum world_conclusion conclusion;
} filter_words[] = {
    {"queued", WORLD_JOB_QUEUED, WORLD_CONCLUSION_NONE},
    {"waiting", WORLD_JOB_BLOCKED, WORLD_CONCLUSION_NONE},
    {"pending", WORLD_JOB_BLOCKED, WORLD_CONCLUSION_NONE},
    {"requested", WORLD_JOB_BLOCKED, WORLD_CONCLUSION_NONE},
    {"action_required", WORLD_JOB_BLOCKED, WORLD_CONCLUSION_NONE},
    {"in_progress", WORLD_JOB_RUNNING, WORLD_CONCLUSION_NONE},
    {"completed", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_NONE},
    {"success", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_SUCCESS},
    {"failure", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_FAILURE},
    {"skipped", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_SKIPPED},
    {"neutral", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_SKIPPED},
    {"cancelled", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_CANCELLED},
    {"timed_out", WORLD_JOB_COMPLETED, WORLD_CONCLUSION_CANCELLED},
};

static bool add_status(struct status_filter *filter, const char *word)
{
    for (size_t i = 0; i < sizeof filter_words / sizeof *filter_words; i++) {
        if (strcmp(filter_words[i].word, word) != 0)
            continue;
        filter->statuses |= 1U << filter_words[i].status;
        if (filter_words[i].status == WORLD_JOB_COMPLETED)
            filter->conclusions |= filter_words[i].conclusion == WORLD_CONCLUSION_NONE
                                       ? ~0U
                                       : 1U << filter_words[i].conclusion;
        return true;
    }
    return false;
}

/* False: it has answered 400. */
static bool read_filter(struct exchange *exchange, struct status_filter *filter)
{
    const char *word;
    *filter = (struct status_filter){.everything = exchange_query(exchange, "status") == NULL};
    for (size_t i = 0; (word = exchange_query_at(exchange, "status", i)) != NULL; i++) {
        if (!add_status(filter, word)) {
            char text[160];
            snprintf(text, sizeof text, "Invalid status %.100s", word);
            gitea_error(exchange, 400, text);
            return false;
        }
    }
    return true;
}

static bool passes(const struct status_filter *filter, const struct world_job *job)
{
    if (filter->everything)
        return true;
    if ((filter->statuses >> job->status & 1U) == 0)
        return false;
    return job->status != WORLD_JOB_COMPLETED || (filter->conclusions >> job->conclusion & 1U) != 0;
}

static bool in_view(const struct gitea_view *view, const struct world_job *job)
{
    if (view->scope == WORLD_SCOPE_ADMIN)
        return true;
    return strcmp(job->repo->owner, view->owner) == 0 &&
           (view->scope == WORLD_SCOPE_ORG || strcmp(job->repo->name, view->repo) == 0);
}

struct found {
    const struct world_job **jobs;
    size_t count;
};

/* Jobs in the order of their last change, as a table without an order gives them out: a job that
 * starts between two pages makes another be skipped or repeated. */
static int by_last_change(const void *left, const void *right)
{
    const struct world_job *a = *(const struct world_job *const *)left;
    const struct world_job *b = *(const struct world_job *const *)right;
    int64_t x = a->started_ms + a->completed_ms, y = b->started_ms + b->completed_ms;
    if (x != y)
        return x < y ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* run_id 0: of all runs. */
static struct found find_jobs(struct exchange *exchange, const struct gitea_view *view,
                              const struct status_filter *filter, uint64_t run_id)
{
    const struct world *world = exchange_world(exchange);
    size_t total = world_job_count(world);
    struct found found = {.jobs = calloc(total + 1, sizeof(struct world_job *))};
    for (uint64_t id = 1; found.jobs != NULL && id <= total; id++) {
        const struct world_job *job = world_job_find(world, id);
        if (job != NULL && (run_id == 0 || job->run_id == run_id) && passes(filter, job) &&
            in_view(view, job))
            found.jobs[found.count++] = job;
    }
    if (found.jobs != NULL && !gitea_options_of(exchange)->sorted_jobs)
        qsort(found.jobs, found.count, sizeof *found.jobs, by_last_change);
    return found;
}

static void reply_jobs(struct exchange *exchange, const struct gitea_view *view, uint64_t run_id)
{
    struct status_filter filter;
    if (!read_filter(exchange, &filter))
        return;
    struct gitea_page page = gitea_read_page(exchange);
    struct found found = find_jobs(exchange, view, &filter, run_id);
    json_t *items = json_array();
    for (size_t i = page.first; i < found.count && i < page.first + (size_t)page.limit; i++)
        json_array_append_new(items, gitea_job(exchange, found.jobs[i]));
    free(found.jobs);
    gitea_add_totals(exchange, &page, found.count);
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:o, s:I}",
                  gitea_options_of(exchange)->workflow_jobs ? "workflow_jobs" : "jobs", items,
                  "total_count", (json_int_t)found.count));
}

void gitea_jobs_list(struct exchange *exchange)
{
    struct gitea_view view;
    if (gitea_view(exchange, &view))
        reply_jobs(exchange, &view, 0);
}

static const struct world_run *path_run(struct exchange *exchange, const struct gitea_view *view)
{
    uint64_t id = 0;
    const struct world_run *run = NULL;
    if (exchange_parameter_u64(exchange, "id", &id))
        run = world_run_find(exchange_world(exchange), id);
    if (run == NULL || strcmp(run->repo->owner, view->owner) != 0 ||
        strcmp(run->repo->name, view->repo) != 0) {
        gitea_not_found(exchange, "not found");
        return NULL;
    }
    return run;
}

/* Of a run that is not there: none. */
void gitea_run_jobs(struct exchange *exchange)
{
    struct gitea_view view;
    uint64_t id = 0;
    (void)exchange_parameter_u64(exchange, "id", &id);
    if (gitea_view(exchange, &view))
        reply_jobs(exchange, &view, id != 0 ? id : UINT64_MAX);
}

void gitea_jobs_get(struct exchange *exchange)
{
    struct gitea_view view;
    uint64_t id = 0;
    const struct world_job *job = NULL;
    if (!gitea_view(exchange, &view))
        return;
    if (exchange_parameter_u64(exchange, "id", &id))
        job = world_job_find(exchange_world(exchange), id);
    if (job == NULL || !in_view(&view, job))
        gitea_not_found(exchange, "not found");
    else
        exchange_reply_json(exchange, 200, gitea_job(exchange, job));
}

void gitea_runs_get(struct exchange *exchange)
{
    struct gitea_view view;
    const struct world_run *run = gitea_view(exchange, &view) ? path_run(exchange, &view) : NULL;
    if (run != NULL)
        exchange_reply_json(exchange, 200, gitea_run(exchange, run));
}

void gitea_runs_list(struct exchange *exchange)
{
    struct gitea_view view;
    const struct world *world = exchange_world(exchange);
    if (!gitea_view(exchange, &view))
        return;
    struct gitea_page page = gitea_read_page(exchange);
    json_t *items = json_array();
    size_t seen = 0;
    for (uint64_t id = world_run_count(world); id > 0; id--) {
        const struct world_run *run = world_run_find(world, id);
        if (run == NULL || (view.owner != NULL && strcmp(run->repo->owner, view.owner) != 0) ||
            (view.repo != NULL && strcmp(run->repo->name, view.repo) != 0))
            continue;
        if (seen >= page.first && seen < page.first + (size_t)page.limit)
            json_array_append_new(items, gitea_run(exchange, run));
        seen++;
    }
    gitea_add_totals(exchange, &page, seen);
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:o, s:I}", "workflow_runs", items, "total_count", (json_int_t)seen));
}
