/* Makes the fleet. May not: measure. */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/names.h"

#define TEXT_SIZE 48

void *fleet_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    return memory;
}

const char *fleet_name(const char *before, uint32_t number)
{
    char *text = fleet_memory(1, TEXT_SIZE);
    snprintf(text, TEXT_SIZE, "%s%u", before, number);
    return text;
}

static void make_machines(struct fleet *fleet)
{
    static const struct hetzner_price price = {
        .server_type = "ccx33", .location = "nbg1", .hourly_micro = 100000};
    struct hetzner_server *server = fleet_memory(fleet->nodes, sizeof *server);
    struct kube_node *node = fleet_memory(fleet->nodes, sizeof *node);
    struct kube_pod *pod = fleet_memory(fleet->nodes, sizeof *pod);
    for (uint32_t i = 0; i < fleet->nodes; i++) {
        struct label *label = fleet_memory(2, sizeof *label);
        label[0] = (struct label){SERVER_LABEL_ID, fleet_name("1-", i + 1)};
        label[1] = (struct label){SERVER_LABEL_POOL, "linux"};
        server[i] = (struct hetzner_server){.id = i + 1,
                                            .name = fleet_name("ebb-linux-", i),
                                            .status = SERVER_RUNNING,
                                            .created_ms = FLEET_WALL_MS - 60000,
                                            .server_type = "ccx33",
                                            .location = "nbg1",
                                            .labels = label,
                                            .labels_count = 2};
        node[i] = (struct kube_node){
            .uid = server[i].name, .name = server[i].name, .provider_id = "", .fence_note = ""};
        pod[i] = (struct kube_pod){.uid = server[i].name,
                                   .namespace_name = "r",
                                   .name = fleet_name("pod-", i),
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
    struct gitea_runner *runner = fleet_memory(fleet->nodes, sizeof *runner);
    struct gitea_job *job = fleet_memory(fleet->jobs, sizeof *job);
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

void fleet_make(struct fleet *fleet, uint32_t nodes, uint32_t jobs)
{
    *fleet = (struct fleet){.nodes = nodes, .jobs = jobs};
    make_machines(fleet);
    make_work(fleet);
}

struct snapshot_head fleet_head(int64_t mono_ms)
{
    return (struct snapshot_head){.sequence = (uint64_t)mono_ms,
                                  .requests = 1,
                                  .began_mono_ms = mono_ms,
                                  .ended_mono_ms = mono_ms,
                                  .wall_ms = FLEET_WALL_MS + mono_ms,
                                  .api_ms = FLEET_WALL_MS + mono_ms};
}

struct config *fleet_configuration(void)
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
            fprintf(stderr, "bench: %s\n", error.text);
            exit(1);
        }
    return config;
}
