/* The directory of the state: one daemon at a time, the epoch, and the files whose descriptors
 * workers are handed. Every file in it is 0600 and made here. May not: log, read what workers
 * wrote. */
#ifndef EBBTIDE_SUPERVISOR_STATE_DIR_H
#define EBBTIDE_SUPERVISOR_STATE_DIR_H

#include "common/config.h"

struct state_dir {
    int directory; /* -1 while closed */
    int lock;
};

#define STATE_SEGMENTS_MAX 65535u /* file.index is U16 */
#define STATE_LOCK_NAME    "lock"

/* Opens files.state_dir (made with 0700 when only its last part is missing) and locks it. The lock
 * ends with the process, however it ends. False with a sentence: not there, not ours, in use. */
bool state_dir_open(struct state_dir *state, const struct config *config, struct error *error);

void state_dir_close(struct state_dir *state);

/* The process that holds the lock, 0 where nobody does: for `ebbtide stop` and `reload`. False with
 * a sentence where the directory cannot be looked at. */
bool state_dir_holder(const struct config *config, int64_t *pid, struct error *error);

/* Raises the epoch and syncs it to the disk before it returns. Where there was none it begins at
 * the minutes since 2026, so that a lost state_dir does not bring old names back. */
bool state_dir_raise_epoch(struct state_dir *state, int64_t wall_ms, uint64_t *epoch,
                           struct error *error);

/* Slot 0 or 1 of the checkpoint, read and write; -1 with a sentence. The caller closes it. `name`
 * is its path, for texts. */
int state_dir_checkpoint(struct state_dir *state, const struct config *config, unsigned slot,
                         char *name, size_t size, struct error *error);

/* Whether a file of the audit log's key is there, or cannot be looked for. */
bool state_dir_has_audit_key(const struct state_dir *state);

/* Slot 0 or 1 of the key that seals the audit log, read and write, made where it is missing; -1
 * with a sentence. The caller closes it. */
int state_dir_audit_key(struct state_dir *state, const struct config *config, unsigned slot,
                        char *name, size_t size, struct error *error);

/* The file of the audit log's noted head, made where it is missing; `flags` O_RDONLY or O_RDWR. -1
 * with a sentence. The caller closes it. */
int state_dir_audit_head(struct state_dir *state, const struct config *config, int flags,
                         char *name, size_t size, struct error *error);

/* Segment `index` of a log (`audit_file` is segment 0, `audit_file.N` the others), made when it is
 * missing, read and append; -1 with a sentence. */
int state_dir_segment(struct state_dir *state, const struct config *config, const char *file,
                      unsigned index, char *name, size_t size, struct error *error);

/* The same of a segment that is there and that a later one follows: read only. */
int state_dir_old_segment(struct state_dir *state, const struct config *config, const char *file,
                          unsigned index, char *name, size_t size, struct error *error);

/* The bytes that segment `index` holds; -1 where there is none. */
int64_t state_dir_segment_bytes(const struct state_dir *state, const struct config *config,
                                const char *file, unsigned index);

/* The highest segment that exists, 0 where there is none; those below it may have been moved
 * away. False with a sentence where its folder cannot be looked into. */
bool state_dir_last_segment(const struct state_dir *state, const struct config *config,
                            const char *file, unsigned *last, struct error *error);

#endif
