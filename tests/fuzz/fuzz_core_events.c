/* Fuzzes the core with a stream of messages as a taken-over poller, actuator or disk could make
 * them: all decode, none need make sense. Whatever they say, each step ends; what the core says is
 * within every bound of the messages; and its rails hold: never more creates than the pool may
 * have, never two actions of one id.
 *
 * The input: frames of a byte (seconds that pass before it), two bytes length and a message; a
 * checkpoint counts only as the first. */
#include "tests/fuzz/core_run.h"

#define FRAMES_MAX  24
#define FRAME_BYTES 3

/* One run of the core. */
struct run {
    struct core *core;
    int64_t mono_ms, wall_ms;
};

static void promise_actions(void)
{
    unsigned creates = 0;
    for (uint32_t i = 0; i < out->action_count; i++) {
        const struct action *action = &out->action[i].action;
        promise_sendable(MESSAGE_action, action);
        creates += action->kind == ACTION_CREATE_SERVER;
        PROMISE(action->id.epoch >= EPOCH);
        for (uint32_t k = 0; k < i; k++)
            PROMISE(action->id.counter != out->action[k].action.id.counter);
    }
    PROMISE(creates <= POOL_MOST);
}

static void step(struct run *run, struct core_event *event)
{
    event->mono_ms = run->mono_ms;
    event->wall_ms = run->wall_ms;
    core_run_step(run->core, event);
    promise_actions();
}

/* As the reconciler's shell makes events of messages. */
static void step_message(struct run *run, struct message *message)
{
    struct core_event event = {.kind = CORE_TICK, .owner = message};
    if (message->id == MESSAGE_gitea_snapshot) {
        event.kind = CORE_GITEA;
        event.u.gitea = message_gitea_snapshot(message);
    } else if (message->id == MESSAGE_hetzner_snapshot) {
        event.kind = CORE_HETZNER;
        event.u.hetzner = message_hetzner_snapshot(message);
    } else if (message->id == MESSAGE_kube_snapshot) {
        event.kind = CORE_KUBE;
        event.u.kube = message_kube_snapshot(message);
    } else {
        event.owner = NULL;
        if (message->id == MESSAGE_poll_trouble) {
            event.kind = CORE_POLL_TROUBLE;
            event.u.poll_trouble = message_poll_trouble(message);
        } else if (message->id == MESSAGE_token_writes) {
            event.kind = CORE_TOKEN_WRITES;
            event.u.token_writes = message_token_writes(message);
        } else if (message->id == MESSAGE_actuator_state) {
            event.kind = CORE_ACTUATOR_STATE;
            event.u.actuator_state = message_actuator_state(message);
        } else if (message->id == MESSAGE_audit_news) {
            event.kind = CORE_AUDIT_NEWS;
            event.u.audit_news = message_audit_news(message);
        } else if (message->id == MESSAGE_action_result) {
            event.kind = CORE_RESULT;
            event.u.result = message_action_result(message);
        }
    }
    bool kept = event.owner != NULL;
    step(run, &event);
    if (!kept)
        message_free(message);
}

/* Ids at the end of their range: only an actuator or a disk that lies can tell of them. */
static bool ids_end(const struct message *message)
{
    uint64_t epoch = 0, counter = 0;
    if (message->id == MESSAGE_actuator_state) {
        epoch = message_actuator_state(message)->epoch;
        counter = message_actuator_state(message)->counter;
    } else if (message->id == MESSAGE_checkpoint) {
        epoch = message_checkpoint(message)->epoch;
        counter = message_checkpoint(message)->counter;
    }
    return epoch > INT64_MAX || counter > INT64_MAX;
}

/* The next frame's message, NULL where it is none; *size 0 at the end. */
static struct message *next_message(const uint8_t **data, size_t *size, unsigned *seconds)
{
    struct error error = {""};
    struct message *message = NULL;
    if (*size < FRAME_BYTES) {
        *size = 0;
        return NULL;
    }
    *seconds = (*data)[0];
    size_t length = (size_t)(*data)[1] << 8 | (*data)[2];
    *data += FRAME_BYTES, *size -= FRAME_BYTES;
    length = length > *size ? *size : length;
    if (!message_decode(*data, length, &message, &error))
        message = NULL;
    *data += length, *size -= length;
    if (message != NULL && ids_end(message)) {
        message_free(message);
        message = NULL;
    }
    return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    core_run_start();
    unsigned seconds = 0;
    void *owners[3] = {NULL};
    struct run run = {core_init(block, config, EPOCH), MONO_MS, WALL_MS};
    struct message *first = next_message(&data, &size, &seconds);
    bool restored = first != NULL && first->id == MESSAGE_checkpoint;
    struct core_event begin = {.kind = CORE_CHECKPOINT,
                               .u.checkpoint = restored ? message_checkpoint(first) : NULL};
    step(&run, &begin);
    if (restored)
        message_free(first);
    else if (first != NULL)
        step_message(&run, first);
    for (unsigned frames = 0; frames < FRAMES_MAX && size > 0; frames++) {
        struct message *message = next_message(&data, &size, &seconds);
        run.mono_ms += (int64_t)seconds * 1000;
        run.wall_ms += (int64_t)seconds * 1000;
        if (message != NULL)
            step_message(&run, message);
    }
    core_end(run.core, owners);
    for (unsigned i = 0; i < 3; i++)
        message_free(owners[i]);
    return 0;
}
