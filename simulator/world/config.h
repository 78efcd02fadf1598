/* What the simulated world is like: times, sizes, odds. One table (config.def) defines the numbers.
 *
 * May not: hold state. */
#ifndef EBBTIDE_SIMULATOR_WORLD_CONFIG_H
#define EBBTIDE_SIMULATOR_WORLD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define WORLD_CONFIG_LABELS_MAX 16
#define WORLD_RUNNER_SETS_MAX   8

/* What the machines of one kind run: those whose server bears the label KEY=VALUE, as one DaemonSet
 * for each kind with a node selector gives it. */
struct world_runner_set {
    const char *key, *value;
    const char *labels[WORLD_CONFIG_LABELS_MAX]; /* of its runners */
    uint32_t label_count;
    int64_t capacity; /* runners a machine, 1 to WORLD_RUNNERS_PER_NODE_MAX */
};

struct world_config {
    int64_t start_ms; /* when the world begins, ms since 1970 */
    uint64_t seed;
#define WORLD_NUMBER(name, value, least, most, help) int64_t name;
#define WORLD_SWITCH(name, value, help)              bool name;
#include "simulator/world/config.def"
#undef WORLD_NUMBER
#undef WORLD_SWITCH
    const char *runner_labels[WORLD_CONFIG_LABELS_MAX]; /* of the runners on machines; caller's */
    uint32_t runner_label_count;
    /* The first that a server's labels fit; where none does, runner_labels and `capacity` hold. The
     * texts are the caller's. */
    struct world_runner_set runner_set[WORLD_RUNNER_SETS_MAX];
    uint32_t runner_set_count;
    const char *runner_namespace;           /* of the runner pods */
    const char *runner_owner, *runner_repo; /* scope of the registrations; NULL, NULL: admin */
};

/* The table's values, seed 1, start_ms 0, label "linux", namespace gitea-runners. */
void world_config_defaults(struct world_config *config);
/* Multiplies every duration (each _ms of config.def but the paid hour), within its limits. */
void world_config_scale(struct world_config *config, double factor);

#endif
