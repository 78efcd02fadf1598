/* The real poller against the simulated APIs: that both mean the same by paths, pages, tokens and
 * refusals, with more of everything than fits a page. */
#include "simulator/faults.h"
#include "simulator/gitea_api.h"
#include "simulator/hetzner_api.h"
#include "simulator/kube_api.h"
#include "simulator/server.h"
#include "tests/unit/poller_fixture.h"
#include "tests/unit/world_fixture.h"

#include "common/clock.h"

#include <event2/event.h>

#define JOBS        130u
#define PERMANENT   60u
#define SERVERS     60u
#define READ_TOKEN  "read-token" /* as the fixture hands it to the poller */
#define WRITE_TOKEN "write-token"

static struct world *world;
static struct faults *faults;
static struct server *server;
static struct gitea_api *gitea;
static struct hetzner_api *hetzner;
static struct kube_api *kube;

static const char *const fast[] = {"gitea.poll_interval", "200ms", "hetzner.poll_interval", "200ms",
                                   NULL};
static const char *const fast_kube[] = {"kube.poll_interval", "200ms", NULL};

/* ------------------------------------------------------------------------------- the cloud */

static void rent_servers(void)
{
    static char managed[] = "managed-by", us[] = "ebbtide", cluster[] = "ebbtide-cluster";
    static char standard[] = "default";
    static struct world_pair pairs[] = {{managed, us}, {cluster, standard}};
    static const struct world_map labels = {pairs, 2};
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[32];
        uint64_t id, actions[2];
        snprintf(name, sizeof name, "ebb-default-1-%u", i);
        struct world_server_spec spec = server_spec(name);
        spec.labels = &labels;
        spec.user_data = "k3s agent --node-label managed-by=ebbtide";
        CU_ASSERT_EQUAL_FATAL(world_server_create(world, &spec, &id, actions), WORLD_OK);
    }
    rent(world, "somebody-elses"); /* without our labels; its runner and pod are there too */
}

static void register_runners(void)
{
    static const char *const labels[] = {"other"};
    for (unsigned i = 0; i < PERMANENT; i++) {
        struct world_runner_spec spec = {.name = "permanent",
                                         .labels = labels,
                                         .label_count = 1,
                                         .permanent = true,
                                         .started = true};
        CU_ASSERT_NOT_EQUAL_FATAL(world_runner_create(world, &spec), 0);
    }
}

static void open_world(void)
{
    struct world_config config = plain_config();
    config.servers_max = 2 * SERVERS;
    config.start_ms = clock_wall_ms() - 3600000;
    world = world_new(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world);
    rent_servers();
    run_ms(world, READY_MS);
    register_runners();
    for (unsigned i = 0; i < JOBS; i++)
        push(world, "nobody", 1000);
    world_advance(world, clock_wall_ms());
}

static void close_cloud(void)
{
    server_free(server);
    gitea_api_free(gitea);
    hetzner_api_free(hetzner);
    kube_api_free(kube);
    faults_free(faults);
    world_free(world);
    gitea = NULL, hetzner = NULL, kube = NULL;
}

static const struct api_definition *define(enum api api)
{
    struct error error = {""};
    struct gitea_options gitea_options = gitea_options_defaults();
    struct hetzner_options hetzner_options = {0};
    bool good = api == API_GITEA     ? gitea_api_init(&gitea, &gitea_options, &error)
                : api == API_HETZNER ? hetzner_api_init(&hetzner, &hetzner_options, &error)
                                     : kube_api_init(&kube, rig.base, world, &error);
    CU_ASSERT_TRUE_FATAL(good);
    return api == API_GITEA     ? gitea_api_definition(gitea)
           : api == API_HETZNER ? hetzner_api_definition(hetzner)
                                : kube_api_definition(kube);
}

static void open_cloud(enum api api)
{
    struct error error = {""};
    struct server_tokens tokens = {.read = READ_TOKEN, .write = WRITE_TOKEN};
    rig_begin();
    open_world();
    CU_ASSERT_TRUE_FATAL(faults_init(&faults, &error));
    CU_ASSERT_TRUE_FATAL(server_init(&server, rig.base, world, faults, NULL, &error));
    CU_ASSERT_TRUE_FATAL(server_listen(server, api, define(api), 0, &tokens, &error));
    rig.port = server_port(server, api);
    rig.close_api = close_cloud;
}

static void inject(const char *effect)
{
    struct error error = {""};
    uint64_t id;
    json_t *rule = json_pack("{s:s,s:i,s:i}", "effect", effect, "count", 1, "retry_after", 1);
    CU_ASSERT_TRUE(faults_add(faults, rule, clock_mono_ms(), &id, &error));
    if (error.text[0] != '\0')
        printf("\n    %s: %s", effect, error.text);
    json_decref(rule);
}

/* -------------------------------------------------------------------------------- the tests */

static void test_gitea(void)
{
    open_cloud(API_GITEA);
    rig_start_poller(ROLE_POLLER_GITEA, fast);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_FALSE(message_token_writes(message)->writes);
    CU_ASSERT_PTR_NOT_NULL(strstr(message_token_writes(message)->text, "read:admin"));
    message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct gitea_snapshot *snapshot = message_gitea_snapshot(message);
    CU_ASSERT_EQUAL(snapshot->jobs_count, JOBS);
    for (uint32_t i = 0; i < snapshot->jobs_count; i++) {
        CU_ASSERT_EQUAL(snapshot->jobs[i].status, JOB_RUNNABLE);
        CU_ASSERT_STRING_EQUAL(snapshot->jobs[i].repository, "acme/app");
        CU_ASSERT_TRUE(i == 0 || snapshot->jobs[i].id > snapshot->jobs[i - 1].id);
    }
    CU_ASSERT_EQUAL(snapshot->runners_count, PERMANENT + SERVERS + 1);
    CU_ASSERT_TRUE(snapshot->head.api_ms > 0);
    CU_ASSERT_STRING_EQUAL(snapshot->version, "1.26.0");
    rig_end();
}

static void test_gitea_token_that_writes(void)
{
    open_cloud(API_GITEA);
    snprintf(gitea_api_options(gitea)->read_scopes, GITEA_SCOPES_BYTES_MAX, "write:admin");
    rig_start_poller(ROLE_POLLER_GITEA, fast);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_TRUE(message_token_writes(message)->writes);
    rig_end();
}

static void test_gitea_older_key(void)
{
    open_cloud(API_GITEA);
    gitea_api_options(gitea)->workflow_jobs = true;
    rig_start_poller(ROLE_POLLER_GITEA, fast);
    const struct message *message = rig_wait(MESSAGE_gitea_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(message_gitea_snapshot(message)->jobs_count, JOBS);
    rig_end();
}

static void test_hetzner(void)
{
    open_cloud(API_HETZNER);
    rig_start_poller(ROLE_POLLER_HETZNER, fast);
    const struct message *message = rig_wait(MESSAGE_hetzner_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct hetzner_snapshot *snapshot = message_hetzner_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->servers_count, SERVERS); /* not somebody else's */
    CU_ASSERT_EQUAL(snapshot->servers[0].status, SERVER_RUNNING);
    CU_ASSERT_STRING_EQUAL(snapshot->servers[0].server_type, "ccx33");
    CU_ASSERT_TRUE(snapshot->servers[0].created_ms > 0);
    CU_ASSERT_TRUE(snapshot->prices_count > 0);
    CU_ASSERT_STRING_EQUAL(snapshot->currency, "EUR");
    rig_end();
}

static void test_kube(void)
{
    open_cloud(API_KUBE);
    rig_start_poller(ROLE_POLLER_KUBE, fast_kube);
    const struct message *message = rig_wait(MESSAGE_token_writes, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_FALSE(message_token_writes(message)->writes);
    message = rig_wait(MESSAGE_kube_snapshot, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct kube_snapshot *snapshot = message_kube_snapshot(message);
    CU_ASSERT_EQUAL_FATAL(snapshot->nodes_count, SERVERS);
    CU_ASSERT_TRUE(snapshot->nodes[0].ready);
    CU_ASSERT_EQUAL(strncmp(snapshot->nodes[0].provider_id, "hcloud://", 9), 0);
    CU_ASSERT_EQUAL(snapshot->pods_count, SERVERS + 1);
    CU_ASSERT_EQUAL(snapshot->pods[0].phase, POD_RUNNING);
    CU_ASSERT_TRUE(snapshot->pods[0].node_name[0] != '\0');
    rig_end();
}

/* Each fault costs one sentence, and the next round is whole again. (A connection that is closed
 * before a byte came costs none: libcurl asks once more over a new one.) */
static void test_faults(void)
{
    static const struct {
        const char *effect;
        enum trouble trouble;
    } rows[] = {
        {"status", TROUBLE_SERVER_ERROR},     {"html", TROUBLE_BAD_ANSWER},
        {"rate_limit", TROUBLE_RATE_LIMITED}, {"truncated", TROUBLE_BAD_ANSWER},
        {"bad_json", TROUBLE_BAD_ANSWER},
    };
    open_cloud(API_HETZNER);
    rig_start_poller(ROLE_POLLER_HETZNER, fast);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_wait(MESSAGE_hetzner_snapshot, 5000));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        inject(rows[i].effect);
        const struct message *message = rig_wait(MESSAGE_poll_trouble, 5000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        printf("\n    %s", message_poll_trouble(message)->text);
        CU_ASSERT_EQUAL(message_poll_trouble(message)->trouble, rows[i].trouble);
        message = rig_wait(MESSAGE_hetzner_snapshot, 5000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_EQUAL(message_hetzner_snapshot(message)->servers_count, SERVERS);
    }
    rig_end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"Gitea", test_gitea},
        {"Gitea: a token that writes", test_gitea_token_that_writes},
        {"Gitea: the older key", test_gitea_older_key},
        {"Hetzner", test_hetzner},
        {"Kubernetes", test_kube},
        {"faults", test_faults},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("poller_simulator", tests);
}
