/* Gitea's paths, and what its refusals mean. May not: do I/O, log. */
#include "common/gitea.h"

#include "common/json_read.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- paths */

static void begin(struct url_path *out, const struct gitea_scope_name *scope)
{
    *out = (struct url_path)URL_PATH_EMPTY;
    switch (scope->scope) {
    case SCOPE_ORG:
        url_add(out, "/api/v1/orgs/");
        url_add_escaped(out, scope->name);
        break;
    case SCOPE_REPO:
        url_add(out, "/api/v1/repos/");
        url_add_escaped_path(out, scope->name);
        break;
    case SCOPE_ADMIN:
    case gitea_scope_count: url_add(out, "/api/v1/admin"); break;
    }
}

static void add_page(struct url_path *out, unsigned page)
{
    url_add(out, "limit=");
    url_add_u64(out, GITEA_PAGE_MAX);
    url_add(out, "&page=");
    url_add_u64(out, page);
}

/* Gitea's own words in `?status=`; FACTS: `waiting` gives what is blocked. */
static const char *const status_words[job_status_count] = {
    [JOB_RUNNABLE] = "queued",
    [JOB_BLOCKED] = "waiting",
    [JOB_RUNNING] = "in_progress",
};

void gitea_path_jobs(struct url_path *out, const struct gitea_scope_name *scope, unsigned statuses,
                     unsigned page)
{
    begin(out, scope);
    url_add(out, "/actions/jobs?");
    for (unsigned status = 0; status < job_status_count; status++)
        if (statuses & 1u << status) {
            url_add(out, "status=");
            url_add(out, status_words[status]);
            url_add(out, "&");
        }
    add_page(out, page);
}

void gitea_path_runners(struct url_path *out, const struct gitea_scope_name *scope, unsigned page)
{
    begin(out, scope);
    url_add(out, "/actions/runners?");
    add_page(out, page);
}

void gitea_path_runner(struct url_path *out, const struct gitea_scope_name *scope, uint64_t id)
{
    begin(out, scope);
    url_add(out, "/actions/runners/");
    url_add_u64(out, id);
}

void gitea_path_version(struct url_path *out)
{
    *out = (struct url_path)URL_PATH_EMPTY;
    url_add(out, "/api/v1/version");
}

void gitea_path_user(struct url_path *out)
{
    *out = (struct url_path)URL_PATH_EMPTY;
    url_add(out, "/api/v1/user");
}

/* ---------------------------------------------------------------------------------- refusals */

static const char *advice(const struct http_answer *answer)
{
    switch (answer->status) {
    case 401:
        return "the token is missing, wrong or expired: check gitea.token_file (the actuator's: "
               "gitea.write_token_file)";
    case 403:
        return "the token may not do this: give it the scope that is named, or its owner the right";
    case 404:
        return "if it should be there, check gitea.url (without /api/v1), gitea.scope and "
               "gitea.scope_name";
    case 429: return "Gitea, or a proxy before it, limits requests";
    default: return answer->status >= 500 ? "look into Gitea's own log" : "";
    }
}

void gitea_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out)
{
    if (!api_trouble_begin(answer, doing, out))
        return;
    struct error ignored;
    json_t *top = json_parse_object(answer->body, answer->length, &ignored);
    api_trouble_say(answer, doing, top == NULL ? "" : json_text_of(top, "message"), advice(answer),
                    out);
    json_decref(top);
}

void gitea_token_scopes(const char *body, size_t length, char *out, size_t size)
{
    static const char mark[] = "token scope=";
    struct error ignored;
    out[0] = '\0';
    json_t *top = json_parse_object(body, length, &ignored);
    if (top == NULL)
        return;
    const char *found = strstr(json_text_of(top, "message"), mark);
    if (found != NULL)
        snprintf(out, size, "%s", found + sizeof mark - 1);
    json_decref(top);
}

/* One scope between commas. Gitea 1.26: `read:X` and `public-only` change nothing; `write:X`, `all`
 * and `sudo` do. A word that we do not know is taken to write: better a false alarm. */
static bool scope_writes(const char *scope, size_t length)
{
    if (length == 0 || (length >= 5 && memcmp(scope, "read:", 5) == 0))
        return false;
    return !(length == 11 && memcmp(scope, "public-only", 11) == 0);
}

bool gitea_scopes_write(const char *scopes)
{
    while (*scopes != '\0') {
        size_t length = strcspn(scopes, ", ");
        if (scope_writes(scopes, length))
            return true;
        scopes += length;
        scopes += strspn(scopes, ", ");
    }
    return false;
}
