/* The example configuration fits what lies beside it: the runner of deploy/kubernetes registers the
 * labels that the example's pool serves, and each file of a secret has one name everywhere. */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "tests/unit/data_file.h"

#define EXAMPLE TEST_SOURCE_DIR "/../deploy/ebbtide.example.yaml"
#define SECRETS "/etc/ebbtide/secrets/"

static struct config *example(void)
{
    static struct config_problems problems;
    struct config *config = NULL;
    CU_ASSERT_TRUE_FATAL(config_load(EXAMPLE, &config, &problems));
    return config;
}

/* "linux:docker://node,x64:host" is "linux,x64": what stands behind a colon is the runner's own. */
static void keep_names(char *labels)
{
    char *to = labels;
    bool name = true;
    for (const char *from = labels; *from != '\0' && *from != '\n'; from++) {
        name = *from == ',' || (name && *from != ':');
        if (name)
            *to++ = *from;
    }
    *to = '\0';
}

static void the_runner_offers_what_the_pool_serves(void)
{
    char *runner = data_file("../../deploy/kubernetes/runner.yaml");
    char *labels = strstr(runner, "name: GITEA_RUNNER_LABELS");
    CU_ASSERT_PTR_NOT_NULL_FATAL(labels);
    labels = strstr(labels, "value: ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(labels);
    labels += strlen("value: ");
    keep_names(labels);

    struct config *config = example();
    CU_ASSERT_EQUAL_FATAL(config->pools_count, 1);
    CU_ASSERT_EQUAL_FATAL(config->pools[0].label_sets_count, 1);
    const struct config_label_set *set = &config->pools[0].label_sets[0];
    char served[1024] = "";
    for (uint32_t i = 0; i < set->label_count; i++) {
        strcat(served, i == 0 ? "" : ",");
        strcat(served, set->label[i]);
    }
    CU_ASSERT_STRING_EQUAL(served, labels);
    config_free(config);
    free(runner);
}

static void is_a_credential(const char *credentials, const char *path)
{
    char line[256];
    CU_ASSERT_EQUAL_FATAL(strncmp(path, SECRETS, strlen(SECRETS)), 0);
    const char *name = path + strlen(SECRETS);
    snprintf(line, sizeof line, "\nLoadCredential=%s:/etc/ebbtide/credentials/%s\n", name, name);
    CU_ASSERT_PTR_NOT_NULL(strstr(credentials, line));
}

static void a_secret_has_one_name(void)
{
    char *credentials = data_file("../../deploy/systemd/credentials.conf");
    struct config *config = example();
    is_a_credential(credentials, config->gitea.token_file);
    is_a_credential(credentials, config->hetzner.token_file);
    is_a_credential(credentials, config->kube.kubeconfig_file);
    config_free(config);
    char *readme = data_file("../../README.md");
    unsigned found = 0;
    for (const char *at = readme; (at = strstr(at, "_file: " SECRETS)) != NULL; at++, found++) {
        char path[256];
        CU_ASSERT_EQUAL_FATAL(sscanf(at, "_file: %255s", path), 1);
        is_a_credential(credentials, path);
    }
    CU_ASSERT_EQUAL(found, 7);
    free(readme);
    free(credentials);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the runner offers what the pool serves", the_runner_offers_what_the_pool_serves},
        {"a secret has one name", a_secret_has_one_name},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("config_example", tests);
}
