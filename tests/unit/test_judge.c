/* The judge: what each rail forbids, from facts alone. May not: do I/O. */
#include "actuator/judge.h"

#include <string.h>

#include "cunit_main.h"

#define WALL INT64_C(1795764000000)

static struct config *config;
static const struct label ours[] = {{"managed-by", "ebbtide"},
                                    {"ebbtide-cluster", "default"},
                                    {"ebbtide-pool", "linux"},
                                    {"ebbtide-id", "1-7"}};
static struct kube_pod_detail pod = {
    .pod = {.name = "p", .namespace_name = "web"}, .owner_kind = "", .owner_name = ""};
static struct kube_taint taint = {"ebbtide/drain", "1795763999", "NoExecute"};
static struct gitea_runner runner = {.id = 5, .name = "r", .online = true};
static struct gitea_job job = {.id = 9, .status = JOB_RUNNING, .runner_id = 5};
static struct kube_pod runner_pod = {.name = "r", .node_name = "ebb-linux-1"};

static void set(const char *path, const char *value)
{
    struct error error;
    CU_ASSERT_TRUE_FATAL(config_set(config, path, value, &error));
}

static void begin(void)
{
    config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    set("mode", "act");
    set("pools[0].name", "linux");
}

static struct facts facts_of_a_node(void)
{
    struct facts facts = {
        .server_found = true,
        .server = {.id = 42, .name = "ebb-linux-1", .labels = ours, .labels_count = 4},
        .node_found = true,
    };
    facts.node.labelled = true;
    facts.node.node = (struct kube_node){
        .uid = "u", .name = "ebb-linux-1", .provider_id = "hcloud://42", .fence_note = ""};
    return facts;
}

static struct action action_of(enum action_kind kind)
{
    static const struct runner_ref refs[] = {{5, "r"}};
    return (struct action){
        .id = {1, 99},
        .kind = kind,
        .node = {.name = "ebb-linux-1", .pool = "linux", .server_id = 42, .node_uid = "u"},
        .runners = refs,
        .runners_count = 1,
    };
}

static enum rail node_rail(const struct facts *facts)
{
    struct action action = action_of(ACTION_REMOVE_NODE);
    return judge_node(config, &action, facts).rail;
}

static void test_what_belongs_together_passes(void)
{
    begin();
    struct facts facts = facts_of_a_node();
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NONE);
    facts.node.node.provider_id = "k3s://ebb-linux-1"; /* what K3s writes without a cloud's part */
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NONE);
    facts.server_found = facts.node_found = false;
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NONE);
    config_free(config);
}

static void test_each_label_counts(void)
{
    begin();
    for (unsigned i = 0; i < 4; i++) {
        struct label labels[4];
        memcpy(labels, ours, sizeof labels);
        labels[i].value = "x";
        struct facts facts = facts_of_a_node();
        facts.server.labels = labels;
        /* A pool that the configuration no longer has is still to be removed. */
        CU_ASSERT_EQUAL(node_rail(&facts), i == 2 ? RAIL_NONE : RAIL_LABELS);
    }
    config_free(config);
}

static void test_identity(void)
{
    begin();
    struct facts facts = facts_of_a_node();
    facts.node.node.uid = "another";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_IDENTITY);
    facts = facts_of_a_node();
    facts.node.node.provider_id = "hcloud://43";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_IDENTITY);
    facts = facts_of_a_node();
    facts.server.name = "ebb-linux-2";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_IDENTITY);
    facts = facts_of_a_node();
    facts.server_found = false;
    facts.node.node.name = "control-plane";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NAME);
    facts.node.node.name = "ebbing-1";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NAME);
    facts.node.node.name = "ebb-";
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NAME);
    facts = facts_of_a_node();
    facts.node.labelled = false; /* it says that it is our server */
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NONE);
    facts.node.node.provider_id = ""; /* it says nothing: somebody's, by our name */
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_LABELS);
    facts.server_found = false;
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_LABELS);
    facts.node.labelled = true;
    CU_ASSERT_EQUAL(node_rail(&facts), RAIL_NONE);
    config_free(config);
}

static enum rail remove_rail(const struct facts *facts, const struct deeds *deeds)
{
    struct action action = action_of(ACTION_REMOVE_NODE);
    return judge_remove(config, &action, facts, deeds).rail;
}

static void test_steps_in_order(void)
{
    begin();
    struct deeds deeds = {.drained_ms = 1000};
    struct facts facts = facts_of_a_node();
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_NONE);
    facts.pods.item = &pod;
    facts.pods.count = 1;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_ORDER);
    facts.node.taint = &taint; /* its drain began a second ago */
    facts.node.taint_count = 1;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_ORDER);
    deeds.drained_ms = config->life.drain_deadline_ms;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_NONE);
    deeds.drained_ms--;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_ORDER);
    config_free(config);
}

static void test_nothing_below_a_job(void)
{
    begin();
    struct deeds deeds = {0};
    struct facts facts = facts_of_a_node();
    facts.runners.item = &runner;
    facts.jobs.item = &job;
    facts.runner_pods.item = &runner_pod;
    facts.runners.count = facts.jobs.count = facts.runner_pods.count = 1;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_JOB);
    facts.jobs.count = 0;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_NONE);
    config_free(config);
}

static void test_deletes_a_minute(void)
{
    begin();
    set("rails.deletes_per_minute", "2");
    struct deeds deeds = {.deletes_last_minute = 1};
    struct facts facts = facts_of_a_node();
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_NONE);
    deeds.deletes_last_minute = 2;
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_DELETES);
    deeds.deleted_before = true; /* the same server's delete again is no other delete */
    CU_ASSERT_EQUAL(remove_rail(&facts, &deeds), RAIL_NONE);
    config_free(config);
}

static void test_a_runner_of_another_node(void)
{
    begin();
    struct action action = action_of(ACTION_DEREGISTER_RUNNERS);
    struct kube_pod elsewhere = {.name = "r", .node_name = "rack-1"};
    struct facts facts = facts_of_a_node();
    facts.runners.item = &runner;
    facts.runner_pods.item = &elsewhere;
    facts.runners.count = facts.runner_pods.count = 1;
    CU_ASSERT_EQUAL(judge_runners(config, &action, &facts).rail, RAIL_RUNNER);
    facts.runner_pods.item = &runner_pod;
    CU_ASSERT_EQUAL(judge_runners(config, &action, &facts).rail, RAIL_NONE);
    set("gitea.runner_match", "node-name");
    CU_ASSERT_EQUAL(judge_runners(config, &action, &facts).rail, RAIL_RUNNER);
    config_free(config);
}

static void test_what_is_in_flight_counts(void)
{
    begin();
    set("rails.max_servers", "2");
    static struct hetzner_price price = {"ccx33", "nbg1", 100000, 0, false};
    static struct hetzner_price_list prices = {.item = &price, .count = 1};
    struct action action = action_of(ACTION_CREATE_SERVER);
    struct action other = action;
    other.node.name = "ebb-linux-2";
    action.server_type = other.server_type = "ccx33";
    action.location = other.location = "nbg1";
    const struct action *creating[] = {&other, &other};
    struct deeds deeds = {.creating = creating, .creating_count = 1, .requests_remaining = -1};
    struct facts facts = {.prices = &prices};
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_NONE);
    deeds.creating_count = 2;
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_SERVERS);
    deeds.creating_count = 1;
    deeds.name_used = true; /* whoever asks again works from an old memory */
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_NAME);
    deeds.name_used = false;
    deeds.requests_remaining = 10;
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_REQUESTS);
    config_free(config);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what belongs together passes", test_what_belongs_together_passes},
        {"each label counts", test_each_label_counts},
        {"identity", test_identity},
        {"steps in order", test_steps_in_order},
        {"nothing below a job", test_nothing_below_a_job},
        {"deletes a minute", test_deletes_a_minute},
        {"a runner of another node", test_a_runner_of_another_node},
        {"what is in flight counts", test_what_is_in_flight_counts},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("judge", tests);
}
