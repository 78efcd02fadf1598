/* Pushing jobs into the world. May not read a clock. */
#include "simulator/workload.h"

#include "simulator/world/world.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 1024
#define COLUMNS        5

struct row {
    int64_t at_ms, duration_ms; /* since the start */
    char *text;                 /* the line; the words point into it */
    const char *labels[WORKLOAD_LABELS_MAX];
    uint32_t label_count;
    const char *run, *name;
};

struct workload {
    struct world *world;
    struct row *rows;
    size_t count, next;
    int64_t start_ms;
    int64_t rate, job_ms, generated_ms; /* when the next generated job is due */
    bool on;
};

/* ------------------------------------------------------------------------------------ the file */

static bool read_seconds(const char *text, int64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);
    *ms = (int64_t)(seconds * 1000);
    return *text != '\0' && *end == '\0' && seconds >= 0 && seconds < 1e9;
}

/* Cuts the line at its commas. */
static bool cut(char *line, char *columns[COLUMNS])
{
    size_t count = 0;
    for (char *at = line; at != NULL; count++) {
        char *comma = count + 1 < COLUMNS ? strchr(at, ',') : NULL;
        if (comma != NULL)
            *comma++ = '\0';
        columns[count] = at;
        at = comma;
    }
    return count == COLUMNS;
}

static bool read_row(struct row *row, const char *line)
{
    char *columns[COLUMNS];
    row->text = strdup(line);
    if (row->text == NULL || !cut(row->text, columns) || !read_seconds(columns[0], &row->at_ms) ||
        !read_seconds(columns[1], &row->duration_ms))
        return false;
    row->run = columns[3];
    row->name = columns[4];
    for (char *at = columns[2]; at != NULL && *at != '\0';) {
        char *next = strchr(at, ';');
        if (row->label_count == WORKLOAD_LABELS_MAX)
            return false;
        if (next != NULL)
            *next++ = '\0';
        row->labels[row->label_count++] = at;
        at = next;
    }
    return true;
}

static bool read_rows(struct workload *workload, FILE *file, const char *path, struct error *error)
{
    char line[LINE_BYTES_MAX];
    size_t number = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (++number == 1 || line[0] == '\0')
            continue;
        if (workload->count == WORKLOAD_ROWS_MAX)
            return error_set(error, "%s:%zu: a workload has at most %d jobs", path, number,
                             WORKLOAD_ROWS_MAX);
        struct row *row = &workload->rows[workload->count++];
        if (!read_row(row, line) || (workload->count > 1 && row->at_ms < row[-1].at_ms))
            return error_set(error,
                             "%s:%zu: expected arrival_s,duration_s,labels,run,name with at most "
                             "%d labels, sorted by arrival",
                             path, number, WORKLOAD_LABELS_MAX);
    }
    return true;
}

static bool read_file(struct workload *workload, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set_errno(error, errno, "the workload %s cannot be opened", path);
    workload->rows = calloc(WORKLOAD_ROWS_MAX, sizeof *workload->rows);
    bool good = workload->rows != NULL ? read_rows(workload, file, path, error)
                                       : error_set(error, "no memory for the workload");
    fclose(file);
    return good;
}

/* -------------------------------------------------------------------------------------- its life
 */

static int64_t exponential(struct world *world, double mean_ms)
{
    double uniform = ((double)world_random(world, 1U << 30) + 1) / (double)(1U << 30);
    return (int64_t)(-log(uniform) * mean_ms) + 1;
}

static void plan_generated(struct workload *workload, int64_t after_ms)
{
    workload->generated_ms =
        workload->rate == 0
            ? INT64_MAX
            : after_ms + exponential(workload->world, 3600000.0 / (double)workload->rate);
}

bool workload_init(struct workload **out, struct world *world, const char *path, int64_t rate,
                   int64_t job_ms, struct error *error)
{
    struct workload *workload = calloc(1, sizeof *workload);
    if (workload == NULL)
        return error_set(error, "no memory for the workload");
    workload->world = world;
    workload->start_ms = world_now_ms(world);
    workload->rate = rate;
    workload->job_ms = job_ms;
    workload->on = true;
    if (path != NULL && !read_file(workload, path, error)) {
        workload_free(workload);
        return false;
    }
    plan_generated(workload, workload->start_ms);
    *out = workload;
    return true;
}

void workload_free(struct workload *workload)
{
    if (workload == NULL)
        return;
    for (size_t i = 0; i < workload->count; i++)
        free(workload->rows[i].text);
    free(workload->rows);
    free(workload);
}

static void push(struct workload *workload, const struct world_job_spec *jobs, uint32_t count)
{
    if (workload->on)
        world_run_create(workload->world, world_repo(workload->world, "acme", "app"), jobs, count);
}

/* Rows of one run that arrive together become one run. */
static void push_rows(struct workload *workload)
{
    struct world_job_spec jobs[WORKLOAD_RUN_MAX] = {{0}};
    const struct row *first = &workload->rows[workload->next];
    uint32_t count = 0;
    while (workload->next < workload->count && count < WORKLOAD_RUN_MAX) {
        const struct row *row = &workload->rows[workload->next];
        if (row->at_ms != first->at_ms || strcmp(row->run, first->run) != 0)
            break;
        jobs[count++] = (struct world_job_spec){.name = row->name,
                                                .labels = row->labels,
                                                .label_count = row->label_count,
                                                .duration_ms = row->duration_ms};
        workload->next++;
    }
    push(workload, jobs, count);
}

static void push_generated(struct workload *workload)
{
    const struct world_config *config = world_config_of(workload->world);
    struct world_job_spec job = {.name = "generated",
                                 .labels = config->runner_labels,
                                 .label_count = config->runner_label_count,
                                 .duration_ms =
                                     exponential(workload->world, (double)workload->job_ms)};
    push(workload, &job, 1);
}

void workload_advance(struct workload *workload, int64_t now_ms)
{
    while (workload->next < workload->count &&
           workload->start_ms + workload->rows[workload->next].at_ms <= now_ms)
        push_rows(workload);
    while (workload->generated_ms <= now_ms) {
        push_generated(workload);
        plan_generated(workload, workload->generated_ms);
    }
}

void workload_switch(struct workload *workload, bool on)
{
    workload->on = on;
}

bool workload_is_on(const struct workload *workload)
{
    return workload->on;
}
