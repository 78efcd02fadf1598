/* Gitea's answers decoded, its paths, and what its refusals mean (FACTS: Gitea 1.26).
 *
 * A list is read page by page into one list; repeats of an id are dropped by the sort
 * (offset paging repeats and skips: the caller compares `count` with `total` and reads again).
 * Texts lie in the arena that the caller owns; decoding trusts no length and keeps nothing of a
 * page that has a fault. May not: do I/O, log, name a method. */
#ifndef EBBTIDE_COMMON_GITEA_H
#define EBBTIDE_COMMON_GITEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/api_trouble.h"
#include "common/arena.h"
#include "common/http.h"
#include "common/url.h"
#include "tables/messages.h"

#define GITEA_PAGE_MAX 50 /* Gitea gives no more, whatever is asked */

/* ------------------------------------------------------------------------------------- paths */

struct gitea_scope_name {
    enum gitea_scope scope;
    const char *name; /* org: "acme"; repo: "acme/app"; admin: unused */
};

/* Jobs with any of the given statuses, in one query: statuses is a set of bits 1 << enum
 * job_status. */
void gitea_path_jobs(struct url_path *out, const struct gitea_scope_name *scope, unsigned statuses,
                     unsigned page);
void gitea_path_runners(struct url_path *out, const struct gitea_scope_name *scope, unsigned page);
void gitea_path_runner(struct url_path *out, const struct gitea_scope_name *scope, uint64_t id);
void gitea_path_version(struct url_path *out);
void gitea_path_user(struct url_path *out); /* whose token it is */

/* ------------------------------------------------------------------------------------- lists */

struct gitea_job_list {
    struct gitea_job *item; /* distinct ids; sorted by id after gitea_jobs_sort */
    uint32_t count, room;
};

struct gitea_runner_list {
    struct gitea_runner *item;
    uint32_t count, room;
};

void gitea_job_list_free(struct gitea_job_list *list); /* zeroes it; texts are the arena's */
void gitea_runner_list_free(struct gitea_runner_list *list);

/* What one page said of the whole. */
struct gitea_page {
    uint64_t total; /* total_count */
    uint32_t items; /* on this page, repeats included */
};

/* Adds a page of jobs (key `jobs`, or the older `workflow_jobs`). Completed jobs are left out but
 * counted in items. False with a sentence, the list as it was, where the page is not one. */
bool gitea_decode_jobs(const char *body, size_t length, struct arena *arena,
                       struct gitea_job_list *list, struct gitea_page *page, struct error *error);
bool gitea_decode_runners(const char *body, size_t length, struct arena *arena,
                          struct gitea_runner_list *list, struct gitea_page *page,
                          struct error *error);

/* Sorts by id and drops repeats: of two, the job that is further along (running, then blocked) and
 * the runner that is busy are kept. */
void gitea_jobs_sort(struct gitea_job_list *list);
void gitea_runners_sort(struct gitea_runner_list *list);

/* ----------------------------------------------------------------------------- single objects */

bool gitea_decode_runner(const char *body, size_t length, struct arena *arena,
                         struct gitea_runner *out, struct error *error);

/* "1.26.0" into out. */
bool gitea_decode_version(const char *body, size_t length, char out[NAME_BYTES_MAX + 1],
                          struct error *error);

/* What GET /user tells of the token's owner. */
struct gitea_user {
    char login[NAME_BYTES_MAX + 1];
    bool site_admin;
};
bool gitea_decode_user(const char *body, size_t length, struct gitea_user *out,
                       struct error *error);

/* ---------------------------------------------------------------------------------- refusals */

/* What the answer means where it is not what was hoped for; trouble NONE for a whole 2xx. doing:
 * "list the jobs", for the sentence. */
void gitea_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out);

/* The scopes of a token as a 403 names them ("token scope=read:admin,read:user"); "" where the text
 * names none. */
void gitea_token_scopes(const char *body, size_t length, char *out, size_t size);

/* Whether a scope list of that form lets its holder change anything ("write:admin", "all", "sudo"
 * ...). */
bool gitea_scopes_write(const char *scopes);

#endif
