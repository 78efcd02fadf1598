/* How worker_files.c and kube_files.c add to a list. May not be included elsewhere. */
#ifndef EBBTIDE_SUPERVISOR_WORKER_FILES_PRIVATE_H
#define EBBTIDE_SUPERVISOR_WORKER_FILES_PRIVATE_H

#include "supervisor/worker_files.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

/* Takes `descriptor`; mark NULL: made by us. */
bool worker_files_add(struct worker_files *files, enum file_kind kind, unsigned index,
                      const char *path, int descriptor, const struct file_mark *mark,
                      struct error *error);

/* Opens by the traits and adds; nothing is added where it may miss and does. */
bool worker_files_open_one(struct worker_files *files, enum file_kind kind, unsigned index,
                           const char *key, const char *path, unsigned traits, struct error *error);

/* Kubeconfig, and what it names: kube.* for a poller (write false) or the actuator. */
bool worker_files_kube(struct worker_files *files, const struct config *config, bool write,
                       struct error *error);

#endif
