/* What the loader promises: a whole file is read, every mistake is named at its place, what cannot
 * be together is refused, and the example and the reference equal the table. */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"

static struct config_problems problems;

#define MINIMAL                                                                                    \
    "gitea: {url: https://git.example.org, token_file: /t}\n"                                      \
    "hetzner: {token_file: /t}\n"                                                                  \
    "kube: {kubeconfig_file: /k}\n"

#define ACT                                                                                        \
    "mode: act\n"                                                                                  \
    "gitea: {url: https://git.example.org, token_file: /t, write_token_file: /w}\n"                \
    "hetzner: {token_file: /t, write_token_file: /w}\n"                                            \
    "kube: {kubeconfig_file: /k, write_kubeconfig_file: /w}\n"                                     \
    "pools: [{name: a, label_sets: [[linux]], server_url: https://k3s:6443, join_token_file: "     \
    "/j}]\n"

static void print_problems(const char *text)
{
    fprintf(stderr, "%s", text);
    config_problems_print(&problems, "FILE", stderr);
}

static struct config *fine(const char *text)
{
    struct config *config = NULL;
    if (!config_parse(text, strlen(text), &config, &problems))
        print_problems(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL(problems.count, 0);
    return config;
}

static bool is_said(const char *place_and_words)
{
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    config_problems_print(&problems, "F", out);
    fclose(out);
    bool found = strstr(said, place_and_words) != NULL;
    free(said);
    return found;
}

/* The text is refused, and one mistake reads "F:LINE:COLUMN: ...". */
static void bad(const char *text, const char *words)
{
    struct config *config = NULL;
    CU_ASSERT_FALSE(config_parse(text, strlen(text), &config, &problems));
    CU_ASSERT_PTR_NULL(config);
    CU_ASSERT_TRUE(problems.count >= 1);
    CU_ASSERT_TRUE(is_said(words));
    if (!is_said(words)) {
        fprintf(stderr, "expected: %s\n", words);
        print_problems(text);
    }
    config_free(config);
}

static void a_minimal_file_is_all_defaults(void)
{
    struct config *config = fine(MINIMAL);
    CU_ASSERT_STRING_EQUAL(config->gitea.url, "https://git.example.org");
    CU_ASSERT_EQUAL(config->pools_count, 1);
    CU_ASSERT_EQUAL(config->rails.max_servers, 5);
    config_free(config);
}

static void every_type_is_read(void)
{
    struct config *config = fine(
        "log_level: debug\n"
        "gitea:\n  url: https://git.example.org\n  token_file: /t\n  poll_interval: \"1500ms\"\n"
        "hetzner:\n  token_file: /t\n  labels: {team: ci, cost: ''}\n"
        "kube: {in_cluster: true}\n"
        "http: {answer_max: 2MiB}\ntrust: {breaker_share: 25%}\nrails: {max_hourly_cost: 0.5}\n"
        "billing:\n"
        "pools:\n  - name: big\n    capacity: 4\n    label_sets:\n      - [linux, x64]\n      - "
        "[docker]\n"
        "    offers: [{server_type: cax41, location: fsn1}, {location: hel1}]\n"
        "    taints: ['ci=only:NoSchedule']\n    agent_args: [--kubelet-arg=max-pods=50]\n");
    CU_ASSERT_EQUAL(config->log_level, VERBOSITY_DEBUG);
    CU_ASSERT_EQUAL(config->gitea.poll_interval_ms, 1500);
    CU_ASSERT_TRUE(config->kube.in_cluster);
    CU_ASSERT_EQUAL(config->http.answer_max_bytes, 2097152);
    CU_ASSERT_EQUAL(config->trust.breaker_share_percent, 25);
    CU_ASSERT_EQUAL(config->rails.max_hourly_cost_micro, 500000);
    CU_ASSERT_EQUAL_FATAL(config->hetzner.labels_count, 2);
    CU_ASSERT_STRING_EQUAL(config->hetzner.labels[1].key, "cost");
    CU_ASSERT_EQUAL_FATAL(config->pools[0].label_sets_count, 2);
    CU_ASSERT_EQUAL(config->pools[0].label_sets[0].label_count, 2);
    CU_ASSERT_STRING_EQUAL(config->pools[0].label_sets[0].label[1], "x64");
    CU_ASSERT_EQUAL_FATAL(config->pools[0].offers_count, 2);
    CU_ASSERT_STRING_EQUAL(config->pools[0].offers[1].server_type, "ccx33");
    CU_ASSERT_STRING_EQUAL(config->pools[0].offers[1].location, "hel1");
    CU_ASSERT_STRING_EQUAL(config->pools[0].taints[0], "ci=only:NoSchedule");
    config_free(config);
}

static void keys_are_known_and_stand_once(void)
{
    bad(MINIMAL "life:\n  idle_timeuot: 5m\n",
        "F:5:3: unknown key life.idle_timeuot; did you mean idle_timeout?");
    bad(MINIMAL "billing:\n  idle_timeout: 5m\n",
        "F:5:3: unknown key billing.idle_timeout; it belongs to life");
    bad(MINIMAL "xyzzy: 1\n", "F:4:1: unknown key xyzzy\n");
    bad(MINIMAL "mode: observe\nmode: observe\n", "F:5:1: mode stands here a second time");
    bad(MINIMAL "gitea: {}\n", "F:4:1: gitea stands here a second time");
    bad("gitea: {url: https://g}\nhetzner: {token_file: /t}\nkube: {kubeconfig_file: /k}\n",
        "F:1:8: gitea.token_file is missing: ");
    bad("", "gitea.url is missing");
    bad(MINIMAL "? [a, b]\n: c\n", "F:4:3: expected a key, found a list");
    bad(MINIMAL "hetzner: x\n", "hetzner stands here a second time");
}

static void types_and_units_are_held(void)
{
    bad(MINIMAL "life: {idle_timeout: 5}\n", "F:4:22: life.idle_timeout: expected a duration from");
    bad(MINIMAL "life: {idle_timeout: [5m]}\n", "found a list");
    bad(MINIMAL "life: {idle_timeout: }\n", "found nothing");
    bad(MINIMAL "life: 5m\n", "F:4:7: life: expected a mapping of keys; found a single value");
    bad(MINIMAL "rails: {max_servers: \"5\"}\n", "without quotes");
    bad(MINIMAL "rails: {max_servers: 5.0}\n", "expected a whole number of servers from 1 to 1000");
    bad(MINIMAL "rails: {max_hourly_cost: 2 EUR}\n", "expected an amount from 0.001 to 1000.00");
    bad(MINIMAL "http: {answer_max: 1MB}\n", "expected a size from 1KiB to 256MiB");
    bad(MINIMAL "http: {allow_http_on_loopback: yes}\n", "expected true or false");
    bad(MINIMAL "pools: {name: x}\n", "F:4:8: pools: expected a list; found a mapping of keys");
    bad(MINIMAL "pools: []\n", "pools: expected at least 1");
    bad(MINIMAL "pools: [{offers: []}]\n", "pools[0].offers: expected at least 1");
    bad(MINIMAL "pools: [{label_sets: [linux]}]\n", "expected a list of labels");
    bad(MINIMAL "pools: [{label_sets: [[]]}]\n", "expected a list of labels");
    bad(MINIMAL "pools: [{label_sets: [['a b']]}]\n", "without white space");
    bad(MINIMAL "pools: [{labels: {'a b': c}}]\n", "expected a label's key");
    bad(MINIMAL "pools: [{labels: {a: b, a: c}}]\n", "twice");
    bad(MINIMAL "pools: [{agent_args: [\"a\\0b\"]}]\n", "expected a text");
    bad(MINIMAL "pools: [{agent_args: [\"a\\nb\"]}]\n", "without control characters");
    bad(MINIMAL "monitor: {listen_address: localhost}\n", "expected an IPv4 or IPv6 address");
    bad(MINIMAL "sandbox: {required: [user, secomp]}\n",
        "sandbox.required[1]: expected a part of the sandbox, one of: ");
    bad(MINIMAL "sandbox: {required: [user, secomp]}\n", "; found \"secomp\"");
    bad("[1, 2]\n", "F:1:1: the configuration: expected a mapping of keys; found a list");
}

static void what_is_not_yaml_is_named(void)
{
    bad("gitea: {url: [\n", "not YAML");
    bad("gitea:\n\turl: x\n", "F:2:1: not YAML");
    bad("a: \xff\n", "must be UTF-8");
    bad(MINIMAL "---\nmode: act\n", "F:5:1: a second document begins here");
    bad("a: *nowhere\n", "not YAML");
}

/* Bounds: what is one more than a list holds, a file larger than the limit, more mistakes than are
 * kept. */
static void bounds_are_held(void)
{
    char *large = calloc(1, CONFIG_FILE_BYTES_MAX + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    memset(large, '#', CONFIG_FILE_BYTES_MAX);
    memcpy(large, MINIMAL, strlen(MINIMAL));
    config_free(fine(large));
    large[CONFIG_FILE_BYTES_MAX] = '#';
    bad(large, "longer than 262144 bytes");
    size_t used = 0;
    for (int i = 0; i < 60; i++)
        used += (size_t)sprintf(large + used, "k%d: 1\n", i);
    bad(large, "more mistakes are not shown");
    CU_ASSERT_EQUAL(problems.count, CONFIG_PROBLEMS_MAX);
    used = (size_t)sprintf(large, "%spools: [{agent_args: [", MINIMAL);
    for (int i = 0; i < 33; i++)
        used += (size_t)sprintf(large + used, "a,");
    strcpy(large + used, "]}]\n");
    bad(large, "agent_args: expected at most 32");
    free(large);
}

static void a_teardown_fits_the_window(void)
{
    bad(MINIMAL "billing: {window: 2m}\n",
        "F:4:19: billing.window (2m) leaves no time for a teardown");
    bad(MINIMAL "life: {drain_deadline: 5m}\n", "leaves no time");
    bad(MINIMAL "billing: {window: 1h}\n", "must be shorter than billing.period (1h)");
    bad(MINIMAL "billing: {window_close: 5m}\n", "must be less than billing.window");
    bad(MINIMAL "billing: {window_close: 1m}\n", "would run into the next paid hour");
    config_free(fine(MINIMAL "billing: {window: 165s}\n"));
    bad(MINIMAL "billing: {window: 164999ms}\n", "leaves no time");
}

static void short_hours_are_for_loopback(void)
{
    bad(MINIMAL "billing: {period: 59m}\n", "gitea.url is not");
    CU_ASSERT_TRUE(is_said("hetzner.url is not"));
    config_free(
        fine("gitea: {url: 'http://127.0.0.1:1', token_file: /t}\n"
             "hetzner: {url: 'http://[::1]:2/v1', token_file: /t}\nkube: {kubeconfig_file: /k}\n"
             "billing: {period: 10m}\nhttp: {allow_http_on_loopback: true}\n"));
    bad("gitea: {url: 'http://127.0.0.1:1', token_file: /t}\n"
        "hetzner: {url: 'http://[::1]:2/v1', token_file: /t}\nkube: {in_cluster: true}\n"
        "billing: {period: 10m}\nhttp: {allow_http_on_loopback: true}\n",
        "kube.in_cluster is not");
}

static void http_is_for_loopback(void)
{
    bad("gitea: {url: 'http://git.example.org', token_file: /t}\nhetzner: {token_file: /t}\n"
        "kube: {kubeconfig_file: /k}\nhttp: {allow_http_on_loopback: true}\n",
        "F:1:14: gitea.url: http:// would send the token in the clear");
    bad("gitea: {url: 'http://127.0.0.1', token_file: /t}\nhetzner: {token_file: /t}\n"
        "kube: {kubeconfig_file: /k}\n",
        "needs http.allow_http_on_loopback: true");
}

static void acting_needs_its_credentials(void)
{
    config_free(fine(ACT));
    bad("mode: act\n" MINIMAL, "mode act needs gitea.write_token_file");
    CU_ASSERT_TRUE(is_said("mode act needs hetzner.write_token_file"));
    CU_ASSERT_TRUE(is_said("mode act needs kube.write_kubeconfig_file"));
    CU_ASSERT_TRUE(is_said("mode act needs pools[0].server_url"));
    CU_ASSERT_TRUE(is_said("mode act needs pools[0].join_token_file"));
    CU_ASSERT_TRUE(is_said("label_sets is missing"));
}

static void scopes_have_their_names(void)
{
    static const char *const start = "hetzner: {token_file: /t}\nkube: {kubeconfig_file: /k}\n"
                                     "gitea: {url: https://g, token_file: /t, ";
    static const struct {
        const char *rest, *words;
    } rows[] = {
        {"scope: org}\n", "gitea.scope org needs gitea.scope_name: the organisation's name"},
        {"scope: repo}\n", "needs gitea.scope_name: owner/name"},
        {"scope: repo, scope_name: acme}\n", "expected owner/name"},
        {"scope: org, scope_name: acme/app}\n", "expected an organisation's name"},
        {"scope_name: acme}\n", "has no meaning with scope admin"}};
    char text[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "%s%s", start, rows[i].rest);
        bad(text, rows[i].words);
    }
    snprintf(text, sizeof text, "%sscope: repo, scope_name: acme/app}\n", start);
    config_free(fine(text));
}

static void pools_fit_their_rails(void)
{
    bad(MINIMAL "pools:\n  - {name: a, min: 3, max: 2}\n",
        "F:5:20: pool a: min (3) is more than max");
    bad(MINIMAL "pools: [{name: a, max: 6}]\n", "is more than rails.max_servers (5)");
    bad(MINIMAL "pools: [{name: a, max: 2}, {name: a, max: 2}]\n", "a second pool is called a");
    bad(MINIMAL "pools: [{name: a, min: 3}, {name: b, min: 3}]\n", "pools' min together");
    bad(MINIMAL "pools: [{offers: [{location: x}, {location: y}, {location: x}]}]\n",
        "stands there twice");
    bad(MINIMAL "pools: [{agent_args: [--token=abc]}]\n", "must not hold --token");
    CU_ASSERT_FALSE(is_said("abc"));
    bad(MINIMAL "pools: [{labels: {managed-by: x}}]\n", "is kube.node_label");
    bad(MINIMAL "pools: [{labels: {node-role.kubernetes.io/ci: x}}]\n", "the kubelet refuses");
    config_free(fine(MINIMAL "pools: [{labels: {ci.node.kubernetes.io/x: y, own.io/z: w}}]\n"));
    bad(MINIMAL "kube: {kubeconfig_file: /k}\n", "kube stands here a second time");
    bad("gitea: {url: https://g, token_file: /t}\nhetzner: {token_file: /t, labels: {ebbtide-id: "
        "x}}\n"
        "kube: {kubeconfig_file: /k}\n",
        "F:2:36: hetzner.labels: ebbtide-id is set by Ebbtide itself");
}

static void a_capture_keeps_two_segments(void)
{
    bad(MINIMAL "capture: {segment: 1MiB, keep: 2047KiB}\n", "at least twice capture.segment");
    config_free(fine(MINIMAL "capture: {segment: 1MiB, keep: 2MiB}\n"));
}

static void kubernetes_is_reached_one_way(void)
{
    bad("gitea: {url: https://g, token_file: /t}\nhetzner: {token_file: /t}\n",
        "kube.kubeconfig_file is missing");
    bad("gitea: {url: https://g, token_file: /t}\nhetzner: {token_file: /t}\n"
        "kube: {kubeconfig_file: /k, in_cluster: true}\n",
        "exclude each other");
}

/* A value that was refused takes part in no combination: one mistake is one line. */
static void one_mistake_is_one_line(void)
{
    bad(MINIMAL "billing: {window: 5 minutes}\n", "expected a duration");
    CU_ASSERT_EQUAL(problems.count, 1);
    bad(MINIMAL "pools: [{name: a, min: -3, max: 9}]\n", "expected a whole number");
    CU_ASSERT_EQUAL(problems.count, 2);
}

static void mistakes_come_all_at_once_in_order(void)
{
    bad("mode: sometimes\ngitea:\n  url: ftp://g\n  poll_interval: 5\n  tokenfile: /x\n  scope: "
        "planet\n"
        "hetzner:\n  token_file: /a\n  token_file: /b\nbilling:\n  period: 1 hour\n"
        "rails:\n  max_servers: many\n  max_hourly_cost: -1.00\npools:\n  - name: Not A Name\n"
        "    capacity: 0\n",
        "F:1:7: mode: expected observe or act; found \"sometimes\"");
    CU_ASSERT_TRUE(problems.count >= 12);
    CU_ASSERT_TRUE(is_said("did you mean token_file?"));
    for (uint32_t i = 1; i < problems.count; i++)
        CU_ASSERT_TRUE(problems.problem[i - 1].line <= problems.problem[i].line);
}

/* A key that is no key cannot forge a line of the output. */
static void nobody_forges_a_line(void)
{
    bad(MINIMAL "\"a\\nF:1:1: all is fine\": 1\n", "unknown key a?F:1:1");
    CU_ASSERT_FALSE(is_said("\nF:1:1: all is fine"));
}

static void files_are_read(void)
{
    struct config *config = NULL;
    CU_ASSERT_FALSE(config_load("/nowhere/ebbtide.yaml", &config, &problems));
    CU_ASSERT_TRUE(is_said("F: cannot be read: No such file"));
    CU_ASSERT_FALSE(config_load("/", &config, &problems));
    CU_ASSERT_TRUE(is_said("Is a directory"));
    CU_ASSERT_TRUE(
        config_load(TEST_SOURCE_DIR "/../deploy/ebbtide.example.yaml", &config, &problems));
    config_free(config);
}

/* ---------------------------------------------------------------------------- what is printed */

static char *printed(void (*print)(FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(out);
    fclose(out);
    return text;
}

static char *whole_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 300000);
    if (text)
        text[fread(text, 1, 299999, file)] = '\0';
    fclose(file);
    return text;
}

static void equals_file(void (*print)(FILE *), const char *path)
{
    char *made = printed(print);
    char *kept = whole_file(path);
    CU_ASSERT_PTR_NOT_NULL(kept);
    if (kept)
        CU_ASSERT_STRING_EQUAL(made, kept);
    if (!kept || strcmp(made, kept) != 0)
        fprintf(stderr, "%s differs from the table; test_config_load --write makes it anew\n",
                path);
    free(made);
    free(kept);
}

#define EXAMPLE   TEST_SOURCE_DIR "/../deploy/ebbtide.example.yaml"
#define REFERENCE TEST_SOURCE_DIR "/../docs/reference-configuration.md"

static void the_pages_equal_the_table(void)
{
    equals_file(config_print_example, EXAMPLE);
    equals_file(config_print_reference, REFERENCE);
}

/* With every `#key:` uncommented the example says the defaults aloud, and changes nothing. */
static void the_example_says_the_defaults(void)
{
    char *text = printed(config_print_example);
    struct config *plain = fine(text);
    for (char *at = text; (at = strchr(at, '#')) != NULL; at++)
        if (at[1] >= 'a' && at[1] <= 'z') {
            memmove(at, at + 1, strlen(at));
        }
    struct config *aloud = fine(text);
    struct config_changes changes;
    config_differences(plain, aloud, &changes);
    CU_ASSERT_EQUAL(changes.changed, 0);
    CU_ASSERT_STRING_EQUAL(changes.text, "");
    config_free(plain);
    config_free(aloud);
    free(text);
}

/* ------------------------------------------------------------------------------------ reload */

static struct config_changes change(const char *more)
{
    char text[2048];
    struct config_changes changes;
    snprintf(text, sizeof text, "%s%s", ACT, more);
    struct config *before = fine(ACT);
    struct config *after = fine(text);
    config_differences(before, after, &changes);
    config_free(before);
    config_free(after);
    return changes;
}

static void a_change_restarts_what_it_must(void)
{
    struct config_changes none = change("");
    CU_ASSERT_EQUAL(none.changed, 0);
    struct config_changes hot = change("life: {idle_timeout: 7m}\n");
    CU_ASSERT_EQUAL(hot.changed, 1);
    CU_ASSERT_EQUAL(hot.hot_roles, ROLE_BIT(ROLE_RECONCILER));
    CU_ASSERT_EQUAL(hot.restart_roles, 0);
    CU_ASSERT_STRING_EQUAL(hot.text, "life.idle_timeout");
    struct config_changes workers = change("monitor: {listen_port: 0}\n");
    CU_ASSERT_EQUAL(workers.restart_roles, ROLE_BIT(ROLE_MONITOR));
    CU_ASSERT_FALSE(workers.files);
    struct config_changes all = change("files: {audit_max: 1MiB, audit_reserve: 64KiB}\n");
    CU_ASSERT_EQUAL(all.restart_roles, ROLES_WORKERS);
    CU_ASSERT_EQUAL(all.hot_roles, 0);
}

static void a_changed_list_is_a_change(void)
{
    struct config_changes changes;
    struct config *before = fine(ACT);
    struct config *after = fine(ACT);
    CU_ASSERT_TRUE(config_set(after, "pools[0].label_sets[0]", "[linux, arm]", NULL));
    config_differences(before, after, &changes);
    CU_ASSERT_STRING_EQUAL(changes.text, "pools[0].label_sets");
    CU_ASSERT_EQUAL(changes.hot_roles, ROLE_BIT(ROLE_RECONCILER));
    CU_ASSERT_TRUE(config_set(after, "pools[0].offers[1].location", "hel1", NULL));
    config_differences(before, after, &changes);
    CU_ASSERT_EQUAL(changes.changed, 2);
    CU_ASSERT_TRUE(changes.hot_roles & ROLE_BIT(ROLE_ACTUATOR));
    CU_ASSERT_TRUE(config_set(after, "gitea.token_file", "/other", NULL));
    config_differences(before, after, &changes);
    CU_ASSERT_TRUE(changes.files);
    CU_ASSERT_EQUAL(changes.restart_roles, 0);
    CU_ASSERT_TRUE(config_set(after, "pools[1].name", "more", NULL));
    config_differences(before, after, &changes);
    CU_ASSERT_EQUAL(changes.restart_roles, ROLES_WORKERS);
    config_free(before);
    config_free(after);
}

static int write_pages(void)
{
    static const struct {
        void (*print)(FILE *);
        const char *path;
    } pages[] = {{config_print_example, EXAMPLE}, {config_print_reference, REFERENCE}};
    for (size_t i = 0; i < 2; i++) {
        FILE *out = fopen(pages[i].path, "w");
        if (!out)
            return 1;
        pages[i].print(out);
        fclose(out);
    }
    return 0;
}

int main(int argc, char **argv)
{
    CU_TestInfo tests[] = {
        {"a minimal file is all defaults", a_minimal_file_is_all_defaults},
        {"every type is read", every_type_is_read},
        {"keys are known and stand once", keys_are_known_and_stand_once},
        {"types and units are held", types_and_units_are_held},
        {"what is not YAML is named", what_is_not_yaml_is_named},
        {"bounds are held", bounds_are_held},
        {"a teardown fits the window", a_teardown_fits_the_window},
        {"short hours are for loopback", short_hours_are_for_loopback},
        {"http is for loopback", http_is_for_loopback},
        {"acting needs its credentials", acting_needs_its_credentials},
        {"scopes have their names", scopes_have_their_names},
        {"pools fit their rails", pools_fit_their_rails},
        {"a capture keeps two segments", a_capture_keeps_two_segments},
        {"Kubernetes is reached one way", kubernetes_is_reached_one_way},
        {"one mistake is one line", one_mistake_is_one_line},
        {"mistakes come all at once, in order", mistakes_come_all_at_once_in_order},
        {"nobody forges a line", nobody_forges_a_line},
        {"files are read", files_are_read},
        {"the pages equal the table", the_pages_equal_the_table},
        {"the example says the defaults", the_example_says_the_defaults},
        {"a change restarts what it must", a_change_restarts_what_it_must},
        {"a changed list is a change", a_changed_list_is_a_change},
        CU_TEST_INFO_NULL,
    };
    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_pages();
    return cunit_run("config_load", tests);
}
