/* The noted head of the audit log. May not: read the log. */
#include "supervisor/audit_note.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

/* Beyond an epoch: its seal may come late, and so may the note. */
#define LATE_MS 60000

int64_t audit_note_turn_ms(int64_t epoch_ms)
{
    int64_t turn_ms = (epoch_ms + LATE_MS) / (HEAD_RECORDS - 1) + 1;
    return turn_ms > AUDIT_NOTE_MS_MIN ? turn_ms : AUDIT_NOTE_MS_MIN;
}

/* A disk that is full later must not keep the ring from going round. Where blocks cannot be kept,
 * the record in use is written over instead. */
static void keep_blocks(const struct audit_note *note)
{
    (void)fallocate(note->descriptor, FALLOC_FL_KEEP_SIZE, 0, (off_t)HEAD_FILE_BYTES);
}

bool audit_note_open(struct audit_note *note, struct state_dir *state, const struct config *config,
                     struct error *error)
{
    char name[CONFIG_PATH_BYTES_MAX];
    struct noted_heads heads;
    *note = (struct audit_note){.descriptor = -1,
                                .turn_ms = audit_note_turn_ms(config->files.audit_epoch_ms)};
    note->descriptor = state_dir_audit_head(state, config, O_RDWR, name, sizeof name, error);
    if (note->descriptor < 0)
        return false;
    if (!heads_read(note->descriptor, name, &heads, error))
        return false;
    if (heads.some && heads.count == 0)
        log_error("%s holds no head of the audit log; it is noted anew", name);
    note->head = heads_newest(&heads);
    note->slot = heads.count > 0 ? heads.slot : HEAD_RECORDS - 1;
    keep_blocks(note);
    return true;
}

static void say_once(struct audit_note *note, const char *what, int number)
{
    if (!note->told)
        log_error("the audit log's head cannot be noted: %s%s%s", what, number == 0 ? "" : ": ",
                  number == 0 ? "" : strerror(number));
    note->told = true;
}

static bool put(const struct audit_note *note, unsigned slot, const char record[HEAD_RECORD_BYTES])
{
    errno = ENOSPC; /* of a short write */
    return pwrite(note->descriptor, record, HEAD_RECORD_BYTES, (off_t)slot * HEAD_RECORD_BYTES) ==
           HEAD_RECORD_BYTES;
}

static void write_at(struct audit_note *note, int64_t mono_ms)
{
    char record[HEAD_RECORD_BYTES];
    if (!note->changed || note->descriptor < 0)
        return;
    note->written_ms = mono_ms; /* also of one that failed: it is tried again later */
    head_print(&note->head, record);
    bool turns = !note->begun || mono_ms - note->turned_ms >= note->turn_ms;
    unsigned next = (note->slot + 1) % HEAD_RECORDS;
    bool turned = turns && put(note, next, record);
    if (!turned && !put(note, note->slot, record))
        say_once(note, "its file cannot be written", errno);
    else if (fdatasync(note->descriptor) != 0)
        say_once(note, "its file cannot be synced", errno);
    else
        note->changed = note->told = false;
    if (!turned)
        return;
    note->slot = next;
    note->turned_ms = mono_ms;
    note->begun = true;
}

static void write_due(struct audit_note *note, int64_t mono_ms)
{
    if (note->changed && mono_ms - note->written_ms >= AUDIT_NOTE_MS_MIN)
        write_at(note, mono_ms);
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
    write_due(note, clock_mono_ms());
}

void audit_note_look(struct audit_note *note, int64_t epoch_ms, int64_t mono_ms)
{
    note->turn_ms = audit_note_turn_ms(epoch_ms);
    write_due(note, mono_ms);
}

void audit_note_write(struct audit_note *note)
{
    write_at(note, clock_mono_ms());
}

void audit_note_close(struct audit_note *note)
{
    audit_note_write(note);
    if (note->descriptor >= 0)
        close(note->descriptor);
    *note = (struct audit_note){.descriptor = -1};
}
