/* What the tests of the simulated world share: a world without chance, a server to rent, jobs to
 * push, and the story as it was told. */
#ifndef EBBTIDE_TESTS_UNIT_WORLD_FIXTURE_H
#define EBBTIDE_TESTS_UNIT_WORLD_FIXTURE_H

#include "simulator/world/world.h"

#include <stdlib.h>
#include <string.h>

#define STORY_EVENTS_MAX 20000
#define START_MS         INT64_C(1795500000000)
#define READY_MS         60000 /* by then a rented server has its runner, with the default times */

struct story {
    size_t count;
    enum world_event_kind kinds[STORY_EVENTS_MAX];
    int64_t at_ms[STORY_EVENTS_MAX];
};

static inline void story_note(void *context, const struct world_event *event)
{
    struct story *story = context;
    if (story->count < STORY_EVENTS_MAX) {
        story->kinds[story->count] = event->kind;
        story->at_ms[story->count] = event->at_ms;
    }
    story->count++;
}

/* How often this kind of thing happened. */
static inline size_t story_count(const struct story *story, enum world_event_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < story->count && i < STORY_EVENTS_MAX; i++)
        count += story->kinds[i] == kind;
    return count;
}

/* When it happened first, in ms since the start; -1: never. */
static inline int64_t story_first_ms(const struct story *story, enum world_event_kind kind)
{
    for (size_t i = 0; i < story->count && i < STORY_EVENTS_MAX; i++) {
        if (story->kinds[i] == kind)
            return story->at_ms[i] - START_MS;
    }
    return -1;
}

/* The defaults without jitter and without the control plane. */
static inline struct world_config plain_config(void)
{
    struct world_config config;
    world_config_defaults(&config);
    config.start_ms = START_MS;
    config.jitter_permille = 0;
    config.control_plane = false;
    return config;
}

static inline struct world *plain_world(void)
{
    struct world_config config = plain_config();
    return world_new(&config);
}

static inline void run_ms(struct world *world, int64_t ms)
{
    world_advance(world, world_now_ms(world) + ms);
}

static inline const struct world_server_type *type_named(const char *name)
{
    size_t count = 0;
    const struct world_server_type *types = world_server_types(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    abort();
}

static inline struct world_server_spec server_spec(const char *name)
{
    size_t count = 0;
    return (struct world_server_spec){.name = name,
                                      .type = type_named("ccx33"),
                                      .location = &world_locations(&count)[1],
                                      .image = world_images(&count),
                                      .start = true};
}

/* Rents a server; 0 where that is refused. */
static inline uint64_t rent(struct world *world, const char *name)
{
    struct world_server_spec spec = server_spec(name);
    uint64_t id = 0, actions[2];
    return world_server_create(world, &spec, &id, actions) == WORLD_OK ? id : 0;
}

/* Pushes one job for "linux" (label NULL: one without labels); returns its id. */
static inline uint64_t push(struct world *world, const char *label, int64_t duration_ms)
{
    const char *labels[] = {label};
    struct world_job_spec job = {.name = "build",
                                 .labels = labels,
                                 .label_count = label != NULL ? 1 : 0,
                                 .duration_ms = duration_ms};
    uint64_t run = world_run_create(world, world_repo(world, "acme", "app"), &job, 1);
    return run != 0 ? world_run_find(world, run)->first_job : 0;
}

/* The only runner there is; NULL where there is none, or more. */
static inline const struct world_runner *only_runner(const struct world *world)
{
    return world_runner_count(world) == 1 ? world_runner_at(world, 0) : NULL;
}

/* The runner pod of a machine; NULL where there is none. */
static inline const struct world_pod *runner_pod(const struct world *world)
{
    for (size_t i = 0; i < world_pod_count(world); i++) {
        if (world_pod_at(world, i)->is_runner)
            return world_pod_at(world, i);
    }
    return NULL;
}

/* A permanent runner of these labels that runs; returns its id. */
static inline uint64_t permanent(struct world *world, const char *name, const char *label)
{
    const char *labels[] = {label};
    return world_runner_create(
        world,
        &(struct world_runner_spec){
            .name = name, .labels = labels, .label_count = 1, .permanent = true, .started = true});
}

#endif
