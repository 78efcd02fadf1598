/* Performing what a step said, in one written order. May not: step the core. */
#include "reconciler/perform.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

static void write_checkpoint(struct shell *shell)
{
    struct untold *untold = &shell->untold;
    struct error error = {""};
    if (!shell->output->checkpoint_changed || shell->output->checkpoint == NULL)
        return;
    bool good = checkpoint_file_write(&shell->checkpoint, shell->output->checkpoint, &error);
    metric_add(good ? M_CHECKPOINTS : M_CHECKPOINT_ERRORS, 0, 0, 1);
    if (good == !untold->storage_failed)
        return;
    if (good)
        log_info("the checkpoint can be written again");
    else
        log_error("%s", error.text);
    untold->storage_failed = !good;
    untold->storage_why = error;
}

static void keep_unsent(struct shell *shell, const struct action *action, const struct error *why)
{
    struct untold *untold = &shell->untold;
    log_warning("%s", why->text);
    if (untold->unsent_count == UNSENT_MAX) {
        log_warning("more than %d actions could not be sent: the core waits for the result of "
                    "%" PRIu64 "-%" PRIu64 " in vain, and asks again",
                    UNSENT_MAX, action->id.epoch, action->id.counter);
        return;
    }
    untold->unsent_why = *why;
    untold->unsent[untold->unsent_count++] =
        (struct action_result){.id = action->id,
                               .kind = action->kind,
                               .outcome = OUTCOME_FAILED,
                               .trouble = TROUBLE_UNREACHABLE,
                               .text = untold->unsent_why.text};
}

static void send_actions(struct shell *shell)
{
    const struct core_output *output = shell->output;
    struct error error = {""};
    /* A reconciler that is stopping asks for nothing more, and decides nothing that is done. */
    for (uint32_t i = 0; i < output->action_count && !shell->stopping; i++) {
        const struct action *action = &output->action[i].action;
        if (!worker_send(shell->worker, ROLE_ACTUATOR, MESSAGE_action, action, &error)) {
            keep_unsent(shell, action, &error);
            continue;
        }
        metric_add(M_ACTIONS_ASKED, action->kind, 0, 1);
        log_info("asks %" PRIu64 "-%" PRIu64 " %s of %s (%s): %s", action->id.epoch,
                 action->id.counter, action_kind_word(action->kind), action->node.name,
                 reason_word(action->reason), action->text);
    }
}

void perform_status(struct shell *shell)
{
    struct error error = {""};
    const struct status *status = shell->output->status;
    if (status != NULL && worker_has_peer(shell->worker, ROLE_MONITOR) &&
        !worker_send(shell->worker, ROLE_MONITOR, MESSAGE_status, status, &error))
        log_debug("%s", error.text);
}

static void ask_polls(struct shell *shell)
{
    static const enum role pollers[source_count] = {
        [SOURCE_GITEA] = ROLE_POLLER_GITEA,
        [SOURCE_HETZNER] = ROLE_POLLER_HETZNER,
        [SOURCE_KUBE] = ROLE_POLLER_KUBE,
    };
    const struct poll_now now = {.text = "the core waits for a fresh look"};
    for (unsigned source = 0; source < source_count; source++) {
        struct error error = {""};
        if ((shell->output->poll_now & (1u << source)) != 0 &&
            worker_has_peer(shell->worker, pollers[source]) &&
            !worker_send(shell->worker, pollers[source], MESSAGE_poll_now, &now, &error))
            log_debug("%s", error.text);
    }
}

static void arm_timer(struct shell *shell)
{
    int64_t wait_ms = shell->output->wake_ms - clock_mono_ms();
    if (wait_ms < 1)
        wait_ms = 1;
    if (wait_ms > CORE_WAKE_MS_MAX)
        wait_ms = CORE_WAKE_MS_MAX;
    const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
    event_add(shell->timer, &wait);
}

static void write_lines(const struct core_output *output)
{
    static void (*const writers[verbosity_count])(const char *, ...) = {
        [VERBOSITY_DEBUG] = log_debug,
        [VERBOSITY_INFO] = log_info,
        [VERBOSITY_WARNING] = log_warning,
        [VERBOSITY_ERROR] = log_error,
    };
    for (uint32_t i = 0; i < output->line_count; i++)
        writers[output->line[i].level]("%s", output->line[i].text);
    if (output->lines_lost > 0)
        log_warning("%" PRIu32 " further lines of this step were not kept", output->lines_lost);
}

static void count(const struct core_output *output)
{
    if (output->measured.provision_ms > 0)
        metric_observe(M_PROVISION_SECONDS, 0, (double)output->measured.provision_ms / 1000);
    if (output->measured.teardown_ms > 0)
        metric_observe(M_TEARDOWN_SECONDS, 0, (double)output->measured.teardown_ms / 1000);
}

static void make_status_line(struct shell *shell)
{
    const struct status *status = shell->output->status;
    if (status == NULL)
        return;
    snprintf(shell->status_line, sizeof shell->status_line,
             "%s: %" PRIu32 " nodes, jobs: %" PRIu64 " running, %" PRIu64 " waiting, %" PRIu32
             " alarms",
             mode_word(status->mode), status->nodes_count, status->jobs_running,
             status->jobs_waiting, status->alarms_count);
}

void perform_output(struct shell *shell)
{
    write_checkpoint(shell);
    send_actions(shell);
    if (shell->output->status_changed)
        perform_status(shell);
    ask_polls(shell);
    arm_timer(shell);
    write_lines(shell->output);
    count(shell->output);
    make_status_line(shell);
}
