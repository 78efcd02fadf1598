/* "--runner-set ebbtide-pool=big:linux,big:2": read apart. May not: start anything. */
#include "simulator/option_sets.h"

#include <stdlib.h>
#include <string.h>

#include "simulator/world/world.h"

bool option_labels(char *text, const char *labels[WORLD_CONFIG_LABELS_MAX], uint32_t *count,
                   struct error *error)
{
    *count = 0;
    for (char *at = text; at != NULL;) {
        char *comma = strchr(at, ',');
        if (*count == WORLD_CONFIG_LABELS_MAX)
            return error_set(error, "runner labels: at most %d", WORLD_CONFIG_LABELS_MAX);
        labels[(*count)++] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    return true;
}

static char *cut_at(char *text, char mark)
{
    char *at = text != NULL ? strchr(text, mark) : NULL;
    if (at != NULL)
        *at++ = '\0';
    return at;
}

bool option_runner_set(char *text, struct world_config *world, struct error *error)
{
    if (world->runner_set_count == WORLD_RUNNER_SETS_MAX)
        return error_set(error, "--runner-set: at most %d times", WORLD_RUNNER_SETS_MAX);
    struct world_runner_set *set = &world->runner_set[world->runner_set_count];
    char *value = cut_at(text, '='), *labels = cut_at(value, ':'), *number = cut_at(labels, ':');
    char *end = number;
    set->key = text;
    set->value = value;
    set->capacity = number != NULL ? strtoll(number, &end, 10) : 0;
    if (end == NULL || *end != '\0' || set->capacity < 1 ||
        set->capacity > WORLD_RUNNERS_PER_NODE_MAX)
        return error_set(error,
                         "--runner-set %s: expected KEY=VALUE:LABEL,LABEL:N, N from 1 to %d: the "
                         "runners of a machine whose server bears the label KEY=VALUE",
                         text, WORLD_RUNNERS_PER_NODE_MAX);
    world->runner_set_count++;
    return option_labels(labels, set->labels, &set->label_count, error);
}
