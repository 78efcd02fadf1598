/* Opens one file for a worker: checked as what it is, without reading it. May not: read, log. */
#ifndef EBBTIDE_SUPERVISOR_OPEN_FILE_H
#define EBBTIDE_SUPERVISOR_OPEN_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "common/error.h"

enum file_trait {
    SECRET = 1,       /* only its owner (root or we) and its group may read it; nobody else may
                         write it, or put another file into its place */
    WRITES = 2,       /* not opened in mode observe */
    MAY_MISS = 4,     /* no error when it is not there */
    MAY_BE_EMPTY = 8, /* no error when there is nothing in it */
    ROOTS = 16,       /* the system's bundle of roots where the key is empty */
    TEMPLATE = 32,    /* of cloud-init; looked at by template_check.h */
};

/* What tells that a file has changed: another one under its name, or another content. */
struct file_mark {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns, written_s, written_ns;
};

/* Opens `path` to read. -1 with a sentence that begins with `key` ("gitea.token_file"), names the
 * path and says what to do: missing, not a regular file, empty, or, for a SECRET, others may read
 * it. With MAY_MISS a missing one is -1 and an empty sentence. The caller closes the descriptor. */
int open_file(const char *key, const char *path, unsigned traits, struct file_mark *mark,
              struct error *error);

/* The mark of what lies at `path` now; all zero where nothing does. */
struct file_mark file_mark_of(const char *path);

/* Whether it is a systemd credential: below $CREDENTIALS_DIRECTORY, which systemd fills when the
 * service starts and leaves alone until it ends. [systemd.exec(5), CREDENTIALS] */
bool file_is_credential(const char *path);

bool file_mark_same(const struct file_mark *one, const struct file_mark *other);

#endif
