/* Jobs, runs and runners as Gitea 1.26 shows them (its own samples: keys that are missing while a
 * job is queued, unset times in 1970). May not touch the world. */
#include "simulator/gitea_private.h"

#include <stdio.h>

#define URL_BYTES_MAX 512

static const char *status_word(enum world_job_status status)
{
    static const char *const words[] = {[WORLD_JOB_BLOCKED] = "waiting",
                                        [WORLD_JOB_QUEUED] = "queued",
                                        [WORLD_JOB_RUNNING] = "in_progress",
                                        [WORLD_JOB_COMPLETED] = "completed"};
    return words[status];
}

static const char *conclusion_word(enum world_conclusion conclusion)
{
    static const char *const words[] = {[WORLD_CONCLUSION_NONE] = "",
                                        [WORLD_CONCLUSION_SUCCESS] = "success",
                                        [WORLD_CONCLUSION_FAILURE] = "failure",
                                        [WORLD_CONCLUSION_CANCELLED] = "cancelled",
                                        [WORLD_CONCLUSION_SKIPPED] = "skipped"};
    return words[conclusion];
}

static json_t *steps(const struct world_job *job)
{
    json_t *list = json_array();
    if (job->started_ms == 0)
        return list;
    json_t *step = json_pack("{s:s, s:i, s:s}", "name", "Run the job's work", "number", 0, "status",
                             status_word(job->status));
    if (job->conclusion != WORLD_CONCLUSION_NONE)
        json_object_set_new(step, "conclusion", json_string(conclusion_word(job->conclusion)));
    json_object_set_new(step, "started_at", api_time(job->started_ms));
    json_object_set_new(step, "completed_at", api_time(job->completed_ms));
    json_array_append_new(list, step);
    return list;
}

/* A commit that looks like one. */
static void head_sha(uint64_t run_id, char out[41])
{
    uint64_t state = run_id * 0x9e3779b97f4a7c15U;
    for (int i = 0; i < 40; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        out[i] = "0123456789abcdef"[state >> 60];
    }
    out[40] = '\0';
}

json_t *gitea_job(const struct exchange *exchange, const struct world_job *job)
{
    return gitea_job_at(exchange_origin(exchange), job);
}

json_t *gitea_job_at(const char *origin, const struct world_job *job)
{
    char url[URL_BYTES_MAX], html[URL_BYTES_MAX], run[URL_BYTES_MAX], sha[41];
    unsigned long long id = job->id, run_id = job->run_id;
    snprintf(url, sizeof url, "%s/api/v1/repos/%s/%s/actions/jobs/%llu", origin, job->repo->owner,
             job->repo->name, id);
    snprintf(html, sizeof html, "%s/%s/%s/actions/runs/%llu/jobs/%llu", origin, job->repo->owner,
             job->repo->name, run_id, id);
    snprintf(run, sizeof run, "%s/api/v1/repos/%s/%s/actions/runs/%llu", origin, job->repo->owner,
             job->repo->name, run_id);
    head_sha(job->run_id, sha);
    json_t *object = json_pack(
        "{s:I, s:s, s:s, s:I, s:s, s:s, s:o, s:i, s:s, s:s, s:s}", "id", (json_int_t)job->id, "url",
        url, "html_url", html, "run_id", (json_int_t)job->run_id, "run_url", run, "name", job->name,
        "labels", api_words(&job->labels), "run_attempt", job->started_ms != 0 ? 1 : 0, "head_sha",
        sha, "head_branch", "main", "status", status_word(job->status));
    if (job->conclusion != WORLD_CONCLUSION_NONE)
        json_object_set_new(object, "conclusion", json_string(conclusion_word(job->conclusion)));
    if (job->runner_id != 0) {
        json_object_set_new(object, "runner_id", json_integer((json_int_t)job->runner_id));
        json_object_set_new(object, "runner_name", json_string(job->runner_name));
    }
    json_object_set_new(object, "steps", steps(job));
    json_object_set_new(object, "created_at", api_time(job->created_ms));
    json_object_set_new(object, "started_at", api_time(job->started_ms));
    json_object_set_new(object, "completed_at", api_time(job->completed_ms));
    return object;
}

json_t *gitea_user(bool site_admin, const char *login)
{
    char email[100];
    snprintf(email, sizeof email, "1+%s@noreply.127.0.0.1", login);
    return json_pack("{s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:b, s:b, s:b, "
                     "s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s}",
                     "id", 1, "login", login, "login_name", "", "source_id", 0, "full_name", "",
                     "email", email, "avatar_url", "", "html_url", "", "language", "", "is_admin",
                     (int)site_admin, "last_login", "0001-01-01T00:00:00Z", "created",
                     "2026-11-24T07:18:25Z", "restricted", 0, "active", 1, "prohibit_login", 0,
                     "location", "", "website", "", "description", "", "visibility", "public",
                     "followers_count", 0, "following_count", 0, "starred_repos_count", 0,
                     "username", login);
}

json_t *gitea_run(const struct exchange *exchange, const struct world_run *run)
{
    char url[URL_BYTES_MAX], html[URL_BYTES_MAX], sha[41];
    const char *origin = exchange_origin(exchange);
    snprintf(url, sizeof url, "%s/api/v1/repos/%s/%s/actions/runs/%llu", origin, run->repo->owner,
             run->repo->name, (unsigned long long)run->id);
    snprintf(html, sizeof html, "%s/%s/%s/actions/runs/%llu", origin, run->repo->owner,
             run->repo->name, (unsigned long long)run->id);
    head_sha(run->id, sha);
    json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s, s:s}", "id",
                               (json_int_t)run->id, "url", url, "html_url", html, "display_title",
                               "ci", "path", "ci.yml@refs/heads/main", "event", "push",
                               "run_attempt", 0, "run_number", (json_int_t)run->number, "head_sha",
                               sha, "head_branch", "main", "status", status_word(run->status));
    if (run->conclusion != WORLD_CONCLUSION_NONE)
        json_object_set_new(object, "conclusion", json_string(conclusion_word(run->conclusion)));
    json_object_set_new(object, "actor", gitea_user(true, "simulated"));
    json_object_set_new(object, "started_at", api_time(run->started_ms));
    json_object_set_new(object, "completed_at", api_time(run->completed_ms));
    return object;
}

json_t *gitea_runner(const struct exchange *exchange, const struct world_runner *runner)
{
    const struct world *world = exchange_world(exchange);
    json_t *labels = json_array();
    for (uint32_t i = 0; i < runner->labels.count; i++)
        json_array_append_new(labels, json_pack("{s:i, s:s, s:s}", "id", (int)i, "name",
                                                runner->labels.items[i], "type", "custom"));
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)runner->id, "name", runner->name,
                  "status", world_runner_online(world, runner) ? "online" : "offline", "busy",
                  (int)world_runner_busy(world, runner));
    if (gitea_options_of(exchange)->fence)
        json_object_set_new(object, "disabled", json_boolean(runner->disabled));
    json_object_set_new(object, "ephemeral", json_boolean(runner->ephemeral));
    json_object_set_new(object, "labels", labels);
    return object;
}
