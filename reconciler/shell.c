/* Events for the core: what the peers say, with the time. May not: decide. */
#include "reconciler/shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "reconciler/perform.h"

#define TELL_MAX         (UNSENT_MAX + TELL_STORAGE_MAX) /* steps at a time */
#define TELL_STORAGE_MAX 4 /* of these; each is a write of the checkpoint */

/* ------------------------------------------------------------------------------- stepping */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void ask_segment(struct shell *shell)
{
    struct error error = {""};
    const struct file_wanted wanted = {.kind = FILE_CAPTURE};
    if (capture_wants(&shell->capture, clock_mono_ms()) &&
        !worker_send(shell->worker, ROLE_SUPERVISOR, MESSAGE_file_wanted, &wanted, &error))
        log_debug("%s", error.text);
}

void shell_configure_capture(struct shell *shell, const struct config *config)
{
    capture_configure(&shell->capture, config, worker_epoch(shell->worker));
    ask_segment(shell);
}

static void step_once(struct shell *shell, struct core_event *event)
{
    event->mono_ms = clock_mono_ms();
    event->wall_ms = clock_wall_ms();
    double entered = seconds_now();
    capture_event(&shell->capture, shell->core, event);
    double began = seconds_now();
    core_step(shell->core, event, shell->output);
    double ended = seconds_now();
    metric_observe(M_STEP_SECONDS, 0, ended - began);
    if (shell->capture.enabled) {
        capture_output(&shell->capture, shell->output, event->mono_ms);
        metric_observe(M_CAPTURE_SECONDS, 0, began - entered + seconds_now() - ended);
        ask_segment(shell);
    }
    message_free(shell->output->released);
    perform_output(shell);
}

static void tell_storage(struct shell *shell)
{
    struct untold *untold = &shell->untold;
    const struct error why = untold->storage_why; /* the step may write another */
    struct core_event event = {.kind = CORE_STORAGE,
                               .u.storage_trouble = untold->storage_failed ? why.text : NULL};
    untold->storage_told = untold->storage_failed;
    step_once(shell, &event);
}

static void tell_unsent(struct shell *shell)
{
    struct untold *untold = &shell->untold;
    const struct error why = untold->unsent_why;
    struct action_result first = untold->unsent[0];
    struct core_event event = {.kind = CORE_RESULT, .u.result = &first};
    first.text = why.text;
    memmove(untold->unsent, untold->unsent + 1, --untold->unsent_count * sizeof first);
    step_once(shell, &event);
}

/* Tells the core what could not be performed. Each telling is a step of its own, which writes and
 * asks again: a disk that fails in one write and not in the next would keep this busy for ever. */
static void tell_rest(struct shell *shell)
{
    const struct untold *untold = &shell->untold;
    unsigned told = 0; /* of the storage */
    for (unsigned i = 0; i < TELL_MAX; i++) {
        if (untold->storage_failed != untold->storage_told && told++ < TELL_STORAGE_MAX)
            tell_storage(shell);
        else if (untold->unsent_count > 0 && !shell->stopping)
            tell_unsent(shell);
        else
            return;
    }
}

void shell_step(struct shell *shell, struct core_event *event)
{
    tell_rest(shell); /* what there were too many turns of: nothing is decided without it */
    step_once(shell, event);
    tell_rest(shell);
}

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what;
    struct core_event event = {.kind = CORE_TICK};
    shell_step(argument, &event);
}

/* ------------------------------------------------------------------------------- messages */

static enum source source_of(enum role poller)
{
    if (poller == ROLE_POLLER_GITEA)
        return SOURCE_GITEA;
    return poller == ROLE_POLLER_HETZNER ? SOURCE_HETZNER : SOURCE_KUBE;
}

/* A poller speaks for its own API only. Warned of once: it could say it for ever. */
static bool speaks_for(struct shell *shell, enum role peer, enum source source)
{
    if (source == source_of(peer))
        return true;
    bool known = (shell->pretenders & ROLE_BIT(peer)) != 0;
    shell->pretenders |= ROLE_BIT(peer);
    (known ? log_debug : log_warning)("the %s speaks for %s, which it does not read; not believed",
                                      role_word(peer), source_word(source));
    return false;
}

/* A webhook's hint only makes the next look come sooner; the core is told nothing. False: there
 * were too many. */
static bool pass_hint(struct shell *shell)
{
    struct error error = {""};
    const struct poll_now now = {.text = "a webhook says that a job waits"};
    if (!hint_budget_take(&shell->hints, clock_mono_ms())) {
        metric_add(M_HINTS_DROPPED, 0, 0, 1);
        return false;
    }
    metric_add(M_HINTS_TAKEN, 0, 0, 1);
    if (worker_has_peer(shell->worker, ROLE_POLLER_GITEA) &&
        !worker_send(shell->worker, ROLE_POLLER_GITEA, MESSAGE_poll_now, &now, &error))
        log_debug("%s", error.text);
    return true;
}

/* Makes the event of a message. False where there is nothing for the core. *kept: the core has it.
 */
static bool make_event(struct shell *shell, enum role peer, struct message *message,
                       struct core_event *event, bool *kept)
{
    *kept = false;
    if (message->id == MESSAGE_gitea_snapshot) {
        *event =
            (struct core_event){.kind = CORE_GITEA, .u.gitea = message_gitea_snapshot(message)};
        *kept = true;
    } else if (message->id == MESSAGE_hetzner_snapshot) {
        *event = (struct core_event){.kind = CORE_HETZNER,
                                     .u.hetzner = message_hetzner_snapshot(message)};
        *kept = true;
    } else if (message->id == MESSAGE_kube_snapshot) {
        *event = (struct core_event){.kind = CORE_KUBE, .u.kube = message_kube_snapshot(message)};
        *kept = true;
    } else if (message->id == MESSAGE_poll_trouble) {
        *event = (struct core_event){.kind = CORE_POLL_TROUBLE,
                                     .u.poll_trouble = message_poll_trouble(message)};
        return speaks_for(shell, peer, event->u.poll_trouble->source);
    } else if (message->id == MESSAGE_token_writes) {
        *event = (struct core_event){.kind = CORE_TOKEN_WRITES,
                                     .u.token_writes = message_token_writes(message)};
        return speaks_for(shell, peer, event->u.token_writes->source);
    } else if (message->id == MESSAGE_actuator_state) {
        *event = (struct core_event){.kind = CORE_ACTUATOR_STATE,
                                     .u.actuator_state = message_actuator_state(message)};
    } else if (message->id == MESSAGE_audit_news) {
        *event = (struct core_event){.kind = CORE_AUDIT_NEWS,
                                     .u.audit_news = message_audit_news(message)};
    } else if (message->id == MESSAGE_action_result) {
        *event =
            (struct core_event){.kind = CORE_RESULT, .u.result = message_action_result(message)};
    } else {
        return false;
    }
    return true;
}

static void log_result(const struct action_result *result)
{
    void (*say)(const char *, ...) = result->outcome == OUTCOME_DONE ? log_info : log_debug;
    if (result->outcome == OUTCOME_FAILED || result->outcome == OUTCOME_REFUSED)
        say = log_warning;
    say("hears %" PRIu64 "-%" PRIu64 " %s: %s, %s", result->id.epoch, result->id.counter,
        action_kind_word(result->kind), outcome_word(result->outcome), result->text);
}

void shell_message(struct shell *shell, enum role peer, struct message *message)
{
    struct core_event event;
    bool kept = false;
    if (message->id == MESSAGE_action_result)
        log_result(message_action_result(message));
    if (message->id == MESSAGE_job_hint && !pass_hint(shell)) {
        message_free(
            message); /* nor captured: a flood of them is not to push out what was decided */
        return;
    }
    if (make_event(shell, peer, message, &event, &kept)) {
        event.owner = kept ? message : NULL;
        shell_step(shell, &event);
    } else {
        capture_heard(&shell->capture, clock_mono_ms(), clock_wall_ms(), message);
    }
    if (!kept)
        message_free(message);
}

/* ------------------------------------------------------------------------------- its life */

static bool make_core(struct shell *shell, const struct config *config, struct error *error)
{
    shell->block = malloc(core_size(config));
    shell->output = calloc(1, sizeof *shell->output);
    shell->timer = event_new(worker_base(shell->worker), -1, 0, on_timer, shell);
    if (shell->block == NULL || shell->output == NULL || shell->timer == NULL)
        return error_set(error, "no memory for the core (%zu bytes)", core_size(config));
    shell->core = core_init(shell->block, config, worker_epoch(shell->worker));
    return true;
}

bool shell_start(struct shell *shell, struct worker *worker, const struct config *config,
                 struct error *error)
{
    shell->worker = worker;
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++) {
        if (shell->checkpoint.slot[i] < 0)
            return error_set(error, "slot %u of the checkpoint did not come", i);
    }
    if (!make_core(shell, config, error))
        return false;
    capture_configure(&shell->capture, config, worker_epoch(worker));
    return true;
}

void shell_recall(struct shell *shell)
{
    struct error note, error;
    struct message *message = NULL;
    /* The world is still there to be looked at: better to go on with less memory than not. */
    if (!checkpoint_file_read(&shell->checkpoint, &message, &note, &error))
        log_error("%s", error.text);
    if (note.text[0] != '\0')
        log_warning("%s", note.text);
    struct core_event event = {.kind = CORE_CHECKPOINT,
                               .u.checkpoint =
                                   message == NULL ? NULL : message_checkpoint(message)};
    shell_step(shell, &event);
    message_free(message);
}

void shell_free(struct shell *shell)
{
    void *owners[source_count] = {NULL};
    if (shell->core != NULL)
        core_end(shell->core, owners);
    for (unsigned i = 0; i < source_count; i++)
        message_free(owners[i]);
    if (shell->timer != NULL)
        event_free(shell->timer);
    checkpoint_file_close(&shell->checkpoint);
    capture_close(&shell->capture);
    free(shell->output);
    free(shell->block);
}

void shell_describe_rest(const struct shell *shell, char *out, size_t size)
{
    const struct status *status = shell->output->status;
    out[0] = '\0';
    if (status == NULL || status->nodes_count == 0)
        return;
    int used =
        snprintf(out, size, "%" PRIu32 " servers stay rented and paid:", status->nodes_count);
    for (uint32_t i = 0; i < status->nodes_count && used > 0 && (size_t)used < size; i++)
        used += snprintf(out + used, size - (size_t)used, " %s (%s)", status->nodes[i].name,
                         node_state_word(status->nodes[i].state));
}
