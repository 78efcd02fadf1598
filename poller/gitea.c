/* Gitea: jobs (queued, waiting, in_progress in one query), runners, version.
 *
 * Neither list has a stable order (FACTS), so pages repeat and skip elements. What was read is kept
 * over several readings until the distinct ids are as many as total_count says. It begins anew
 * where there are more, or where total_count changes on the way: something came or ended meanwhile,
 * and what ended may make up for what its end moved to a page that was read already. May not: send
 * anything but GET. */
#include "poller/poller.h"

#include "common/gitea.h"
#include "poller/numbers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ALL_STATUSES     (1u << JOB_RUNNABLE | 1u << JOB_BLOCKED | 1u << JOB_RUNNING)
#define SCOPES_BYTES_MAX 256

struct gitea {
    struct gitea_scope_name scope;
    char scope_text[REPOSITORY_BYTES_MAX + 1];
    struct arena *arena;
    struct gitea_job_list jobs;
    struct gitea_runner_list runners;
    char version[NAME_BYTES_MAX + 1];
    bool categories_all_read; /* token check: no category was refused so far */

    /* the list being read */
    unsigned page;
    uint32_t seen;  /* elements on the pages of this reading, repeats included */
    unsigned tries; /* readings of this list */
    bool total_known;
    uint64_t total; /* as the first page said, of what is kept */
};

static struct gitea *of(struct poller *poller)
{
    return poller->own;
}

static void ask_jobs(struct poller *poller);
static void ask_runners(struct poller *poller);

/* ------------------------------------------------------------------------- judging a list */

enum list_state { LIST_MORE, LIST_WHOLE, LIST_AGAIN, LIST_ANEW };

/* After a page: `distinct` ids were read in all. */
static enum list_state judge(struct gitea *gitea, const struct gitea_page *page, uint32_t distinct)
{
    bool changed = gitea->total_known && page->total != gitea->total;
    gitea->total = page->total;
    gitea->total_known = true;
    if (changed)
        return LIST_ANEW;
    if (page->items > 0 && gitea->seen < page->total)
        return LIST_MORE;
    if (distinct == page->total)
        return LIST_WHOLE;
    return distinct > page->total ? LIST_ANEW : LIST_AGAIN;
}

/* Another reading of the same list, of which `kept` entries are kept; false when there were too
 * many, and the round has failed. */
static bool read_again(struct poller *poller, uint64_t total, uint32_t distinct, uint32_t kept)
{
    struct gitea *gitea = of(poller);
    if (gitea->tries >= LIST_TRIES_MAX) {
        round_inconsistent(poller,
                           "after %u readings there are %" PRIu32 " different entries, and Gitea "
                           "counts %" PRIu64 "; it changes faster than it can be read, or a page "
                           "is cached on the way",
                           gitea->tries, distinct, total);
        return false;
    }
    gitea->tries++;
    numbers_reread(poller->source->source);
    gitea->page = 1;
    gitea->seen = 0;
    gitea->total_known = kept > 0;
    return true;
}

static void begin_list(struct gitea *gitea)
{
    gitea->page = 1;
    gitea->seen = 0;
    gitea->tries = 1;
    gitea->total_known = false;
}

/* ------------------------------------------------------------------------------------ snapshot */

static void send_snapshot(struct poller *poller)
{
    const struct gitea *gitea = of(poller);
    struct gitea_snapshot snapshot = {
        .head = round_head(poller),
        .version = gitea->version,
        .jobs = gitea->jobs.item,
        .jobs_count = gitea->jobs.count,
        .runners = gitea->runners.item,
        .runners_count = gitea->runners.count,
    };
    round_done(poller, MESSAGE_gitea_snapshot, &snapshot);
}

static void on_version(struct poller *poller, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct error error;
    if (trouble->trouble != TROUBLE_NONE)
        round_failed(poller, trouble);
    else if (!gitea_decode_version(answer->body, answer->length, of(poller)->version, &error))
        round_bad_answer(poller, answer, &error);
    else
        send_snapshot(poller);
}

/* The version is asked for again with each failure, since Gitea may have been updated. */
static void ask_version(struct poller *poller)
{
    struct url_path path;
    if (of(poller)->version[0] != '\0' && poller->failures == 0) {
        send_snapshot(poller);
        return;
    }
    gitea_path_version(&path);
    get(poller, &path, on_version, "ask for Gitea's version");
}

/* ------------------------------------------------------------------------------------- runners */

static void runners_judged(struct poller *poller, const struct gitea_page *page)
{
    struct gitea *gitea = of(poller);
    uint32_t distinct = gitea->runners.count;
    enum list_state state = judge(gitea, page, distinct);
    if (state == LIST_ANEW)
        gitea->runners.count = 0;
    if (state == LIST_WHOLE)
        ask_version(poller);
    else if (state == LIST_MORE) {
        gitea->page++;
        ask_runners(poller);
    } else if (read_again(poller, page->total, distinct, gitea->runners.count))
        ask_runners(poller);
}

static void on_runners(struct poller *poller, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct gitea *gitea = of(poller);
    struct gitea_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        round_failed(poller, trouble);
        return;
    }
    if (!gitea_decode_runners(answer->body, answer->length, gitea->arena, &gitea->runners, &page,
                              &error)) {
        round_bad_answer(poller, answer, &error);
        return;
    }
    gitea->seen += page.items;
    gitea_runners_sort(&gitea->runners);
    runners_judged(poller, &page);
}

static void ask_runners(struct poller *poller)
{
    struct url_path path;
    gitea_path_runners(&path, &of(poller)->scope, of(poller)->page);
    get(poller, &path, on_runners, "list the runners, page %u", of(poller)->page);
}

/* ---------------------------------------------------------------------------------------- jobs */

static void jobs_judged(struct poller *poller, const struct gitea_page *page)
{
    struct gitea *gitea = of(poller);
    uint32_t distinct = gitea->jobs.count;
    enum list_state state = judge(gitea, page, distinct);
    if (state == LIST_ANEW)
        gitea->jobs.count = 0;
    if (state == LIST_WHOLE) {
        begin_list(gitea);
        ask_runners(poller);
    } else if (state == LIST_MORE) {
        gitea->page++;
        ask_jobs(poller);
    } else if (read_again(poller, page->total, distinct, gitea->jobs.count))
        ask_jobs(poller);
}

static void on_jobs(struct poller *poller, const struct http_answer *answer,
                    const struct api_trouble *trouble)
{
    struct gitea *gitea = of(poller);
    struct gitea_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        round_failed(poller, trouble);
        return;
    }
    if (!gitea_decode_jobs(answer->body, answer->length, gitea->arena, &gitea->jobs, &page,
                           &error)) {
        round_bad_answer(poller, answer, &error);
        return;
    }
    gitea->seen += page.items;
    gitea_jobs_sort(&gitea->jobs);
    jobs_judged(poller, &page);
}

static void ask_jobs(struct poller *poller)
{
    struct url_path path;
    gitea_path_jobs(&path, &of(poller)->scope, ALL_STATUSES, of(poller)->page);
    get(poller, &path, on_jobs, "list the jobs, page %u", of(poller)->page);
}

static void begin(struct poller *poller)
{
    struct gitea *gitea = of(poller);
    arena_reset(gitea->arena);
    gitea->jobs.count = 0;
    gitea->runners.count = 0;
    begin_list(gitea);
    ask_jobs(poller);
}

/* ------------------------------------------------------------------------------- token check
 * Gitea names a token's scopes in the text of a 403 (FACTS: Access), so it is asked for things that
 * a poller's token has no business with: what is refused tells all its scopes, without a change. */

static const struct {
    const char *path, *what;
} strange[] = {
    {"/api/v1/user", "the account"},
    {"/api/v1/notifications?limit=1", "notifications"},
};

static void ask_strange(struct poller *poller);

static void tell_scopes(struct poller *poller, const char *scopes)
{
    if (gitea_scopes_write(scopes))
        token_checked(poller, true,
                      "Gitea's poller token could write (its scopes: %.200s): make one with read "
                      "scopes only, and put it into gitea.token_file",
                      scopes);
    else
        token_checked(poller, false, "Gitea's poller token can only read (its scopes: %.200s)",
                      scopes);
}

static void on_strange(struct poller *poller, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct gitea *gitea = of(poller);
    char scopes[SCOPES_BYTES_MAX];
    gitea_token_scopes(answer->body, answer->length, scopes, sizeof scopes);
    if (scopes[0] != '\0') {
        tell_scopes(poller, scopes);
        return;
    }
    if (trouble->http_status == 0 || trouble->http_status >= 500 || trouble->http_status == 401) {
        round_failed(poller, trouble); /* the token is checked in the next round */
        return;
    }
    gitea->categories_all_read = gitea->categories_all_read && trouble->trouble == TROUBLE_NONE;
    gitea->page++;
    ask_strange(poller);
}

static void ask_strange(struct poller *poller)
{
    const struct gitea *gitea = of(poller);
    struct url_path path = URL_PATH_EMPTY;
    if (gitea->page < sizeof strange / sizeof strange[0]) {
        url_add(&path, strange[gitea->page].path);
        get(poller, &path, on_strange, "look what else the token reads (%s)",
            strange[gitea->page].what);
        return;
    }
    if (gitea->categories_all_read)
        token_checked(poller, true,
                      "Gitea's poller token reads things that it need not (account, "
                      "notifications): it is most likely an unrestricted one, which can write; "
                      "make one with read scopes only");
    else
        token_checked(poller, false,
                      "whether Gitea's poller token could write is not known: this Gitea does not "
                      "name a token's scopes");
}

static void check_token(struct poller *poller)
{
    struct gitea *gitea = of(poller);
    gitea->page = 0;
    gitea->categories_all_read = true;
    ask_strange(poller);
}

/* ---------------------------------------------------------------------------------------- life */

static bool open_source(struct poller *poller, const struct config *config, struct error *error)
{
    struct gitea *gitea = calloc(1, sizeof *gitea);
    poller->own = gitea;
    if (gitea == NULL || (gitea->arena = arena_new(ARENA_BYTES_MAX)) == NULL)
        return error_set(error, "out of memory for Gitea's lists");
    if (strlen(config->gitea.scope_name) >= sizeof gitea->scope_text)
        return error_set(error, "gitea.scope_name is too long");
    memcpy(gitea->scope_text, config->gitea.scope_name, strlen(config->gitea.scope_name) + 1);
    gitea->scope = (struct gitea_scope_name){config->gitea.scope, gitea->scope_text};
    return true;
}

static void close_source(struct poller *poller)
{
    struct gitea *gitea = of(poller);
    gitea_job_list_free(&gitea->jobs);
    gitea_runner_list_free(&gitea->runners);
    arena_free(gitea->arena);
    free(gitea);
    poller->own = NULL;
}

static int64_t interval_ms(const struct config *config)
{
    return config->gitea.poll_interval_ms;
}

const struct source_behaviour gitea_source = {
    .source = SOURCE_GITEA,
    .role = ROLE_POLLER_GITEA,
    .word = "gitea",
    .open = open_source,
    .close = close_source,
    .begin = begin,
    .check_token = check_token,
    .trouble = gitea_trouble,
    .interval_ms = interval_ms,
};
