/* Actions that changed nothing, counted where they get no lines. May not: do I/O, read a clock. */
#include "actuator/omitted.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actuator/audit.h"

static const struct allowance_size refused_lines = {REFUSED_AT_ONCE, REFUSED_EVERY_MS};
static const struct allowance_size looked_lines = {LOOKED_AT_ONCE, LOOKED_EVERY_MS};

bool omitted_spare(struct omitted *omitted, const struct action_result *result, int64_t mono_ms)
{
    if (result->outcome == OUTCOME_REFUSED)
        return allowance_take(&omitted->refused_lines, &refused_lines, mono_ms);
    return allowance_take(&omitted->looked_lines, &looked_lines, mono_ms);
}

static struct omitted_row *row_of(struct omitted *omitted, const struct action_result *result,
                                  const char *rail)
{
    for (uint32_t i = 0; i < omitted->row_count; i++) {
        struct omitted_row *row = &omitted->row[i];
        if (row->kind == result->kind && row->outcome == result->outcome &&
            strcmp(row->rail, rail) == 0)
            return row;
    }
    assert(omitted->row_count < OMITTED_ROWS_MAX);
    struct omitted_row *row = &omitted->row[omitted->row_count++];
    *row = (struct omitted_row){.kind = result->kind, .outcome = result->outcome, .rail = rail};
    return row;
}

void omitted_add(struct omitted *omitted, const struct action_result *result, const char *rail,
                 int64_t mono_ms, int64_t wall_ms)
{
    if (omitted->count == 0) {
        omitted->lowest = omitted->highest = result->id;
        omitted->since_wall_ms = wall_ms;
        omitted->due_mono_ms = mono_ms + OMITTED_MS;
    }
    if (action_id_compare(result->id, omitted->lowest) < 0)
        omitted->lowest = result->id;
    if (action_id_compare(result->id, omitted->highest) > 0)
        omitted->highest = result->id;
    snprintf(omitted->text, sizeof omitted->text, "%s", result->text);
    row_of(omitted, result, rail)->count++;
    omitted->count++;
    omitted->refused += result->outcome == OUTCOME_REFUSED;
}

bool omitted_due(const struct omitted *omitted, int64_t mono_ms)
{
    return omitted->count > 0 && mono_ms >= omitted->due_mono_ms;
}

void omitted_later(struct omitted *omitted, int64_t mono_ms)
{
    omitted->due_mono_ms = mono_ms + OMITTED_MS;
}

void omitted_told(struct omitted *omitted)
{
    omitted->count = omitted->refused = 0;
    omitted->row_count = 0;
}
