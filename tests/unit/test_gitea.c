/* What the decoders promise of Gitea: its real answers are understood, nobody's labels can blind
 * us, repeats are dropped, refusals become sentences with the right class. */
#include "common/gitea.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/data_file.h"

static struct arena *arena;
static struct gitea_job_list jobs;
static struct gitea_runner_list runners;
static struct gitea_page page;
static struct error error;

static void begin(void)
{
    arena = arena_new(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    error.text[0] = '\0';
}

static void end(void)
{
    gitea_job_list_free(&jobs);
    gitea_runner_list_free(&runners);
    arena_free(arena);
}

static bool read_jobs(const char *text)
{
    return gitea_decode_jobs(text, strlen(text), arena, &jobs, &page, &error);
}

static bool read_runners(const char *text)
{
    return gitea_decode_runners(text, strlen(text), arena, &runners, &page, &error);
}

/* -------------------------------------------------------------------------------------- jobs */

static void test_real_jobs(void)
{
    begin();
    char *text = data_file("gitea/jobs-queued-and-waiting.json");
    CU_ASSERT_TRUE_FATAL(read_jobs(text));
    CU_ASSERT_EQUAL(page.total, 8);
    CU_ASSERT_EQUAL(jobs.count, 8);
    gitea_jobs_sort(&jobs);
    const struct gitea_job *job = &jobs.item[0];
    CU_ASSERT_EQUAL(job->id, 1);
    CU_ASSERT_EQUAL(job->status, JOB_RUNNABLE);
    CU_ASSERT_STRING_EQUAL(job->name, "first");
    CU_ASSERT_STRING_EQUAL(job->repository, "acme/app");
    CU_ASSERT_EQUAL(job->labels_count, 1);
    CU_ASSERT_STRING_EQUAL(job->labels[0], "linux");
    CU_ASSERT_EQUAL(job->created_ms, INT64_C(1795504736000));
    CU_ASSERT_EQUAL(job->started_ms, 0); /* Gitea writes 1970 for unset */
    CU_ASSERT_EQUAL(job->runner_id, 0);
    CU_ASSERT_STRING_EQUAL(job->runner_name, "");
    CU_ASSERT_EQUAL(jobs.item[1].status, JOB_BLOCKED); /* it has `needs` */
    free(text);
    end();
}

static void test_running_job(void)
{
    begin();
    char *text = data_file("gitea/job-in-progress.json");
    CU_ASSERT_TRUE_FATAL(read_jobs(text));
    CU_ASSERT_EQUAL(jobs.count, 1);
    CU_ASSERT_EQUAL(jobs.item[0].status, JOB_RUNNING);
    CU_ASSERT_EQUAL(jobs.item[0].runner_id, 1);
    CU_ASSERT_STRING_EQUAL(jobs.item[0].runner_name, "r1");
    CU_ASSERT_TRUE(jobs.item[0].started_ms > 0);
    free(text);
    end();
}

static void test_completed_jobs_are_left_out(void)
{
    begin();
    char *text = data_file("gitea/jobs-completed.json");
    CU_ASSERT_TRUE_FATAL(read_jobs(text));
    CU_ASSERT_EQUAL(jobs.count, 0);
    CU_ASSERT_TRUE(page.items > 0);
    free(text);
    end();
}

static void test_older_key(void)
{
    begin();
    CU_ASSERT_TRUE(read_jobs("{\"workflow_jobs\":[{\"id\":3,\"status\":\"queued\"}],"
                             "\"total_count\":1}"));
    CU_ASSERT_EQUAL(jobs.count, 1);
    CU_ASSERT_EQUAL(jobs.item[0].labels_count, 0); /* no runs-on: any runner takes it */
    end();
}

/* Of a job seen twice the running one counts: it must never be taken for demand, nor its node for
 * idle. */
static void test_repeats(void)
{
    begin();
    CU_ASSERT_TRUE(read_jobs("{\"jobs\":[{\"id\":3,\"status\":\"in_progress\"},"
                             "{\"id\":1,\"status\":\"queued\"}],\"total_count\":2}"));
    CU_ASSERT_TRUE(read_jobs("{\"jobs\":[{\"id\":3,\"status\":\"queued\"},"
                             "{\"id\":2,\"status\":\"waiting\"}],\"total_count\":2}"));
    CU_ASSERT_EQUAL(jobs.count, 4);
    gitea_jobs_sort(&jobs);
    CU_ASSERT_EQUAL_FATAL(jobs.count, 3);
    CU_ASSERT_EQUAL(jobs.item[2].id, 3);
    CU_ASSERT_EQUAL(jobs.item[2].status, JOB_RUNNING);
    end();
}

/* A workflow's author chooses the labels: too long or too many make the job one that nobody serves,
 * and lose nothing else of the picture. */
static void test_wild_labels(void)
{
    begin();
    char text[16384] = "{\"jobs\":[{\"id\":1,\"status\":\"queued\",\"labels\":[\"";
    memset(text + strlen(text), 'x', JOB_LABEL_BYTES_MAX + 1);
    strcat(text, "\",\"ok\"]},{\"id\":2,\"status\":\"queued\",\"labels\":[");
    for (unsigned i = 0; i < JOB_LABELS_MAX; i++)
        sprintf(text + strlen(text), "\"l%u\",", i);
    strcat(text, "\"last\"]}],\"total_count\":2}");
    CU_ASSERT_TRUE_FATAL(read_jobs(text));
    CU_ASSERT_EQUAL(jobs.item[0].labels_count, 2);
    CU_ASSERT_PTR_NOT_NULL(strchr(jobs.item[0].labels[0], ' ')); /* no label can match it */
    CU_ASSERT_STRING_EQUAL(jobs.item[0].labels[1], "ok");
    CU_ASSERT_EQUAL(jobs.item[1].labels_count, JOB_LABELS_MAX);
    CU_ASSERT_PTR_NOT_NULL(strchr(jobs.item[1].labels[JOB_LABELS_MAX - 1], ' '));
    end();
}

static void test_long_names_are_cut_at_a_character(void)
{
    begin();
    char text[2048] = "{\"jobs\":[{\"id\":1,\"status\":\"queued\",\"name\":\"x";
    for (unsigned i = 0; i < 200; i++)
        strcat(text, "\xc3\xa4");
    strcat(text, "\"}],\"total_count\":1}");
    CU_ASSERT_TRUE_FATAL(read_jobs(text));
    CU_ASSERT_EQUAL(strlen(jobs.item[0].name), JOB_NAME_BYTES_MAX); /* 1 + 127 * 2 */
    end();
}

static void test_bad_pages(void)
{
    static const char *const bad[] = {
        "",
        "<html><body>502</body></html>",
        "[]",
        "{}",
        "{\"jobs\":{}}",
        "{\"jobs\":[{\"status\":\"queued\"}]}",
        "{\"jobs\":[{\"id\":-1,\"status\":\"queued\"}]}",
        "{\"jobs\":[{\"id\":\"1\",\"status\":\"queued\"}]}",
        "{\"jobs\":[{\"id\":1,\"status\":\"queued\"},{\"id\":0,\"status\":\"queued\"}]}",
        "{\"jobs\":[{\"id\":1,\"status\":\"queued\"",
        "{\"jobs\":[],\"total_count\":0} more",
    };
    begin();
    CU_ASSERT_TRUE(read_jobs("{\"jobs\":[{\"id\":9,\"status\":\"queued\"}],\"total_count\":1}"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error.text[0] = '\0';
        CU_ASSERT_FALSE(read_jobs(bad[i]));
        CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
        CU_ASSERT_EQUAL(jobs.count, 1); /* nothing of a bad page is kept */
    }
    end();
}

static void test_memory_is_bounded(void)
{
    begin();
    arena_free(arena);
    arena = arena_new(64);
    CU_ASSERT_FALSE(
        read_jobs("{\"jobs\":[{\"id\":1,\"status\":\"queued\",\"name\":"
                  "\"a name of some length that does not fit into 64 bytes at all\"}]}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "larger than allowed"));
    end();
}

/* ----------------------------------------------------------------------------------- runners */

static void test_runners(void)
{
    begin();
    CU_ASSERT_TRUE_FATAL(read_runners(
        "{\"runners\":[{\"id\":1,\"name\":\"r1\",\"status\":\"offline\",\"busy\":false,"
        "\"disabled\":true,\"ephemeral\":true,\"labels\":[{\"id\":0,\"name\":\"linux\",\"type\":"
        "\"custom\"},{\"id\":1,\"name\":\"x64\",\"type\":\"custom\"}]},"
        "{\"id\":2,\"name\":\"r2\",\"status\":\"online\",\"busy\":true,\"labels\":[]}],"
        "\"total_count\":2}"));
    CU_ASSERT_EQUAL(page.total, 2);
    CU_ASSERT_FALSE(runners.item[0].online);
    CU_ASSERT_TRUE(runners.item[0].disabled);
    CU_ASSERT_TRUE(runners.item[0].ephemeral);
    CU_ASSERT_EQUAL(runners.item[0].labels_count, 2);
    CU_ASSERT_STRING_EQUAL(runners.item[0].labels[1], "x64");
    CU_ASSERT_TRUE(runners.item[1].online);
    CU_ASSERT_TRUE(runners.item[1].busy);
    CU_ASSERT_FALSE(runners.item[1].disabled);
    end();
}

/* Runners are listed by last contact: one that moves between pages is read twice, and if it was
 * busy once it counts as busy. */
static void test_runner_repeats(void)
{
    begin();
    CU_ASSERT_TRUE(read_runners("{\"runners\":[{\"id\":5,\"busy\":true},{\"id\":4}],"
                                "\"total_count\":2}"));
    CU_ASSERT_TRUE(read_runners("{\"runners\":[{\"id\":5,\"busy\":false}],\"total_count\":2}"));
    gitea_runners_sort(&runners);
    CU_ASSERT_EQUAL_FATAL(runners.count, 2);
    CU_ASSERT_TRUE(runners.item[1].busy);
    end();
}

static void test_single_objects(void)
{
    static const char runner[] =
        "{\"id\":7,\"name\":\"x\",\"status\":\"online\",\"disabled\":true}";
    struct gitea_runner one;
    struct gitea_user user;
    char version[NAME_BYTES_MAX + 1];
    begin();
    CU_ASSERT_TRUE(gitea_decode_runner(runner, strlen(runner), arena, &one, &error));
    CU_ASSERT_EQUAL(one.id, 7);
    CU_ASSERT_TRUE(one.disabled);
    CU_ASSERT_TRUE(gitea_decode_version("{\"version\":\"1.26.0\"}", 20, version, &error));
    CU_ASSERT_STRING_EQUAL(version, "1.26.0");
    CU_ASSERT_FALSE(gitea_decode_version("{}", 2, version, &error));
    CU_ASSERT_TRUE(gitea_decode_user("{\"login\":\"a\",\"is_admin\":true}", 29, &user, &error));
    CU_ASSERT_TRUE(user.site_admin);
    end();
}

/* ------------------------------------------------------------------------------------- paths */

static void test_paths(void)
{
    struct url_path path;
    struct gitea_scope_name scope = {.scope = SCOPE_ADMIN, .name = ""};
    gitea_path_jobs(&path, &scope, 1u << JOB_RUNNABLE | 1u << JOB_BLOCKED | 1u << JOB_RUNNING, 2);
    CU_ASSERT_STRING_EQUAL(path.text, "/api/v1/admin/actions/jobs?status=queued&status=waiting&"
                                      "status=in_progress&limit=50&page=2");
    scope = (struct gitea_scope_name){SCOPE_ORG, "a/c ä"};
    gitea_path_runners(&path, &scope, 1);
    CU_ASSERT_STRING_EQUAL(path.text,
                           "/api/v1/orgs/a%2Fc%20%C3%A4/actions/runners?limit=50&page=1");
    scope = (struct gitea_scope_name){SCOPE_REPO, "acme/app"};
    gitea_path_runner(&path, &scope, 18446744073709551615u);
    CU_ASSERT_STRING_EQUAL(path.text,
                           "/api/v1/repos/acme/app/actions/runners/18446744073709551615");
}

static void test_paths_are_bounded(void)
{
    char name[URL_PATH_BYTES_MAX + 1];
    struct url_path path;
    memset(name, 'x', URL_PATH_BYTES_MAX);
    name[URL_PATH_BYTES_MAX] = '\0';
    gitea_path_runners(&path, &(struct gitea_scope_name){SCOPE_ORG, name}, 1);
    CU_ASSERT_TRUE(path.cut);
    CU_ASSERT_STRING_EQUAL(path.text, "");
}

/* ---------------------------------------------------------------------------------- refusals */

static struct api_trouble refused(unsigned status, const char *body)
{
    struct http_answer answer = {.status = status,
                                 .body = body,
                                 .length = strlen(body),
                                 .content_type = "",
                                 .url = "https://git.example.org/api/v1/admin/actions/jobs",
                                 .retry_after_ms = HTTP_NONE};
    struct api_trouble trouble;
    gitea_trouble(&answer, "list the jobs", &trouble);
    return trouble;
}

static void test_refusals(void)
{
    CU_ASSERT_EQUAL(refused(200, "{}").trouble, TROUBLE_NONE);
    struct api_trouble trouble = refused(401, "{\"message\":\"token is required\"}");
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_UNAUTHORIZED);
    CU_ASSERT_STRING_EQUAL(
        trouble.error.text,
        "cannot list the jobs: https://git.example.org/api/v1/admin/actions/jobs "
        "answered 401 (token is required); the token is missing, wrong or "
        "expired: check gitea.token_file (the actuator's: gitea.write_token_file)");
    trouble = refused(404, "<html>");
    CU_ASSERT_TRUE(trouble.gone);
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.error.text, "gitea.url"));
    CU_ASSERT_EQUAL(refused(422, "{}").trouble, TROUBLE_INVALID);
    CU_ASSERT_EQUAL(refused(429, "").trouble, TROUBLE_RATE_LIMITED);
    CU_ASSERT_EQUAL(refused(500, "").trouble, TROUBLE_SERVER_ERROR);
    CU_ASSERT_EQUAL(refused(504, "").trouble, TROUBLE_TIMEOUT);
    CU_ASSERT_EQUAL(refused(301, "").trouble, TROUBLE_BAD_ANSWER);
}

static void test_token_scopes(void)
{
    static const char body[] =
        "{\"message\":\"token does not have at least one of required scope(s), "
        "required=[read:user], token scope=read:admin,write:repository\"}";
    char scopes[128];
    gitea_token_scopes(body, strlen(body), scopes, sizeof scopes);
    CU_ASSERT_STRING_EQUAL(scopes, "read:admin,write:repository");
    CU_ASSERT_TRUE(gitea_scopes_write(scopes));
    CU_ASSERT_FALSE(gitea_scopes_write("read:admin,read:user"));
    CU_ASSERT_FALSE(gitea_scopes_write("public-only,read:repository"));
    CU_ASSERT_TRUE(gitea_scopes_write("all"));
    CU_ASSERT_TRUE(gitea_scopes_write("sudo,read:admin"));
    CU_ASSERT_FALSE(gitea_scopes_write(""));
    gitea_token_scopes("{\"message\":\"user should be the site admin\"}", 43, scopes,
                       sizeof scopes);
    CU_ASSERT_STRING_EQUAL(scopes, "");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a real list of queued and blocked jobs", test_real_jobs},
        {"a running job", test_running_job},
        {"completed jobs are left out", test_completed_jobs_are_left_out},
        {"the older key workflow_jobs", test_older_key},
        {"repeats: the running one counts", test_repeats},
        {"wild labels make a job unserved", test_wild_labels},
        {"long names are cut at a character", test_long_names_are_cut_at_a_character},
        {"bad pages", test_bad_pages},
        {"memory is bounded", test_memory_is_bounded},
        {"runners", test_runners},
        {"runners read twice", test_runner_repeats},
        {"single objects", test_single_objects},
        {"paths by scope, escaped", test_paths},
        {"paths are bounded", test_paths_are_bounded},
        {"refusals", test_refusals},
        {"scopes of a token", test_token_scopes},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("gitea", tests);
}
