/* Pushing runs of jobs, cancelling; runners that are there by hand; a fence set by a person.
 * May not answer as any of the three services. */
#include "simulator/control_private.h"

#include <stdlib.h>
#include <string.h>

#define RUN_JOBS_MAX 1000
#define NEEDS_MAX    16

/* The memory of one run's specs while it is read. */
struct run_text {
    struct world_job_spec spec[RUN_JOBS_MAX];
    const char *labels[RUN_JOBS_MAX][CONTROL_WORDS_MAX];
    uint32_t needs[RUN_JOBS_MAX][NEEDS_MAX];
};

static bool read_needs(struct exchange *exchange, const json_t *list, struct run_text *text,
                       uint32_t i)
{
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *value = json_array_get(list, n);
        if (n == NEEDS_MAX || !json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) >= (json_int_t)i) {
            control_error(exchange, 400, "job %u: \"needs\" lists at most %d earlier jobs by index",
                          i, NEEDS_MAX);
            return false;
        }
        text->needs[i][n] = (uint32_t)json_integer_value(value);
    }
    text->spec[i].needs = text->needs[i];
    text->spec[i].needs_count = (uint32_t)json_array_size(list);
    return true;
}

static bool read_job(struct exchange *exchange, const json_t *job, struct run_text *text,
                     uint32_t i)
{
    struct world_job_spec *spec = &text->spec[i];
    const json_t *duration = json_object_get(job, "duration_ms");
    const char *name = json_string_value(json_object_get(job, "name"));
    if (!json_is_object(job) || !json_is_integer(duration) || json_integer_value(duration) < 0) {
        control_error(exchange, 400, "job %u: expected an object with \"duration_ms\"", i);
        return false;
    }
    spec->name = name != NULL ? name : "job";
    spec->duration_ms = json_integer_value(duration);
    spec->skip = json_is_true(json_object_get(job, "skip"));
    spec->fails = json_is_true(json_object_get(job, "fails"));
    spec->labels = text->labels[i];
    return control_words(exchange, json_object_get(job, "labels"), "labels", text->labels[i],
                         &spec->label_count) &&
           read_needs(exchange, json_object_get(job, "needs"), text, i);
}

static void start_run(struct exchange *exchange, const struct run_text *text, uint32_t count)
{
    struct world *world = exchange_world(exchange);
    const struct world_repo *repo = world_repo(world, control_text(exchange, "owner", "acme"),
                                               control_text(exchange, "repo", "app"));
    uint64_t id = world_run_create(world, repo, text->spec, count);
    const struct world_run *run = world_run_find(world, id);
    if (run == NULL) {
        control_error(exchange, 409, "the world holds no more jobs");
        return;
    }
    json_t *ids = json_array();
    for (uint32_t i = 0; i < run->job_count; i++)
        json_array_append_new(ids, json_integer((json_int_t)(run->first_job + i)));
    exchange_reply_json(exchange, 201, json_pack("{s:I, s:o}", "run", (json_int_t)id, "jobs", ids));
}

void control_jobs_push(struct exchange *exchange)
{
    static const char *const keys[] = {"jobs", "owner", "repo", NULL};
    if (!control_keys(exchange, keys))
        return;
    json_t *list = json_object_get(exchange_body(exchange), "jobs"), *job;
    size_t i;
    if (json_array_size(list) == 0 || json_array_size(list) > RUN_JOBS_MAX) {
        control_error(exchange, 400, "\"jobs\" must list 1 to %d jobs", RUN_JOBS_MAX);
        return;
    }
    struct run_text *text = calloc(1, sizeof *text);
    bool good = text != NULL;
    if (!good)
        control_error(exchange, 500, "out of memory");
    json_array_foreach(list, i, job) {
        good = good && read_job(exchange, job, text, (uint32_t)i);
    }
    if (good)
        start_run(exchange, text, (uint32_t)json_array_size(list));
    free(text);
}

void control_jobs_cancel(struct exchange *exchange)
{
    uint64_t id = 0;
    exchange_parameter_u64(exchange, "id", &id);
    control_verdict(exchange, world_job_cancel(exchange_world(exchange), id), "job");
}

/* ----------------------------------------------------------------------------------------- runners
 */

/* A runner of a node that came by itself: its pod as well, so that it is found as the node's. */
static void add_pod_of_runner(struct exchange *exchange, const char *name, const char *node)
{
    static char app[] = "app", label[] = "gitea-actions-runner";
    struct world_pair pair = {app, label};
    struct world_map labels = {.pairs = &pair, .count = 1}, none = {0};
    struct world *world = exchange_world(exchange);
    world_pod_create(
        world, &(struct world_pod_spec){.namespace_name = world_config_of(world)->runner_namespace,
                                        .name = name,
                                        .node_name = node,
                                        .labels = &labels,
                                        .annotations = &none,
                                        .owner = WORLD_OWNER_REPLICASET,
                                        .owner_name = "by-hand",
                                        .phase = WORLD_POD_RUNNING});
}

void control_runners_add(struct exchange *exchange)
{
    static const char *const keys[] = {"name",      "labels",  "owner", "repo",
                                       "ephemeral", "started", "node",  NULL};
    const char *labels[CONTROL_WORDS_MAX];
    struct world_runner_spec spec = {.labels = labels};
    if (!control_keys(exchange, keys) ||
        !control_words(exchange, json_object_get(exchange_body(exchange), "labels"), "labels",
                       labels, &spec.label_count))
        return;
    const char *node = control_text(exchange, "node", NULL);
    spec.name = control_text(exchange, "name", NULL);
    spec.owner = control_text(exchange, "owner", NULL);
    spec.repo = control_text(exchange, "repo", NULL);
    spec.ephemeral = control_switch(exchange, "ephemeral", false);
    spec.started = control_switch(exchange, "started", true);
    spec.permanent = node == NULL;
    spec.scope = spec.repo != NULL    ? WORLD_SCOPE_REPO
                 : spec.owner != NULL ? WORLD_SCOPE_ORG
                                      : WORLD_SCOPE_ADMIN;
    if (spec.name == NULL) {
        control_error(exchange, 400, "key \"name\" is missing");
        return;
    }
    if (node != NULL && world_node_named(exchange_world(exchange), node) == NULL) {
        control_verdict(exchange, WORLD_NOT_FOUND, "node");
        return;
    }
    if (node != NULL) {
        spec.server_id = world_node_named(exchange_world(exchange), node)->server_id;
        add_pod_of_runner(exchange, spec.name, node);
    }
    uint64_t id = world_runner_create(exchange_world(exchange), &spec);
    exchange_reply_json(exchange, 201, json_pack("{s:I}", "id", (json_int_t)id));
}

void control_runners_disable(struct exchange *exchange)
{
    static const char *const keys[] = {"disabled", NULL};
    uint64_t id = 0;
    exchange_parameter_u64(exchange, "id", &id);
    if (control_keys(exchange, keys))
        control_verdict(exchange,
                        world_runner_disable(exchange_world(exchange), id,
                                             control_switch(exchange, "disabled", true)),
                        "runner");
}

void control_runners_delete(struct exchange *exchange)
{
    uint64_t id = 0;
    exchange_parameter_u64(exchange, "id", &id);
    control_verdict(exchange, world_runner_delete(exchange_world(exchange), id), "runner");
}

void control_runners_kill(struct exchange *exchange)
{
    uint64_t id = 0;
    exchange_parameter_u64(exchange, "id", &id);
    control_verdict(exchange, world_runner_kill(exchange_world(exchange), id), "runner");
}
