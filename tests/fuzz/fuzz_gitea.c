/* Fuzzes all that is decoded of Gitea's answers, and the job as a webhook carries it (the same
 * form). Whatever comes, a decoder ends, keeps nothing of a page that it refuses, and says why;
 * what it takes is within the snapshot's bounds. */
#include "common/gitea.h"
#include "tests/fuzz/api_answers.h"

static void jobs(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_job_list list = {0};
    struct gitea_page page;
    if (!gitea_decode_jobs(body, length, arena, &list, &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    gitea_jobs_sort(&list);
    for (uint32_t i = 0; i < list.count; i++)
        PROMISE(list.item[i].id != 0 && (i == 0 || list.item[i].id > list.item[i - 1].id));
    struct gitea_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .jobs = list.item, .jobs_count = list.count};
    promise_sendable(MESSAGE_gitea_snapshot, &snapshot);
    gitea_job_list_free(&list);
}

static void runners(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_runner_list list = {0};
    struct gitea_page page;
    if (!gitea_decode_runners(body, length, arena, &list, &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    gitea_runners_sort(&list);
    for (uint32_t i = 0; i < list.count; i++)
        PROMISE(list.item[i].id != 0 && (i == 0 || list.item[i].id > list.item[i - 1].id));
    struct gitea_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .runners = list.item, .runners_count = list.count};
    promise_sendable(MESSAGE_gitea_snapshot, &snapshot);
    gitea_runner_list_free(&list);
}

static void one_runner(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_runner runner;
    if (!gitea_decode_runner(body, length, arena, &runner, error)) {
        promise_words(error->text);
        return;
    }
    struct gitea_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .runners = &runner, .runners_count = 1};
    promise_sendable(MESSAGE_gitea_snapshot, &snapshot);
}

static void version_and_user(const char *body, size_t length, struct arena *arena,
                             struct error *error)
{
    struct gitea_user user;
    char version[NAME_BYTES_MAX + 1];
    (void)arena;
    if (gitea_decode_version(body, length, version, error)) {
        struct gitea_snapshot snapshot = {.head = SNAPSHOT_HEAD, .version = version};
        promise_sendable(MESSAGE_gitea_snapshot, &snapshot);
    } else {
        promise_words(error->text);
    }
    if (gitea_decode_user(body, length, &user, error))
        promise_text(user.login, NAME_BYTES_MAX);
    else
        promise_words(error->text);
}

static void scopes(const char *body, size_t length, struct arena *arena, struct error *error)
{
    char all[512], few[16];
    (void)arena, (void)error;
    gitea_token_scopes(body, length, all, sizeof all);
    gitea_token_scopes(body, length, few, sizeof few);
    promise_text(all, sizeof all - 1);
    promise_text(few, sizeof few - 1);
    /* A token that writes is found whatever stands around it in the list. */
    char more[sizeof all + 32];
    snprintf(more, sizeof more, "%s,write:admin", all);
    PROMISE(gitea_scopes_write(more));
    gitea_scopes_write(all);
}

static void refusal(const char *body, size_t length, struct arena *arena, struct error *error)
{
    (void)arena, (void)error;
    try_refusal(gitea_trouble, body, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const answer_decoder decoders[] = {jobs,   runners, one_runner, version_and_user,
                                              scopes, refusal};
    try_decoders(decoders, sizeof decoders / sizeof decoders[0], data, size);
    return 0;
}
