/* Fuzzes what the core makes of a checkpoint at its start: any that decodes (what the disk holds is
 * whole, yet need not make sense). Whatever it says, the first steps end, what they say is within
 * every bound of the messages, no action is asked for before the three APIs were seen, and the
 * core's own next checkpoint is one.
 *
 * The input: the message `checkpoint`, as a slot holds it. */
#include "common/config.h"
#include "proto/message.h"
#include "reconciler/core/core.h"
#include "tests/fuzz/fuzz.h"

#define MONO_MS INT64_C(10000)
#define WALL_MS INT64_C(1795764000000)
#define EPOCH   7

static struct config *config;
static void *block;
static struct core_output *out;

static void start(void)
{
    static const char *const settings[][2] = {
        {"mode", "act"},
        {"pools[0].name", "aaaaaaaa"}, /* as in the seeds */
        {"pools[0].label_sets[0]", "[linux]"},
        {"pools[0].offers[0].server_type", "aaaaaaaa"},
        {"pools[0].offers[0].location", "aaaaaaaa"},
    };
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

static void step(struct core *core, int64_t after_ms, struct core_event *event)
{
    event->mono_ms = MONO_MS + after_ms;
    event->wall_ms = WALL_MS + after_ms;
    core_step(core, event, out);
    PROMISE(out->action_count == 0);
    PROMISE(out->wake_ms <= event->mono_ms + CORE_WAKE_MS_MAX);
    if (out->status != NULL)
        promise_sendable(MESSAGE_status, out->status);
    if (out->checkpoint_changed) {
        struct checkpoint numbered = *out->checkpoint;
        numbered.sequence = 1;
        promise_sendable(MESSAGE_checkpoint, &numbered);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    struct message *message = NULL;
    if (!message_decode(data, size, &message, &error))
        return 0;
    if (message->id == MESSAGE_checkpoint) {
        if (config == NULL)
            start();
        void *owners[3] = {NULL};
        struct actuator_state idle = {.epoch = 1};
        struct core *core = core_init(block, config, EPOCH);
        struct core_event events[] = {
            {.kind = CORE_CHECKPOINT, .u.checkpoint = message_checkpoint(message)},
            {.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &idle},
            {.kind = CORE_TICK},
            {.kind = CORE_TICK},
        };
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
            step(core, (int64_t)i * 60000, &events[i]);
        core_end(core, owners);
    }
    message_free(message);
    return 0;
}
