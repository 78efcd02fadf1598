/* What the simulated world is like: times, sizes, odds. One table (config.def) defines the numbers.
 *
 * May not: hold state. */
#ifndef EBBTIDE_SIMULATOR_WORLD_CONFIG_H
#define EBBTIDE_SIMULATOR_WORLD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define WORLD_CONFIG_LABELS_MAX 16

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
    const char *runner_namespace;           /* of the runner pods */
    const char *runner_owner, *runner_repo; /* scope of the registrations; NULL, NULL: admin */
};

/* The table's values, seed 1, start_ms 0, label "linux", namespace gitea-runners. */
void world_config_defaults(struct world_config *config);
/* Multiplies every duration (each _ms of config.def but the paid hour), within its limits. */
void world_config_scale(struct world_config *config, double factor);

#endif
