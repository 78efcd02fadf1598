/* The audit log believed or not, and sealed: what a start finds is written down, epochs end.
 * May not: open a file, hold a secret but the epoch's key. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actuator/audit_parts.h"
#include "common/log.h"

void audit_found_bent(struct audit *audit, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!audit->tell_bent) {
        log_error("THE AUDIT LOG DOES NOT VERIFY: %s", text);
        snprintf(audit->trouble, sizeof audit->trouble, "%s", text);
    }
    audit->tell_bent = audit->leave = true;
}

struct chain_link audit_head(const struct audit *audit)
{
    return audit->check.last;
}

const char *audit_trouble(const struct audit *audit)
{
    return audit->trouble[0] != '\0'         ? audit->trouble
           : audit->unsealed.text[0] != '\0' ? audit->unsealed.text
                                             : audit->flood;
}

bool audit_leaves(const struct audit *audit)
{
    return audit->leave;
}

bool audit_sealed(const struct audit *audit)
{
    return audit->seals != NULL;
}

/* --------------------------------------------------------------------- what the start found */

/* Lines, and no note of any. The first head is told within seconds of the first line, so it was
 * there. It is noted anew from now on, and the next start that finds it has nothing to say. */
static void miss_note(struct audit *audit)
{
    static const char *const text =
        "the supervisor's note (audit.head) is empty, and the log has lines: the note was taken "
        "away "
        "or spoiled, or not put back with a backup, or the first start of all ended within "
        "seconds; "
        "whether lines before this start were cut off or rewritten is not known: compare the log "
        "with a copy of the note (`ebbtide audit verify --head COPY`); it is noted anew, and the "
        "next start that finds it so has nothing to say";
    log_error("the audit log's end is not checked: %s", text);
    if (audit->trouble[0] == '\0')
        snprintf(audit->trouble, sizeof audit->trouble, "%s", text);
}

/* All segments were read: what was noted must be in them. Where it is not, the chain goes on after
 * what was noted, so that the place stays to be seen. */
static void compare_noted(struct audit *audit)
{
    const struct noted_heads *heads = audit->limits.noted;
    struct chain_link noted = heads_newest(heads).link;
    if (audit->check.held_line != 0)
        audit_found_bent(audit, "%s line %" PRIu64 ": %s", audit->name, audit->check.held_line,
                         audit->check.held.text);
    audit->check.held_line = 0;
    audit->limits.noted = NULL; /* once */
    if (heads != NULL && noted.seq == 0 && audit->check.last.seq > 0)
        miss_note(audit);
    if (audit->check.last.seq > CHAIN_SEQ_BELIEVED_MAX) {
        audit_found_bent(
            audit, "%s ends with line number %" PRIu64 ", which no log reaches: numbers begin anew",
            audit->name, audit->check.last.seq);
        audit->check.last = (struct chain_link){.seq = 0};
    }
    if (noted.seq == 0)
        return;
    if (noted.seq > audit->check.last.seq) {
        audit_found_bent(audit,
                         "%s ends with line number %" PRIu64
                         ", and the supervisor has noted number %" PRIu64
                         ": what stood between was cut off",
                         audit->name, audit->check.last.seq, noted.seq);
        audit->check.last = noted;
        audit->check.begun = true;
    }
}

/* Each is told once it stands there; a failure leaves the rest to the next line. */
bool audit_tell(struct audit *audit, int64_t wall_ms, struct error *error)
{
    compare_noted(audit);
    if (audit->size == 0 &&
        !audit_append_alone(audit, audit_segment_line(audit, wall_ms), NULL, error))
        return false;
    if (audit->cut_bytes > 0) {
        if (!audit_append_alone(audit, audit_cut_line(audit, wall_ms), NULL, error))
            return false;
        audit->cut_bytes = 0;
    }
    if (audit->tell_bent) {
        if (!audit_append_alone(audit, audit_bent_line(audit, wall_ms), NULL, error))
            return false;
        audit->tell_bent = false;
    }
    return true;
}

bool audit_settle(struct audit *audit, int64_t wall_ms, struct error *error)
{
    compare_noted(audit);
    bool empty = audit->size == 0 && audit->check.last.seq == 0;
    bool nothing = audit->cut_bytes == 0 && !audit->tell_bent;
    return (empty && nothing) || audit_tell(audit, wall_ms, error);
}

/* ------------------------------------------------------------------------------------- keys */

static void no_keys(struct audit *audit, const char *why)
{
    log_error("the audit log is chained and not sealed: %s", why);
    if (audit->trouble[0] == '\0')
        snprintf(audit->trouble, sizeof audit->trouble, "it is not sealed any more: %s", why);
    seal_store_close(audit->seals);
    audit->seals = NULL;
}

/* The files are behind the log's last seal. Keys are used up only for a seal that was made with
 * one of them: what a line says of itself must not wipe any. */
static void catch_up(struct audit *audit)
{
    const struct audit_last_seal *last = audit->last_seal;
    struct error error;
    if (!seal_store_made(audit->seals, last->number, last->line, last->mac_bytes, &last->mac))
        audit_found_bent(audit,
                         "%s: seal %" PRIu64 " was not made with its epoch's key, or is more than "
                         "%d seals ahead of the key's files",
                         audit->name, last->number, SEALS_BEHIND_MAX);
    else if (!seal_store_pass(audit->seals, last->number, last->seq, &error))
        log_error("%s", error.text);
}

/* The log's last seal and the key's files belong together: a crash between the two leaves the files
 * one behind, a disk that was full more. More seals than the log has means that it lost some. */
static void compare_seals(struct audit *audit)
{
    const struct audit_last_seal *last = audit->last_seal;
    uint64_t next = seal_store_key(audit->seals)->number;
    if (seal_store_sealed(audit->seals) > audit->check.last.seq)
        audit_found_bent(audit,
                         "%s ends with line number %" PRIu64 ", and number %" PRIu64
                         " was sealed: what stood between was cut off",
                         audit->name, audit->check.last.seq, seal_store_sealed(audit->seals));
    if (strcmp(last->key, seal_store_key(audit->seals)->id) != 0)
        return;
    if (last->number >= next)
        catch_up(audit);
    else if (last->number + 1 < next)
        audit_found_bent(audit,
                         "%s: the last seal has number %" PRIu64 ", and %" PRIu64
                         " were made: some were taken out",
                         audit->name, last->number, next);
}

/* There are none: as it should be where no seal was ever made. A log that was sealed lost them. */
static void without_keys(struct audit *audit)
{
    if (audit->last_seal->key[0] != '\0')
        no_keys(audit, "it was, and the files of its key (audit.key.0, audit.key.1) are gone or "
                       "empty: put them back, or set up new ones with `ebbtide audit setup-keys`");
    else
        log_warning(
            "THE AUDIT LOG IS NOT SEALED: it is chained alone, and who can write its files "
            "can make all of it anew. Stop the daemon, run `ebbtide audit setup-keys`, keep "
            "the key that it shows on another machine, and start again");
}

void audit_take_keys(struct audit *audit, int slot0, int slot1)
{
    struct error error;
    const int slot[SEAL_SLOTS] = {slot0, slot1};
    compare_noted(audit);
    if (slot0 < 0 || slot1 < 0) {
        if (slot0 >= 0)
            close(slot0);
        if (slot1 >= 0)
            close(slot1);
        without_keys(audit);
        return;
    }
    if (!seal_store_open(slot, &audit->seals, &error))
        no_keys(audit, error.text);
    else if (audit->seals == NULL)
        without_keys(audit);
    else
        compare_seals(audit);
}

/* ------------------------------------------------------------------------------------ seals */

static bool seal(struct audit *audit, enum audit_seal_why why, int64_t wall_ms, struct error *error)
{
    struct error untold;
    (void)audit_sum_up(audit, wall_ms, &untold); /* it belongs to this epoch */
    if (audit->seals == NULL || audit->check.last.seq == 0)
        return true;
    bool sealed = audit->check.last.seq == seal_store_sealed(audit->seals);
    if (sealed && why != SEAL_EPOCH)
        return true;
    if (!audit_has_room(audit, sealed, error)) /* the reserve is not for epochs without a line */
        return sealed;
    if (seal_store_key(audit->seals)->number >= SEALS_MAX)
        return error_set(error, "this first key of the audit log has made all its seals: set up "
                                "another with `ebbtide audit setup-keys --again`");
    if (!audit_tell(audit, wall_ms, error))
        return false;
    uint64_t before = audit->check.last.seq;
    bool good = audit_append_alone(audit, audit_seal_line(audit, why, wall_ms),
                                   &seal_store_key(audit->seals)->key, error);
    if (audit->check.last.seq == before)
        return false;
    /* It stands there, even if the disk has not said so: its number is used up. */
    return seal_store_advance(audit->seals, audit->check.last.seq, error) && good;
}

bool audit_seal(struct audit *audit, enum audit_seal_why why, int64_t wall_ms, struct error *error)
{
    bool good = seal(audit, why, wall_ms, error);
    if (good)
        audit->unsealed.text[0] = '\0';
    else
        error_set(&audit->unsealed, "the audit log is not sealed: %s", error->text);
    return good;
}
