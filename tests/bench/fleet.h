/* A fleet of any size for benchmarks: machines that serve, and jobs that run and wait. Its memory
 * is never given back. May not: measure. */
#ifndef EBBTIDE_TESTS_BENCH_FLEET_H
#define EBBTIDE_TESTS_BENCH_FLEET_H

#include <stddef.h>

#include "reconciler/core/core.h"

#define FLEET_WALL_MS INT64_C(1795764000000)

struct fleet {
    uint32_t nodes, jobs;
    struct gitea_snapshot gitea;
    struct hetzner_snapshot hetzner;
    struct kube_snapshot kube;
};

/* Zeroed memory, or the end of the program. */
void *fleet_memory(size_t count, size_t size);

/* PREFIX and a number. */
const char *fleet_name(const char *before, uint32_t number);

/* Machines with a runner each, and jobs: one runs on each machine, the others wait. */
void fleet_make(struct fleet *fleet, uint32_t nodes, uint32_t jobs);

/* When a picture is taken at once, at that time since boot. */
struct snapshot_head fleet_head(int64_t mono_ms);

/* The configuration that the fleet belongs to. */
struct config *fleet_configuration(void);

#endif
