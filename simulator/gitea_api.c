/* Gitea's API: its routes and the small endpoints. Every token passes the route; its scopes decide
 * (gitea_scope.c), since with Gitea it is they that tell a read token from one that writes.
 * May not decide what happens in the world. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API          "/api/v1"
#define ACTIONS      API "/admin/actions"
#define ORG_ACTIONS  API "/orgs/{owner}/actions"
#define REPO_ACTIONS API "/repos/{owner}/{repo}/actions"

#define READ(path, function)                                                                       \
    {                                                                                              \
        .method = "GET", .pattern = path, .permission = PERMIT_READ, .handler = (function)         \
    }
#define CHANGE(verb, path, function)                                                               \
    {                                                                                              \
        .method = (verb), .pattern = path, .permission = PERMIT_READ, .handler = (function)        \
    }
#define SCOPE(prefix)                                                                              \
    READ(prefix "/jobs", gitea_jobs_list), READ(prefix "/runs", gitea_runs_list),                  \
        READ(prefix "/runners", gitea_runners_list),                                               \
        READ(prefix "/runners/{id}", gitea_runners_get),                                           \
        CHANGE("PATCH", prefix "/runners/{id}", gitea_runners_patch),                              \
        CHANGE("DELETE", prefix "/runners/{id}", gitea_runners_delete),                            \
        CHANGE("POST", prefix "/runners/registration-token", gitea_registration_token)

static const struct route routes[] = {
    SCOPE(ACTIONS),
    SCOPE(ORG_ACTIONS),
    SCOPE(REPO_ACTIONS),
    READ(REPO_ACTIONS "/jobs/{id}", gitea_jobs_get),
    READ(REPO_ACTIONS "/runs/{id}", gitea_runs_get),
    READ(REPO_ACTIONS "/runs/{id}/jobs", gitea_run_jobs),
    CHANGE("POST", API "/admin/cron/{task}", gitea_cron_run),
    READ(API "/user", gitea_user_get),
    READ(API "/notifications", gitea_notifications),
    {.method = "GET",
     .pattern = API "/version",
     .permission = PERMIT_ANYONE,
     .handler = gitea_version},
};

struct gitea_options *gitea_options_of(const struct exchange *exchange)
{
    struct gitea_api *api = exchange_context(exchange);
    return &api->options;
}

bool gitea_view(struct exchange *exchange, struct gitea_view *out)
{
    const char *path = exchange_path(exchange);
    *out = (struct gitea_view){.scope = WORLD_SCOPE_ADMIN};
    if (strncmp(path, API "/admin/", strlen(API "/admin/")) == 0) {
        if (gitea_options_of(exchange)->site_admin)
            return true;
        gitea_error(exchange, 403, "user should be the site admin");
        return false;
    }
    out->owner = exchange_parameter(exchange, "owner");
    out->repo = exchange_parameter(exchange, "repo");
    out->scope = out->repo != NULL ? WORLD_SCOPE_REPO : WORLD_SCOPE_ORG;
    if (!world_owner_exists(exchange_world(exchange), out->owner)) {
        gitea_not_found(exchange, out->repo == NULL ? "GetOrgByName" : "GetUserByName");
        return false;
    }
    if (out->repo == NULL ||
        world_repo_find(exchange_world(exchange), out->owner, out->repo) != NULL)
        return true;
    gitea_not_found(exchange, "not found");
    return false;
}

void gitea_version(struct exchange *exchange)
{
    exchange_reply_json(exchange, 200,
                        json_pack("{s:s}", "version", gitea_options_of(exchange)->version));
}

void gitea_user_get(struct exchange *exchange)
{
    exchange_reply_json(exchange, 200,
                        gitea_user(gitea_options_of(exchange)->site_admin, "simulated"));
}

void gitea_notifications(struct exchange *exchange)
{
    exchange_add_header(exchange, "X-Total-Count", "0");
    exchange_reply_json(exchange, 200, json_array());
}

void gitea_cron_run(struct exchange *exchange)
{
    struct gitea_view view;
    if (!gitea_view(exchange, &view))
        return;
    if (strcmp(exchange_parameter(exchange, "task"), "stop_zombie_tasks") != 0) {
        gitea_not_found(exchange, "not found");
        return;
    }
    world_zombie_sweep(exchange_world(exchange));
    exchange_reply_empty(exchange, 204);
}

static bool before(struct exchange *exchange)
{
    exchange_add_header(exchange, "Cache-Control",
                        "max-age=0, private, must-revalidate, no-transform");
    exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    api_advance(exchange);
    /* Also where no token is needed, a wrong one is refused. */
    if (exchange_token(exchange) == TOKEN_WRONG) {
        gitea_refuse(exchange, REFUSE_WRONG_TOKEN);
        return false;
    }
    return gitea_scope_allows(exchange);
}

struct gitea_options gitea_options_defaults(void)
{
    return (struct gitea_options){.version = "1.26.0",
                                  .fence = true,
                                  .site_admin = true,
                                  .read_scopes = "read:admin,read:organization,read:repository",
                                  .write_scopes =
                                      "write:admin,write:organization,write:repository"};
}

bool gitea_api_init(struct gitea_api **out, const struct gitea_options *options,
                    struct error *error)
{
    struct gitea_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return error_set(error, "no memory for the Gitea API");
    api->options = *options;
    snprintf(api->registration_token, sizeof api->registration_token,
             "SimulatedRegistrationTokenOfNoValue00000");
    api->definition = (struct api_definition){.routes = routes,
                                              .route_count = sizeof routes / sizeof *routes,
                                              .refuse = gitea_refuse,
                                              .before = before,
                                              .json_type = "application/json;charset=utf-8",
                                              .context = api};
    *out = api;
    return true;
}

void gitea_api_free(struct gitea_api *api)
{
    free(api);
}

const struct api_definition *gitea_api_definition(const struct gitea_api *api)
{
    return &api->definition;
}

struct gitea_options *gitea_api_options(struct gitea_api *api)
{
    return &api->options;
}
