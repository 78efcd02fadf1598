/* What the metrics promise: numbers arrive under the series they were counted for, histograms put
 * each duration into its bucket, and all of a process's numbers fit one message. */
#include "tests/unit/cunit_main.h"

#include <string.h>

#include "common/metrics.h"

static double collected(enum metric metric, unsigned label)
{
    static struct sample samples[SAMPLES_MAX];
    uint32_t count = metrics_collect(samples, SAMPLES_MAX);
    double value = 0;
    for (uint32_t i = 0; i < count; i++)
        if (samples[i].metric == (uint64_t)metric && samples[i].label == label)
            value += samples[i].value;
    return value;
}

static void counters_add_up_by_their_labels(void)
{
    metrics_reset();
    metric_add(M_API_ERRORS, SOURCE_KUBE, TROUBLE_TIMEOUT, 1);
    metric_add(M_API_ERRORS, SOURCE_KUBE, TROUBLE_TIMEOUT, 2);
    metric_add(M_API_ERRORS, SOURCE_GITEA, TROUBLE_TIMEOUT, 5);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_API_ERRORS, SOURCE_KUBE * trouble_count + TROUBLE_TIMEOUT),
                           3, 0);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_API_ERRORS, TROUBLE_TIMEOUT), 5, 0);
    metric_set(M_API_BUDGET, SOURCE_HETZNER, 0, 3598);
    metric_set(M_API_BUDGET, SOURCE_HETZNER, 0, 3597);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_API_BUDGET, SOURCE_HETZNER), 3597, 0);
}

static void durations_fall_into_their_buckets(void)
{
    metrics_reset();
    const struct metric_row *row = metric_row(M_PROVISION_SECONDS);
    CU_ASSERT_DOUBLE_EQUAL(row->buckets[0], 30, 0);
    CU_ASSERT_DOUBLE_EQUAL(row->buckets[row->bucket_count - 1], 600, 0);
    metric_observe(M_PROVISION_SECONDS, 0, 30);
    metric_observe(M_PROVISION_SECONDS, 0, 30.5);
    metric_observe(M_PROVISION_SECONDS, 0, 1e9);
    metric_observe(M_PROVISION_SECONDS, 0, -4);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_PROVISION_SECONDS, 0), 2, 0);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_PROVISION_SECONDS, 1), 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_PROVISION_SECONDS, row->bucket_count), 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(collected(M_PROVISION_SECONDS, row->bucket_count + 1), 1e9 + 60.5, 1);
}

/* Every place of every row together fits the message, and buckets rise. */
static void all_numbers_fit_one_message(void)
{
    unsigned places = 0;
    for (unsigned metric = 0; metric < metric_count; metric++) {
        const struct metric_row *row = metric_row(metric);
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        places += metric_places(row);
        for (unsigned bucket = 1; bucket < row->bucket_count; bucket++)
            CU_ASSERT_TRUE(row->buckets[bucket - 1] < row->buckets[bucket]);
    }
    CU_ASSERT_TRUE(places <= SAMPLES_MAX);
    CU_ASSERT_PTR_NULL(metric_row(metric_count));
}

/* Every series can be counted: no row is larger than the store. */
static void every_series_has_its_place(void)
{
    metrics_reset();
    for (unsigned metric = 0; metric < metric_count; metric++) {
        const struct metric_row *row = metric_row(metric);
        if (row->kind == METRIC_HISTOGRAM)
            metric_observe((enum metric)metric, row->first.count - 1, 1e6);
        else
            metric_add((enum metric)metric, row->first.count - 1, row->second.count - 1, 1);
    }
    CU_ASSERT_TRUE(collected(M_LOG_LINES_LOST, 0) > 0);
    static struct sample samples[SAMPLES_MAX];
    CU_ASSERT_TRUE(metrics_collect(samples, SAMPLES_MAX) >= metric_count);
    CU_ASSERT_EQUAL(metrics_collect(samples, 3), 3);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"counters add up by their labels", counters_add_up_by_their_labels},
        {"durations fall into their buckets", durations_fall_into_their_buckets},
        {"all numbers fit one message", all_numbers_fit_one_message},
        {"every series has its place", every_series_has_its_place},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("metrics", tests);
}
