/* Between the two halves of /metrics: metrics_page.c (counters) and status_metrics.c (status). */
#ifndef EBBTIDE_MONITOR_METRICS_PAGE_H
#define EBBTIDE_MONITOR_METRICS_PAGE_H

#include "monitor/picture.h"

/* `"text"` with \, " and newline escaped. */
void print_label_value(FILE *out, const char *text);

/* ` 12.5` and the line's end. */
void print_number(FILE *out, double value);

void print_status_metrics(const struct picture *picture, int64_t mono_ms, FILE *out);

#endif
