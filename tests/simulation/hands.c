/* The actuator's process: real actions, a channel for results, death and restart. What it had asked
 * of an API when it died may happen all the same. May not: decide. */
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "common/words.h"
#include "sim.h"

#define LATE_MS_MOST    120000
#define RESTART_MS_MOST 15000
#define TEMPLATE        "#cloud-config\nhostname: {{name}}\ntoken: {{token}}\n"

/* What send_request is told the endpoints are: their number, and never looked into by anyone else.
 */
static unsigned char endpoints[source_count];

/* ------------------------------------------------------------------------------------- results */

struct parcel {
    struct sim *sim;
    uint64_t generation; /* of the brain it is for */
    struct action_result result;
    char text[TEXT_BYTES_MAX + 1];
};

static void arrive(void *argument, uint64_t number)
{
    struct parcel *parcel = argument;
    struct sim *sim = parcel->sim;
    (void)number;
    struct core_event event = {.kind = CORE_RESULT, .u.result = &parcel->result};
    if (sim->brain_alive && sim->brain_generation == parcel->generation) {
        judge_result(sim, &parcel->result);
        brain_event(sim, &event);
        judge_creates(sim);
    }
    free(parcel);
    trouble_at_message(sim);
}

static void send(struct sim *sim, const struct action_result *result, int64_t delay_ms)
{
    struct parcel *parcel = sim_alloc(sizeof *parcel);
    parcel->sim = sim;
    parcel->generation = sim->brain_generation;
    parcel->result = *result;
    snprintf(parcel->text, sizeof parcel->text, "%s", result->text);
    parcel->result.text = parcel->text;
    sim_at(sim, delay_ms, arrive, free, parcel, 0);
}

static void on_result(const struct action_result *result, void *argument)
{
    struct sim *sim = argument;
    sim_say(sim, "< %llu-%llu %s: %s (%s): %s", (unsigned long long)result->id.epoch,
            (unsigned long long)result->id.counter, action_kind_words[result->kind],
            outcome_words[result->outcome], trouble_words[result->trouble], result->text);
    witness_shown(sim->witness, result->server_id); /* it stands in the audit log */
    if (result->trouble == TROUBLE_SOLD_OUT)
        witness_creates_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    if (!sim->brain_alive || sim_strikes(sim, FAULT_RESULT_LOST))
        return;
    int64_t delay = dice_between(&sim->dice_time, 0, 3);
    if (sim_strikes(sim, FAULT_RESULT_LATE))
        delay = dice_between(&sim->dice_fault[FAULT_RESULT_LATE], 100, LATE_MS_MOST);
    send(sim, result, delay);
    if (sim_strikes(sim, FAULT_RESULT_TWICE))
        send(sim, result,
             delay + dice_between(&sim->dice_fault[FAULT_RESULT_TWICE], 0, LATE_MS_MOST));
}

void hands_take(struct sim *sim, const struct action *action)
{
    struct error error;
    struct message *message = message_copy(MESSAGE_action, action, &error);
    if (message == NULL)
        sim_die(error.text);
    actuator_take(&sim->actuator, message);
}

/* ------------------------------------------------------------------------------------ its life */

void hands_start(struct sim *sim)
{
    struct actuator *actuator = &sim->actuator;
    struct error error;
    memset(actuator, 0, sizeof *actuator);
    actuator->config = sim->config;
    actuator->report = on_result;
    actuator->argument = sim;
    for (unsigned i = 0; i < source_count; i++) {
        endpoints[i] = (unsigned char)i;
        actuator->endpoint[i] = (struct http_endpoint *)(void *)&endpoints[i];
    }
    for (uint32_t i = 0; i < sim->config->pools_count; i++) {
        actuator->cloud_init[i] = strdup(TEMPLATE);
        actuator->join_token[i] = secret_new("join-secret", 11, &error);
        if (actuator->cloud_init[i] == NULL || actuator->join_token[i] == NULL)
            sim_die("out of memory");
    }
    if (!actuator_init(actuator, &error) || !actuator_take_log(actuator, -1, "memory", &error))
        sim_die(error.text);
    sim->hands_alive = true;
    sim->hands_generation++;
    sim_say(sim, "= the actuator starts");
    if (sim->brain_alive)
        brain_actuator_state(sim);
}

static void restart(void *argument, uint64_t generation)
{
    struct sim *sim = argument;
    if (!sim->hands_alive && generation == sim->hands_generation)
        hands_start(sim);
}

static void note_fences_left(struct sim *sim)
{
    for (size_t i = 0; i < world_runner_count(sim->world); i++) {
        const struct world_runner *runner = world_runner_at(sim->world, i);
        sim->counts.condition[CONDITION_FENCE_LEFT] +=
            runner->disabled && !runner->disabled_by_hand && runner->server_id != 0;
    }
}

void hands_kill(struct sim *sim)
{
    if (!sim->hands_alive)
        return;
    sim->hands_alive = false;
    sim->hands_generation++;
    sim_say(sim, "= the actuator dies");
    actuator_clear(&sim->actuator);
    note_fences_left(sim);
    judge_hands_lost(sim);
    sim_at(sim, dice_between(&sim->dice_people, 100, RESTART_MS_MOST), restart, NULL, sim,
           sim->hands_generation);
    brain_actuator_lost(sim);
}

void hands_end(struct sim *sim)
{
    if (sim->hands_alive)
        actuator_clear(&sim->actuator);
    sim->hands_alive = false;
}
