/* The store of a process's numbers, and the rows that say what they are.
 * May not: allocate, log, do I/O. */
#include "common/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/words.h"

static const double buckets_request[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                         0.5,   1,    2.5,   5,    10,  30};
static const double buckets_step[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                      0.01,   0.025,   0.05,   0.1,   0.5,    1};
static const double buckets_provision[] = {30, 60, 90, 120, 150, 180, 240, 300, 360, 420, 480, 600};

#define BUCKET_COUNT(array) (sizeof(array) / sizeof *(array))
#define BUCKETS_REQUEST     buckets_request, BUCKET_COUNT(buckets_request)
#define BUCKETS_STEP        buckets_step, BUCKET_COUNT(buckets_step)
#define BUCKETS_PROVISION   buckets_provision, BUCKET_COUNT(buckets_provision)

/* A label: how many values, its name, their words. */
#define LABEL_NONE                                                                                 \
    {                                                                                              \
        1, NULL, NULL                                                                              \
    }
#define LABEL_SOURCE                                                                               \
    {                                                                                              \
        source_count, "api", source_words                                                          \
    }
#define LABEL_TROUBLE                                                                              \
    {                                                                                              \
        trouble_count, "trouble", trouble_words                                                    \
    }
#define LABEL_ACTION                                                                               \
    {                                                                                              \
        action_kind_count, "action", action_kind_words                                             \
    }
#define LABEL_OUTCOME                                                                              \
    {                                                                                              \
        outcome_count, "outcome", outcome_words                                                    \
    }
#define LABEL_REFUSAL                                                                              \
    {                                                                                              \
        monitor_refusal_count, "reason", monitor_refusal_words                                     \
    }
#define LABEL_WEBHOOK                                                                              \
    {                                                                                              \
        webhook_outcome_count, "outcome", webhook_outcome_words                                    \
    }
#define LABEL_DIAL_FAILURE                                                                         \
    {                                                                                              \
        dial_failure_count, "failure", dial_failure_words                                          \
    }
#define LABEL_ROLE                                                                                 \
    {                                                                                              \
        role_count, "peer", role_words                                                             \
    }

static const struct metric_row rows[metric_count] = {
#define COUNTER(id, name, first, second, help)                                                     \
    [id] = {name, help, METRIC_COUNTER, first, second, NULL, 0},
#define GAUGE(id, name, first, second, help)                                                       \
    [id] = {name, help, METRIC_GAUGE, first, second, NULL, 0},
#define HISTOGRAM(id, name, first, buckets, help)                                                  \
    [id] = {name, help, METRIC_HISTOGRAM, first, LABEL_NONE, buckets},
#define STATUS(name, kind, labels, help)
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef STATUS
};

#define PLACES_MAX 96 /* of one row; the largest now is api x trouble */

static double numbers[metric_count][PLACES_MAX];

static _Noreturn void our_bug(enum metric metric, unsigned first, unsigned second)
{
    fprintf(stderr, "metrics: metric %u has no series %u, %u: a bug of this program\n",
            (unsigned)metric, first, second);
    abort();
}

const struct metric_row *metric_row(unsigned metric)
{
    return metric < metric_count ? &rows[metric] : NULL;
}

/* Places of one histogram: its buckets, what is larger, the sum. */
static unsigned histogram_places(const struct metric_row *row)
{
    return row->bucket_count + 2;
}

unsigned metric_places(const struct metric_row *row)
{
    if (row->kind == METRIC_HISTOGRAM)
        return row->first.count * histogram_places(row);
    return row->first.count * row->second.count;
}

/* The number of a counter's or gauge's series. */
static double *place(enum metric metric, unsigned first, unsigned second)
{
    const struct metric_row *row = metric_row(metric);
    if (!row || row->kind == METRIC_HISTOGRAM || first >= row->first.count ||
        second >= row->second.count || metric_places(row) > PLACES_MAX)
        our_bug(metric, first, second);
    return &numbers[metric][first * row->second.count + second];
}

void metric_add(enum metric metric, unsigned first, unsigned second, double amount)
{
    *place(metric, first, second) += amount;
}

void metric_set(enum metric metric, unsigned first, unsigned second, double value)
{
    *place(metric, first, second) = value;
}

void metric_observe(enum metric metric, unsigned first, double seconds)
{
    const struct metric_row *row = metric_row(metric);
    if (!row || row->kind != METRIC_HISTOGRAM || first >= row->first.count ||
        metric_places(row) > PLACES_MAX)
        our_bug(metric, first, 0);
    if (!(seconds > 0))
        seconds = 0;
    double *series = &numbers[metric][first * histogram_places(row)];
    unsigned bucket = 0;
    while (bucket < row->bucket_count && seconds > row->buckets[bucket])
        bucket++;
    series[bucket] += 1;
    series[row->bucket_count + 1] += seconds;
}

uint32_t metrics_collect(struct sample *out, uint32_t most)
{
    uint32_t count = 0;
    for (unsigned metric = 0; metric < metric_count; metric++) {
        unsigned places = metric_places(&rows[metric]);
        for (unsigned label = 0; label < places && count < most; label++)
            if (numbers[metric][label] > 0 || numbers[metric][label] < 0)
                out[count++] = (struct sample){
                    .metric = metric, .label = label, .value = numbers[metric][label]};
    }
    return count;
}

void metrics_reset(void)
{
    memset(numbers, 0, sizeof numbers);
}

_Static_assert(metric_count *PLACES_MAX <= 6144, "the store stays small");
