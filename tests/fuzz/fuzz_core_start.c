/* Fuzzes what the core makes of a checkpoint at its start: any that decodes (what the disk holds is
 * whole, yet need not make sense). Whatever it says, the first steps end, what they say is within
 * every bound of the messages, no action is asked for before the three APIs were seen, and the
 * core's own next checkpoint is one.
 *
 * The input: the message `checkpoint`, as a slot holds it. */
#include "tests/fuzz/core_run.h"

static void step(struct core *core, int64_t after_ms, struct core_event *event)
{
    event->mono_ms = MONO_MS + after_ms;
    event->wall_ms = WALL_MS + after_ms;
    core_run_step(core, event);
    PROMISE(out->action_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    struct message *message = NULL;
    if (!message_decode(data, size, &message, &error))
        return 0;
    if (message->id == MESSAGE_checkpoint) {
        core_run_start();
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
