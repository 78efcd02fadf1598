/* What a step of the core costs at 10, 100 and 1,000 nodes with ten times the jobs, and how it
 * grows. Prints lines, judges nothing. May not: do I/O but printing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/names.h"
#include "reconciler/core/core.h"

#define STEPS     200
#define WALL_MS   INT64_C(1795764000000)
#define TEXT_SIZE 48

struct fleet {
    uint32_t nodes, jobs;
    struct gitea_snapshot gitea;
    struct hetzner_snapshot hetzner;
    struct kube_snapshot kube;
};

static void *some(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench_core: no memory\n");
        exit(1);
    }
    return memory;
}

static const char *name_of(const char *before, uint32_t number)
{
    char *text = some(1, TEXT_SIZE);
    snprintf(text, TEXT_SIZE, "%s%u", before, number);
    return text;
}

static void make_machines(struct fleet *fleet)
{
    static const struct hetzner_price price = {
        .server_type = "ccx33", .location = "nbg1", .hourly_micro = 100000};
    struct hetzner_server *server = some(fleet->nodes, sizeof *server);
    struct kube_node *node = some(fleet->nodes, sizeof *node);
    struct kube_pod *pod = some(fleet->nodes, sizeof *pod);
    for (uint32_t i = 0; i < fleet->nodes; i++) {
        struct label *label = some(2, sizeof *label);
        label[0] = (struct label){SERVER_LABEL_ID, name_of("1-", i + 1)};
        label[1] = (struct label){SERVER_LABEL_POOL, "linux"};
        server[i] = (struct hetzner_server){.id = i + 1,
                                            .name = name_of("ebb-linux-", i),
                                            .status = SERVER_RUNNING,
                                            .created_ms = WALL_MS - 60000,
                                            .server_type = "ccx33",
                                            .location = "nbg1",
                                            .labels = label,
                                            .labels_count = 2};
        node[i] = (struct kube_node){
            .uid = server[i].name, .name = server[i].name, .provider_id = "", .fence_note = ""};
        pod[i] = (struct kube_pod){.uid = server[i].name,
                                   .namespace_name = "r",
                                   .name = name_of("pod-", i),
                                   .node_name = server[i].name};
    }
    fleet->hetzner.servers = server;
    fleet->hetzner.servers_count = fleet->nodes;
    fleet->hetzner.currency = "EUR";
    fleet->hetzner.prices = &price;
    fleet->hetzner.prices_count = 1;
    fleet->kube.nodes = node;
    fleet->kube.nodes_count = fleet->nodes;
    fleet->kube.pods = pod;
    fleet->kube.pods_count = fleet->nodes;
}

static void make_work(struct fleet *fleet)
{
    static const char *const labels[] = {"linux"};
    struct gitea_runner *runner = some(fleet->nodes, sizeof *runner);
    struct gitea_job *job = some(fleet->jobs, sizeof *job);
    for (uint32_t i = 0; i < fleet->nodes; i++)
        runner[i] = (struct gitea_runner){.id = i + 1,
                                          .name = fleet->kube.pods[i].name,
                                          .online = true,
                                          .labels = labels,
                                          .labels_count = 1};
    for (uint32_t i = 0; i < fleet->jobs; i++)
        job[i] = (struct gitea_job){.id = i + 1,
                                    .status = i < fleet->nodes ? JOB_RUNNING : JOB_RUNNABLE,
                                    .labels = labels,
                                    .labels_count = 1,
                                    .name = "build",
                                    .repository = "acme/app",
                                    .runner_id = i < fleet->nodes ? i + 1 : 0,
                                    .runner_name = ""};
    fleet->gitea.runners = runner;
    fleet->gitea.runners_count = fleet->nodes;
    fleet->gitea.jobs = job;
    fleet->gitea.jobs_count = fleet->jobs;
    fleet->gitea.version = "";
}

static struct snapshot_head head_at(int64_t mono_ms)
{
    return (struct snapshot_head){.sequence = 1,
                                  .began_mono_ms = mono_ms,
                                  .ended_mono_ms = mono_ms,
                                  .wall_ms = WALL_MS + mono_ms,
                                  .api_ms = WALL_MS + mono_ms};
}

static void feed(struct core *core, struct core_output *output, struct fleet *fleet,
                 int64_t mono_ms)
{
    struct core_event event = {.mono_ms = mono_ms, .wall_ms = WALL_MS + mono_ms, .owner = fleet};
    fleet->hetzner.head = fleet->kube.head = fleet->gitea.head = head_at(mono_ms);
    event.kind = CORE_HETZNER;
    event.u.hetzner = &fleet->hetzner;
    core_step(core, &event, output);
    event.kind = CORE_KUBE;
    event.u.kube = &fleet->kube;
    core_step(core, &event, output);
    event.kind = CORE_GITEA;
    event.u.gitea = &fleet->gitea;
    core_step(core, &event, output);
}

static struct config *configuration(void)
{
    static const char *const settings[][2] = {
        {"mode", "act"},
        {"pools[0].name", "linux"},
        {"pools[0].label_sets[0]", "[linux]"},
        {"pools[0].offers[0].server_type", "ccx33"},
        {"pools[0].offers[0].location", "nbg1"},
    };
    struct config *config = config_new();
    struct error error = {""};
    for (size_t i = 0; config != NULL && i < sizeof settings / sizeof settings[0]; i++)
        if (!config_set(config, settings[i][0], settings[i][1], &error)) {
            fprintf(stderr, "bench_core: %s\n", error.text);
            exit(1);
        }
    return config;
}

/* Microseconds of a step with a whole fleet of that many nodes. */
static double measure(const struct config *config, struct core_output *output, uint32_t nodes)
{
    struct fleet fleet = {.nodes = nodes, .jobs = nodes * 10};
    struct actuator_state state = {.epoch = 1};
    struct timespec began, ended;
    make_machines(&fleet);
    make_work(&fleet);
    void *block = some(1, core_size(config));
    struct core *core = core_init(block, config, 2);
    core_step(core,
              &(struct core_event){.mono_ms = 1000, .wall_ms = WALL_MS, .kind = CORE_CHECKPOINT},
              output);
    core_step(core,
              &(struct core_event){.mono_ms = 1000,
                                   .wall_ms = WALL_MS,
                                   .kind = CORE_ACTUATOR_STATE,
                                   .u.actuator_state = &state},
              output);
    feed(core, output, &fleet, 2000);
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 0; i < STEPS; i++)
        feed(core, output, &fleet, 3000 + i * 100);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    if (output->status->nodes_count != nodes) {
        fprintf(stderr, "bench_core: %u nodes are known of %u\n", output->status->nodes_count,
                nodes);
        exit(1);
    }
    free(block);
    double seconds =
        (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    return seconds * 1e6 / (3 * STEPS);
}

int main(void)
{
    struct core_output *output = some(1, sizeof *output);
    struct config *config = configuration();
    double before = 0;
    for (uint32_t nodes = 10; nodes <= 1000; nodes *= 10) {
        double micro = measure(config, output, nodes);
        printf("core step: %4u nodes, %5u jobs: %9.1f us", nodes, nodes * 10, micro);
        if (before > 0)
            printf("   grew %.1f times for 10 times the fleet", micro / before);
        printf("\n");
        before = micro;
    }
    config_free(config);
    free(output);
    return 0;
}
