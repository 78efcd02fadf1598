/* What many runs came to, as a page for people. May not: run anything. */
#ifndef EBBTIDE_TESTS_SIMULATION_REPORT_H
#define EBBTIDE_TESTS_SIMULATION_REPORT_H

#include "sim.h"

void counts_add(struct sim_counts *to, const struct sim_counts *from);

/* Throughput, faults by kind, states x faults, edges, promises. */
void report_print(const struct sim_counts *counts, const struct book *book, double seconds,
                  FILE *out);

#endif
