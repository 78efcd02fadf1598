/* The names by which Ebbtide marks what is its own at the APIs. Written once, because who writes a
 * mark and who looks for it are different processes. May not: hold code. */
#ifndef EBBTIDE_COMMON_NAMES_H
#define EBBTIDE_COMMON_NAMES_H

/* Labels of a Hetzner server. */
#define SERVER_LABEL_MANAGED       "managed-by"
#define SERVER_LABEL_MANAGED_VALUE "ebbtide"
#define SERVER_LABEL_CLUSTER       "ebbtide-cluster" /* config->cluster */
#define SERVER_LABEL_POOL          "ebbtide-pool"    /* the pool's name */
#define SERVER_LABEL_ID            "ebbtide-id"      /* "EPOCH-COUNTER" of the create action */

#define SERVER_LABEL_FENCE "ebbtide-fence" /* common/fence_note.h, while there is no node */

/* Kubernetes: our fence of a node's runners (annotation), the taint that ends its runner pods. */
#define NODE_ANNOTATION_FENCE "ebbtide/fence"
#define NODE_TAINT_DRAIN      "ebbtide/drain" /* effect NoExecute */

#define PROVIDER_ID_PREFIX "hcloud://" /* followed by the server's id */

#endif
