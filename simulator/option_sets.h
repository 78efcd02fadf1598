/* The option that says what runners the machines of one kind have. May not: start anything. */
#ifndef EBBTIDE_SIMULATOR_OPTION_SETS_H
#define EBBTIDE_SIMULATOR_OPTION_SETS_H

#include "common/error.h"
#include "simulator/world/config.h"

/* "a,b": cuts the text in place; false with a sentence where there are too many. */
bool option_labels(char *text, const char *labels[WORLD_CONFIG_LABELS_MAX], uint32_t *count,
                   struct error *error);

/* "KEY=VALUE:LABEL,LABEL:CAPACITY", one more set of the world; cuts the text in place. */
bool option_runner_set(char *text, struct world_config *world, struct error *error);

#endif
