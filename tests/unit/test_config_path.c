/* What the configuration promises a worker: it gets what it may read and nothing else, and what it
 * makes of it is what the file said. */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"

static void the_predecessors_defaults_hold(void)
{
    struct config *config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL(config->mode, MODE_OBSERVE);
    CU_ASSERT_EQUAL(config->gitea.poll_interval_ms, 5000);
    CU_ASSERT_EQUAL(config->rails.max_servers, 5);
    CU_ASSERT_EQUAL(config->life.idle_timeout_ms, 300000);
    CU_ASSERT_EQUAL(config->billing.window_ms, 300000);
    CU_ASSERT_EQUAL(config->billing.period_ms, 3600000);
    CU_ASSERT_EQUAL(config->life.provision_timeout_ms, 600000);
    CU_ASSERT_EQUAL_FATAL(config->pools_count, 1);
    CU_ASSERT_EQUAL_FATAL(config->pools[0].offers_count, 1);
    CU_ASSERT_STRING_EQUAL(config->pools[0].offers[0].server_type, "ccx33");
    CU_ASSERT_STRING_EQUAL(config->pools[0].offers[0].location, "nbg1");
    CU_ASSERT_STRING_EQUAL(config->pools[0].image, "ubuntu-24.04");
    CU_ASSERT_EQUAL(config->pools[0].agent_args_count, 0);
    CU_ASSERT_STRING_EQUAL(config->kube.runner_namespace, "gitea-runners");
    CU_ASSERT_STRING_EQUAL(config->kube.runner_pod_label, "app=gitea-actions-runner");
    CU_ASSERT_STRING_EQUAL(config->kube.node_label, "managed-by=ebbtide");
    CU_ASSERT_STRING_EQUAL(config->gitea.url, "");
    CU_ASSERT_EQUAL(config->rails.max_hourly_cost_micro, 2000000);
    config_free(config);
}

static void set(struct config *config, const char *path, const char *value)
{
    struct error error = {""};
    CU_ASSERT_TRUE(config_set(config, path, value, &error));
    if (*error.text)
        fprintf(stderr, "%s\n", error.text);
}

static void refused(struct config *config, const char *path, const char *value, const char *word)
{
    struct error error = {""};
    CU_ASSERT_FALSE(config_set(config, path, value, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, word));
    if (!strstr(error.text, word))
        fprintf(stderr, "%s=%s: %s\n", path, value, error.text);
}

static struct config *example(void)
{
    struct config *config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    set(config, "mode", "act");
    set(config, "gitea.url", "https://git.example.org/gitea");
    set(config, "gitea.scope", "org");
    set(config, "gitea.scope_name", "acme");
    set(config, "hetzner.labels[0]", "team=ci");
    set(config, "rails.max_hourly_cost", "1.234567");
    set(config, "http.answer_max", "20MiB");
    set(config, "pools[0].label_sets[0]", "[linux, x64]");
    set(config, "pools[0].label_sets[1]", "[docker]");
    set(config, "pools[1].name", "arm");
    set(config, "pools[1].offers[1].server_type", "cax41");
    set(config, "pools[1].agent_args[0]", "--kubelet-arg=max-pods=50");
    set(config, "pools[1].taints[0]", "ci=only:NoSchedule");
    set(config, "pools[1].join_token_file", "/etc/ebbtide/join");
    return config;
}

/* What `role` is sent makes the same values again: exporting the copy gives the same settings. */
static void survives_the_way_to(enum role role)
{
    struct error error = {""};
    struct config_settings sent;
    struct config_settings again;
    struct config *config = example();
    struct config *copy = config_new();
    CU_ASSERT_TRUE_FATAL(config_export(config, role, &sent, &error));
    for (uint32_t i = 0; i < sent.count; i++)
        if (*sent.setting[i].value)
            set(copy, sent.setting[i].path, sent.setting[i].value);
    CU_ASSERT_TRUE_FATAL(config_export(copy, role, &again, &error));
    CU_ASSERT_EQUAL_FATAL(again.count, sent.count);
    for (uint32_t i = 0; i < sent.count; i++) {
        CU_ASSERT_STRING_EQUAL(again.setting[i].path, sent.setting[i].path);
        CU_ASSERT_STRING_EQUAL(again.setting[i].value, sent.setting[i].value);
    }
    config_settings_free(&sent);
    config_settings_free(&again);
    config_free(config);
    config_free(copy);
}

static void what_is_sent_arrives_whole(void)
{
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        survives_the_way_to(role);
}

static bool is_sent(enum role role, const char *path)
{
    struct config_settings sent;
    struct config *config = example();
    bool found = false;
    CU_ASSERT_TRUE_FATAL(config_export(config, role, &sent, NULL));
    for (uint32_t i = 0; i < sent.count; i++)
        found = found || strcmp(sent.setting[i].path, path) == 0;
    config_settings_free(&sent);
    config_free(config);
    return found;
}

static void a_worker_is_sent_only_what_it_may_read(void)
{
    CU_ASSERT_TRUE(is_sent(ROLE_POLLER_GITEA, "gitea.url"));
    CU_ASSERT_TRUE(is_sent(ROLE_ACTUATOR, "gitea.url"));
    CU_ASSERT_FALSE(is_sent(ROLE_POLLER_HETZNER, "gitea.url"));
    CU_ASSERT_FALSE(is_sent(ROLE_RECONCILER, "gitea.url"));
    CU_ASSERT_FALSE(is_sent(ROLE_MONITOR, "gitea.url"));
    CU_ASSERT_TRUE(is_sent(ROLE_RECONCILER, "pools[0].label_sets[1]"));
    CU_ASSERT_TRUE(is_sent(ROLE_ACTUATOR, "pools[1].agent_args[0]"));
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        CU_ASSERT_FALSE(is_sent(role, "gitea.token_file"));
        CU_ASSERT_FALSE(is_sent(role, "pools[1].join_token_file"));
        CU_ASSERT_TRUE(is_sent(role, "cluster"));
    }
}

static void values_are_checked_and_nothing_changes_on_error(void)
{
    struct config *config = example();
    refused(config, "gitea.poll_interval", "5", "duration from 200ms to 10m");
    refused(config, "gitea.poll_interval", "11m", "found \"11m\"");
    refused(config, "rails.max_servers", "1001", "1 to 1000");
    refused(config, "rails.max_servers", "-1", "whole number");
    refused(config, "rails.max_servers", "18446744073709551616", "whole number");
    refused(config, "rails.max_hourly_cost", "1.2345678", "amount");
    refused(config, "trust.breaker_share", "50", "percentage");
    refused(config, "http.answer_max", "1MB", "16MiB");
    refused(config, "http.allow_http_on_loopback", "yes", "true or false");
    refused(config, "mode", "sometimes", "observe or act");
    refused(config, "gitea.url", "ftp://git.example.org", "https://HOST");
    refused(config, "gitea.url", "https://user:secret@git.example.org", "without user");
    refused(config, "hetzner.labels[0]", "bad key=x", "key");
    refused(config, "pools[0].taints[0]", "ci=only:Sometimes", "NoExecute");
    refused(config, "pools[0].name", "Not A Name", "a-z");
    CU_ASSERT_EQUAL(config->gitea.poll_interval_ms, 5000);
    CU_ASSERT_STRING_EQUAL(config->gitea.url, "https://git.example.org/gitea");
    CU_ASSERT_EQUAL(config->pools[0].taints_count, 0);
    config_free(config);
}

static void paths_that_lead_nowhere_are_refused(void)
{
    struct config *config = example();
    refused(config, "", "x", "no key");
    refused(config, "gitea", "x", "names no value");
    refused(config, "gitea.", "x", "no key");
    refused(config, "gitea.tokn", "x", "no key tokn in gitea");
    refused(config, "gitea.url.more", "x", "nothing comes after");
    refused(config, "pools", "x", "place");
    refused(config, "pools[3].name", "x", "2 elements");
    refused(config, "pools[-1].name", "x", "place");
    refused(config, "pools[99999999999].name", "x", "place");
    refused(config, "pools[0].label_sets[7]", "[a]", "2 elements");
    refused(config, "pools[2].name", "NOT", "a-z");
    CU_ASSERT_EQUAL(config->pools_count, 2);
    config_free(config);
}

/* A secret that was written in the place of a path or an address is not repeated in the error. */
static void what_may_be_a_secret_is_not_repeated(void)
{
    static const char *const paths[] = {"gitea.token_file", "gitea.url", "pools[0].agent_args[0]"};
    struct config *config = config_new();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct error error = {""};
        CU_ASSERT_FALSE(config_set(config, paths[i], "hunter2\n", &error));
        CU_ASSERT_PTR_NULL(strstr(error.text, "hunter2"));
    }
    config_free(config);
}

/* Lists hold as many elements as the table says, and not one more. */
static void lists_end_at_their_bound(void)
{
    struct config *config = config_new();
    char path[64];
    for (unsigned i = 0; i < JOB_LABELS_MAX; i++) {
        snprintf(path, sizeof path, "pools[0].agent_args[%u]", i);
        set(config, path, "--x");
    }
    refused(config, "pools[0].agent_args[32]", "--x", "at most 32");
    for (unsigned i = 1; i < POOLS_MAX; i++) {
        snprintf(path, sizeof path, "pools[%u].min", i);
        set(config, path, "1");
    }
    refused(config, "pools[16].min", "1", "at most 16");
    config_free(config);
}

static void selectors_and_paths_follow(void)
{
    struct config *config = example();
    char text[128];
    CU_ASSERT_TRUE(config_server_selector(config, text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "managed-by=ebbtide,ebbtide-cluster=default,team=ci");
    CU_ASSERT_FALSE(config_server_selector(config, text, 20));
    CU_ASSERT_TRUE(config_state_path(config, "audit.jsonl", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "/var/lib/ebbtide/audit.jsonl");
    CU_ASSERT_TRUE(config_state_path(config, "/x/y", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "/x/y");
    config_free(config);
}

static void loopback_is_known(void)
{
    CU_ASSERT_TRUE(config_url_is_loopback("http://127.0.0.1:3000/x"));
    CU_ASSERT_TRUE(config_url_is_loopback("http://127.9.9.9"));
    CU_ASSERT_TRUE(config_url_is_loopback("http://[::1]:80/"));
    CU_ASSERT_TRUE(config_url_is_loopback("https://localhost"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://127.0.0.1.example.org"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://localhost.example.org"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://10.0.0.1"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://[::2]"));
    CU_ASSERT_FALSE(config_url_is_loopback("127.0.0.1"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://127.0.0.1:1@example.org/"));
    CU_ASSERT_FALSE(config_url_is_loopback("http://[::1]:1@example.org"));
    CU_ASSERT_TRUE(config_url_is_loopback("http://127.0.0.1?x=a@b"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the predecessor's defaults hold", the_predecessors_defaults_hold},
        {"what is sent arrives whole", what_is_sent_arrives_whole},
        {"a worker is sent only what it may read", a_worker_is_sent_only_what_it_may_read},
        {"values are checked, nothing changes on error",
         values_are_checked_and_nothing_changes_on_error},
        {"paths that lead nowhere are refused", paths_that_lead_nowhere_are_refused},
        {"what may be a secret is not repeated", what_may_be_a_secret_is_not_repeated},
        {"lists end at their bound", lists_end_at_their_bound},
        {"selectors and paths follow", selectors_and_paths_follow},
        {"loopback is known", loopback_is_known},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("config_path", tests);
}
