/* /metrics: Prometheus' text format, from the status and from every process's counters. A metric's
 * HELP and TYPE come from common/metrics.def, and stand there once. May not: know what a number
 * means. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/words.h"
#include "monitor/metrics_page.h"
#include "monitor/picture.h"

void print_label_value(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            fprintf(out, "\\%c", *text);
        else if (*text == '\n')
            fprintf(out, "\\n");
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static const char *type_word(enum metric_kind kind)
{
    static const char *const words[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    return words[kind];
}

void print_number(FILE *out, double value)
{
    if (isnan(value))
        fprintf(out, " NaN\n");
    else if (isinf(value))
        fprintf(out, value > 0 ? " +Inf\n" : " -Inf\n");
    else
        fprintf(out, " %.15g\n", value);
}

/* Opens a series: name, process, and the labels of its place. The caller closes the brace. */
static void print_series(FILE *out, const struct metric_row *row, const char *suffix,
                         enum role role, unsigned first, unsigned second)
{
    fprintf(out, "%s%s{process=\"%s\"", row->name, suffix, role_words[role]);
    if (row->first.name)
        fprintf(out, ",%s=\"%s\"", row->first.name, row->first.words[first]);
    if (row->second.name)
        fprintf(out, ",%s=\"%s\"", row->second.name, row->second.words[second]);
}

/* One histogram of one process: buckets become cumulative here. */
static void print_histogram(FILE *out, const struct metric_row *row, enum role role, unsigned first,
                            const double *places)
{
    double sum = 0;
    for (unsigned bucket = 0; bucket <= row->bucket_count; bucket++) {
        sum += places[bucket];
        print_series(out, row, "_bucket", role, first, 0);
        if (bucket < row->bucket_count)
            fprintf(out, ",le=\"%g\"}", row->buckets[bucket]);
        else
            fprintf(out, ",le=\"+Inf\"}");
        print_number(out, sum);
    }
    print_series(out, row, "_sum", role, first, 0);
    fputc('}', out);
    print_number(out, places[row->bucket_count + 1]);
    print_series(out, row, "_count", role, first, 0);
    fputc('}', out);
    print_number(out, sum);
}

/* The places of one metric in one process's samples; false when none is there. A place out of range
 * is dropped: the number came over a channel. */
static bool places_of(const struct counters *counters, unsigned metric, double *places,
                      unsigned count)
{
    bool some = false;
    memset(places, 0, count * sizeof *places);
    for (uint32_t i = 0; i < counters->samples_count; i++) {
        const struct sample *sample = &counters->samples[i];
        if (sample->metric == metric && sample->label < count) {
            places[sample->label] = sample->value;
            some = true;
        }
    }
    return some;
}

static void print_process(FILE *out, const struct metric_row *row, enum role role,
                          const double *places)
{
    unsigned width = row->kind == METRIC_HISTOGRAM ? row->bucket_count + 2 : row->second.count;
    for (unsigned first = 0; first < row->first.count; first++) {
        const double *own = places + first * width;
        if (row->kind == METRIC_HISTOGRAM) {
            bool some = false;
            for (unsigned i = 0; i < row->bucket_count + 1; i++)
                some = some || own[i] > 0;
            if (some || row->first.count == 1)
                print_histogram(out, row, role, first, own);
            continue;
        }
        for (unsigned second = 0; second < row->second.count; second++) {
            if (places[first * width + second] == 0.0 && metric_places(row) > 1)
                continue; /* what never happened has no series */
            print_series(out, row, "", role, first, second);
            fputc('}', out);
            print_number(out, own[second]);
        }
    }
}

#define PLACES_MAX 256

static void print_counted(const struct picture *picture, unsigned metric, FILE *out)
{
    const struct metric_row *row = metric_row(metric);
    unsigned count = metric_places(row);
    bool headed = false;
    for (unsigned role = 0; role < role_count; role++) {
        double places[PLACES_MAX];
        if (!picture->counters[role] || count > PLACES_MAX ||
            !places_of(message_counters(picture->counters[role]), metric, places, count))
            continue;
        if (!headed)
            fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                    type_word(row->kind));
        headed = true;
        print_process(out, row, (enum role)role, places);
    }
}

void picture_print_metrics(const struct picture *picture, int64_t mono_ms, FILE *out)
{
    print_status_metrics(picture, mono_ms, out);
    for (unsigned metric = 0; metric < metric_count; metric++)
        print_counted(picture, metric, out);
}
