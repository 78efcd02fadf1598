/* What the parts of the Gitea API share. Private to gitea_*.c.
 * May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_GITEA_PRIVATE_H
#define EBBTIDE_SIMULATOR_GITEA_PRIVATE_H

#include "simulator/api_json.h"
#include "simulator/gitea_api.h"

struct gitea_api {
    struct api_definition definition;
    struct gitea_options options;
    char registration_token[48];
};

/* Where a request looks: everything, an organisation, a repository. */
struct gitea_view {
    enum world_scope scope;
    const char *owner, *repo; /* NULL above the scope */
};

struct gitea_options *gitea_options_of(const struct exchange *exchange);

/* From the parameters {owner} and {repo} of the route. False: it has answered (no such repository,
 * not an admin). */
bool gitea_view(struct exchange *exchange, struct gitea_view *out);

/* gitea_error.c: {"message","url"} as Gitea's own refusals look. */
void gitea_error(struct exchange *exchange, int status, const char *message);
/* {"errors":null,"message","url"}: how the newer handlers refuse. */
void gitea_not_found(struct exchange *exchange, const char *message);
/* gitea_scope.c: whether the token's scopes allow the request; false: it has answered 403. */
bool gitea_scope_allows(struct exchange *exchange);
void gitea_refuse(struct exchange *exchange, enum refusal why);

/* gitea_page.c */
struct gitea_page {
    int64_t page, limit;
    size_t first; /* of the items shown */
};
struct gitea_page gitea_read_page(const struct exchange *exchange);
/* X-Total-Count, and Link where there is more than one page. */
void gitea_add_totals(struct exchange *exchange, const struct gitea_page *page, size_t total);

/* gitea_json.c */
json_t *gitea_job(const struct exchange *exchange, const struct world_job *job);
json_t *gitea_job_at(const char *origin, const struct world_job *job);
json_t *gitea_run(const struct exchange *exchange, const struct world_run *run);
json_t *gitea_runner(const struct exchange *exchange, const struct world_runner *runner);
json_t *gitea_user(bool site_admin, const char *login);

/* Handlers. */
void gitea_jobs_list(struct exchange *exchange);
void gitea_jobs_get(struct exchange *exchange);
void gitea_run_jobs(struct exchange *exchange);
void gitea_runs_list(struct exchange *exchange);
void gitea_runs_get(struct exchange *exchange);
void gitea_runners_list(struct exchange *exchange);
void gitea_runners_get(struct exchange *exchange);
void gitea_runners_patch(struct exchange *exchange);
void gitea_runners_delete(struct exchange *exchange);
void gitea_registration_token(struct exchange *exchange);
void gitea_cron_run(struct exchange *exchange);
void gitea_version(struct exchange *exchange);
void gitea_user_get(struct exchange *exchange);
void gitea_notifications(struct exchange *exchange);

#endif
