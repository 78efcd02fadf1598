/* What a step of the core costs at 10, 100 and 1,000 nodes with ten times the jobs, and how it
 * grows. Prints lines, judges nothing. May not: do I/O but printing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fleet.h"

#define STEPS 200

static void feed(struct core *core, struct core_output *output, struct fleet *fleet,
                 int64_t mono_ms)
{
    struct core_event event = {
        .mono_ms = mono_ms, .wall_ms = FLEET_WALL_MS + mono_ms, .owner = fleet};
    fleet->hetzner.head = fleet->kube.head = fleet->gitea.head = fleet_head(mono_ms);
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

/* Microseconds of a step with a whole fleet of that many nodes. */
static double measure(const struct config *config, struct core_output *output, uint32_t nodes)
{
    struct fleet fleet;
    struct actuator_state state = {.epoch = 1};
    struct timespec began, ended;
    fleet_make(&fleet, nodes, nodes * 10);
    void *block = fleet_memory(1, core_size(config));
    struct core *core = core_init(block, config, 2);
    core_step(
        core,
        &(struct core_event){.mono_ms = 1000, .wall_ms = FLEET_WALL_MS, .kind = CORE_CHECKPOINT},
        output);
    core_step(core,
              &(struct core_event){.mono_ms = 1000,
                                   .wall_ms = FLEET_WALL_MS,
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
    struct core_output *output = fleet_memory(1, sizeof *output);
    struct config *config = fleet_configuration();
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
