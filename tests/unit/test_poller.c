/* What the pollers promise: whole pictures or a sentence; back-off, budget, poll now; only GET (the
 * fixture checks every request). Each test runs the real program. */
#include "tests/unit/poller_fixture.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const char *const fast_gitea[] = {"gitea.poll_interval", "200ms", NULL};
static const char *const slow_gitea[] = {"gitea.poll_interval", "1m", NULL};
static const char *const fast_hetzner[] = {"hetzner.poll_interval", "200ms", NULL};
static const char *const fast_kube[] = {"kube.poll_interval", "200ms", NULL};

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* --------------------------------------------------------------------------------------- Gitea */

/* What every Gitea answers besides the lists; false where it is a list. */
static bool gitea_common(struct evhttp_request *request, const char *path, const char *scopes)
{
    static const char *const date[] = {"Date: Tue, 24 Nov 2026 07:18:56 GMT", NULL};
    char text[512];
    snprintf(text, sizeof text,
             "{\"message\":\"token does not have at least one of required scope(s), "
             "required=[read:user], token scope=%s\"}",
             scopes);
    if (strcmp(path, "/api/v1/user") == 0)
        reply(request, 403, NULL, text);
    else if (strcmp(path, "/api/v1/version") == 0)
        reply(request, 200, date, "{\"version\":\"1.26.0\"}");
    else
        return false;
    return true;
}

#define JOB(id)    "{\"id\":" #id ",\"status\":\"queued\",\"labels\":[\"linux\"]}"
#define NO_RUNNERS "{\"runners\":[],\"total_count\":0}"

/* A server that moves a job between two pages of the first reading. */
static void shifting_gitea(struct evhttp_request *request, const char *path, const char *query)
{
    static unsigned readings;
    if (gitea_common(request, path, "read:admin"))
        return;
    if (has(path, "/runners")) {
        reply(request, 200, NULL,
              "{\"runners\":[{\"id\":1,\"name\":\"r\",\"status\":\"online\"}],"
              "\"total_count\":1}");
        return;
    }
    CU_ASSERT_TRUE(has(query, "status=queued&status=waiting&status=in_progress&limit=50"));
    bool first = has(query, "page=1");
    readings += first ? 1 : 0;
    if (first)
        reply(request, 200, NULL, "{\"jobs\":[" JOB(3) "," JOB(1) "],\"total_count\":4}");
    else if (readings == 1)
        reply(request, 200, NULL, "{\"jobs\":[" JOB(3) "," JOB(2) "],\"total_count\":4}");
    else
        reply(request, 200, NULL, "{\"jobs\":[" JOB(4) "," JOB(2) "],\"total_count\":4}");
}

static void test_gitea_snapshot(void)
{
    rig_start(ROLE_POLLER_GITEA, shifting_gitea, slow_gitea);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_FALSE(message_token_writes(message)->writes);
    CU_ASSERT_TRUE(has(message_token_writes(message)->text, "read:admin"));
    message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct gitea_snapshot *snapshot = message_gitea_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->jobs_count, 4);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(snapshot->jobs[i].id, i + 1);
    CU_ASSERT_EQUAL(snapshot->runners_count, 1);
    CU_ASSERT_STRING_EQUAL(snapshot->version, "1.26.0");
    CU_ASSERT_EQUAL(snapshot->head.sequence, 1);
    CU_ASSERT_EQUAL(snapshot->head.requests, 7); /* user, 2 x 2 pages, runners, version */
    CU_ASSERT_EQUAL(snapshot->head.api_ms, INT64_C(1795504736000));
    CU_ASSERT_TRUE(snapshot->head.began_mono_ms <= snapshot->head.ended_mono_ms);
    CU_ASSERT_STRING_EQUAL(rig.authorization, "Bearer read-token");
    rig_end();
}

/* More entries than total_count can ever explain. */
static void inconsistent_gitea(struct evhttp_request *request, const char *path, const char *query)
{
    (void)query;
    if (gitea_common(request, path, "read:admin"))
        return;
    CU_ASSERT_FALSE(has(path, "/runners"));
    reply(request, 200, NULL, "{\"jobs\":[" JOB(3) "," JOB(3) "],\"total_count\":2}");
}

static void test_gitea_inconsistent(void)
{
    rig_start(ROLE_POLLER_GITEA, inconsistent_gitea, slow_gitea);
    const struct message *message = rig_wait(MESSAGE_poll_trouble, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(message_poll_trouble(message)->trouble, TROUBLE_INCONSISTENT);
    CU_ASSERT_EQUAL(rig.requests, 7); /* user, six readings */
    for (unsigned i = 0; i < rig.reports; i++)
        CU_ASSERT_NOT_EQUAL(rig.report[i]->id, MESSAGE_gitea_snapshot);
    rig_end();
}

/* The pages of the jobs' list, one after the other, whatever is asked for. */
static const char *const *next_jobs;

static void changing_gitea(struct evhttp_request *request, const char *path, const char *query)
{
    (void)query;
    if (gitea_common(request, path, "read:admin"))
        return;
    if (has(path, "/runners"))
        reply(request, 200, NULL, NO_RUNNERS);
    else
        reply(request, 200, NULL, *next_jobs++);
}

/* Of three jobs, 1 to 3, none is missing, and 4, which ended, is not among them. */
static void check_changing(const char *const *pages, unsigned count)
{
    next_jobs = pages;
    rig_start(ROLE_POLLER_GITEA, changing_gitea, slow_gitea);
    const struct message *message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct gitea_snapshot *snapshot = message_gitea_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->jobs_count, 3);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(snapshot->jobs[i].id, i + 1);
    CU_ASSERT_PTR_EQUAL(next_jobs, pages + count);
    rig_end();
}

#define JOBS(list, total) "{\"jobs\":[" list "],\"total_count\":" #total "}"

/* A job of the first page ends before the second is read, and 2 moves to the first: as many as
 * total_count says by then, and one of them wrong. */
static void test_a_job_ends_between_pages(void)
{
    static const char *const pages[] = {JOBS(JOB(4) "," JOB(3), 4), JOBS(JOB(1), 3),
                                        JOBS(JOB(3) "," JOB(2), 3), JOBS(JOB(1), 3)};
    check_changing(pages, 4);
}

/* ... or between two readings, of which both repeat an entry. */
static void test_a_job_ends_between_readings(void)
{
    static const char *const pages[] = {JOBS(JOB(4) "," JOB(3), 4), JOBS(JOB(3) "," JOB(1), 4),
                                        JOBS(JOB(3) "," JOB(1), 3), JOBS(JOB(3) "," JOB(1), 3),
                                        JOBS(JOB(2), 3)};
    check_changing(pages, 5);
}

/* A token that can write, and the interval, and poll now. */
static void plain_gitea(struct evhttp_request *request, const char *path, const char *query)
{
    (void)query;
    if (!gitea_common(request, path, "write:admin"))
        reply(request, 200, NULL,
              has(path, "/runners") ? NO_RUNNERS : "{\"workflow_jobs\":[],\"total_count\":0}");
}

static void test_poll_now_and_writing_token(void)
{
    rig_start(ROLE_POLLER_GITEA, plain_gitea, slow_gitea);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_TRUE(message_token_writes(message)->writes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_gitea_snapshot, 5000));
    CU_ASSERT_PTR_NULL(rig_wait(MESSAGE_gitea_snapshot, 700)); /* the interval is a minute */
    rig_poll_now();
    message = rig_wait(MESSAGE_gitea_snapshot, 2000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(message_gitea_snapshot(message)->head.sequence, 2);
    rig_end();
}

static void reply_late(evutil_socket_t socket, short what, void *request)
{
    (void)socket, (void)what;
    reply(request, 200, NULL, NO_RUNNERS);
}

/* Slow enough to be asked for another look meanwhile, which is done the first time. */
static void slow_runners(struct evhttp_request *request, const char *path, const char *query)
{
    static const struct timeval late = {.tv_usec = 200000};
    if (!has(path, "/runners"))
        plain_gitea(request, path, query);
    else if (rig.reports < 2) { /* what is said of the token came */
        rig_poll_now();
        event_base_once(rig.base, -1, EV_TIMEOUT, reply_late, request, &late);
    } else
        reply(request, 200, NULL, NO_RUNNERS);
}

/* Asked during a round, the next one comes soon, and not at once. */
static void test_poll_now_during_a_round(void)
{
    rig_start(ROLE_POLLER_GITEA, slow_runners, slow_gitea);
    const struct message *message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    int64_t ended_ms = message_gitea_snapshot(message)->head.ended_mono_ms;
    message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT(message_gitea_snapshot(message)->head.began_mono_ms >= ended_ms + 490);
    CU_ASSERT_PTR_NULL(rig_wait(MESSAGE_gitea_snapshot, 700)); /* and no third one */
    rig_end();
}

static void test_refused_writing_token(void)
{
    static const char *const settings[] = {"http.refuse_writing_tokens", "true", NULL};
    rig_start(ROLE_POLLER_GITEA, plain_gitea, settings);
    CU_ASSERT_PTR_NOT_NULL(rig_wait(MESSAGE_token_writes, 5000));
    CU_ASSERT_PTR_NULL(rig_wait(MESSAGE_gitea_snapshot, 500));
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(rig.pid, &status, 0), rig.pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    rig_drop();
}

static void test_token_is_renewed(void)
{
    rig_start(ROLE_POLLER_GITEA, plain_gitea, fast_gitea);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_gitea_snapshot, 5000));
    rig_send_file(FILE_GITEA_TOKEN, "another-token");
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_token_writes, 5000)); /* it is checked anew */
    CU_ASSERT_STRING_EQUAL(rig.authorization, "Bearer another-token");
    rig_end();
}

/* ----------------------------------------------------------------------------- bad answers */

static struct {
    int status;
    const char *body;
} bad;

static void bad_gitea(struct evhttp_request *request, const char *path, const char *query)
{
    static const char *const retry[] = {"Retry-After: 30", NULL};
    (void)query;
    if (!gitea_common(request, path, "read:admin"))
        reply(request, bad.status, bad.status == 429 ? retry : NULL, bad.body);
}

static void check_bad(int status, const char *body, enum trouble trouble, const char *word)
{
    bad.status = status;
    bad.body = body;
    rig_start(ROLE_POLLER_GITEA, bad_gitea, fast_gitea);
    const struct message *message = rig_wait(MESSAGE_poll_trouble, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct poll_trouble *said = message_poll_trouble(message);
    printf("\n    %s", said->text);
    CU_ASSERT_EQUAL(said->trouble, trouble);
    CU_ASSERT_EQUAL(said->http_status, (uint64_t)status);
    CU_ASSERT_EQUAL(said->failures, 1);
    CU_ASSERT_TRUE(has(said->text, word));
    CU_ASSERT_TRUE(has(said->text, "http://127.0.0.1:")); /* it names the place */
    CU_ASSERT_FALSE(has(said->text, "read-token"));
    if (status == 429)
        CU_ASSERT_TRUE(said->next_ms >= 30000);
    rig_end();
}

static void test_bad_answers(void)
{
    check_bad(200, "<html>a login page</html>", TROUBLE_BAD_ANSWER, "web page");
    check_bad(200, "{\"jobs\":[", TROUBLE_BAD_ANSWER, "cut off");
    check_bad(401, "{\"message\":\"token is required\"}", TROUBLE_UNAUTHORIZED, "gitea.token_file");
    check_bad(403, "{\"message\":\"user should be the site admin\"}", TROUBLE_UNAUTHORIZED,
              "site admin");
    check_bad(404, "<html>not here</html>", TROUBLE_INVALID, "gitea.url");
    check_bad(429, "", TROUBLE_RATE_LIMITED, "429");
    check_bad(502, "<html>", TROUBLE_SERVER_ERROR, "502");
}

/* Failures in a row make longer pauses, and a whole round ends the row. */
static void test_recovery(void)
{
    bad.status = 500;
    bad.body = "{}";
    rig_start(ROLE_POLLER_GITEA, bad_gitea, fast_gitea);
    int64_t last = 0;
    for (unsigned i = 1; i <= 4; i++) {
        const struct message *message = rig_wait(MESSAGE_poll_trouble, 5000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_EQUAL(message_poll_trouble(message)->failures, i);
        last = message_poll_trouble(message)->next_ms;
    }
    CU_ASSERT_TRUE(last >= 200 && last <= 400); /* 50 ms doubled thrice, its upper half */
    rig.handler = plain_gitea;
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_gitea_snapshot, 5000));
    rig_end();
}

/* ------------------------------------------------------------------------------------- Hetzner */

#define SERVER(id, status)                                                                         \
    "{\"id\":" #id ",\"name\":\"s" #id "\",\"status\":\"" status                                   \
    "\",\"created\":\"2026-11-24T07:18:56Z\",\"labels\":{}}"
#define PAGE(next, total)                                                                          \
    "\"meta\":{\"pagination\":{\"page\":1,\"next_page\":" #next ",\"total_entries\":" #total "}}"

static bool hetzner_prices(struct evhttp_request *request, const char *path)
{
    if (strcmp(path, "/v1/server_types") == 0)
        reply(request, 200, NULL,
              "{\"server_types\":[{\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","
              "\"price_hourly\":{\"net\":\"0.1\"},\"price_monthly\":{\"net\":\"60\"}}]}]," PAGE(
                  null, 1) "}");
    else if (strcmp(path, "/v1/pricing") == 0)
        reply(request, 200, NULL, "{\"pricing\":{\"currency\":\"EUR\"}}");
    else
        return false;
    return true;
}

/* A third server comes between the pages of the first reading; one of them failed to be made. */
static void growing_hetzner(struct evhttp_request *request, const char *path, const char *query)
{
    static const char *const rate[] = {"RateLimit-Limit: 3600", "RateLimit-Remaining: 3000", NULL};
    static unsigned firsts;
    if (hetzner_prices(request, path))
        return;
    if (strcmp(path, "/v1/servers/actions") == 0) {
        reply(request, 200, NULL,
              "{\"actions\":[{\"id\":1,\"command\":\"create_server\",\"status\":\"error\","
              "\"resources\":[{\"id\":2,\"type\":\"server\"}]}]}");
        return;
    }
    CU_ASSERT_TRUE(has(query, "label_selector=managed-by%3Debbtide"));
    CU_ASSERT_TRUE(has(query, "sort=id:asc"));
    bool first = has(query, "&page=1&");
    firsts += first ? 1 : 0;
    if (first && firsts == 1)
        reply(request, 200, rate, "{\"servers\":[" SERVER(1, "running") "]," PAGE(2, 2) "}");
    else if (first)
        reply(request, 200, rate, "{\"servers\":[" SERVER(1, "running") "]," PAGE(2, 3) "}");
    else
        reply(request, 200, rate,
              "{\"servers\":[" SERVER(2, "initializing") "," SERVER(3, "running") "]," PAGE(null,
                                                                                            3) "}");
}

static void test_hetzner_snapshot(void)
{
    rig_start(ROLE_POLLER_HETZNER, growing_hetzner, fast_hetzner);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_FALSE(message_token_writes(message)->writes);
    CU_ASSERT_TRUE(has(message_token_writes(message)->text, "cannot be asked"));
    message = rig_wait(MESSAGE_hetzner_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct hetzner_snapshot *snapshot = message_hetzner_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->servers_count, 3);
    CU_ASSERT_FALSE(snapshot->servers[0].create_failed);
    CU_ASSERT_TRUE(snapshot->servers[1].create_failed);
    CU_ASSERT_EQUAL(snapshot->prices_count, 1);
    CU_ASSERT_EQUAL(snapshot->prices[0].hourly_micro, 100000);
    CU_ASSERT_STRING_EQUAL(snapshot->currency, "EUR");
    unsigned before = rig.requests;
    message = rig_wait(MESSAGE_hetzner_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(rig.requests - before, 3); /* two pages, the actions; prices are kept */
    CU_ASSERT_EQUAL(message_hetzner_snapshot(message)->prices_count, 1);
    rig_end();
}

/* Only what is kept for deletes is left: no more lists. */
static void spent_hetzner(struct evhttp_request *request, const char *path, const char *query)
{
    static const char *const rate[] = {"RateLimit-Limit: 3600", "RateLimit-Remaining: 600", NULL};
    (void)query;
    if (!hetzner_prices(request, path))
        reply(request, 200, rate, "{\"servers\":[]," PAGE(null, 0) "}");
}

static void test_hetzner_budget(void)
{
    static const char *const settings[] = {"hetzner.poll_interval", "200ms",
                                           "trust.hetzner_age_max", "1s", NULL};
    rig_start(ROLE_POLLER_HETZNER, spent_hetzner, settings);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_hetzner_snapshot, 5000));
    unsigned before = rig.requests;
    const struct message *message = rig_wait(MESSAGE_poll_trouble, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(message_poll_trouble(message)->trouble, TROUBLE_RATE_LIMITED);
    CU_ASSERT_TRUE(message_poll_trouble(message)->next_ms > 500);
    CU_ASSERT_EQUAL(rig.requests, before);
    rig_end();
}

/* ... but of what is rented there is one for each half of the age that a list may have. */
static void spent_and_rented_hetzner(struct evhttp_request *request, const char *path,
                                     const char *query)
{
    static const char *const rate[] = {"RateLimit-Limit: 3600", "RateLimit-Remaining: 300", NULL};
    (void)query;
    if (!hetzner_prices(request, path))
        reply(request, 200, rate, "{\"servers\":[" SERVER(1, "running") "]," PAGE(null, 1) "}");
}

static void test_hetzner_reserve_is_for_deletes(void)
{
    static const char *const settings[] = {"hetzner.poll_interval", "200ms",
                                           "trust.hetzner_age_max", "2s", NULL};
    int64_t ended_ms = 0;
    rig_start(ROLE_POLLER_HETZNER, spent_and_rented_hetzner, settings);
    for (unsigned i = 0; i < 3; i++) {
        const struct message *message = rig_wait(MESSAGE_hetzner_snapshot, 3000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        const struct snapshot_head *head = &message_hetzner_snapshot(message)->head;
        CU_ASSERT(i == 0 ||
                  (head->began_mono_ms >= ended_ms + 990 && head->began_mono_ms < ended_ms + 2000));
        ended_ms = head->ended_mono_ms;
    }
    rig_end();
}

/* -------------------------------------------------------------------------------- Kubernetes */

#define NODE(name) "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"u-" name "\"}}"

/* The first list is forgotten between its pages. */
static void forgetful_kube(struct evhttp_request *request, const char *path, const char *query)
{
    static unsigned begun;
    if (has(path, "clusterrolebindings")) {
        reply(request, 403, NULL, "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}");
    } else if (strcmp(path, "/api/v1/namespaces/gitea-runners/pods") == 0) {
        CU_ASSERT_TRUE(has(query, "labelSelector=app%3Dgitea-actions-runner"));
        reply(request, 200, NULL,
              "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"p\",\"namespace\":"
              "\"gitea-runners\",\"uid\":\"1\"},\"spec\":{\"nodeName\":\"a\"}}]}");
    } else if (!has(query, "continue=")) {
        begun++;
        reply(request, 200, NULL,
              "{\"metadata\":{\"continue\":\"next\"},\"items\":[" NODE("a") "]}");
    } else if (begun == 1) {
        reply(request, 410, NULL, "{\"kind\":\"Status\",\"reason\":\"Expired\"}");
    } else {
        reply(request, 200, NULL, "{\"metadata\":{},\"items\":[" NODE("b") "]}");
    }
}

static void test_kube_snapshot(void)
{
    rig_start(ROLE_POLLER_KUBE, forgetful_kube, fast_kube);
    const struct message *message = rig_wait(MESSAGE_kube_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct kube_snapshot *snapshot = message_kube_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->nodes_count, 2);
    CU_ASSERT_STRING_EQUAL(snapshot->nodes[0].name, "a");
    CU_ASSERT_STRING_EQUAL(snapshot->nodes[1].name, "b");
    CU_ASSERT_EQUAL(snapshot->pods_count, 1);
    CU_ASSERT_STRING_EQUAL(rig.authorization, "Bearer read-token");
    rig_end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"Gitea: a whole snapshot, though a page shifts", test_gitea_snapshot},
        {"Gitea: pages that never fit together", test_gitea_inconsistent},
        {"a job ends between pages", test_a_job_ends_between_pages},
        {"a job ends between readings", test_a_job_ends_between_readings},
        {"poll now; a token that can write", test_poll_now_and_writing_token},
        {"poll now during a round", test_poll_now_during_a_round},
        {"a token that can write ends it by configuration", test_refused_writing_token},
        {"a token is renewed", test_token_is_renewed},
        {"bad answers become sentences", test_bad_answers},
        {"longer pauses, then recovery", test_recovery},
        {"Hetzner: a whole snapshot, though a server comes between", test_hetzner_snapshot},
        {"Hetzner: the request budget", test_hetzner_budget},
        {"Hetzner: the reserve is for deletes", test_hetzner_reserve_is_for_deletes},
        {"Kubernetes: continue, and a 410", test_kube_snapshot},
        CU_TEST_INFO_NULL,
    };
    signal(SIGPIPE, SIG_IGN);
    return cunit_run("poller", tests);
}
