/* A failing run made short: which of its strikes and which of its pushes of work are needed for the
 * promise to break (delta debugging, Zeller and Hildebrandt 2002). May not: change the seed. */
#ifndef EBBTIDE_TESTS_SIMULATION_SHRINK_H
#define EBBTIDE_TESTS_SIMULATION_SHRINK_H

#include "sim.h"

/* Runs the seed again and again with less of it, at most `seconds` long, and prints the shortest
 * run that still breaks the same promise as a story. `sim` is room for a run. */
void shrink_and_tell(struct sim *sim, const struct sim_options *failing, int seconds, FILE *out);

#endif
