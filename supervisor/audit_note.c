/* The noted head of the audit log. May not: read the log. */
#include "supervisor/audit_note.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

bool audit_note_open(struct audit_note *note, struct state_dir *state, const struct config *config,
                     struct error *error)
{
    char name[CONFIG_PATH_BYTES_MAX], bytes[HEAD_FILE_BYTES];
    *note = (struct audit_note){.descriptor = -1};
    note->descriptor = state_dir_audit_head(state, config, O_RDWR, name, sizeof name, error);
    if (note->descriptor < 0)
        return false;
    ssize_t got = pread(note->descriptor, bytes, sizeof bytes, 0);
    if (got < 0)
        return error_set_errno(error, errno, "cannot read %s", name);
    if (got > 0 && !head_read(bytes, (size_t)got, &note->head))
        log_error("%s holds no head of the audit log; it is noted anew", name);
    return true;
}

static void say_once(struct audit_note *note, const char *what, int number)
{
    if (!note->told)
        log_error("the audit log's head cannot be noted: %s%s%s", what, number == 0 ? "" : ": ",
                  number == 0 ? "" : strerror(number));
    note->told = true;
}

void audit_note_take(struct audit_note *note, const struct audit_head *head)
{
    struct chain_link link = {.seq = head->sequence};
    if (note->descriptor < 0)
        return;
    if (!chain_parse_hex(head->hash, &link.hash)) {
        say_once(note, "the actuator tells a hash that is none", 0);
        return;
    }
    bool same =
        link.seq == note->head.link.seq && chain_hash_same(&link.hash, &note->head.link.hash);
    if (same)
        return;
    if (link.seq <= note->head.link.seq) {
        say_once(note,
                 "the actuator tells a line that is not after the one noted: the log was cut or "
                 "rewritten, see `ebbtide audit verify`",
                 0);
        return;
    }
    note->head = (struct noted_head){.link = link, .wall_ms = clock_wall_ms()};
    note->changed = true;
    audit_note_look(note, clock_mono_ms());
}

void audit_note_look(struct audit_note *note, int64_t mono_ms)
{
    if (note->changed && mono_ms - note->written_ms >= AUDIT_NOTE_MS_MIN)
        audit_note_write(note);
}

void audit_note_write(struct audit_note *note)
{
    char record[HEAD_RECORD_BYTES];
    if (!note->changed || note->descriptor < 0)
        return;
    note->written_ms = clock_mono_ms(); /* also of one that failed: it is tried again later */
    head_print(&note->head, record);
    ssize_t wrote =
        pwrite(note->descriptor, record, sizeof record, (off_t)note->slot * HEAD_RECORD_BYTES);
    if (wrote != (ssize_t)sizeof record)
        say_once(note, "its file cannot be written", wrote < 0 ? errno : ENOSPC);
    else if (fdatasync(note->descriptor) != 0)
        say_once(note, "its file cannot be synced", errno);
    else {
        note->slot = 1 - note->slot;
        note->changed = note->told = false;
    }
}

void audit_note_close(struct audit_note *note)
{
    audit_note_write(note);
    if (note->descriptor >= 0)
        close(note->descriptor);
    *note = (struct audit_note){.descriptor = -1};
}
