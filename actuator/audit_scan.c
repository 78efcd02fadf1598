/* Reads the audit log at the start: the highest action id, what is open, what was answered; and
 * mends a line that a crash tore. May not: write a line. */
#include "actuator/audit_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/fields.h"
#include "audit/lines.h"
#include "common/clock.h"
#include "common/json_read.h"
#include "common/log.h"
#include "common/words.h"

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

static void scan_segment(struct scan *scan, const json_t *line)
{
    const json_t *open = json_array_of(line, "open"), *one;
    size_t index;
    json_array_foreach(open, index, one) {
        struct action_id id;
        unsigned kind;
        if (action_id_parse(json_text_of(one, "id"), &id) &&
            find_word(action_kind_words, action_kind_count, json_text_of(one, "kind"), &kind)) {
            audit_use_id(scan->audit,
                         id); /* what is open counts, whatever the line's own id says */
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
    audit_use_id(scan->audit, id);
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

/* The last one read is looked at when the key arrives. One that was changed names no epoch. */
static void keep_seal(struct audit *audit, const json_t *line, const char *text)
{
    const struct chain_frame *frame = &audit->check.frame;
    struct audit_last_seal *last = audit->last_seal;
    const char *key = json_text_of(line, "key");
    if (!frame->fits || !frame->has_mac || strlen(key) != SEAL_ID_BYTES)
        return;
    memcpy(last->key, key, SEAL_ID_BYTES + 1);
    last->number = json_u64_of(line, "seal");
    last->seq = frame->link.seq;
    last->mac = frame->mac;
    last->mac_bytes = frame->mac_bytes;
    memcpy(last->line, text, frame->mac_bytes);
}

/* What stands before it is told already; the segment, where it is the one in use, is still to be
 * left. */
static void see_bent(struct audit *audit, const json_t *line)
{
    snprintf(audit->trouble, sizeof audit->trouble, "%s", json_text_of(line, "text"));
    audit->tell_bent = false;
    audit->leave = true;
}

/* Lines that say something of the log itself, and of no action. */
static bool scan_own_event(struct scan *scan, const json_t *line, const char *text)
{
    enum line_event event;
    if (!scan->audit->check.framed || !line_event_of(line, &event))
        return false;
    if (event == LINE_seal)
        keep_seal(scan->audit, line, text);
    if (event == LINE_bent)
        see_bent(scan->audit, line);
    struct action_id id;
    if (event == LINE_omitted && action_id_parse(json_text_of(line, "highest"), &id))
        audit_use_id(scan->audit, id);
    return event == LINE_seal || event == LINE_bent || event == LINE_cut || event == LINE_omitted;
}

/* Each line that was noted, not the last alone: who rewrites lines tells heads of what he made of
 * them. */
static void compare_line(struct audit *audit)
{
    const struct chain_link *line = &audit->check.frame.link;
    bool noted;
    if (heads_contradict(audit->limits.noted, line, &noted))
        audit_found_bent(audit,
                         "%s line %" PRIu64 ": number %" PRIu64
                         " is another one than the supervisor has noted: it, or one before it, was "
                         "rewritten",
                         audit->name, audit->check.line, line->seq);
}

/* What a line says counts whether it fits into the chain or not: no id may be given twice. */
static void scan_line(const char *text, size_t length, uint64_t bytes, void *argument)
{
    struct scan *scan = argument;
    struct audit *audit = scan->audit;
    struct chain_finding finding;
    if (!chain_check_line(&audit->check, text, length, bytes, &finding))
        audit_found_bent(audit, "%s line %" PRIu64 ": %s", audit->name, finding.line,
                         finding.what.text);
    if (audit->check.framed)
        compare_line(audit);
    json_t *line = json_loadb(text, length, 0, NULL);
    if (line == NULL || (!scan_own_event(scan, line, text) && !scan_object(scan, line)))
        scan->bad_lines++;
    json_decref(line);
}

/* What stands behind the last newline was torn by a crash before it was synced: what it announced
 * has not happened, or is unknown and is reported so. The log says in its next line what was cut.
 */
static bool mend_tail(struct audit *audit, uint64_t torn, struct error *error)
{
    if (torn == 0)
        return true;
    if (audit->read_only) { /* a later segment follows: no crash tears this one */
        audit_found_bent(audit, "%s ends in %" PRIu64 " bytes of a torn line", audit->name, torn);
        return true;
    }
    log_warning("the audit log %s ends in %" PRIu64
                " bytes of a line that a crash tore; they are cut off",
                audit->name, torn);
    audit->cut_bytes = torn;
    audit->cut_kept = ftruncate(audit->descriptor, (off_t)audit->size) != 0;
    if (!audit->cut_kept)
        return true;
    if (write(audit->descriptor, "\n", 1) != 1)
        return error_set_errno(error, errno, "cannot end the torn line of the audit log %s",
                               audit->name);
    audit->size += torn + 1;
    return true;
}

bool audit_scan(struct audit *audit, const struct audit_reader *reader, struct error *error)
{
    struct scan scan = {.audit = audit, .reader = reader};
    struct chain_finding finding;
    struct lines_end end;
    if (chain_check_file(&audit->check, &finding))
        audit_found_bent(audit, "the segment before %s, line %" PRIu64 ": %s", audit->name,
                         finding.line, finding.what.text);
    bool good = lines_each(audit->descriptor, audit->name, scan_line, &scan, &end, error);
    audit->size = end.whole;
    if (scan.bad_lines > 0)
        log_warning("the audit log %s holds %zu lines that are not of Ebbtide; they are skipped",
                    audit->name, scan.bad_lines);
    return good && mend_tail(audit, end.torn, error);
}
