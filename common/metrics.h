/* A process's own numbers: counted by the names of metrics.def, sent to the monitor as `counters`.
 *
 * The store is one for the process, of fixed size, and starts at zero with it. An index out of a
 * metric's bounds is our bug: the process aborts with a sentence.
 * May not: allocate, log, do I/O. One thread only. */
#ifndef EBBTIDE_COMMON_METRICS_H
#define EBBTIDE_COMMON_METRICS_H

#include "tables/messages.h"

/* enum metric { M_LOG_LINES_LOST, ..., metric_count }; */
#define COUNTER(id, name, first, second, help)    id,
#define GAUGE(id, name, first, second, help)      id,
#define HISTOGRAM(id, name, first, buckets, help) id,
#define STATUS(name, kind, labels, help)
enum metric {
#include "common/metrics.def"
    metric_count
};
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef STATUS

/* Adds to a counter, or to a gauge. `first` and `second` are the values of its labels (of enum
 * source, trouble, action_kind ... as its row says), 0 where it has none. */
void metric_add(enum metric metric, unsigned first, unsigned second, double amount);

/* Sets a gauge, or a counter that is counted elsewhere and only rises (log_lines_lost). */
void metric_set(enum metric metric, unsigned first, unsigned second, double value);

/* Puts one duration, in seconds, into a histogram. Negative ones count as 0. */
void metric_observe(enum metric metric, unsigned first, double seconds);

/* Writes every number that is not 0 to out (at most `most`, SAMPLES_MAX is always enough); returns
 * how many. They are the `samples` of a `counters` message: metric is the row, label the place
 * among the row's series: for a counter or a gauge first * values(second) + second; for a histogram
 * first * (buckets + 2) + bucket, where bucket `buckets` is all that is larger, and buckets + 1 the
 * sum of seconds. Buckets are not cumulative here. */
uint32_t metrics_collect(struct sample *out, uint32_t most);

/* All numbers 0 again: for tests. */
void metrics_reset(void);

/* ------------------------------------------------------------------------- what a row says */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* A label of a row: how many values, its name ("api") and their words; 1, NULL, NULL for none. */
struct metric_label {
    unsigned count;
    const char *name;
    const char *const *words;
};

struct metric_row {
    const char *name, *help;
    enum metric_kind kind;
    struct metric_label first, second;
    const double *buckets; /* upper bounds in seconds, rising; NULL unless a histogram */
    unsigned bucket_count;
};

/* The row of a metric; NULL out of range (the wire says the number). */
const struct metric_row *metric_row(unsigned metric);

/* How many series places (labels times buckets) a row has. */
unsigned metric_places(const struct metric_row *row);

#endif
