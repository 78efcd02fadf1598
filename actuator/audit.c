/* The audit log's file: appending, syncing, room and reserve, segments. May not: open a file. */
#include "actuator/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

/* The next segment is asked for when this share of the segment is left. */
#define NEXT_SHARE 8

static const struct audit_reader nobody;

/* --------------------------------------------------------------------------- open intents */

void audit_remember(struct audit *audit, struct action_id id, enum action_kind kind,
                    const char *node, bool found)
{
    audit_forget(audit, id);                        /* an older segment may have told of it */
    if (audit->open_count == UNKNOWN_ACTIONS_MAX) { /* the oldest is the least likely to matter */
        memmove(audit->open, audit->open + 1, sizeof audit->open - sizeof audit->open[0]);
        audit->open_count--;
        audit->open_dropped++;
    }
    struct audit_open_intent *open = &audit->open[audit->open_count++];
    *open = (struct audit_open_intent){.id = id, .kind = kind, .found = found};
    snprintf(open->node, sizeof open->node, "%s", node);
}

void audit_forget(struct audit *audit, struct action_id id)
{
    for (uint32_t i = audit->open_count; i-- > 0;) {
        if (action_id_compare(audit->open[i].id, id) != 0)
            continue;
        memmove(&audit->open[i], &audit->open[i + 1],
                (audit->open_count - i - 1) * sizeof audit->open[0]);
        audit->open_count--;
    }
}

static void remember_used(struct audit *audit, const char *node)
{
    if (node[0] != '\0' && !audit_name_used(audit, node))
        snprintf(audit->used[audit->used_count++ % AUDIT_USED_MAX], NAME_BYTES_MAX + 1, "%s", node);
}

void audit_remember_removed(struct audit *audit, const char *node)
{
    for (uint32_t i = audit->open_count; i-- > 0;)
        if (audit->open[i].kind == ACTION_CREATE_SERVER && strcmp(audit->open[i].node, node) == 0)
            audit_forget(audit, audit->open[i].id);
    remember_used(audit, node);
}

void audit_remember_server(struct audit *audit, const char *node, uint64_t server_id)
{
    if (server_id != 0)
        remember_used(audit, node);
}

bool audit_name_used(const struct audit *audit, const char *node)
{
    for (uint64_t i = 0; i < audit->used_count && i < AUDIT_USED_MAX; i++)
        if (strcmp(audit->used[i], node) == 0)
            return true;
    return false;
}

struct action_id audit_highest(const struct audit *audit)
{
    return audit->highest;
}

uint32_t audit_open_intents(const struct audit *audit, struct unknown_action *out, uint32_t most)
{
    uint32_t count = audit->open_count < most ? audit->open_count : most;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (struct unknown_action){
            .id = audit->open[i].id, .kind = audit->open[i].kind, .node = audit->open[i].node};
    return count;
}

/* ------------------------------------------------------------------------------------ room */

/* Keeps blocks of the disk for `bytes` beyond the end. False where the disk is full. A file system
 * that cannot preallocate is trusted until a write fails. */
static bool keep_blocks(struct audit *audit, uint64_t bytes)
{
    uint64_t want = audit->size + bytes;
    if (!audit->can_allocate || want <= audit->allocated)
        return true;
    int failed = fallocate(audit->descriptor, FALLOC_FL_KEEP_SIZE, (off_t)audit->allocated,
                           (off_t)(want - audit->allocated))
                     ? errno
                     : 0;
    if (failed == EOPNOTSUPP || failed == ENOSYS)
        audit->can_allocate = false;
    else if (failed != 0)
        return false;
    else
        audit->allocated = want;
    return true;
}

/* Room for an intent: a create must leave the whole reserve, on the disk and in the segment. */
bool audit_has_room(struct audit *audit, bool spares_reserve, struct error *error)
{
    const struct audit_limits *limits = &audit->limits;
    uint64_t after = audit->size + 2 * (uint64_t)AUDIT_LINE_BYTES_MAX; /* its outcome too */
    if (after > limits->max_bytes + (spares_reserve ? 0 : limits->reserve_bytes))
        return error_set(error,
                         "the audit log %s is full (%llu bytes) and no next segment came: see why "
                         "the supervisor cannot open one",
                         audit->name, (unsigned long long)audit->size);
    if (spares_reserve &&
        !keep_blocks(audit, 2 * (uint64_t)AUDIT_LINE_BYTES_MAX + limits->reserve_bytes))
        return error_set(error,
                         "the disk of the audit log %s is full: no server is created, teardown "
                         "goes on; free some space",
                         audit->name);
    return true;
}

/* ---------------------------------------------------------------------------------- writing */

/* Appends whole lines only: what was half written is taken back. */
static bool append(struct audit *audit, const char *text, size_t length, struct error *error)
{
    if (audit->read_only)
        return error_set(error, "the audit log %s is open for reading alone: no later one came",
                         audit->name);
    if (audit->broken)
        return error_set(error, "the audit log %s could not be mended after a failed write",
                         audit->name);
    ssize_t written = write(audit->descriptor, text, length);
    if (written == (ssize_t)length) {
        audit->size += length;
        if (audit->allocated < audit->size)
            audit->allocated = audit->size;
        return true;
    }
    int failed = written < 0 ? errno : ENOSPC;
    if (written > 0 && ftruncate(audit->descriptor, (off_t)audit->size) != 0)
        audit->broken = true;
    return error_set_errno(error, failed, "cannot write to the audit log %s", audit->name);
}

/* The line as it will stand in the file; 0 with a sentence where it cannot be made. */
static size_t make_line(const struct audit *audit, json_t *line, const struct chain_hash *key,
                        char text[AUDIT_LINE_BYTES_MAX], struct chain_link *after,
                        struct error *error)
{
    char body[AUDIT_LINE_BYTES_MAX];
    size_t most = sizeof body - CHAIN_FRAME_BYTES_MAX;
    size_t length =
        line == NULL ? 0 : json_dumpb(line, body, most, JSON_COMPACT | JSON_ENSURE_ASCII);
    size_t whole = length == 0 || length > most ? 0
                                                : chain_make(&audit->check.last, body, length, key,
                                                             text, AUDIT_LINE_BYTES_MAX, after);
    if (whole == 0)
        error_set(error, "a line of the audit log cannot be made (%zu bytes)", length);
    return whole;
}

/* Takes line. */
static bool put_line(struct audit *audit, json_t *line, const struct chain_hash *key, bool unsynced,
                     struct error *error)
{
    char text[AUDIT_LINE_BYTES_MAX];
    struct chain_link after;
    size_t length = make_line(audit, line, key, text, &after, error);
    json_decref(line);
    bool good = length > 0 && append(audit, text, length, error);
    if (good) { /* it stands there, synced or not: the next follows on it */
        audit->check.last = after;
        audit->check.begun = true;
    }
    if (good && !unsynced && fdatasync(audit->descriptor) != 0)
        good = error_set_errno(error, errno, "cannot sync the audit log %s", audit->name);
    metric_add(good ? M_AUDIT_LINES : M_AUDIT_ERRORS, 0, 0, 1);
    return good;
}

bool audit_append_alone(struct audit *audit, json_t *line, const struct chain_hash *key,
                        struct error *error)
{
    return put_line(audit, line, key, false, error);
}

/* After what the start has to say; takes line. */
static bool append_line(struct audit *audit, json_t *line, bool unsynced, int64_t wall_ms,
                        struct error *error)
{
    if (audit_tell(audit, wall_ms, error))
        return put_line(audit, line, NULL, unsynced, error);
    json_decref(line);
    return false;
}

void audit_use_id(struct audit *audit, struct action_id id)
{
    if (action_id_compare(id, audit->highest) > 0)
        audit->highest = id;
}

bool audit_write_intent(struct audit *audit, const struct action *action, bool unsynced,
                        int64_t wall_ms, struct error *error)
{
    if (!append_line(audit, audit_intent_line(action, wall_ms), unsynced, wall_ms, error))
        return false;
    audit_use_id(audit, action->id);
    audit_remember(audit, action->id, action->kind, action->node.name, false);
    audit_remember_server(audit, action->node.name, action->node.server_id);
    return true;
}

bool audit_intent(struct audit *audit, const struct action *action, int64_t wall_ms,
                  struct error *error)
{
    struct error untold;
    (void)audit_sum_up(audit, wall_ms, &untold); /* what came before stands before, if it can */
    return audit_has_room(audit, action->kind == ACTION_CREATE_SERVER, error) &&
           audit_write_intent(audit, action, false, wall_ms, error);
}

void audit_unwritten(struct audit *audit, const struct action *action,
                     const struct action_result *result)
{
    audit_use_id(audit, result->id);
    audit_forget(audit, result->id);
    if (action != NULL)
        audit_remember_server(audit, action->node.name, result->server_id);
    if (action != NULL && result->kind == ACTION_REMOVE_NODE && result->outcome == OUTCOME_DONE)
        audit_remember_removed(audit, action->node.name);
}

bool audit_outcome(struct audit *audit, const struct action *action,
                   const struct action_result *result, int64_t wall_ms, struct error *error)
{
    bool good =
        append_line(audit, audit_outcome_line(action, result, wall_ms), false, wall_ms, error);
    audit_unwritten(audit, action, result);
    return good;
}

bool audit_close_found(struct audit *audit, int64_t wall_ms, struct error *error)
{
    bool good = true;
    for (uint32_t i = audit->open_count; i-- > 0;) {
        struct audit_open_intent open = audit->open[i];
        if (!open.found)
            continue;
        struct action_result result = {
            .id = open.id,
            .kind = open.kind,
            .outcome = OUTCOME_UNKNOWN,
            .text = "the actuator ended before it knew the outcome; the world is looked at again",
        };
        good = audit_outcome(audit, NULL, &result, wall_ms, error) && good;
    }
    return good;
}

/* ---------------------------------------------------------------------- opening and closing */

/* Takes over a descriptor as the segment in use; nothing of it is known yet. */
static void use_segment(struct audit *audit, int descriptor, const char *name)
{
    audit->descriptor = descriptor;
    snprintf(audit->name, sizeof audit->name, "%s", name);
    audit->size = audit->allocated = 0;
    audit->can_allocate = true;
    audit->broken = audit->leave = false;
}

static bool begin_segment(struct audit *audit, const struct audit_reader *reader,
                          struct error *error)
{
    int flags = fcntl(audit->descriptor, F_GETFL);
    audit->read_only = flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
    if (!audit->read_only && (flags < 0 || (flags & O_ACCMODE) != O_RDWR || !(flags & O_APPEND)))
        return error_set(error, "the audit log %s is not open for reading and appending",
                         audit->name);
    if (!audit_scan(audit, reader, error))
        return false;
    audit->allocated = audit->size;
    if (!audit->read_only && !keep_blocks(audit, audit->limits.reserve_bytes))
        log_warning("the disk of the audit log %s has no room for its reserve of %llu bytes: no "
                    "server is created until there is",
                    audit->name, (unsigned long long)audit->limits.reserve_bytes);
    return true;
}

bool audit_open(struct audit **out, int descriptor, const char *name,
                const struct audit_limits *limits, const struct audit_reader *reader,
                struct error *error)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL) {
        close(descriptor);
        return error_set(error, "out of memory for the audit log");
    }
    audit->limits = *limits;
    audit->last_seal = calloc(1, sizeof *audit->last_seal);
    if (audit->last_seal == NULL) {
        close(descriptor);
        free(audit);
        return error_set(error, "out of memory for the audit log");
    }
    use_segment(audit, descriptor, name);
    if (!begin_segment(audit, reader == NULL ? &nobody : reader, error)) {
        audit_close(audit);
        return false;
    }
    if (audit->open_dropped > 0)
        log_warning("the audit log %s holds %u more open intents than can be reported", name,
                    audit->open_dropped);
    *out = audit;
    return true;
}

bool audit_next(struct audit *audit, int descriptor, const char *name,
                const struct audit_reader *reader, struct error *error)
{
    struct error untold;
    (void)audit_sum_up(audit, clock_wall_ms(), &untold); /* where it cannot, in the next one */
    struct audit before = *audit;
    use_segment(audit, descriptor, name);
    bool good = begin_segment(audit, reader == NULL ? &nobody : reader, error);
    if (good && audit->size == 0)
        good = audit_settle(audit, clock_wall_ms(), error);
    if (!good) {
        close(descriptor);
        *audit = before;
        return false;
    }
    close(before.descriptor);
    log_info("the audit log goes on in %s", name);
    return true;
}

bool audit_wants_next(const struct audit *audit)
{
    uint64_t left = audit->limits.max_bytes / NEXT_SHARE;
    if (audit->leave)
        return true;
    if (left < 3 * (uint64_t)AUDIT_LINE_BYTES_MAX) /* earlier than has_room stops creates */
        left = 3 * (uint64_t)AUDIT_LINE_BYTES_MAX;
    return audit->size + left >= audit->limits.max_bytes;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    if (fdatasync(audit->descriptor) != 0 && errno != EINVAL && errno != EROFS)
        log_warning("cannot sync the audit log %s: %s", audit->name, strerror(errno));
    close(audit->descriptor);
    seal_store_close(audit->seals);
    free(audit->last_seal);
    free(audit);
}
