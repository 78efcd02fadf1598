/* The judge at the bounds of its rails: exactly the limit, one more, what is in flight, what only
 * looks alike. May not: do I/O. */
#include <string.h>

#include "actuator/judge.h"
#include "cunit_main.h"

static struct config *config;
static const struct label ours[] = {{"managed-by", "ebbtide"},
                                    {"ebbtide-cluster", "default"},
                                    {"ebbtide-pool", "linux"},
                                    {"ebbtide-id", "1-7"}};
static struct hetzner_price price[] = {{"ccx33", "fsn1", 900000, 0, false},
                                       {"ccx33", "nbg1", 100000, 0, false}};
static const struct hetzner_price_list prices = {.item = price, .count = 2};

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
    set("pools[0].image", "ubuntu-24.04");
    set("pools[0].offers[0].server_type", "ccx33");
    set("pools[0].offers[0].location", "nbg1");
}

static struct action create_of(const char *name)
{
    return (struct action){
        .id = {1, 7},
        .kind = ACTION_CREATE_SERVER,
        .node = {.name = name, .pool = "linux"},
        .server_type = "ccx33",
        .location = "nbg1",
        .image = "ubuntu-24.04",
        .labels = ours,
        .labels_count = 4,
    };
}

static enum rail request_rail(const struct action *action)
{
    return judge_request(config, action).rail;
}

/* ----------------------------------------------------------------------------------- the request
 */

static void test_a_request_by_the_configuration_passes(void)
{
    begin();
    struct action action = create_of("ebb-linux-1-7");
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    set("mode", "observe");
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_MODE);
    config_free(config);
}

static void test_offers_are_those_of_the_configuration(void)
{
    begin();
    struct action action = create_of("ebb-linux-1-7");
    action.image = "debian-12";
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_OFFER);
    action = create_of("ebb-linux-1-7");
    action.location = "fsn1";
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_OFFER);
    action = create_of("ebb-linux-1-7");
    action.server_type = "ccx63";
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_OFFER);
    action = create_of("ebb-linux-1-7");
    action.node.pool = "gpu";
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_OFFER);
    config_free(config);
}

static void test_names(void)
{
    static const char *const wrong[] = {"ebb-linux-", "ebb-linux", "ebb-gpu-1-7", "eb-linux-1-7",
                                        "xebb-linux-1-7"};
    begin();
    set("pools[1].name", "gpu");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct action action = create_of(wrong[i]);
        CU_ASSERT_EQUAL(request_rail(&action), RAIL_NAME);
    }
    config_free(config);
}

/* One name an id, and one id a name: PREFIX-POOL-EPOCH-COUNTER in base 36. */
static void test_the_name_is_the_ids(void)
{
    static const char *const wrong[] = {"ebb-linux-1-6",   "ebb-linux-01-7", "ebb-linux-1-07",
                                        "ebb-linux-1-7-7", "ebb-linux-1-7x", "ebb-linux-7",
                                        "ebb-linux-2-7",   "ebb-linux- 1-7"};
    struct label labels[4];
    begin();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct action action = create_of(wrong[i]);
        CU_ASSERT_EQUAL(request_rail(&action), RAIL_NAME);
    }
    memcpy(labels, ours, sizeof labels);
    labels[3].value = "0-7"; /* no action has such an id: the core would call it a stranger's */
    struct action action = create_of("ebb-linux-0-7");
    action.labels = labels;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NAME);
    labels[3].value = "1-0";
    action.node.name = "ebb-linux-1-0";
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NAME);
    action = create_of("ebb-linux-1-7");
    action.id.counter = 9; /* asked again */
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    memcpy(labels, ours, sizeof labels);
    labels[3].value = "36-1295";
    action = create_of("ebb-linux-10-zz");
    action.id = (struct action_id){36, 1295};
    action.labels = labels;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    set("pools[1].name", "gpu");
    labels[2].value = "gpu";
    action.node = (struct node_ref){.name = "ebb-gpu-10-zz", .pool = "gpu"};
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    labels[2].value = "linux";
    labels[3].value = "9223372036854775807-9223372036854775807";
    action = create_of("ebb-linux-1y2p0ij32e8e7-1y2p0ij32e8e7");
    action.id = (struct action_id){INT64_MAX, INT64_MAX};
    action.labels = labels;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    config_free(config);
}

static enum rail with_label(uint32_t index, const char *value)
{
    struct label labels[4];
    struct action action = create_of("ebb-linux-1-7");
    memcpy(labels, ours, sizeof labels);
    labels[index].value = value;
    action.labels = labels;
    return request_rail(&action);
}

static void test_each_label_asked_for_counts(void)
{
    begin();
    CU_ASSERT_EQUAL(with_label(0, "terraform"), RAIL_LABELS);
    CU_ASSERT_EQUAL(with_label(1, "another"), RAIL_LABELS);
    CU_ASSERT_EQUAL(with_label(2, "gpu"), RAIL_LABELS);
    CU_ASSERT_EQUAL(with_label(3, "x"), RAIL_LABELS);
    CU_ASSERT_EQUAL(with_label(3, "1-6"), RAIL_NAME); /* an earlier create's, not its name's */
    CU_ASSERT_EQUAL(with_label(3, "1-8"), RAIL_LABELS);
    CU_ASSERT_EQUAL(with_label(3, "2-1"), RAIL_LABELS);
    config_free(config);
}

static void test_no_other_labels_and_all_of_the_configurations(void)
{
    static const struct label more[] = {{"managed-by", "ebbtide"},
                                        {"ebbtide-cluster", "default"},
                                        {"ebbtide-pool", "linux"},
                                        {"ebbtide-id", "1-7"},
                                        {"team", "ci"}};
    begin();
    struct action action = create_of("ebb-linux-1-7");
    action.labels = more;
    action.labels_count = 5;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_LABELS);
    set("hetzner.labels[0]", "team=ci");
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_NONE);
    action.labels_count = 4;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_LABELS);
    set("hetzner.labels[0]", "team=dev");
    action.labels_count = 5;
    CU_ASSERT_EQUAL(request_rail(&action), RAIL_LABELS);
    config_free(config);
}

/* -------------------------------------------------------------------------------------- the caps
 */

static struct hetzner_server server_of(uint64_t id, const char *name, const struct label *labels)
{
    return (struct hetzner_server){.id = id,
                                   .name = name,
                                   .server_type = "ccx33",
                                   .location = "nbg1",
                                   .labels = labels,
                                   .labels_count = 4};
}

/* Judges a create beside these servers and what is in flight. */
static enum rail create_rail(struct hetzner_server *servers, uint32_t count,
                             const struct deeds *deeds)
{
    struct facts facts = {.prices = &prices, .servers = {.item = servers, .count = count}};
    struct action action = create_of("ebb-linux-1-7");
    return judge_create(config, &action, &facts, deeds).rail;
}

static void test_exactly_as_many_as_allowed(void)
{
    struct hetzner_server servers[] = {server_of(1, "ebb-linux-1-1", ours),
                                       server_of(2, "ebb-linux-1-2", ours)};
    struct deeds deeds = {.requests_remaining = -1};
    begin();
    set("pools[0].max", "5");
    set("rails.max_servers", "2");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    CU_ASSERT_EQUAL(create_rail(servers, 2, &deeds), RAIL_SERVERS);
    set("rails.max_servers", "9");
    set("pools[0].max", "2");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    CU_ASSERT_EQUAL(create_rail(servers, 2, &deeds), RAIL_POOL);
    config_free(config);
}

static void test_another_pools_servers_are_not_this_pools(void)
{
    static const struct label theirs[] = {{"managed-by", "ebbtide"},
                                          {"ebbtide-cluster", "default"},
                                          {"ebbtide-pool", "gpu"},
                                          {"ebbtide-id", "1-1"}};
    struct hetzner_server servers[] = {server_of(1, "ebb-gpu-1-1", theirs)};
    struct deeds deeds = {.requests_remaining = -1};
    begin();
    set("pools[0].max", "1");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    config_free(config);
}

/* One that is listed already and still under way is one server, not two, and costs once. */
static void test_listed_and_in_flight_is_one(void)
{
    struct hetzner_server servers[] = {server_of(1, "ebb-linux-1-1", ours)};
    struct action other = create_of("ebb-linux-1-1");
    const struct action *creating[] = {&other};
    struct deeds deeds = {.requests_remaining = -1, .creating = creating, .creating_count = 1};
    begin();
    set("rails.max_servers", "2");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    set("rails.max_hourly_cost", "0.20");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    config_free(config);
}

static void test_cost_of_all_there_is(void)
{
    struct hetzner_server servers[] = {server_of(1, "ebb-linux-1-1", ours)};
    struct action other = create_of("ebb-linux-1-2");
    const struct action *creating[] = {&other};
    struct deeds deeds = {.requests_remaining = -1, .creating = creating, .creating_count = 1};
    begin();
    set("rails.max_hourly_cost", "0.30"); /* exactly: listed, in flight, asked for */
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_NONE);
    set("rails.max_hourly_cost", "0.29");
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_COST);
    set("rails.max_hourly_cost", "0.19");
    deeds.creating_count = 0;
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_COST);
    CU_ASSERT_EQUAL(create_rail(servers, 0, &deeds), RAIL_NONE);
    deeds.creating_count = 1;
    CU_ASSERT_EQUAL(create_rail(servers, 0, &deeds), RAIL_COST);
    set("rails.max_hourly_cost", "9.00");
    deeds.creating_count = 0;
    servers[0].server_type = "unknown";
    CU_ASSERT_EQUAL(create_rail(servers, 1, &deeds), RAIL_COST);
    config_free(config);
}

static void test_what_has_no_price_is_not_rented(void)
{
    struct facts facts = {.prices = &prices};
    struct action action = create_of("ebb-linux-1-7");
    struct deeds deeds = {.requests_remaining = -1};
    begin();
    action.location = "hel1";
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_COST);
    config_free(config);
}

static void test_rates_and_requests_at_their_bounds(void)
{
    struct deeds deeds = {.requests_remaining = -1, .creates_last_minute = 1};
    begin();
    set("rails.creates_per_minute", "2");
    CU_ASSERT_EQUAL(create_rail(NULL, 0, &deeds), RAIL_NONE);
    deeds.creates_last_minute = 2;
    CU_ASSERT_EQUAL(create_rail(NULL, 0, &deeds), RAIL_CREATES);
    deeds.creates_last_minute = 0;
    deeds.requests_remaining = (int64_t)config->hetzner.request_reserve;
    CU_ASSERT_EQUAL(create_rail(NULL, 0, &deeds), RAIL_NONE);
    deeds.requests_remaining--;
    CU_ASSERT_EQUAL(create_rail(NULL, 0, &deeds), RAIL_REQUESTS);
    config_free(config);
}

static void test_a_server_of_the_name_is_ours_by_its_id(void)
{
    struct facts facts = {.prices = &prices, .server_found = true};
    struct action action = create_of("ebb-linux-1-7");
    struct deeds deeds = {.requests_remaining = -1};
    static const struct label theirs[] = {{"managed-by", "ebbtide"},
                                          {"ebbtide-cluster", "default"},
                                          {"ebbtide-pool", "linux"},
                                          {"ebbtide-id", "1-6"}};
    begin();
    facts.server = server_of(1, "ebb-linux-1-7", ours);
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_NONE);
    facts.server = server_of(1, "ebb-linux-1-7", theirs);
    CU_ASSERT_EQUAL(judge_create(config, &action, &facts, &deeds).rail, RAIL_NAME);
    config_free(config);
}

/* ---------------------------------------------------------------------------------- whose it is */

static struct facts a_node(void)
{
    struct facts facts = {
        .server_found = true,
        .server = server_of(42, "ebb-linux-1-7", ours),
        .node_found = true,
    };
    facts.node.labelled = true;
    facts.node.node = (struct kube_node){
        .uid = "u", .name = "ebb-linux-1-7", .provider_id = "hcloud://42", .fence_note = ""};
    return facts;
}

/* The request's server id is a claim: it is held against the fresh look, as the node's provider id
 * is. */
static void test_the_look_counts_and_not_the_request(void)
{
    struct action action = create_of("ebb-linux-1-7");
    struct facts facts = a_node();
    begin();
    action.kind = ACTION_REMOVE_NODE;
    action.node.node_uid = "u";
    action.node.server_id = 43; /* found by its name all the same */
    CU_ASSERT_EQUAL(judge_node(config, &action, &facts).rail, RAIL_IDENTITY);
    action.node.server_id = 0;
    CU_ASSERT_EQUAL(judge_node(config, &action, &facts).rail, RAIL_NONE);
    facts.node.node.provider_id = "hcloud://43";
    CU_ASSERT_EQUAL(judge_node(config, &action, &facts).rail, RAIL_IDENTITY);
    config_free(config);
}

static struct gitea_runner runner = {.id = 5, .name = "r", .online = true};
static struct gitea_job job = {.id = 9, .status = JOB_RUNNING, .runner_id = 5};
static struct kube_pod here = {.name = "r", .node_name = "ebb-linux-1-7"};

static enum rail removal_rail(const struct facts *facts, const struct deeds *deeds)
{
    struct action action = create_of("ebb-linux-1-7");
    action.kind = ACTION_REMOVE_NODE;
    return judge_remove(config, &action, facts, deeds).rail;
}

static void test_busy_or_a_job_each_alone_keeps_the_server(void)
{
    struct facts facts = a_node();
    struct deeds deeds = {0};
    begin();
    facts.runners.item = &runner;
    facts.runner_pods.item = &here;
    facts.runners.count = facts.runner_pods.count = 1;
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_NONE);
    runner.busy = true; /* its job is not listed yet */
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_JOB);
    runner.busy = false; /* as it reads for moments while a job runs */
    facts.jobs.item = &job;
    facts.jobs.count = 1;
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_JOB);
    job.runner_id = 6;
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_NONE);
    job.runner_id = 5;
    config_free(config);
}

static struct kube_pod_detail web = {
    .pod = {.name = "p", .namespace_name = "web"}, .owner_kind = "", .owner_name = ""};

static void test_no_deadline_without_a_drain(void)
{
    static struct kube_taint theirs = {"theirs", "1795763999", "NoExecute"};
    struct facts facts = a_node();
    struct deeds deeds = {0};
    begin();
    deeds.drained_ms = config->life.drain_deadline_ms;
    facts.pods.item = &web;
    facts.pods.count = 1;
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_ORDER);
    facts.node.taint = &theirs;
    facts.node.taint_count = 1;
    CU_ASSERT_EQUAL(facts_drain_since(&facts), 0);
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_ORDER);
    config_free(config);
}

static void test_an_ending_pod_is_still_there(void)
{
    struct facts facts = a_node();
    struct deeds deeds = {0};
    begin();
    facts.pods.item = &web;
    facts.pods.count = 1;
    web.pod.terminating = true;
    CU_ASSERT_EQUAL(facts_pods_left(&facts), 1);
    CU_ASSERT_EQUAL(removal_rail(&facts, &deeds), RAIL_ORDER);
    web.pod.terminating = false;
    config_free(config);
}

static enum runner_owner owner_of(const struct facts *facts, const char *name)
{
    struct gitea_runner one = {.id = 5, .name = name};
    struct action action = {.node.name = "ebb-linux-1-1"};
    return facts_runner_owner(facts, config, &action, &one);
}

static void test_whose_a_runner_is(void)
{
    struct label noted[] = {{"ebbtide-fence", "v1.1000.5"}};
    static struct kube_pod pods[] = {{.name = "r", .node_name = "rack-1"},
                                     {.name = "r", .node_name = "ebb-linux-1-1"},
                                     {.name = "s", .node_name = "rack-1"}};
    struct facts facts = a_node();
    begin();
    facts.runner_pods.item = pods;
    facts.runner_pods.count = 3;
    CU_ASSERT_EQUAL(owner_of(&facts, "r"), RUNNER_OURS); /* another node has a pod of its name */
    CU_ASSERT_EQUAL(owner_of(&facts, "s"), RUNNER_OTHERS);
    CU_ASSERT_EQUAL(owner_of(&facts, "t"), RUNNER_UNKNOWN);
    facts.server.labels = noted;
    facts.server.labels_count = 1;
    CU_ASSERT_EQUAL(owner_of(&facts, "t"), RUNNER_OURS); /* we fenced it: it is the node's */
    facts.server_found = false;
    CU_ASSERT_EQUAL(owner_of(&facts, "t"), RUNNER_UNKNOWN);
    facts.server_found = true;
    noted[0].value = "v1.1000.x"; /* all of the node's, whichever they are */
    CU_ASSERT_EQUAL(owner_of(&facts, "t"), RUNNER_UNKNOWN);
    facts.server.labels_count = 0;
    facts.node.node.fence_note = "v1.1000.5"; /* which its machine can write, too */
    CU_ASSERT_EQUAL(owner_of(&facts, "t"), RUNNER_UNKNOWN);
    facts.node.node.fence_note = "";
    set("gitea.runner_match", "node-name");
    CU_ASSERT_EQUAL(owner_of(&facts, "ebb-linux-1-1"), RUNNER_OURS);
    CU_ASSERT_EQUAL(owner_of(&facts, "ebb-linux-1-1-x"), RUNNER_OURS);
    CU_ASSERT_EQUAL(owner_of(&facts, "ebb-linux-1-10"), RUNNER_OTHERS);
    config_free(config);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a request by the configuration", test_a_request_by_the_configuration_passes},
        {"offers are the configuration's", test_offers_are_those_of_the_configuration},
        {"names", test_names},
        {"the name is the id's", test_the_name_is_the_ids},
        {"each label asked for counts", test_each_label_asked_for_counts},
        {"no other labels, all configured", test_no_other_labels_and_all_of_the_configurations},
        {"exactly as many as allowed", test_exactly_as_many_as_allowed},
        {"another pool's servers", test_another_pools_servers_are_not_this_pools},
        {"listed and in flight is one", test_listed_and_in_flight_is_one},
        {"cost of all there is", test_cost_of_all_there_is},
        {"what has no price", test_what_has_no_price_is_not_rented},
        {"rates and requests at their bounds", test_rates_and_requests_at_their_bounds},
        {"a server of the name", test_a_server_of_the_name_is_ours_by_its_id},
        {"the look counts, not the request", test_the_look_counts_and_not_the_request},
        {"busy or a job, each alone", test_busy_or_a_job_each_alone_keeps_the_server},
        {"no deadline without a drain", test_no_deadline_without_a_drain},
        {"an ending pod is still there", test_an_ending_pod_is_still_there},
        {"whose a runner is", test_whose_a_runner_is},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("judge_bounds", tests);
}
