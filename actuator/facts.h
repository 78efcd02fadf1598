/* What the actuator has looked up itself for one action, and what follows from it without asking
 * anyone. May not: do I/O. */
#ifndef EBBTIDE_ACTUATOR_FACTS_H
#define EBBTIDE_ACTUATOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator/pods_seen.h"
#include "common/arena.h"
#include "common/config.h"
#include "common/fence_note.h"
#include "common/gitea.h"
#include "common/hetzner.h"
#include "common/kube.h"
#include "tables/messages.h"

/* What can be looked up; a set of bits, looked up in this order. */
enum look {
    LOOK_SERVER = 1,         /* the server, by id; by name where none bears it */
    LOOK_SERVERS = 2,        /* all servers of our selector */
    LOOK_PRICES = 4,         /* server types with prices; remembered for hetzner.price_interval */
    LOOK_NODE = 8,           /* the Kubernetes node of the name */
    LOOK_NODE_PODS = 16,     /* all pods on that node */
    LOOK_RUNNER_PODS = 32,   /* all runner pods, wherever they are */
    LOOK_GITEA_VERSION = 64, /* remembered */
    LOOK_JOBS = 128,         /* jobs in progress */
    LOOK_RUNNERS = 256, /* all runners of the scope: after the jobs, so that a runner which took
                           a job in between is seen busy or is caught by the second look */
};

#define LOOKS_CREATE (LOOK_SERVER | LOOK_SERVERS | LOOK_PRICES)
#define LOOKS_NODE   (LOOK_SERVER | LOOK_NODE | LOOK_NODE_PODS)
#define LOOKS_WORK   (LOOK_RUNNER_PODS | LOOK_JOBS | LOOK_RUNNERS)

struct facts {
    unsigned looked; /* bits of what follows is known */
    struct arena *arena;
    bool server_found;
    struct hetzner_server server;
    bool node_found;
    struct kube_node_detail node;
    struct kube_pod_detail_list pods; /* on the node */
    struct kube_pod_list runner_pods;
    const struct pods_seen *pods_seen; /* the actuator's; NULL: none */
    struct hetzner_server_list servers;
    const struct hetzner_price_list *prices; /* the actuator's */
    const char *gitea_version;               /* the actuator's; "" unknown */
    struct gitea_runner_list runners;
    struct gitea_job_list jobs; /* in progress */
};

/* Forgets everything; the arena's memory is kept for the next look. */
void facts_reset(struct facts *facts);
/* Forgets the bits of `looks` only, before they are looked up anew. */
void facts_forget(struct facts *facts, unsigned looks);
void facts_free(struct facts *facts);

/* Whether nothing of the machine runs any more: no server is found, by number or name, and no
 * kubelet reports for its Kubernetes node. */
bool facts_machine_gone(const struct facts *facts);

/* Of the fence: the note at the node, or at the server while there is no node. False: none. */
bool facts_note(const struct facts *facts, struct fence_note *note);

/* Whose a runner is. */
enum runner_owner {
    RUNNER_OURS, /* its pod is on the node, it is called as the node, or the server's note names it
                  */
    RUNNER_OTHERS,  /* its pod is on another node, or it is called as something else */
    RUNNER_LEFT,    /* what it ran on is gone; this node's only if the core remembers it so. By pod
                       name: we saw its pod on the node, or it is the kin of runner pods that we
                       saw. By node name: it is called as the node, and that is a name of ours */
    RUNNER_UNKNOWN, /* what it ran on is not there, and nothing shows that it ever was */
};
enum runner_owner facts_runner_owner(const struct facts *facts, const struct config *config,
                                     const struct action *action,
                                     const struct gitea_runner *runner);

/* Whether the action knows a runner of this id by another name. A name is fixed at registration, so
 * this one has only got the id again (a Gitea that was restored from a backup counts anew). */
bool facts_id_used_again(const struct action *action, const struct gitea_runner *runner);

/* The runner of this id in the fresh list; NULL: it is gone. */
const struct gitea_runner *facts_runner(const struct facts *facts, uint64_t id);

/* The job in progress that this runner has; NULL: none. */
const struct gitea_job *facts_job_of(const struct facts *facts, uint64_t runner_id);

/* What a drain does with a pod. */
enum pod_fate {
    POD_STAYS,  /* mirror, finished, or a DaemonSet's that is not ours */
    POD_EVICT,  /* to be evicted */
    POD_LEAVES, /* terminating already */
};
enum pod_fate facts_pod_fate(const struct kube_pod_detail *pod);

/* Pods that a drain waits for. */
uint32_t facts_pods_left(const struct facts *facts);

/* When our drain of the node began, from our taint's value (wall ms); 0: it has not begun. */
int64_t facts_drain_since(const struct facts *facts);

#endif
