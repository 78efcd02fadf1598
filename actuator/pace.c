/* A table of how often each node was changed of late. May not: read a clock. */
#include "actuator/pace.h"

#include <stdio.h>
#include <string.h>

static const struct allowance_size changes = {CHANGES_AT_ONCE, CHANGES_EVERY_MS};

static struct pace *row_of(struct paces *paces, const char *node)
{
    for (uint32_t i = 0; i < paces->count; i++)
        if (strcmp(paces->row[i].node, node) == 0)
            return &paces->row[i];
    struct pace *row;
    if (paces->count < NODES_MAX) {
        row = &paces->row[paces->count++];
    } else {
        paces->next = (paces->next + 1) % NODES_MAX;
        row = &paces->row[paces->next];
    }
    *row = (struct pace){.changes = {.used = 0}};
    snprintf(row->node, sizeof row->node, "%s", node);
    return row;
}

int64_t pace_change(struct paces *paces, const char *node, int64_t mono_ms)
{
    struct allowance *of_node = &row_of(paces, node)->changes;
    if (allowance_take(of_node, &changes, mono_ms))
        return 0;
    return allowance_wait_ms(of_node, &changes, mono_ms);
}
