/* The files that one worker is handed: which they are (files.def, and what a kubeconfig names),
 * opened and checked, and whether they have changed since. State files and listeners are not among
 * them. May not: keep a secret, send. */
#ifndef EBBTIDE_SUPERVISOR_WORKER_FILES_H
#define EBBTIDE_SUPERVISOR_WORKER_FILES_H

#include "common/config.h"
#include "supervisor/open_file.h"

#define WORKER_FILES_MAX (2 * POOLS_MAX + 16)

struct worker_file {
    enum file_kind kind;
    unsigned index;
    char *path; /* for texts and for watching; owned */
    bool made;  /* by us, in memory: there is nothing to watch */
    struct file_mark mark;
    int descriptor; /* -1 once it has been sent and closed */
};

struct worker_files {
    struct worker_file file[WORKER_FILES_MAX];
    uint32_t count;
};

/* Opens all files of a role. False with a sentence that names key, file and what to do; then `out`
 * is empty. In mode observe nothing with which one could write is opened. */
bool worker_files_open(const struct config *config, enum role role, struct worker_files *out,
                       struct error *error);

/* Closes the descriptors and keeps what is needed to watch the files. */
void worker_files_close(struct worker_files *files);

/* Closes, frees, empties. */
void worker_files_free(struct worker_files *files);

/* Whether any of them is another one now, or has another content. One that is gone counts as
 * changed. */
bool worker_files_changed(const struct worker_files *files);

/* Where Kubernetes is, for its poller or for the actuator (write): `server` of the kubeconfig, into
 * out. False with a sentence, and "" in out, where that cannot be known. */
bool kube_server_of(const struct config *config, bool write, char *out, size_t size,
                    struct error *error);

/* How many of them are systemd credentials, which are renewed by a restart only. */
uint32_t worker_files_credentials(const struct worker_files *files);

/* Whether `files` holds this very file (kind, index, path, mark). */
bool worker_files_hold(const struct worker_files *files, const struct worker_file *file);

#endif
