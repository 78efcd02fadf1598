/* A table of what was first seen when. May not: read a clock. */
#include "actuator/since.h"

#include <stdio.h>
#include <string.h>

static struct since *row_of(struct sinces *sinces, const char *node, enum since_kind kind)
{
    for (uint32_t i = 0; i < sinces->count; i++)
        if (sinces->row[i].kind == kind && strcmp(sinces->row[i].node, node) == 0)
            return &sinces->row[i];
    if (sinces->count < SINCES_MAX)
        return &sinces->row[sinces->count++];
    sinces->next = (sinces->next + 1) % SINCES_MAX;
    return &sinces->row[sinces->next];
}

static void fill(struct since *row, const char *node, enum since_kind kind, int64_t begun_wall_ms,
                 int64_t mono_ms)
{
    *row = (struct since){.kind = kind, .begun_wall_ms = begun_wall_ms, .seen_mono_ms = mono_ms};
    snprintf(row->node, sizeof row->node, "%s", node);
}

void since_begin(struct sinces *sinces, const char *node, enum since_kind kind,
                 int64_t begun_wall_ms, int64_t mono_ms)
{
    fill(row_of(sinces, node, kind), node, kind, begun_wall_ms, mono_ms);
}

int64_t since_seen_ms(struct sinces *sinces, const char *node, enum since_kind kind,
                      int64_t begun_wall_ms, int64_t mono_ms)
{
    struct since *row = row_of(sinces, node, kind);
    if (row->seen_mono_ms == 0 || row->begun_wall_ms != begun_wall_ms || row->kind != kind ||
        strcmp(row->node, node) != 0)
        fill(row, node, kind, begun_wall_ms, mono_ms);
    return mono_ms - row->seen_mono_ms;
}
