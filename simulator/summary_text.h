/* The world's summary for people and for programs.
 * May not: compute; the world does (world_summary). */
#ifndef EBBTIDE_SIMULATOR_SUMMARY_TEXT_H
#define EBBTIDE_SIMULATOR_SUMMARY_TEXT_H

#include "simulator/world/world.h"

#include <jansson.h>
#include <stdio.h>

/* A new object with a key for each member of struct world_summary, by its name; NULL without
 * memory. */
json_t *summary_json(const struct world_summary *summary);

/* A few lines: jobs, waits, servers, paid hours, share used, cost. */
void summary_print(const struct world_summary *summary, FILE *out);

#endif
