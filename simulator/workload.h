/* The workload: jobs that are pushed by themselves, from a CSV file or generated from a seed.
 *
 * CSV: a header line, then `arrival_s,duration_s,labels,run,name`: seconds since the start
 * (fractions allowed), labels joined by ";", rows of one run and one arrival become one run; sorted
 * by arrival. May not: read a clock. */
#ifndef EBBTIDE_SIMULATOR_WORKLOAD_H
#define EBBTIDE_SIMULATOR_WORKLOAD_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKLOAD_ROWS_MAX   100000
#define WORKLOAD_LABELS_MAX 8
#define WORKLOAD_RUN_MAX    256 /* jobs a run */

struct world;
struct workload;

/* path NULL: none from a file. rate: generated jobs an hour, 0: none, each job_ms long on average.
 * The world is borrowed. An error names the file's line. */
bool workload_init(struct workload **out, struct world *world, const char *path, int64_t rate,
                   int64_t job_ms, struct error *error);
void workload_free(struct workload *workload);

/* Pushes what is due; the time is the world's own (milliseconds since 1970). */
void workload_advance(struct workload *workload, int64_t now_ms);

/* While it is off, what falls due is left out. */
void workload_switch(struct workload *workload, bool on);
bool workload_is_on(const struct workload *workload);

#endif
