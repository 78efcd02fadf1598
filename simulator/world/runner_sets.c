/* What runs on which machine: labels and number of its runners, by the labels of its server.
 * May not: start a runner. */
#include <assert.h>
#include <string.h>

#include "simulator/world/world_private.h"

static const struct world_runner_set *set_of(const struct world *world,
                                             const struct world_server *server)
{
    for (uint32_t i = 0; i < world->config.runner_set_count; i++) {
        const struct world_runner_set *set = &world->config.runner_set[i];
        const char *value = map_get(&server->labels, set->key);
        if (value != NULL && strcmp(value, set->value) == 0)
            return set;
    }
    return NULL;
}

uint32_t runners_wanted_on(const struct world *world, const struct world_server *server)
{
    const struct world_runner_set *set = set_of(world, server);
    return (uint32_t)(set != NULL ? set->capacity : world->config.capacity);
}

const char *const *runner_labels_on(const struct world *world, const struct world_server *server,
                                    uint32_t *count)
{
    const struct world_runner_set *set = set_of(world, server);
    *count = set != NULL ? set->label_count : world->config.runner_label_count;
    return set != NULL ? set->labels : world->config.runner_labels;
}

void runner_sets_copy(struct world_config *to, const struct world_config *from)
{
    assert(from->runner_set_count <= WORLD_RUNNER_SETS_MAX);
    for (uint32_t i = 0; i < from->runner_set_count; i++) {
        const struct world_runner_set *set = &from->runner_set[i];
        assert(set->capacity >= 1 && set->capacity <= WORLD_RUNNERS_PER_NODE_MAX);
        assert(set->label_count <= WORLD_CONFIG_LABELS_MAX);
        to->runner_set[i].key = world_copy_text(set->key);
        to->runner_set[i].value = world_copy_text(set->value);
        for (uint32_t k = 0; k < set->label_count; k++)
            to->runner_set[i].labels[k] = world_copy_text(set->labels[k]);
    }
}

void runner_sets_free(struct world_config *config)
{
    for (uint32_t i = 0; i < config->runner_set_count; i++) {
        struct world_runner_set *set = &config->runner_set[i];
        world_free_text(set->key);
        world_free_text(set->value);
        for (uint32_t k = 0; k < set->label_count; k++)
            world_free_text(set->labels[k]);
    }
    config->runner_set_count = 0;
}
