/* The reconciler's process around the core: events in, output performed in the shell's one order
 * (checkpoint, actions, polls, timer), a checkpoint that survives, and kills at any point between.
 * May not: decide. */
#include <stdlib.h>
#include <string.h>

#include "common/words.h"
#include "proto/message.h"
#include "sim.h"

#define LATE_MS_MOST     60000
#define RESTART_MS_MOST  15000
#define TELL_STORAGE_MAX 4 /* as the shell's */
#define HASH_START       UINT64_C(14695981039346656037)

static void restart(void *argument, uint64_t generation);

/* ------------------------------------------------------------------------------- the checkpoint */

static void write_checkpoint(struct sim *sim)
{
    sim->storage_failed =
        sim->now_ms < sim->storage_bad_until_ms || sim_strikes(sim, FAULT_WRITE_FAILS);
    if (sim->storage_failed)
        return;
    struct checkpoint checkpoint = *sim->output->checkpoint;
    unsigned char *bytes = NULL;
    size_t length = 0;
    struct error error;
    checkpoint.sequence = 1;
    if (!message_encode(MESSAGE_checkpoint, &checkpoint, &bytes, &length, &error))
        sim_die(error.text);
    free(sim->checkpoint[1]);
    sim->checkpoint[1] = sim->checkpoint[0];
    sim->checkpoint_bytes[1] = sim->checkpoint_bytes[0];
    sim->checkpoint[0] = bytes;
    sim->checkpoint_bytes[0] = length;
    judge_written(sim);
}

static void lose_checkpoints(struct sim *sim)
{
    for (unsigned i = 0; i < 2; i++) {
        free(sim->checkpoint[i]);
        sim->checkpoint[i] = NULL;
    }
}

static struct message *read_checkpoint(struct sim *sim)
{
    struct message *message = NULL;
    struct error error;
    if (sim->checkpoint[0] != NULL && sim_strikes(sim, FAULT_CHECKPOINT_LOST))
        lose_checkpoints(sim);
    unsigned which = sim->checkpoint[1] != NULL && sim_strikes(sim, FAULT_CHECKPOINT_TORN) ? 1 : 0;
    judge_read(sim, sim->checkpoint[which] != NULL ? which : 2);
    if (sim->checkpoint[which] == NULL)
        return NULL;
    if (!message_decode(sim->checkpoint[which], sim->checkpoint_bytes[which], &message, &error))
        sim_die(error.text);
    return message;
}

/* ------------------------------------------------------------------------------- what is sent */

struct order {
    struct sim *sim;
    uint64_t generation; /* of the hands it was sent to */
    uint64_t epoch;      /* of who sent it: the next one's channel takes the place of his */
    struct message *message;
};

static void drop_order(void *argument)
{
    struct order *order = argument;
    message_free(order->message);
    free(order);
}

static void arrive(void *argument, uint64_t number)
{
    struct order *order = argument;
    struct sim *sim = order->sim;
    (void)number;
    if (sim->hands_alive && sim->hands_generation == order->generation &&
        sim->epoch == order->epoch) {
        (void)sim_world_ms(sim);
        moment_of(sim, message_action(order->message));
        hands_take(sim, message_action(order->message));
    }
    drop_order(order);
    trouble_at_message(sim);
}

static void send_one(struct sim *sim, const struct action *action, int64_t delay_ms)
{
    struct error error;
    struct order *order = sim_alloc(sizeof *order);
    order->sim = sim;
    order->generation = sim->hands_generation;
    order->epoch = sim->epoch;
    order->message = message_copy(MESSAGE_action, action, &error);
    if (order->message == NULL)
        sim_die(error.text);
    sim_at(sim, delay_ms, arrive, drop_order, order, 0);
}

static void send_action(struct sim *sim, const struct action *action)
{
    int64_t delay = dice_between(&sim->dice_time, 0, 3);
    if (sim_strikes(sim, FAULT_ACTION_LATE))
        delay = dice_between(&sim->dice_fault[FAULT_ACTION_LATE], 100, LATE_MS_MOST);
    sim_say(sim, "> %llu-%llu %s of %s (%s): %s", (unsigned long long)action->id.epoch,
            (unsigned long long)action->id.counter, action_kind_words[action->kind],
            action->node.name, reason_words[action->reason], action->text);
    send_one(sim, action, delay);
    if (sim_strikes(sim, FAULT_ACTION_TWICE))
        send_one(sim, action,
                 delay + dice_between(&sim->dice_fault[FAULT_ACTION_TWICE], 0, LATE_MS_MOST));
}

/* ---------------------------------------------------------------------------------- performing */

static void on_tick(void *argument, uint64_t generation)
{
    struct sim *sim = argument;
    struct core_event event = {.kind = CORE_TICK};
    if (sim->brain_alive && generation == sim->tick_generation)
        brain_event(sim, &event);
}

static void arm(struct sim *sim)
{
    int64_t wait = sim->output->wake_ms - sim_mono_ms(sim);
    if (wait < 1 || wait > CORE_WAKE_MS_MAX)
        wait = wait < 1 ? 1 : CORE_WAKE_MS_MAX;
    sim_at(sim, wait, on_tick, NULL, sim, ++sim->tick_generation);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Everything that a step said, as far as a peer or a person can see it. */
static void hash_output(struct sim *sim)
{
    const struct core_output *out = sim->output;
    uint64_t digest = sim->options.whole_hash ? core_digest(sim->core) : 0;
    uint64_t numbers[] = {sim->output_hash,  digest,         (uint64_t)out->wake_ms, out->poll_now,
                          out->action_count, out->line_count};
    uint64_t hash = hash_bytes(HASH_START, numbers, sizeof numbers);
    for (uint32_t i = 0; i < out->action_count; i++) {
        const struct action *action = &out->action[i].action;
        hash = hash_bytes(hash, &action->id, sizeof action->id);
        hash = hash_bytes(hash, action->node.name, strlen(action->node.name));
        hash = hash_bytes(hash, action->text, strlen(action->text));
    }
    for (uint32_t i = 0; i < out->line_count && sim->options.whole_hash; i++)
        hash = hash_bytes(hash, out->line[i].text, strlen(out->line[i].text));
    sim->output_hash = hash;
}

static void tell_lines(const struct sim *sim)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    for (uint32_t i = 0; sim->options.story != NULL && i < sim->output->line_count; i++)
        sim_say(sim, "  core %s: %s", levels[sim->output->line[i].level],
                sim->output->line[i].text);
}

/* True: it was killed here. */
static bool killed(struct sim *sim)
{
    if (!sim_strikes(sim, FAULT_KILL_RECONCILER))
        return false;
    brain_kill(sim);
    return true;
}

static void perform(struct sim *sim)
{
    const struct core_output *out = sim->output;
    tell_lines(sim);
    judge_create_alarm(sim);
    if (sim->restoring)
        judge_restored(sim);
    judge_actions(sim);
    if (out->checkpoint_changed)
        write_checkpoint(sim);
    for (uint32_t i = 0; i < out->action_count; i++) {
        if (killed(sim))
            return;
        send_action(sim, &out->action[i].action);
        sim->counts.actions++;
    }
    for (unsigned i = 0; i < source_count; i++)
        if ((out->poll_now & (1u << i)) != 0)
            poller_now(sim, (enum source)i);
    arm(sim);
}

static void step(struct sim *sim, struct core_event *event)
{
    event->mono_ms = sim_mono_ms(sim);
    event->wall_ms = sim_wall_ms(sim);
    if (sim->output->status == NULL || sim->output->status_changed)
        judge_before_step(sim);
    keep_event(sim, event);
    sim->in_step = true;
    core_step(sim->core, event, sim->output);
    sim->in_step = false;
    keep_output(sim, event);
    sim->stepped_ms = sim->now_ms;
    sim->counts.steps++;
    hash_output(sim);
    picture_drop(sim->output->released);
    perform(sim);
}

/* As the shell does: the core is told when writing begins to fail, and when it works again, also
 * where that changes while it is told. */
static void tell_storage(struct sim *sim)
{
    for (unsigned i = 0;
         sim->brain_alive && sim->storage_failed != sim->storage_told && i < TELL_STORAGE_MAX;
         i++) {
        struct core_event storage = {
            .kind = CORE_STORAGE,
            .u.storage_trouble = sim->storage_failed ? "the checkpoint cannot be written" : NULL};
        sim->storage_told = sim->storage_failed;
        step(sim, &storage);
    }
}

void brain_event(struct sim *sim, struct core_event *event)
{
    if (!sim->brain_alive)
        sim_die("an event for a dead reconciler");
    tell_storage(sim);
    if (sim->brain_alive)
        step(sim, event);
    tell_storage(sim);
}

void brain_actuator_state(struct sim *sim)
{
    static struct unknown_action unknown[UNKNOWN_ACTIONS_MAX];
    struct error error;
    if (!sim->brain_alive || !sim->hands_alive)
        return;
    actuator_new_asker(&sim->actuator, sim->epoch);
    struct audit *audit = sim->actuator.audit;
    struct action_id highest = audit_highest(audit);
    struct actuator_state state = {
        .epoch = highest.epoch,
        .counter = highest.counter,
        .unknown = unknown,
        .unknown_count = audit_open_intents(audit, unknown, UNKNOWN_ACTIONS_MAX),
    };
    struct core_event event = {.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state};
    brain_event(sim, &event);
    if (sim->hands_alive)
        (void)audit_close_found(audit, sim_wall_ms(sim), &error);
}

void brain_actuator_lost(struct sim *sim)
{
    struct core_event event = {.kind = CORE_ACTUATOR_LOST};
    if (sim->brain_alive)
        brain_event(sim, &event);
}

/* ------------------------------------------------------------------------------------ its life */

void brain_start(struct sim *sim)
{
    sim->core = core_init(sim->core_block, sim->config, ++sim->epoch);
    keep_begin(sim);
    sim->brain_alive = true;
    sim->brain_generation++;
    sim->output->status = NULL;
    struct message *message = read_checkpoint(sim);
    sim->storage_failed = sim->storage_told = false;
    struct core_event event = {.kind = CORE_CHECKPOINT,
                               .u.checkpoint =
                                   message != NULL ? message_checkpoint(message) : NULL};
    sim_say(sim, "= the reconciler starts, epoch %llu%s", (unsigned long long)sim->epoch,
            message != NULL ? ", with a checkpoint" : "");
    sim->restoring = true;
    brain_event(sim, &event);
    sim->restoring = false;
    message_free(message);
    brain_actuator_state(sim);
}

static void end_core(struct sim *sim)
{
    void *owners[source_count];
    if (!sim->brain_alive)
        return;
    sim->counts.edges_seen |= core_edges_seen(sim->core);
    core_end(sim->core, owners);
    for (unsigned i = 0; i < source_count; i++)
        picture_drop(owners[i]);
    sim->brain_alive = false;
    sim->tick_generation++;
}

void brain_kill(struct sim *sim)
{
    if (!sim->brain_alive)
        return;
    end_core(sim);
    sim_say(sim, "= the reconciler dies");
    brain_back_in(sim, dice_between(&sim->dice_people, 100, RESTART_MS_MOST));
}

/* Whatever start was planned before is that of an earlier death. */
void brain_back_in(struct sim *sim, int64_t delay_ms)
{
    sim->brain_generation++;
    sim_at(sim, delay_ms, restart, NULL, sim, sim->brain_generation);
}

static void restart(void *argument, uint64_t generation)
{
    struct sim *sim = argument;
    if (!sim->brain_alive && generation == sim->brain_generation)
        brain_start(sim);
}

void brain_end(struct sim *sim)
{
    end_core(sim);
    free(sim->checkpoint[0]);
    free(sim->checkpoint[1]);
}
