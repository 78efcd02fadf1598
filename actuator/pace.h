/* How often one node may be changed: an order that is valid again and again (a fence set and
 * lifted, an eviction that a budget holds) must not fill the audit log, which has two lines for
 * each, nor keep an API busy. Creates are not meant: rails.creates_per_minute bounds them. May not:
 * do I/O, read a clock, allocate. */
#ifndef EBBTIDE_ACTUATOR_PACE_H
#define EBBTIDE_ACTUATOR_PACE_H

#include "actuator/allowance.h"
#include "tables/limits.h"

/* A teardown changes a node 4 to 20 times; what fails and is tried each second until its deadline
 * may do so for two minutes. */
#define CHANGES_AT_ONCE  120
#define CHANGES_EVERY_MS 3000

struct pace {
    char node[NAME_BYTES_MAX + 1];
    struct allowance changes;
};

struct paces {
    struct pace row[NODES_MAX];
    uint32_t count, next; /* next: whose row is taken when all are full */
};

/* Milliseconds until this node may be changed once more; 0: it may, and that is counted. */
int64_t pace_change(struct paces *paces, const char *node, int64_t mono_ms);

#endif
