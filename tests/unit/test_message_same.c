/* The promise of message_same and message_json: the first field that differs is named with both
 * values, and every field of a message is there for machines. */
#include <string.h>

#include "cunit_main.h"
#include "proto/message.h"
#include "proto/message_json.h"

static const char *const labels[] = {"linux", "gpu"};
static const struct gitea_job jobs[] = {
    {.id = 7, .status = JOB_RUNNING, .labels = labels, .labels_count = 2, .name = "build"},
    {.id = 8, .status = JOB_BLOCKED, .labels = labels, .labels_count = 1},
};
static const struct gitea_snapshot snapshot = {
    .head = {.sequence = 3, .requests = 1}, .version = "1.26.0", .jobs = jobs, .jobs_count = 2};

static void says(const struct gitea_snapshot *other, const char *words)
{
    struct error error = {""};
    CU_ASSERT_FALSE(message_same(MESSAGE_gitea_snapshot, &snapshot, other, "then", "now", &error));
    if (strcmp(error.text, words) != 0)
        printf("\n    said: %s\n", error.text);
    CU_ASSERT_STRING_EQUAL(error.text, words);
}

static void test_the_first_field_that_differs_is_named(void)
{
    struct gitea_snapshot other = snapshot;
    other.head.sequence = 4;
    says(&other, "gitea_snapshot.head.sequence: 3 then, 4 now");
    other = snapshot;
    other.version = "1.27";
    says(&other, "gitea_snapshot.version: \"1.26.0\" then, \"1.27\" now");
    other = snapshot;
    other.jobs_count = 1;
    says(&other, "gitea_snapshot.jobs: 2 then, 1 of them now");
    struct gitea_job changed[2] = {jobs[0], jobs[1]};
    other = snapshot;
    other.jobs = changed;
    changed[1].status = JOB_RUNNABLE;
    says(&other, "gitea_snapshot.jobs[1].status: blocked then, runnable now");
    changed[1] = jobs[1];
    static const char *const others[] = {"linux", "tpu"};
    changed[0].labels = others;
    says(&other, "gitea_snapshot.jobs[0].labels: \"gpu\" then, \"tpu\" now");
}

static void test_equal_bodies_are_the_same(void)
{
    struct error error = {""};
    struct message *copy = message_copy(MESSAGE_gitea_snapshot, &snapshot, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_TRUE(
        message_same(MESSAGE_gitea_snapshot, &snapshot, copy->body, "then", "now", &error));
    CU_ASSERT_STRING_EQUAL(error.text, "");
    message_free(copy);
}

static void test_json_has_every_field_by_name(void)
{
    json_t *json = message_json(MESSAGE_gitea_snapshot, &snapshot);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    json_t *job = json_array_get(json_object_get(json, "jobs"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(job, "id")), 7);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(job, "status")), "running");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(job, "labels"), 1)),
                           "gpu");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(job, "repository")), "");
    CU_ASSERT_EQUAL(json_object_size(json_object_get(json, "head")), 6);
    json_decref(json);
}

/* The lines are what the hash is over: whoever has them can check that they are the right ones. */
static void test_the_table_can_be_written_down(void)
{
    size_t count;
    const char *const *lines = message_table_lines(&count);
    bool message = false, word = false;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(lines[i]);
        CU_ASSERT(length > 0 && lines[i][length - 1] == '\n');
        message = message || strncmp(lines[i], "message gitea_snapshot, ", 24) == 0;
        word = word || strncmp(lines[i], "value JOB_BLOCKED, \"blocked\"", 28) == 0;
    }
    CU_ASSERT_TRUE(message);
    CU_ASSERT_TRUE(word);
    CU_ASSERT_EQUAL(strlen(message_table_form()), 64);
    CU_ASSERT_STRING_NOT_EQUAL(message_table_form(), message_table_hash());
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the first field that differs is named", test_the_first_field_that_differs_is_named},
        {"equal bodies are the same", test_equal_bodies_are_the_same},
        {"json has every field by name", test_json_has_every_field_by_name},
        {"the table can be written down", test_the_table_can_be_written_down},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("message_same", tests);
}
