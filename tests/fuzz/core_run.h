/* The core as two targets run it: its configuration, and what all that it says must be. May not:
 * choose what the core is told. */
#ifndef EBBTIDE_TESTS_FUZZ_CORE_RUN_H
#define EBBTIDE_TESTS_FUZZ_CORE_RUN_H

#include "common/config.h"
#include "proto/message.h"
#include "reconciler/core/core.h"
#include "tests/fuzz/fuzz.h"

#define MONO_MS   INT64_C(10000)
#define WALL_MS   INT64_C(1795764000000)
#define EPOCH     7
#define POOL_MOST 3

static struct config *config;
static void *block;
static struct core_output *out;

/* Once: a pool that the seeds know. */
static void core_run_start(void)
{
    static const char *const settings[][2] = {
        {"mode", "act"},
        {"pools[0].name", "aaaaaaaa"}, /* as in the seeds */
        {"pools[0].max", "3"},
        {"pools[0].label_sets[0]", "[aaaaaaaa]"},
        {"pools[0].offers[0].server_type", "aaaaaaaa"},
        {"pools[0].offers[0].location", "aaaaaaaa"},
    };
    if (config != NULL)
        return;
    config = config_new();
    PROMISE(config != NULL);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        PROMISE(config_set(config, settings[i][0], settings[i][1], NULL));
    block = malloc(core_size(config));
    out = calloc(1, sizeof *out);
    PROMISE(block != NULL && out != NULL);
}

static void promise_sendable(enum message_id id, const void *body)
{
    struct error error = {""};
    unsigned char *bytes = NULL;
    size_t length = 0;
    if (!message_encode(id, body, &bytes, &length, &error))
        fprintf(stderr, "%s\n", error.text);
    PROMISE(bytes != NULL);
    free(bytes);
}

/* One step at that time; what it says is within every bound of the messages. */
static void core_run_step(struct core *core, struct core_event *event)
{
    core_step(core, event, out);
    message_free(out->released); /* what is said points nowhere into it */
    PROMISE(out->wake_ms <= event->mono_ms + CORE_WAKE_MS_MAX);
    if (out->status != NULL)
        promise_sendable(MESSAGE_status, out->status);
    if (out->checkpoint_changed) {
        struct checkpoint numbered = *out->checkpoint;
        numbered.sequence = 1;
        promise_sendable(MESSAGE_checkpoint, &numbered);
    }
}

#endif
