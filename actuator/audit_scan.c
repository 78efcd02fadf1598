/* Reads the audit log at the start: the highest action id, what is open, what was answered; and
 * mends a line that a crash tore. May not: write a line. */
#include "actuator/audit_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_read.h"
#include "common/log.h"
#include "common/words.h"

#define SCAN_CHUNK_BYTES 65536

struct scan {
    struct audit *audit;
    const struct audit_reader *reader;
    size_t bad_lines;
};

/* The place of a word in a list; false where it is not in it. */
static bool find_word(const char *const *words, unsigned count, const char *word, unsigned *out)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static int64_t signed_of(const json_t *line, const char *key)
{
    uint64_t value = json_u64_of(line, key);
    return value > (uint64_t)TIME_MS_MAX ? TIME_MS_MAX : (int64_t)value;
}

static void scan_intent(struct scan *scan, const json_t *line, struct action_id id,
                        enum action_kind kind)
{
    audit_remember(scan->audit, id, kind, json_text_of(line, "node"), true);
    audit_remember_server(scan->audit, json_text_of(line, "node"), json_u64_of(line, "server_id"));
    if (scan->reader->intent != NULL)
        scan->reader->intent(id, kind, json_u64_of(line, "server_id"), json_time_of(line, "time"),
                             scan->reader->argument);
}

static bool scan_outcome(struct scan *scan, const json_t *line, struct action_id id,
                         enum action_kind kind)
{
    unsigned outcome, trouble;
    if (!find_word(outcome_words, outcome_count, json_text_of(line, "outcome"), &outcome) ||
        !find_word(trouble_words, trouble_count, json_text_of(line, "trouble"), &trouble))
        return false;
    audit_forget(scan->audit, id);
    audit_remember_server(scan->audit, json_text_of(line, "node"), json_u64_of(line, "server_id"));
    if (kind == ACTION_REMOVE_NODE && outcome == OUTCOME_DONE)
        audit_remember_removed(scan->audit, json_text_of(line, "node"));
    struct action_result result = {
        .id = id,
        .kind = kind,
        .outcome = (enum outcome)outcome,
        .trouble = (enum trouble)trouble,
        .http_status = json_u64_of(line, "http_status"),
        .retry_after_ms = signed_of(line, "retry_after_ms"),
        .duration_ms = signed_of(line, "duration_ms"),
        .server_id = json_u64_of(line, "server_id"),
        .created_ms = signed_of(line, "created_ms"),
        .left = json_u64_of(line, "left"),
        .text = json_text_of(line, "text"),
    };
    if (scan->reader->outcome != NULL)
        scan->reader->outcome(&result, scan->reader->argument);
    return true;
}

/* Ids are never given twice: what is open counts, whatever the line's own id says. */
static void see_id(struct audit *audit, struct action_id id)
{
    if (action_id_compare(id, audit->highest) > 0)
        audit->highest = id;
}

static void scan_segment(struct scan *scan, const json_t *line)
{
    const json_t *open = json_array_of(line, "open"), *one;
    size_t index;
    json_array_foreach(open, index, one) {
        struct action_id id;
        unsigned kind;
        if (action_id_parse(json_text_of(one, "id"), &id) &&
            find_word(action_kind_words, action_kind_count, json_text_of(one, "kind"), &kind)) {
            see_id(scan->audit, id);
            audit_remember(scan->audit, id, (enum action_kind)kind, json_text_of(one, "node"),
                           true);
        }
    }
}

static bool scan_object(struct scan *scan, const json_t *line)
{
    struct action_id id;
    if (!action_id_parse(json_text_of(line, "id"), &id))
        return false;
    see_id(scan->audit, id);
    const char *event = json_text_of(line, "event");
    if (strcmp(event, "segment") == 0) {
        scan_segment(scan, line);
        return true;
    }
    unsigned kind;
    if (!find_word(action_kind_words, action_kind_count, json_text_of(line, "kind"), &kind))
        return false;
    if (strcmp(event, "outcome") == 0)
        return scan_outcome(scan, line, id, (enum action_kind)kind);
    if (strcmp(event, "intent") != 0)
        return false;
    scan_intent(scan, line, id, (enum action_kind)kind);
    return true;
}

static void scan_line(struct scan *scan, const char *text, size_t length)
{
    json_t *line = json_loadb(text, length, 0, NULL);
    if (line == NULL || !scan_object(scan, line))
        scan->bad_lines++;
    json_decref(line);
}

/* Takes the whole lines of buffer; returns how many bytes they were. A line longer than any of ours
 * is skipped as bad. */
static size_t take_lines(struct scan *scan, const char *buffer, size_t length)
{
    size_t used = 0;
    const char *end;
    while ((end = memchr(buffer + used, '\n', length - used)) != NULL) {
        size_t line = (size_t)(end - buffer) - used;
        scan_line(scan, buffer + used, line);
        used += line + 1;
    }
    if (used == 0 && length == SCAN_CHUNK_BYTES) {
        scan->bad_lines++;
        return length;
    }
    return used;
}

/* What stands behind the last newline was torn by a crash before it was synced: what it announced
 * has not happened, or is unknown and is reported so. */
static bool mend_tail(struct audit *audit, size_t torn, struct error *error)
{
    if (torn == 0)
        return true;
    log_warning("the audit log %s ends in %zu bytes of a line that a crash tore; they are cut off",
                audit->name, torn);
    if (ftruncate(audit->descriptor, (off_t)audit->size) == 0)
        return true;
    if (write(audit->descriptor, "\n", 1) != 1)
        return error_set_errno(error, errno, "cannot end the torn line of the audit log %s",
                               audit->name);
    audit->size += torn + 1;
    return true;
}

static bool scan_all(struct scan *scan, char *buffer, struct error *error)
{
    struct audit *audit = scan->audit;
    size_t kept = 0;
    off_t at = 0;
    for (;;) {
        ssize_t got = pread(audit->descriptor, buffer + kept, SCAN_CHUNK_BYTES - kept, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "cannot read the audit log %s", audit->name);
        if (got == 0)
            break;
        at += got;
        kept += (size_t)got;
        size_t used = take_lines(scan, buffer, kept);
        audit->size += used;
        kept -= used;
        memmove(buffer, buffer + used, kept);
    }
    return mend_tail(audit, kept, error);
}

bool audit_scan(struct audit *audit, const struct audit_reader *reader, struct error *error)
{
    struct scan scan = {.audit = audit, .reader = reader};
    char *buffer = malloc(SCAN_CHUNK_BYTES);
    if (buffer == NULL)
        return error_set(error, "out of memory for reading the audit log %s", audit->name);
    audit->size = 0;
    bool good = scan_all(&scan, buffer, error);
    free(buffer);
    if (scan.bad_lines > 0)
        log_warning("the audit log %s holds %zu lines that are not of Ebbtide; they are skipped",
                    audit->name, scan.bad_lines);
    return good;
}
