/* One worker's life: started, watched, killed when it hangs, started again after a pause.
 * May not: know what any worker does, decide on a reload or on the end. */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "proto/worker.h"
#include "supervisor/supervisor.h"

static const char *name_of(const struct life *life)
{
    return role_word(life->row->role);
}

static void kill_now(struct life *life, const char *why)
{
    if (life->pid <= 0)
        return;
    log_error("%s (process %ld) is killed: %s", name_of(life), (long)life->pid, why);
    if (!users_kill(&life->user, life->pid))
        log_error("%s (process %ld) cannot be killed: %s", name_of(life), (long)life->pid,
                  strerror(errno));
    life->due_ms = 0; /* once: waitpid tells when it is over */
}

static void forget_process(struct life *life)
{
    channel_free(life->channel);
    life->channel = NULL;
    life->pid = 0;
    life->text[0] = '\0';
    worker_files_free(&life->files);
}

/* ------------------------------------------------------------------------------------ start */

/* Two ends of a new control channel: ours, and the worker's. */
static bool start_process(struct life *life, struct error *error)
{
    char path[SPAWN_PATH_BYTES_MAX];
    int ends[2];
    if (!spawn_find(life->supervisor->folder, life->row->program, path, error))
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set_errno(error, errno, "no socket pair for the %s", name_of(life));
    bool started = spawn_worker(path, life->row->argument, ends[1], &life->pid, error);
    close(ends[1]);
    if (!started) {
        life->pid = 0;
        close(ends[0]);
        return false;
    }
    return contact_open(life, ends[0], error);
}

/* Each start of the reconciler has an epoch of its own; the others hear the one that holds. */
static bool epoch_for(struct life *life, uint64_t *epoch, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    if (life->row->role == ROLE_RECONCILER &&
        !state_dir_raise_epoch(&supervisor->state, clock_wall_ms(), &supervisor->epoch, error))
        return false;
    *epoch = supervisor->epoch > 0 ? supervisor->epoch : 1;
    return true;
}

static int64_t start_limit_ms(const struct config *config)
{
    int64_t heartbeat = config->supervisor.heartbeat_timeout_ms;
    return heartbeat > WORKER_START_MS_MAX ? heartbeat : WORKER_START_MS_MAX;
}

static void died(struct life *life);

void life_start(struct life *life)
{
    assert(life->pid == 0);
    struct error error = {""};
    uint64_t epoch;
    int64_t now = clock_mono_ms();
    life->generation++;
    life->heard_ms = now;
    life->again = false;
    life->lines_lost = 0;
    life->proposal = PROPOSAL_NONE;
    if (!epoch_for(life, &epoch, &error) || !start_process(life, &error) ||
        !contact_equip(life, epoch, &error)) {
        log_error("%s cannot be started: %s", name_of(life), error.text);
        if (life->pid > 0) {
            life->state = LIFE_STARTING;
            kill_now(life, "its start failed");
        } else {
            died(life);
        }
        return;
    }
    life->state = LIFE_STARTING;
    life->due_ms = now + start_limit_ms(life->supervisor->config);
    log_debug("%s is started (process %ld, start %llu)", name_of(life), (long)life->pid,
              (unsigned long long)life->generation);
}

/* -------------------------------------------------------------------------------------- end */

static void say_how(const struct life *life, int status)
{
    long pid = (long)life->pid;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        log_error("%s (process %ld) was killed by its sandbox (SIGSYS): it made a system call that "
                  "docs/sandbox.md lists as one that is never right. It may have been taken over: "
                  "`journalctl -k -g 'type=1326.* pid=%ld'` (or dmesg) shows the call; keep it, "
                  "and look at what the worker read last",
                  name_of(life), pid, pid);
    else if (WIFSIGNALED(status))
        log_error("%s (process %ld) was ended by signal %d", name_of(life), pid, WTERMSIG(status));
    else if (life->state != LIFE_STOPPING)
        log_error("%s (process %ld) ended with status %d", name_of(life), pid, WEXITSTATUS(status));
    else if (WEXITSTATUS(status) != 0)
        log_warning("%s (process %ld) ended with status %d", name_of(life), pid,
                    WEXITSTATUS(status));
    else
        log_debug("%s (process %ld) has ended", name_of(life), pid);
}

/* It is to be started again, after a pause; or that has been too often. */
static void died(struct life *life)
{
    struct supervisor *supervisor = life->supervisor;
    const struct config_supervisor *rules = &supervisor->config->supervisor;
    struct restart_limits limits = {
        .restarts_max = rules->restarts_max,
        .within_ms = rules->restarts_within_ms,
        .first_ms = rules->restart_first_ms,
        .most_ms = rules->restart_most_ms,
    };
    int64_t pause, now = clock_mono_ms();
    if (!restarts_note(&life->restarts, &limits, now, &pause)) {
        char within[CLOCK_TEXT_BYTES];
        life->state = LIFE_OFF;
        log_error("%s has died more than %llu times within %s (supervisor.restarts_max): Ebbtide "
                  "ends, because a fleet that nobody watches should be noticed; the lines above "
                  "say why it died",
                  name_of(life), (unsigned long long)limits.restarts_max,
                  clock_format_duration(limits.within_ms, within));
        stopping_begin(supervisor, 1);
        return;
    }
    char text[CLOCK_TEXT_BYTES];
    life->state = LIFE_WAITING;
    life->due_ms = now + pause;
    log_warning("%s is started again in %s", name_of(life), clock_format_duration(pause, text));
    supervisor_arm(supervisor);
}

void life_ended(struct life *life, int status)
{
    struct supervisor *supervisor = life->supervisor;
    bool asked = life->state == LIFE_STOPPING;
    say_how(life, status);
    forget_process(life);
    life->due_ms = 0;
    if (supervisor->stopping) {
        life->state = LIFE_OFF;
        stopping_look(supervisor);
    } else if (asked) {
        life->state = LIFE_OFF;
        if (life->again)
            life_start(life);
    } else {
        if (life->proposal == PROPOSAL_ASKED)
            reload_drop(supervisor, "a worker died while it was asked");
        died(life);
    }
}

void life_stop(struct life *life, int64_t deadline_ms, bool again)
{
    if (life->pid == 0) {
        life->state = LIFE_OFF;
        return;
    }
    life->state = LIFE_STOPPING;
    life->due_ms = deadline_ms;
    life->again = again;
    if (life->channel == NULL ||
        !life_send(life, MESSAGE_stop, &(struct stop){.deadline_mono_ms = deadline_ms}, -1))
        kill_now(life, "it cannot be asked to end");
}

/* ------------------------------------------------------------------------------------ watch */

void life_tick(struct life *life, int64_t now_ms, int64_t late_ms)
{
    int64_t silence_max = life->supervisor->config->supervisor.heartbeat_timeout_ms;
    life->heard_ms += late_ms;
    switch (life->state) {
    case LIFE_OFF: return;
    case LIFE_WAITING:
        if (now_ms >= life->due_ms)
            life_start(life);
        return;
    case LIFE_STARTING:
        if (life->due_ms != 0 && now_ms >= life->due_ms)
            kill_now(life, "it was not ready in time");
        return;
    case LIFE_RUNNING:
        if (life->due_ms != 0 && now_ms >= life->due_ms)
            kill_now(life, "its control channel is gone");
        else if (now_ms - life->heard_ms > silence_max) {
            kill_now(life, "no heartbeat came within supervisor.heartbeat_timeout");
            life->heard_ms = now_ms;
        }
        return;
    case LIFE_STOPPING:
        if (life->due_ms != 0 && now_ms >= life->due_ms)
            kill_now(life, "it did not end in time");
        return;
    }
}

struct life *life_of(struct supervisor *supervisor, enum role role)
{
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        if (supervisor->life[i].row->role == role)
            return &supervisor->life[i];
    return NULL;
}

bool life_is_reachable(const struct life *life)
{
    return life->channel != NULL && (life->state == LIFE_STARTING || life->state == LIFE_RUNNING);
}

bool life_send(struct life *life, enum message_id id, const void *body, int descriptor)
{
    struct error error = {""};
    if (life->channel != NULL && channel_send(life->channel, id, body, descriptor, &error))
        return true;
    log_warning("%s: %s cannot be sent: %s", name_of(life), message_name(id),
                life->channel == NULL ? "its channel is closed" : error.text);
    return false;
}

void life_free(struct life *life)
{
    if (life->pid > 0) {
        (void)users_kill(&life->user, life->pid);
        while (waitpid(life->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    forget_process(life);
}
