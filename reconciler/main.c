/* ebbtide-reconciler: decides. Receives snapshots and results, sends actions and status.
 * May not: open a socket or a file, hold a secret. */
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "reconciler/control.h"
#include "reconciler/perform.h"

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    struct shell *shell = state;
    if (file->kind == FILE_CHECKPOINT)
        return checkpoint_file_take(&shell->checkpoint, file->index, descriptor, error);
    if (file->kind == FILE_CAPTURE && worker_config(worker) != NULL) {
        capture_configure(&shell->capture, worker_config(worker), worker_epoch(worker));
        return capture_take(&shell->capture, file->index, file->name, descriptor, error);
    }
    if (file->kind == FILE_CONTROL_LISTENER && shell->control == NULL &&
        shell->control_listener < 0) {
        shell->control_listener = descriptor;
        return true;
    }
    close(descriptor);
    return error_set(error, "the reconciler has no use for %s", file_kind_word(file->kind));
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct shell *shell = state;
    if (!shell_start(shell, worker, config, error))
        return false;
    if (shell->control_listener < 0)
        return true; /* the supervisor has said why there is none */
    shell->control =
        control_open(shell, shell->control_listener, config->files.control_group, error);
    shell->control_listener = -1; /* taken, on failure too */
    return shell->control != NULL;
}

static bool on_recall(struct worker *worker, void *state, struct error *error)
{
    (void)worker;
    (void)error;
    shell_recall(state);
    return true;
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    (void)worker;
    struct core_event event = {.kind = CORE_CONFIGURED, .u.config = config};
    shell_configure_capture(state, config);
    shell_step(state, &event);
}

static void on_peer_open(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    /* A monitor that was started again knows nothing yet. The actuator speaks first by itself. */
    if (peer == ROLE_MONITOR)
        perform_status(state);
}

static void on_peer_lost(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    struct core_event event = {.kind = CORE_ACTUATOR_LOST};
    if (peer == ROLE_ACTUATOR)
        shell_step(state, &event);
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    (void)worker;
    shell_message(state, peer, message);
}

/* What is in flight is the actuator's to finish; the checkpoint is written after each step. */
static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    (void)deadline_mono_ms;
    struct shell *shell = state;
    char text[TEXT_BYTES_MAX + 1];
    shell->stopping = true;
    event_del(shell->timer);
    shell_describe_rest(shell, text, sizeof text);
    worker_stopped(worker, text);
}

static void on_ended(struct worker *worker, void *state)
{
    (void)worker;
    struct shell *shell = state;
    control_close(shell->control);
    shell_free(shell);
}

static void on_status(char *out, size_t size, void *state)
{
    const struct shell *shell = state;
    snprintf(out, size, "%s", shell->status_line);
}

int main(void)
{
    static const struct worker_behaviour behaviour = {.role = ROLE_RECONCILER,
                                                      .file = on_file,
                                                      .start = on_start,
                                                      .recall = on_recall,
                                                      .commit = on_commit,
                                                      .peer_open = on_peer_open,
                                                      .peer_lost = on_peer_lost,
                                                      .message = on_message,
                                                      .stop = on_stop,
                                                      .ended = on_ended,
                                                      .status = on_status};
    struct shell shell = {.control_listener = -1};
    checkpoint_file_init(&shell.checkpoint);
    capture_init(&shell.capture);
    return worker_run(&behaviour, &shell);
}
