/* The dispatcher: which action may begin, what was answered before, what we did of late.
 * May not: judge an action, send a request. */
#include "actuator/actuator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/actions.h"
#include "actuator/work.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/secret.h"

#define PRICE_ARENA_BYTES ((size_t)8 * 1024 * 1024)
#define ID_LEAP_MAX       (UINT64_C(1) << 26) /* more orders than a reconciler gives in a life */

static void (*const do_action[action_kind_count])(struct work *) = {
    [ACTION_CREATE_SERVER] = do_create_server,
    [ACTION_DEREGISTER_RUNNERS] = do_deregister_runner,
    [ACTION_DRAIN_NODE] = do_drain_node,
    [ACTION_REMOVE_NODE] = do_remove_node,
    [ACTION_RELEASE_RUNNERS] = do_release_runner,
};

/* --------------------------------------------------------------------------- what was answered */

static void keep_result(struct actuator *actuator, const struct action_result *result)
{
    struct kept_result *kept = &actuator->kept[actuator->kept_next];
    actuator->kept_next = (actuator->kept_next + 1) % RESULTS_KEPT;
    if (actuator->kept_count < RESULTS_KEPT)
        actuator->kept_count++;
    kept->result = *result;
    snprintf(kept->text, sizeof kept->text, "%s", result->text);
    kept->result.text = kept->text;
}

static const struct action_result *find_result(const struct actuator *actuator, struct action_id id)
{
    for (uint32_t i = 0; i < actuator->kept_count; i++)
        if (action_id_compare(actuator->kept[i].result.id, id) == 0)
            return &actuator->kept[i].result;
    return NULL;
}

void actuator_result(struct actuator *actuator, const struct action_result *result)
{
    keep_result(actuator, result);
    if (actuator->stopping) {
        bool open = result->outcome == OUTCOME_AGAIN || result->outcome == OUTCOME_UNKNOWN;
        *(open ? &actuator->abandoned : &actuator->finished) += 1;
    }
    actuator->report(result, actuator->argument);
}

/* ----------------------------------------------------------------------------- what we did */

static bool is_recent(const struct deed *deed, int64_t mono_ms)
{
    return mono_ms - deed->mono_ms < DEED_MS;
}

/* The same server's delete of this minute: repeating one is no second delete. Of an intent in the
 * log that names no server (0) nobody knows whether it is the same. NULL: there is none. */
static struct deed *deed_before(struct actuator *actuator, enum action_kind kind,
                                uint64_t server_id, int64_t mono_ms)
{
    for (uint32_t i = 0; i < actuator->deed_count && server_id != 0; i++)
        if (actuator->deeds[i].kind == kind && actuator->deeds[i].server_id == server_id &&
            is_recent(&actuator->deeds[i], mono_ms))
            return &actuator->deeds[i];
    return NULL;
}

/* A repeated one begins its minute anew, in the same place: else who repeats one often enough would
 * have all others forgotten. */
void actuator_note_deed(struct actuator *actuator, enum action_kind kind, uint64_t server_id,
                        int64_t mono_ms)
{
    struct deed *before = deed_before(actuator, kind, server_id, mono_ms);
    if (before != NULL) {
        before->mono_ms = mono_ms;
        return;
    }
    actuator->deeds[actuator->deed_next] =
        (struct deed){.kind = kind, .server_id = server_id, .mono_ms = mono_ms};
    actuator->deed_next = (actuator->deed_next + 1) % DEEDS_MAX;
    if (actuator->deed_count < DEEDS_MAX)
        actuator->deed_count++;
}

struct deeds actuator_deeds(const struct actuator *actuator, const struct work *asking,
                            const struct action **creating)
{
    struct deeds deeds = {.creating = creating, .requests_remaining = actuator->requests_remaining};
    int64_t now = clock_mono_ms(), begun = facts_drain_since(&asking->facts);
    if (begun != 0)
        deeds.drained_ms =
            since_seen_ms(actuator->sinces, asking->action->node.name, SINCE_DRAIN, begun, now);
    deeds.name_used = audit_name_used(actuator->audit, asking->action->node.name);
    for (uint32_t i = 0; i < actuator->deed_count; i++) {
        const struct deed *deed = &actuator->deeds[i];
        if (!is_recent(deed, now))
            continue;
        if (deed->kind == ACTION_CREATE_SERVER)
            deeds.creates_last_minute++;
        else
            deeds.deletes_last_minute++;
        if (deed->kind == ACTION_REMOVE_NODE && asking->facts.server_found &&
            deed->server_id == asking->facts.server.id)
            deeds.deleted_before = true;
    }
    for (const struct work *work = actuator->works; work != NULL; work = work->next)
        if (work != asking && work->intended && work->action->kind == ACTION_CREATE_SERVER)
            creating[deeds.creating_count++] = work->action;
    return deeds;
}

/* ---------------------------------------------------------------------------------- the log */

static void heard_intent(struct action_id id, enum action_kind kind, uint64_t server_id,
                         int64_t wall_ms, void *argument)
{
    (void)id;
    bool counts = kind == ACTION_CREATE_SERVER || kind == ACTION_REMOVE_NODE;
    int64_t age = clock_wall_ms() - wall_ms;
    /* A clock that was set back must not free us of our limits, nor hold us to them for ever: what
     * seems to lie ahead was done just now. */
    if (counts && age < DEED_MS)
        actuator_note_deed(argument, kind, server_id, clock_mono_ms() - (age > 0 ? age : 0));
}

static void heard_outcome(const struct action_result *result, void *argument)
{
    keep_result(argument, result);
}

bool actuator_take_log(struct actuator *actuator, int descriptor, const char *name,
                       struct error *error)
{
    struct audit_limits limits = {.max_bytes = actuator->config->files.audit_max_bytes,
                                  .reserve_bytes = actuator->config->files.audit_reserve_bytes,
                                  .epoch_ms = actuator->config->files.audit_epoch_ms,
                                  .noted = actuator->has_note ? &actuator->noted : NULL};
    struct audit_reader reader = {heard_intent, heard_outcome, actuator};
    if (actuator->audit != NULL)
        return audit_next(actuator->audit, descriptor, name, &reader, error);
    return audit_open(&actuator->audit, descriptor, name, &limits, &reader, error);
}

/* ------------------------------------------------------------------------------- an action */

/* An answer without the action having begun: nothing stands in the log. */
static void answer(struct actuator *actuator, const struct action *action, enum outcome outcome,
                   enum trouble trouble, const char *text)
{
    struct action_result result = {.id = action->id,
                                   .kind = action->kind,
                                   .outcome = outcome,
                                   .trouble = trouble,
                                   .retry_after_ms = BUSY_RETRY_MS,
                                   .text = text};
    metric_add(M_ACTIONS, action->kind, outcome, 1);
    if (action->id.epoch == actuator->epoch)
        actuator_result(actuator, &result);
    else /* not kept: it would answer the one whose id that is to be */
        actuator->report(&result, actuator->argument);
}

/* Whether a counter is far beyond all before. The highest that was used stands in the audit log for
 * good, so one order with the last number there is would leave none for the others. */
static bool is_leap(struct action_id highest, struct action_id id)
{
    uint64_t before = id.epoch == highest.epoch ? highest.counter : 0;
    return id.counter - before > ID_LEAP_MAX;
}

static void refuse_epoch(struct actuator *actuator, const struct action *action)
{
    char id[ACTION_ID_TEXT_BYTES], text[TEXT_BYTES_MAX];
    snprintf(text, sizeof text, "rail %s: id %s is not of epoch %" PRIu64, rail_name(RAIL_EPOCH),
             action_id_text(action->id, id), actuator->epoch);
    answer(actuator, action, OUTCOME_REFUSED, TROUBLE_RAIL, text);
}

static void refuse_id(struct actuator *actuator, const struct action *action, const char *why)
{
    char id[ACTION_ID_TEXT_BYTES], text[TEXT_BYTES_MAX];
    snprintf(text, sizeof text, "rail %s: %s %s was used before", rail_name(RAIL_IDS), why,
             action_id_text(action->id, id));
    answer(actuator, action, OUTCOME_REFUSED, TROUBLE_RAIL, text);
}

/* Answers what was asked before, or is by its id not to be asked. True: nothing more is to do. */
static bool is_known(struct actuator *actuator, const struct action *action)
{
    char id[ACTION_ID_TEXT_BYTES];
    for (const struct work *work = actuator->works; work != NULL; work = work->next)
        if (action_id_compare(work->action->id, action->id) == 0) {
            log_debug("action %s came again while it is under way", action_id_text(action->id, id));
            return true; /* its result answers both */
        }
    const struct action_result *before = find_result(actuator, action->id);
    if (before != NULL) {
        actuator->report(before, actuator->argument);
        return true;
    }
    struct action_id highest = audit_highest(actuator->audit);
    bool rises = action_id_compare(action->id, highest) > 0;
    bool own = action->id.epoch == actuator->epoch;
    if (rises && own && !is_leap(highest, action->id))
        return false;
    if (rises && !own)
        refuse_epoch(actuator, action);
    else
        refuse_id(actuator, action,
                  rises ? "no action id that comes near" : "a higher action id than");
    return true;
}

/* Whether it must wait; then it has been answered. */
static bool must_wait(struct actuator *actuator, const struct action *action)
{
    const char *why = NULL;
    if (actuator->stopping)
        why = "the daemon stops";
    if (actuator->work_count >= ACTIONS_MAX)
        why = "too many actions are under way";
    for (const struct work *work = actuator->works; work != NULL && why == NULL; work = work->next)
        if (strcmp(work->action->node.name, action->node.name) == 0)
            why = "another action on this node is under way";
    if (why != NULL)
        answer(actuator, action, OUTCOME_AGAIN, TROUBLE_NONE, why);
    return why != NULL;
}

static struct work *new_work(struct actuator *actuator, struct message *message)
{
    struct work *work = calloc(1, sizeof *work);
    struct arena *arena = arena_new(WORK_ARENA_BYTES);
    if (work == NULL || arena == NULL) {
        arena_free(arena);
        free(work);
        return NULL;
    }
    work->actuator = actuator;
    work->message = message;
    work->action = message_action(message);
    work->began_mono_ms = clock_mono_ms();
    work->deadline_mono_ms = work->began_mono_ms + actuator->config->life.action_deadline_ms;
    work->facts.arena = arena;
    work->facts.pods_seen = actuator->pods_seen;
    work->rail = "";
    work->early_outcome = OUTCOME_AGAIN;
    work->next = actuator->works;
    actuator->works = work;
    actuator->work_count++;
    return work;
}

void actuator_take(struct actuator *actuator, struct message *message)
{
    const struct action *action = message_action(message);
    if (is_known(actuator, action) || must_wait(actuator, action)) {
        message_free(message);
        return;
    }
    struct work *work = new_work(actuator, message);
    if (work == NULL) {
        answer(actuator, action, OUTCOME_FAILED, TROUBLE_STORAGE, "out of memory for an action");
        message_free(message);
        return;
    }
    struct verdict verdict = judge_request(actuator->config, action);
    if (!work_refused(work, &verdict))
        do_action[action->kind](work);
}

/* ---------------------------------------------------------------------------- begin and end */

bool actuator_init(struct actuator *actuator, struct error *error)
{
    actuator->kept = calloc(RESULTS_KEPT, sizeof *actuator->kept);
    actuator->sinces = calloc(1, sizeof *actuator->sinces);
    actuator->paces = calloc(1, sizeof *actuator->paces);
    actuator->pods_seen = calloc(1, sizeof *actuator->pods_seen);
    actuator->price_arena = arena_new(PRICE_ARENA_BYTES);
    actuator->requests_remaining = -1;
    return (actuator->kept != NULL && actuator->sinces != NULL && actuator->paces != NULL &&
            actuator->pods_seen != NULL && actuator->price_arena != NULL) ||
           error_set(error, "out of memory for the actuator");
}

void actuator_work_ended(struct actuator *actuator)
{
    if (actuator->stopping && actuator->work_count == 0 && actuator->idle != NULL)
        actuator->idle(actuator->argument);
}

/* A work that ends unlinks itself, and none is added while the daemon stops. */
static void for_each(struct actuator *actuator, void (*what)(struct work *))
{
    struct work *next;
    for (struct work *work = actuator->works; work != NULL; work = next) {
        next = work->next;
        what(work);
    }
}

void actuator_stop(struct actuator *actuator)
{
    bool none = actuator->work_count == 0;
    actuator->stopping = true;
    for_each(actuator, work_stop);
    if (none)
        actuator_work_ended(actuator);
}

void actuator_new_asker(struct actuator *actuator, uint64_t epoch)
{
    uint64_t logged = audit_highest(actuator->audit).epoch;
    actuator->epoch = logged > epoch ? logged : epoch; /* as the core goes on, too */
    for_each(actuator, work_forget_asker);
}

void actuator_abandon(struct actuator *actuator)
{
    for_each(actuator, work_abandon);
}

void actuator_clear(struct actuator *actuator)
{
    for_each(actuator, work_free);
    actuator->works = NULL;
    actuator->work_count = 0;
    for (unsigned i = 0; i < POOLS_MAX; i++) {
        free(actuator->cloud_init[i]);
        secret_free(actuator->join_token[i]);
    }
    hetzner_price_list_free(&actuator->prices);
    arena_free(actuator->price_arena);
    audit_close(actuator->audit);
    free(actuator->sinces);
    free(actuator->paces);
    free(actuator->pods_seen);
    free(actuator->kept);
    *actuator = (struct actuator){0};
}
