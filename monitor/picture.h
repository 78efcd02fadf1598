/* What the monitor knows: the reconciler's last status and every process's last counters, and the
 * pages made of them. May not: listen, ask anybody, influence anything. */
#ifndef EBBTIDE_MONITOR_PICTURE_H
#define EBBTIDE_MONITOR_PICTURE_H

#include <stdio.h>

#include "common/metrics.h"
#include "proto/message.h"

#define STATUS_AGE_MS_MAX 60000 /* an older status is no picture of now */

/* The page's style, and its SHA-256 for the Content-Security-Policy, which lets no other pass. */
#define PAGE_STYLE      "body{background:#fff;color:#111}pre{font:14px/1.5 monospace}"
#define PAGE_STYLE_HASH "sha256-zHunqq/QLmSA4ILG5nrQVshBoOxuQKBIIQoKYtddT10="

struct picture {
    struct message *status;               /* NULL until the reconciler spoke */
    int64_t status_mono_ms;               /* when it came */
    bool reconciler;                      /* a channel to it is open */
    struct message *counters[role_count]; /* NULL until that process spoke */
};

/* Takes a status or counters message; frees any other. A process speaks only of itself (`from`):
 * counters in another's name are dropped. */
void picture_take(struct picture *picture, enum role from, struct message *message,
                  int64_t mono_ms);

/* Frees all messages. */
void picture_clear(struct picture *picture);

/* Prometheus' text format, version 0.0.4. */
void picture_print_metrics(const struct picture *picture, int64_t mono_ms, FILE *out);

/* The page for people: the table of `ebbtide status`, as HTML that renews itself. */
void picture_print_page(const struct picture *picture, int64_t mono_ms, FILE *out);

/* Whether there is a fresh picture of everything; prints a line a reason why not, or "ready". */
bool picture_ready(const struct picture *picture, int64_t mono_ms, FILE *out);

#endif
