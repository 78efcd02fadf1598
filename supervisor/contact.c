/* What is said to a worker, and what is heard from it. May not: start, kill or reload by itself. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

static const char *name_of(const struct life *life)
{
    return role_word(life->row->role);
}

/* ------------------------------------------------------------------------------------ heard */

static void on_ready(struct life *life, const struct ready *ready)
{
    if (life->state != LIFE_STARTING) {
        log_warning("%s says `ready` when it was not starting", name_of(life));
        return;
    }
    life->state = LIFE_RUNNING;
    life->due_ms = 0;
    log_info("%s runs (process %ld)%s%s", name_of(life), (long)life->pid,
             ready->text[0] == '\0' ? "" : ": ", ready->text);
    contact_report(life->supervisor);
}

static void on_heartbeat(struct life *life, const struct heartbeat *heartbeat)
{
    if (heartbeat->lines_lost > life->lines_lost)
        log_warning("%s lost %llu log lines: standard error is not read fast enough", name_of(life),
                    (unsigned long long)(heartbeat->lines_lost - life->lines_lost));
    life->lines_lost = heartbeat->lines_lost;
    snprintf(life->text, sizeof life->text, "%s", heartbeat->text);
    contact_report(life->supervisor);
}

/* The next segment of the capture; what is bounded is bounded before it is made. */
static void send_capture(struct life *life)
{
    struct supervisor *supervisor = life->supervisor;
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    uint32_t number;
    supervisor->capture_ms = clock_mono_ms();
    int descriptor = capture_dir_next(&supervisor->state, supervisor->config, &number, name,
                                      sizeof name, &error);
    if (descriptor < 0) {
        log_error("the capture gets no segment: %s", error.text);
        return;
    }
    life_send(life, MESSAGE_file,
              &(struct file){.kind = FILE_CAPTURE, .index = number, .name = name}, descriptor);
    close(descriptor);
}

/* Whether the actuator may have this segment of the audit log; says so where it may not. */
static bool may_have_segment(struct supervisor *supervisor, const char *file, uint64_t index)
{
    struct audit_steps *steps = &supervisor->audit_steps;
    const struct config *config = supervisor->config;
    struct error error;
    int64_t bytes = state_dir_segment_bytes(&supervisor->state, config, file, steps->last);
    if (audit_steps_take(steps, index, bytes < 0 ? 0 : (uint64_t)bytes,
                         config->files.audit_max_bytes, clock_mono_ms(), &error))
        return true;
    log_warning("actuator gets no segment of the audit log: %s", error.text);
    return false;
}

/* The next segment of the audit log, or of the capture. */
static void on_file_wanted(struct life *life, const struct file_wanted *wanted)
{
    struct supervisor *supervisor = life->supervisor;
    if (wanted->kind == FILE_CAPTURE && life->row->role == ROLE_RECONCILER) {
        /* Each takes the oldest away in the end: one that was taken over is not to empty the folder
         * at once. It asks again by itself. */
        if (supervisor->config->capture.enabled &&
            clock_mono_ms() - supervisor->capture_ms >= CAPTURE_MS_MIN)
            send_capture(life);
        return;
    }
    const struct config_files *files = &supervisor->config->files;
    const char *file = NULL;
    if (wanted->kind == FILE_AUDIT && life->row->role == ROLE_ACTUATOR)
        file = files->audit_file;
    if (file == NULL || file[0] == '\0') {
        log_warning("%s asks for a file of kind %s, which is not for it", name_of(life),
                    file_kind_word(wanted->kind));
        return;
    }
    if (!may_have_segment(supervisor, file, wanted->index))
        return;
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    int descriptor = state_dir_segment(&supervisor->state, supervisor->config, file,
                                       (unsigned)wanted->index, name, sizeof name, &error);
    if (descriptor < 0) {
        log_error("%s does not get its next segment: %s", name_of(life), error.text);
        return;
    }
    life_send(life, MESSAGE_file,
              &(struct file){.kind = wanted->kind, .index = wanted->index, .name = name},
              descriptor);
    close(descriptor);
}

static void on_stopped(struct life *life, const struct stopped *stopped)
{
    if (stopped->text[0] != '\0')
        log_info("%s has stopped: %s", name_of(life), stopped->text);
    else
        log_info("%s has stopped", name_of(life));
}

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel;
    struct life *life = argument;
    life->heard_ms = clock_mono_ms();
    if (descriptor >= 0)
        close(descriptor);
    /* The channel lets pass only what a worker may say to the supervisor. */
    if (message->id == MESSAGE_ready)
        on_ready(life, message_ready(message));
    else if (message->id == MESSAGE_heartbeat)
        on_heartbeat(life, message_heartbeat(message));
    else if (message->id == MESSAGE_configured)
        reload_answer(life, message_configured(message));
    else if (message->id == MESSAGE_file_wanted)
        on_file_wanted(life, message_file_wanted(message));
    else if (message->id == MESSAGE_audit_head)
        audit_note_take(&life->supervisor->audit_note, message_audit_head(message));
    else if (message->id == MESSAGE_stopped)
        on_stopped(life, message_stopped(message));
    message_free(message);
}

/* A worker without a control channel cannot be led: it ends by itself (the channel's end tells it),
 * or is killed soon. One that has ended already is about to be reaped. */
static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct life *life = argument;
    if (life->state == LIFE_STARTING || life->state == LIFE_RUNNING) {
        log_warning("%s: its control channel is closed: %s", name_of(life), why->text);
        life->due_ms = clock_mono_ms() + LOST_CONTROL_MS;
    }
    life->channel = NULL;
    channel_free(channel);
}

bool contact_open(struct life *life, int descriptor, struct error *error)
{
    const struct channel_identity identity = {
        .self = ROLE_SUPERVISOR, .peer = life->row->role, .generation = life->generation};
    const struct channel_callbacks callbacks = {.message = on_message, .closed = on_closed};
    life->channel =
        channel_open(life->supervisor->base, descriptor, &identity, &callbacks, life, error);
    return life->channel != NULL;
}

/* ------------------------------------------------------------------------------------- said */

bool contact_configure(struct life *life, const struct config *config, uint64_t generation,
                       uint64_t epoch, struct error *error)
{
    struct config_settings settings;
    if (!config_export(config, life->row->role, &settings, error))
        return false;
    struct configure configure = {
        .generation = generation,
        .epoch = epoch,
        .settings = settings.setting,
        .settings_count = settings.count,
    };
    bool sent = channel_send(life->channel, MESSAGE_configure, &configure, -1, error);
    config_settings_free(&settings);
    return sent;
}

/* Sends and closes what was opened for it; -1 is a failure that `error` tells already. */
static bool send_file(struct life *life, enum file_kind kind, unsigned index, const char *name,
                      int descriptor, struct error *error)
{
    if (descriptor < 0)
        return false;
    struct file file = {.kind = kind, .index = index, .name = name};
    bool sent = channel_send(life->channel, MESSAGE_file, &file, descriptor, error);
    close(descriptor);
    return sent;
}

static bool send_segment(struct life *life, enum file_kind kind, const char *file, unsigned index,
                         struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    char name[CONFIG_PATH_BYTES_MAX];
    int descriptor = state_dir_segment(&supervisor->state, supervisor->config, file, index, name,
                                       sizeof name, error);
    return send_file(life, kind, index, name, descriptor, error);
}

/* Both slots, where at least one is there, and what misses is made; none where no keys were set up.
 */
static bool send_audit_key(struct life *life, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    bool keys = state_dir_has_audit_key(&supervisor->state);
    for (unsigned slot = 0; slot < 2 && keys; slot++) {
        char name[CONFIG_PATH_BYTES_MAX];
        int descriptor = state_dir_audit_key(&supervisor->state, supervisor->config, slot, name,
                                             sizeof name, error);
        if (!send_file(life, FILE_AUDIT_KEY, slot, name, descriptor, error))
            return false;
    }
    return true;
}

/* What was noted so far, all of it: it is compared with the log. */
static bool send_audit_head(struct life *life, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    char name[CONFIG_PATH_BYTES_MAX];
    audit_note_write(&supervisor->audit_note);
    int descriptor = state_dir_audit_head(&supervisor->state, supervisor->config, O_RDONLY, name,
                                          sizeof name, error);
    return send_file(life, FILE_AUDIT_HEAD, 0, name, descriptor, error);
}

/* What a later one follows is there to be read: whoever took the actuator over changes it no more.
 */
static bool send_old_segment(struct life *life, const char *file, unsigned index,
                             struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    char name[CONFIG_PATH_BYTES_MAX];
    int descriptor = state_dir_old_segment(&supervisor->state, supervisor->config, file, index,
                                           name, sizeof name, error);
    return send_file(life, FILE_AUDIT_BEFORE, index, name, descriptor, error);
}

/* The actuator reads the last two: an intent and its outcome may stand on both sides of the border.
 * Where nothing stands in the last one yet, the one before it may still be the one in use. */
static bool send_audit(struct life *life, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    const char *file = supervisor->config->files.audit_file;
    const struct config *config = supervisor->config;
    unsigned last;
    if (!state_dir_last_segment(&supervisor->state, config, file, &last, error))
        return false;
    supervisor->audit_steps.last = last;
    bool before =
        last > 0 && state_dir_segment_bytes(&supervisor->state, config, file, last - 1) >= 0;
    bool begun = state_dir_segment_bytes(&supervisor->state, config, file, last) > 0;
    if (before && !(begun ? send_old_segment(life, file, last - 1, error)
                          : send_segment(life, FILE_AUDIT, file, last - 1, error)))
        return false;
    return send_segment(life, FILE_AUDIT, file, last, error) && send_audit_key(life, error) &&
           send_audit_head(life, error);
}

static bool send_reconciler_files(struct life *life, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    const struct config *config = supervisor->config;
    for (unsigned slot = 0; slot < 2; slot++) {
        char name[CONFIG_PATH_BYTES_MAX];
        int descriptor =
            state_dir_checkpoint(&supervisor->state, config, slot, name, sizeof name, error);
        if (!send_file(life, FILE_CHECKPOINT, slot, name, descriptor, error))
            return false;
    }
    if (config->capture.enabled)
        send_capture(life);
    struct file listener = {.kind = FILE_CONTROL_LISTENER, .name = config->files.control_socket};
    return channel_send(life->channel, MESSAGE_file, &listener, supervisor->control_listener,
                        error);
}

/* For pages, and for webhooks where they are wanted. */
static bool send_listeners(struct life *life, struct error *error)
{
    const struct supervisor *supervisor = life->supervisor;
    for (unsigned which = 0; which < MONITOR_LISTENERS; which++) {
        const struct made_listener *made = &supervisor->listener[which];
        struct file file = {.kind = FILE_LISTENER, .index = which, .name = made->name};
        if (made->descriptor >= 0 &&
            !channel_send(life->channel, MESSAGE_file, &file, made->descriptor, error))
            return false;
    }
    return true;
}

/* What is not named by the configuration but made here. */
static bool send_made_files(struct life *life, struct error *error)
{
    if (life->row->role == ROLE_ACTUATOR)
        return send_audit(life, error);
    if (life->row->role == ROLE_RECONCILER)
        return send_reconciler_files(life, error);
    if (life->row->role == ROLE_MONITOR)
        return send_listeners(life, error);
    return true;
}

/* One edge: a new socket pair, one end to each. The living peer drops its older one by itself. */
static bool connect_peer(struct life *life, struct life *other, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set_errno(error, errno, "no socket pair to the %s", name_of(other));
    int size = channel_buffer_bytes(life->row->role, other->row->role);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    uint64_t epoch = life->supervisor->epoch > 0 ? life->supervisor->epoch : 1;
    struct peer to_other = {
        .role = life->row->role, .generation = life->generation, .epoch = epoch};
    struct peer to_life = {
        .role = other->row->role, .generation = other->generation, .epoch = epoch};
    bool sent = channel_send(life->channel, MESSAGE_peer, &to_life, ends[0], error);
    if (sent)
        life_send(other, MESSAGE_peer, &to_other, ends[1]); /* its own trouble, logged there */
    close(ends[0]);
    close(ends[1]);
    return sent;
}

static bool connect_peers(struct life *life, struct error *error)
{
    uint32_t peers = topology_peers(life->row->role);
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct life *other = &life->supervisor->life[i];
        if ((peers & ROLE_BIT(other->row->role)) == 0 || !life_is_reachable(other))
            continue;
        if (!connect_peer(life, other, error))
            return false;
    }
    return true;
}

bool contact_equip(struct life *life, uint64_t epoch, struct error *error)
{
    struct supervisor *supervisor = life->supervisor;
    struct worker_files files;
    if (!worker_files_open(supervisor->config, life->row->role, &files, error))
        return false;
    reach_look(life);
    bool sent =
        contact_configure(life, supervisor->config, supervisor->config_generation, epoch, error);
    if (sent)
        renew_hand_over(life, &files);
    else
        worker_files_free(&files);
    struct enter enter = {.uid = life->user.uid, .gid = life->user.gid};
    return sent && send_made_files(life, error) && reach_tell(life, error) &&
           connect_peers(life, error) &&
           channel_send(life->channel, MESSAGE_enter, &enter, -1, error);
}

/* ---------------------------------------------------------------------------------- systemd */

void contact_report(struct supervisor *supervisor)
{
    char text[256];
    unsigned wanted = 0, running = 0;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        const struct life *life = &supervisor->life[i];
        wanted += topology_wanted(life->row, supervisor->config) ? 1 : 0;
        running += life->state == LIFE_RUNNING ? 1 : 0;
    }
    if (supervisor->stopping)
        return;
    const struct life *reconciler = life_of(supervisor, ROLE_RECONCILER);
    snprintf(text, sizeof text, "%u of %u workers run%s%.180s", running, wanted,
             reconciler->text[0] == '\0' ? "" : "; ", reconciler->text);
    notify_status(&supervisor->notify, text);
    if (running == wanted && !supervisor->told_ready) {
        supervisor->told_ready = true;
        notify_ready(&supervisor->notify);
        log_info("all %u workers run", wanted);
    }
}
