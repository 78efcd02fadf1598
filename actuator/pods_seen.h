/* The runner pods that this process has seen itself, and on which node each was. By it the
 * registration of a pod that is gone is known: Gitea lists a name, and nobody else can tell whose
 * it was, since what a request says proves nothing. After a restart nothing is known but what the
 * next look shows. May not: do I/O, allocate. */
#ifndef EBBTIDE_ACTUATOR_PODS_SEEN_H
#define EBBTIDE_ACTUATOR_PODS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/kube.h"
#include "tables/limits.h"

#define PODS_SEEN_MAX 2048

struct pod_seen {
    char pod[NAME_BYTES_MAX + 1], node[NAME_BYTES_MAX + 1];
};

struct pods_seen {
    uint64_t hash[PODS_SEEN_MAX]; /* of each row's pod */
    struct pod_seen row[PODS_SEEN_MAX];
    uint32_t count, next; /* next: whose row is taken when all are full */
};

/* Remembers the pods of a look; one that moved is remembered where it is now. */
void pods_seen_note(struct pods_seen *seen, const struct kube_pod_list *pods);

/* Whether a pod of this name is known to have run on this node, when it was last seen. */
bool pods_seen_on(const struct pods_seen *seen, const char *pod, const char *node);

/* Whether the name is one that Kubernetes gave: the name of a controller whose pods were seen, then
 * `-` and five letters of its own. A name that people chose is none, nor is a pod's that was seen.
 */
bool pods_seen_kin(const struct pods_seen *seen, const char *pod);

#endif
