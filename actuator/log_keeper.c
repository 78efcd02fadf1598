/* The audit log's descriptors and its clock. May not: know what a line says. */
#include "actuator/log_keeper.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

void keeper_init(struct log_keeper *keeper, struct actuator *actuator)
{
    *keeper = (struct log_keeper){.actuator = actuator, .key_slot = {-1, -1}};
}

static struct audit *log_of(const struct log_keeper *keeper)
{
    return keeper->actuator->audit;
}

/* ------------------------------------------------------------------------------ descriptors */

static bool take_later_segment(struct log_keeper *keeper, const struct file *file, int descriptor,
                               struct error *error)
{
    if (file->index != keeper->segment_index + 1) { /* asked for twice, and both answers came */
        close(descriptor);
        return true;
    }
    if (!actuator_take_log(keeper->actuator, descriptor, file->name, error))
        return false; /* the same one is asked for again */
    keeper->segment_index = file->index;
    keeper->wanted_mono_ms = 0;
    return true;
}

static bool take_segment(struct log_keeper *keeper, const struct file *file, int descriptor,
                         struct error *error)
{
    if (keeper->started)
        return take_later_segment(keeper, file, descriptor, error);
    keeper->segment_index = file->index;
    if (keeper->segment_count == SEGMENTS_AT_START) {
        close(descriptor);
        return error_set(error, "more than %d segments of the audit log", SEGMENTS_AT_START);
    }
    unsigned next = keeper->segment_count++;
    keeper->segment[next].descriptor = descriptor;
    snprintf(keeper->segment[next].name, sizeof keeper->segment[0].name, "%s", file->name);
    return true;
}

static bool take_slot(struct log_keeper *keeper, const struct file *file, int descriptor,
                      struct error *error)
{
    if (keeper->started || file->index >= SEAL_SLOTS || keeper->key_slot[file->index] >= 0) {
        close(descriptor);
        return error_set(error, "%s: the audit log's key comes once, in %d files", file->name,
                         SEAL_SLOTS);
    }
    keeper->key_slot[file->index] = descriptor;
    return true;
}

/* A note that nobody can read is said and not believed: it is no reason not to act. */
static bool take_head(struct log_keeper *keeper, const struct file *file, int descriptor)
{
    struct actuator *actuator = keeper->actuator;
    struct error error = {"what stands there is none"};
    bool read = heads_read(descriptor, file->name, &actuator->noted, &error);
    close(descriptor);
    actuator->has_note = true;
    if (!read || (actuator->noted.some && actuator->noted.count == 0))
        log_error("%s holds no head of the audit log: %s", file->name, error.text);
    return true;
}

bool keeper_take(struct log_keeper *keeper, const struct file *file, int descriptor,
                 struct error *error)
{
    if (file->kind == FILE_AUDIT_KEY)
        return take_slot(keeper, file, descriptor, error);
    if (file->kind == FILE_AUDIT_HEAD)
        return take_head(keeper, file, descriptor);
    return take_segment(keeper, file, descriptor, error);
}

/* ------------------------------------------------------------------------------------ start */

/* Reads the segments, the newest last. A full disk may let the next one be made and leave no room
 * for its first line: teardown has its reserve in the one before, and the log goes on there. */
static bool read_segments(struct log_keeper *keeper, struct error *error)
{
    for (unsigned i = 0; i < keeper->segment_count; i++) {
        struct stat status = {.st_size = -1};
        const char *name = keeper->segment[i].name;
        int same = i == 0 ? -1 : dup(keeper->segment[i].descriptor); /* the read one is closed */
        bool good = actuator_take_log(keeper->actuator, keeper->segment[i].descriptor, name, error);
        bool empty = !good && same >= 0 && fstat(same, &status) == 0 && status.st_size == 0;
        if (same >= 0)
            close(same);
        if (!good && !empty)
            return false;
        if (good)
            continue;
        log_warning("the audit log cannot go on in %s, which is empty: %s; it stays in %s", name,
                    error->text, keeper->segment[i - 1].name);
        keeper->segment_index--;
    }
    return true;
}

void keeper_prepare(void)
{
    struct chain_hash sum;
    chain_sum("", 0, &sum);
}

bool keeper_read(struct log_keeper *keeper, struct worker *worker, struct error *error)
{
    keeper->worker = worker;
    if (keeper->segment_count == 0)
        return error_set(error, "no audit log was handed over: nothing can be done without one");
    if (!read_segments(keeper, error))
        return false;
    audit_take_keys(log_of(keeper), keeper->key_slot[0], keeper->key_slot[1]);
    keeper->key_slot[0] = keeper->key_slot[1] = -1;
    keeper->started = true;
    return true;
}

static void end_epoch(struct log_keeper *keeper, enum audit_seal_why why)
{
    struct error error;
    if (!audit_seal(log_of(keeper), why, clock_wall_ms(), &error))
        log_error("the audit log is not sealed: %s", error.text);
}

static void on_epoch(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    end_epoch(argument, SEAL_EPOCH);
}

static void start_clock(struct log_keeper *keeper)
{
    int64_t ms = keeper->actuator->config->files.audit_epoch_ms;
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    keeper->epoch_timer = event_new(worker_base(keeper->worker), -1, EV_PERSIST, on_epoch, keeper);
    if (keeper->epoch_timer == NULL || event_add(keeper->epoch_timer, &time) != 0)
        worker_fail(keeper->worker, "out of memory for the timer of the audit log's epochs");
}

void keeper_begin(struct log_keeper *keeper)
{
    struct error error;
    if (!audit_settle(log_of(keeper), clock_wall_ms(), &error))
        log_error("%s", error.text);
    end_epoch(keeper, SEAL_START);
    if (audit_sealed(log_of(keeper)))
        start_clock(keeper);
    if (audit_leaves(log_of(keeper)))
        keeper_want(keeper);
}

/* ------------------------------------------------------------------------------------- later */

void keeper_want(struct log_keeper *keeper)
{
    int64_t now = clock_mono_ms();
    struct error error;
    struct file_wanted wanted = {.kind = FILE_AUDIT, .index = keeper->segment_index + 1};
    if (!audit_wants_next(log_of(keeper)) ||
        (keeper->wanted_mono_ms != 0 && now - keeper->wanted_mono_ms < WANT_AGAIN_MS))
        return;
    keeper->wanted_mono_ms = now;
    if (!worker_send(keeper->worker, ROLE_SUPERVISOR, MESSAGE_file_wanted, &wanted, &error))
        log_warning("cannot ask for the audit log's next segment: %s", error.text);
}

void keeper_told_trouble(struct log_keeper *keeper)
{
    snprintf(keeper->told_trouble, sizeof keeper->told_trouble, "%s",
             audit_trouble(log_of(keeper)));
}

/* The reconciler, which makes an alarm of it, hears of what has changed since its channel opened.
 */
static void tell_trouble(struct log_keeper *keeper)
{
    struct error error;
    const struct audit_news news = {.trouble = audit_trouble(log_of(keeper))};
    if (strcmp(news.trouble, keeper->told_trouble) == 0 ||
        !worker_has_peer(keeper->worker, ROLE_RECONCILER))
        return;
    if (worker_send(keeper->worker, ROLE_RECONCILER, MESSAGE_audit_news, &news, &error))
        keeper_told_trouble(keeper);
    else
        log_warning("cannot tell what is wrong with the audit log: %s", error.text);
}

void keeper_tell(struct log_keeper *keeper)
{
    char hex[CHAIN_HEX_BYTES + 1];
    struct error error;
    if (!audit_sum_up_due(log_of(keeper), clock_mono_ms(), clock_wall_ms(), &error))
        log_error("how many actions were left out of the audit log is not written yet: %s",
                  error.text);
    tell_trouble(keeper);
    struct chain_link head = audit_head(log_of(keeper));
    if (keeper->wanted_mono_ms != 0 || audit_leaves(log_of(keeper))) /* it has not come yet */
        keeper_want(keeper);
    if (head.seq == 0 || head.seq == keeper->told_seq)
        return;
    struct audit_head message = {.sequence = head.seq, .hash = chain_hex(&head.hash, hex)};
    if (worker_send(keeper->worker, ROLE_SUPERVISOR, MESSAGE_audit_head, &message, &error))
        keeper->told_seq = head.seq;
    else
        log_warning("cannot tell the audit log's head: %s", error.text);
}

void keeper_end(struct log_keeper *keeper)
{
    end_epoch(keeper, SEAL_CLOSE);
    keeper_tell(keeper);
}

void keeper_clear(struct log_keeper *keeper)
{
    struct error error;
    if (keeper->started && log_of(keeper) != NULL && /* an end that was not orderly */
        !audit_sum_up(log_of(keeper), clock_wall_ms(), &error))
        log_error("%s", error.text);
    if (keeper->epoch_timer != NULL)
        event_free(keeper->epoch_timer);
    for (unsigned i = 0; i < SEAL_SLOTS; i++)
        if (keeper->key_slot[i] >= 0)
            close(keeper->key_slot[i]);
    keeper_init(keeper, keeper->actuator);
}
