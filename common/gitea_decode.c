/* Gitea's lists and objects decoded (FACTS: jobs lists, runners). May not: do I/O, log. */
#include "common/gitea.h"

#include "common/grow.h"
#include "common/json_read.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------- jobs */

/* Gitea's status of a job as listed; false for all that is over. */
static bool job_status_from(const char *word, enum job_status *out)
{
    static const struct {
        const char *word;
        enum job_status status;
    } words[] = {
        {"queued", JOB_RUNNABLE},     {"waiting", JOB_BLOCKED},         {"pending", JOB_BLOCKED},
        {"requested", JOB_BLOCKED},   {"action_required", JOB_BLOCKED}, {"blocked", JOB_BLOCKED},
        {"in_progress", JOB_RUNNING}, {"running", JOB_RUNNING},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0) {
            *out = words[i].status;
            return true;
        }
    return false;
}

/* What stands for labels that do not fit: no pool and no runner can have it, because no label may
 * hold a blank; so such a job is shown as unserved, and nobody blinds us with a long label. */
#define LABEL_TOO_LONG  "(label too long)"
#define LABELS_TOO_MANY "(more labels than allowed)"

static const char *keep_label(const char *text, struct arena *arena)
{
    size_t length = strlen(text);
    return length > JOB_LABEL_BYTES_MAX ? LABEL_TOO_LONG : arena_text(arena, text, length);
}

/* labels: an array of texts (jobs) or of objects with `name` (runners). */
static bool read_labels(const json_t *array, struct arena *arena, const char *const **out,
                        uint32_t *count, struct error *error)
{
    size_t all = json_array_size(array);
    size_t kept = all > JOB_LABELS_MAX ? JOB_LABELS_MAX : all;
    const char **labels = arena_take(arena, kept * sizeof *labels);
    *count = 0;
    *out = labels;
    for (size_t i = 0; labels != NULL && i < kept; i++) {
        const json_t *element = json_array_get(array, i);
        const char *text =
            json_is_object(element) ? json_text_of(element, "name") : json_string_value(element);
        labels[i] = keep_label(text == NULL ? "" : text, arena);
        if (labels[i] == NULL)
            return error_set(error,
                             "out of memory for `labels`: the answer is larger than allowed");
        (*count)++;
    }
    if (labels == NULL)
        return error_set(error, "out of memory for `labels`: the answer is larger than allowed");
    if (all > kept)
        labels[kept - 1] = LABELS_TOO_MANY;
    return true;
}

/* owner/name out of ".../repos/owner/name/actions/jobs/1". */
static bool read_repository(const char *url, struct arena *arena, const char **out,
                            struct error *error)
{
    const char *begin = strstr(url, "/repos/");
    const char *end = begin == NULL ? NULL : strstr(begin, "/actions/");
    size_t length = 0;
    if (end != NULL) {
        begin += strlen("/repos/");
        length = end > begin ? (size_t)(end - begin) : 0;
    }
    if (length > REPOSITORY_BYTES_MAX)
        length = 0;
    *out = arena_text(arena, length == 0 ? "" : begin, length);
    return *out != NULL || error_set(error, "out of memory for a repository's name");
}

static bool read_job(const json_t *from, struct arena *arena, struct gitea_job *job,
                     struct error *error)
{
    job->run_id = json_u64_of(from, "run_id");
    job->created_ms = json_time_of(from, "created_at");
    job->started_ms = json_time_of(from, "started_at");
    job->runner_id = json_u64_of(from, "runner_id");
    return json_need_id(from, "id", &job->id, error) &&
           read_labels(json_array_of(from, "labels"), arena, &job->labels, &job->labels_count,
                       error) &&
           json_cut_text(from, "name", JOB_NAME_BYTES_MAX, arena, &job->name, error) &&
           read_repository(json_text_of(from, "url"), arena, &job->repository, error) &&
           json_cut_text(from, "runner_name", NAME_BYTES_MAX, arena, &job->runner_name, error);
}

static bool add_job(const json_t *from, struct arena *arena, struct gitea_job_list *list,
                    struct error *error)
{
    struct gitea_job job = {0};
    if (!job_status_from(json_text_of(from, "status"), &job.status))
        return true;
    if (!read_job(from, arena, &job, error))
        return false;
    struct gitea_job *items =
        grow(list->item, list->count, &list->room, JOBS_MAX, sizeof *items, "jobs", error);
    if (items == NULL)
        return false;
    list->item = items;
    list->item[list->count++] = job;
    return true;
}

static bool add_jobs(const json_t *top, struct arena *arena, struct gitea_job_list *list,
                     struct gitea_page *page, struct error *error)
{
    const json_t *jobs = json_array_of(top, "jobs");
    if (jobs == NULL)
        jobs = json_array_of(top, "workflow_jobs");
    if (jobs == NULL)
        return error_set(error, "neither a list `jobs` nor `workflow_jobs` is in it");
    page->total = json_u64_of(top, "total_count");
    page->items = (uint32_t)json_array_size(jobs);
    for (size_t i = 0; i < json_array_size(jobs); i++)
        if (!add_job(json_array_get(jobs, i), arena, list, error))
            return error_wrap(error, "job %zu of the page", i + 1);
    return true;
}

bool gitea_decode_jobs(const char *body, size_t length, struct arena *arena,
                       struct gitea_job_list *list, struct gitea_page *page, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_jobs(top, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

/* ----------------------------------------------------------------------------------- runners */

static bool read_runner(const json_t *from, struct arena *arena, struct gitea_runner *runner,
                        struct error *error)
{
    runner->online = strcmp(json_text_of(from, "status"), "offline") != 0;
    runner->busy = json_bool_of(from, "busy");
    runner->disabled = json_bool_of(from, "disabled");
    runner->ephemeral = json_bool_of(from, "ephemeral");
    return json_need_id(from, "id", &runner->id, error) &&
           json_cut_text(from, "name", NAME_BYTES_MAX, arena, &runner->name, error) &&
           read_labels(json_array_of(from, "labels"), arena, &runner->labels, &runner->labels_count,
                       error);
}

static bool add_runner(const json_t *from, struct arena *arena, struct gitea_runner_list *list,
                       struct error *error)
{
    struct gitea_runner *items =
        grow(list->item, list->count, &list->room, RUNNERS_MAX, sizeof *items, "runners", error);
    if (items == NULL)
        return false;
    list->item = items;
    list->item[list->count] = (struct gitea_runner){0};
    if (!read_runner(from, arena, &list->item[list->count], error))
        return false;
    list->count++;
    return true;
}

static bool add_runners(const json_t *top, struct arena *arena, struct gitea_runner_list *list,
                        struct gitea_page *page, struct error *error)
{
    const json_t *runners = json_need_array(top, "runners", error);
    if (runners == NULL)
        return false;
    page->total = json_u64_of(top, "total_count");
    page->items = (uint32_t)json_array_size(runners);
    for (size_t i = 0; i < json_array_size(runners); i++)
        if (!add_runner(json_array_get(runners, i), arena, list, error))
            return error_wrap(error, "runner %zu of the page", i + 1);
    return true;
}

bool gitea_decode_runners(const char *body, size_t length, struct arena *arena,
                          struct gitea_runner_list *list, struct gitea_page *page,
                          struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_runners(top, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

bool gitea_decode_runner(const char *body, size_t length, struct arena *arena,
                         struct gitea_runner *out, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    *out = (struct gitea_runner){0};
    bool good = read_runner(top, arena, out, error);
    json_decref(top);
    return good;
}

/* --------------------------------------------------------------------------- version and user */

static bool copy_name(const json_t *top, const char *key, char out[NAME_BYTES_MAX + 1],
                      struct error *error)
{
    const char *text = json_text_of(top, key);
    size_t length = strlen(text);
    if (length == 0 || length > NAME_BYTES_MAX)
        return error_set(error, "`%s` is missing or too long", key);
    memcpy(out, text, length + 1);
    return true;
}

bool gitea_decode_version(const char *body, size_t length, char out[NAME_BYTES_MAX + 1],
                          struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    bool good = copy_name(top, "version", out, error);
    json_decref(top);
    return good;
}

bool gitea_decode_user(const char *body, size_t length, struct gitea_user *out, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    *out = (struct gitea_user){.site_admin = json_bool_of(top, "is_admin")};
    bool good = copy_name(top, "login", out->login, error);
    json_decref(top);
    return good;
}

/* ------------------------------------------------------------------------- sorting, repeats */

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By id; of one job the one that is further along comes first: what runs is never taken for demand.
 */
static int compare_jobs(const void *left, const void *right)
{
    const struct gitea_job *a = left, *b = right;
    int order = compare_u64(a->id, b->id);
    return order != 0 ? order : (int)b->status - (int)a->status;
}

/* By id; of one runner the busy one comes first. */
static int compare_runners(const void *left, const void *right)
{
    const struct gitea_runner *a = left, *b = right;
    int order = compare_u64(a->id, b->id);
    return order != 0 ? order : (int)b->busy - (int)a->busy;
}

void gitea_jobs_sort(struct gitea_job_list *list)
{
    if (list->count < 2)
        return;
    qsort(list->item, list->count, sizeof list->item[0], compare_jobs);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++)
        if (list->item[i].id != list->item[kept - 1].id)
            list->item[kept++] = list->item[i];
    list->count = kept;
}

void gitea_runners_sort(struct gitea_runner_list *list)
{
    if (list->count < 2)
        return;
    qsort(list->item, list->count, sizeof list->item[0], compare_runners);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++)
        if (list->item[i].id != list->item[kept - 1].id)
            list->item[kept++] = list->item[i];
    list->count = kept;
}

void gitea_job_list_free(struct gitea_job_list *list)
{
    free(list->item);
    *list = (struct gitea_job_list){0};
}

void gitea_runner_list_free(struct gitea_runner_list *list)
{
    free(list->item);
    *list = (struct gitea_runner_list){0};
}
