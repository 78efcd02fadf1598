/* What pools may be called beside each other: where runners are called as their nodes, none as
 * another with a dash and more behind it. May not: read files. */
#include "tests/unit/cunit_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"

#define BEGIN(match)                                                                               \
    "gitea: {url: https://git.example.org, token_file: /t, runner_match: " match "}\n"             \
    "hetzner: {token_file: /t}\n"                                                                  \
    "kube: {kubeconfig_file: /k}\n"

static struct config_problems problems;

static bool takes(const char *text)
{
    struct config *config = NULL;
    bool fine = config_parse(text, strlen(text), &config, &problems);
    config_free(config);
    return fine;
}

/* The one mistake, as it is printed. The caller frees it. */
static char *mistake(const char *text)
{
    char *said = NULL;
    size_t size = 0;
    CU_ASSERT_FALSE(takes(text));
    CU_ASSERT_EQUAL(problems.count, 1);
    FILE *out = open_memstream(&said, &size);
    config_problems_print(&problems, "F", out);
    fclose(out);
    return said;
}

static void test_names_that_runners_share(void)
{
    char *said = mistake(BEGIN("node-name") "pools: [{name: a-2}, {name: a}]\n");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(said, "F:4:16: pool a-2: its name begins with that of pool a and a dash"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "another name, as a2, or use pod-name"));
    free(said);
    said = mistake(BEGIN("node-name") "pools: [{name: a}, {name: a-2-b}]\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "F:4:27: pool a-2-b: its name begins"));
    free(said);
}

static void test_names_that_are_told_apart(void)
{
    CU_ASSERT_TRUE(
        takes(BEGIN("node-name") "pools: [{name: a}, {name: a2}, {name: b-a}, {name: b-c}]\n"));
    CU_ASSERT_TRUE(
        takes(BEGIN("pod-name") "pools: [{name: a}, {name: a-2}]\n")); /* by their pods */
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"names that runners share", test_names_that_runners_share},
        {"names that are told apart", test_names_that_are_told_apart},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("config_pools", tests);
}
