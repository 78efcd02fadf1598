/* Promises of the simulated Hetzner: a server boots in steps, is paid by started hours, is unique
 * by name, can be sold out, over quota, locked, protected, and can fail as a real one does. */
#include "tests/unit/cunit_main.h"
#include "tests/unit/world_fixture.h"

static struct story story;

static struct world *told_world(void)
{
    struct world *world = plain_world();
    story.count = 0;
    CU_ASSERT(world_observe(world, story_note, &story));
    return world;
}

static void server_boots_joins_and_gets_a_runner(void)
{
    struct world *world = told_world();
    uint64_t id = rent(world, "ebb-1");
    CU_ASSERT_EQUAL_FATAL(id != 0, true);
    run_ms(world, READY_MS);
    /* create 3 s, boot 20 s, join 15 s, ready 5 s, pod 3 s, registration 1.5 s */
    CU_ASSERT_EQUAL(story_first_ms(&story, WORLD_EVENT_SERVER_RUNNING), 23000);
    CU_ASSERT_EQUAL(story_first_ms(&story, WORLD_EVENT_NODE_ADDED), 38000);
    CU_ASSERT_EQUAL(story_first_ms(&story, WORLD_EVENT_RUNNER_REGISTERED), 47500);
    CU_ASSERT_EQUAL(world_server_find(world, id)->status, WORLD_SERVER_RUNNING);
    const struct world_node *node = world_node_named(world, "ebb-1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    CU_ASSERT(node->ready);
    CU_ASSERT_STRING_EQUAL(node->provider_id, "hcloud://1001");
    CU_ASSERT_STRING_EQUAL(runner_pod(world)->node_name, "ebb-1");
    CU_ASSERT_STRING_EQUAL(only_runner(world)->name, runner_pod(world)->name);
    world_free(world);
}

static void no_machine_joins_under_the_name_of_another(void)
{
    struct world *world = plain_world();
    static const struct world_map none = {NULL, 0};
    const struct world_node_spec spec = {.labels = &none, .annotations = &none};
    CU_ASSERT_EQUAL(world_node_create(world, "ebb-1", "", &spec, false), WORLD_OK);
    CU_ASSERT_NOT_EQUAL(rent(world, "ebb-1"), 0);
    run_ms(world, READY_MS);
    const struct world_node *node = world_node_named(world, "ebb-1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    CU_ASSERT_FALSE(node->ready);
    CU_ASSERT_EQUAL(world_runner_count(world), 0);
    world_free(world);
}

static void actions_lock_a_server_until_they_end(void)
{
    struct world *world = plain_world();
    struct world_server_spec spec = server_spec("ebb-1");
    uint64_t id = 0, actions[2] = {0}, action = 0;
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_LOCKED);
    run_ms(world, 3000);
    CU_ASSERT_EQUAL(world_action_find(world, actions[0])->status, WORLD_ACTION_SUCCESS);
    CU_ASSERT_EQUAL(world_action_find(world, actions[1])->status, WORLD_ACTION_RUNNING);
    run_ms(world, 20000);
    CU_ASSERT_EQUAL(world_action_find(world, actions[1])->status, WORLD_ACTION_SUCCESS);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_OK);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_LOCKED);
    CU_ASSERT_EQUAL(world_server_find(world, id)->status, WORLD_SERVER_DELETING);
    run_ms(world, 3000);
    CU_ASSERT_PTR_NULL(world_server_find(world, id));
    CU_ASSERT_EQUAL(world_action_find(world, action)->status, WORLD_ACTION_SUCCESS);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_NOT_FOUND);
    world_free(world);
}

static void refusals(void)
{
    struct world_config config = plain_config();
    config.servers_max = 2;
    struct world *world = world_new(&config);
    uint64_t id = 0, actions[2], action = 0;
    struct world_server_spec spec = server_spec("ebb-1");
    CU_ASSERT_NOT_EQUAL(rent(world, "ebb-1"), 0);
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_NAME_TAKEN);
    spec.name = "ebb-2";
    world_set_sold_out(world, "ccx33", "nbg1", true);
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_SOLD_OUT);
    world_set_sold_out(world, NULL, NULL, false);
    size_t count = 0;
    spec.location = &world_locations(&count)[4];
    spec.type = type_named("cx22");
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_NOT_SOLD_HERE);
    spec = server_spec("ebb-2");
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    spec.name = "ebb-3";
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_QUOTA);
    run_ms(world, READY_MS);
    uint64_t second = world_server_named(world, "ebb-2")->id;
    CU_ASSERT_EQUAL(world_server_protect(world, second, true, &action), WORLD_OK);
    CU_ASSERT_EQUAL(world_server_delete(world, second, &action), WORLD_PROTECTED);
    CU_ASSERT_EQUAL(world_server_update(world, second, "ebb-1", NULL), WORLD_NAME_TAKEN);
    world_free(world);
}

static void failed_create_exists_and_is_paid(void)
{
    struct world *world = plain_world();
    struct world_server_spec spec = server_spec("ebb-1");
    uint64_t id = 0, actions[2], action = 0;
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    CU_ASSERT_EQUAL(world_server_trouble(world, id, WORLD_TROUBLE_CREATE_FAILS), WORLD_OK);
    run_ms(world, READY_MS);
    CU_ASSERT_EQUAL(world_action_find(world, actions[0])->status, WORLD_ACTION_ERROR);
    CU_ASSERT(world_server_find(world, id)->create_failed);
    CU_ASSERT_EQUAL(world_node_count(world), 0);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.paid_periods, 1);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_OK);
    world_free(world);
}

static void troubles_stop_a_server_where_they_say(void)
{
    static const struct {
        enum world_trouble trouble;
        bool running, node, ready, pod_runs, runner;
    } rows[] = {
        {WORLD_TROUBLE_BOOT_HANGS, false, false, false, false, false},
        {WORLD_TROUBLE_JOIN_FAILS, true, false, false, false, false},
        {WORLD_TROUBLE_NEVER_READY, true, true, false, false, false},
        {WORLD_TROUBLE_POD_HANGS, true, true, true, false, false},
        {WORLD_TROUBLE_REGISTER_FAILS, true, true, true, true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = plain_world();
        world_trouble_next(world, rows[i].trouble, 1);
        uint64_t id = rent(world, "ebb-1");
        run_ms(world, 2 * READY_MS);
        const struct world_node *node = world_node_named(world, "ebb-1");
        const struct world_pod *pod = runner_pod(world);
        CU_ASSERT_EQUAL(world_server_find(world, id)->status == WORLD_SERVER_RUNNING,
                        rows[i].running);
        CU_ASSERT_EQUAL(node != NULL, rows[i].node);
        CU_ASSERT_EQUAL(node != NULL && node->ready, rows[i].ready);
        CU_ASSERT_EQUAL(pod != NULL && pod->phase == WORLD_POD_RUNNING, rows[i].pod_runs);
        CU_ASSERT_EQUAL(world_runner_count(world), 0);
        /* The next one is whole. */
        CU_ASSERT_NOT_EQUAL(rent(world, "ebb-2"), 0);
        run_ms(world, 2 * READY_MS);
        CU_ASSERT_EQUAL(world_runner_count(world), 1);
        world_free(world);
    }
}

static void failed_delete_leaves_the_server(void)
{
    struct world *world = plain_world();
    uint64_t id = rent(world, "ebb-1"), action = 0;
    run_ms(world, READY_MS);
    world_trouble_next(world, WORLD_TROUBLE_DELETE_FAILS, 1);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_OK);
    run_ms(world, 3000);
    CU_ASSERT_EQUAL(world_action_find(world, action)->status, WORLD_ACTION_ERROR);
    CU_ASSERT_PTR_NOT_NULL(world_server_find(world, id));
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_OK);
    run_ms(world, 3000);
    CU_ASSERT_PTR_NULL(world_server_find(world, id));
    world_free(world);
}

static void each_started_hour_is_paid(void)
{
    struct world *world = plain_world();
    run_ms(world, 400); /* created is cut to the second */
    uint64_t id = rent(world, "ebb-1");
    const struct world_server *server = world_server_find(world, id);
    CU_ASSERT_EQUAL(server->created_ms, START_MS);
    int64_t hour = 3600000, price = server->type->hour_microeuro;
    CU_ASSERT_EQUAL(world_paid_periods(world, server, START_MS + 1000), 1);
    CU_ASSERT_EQUAL(world_paid_periods(world, server, START_MS + hour), 1);
    CU_ASSERT_EQUAL(world_paid_periods(world, server, START_MS + hour + 1), 2);
    CU_ASSERT_EQUAL(world_cost_microeuro(world, server, START_MS + hour + 1), 2 * price);
    /* 48.49 EUR a month are less than 730 hours at 0.0778 */
    CU_ASSERT_EQUAL(world_cost_microeuro(world, server, START_MS + 700 * hour),
                    server->type->month_microeuro);
    CU_ASSERT_EQUAL(world_cost_microeuro(world, server, START_MS + 731 * hour),
                    server->type->month_microeuro + price);
    world_free(world);
}

static void bill_keeps_what_is_gone_and_leaves_out_what_is_foreign(void)
{
    struct world_config config = plain_config();
    config.control_plane = true;
    struct world *world = world_new(&config);
    CU_ASSERT_PTR_NOT_NULL(world_server_named(world, "k3s-server"));
    CU_ASSERT(world_node_named(world, "k3s-server")->ready);
    uint64_t id = rent(world, "ebb-1"), action = 0;
    run_ms(world, 3600000 + 1000);
    CU_ASSERT_EQUAL(world_server_delete(world, id, &action), WORLD_OK);
    run_ms(world, 3600000);
    struct world_summary summary;
    world_summary(world, &summary);
    CU_ASSERT_EQUAL(summary.servers_rented, 1);
    CU_ASSERT_EQUAL(summary.servers_now, 0);
    CU_ASSERT_EQUAL(summary.servers_max, 1);
    CU_ASSERT_EQUAL(summary.paid_periods, 2);
    CU_ASSERT_EQUAL(summary.cost_microeuro, 2 * type_named("ccx33")->hour_microeuro);
    world_free(world);
}

static void user_data_names_labels_and_taints_of_the_node(void)
{
    struct world *world = plain_world();
    struct world_server_spec spec = server_spec("ebb-1");
    spec.user_data = "#cloud-config\nruncmd:\n - sh -s - agent --node-label managed-by=ebbtide "
                     "--node-label=tier=ci --node-taint ci=yes:NoSchedule\n"
                     "write_files:\n - content: |\n    node-label:\n      - \"zone=north\"\n";
    uint64_t id = 0, actions[2];
    CU_ASSERT_EQUAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    run_ms(world, READY_MS);
    const struct world_node *node = world_node_named(world, "ebb-1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    unsigned found = 0;
    for (uint32_t i = 0; i < node->labels.count; i++) {
        const struct world_pair *pair = &node->labels.pairs[i];
        found += strcmp(pair->key, "managed-by") == 0 && strcmp(pair->value, "ebbtide") == 0;
        found += strcmp(pair->key, "tier") == 0 && strcmp(pair->value, "ci") == 0;
        found += strcmp(pair->key, "zone") == 0 && strcmp(pair->value, "north") == 0;
    }
    CU_ASSERT_EQUAL(found, 3);
    CU_ASSERT_EQUAL_FATAL(node->taint_count, 1);
    CU_ASSERT_STRING_EQUAL(node->taints[0].key, "ci");
    CU_ASSERT_STRING_EQUAL(node->taints[0].value, "yes");
    CU_ASSERT_STRING_EQUAL(node->taints[0].effect, "NoSchedule");
    world_free(world);
}

static void power_goes_off_and_comes_back(void)
{
    struct world *world = plain_world();
    uint64_t id = rent(world, "ebb-1"), action = 0;
    run_ms(world, READY_MS);
    uint64_t first = only_runner(world)->id;
    CU_ASSERT_EQUAL(world_server_power(world, id, WORLD_POWER_OFF, &action), WORLD_OK);
    run_ms(world, 100000);
    CU_ASSERT_EQUAL(world_server_find(world, id)->status, WORLD_SERVER_OFF);
    CU_ASSERT_FALSE(world_node_named(world, "ebb-1")->ready);
    CU_ASSERT_EQUAL(world_server_power(world, id, WORLD_POWER_ON, &action), WORLD_OK);
    run_ms(world, READY_MS);
    CU_ASSERT(world_node_named(world, "ebb-1")->ready);
    CU_ASSERT_EQUAL(world_action_find(world, action)->status, WORLD_ACTION_SUCCESS);
    CU_ASSERT_EQUAL(world_runner_count(world), 2); /* the old registration is still listed */
    CU_ASSERT_FALSE(world_runner_online(world, world_runner_find(world, first)));
    world_free(world);
}

static CU_TestInfo tests[] = {
    {"a server boots, joins and gets a runner, each at its time",
     server_boots_joins_and_gets_a_runner},
    {"no machine joins under the name of another", no_machine_joins_under_the_name_of_another},
    {"actions lock a server until they end", actions_lock_a_server_until_they_end},
    {"names are unique, offers sell out, quotas hold", refusals},
    {"a failed create exists and is paid", failed_create_exists_and_is_paid},
    {"troubles stop a server where they say", troubles_stop_a_server_where_they_say},
    {"a failed delete leaves the server", failed_delete_leaves_the_server},
    {"each started hour is paid, up to the monthly cap", each_started_hour_is_paid},
    {"the bill keeps what is gone", bill_keeps_what_is_gone_and_leaves_out_what_is_foreign},
    {"user data names the node's labels and taints", user_data_names_labels_and_taints_of_the_node},
    {"power goes off and comes back", power_goes_off_and_comes_back},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    return cunit_run("world_servers", tests);
}
