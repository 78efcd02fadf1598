/* The actuator of the tests. May not: touch the network. */
#include "actions_fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/secret.h"
#include "cunit_main.h"

#define BODY_MAX  4096
#define ROTATING  16
#define TURNS_MAX 4000

struct actuator fixture;
struct action_result last;
char last_text[TEXT_BYTES_MAX + 1];
unsigned results;

static struct event_base *base;
static struct config *config;
static int log_file;
static uint64_t counter;
static char body[ROTATING][BODY_MAX];
static unsigned body_next;

static char *next_body(void)
{
    return body[body_next++ % ROTATING];
}

/* ------------------------------------------------------------------------------------ bodies */

#define LABELS                                                                                     \
    "\"managed-by\":\"ebbtide\",\"ebbtide-cluster\":\"default\",\"ebbtide-pool\":\"linux\","       \
    "\"ebbtide-id\":\"1-7\""
#define TYPE                                                                                       \
    "\"status\":\"running\",\"created\":\"2026-11-24T10:00:00Z\",\"server_type\":{\"id\":1,"       \
    "\"name\":\"ccx33\"},\"location\":{\"id\":1,\"name\":\"nbg1\"}"

const char *server_json(const char *more_labels)
{
    char *out = next_body();
    snprintf(out, BODY_MAX,
             "{\"server\":{\"id\":42,\"name\":\"" NODE "\"," TYPE ",\"labels\":{" LABELS "%s}}}",
             more_labels);
    return out;
}

const char *servers_json(const char *const *names)
{
    char *out = next_body();
    size_t used = (size_t)snprintf(out, BODY_MAX, "{\"servers\":[");
    unsigned count = 0;
    for (; *names != NULL; names++, count++)
        used += (size_t)snprintf(out + used, BODY_MAX - used,
                                 "%s{\"id\":%u,\"name\":\"%s\"," TYPE ",\"labels\":{" LABELS "}}",
                                 count == 0 ? "" : ",", 42 + count, *names);
    snprintf(out + used, BODY_MAX - used,
             "],\"meta\":{\"pagination\":{\"page\":1,\"per_page\":50,\"next_page\":null,"
             "\"last_page\":1,\"total_entries\":%u}}}",
             count);
    return out;
}

const char *node_json(const char *annotations, const char *taints, bool cordoned)
{
    char *out = next_body();
    snprintf(out, BODY_MAX,
             "{\"kind\":\"Node\",\"metadata\":{\"name\":\"" NODE "\",\"uid\":\"u-1\","
             "\"resourceVersion\":\"77\",\"labels\":{\"managed-by\":\"ebbtide\"},"
             "\"annotations\":{%s}},\"spec\":{\"providerID\":"
             "\"hcloud://42\",\"unschedulable\":%s,\"taints\":[%s]},\"status\":{\"conditions\":["
             "{\"type\":\"Ready\",\"status\":\"True\"}]}}",
             annotations, cordoned ? "true" : "false", taints);
    return out;
}

const char *pods_json(const char *items)
{
    char *out = next_body();
    snprintf(out, BODY_MAX, "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[%s]}", items);
    return out;
}

const char *pod_json(const char *namespace_name, const char *name, const char *more_metadata,
                     const char *phase)
{
    char *out = next_body();
    snprintf(out, BODY_MAX,
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"uid-%s\"%s},"
             "\"spec\":{\"nodeName\":\"" NODE "\"},\"status\":{\"phase\":\"%s\"}}",
             name, namespace_name, name, more_metadata, phase);
    return out;
}

const char *runner_json(bool online, bool busy, bool disabled)
{
    char *out = next_body();
    snprintf(out, BODY_MAX,
             "{\"runners\":[{\"id\":5,\"name\":\"runner-pod\",\"status\":\"%s\",\"busy\":%s,"
             "\"disabled\":%s,\"labels\":[]}],\"total_count\":1}",
             online ? "online" : "offline", busy ? "true" : "false", disabled ? "true" : "false");
    return out;
}

const char *job_json(void)
{
    return "{\"jobs\":[{\"id\":9,\"run_id\":1,\"url\":\"http://g/api/v1/repos/a/b/actions/jobs/9\","
           "\"name\":\"build\",\"labels\":[\"linux\"],\"status\":\"in_progress\",\"runner_id\":5,"
           "\"runner_name\":\"runner-pod\",\"created_at\":\"2026-11-24T10:00:00Z\"}],"
           "\"total_count\":1}";
}

/* ---------------------------------------------------------------------------------- the parts */

static void on_result(const struct action_result *result, void *argument)
{
    (void)argument;
    last = *result;
    snprintf(last_text, sizeof last_text, "%s", result->text);
    last.text = last_text;
    results++;
}

void fixture_set(const char *path, const char *value)
{
    struct error error;
    if (!config_set(config, path, value, &error))
        CU_FAIL_FATAL("a setting of the test is wrong");
}

static void open_actuator(void)
{
    static char endpoint[source_count];
    struct error error;
    fixture = (struct actuator){.base = base, .config = config, .report = on_result};
    for (unsigned i = 0; i < source_count; i++)
        fixture.endpoint[i] = (struct http_endpoint *)(void *)&endpoint[i]; /* never looked into */
    fixture.cloud_init[0] = strdup("#cloud-config\nhostname: {{name}}\ntoken: {{token}}\n");
    fixture.join_token[0] = secret_new("join-secret", 11, &error);
    if (!actuator_init(&fixture, &error) ||
        !actuator_take_log(&fixture, dup(log_file), "audit.jsonl", &error))
        CU_FAIL_FATAL("the actuator does not open");
    actuator_new_asker(&fixture, 1); /* the epoch of fixture_action's ids */
}

static void rules_of_a_healthy_node(void)
{
    static const char *const none[] = {NULL};
    script(SERVER, 200, server_json(""), SCRIPT_ALWAYS);
    script(LISTED, 200, servers_json(none), SCRIPT_ALWAYS);
    script(NAMED, 200, servers_json(none), SCRIPT_ALWAYS);
    script("GET /server_types", 200,
           "{\"server_types\":[{\"id\":1,\"name\":\"ccx33\",\"prices\":[{\"location\":\"nbg1\","
           "\"price_hourly\":{\"net\":\"0.10\"},\"price_monthly\":{\"net\":\"50\"}}]}],\"meta\":{"
           "\"pagination\":{\"page\":1,\"next_page\":null,\"total_entries\":1}}}",
           SCRIPT_ALWAYS);
    script("GET /api/v1/version", 200, "{\"version\":\"1.26.0\"}", SCRIPT_ALWAYS);
    script(JOBS, 200, "{\"jobs\":[],\"total_count\":0}", SCRIPT_ALWAYS);
}

void fixture_open(void)
{
    char path[] = "/tmp/ebbtide-audit-XXXXXX";
    base = event_base_new();
    int made = mkstemp(path);
    char reopen[64];
    snprintf(reopen, sizeof reopen, "%s", path);
    log_file = -1;
    if (made >= 0) {
        log_file = open(reopen, O_RDWR | O_APPEND | O_CLOEXEC);
        close(made);
        unlink(path);
    }
    config = config_new();
    fixture_set("mode", "act");
    fixture_set("pools[0].name", "linux");
    fixture_set("pools[0].offers[0].server_type", "ccx33");
    fixture_set("pools[0].offers[0].location", "nbg1");
    fixture_set("pools[0].server_url", "https://10.0.0.1:6443");
    fixture_set("gitea.fence_settle", "100ms");
    script_reset(base);
    rules_of_a_healthy_node();
    results = 0;
    counter = 100;
    open_actuator();
}

void fixture_restart(void)
{
    actuator_clear(&fixture);
    open_actuator();
}

void fixture_close(void)
{
    actuator_clear(&fixture);
    event_base_free(base);
    config_free(config);
    close(log_file);
}

struct action fixture_action(enum action_kind kind)
{
    static const struct label labels[] = {{"managed-by", "ebbtide"},
                                          {"ebbtide-cluster", "default"},
                                          {"ebbtide-pool", "linux"},
                                          {"ebbtide-id", "1-7"}};
    static const struct runner_ref runner = {.id = 5, .name = "runner-pod"};
    bool create = kind == ACTION_CREATE_SERVER;
    struct action action = {
        .id = {1, ++counter},
        .kind = kind,
        .reason = create ? REASON_DEMAND : REASON_HOUR_ENDS,
        .text = "a test",
        .node = {.name = NODE, .pool = "linux", .server_id = create ? 0 : 42},
        .gitea_sequence = 3,
        .hetzner_sequence = 4,
        .kube_sequence = 5,
    };
    if (create) {
        action.server_type = "ccx33";
        action.location = "nbg1";
        action.image = "ubuntu-24.04";
        action.labels = labels;
        action.labels_count = 4;
    } else {
        action.node.node_uid = "u-1";
        action.node.provider_id = "hcloud://42";
    }
    if (kind == ACTION_DEREGISTER_RUNNERS || kind == ACTION_RELEASE_RUNNERS) {
        action.runners = &runner;
        action.runners_count = 1;
    }
    return action;
}

struct action fixture_create(unsigned number)
{
    static char names[FIXTURE_CREATES_MAX][32], ids[FIXTURE_CREATES_MAX][16];
    static struct label labels[FIXTURE_CREATES_MAX][4];
    struct action action = fixture_action(ACTION_CREATE_SERVER);
    CU_ASSERT_TRUE_FATAL(number < FIXTURE_CREATES_MAX);
    snprintf(names[number], sizeof names[number], "ebb-linux-1-%c",
             "0123456789abcdefghijklmnopqrstuvwxyz"[number]);
    snprintf(ids[number], sizeof ids[number], "1-%u", number);
    memcpy(labels[number], action.labels, sizeof labels[number]);
    labels[number][3].value = ids[number];
    action.node.name = names[number];
    action.labels = labels[number];
    return action;
}

void fixture_give(const struct action *action)
{
    struct error error;
    struct message *message = message_copy(MESSAGE_action, action, &error);
    if (message == NULL)
        CU_FAIL_FATAL("the action of the test is wrong");
    actuator_take(&fixture, message);
}

void fixture_turn(void)
{
    unsigned before = results;
    for (unsigned i = 0; i < TURNS_MAX && results == before; i++)
        event_base_loop(base, EVLOOP_ONCE);
}

void fixture_run(const struct action *action)
{
    unsigned before = results;
    fixture_give(action);
    if (results == before)
        fixture_turn();
    CU_ASSERT_EQUAL(results, before + 1);
}

const char *fixture_log(void)
{
    static char text[65536];
    ssize_t got = pread(log_file, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

bool fixture_log_holds(const char *word)
{
    return strstr(fixture_log(), word) != NULL;
}
