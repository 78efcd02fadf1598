/* The things of the simulated world: servers, nodes, pods, runners, jobs, runs, actions.
 *
 * Plain data that world.h's queries hand out read only; only the world changes it. Strings that can
 * be long are the world's own memory. Times are milliseconds since 1970 UTC; 0 means "not yet".
 * May not: hold behaviour, know an API's JSON. */
#ifndef EBBTIDE_SIMULATOR_WORLD_TYPES_H
#define EBBTIDE_SIMULATOR_WORLD_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_NAME_BYTES           254 /* a DNS name or label, NUL included */
#define WORLD_UID_BYTES            37  /* a UUID in text, NUL included */
#define WORLD_CODE_BYTES           48
#define WORLD_TEXT_BYTES           256
#define WORLD_RUNNERS_PER_NODE_MAX 16
#define WORLD_MAP_PAIRS_MAX        128
#define WORLD_STRINGS_MAX          64
#define WORLD_TAINTS_MAX           16

/* Labels or annotations, in the order in which they were set; keys are unique. */
struct world_pair {
    char *key;
    char *value;
};
struct world_map {
    struct world_pair *pairs;
    uint32_t count;
};

/* A list of words: runs-on labels, a runner's labels. */
struct world_strings {
    char **items;
    uint32_t count;
};

/* ---- Hetzner ---- */

enum world_server_status {
    WORLD_SERVER_INITIALIZING,
    WORLD_SERVER_STARTING,
    WORLD_SERVER_RUNNING,
    WORLD_SERVER_STOPPING,
    WORLD_SERVER_OFF,
    WORLD_SERVER_DELETING,
    WORLD_SERVER_STATUS_COUNT
};

struct world_location {
    uint32_t id;
    const char *name, *city, *country, *network_zone, *description;
    double latitude, longitude;
};

struct world_server_type {
    uint32_t id;
    const char *name, *description, *architecture, *cpu_type; /* x86|arm, shared|dedicated */
    uint32_t cores, memory_gb, disk_gb;
    int64_t hour_microeuro, month_microeuro; /* net price of one started hour; monthly cap */
    uint32_t location_bits;                  /* bit i: sold in world_locations()[i] */
};

struct world_image {
    uint32_t id;
    const char *name, *description, *architecture, *os_flavor, *os_version;
};

struct world_server {
    uint64_t id;
    char name[WORLD_NAME_BYTES];
    enum world_server_status status;
    const struct world_server_type *type;
    const struct world_location *location;
    const struct world_image *image;
    struct world_map labels;
    char *user_data;    /* NULL where none was given */
    int64_t created_ms; /* whole seconds: the paid hour starts here */
    bool foreign;       /* was there from the start, is no part of the summary's bill */
    bool delete_protected;
    bool create_failed; /* its create action ended in error: exists and is paid, never boots */
    uint64_t boots; /* raised at each boot and at each power loss: stale events are known by it */
    uint32_t locked_by; /* actions running on it: `locked` in the API while > 0 */
    int64_t busy_ms;    /* job time on this machine so far, finished jobs only */
};

enum world_action_status { WORLD_ACTION_RUNNING, WORLD_ACTION_SUCCESS, WORLD_ACTION_ERROR };

struct world_action {
    uint64_t id;
    char
        command[WORLD_CODE_BYTES]; /* create_server, start_server, delete_server, stop_server ... */
    enum world_action_status status;
    uint32_t progress; /* percent */
    int64_t started_ms, finished_ms;
    uint64_t server_id;
    char error_code[WORLD_CODE_BYTES]; /* "" unless ERROR */
    char error_message[WORLD_TEXT_BYTES];
};

/* ---- Kubernetes ---- */

struct world_taint {
    char key[WORLD_NAME_BYTES];
    char value[64];
    char effect[20]; /* NoSchedule | PreferNoSchedule | NoExecute */
    int64_t added_ms;
};

struct world_node {
    char name[WORLD_NAME_BYTES];
    char uid[WORLD_UID_BYTES];
    uint64_t resource_version;
    char provider_id[64]; /* hcloud://ID, "" where the node is no server of Hetzner's */
    uint64_t server_id;   /* 0: none */
    struct world_map labels, annotations;
    struct world_taint taints[WORLD_TAINTS_MAX];
    uint32_t taint_count;
    bool unschedulable;
    bool ready;
    int64_t created_ms, ready_changed_ms;
    char internal_ip[46];
};

enum world_pod_owner {
    WORLD_OWNER_NONE,
    WORLD_OWNER_DAEMONSET,
    WORLD_OWNER_REPLICASET,
    WORLD_OWNER_MIRROR /* a static pod of the kubelet */
};
enum world_pod_phase {
    WORLD_POD_PENDING,
    WORLD_POD_RUNNING,
    WORLD_POD_SUCCEEDED,
    WORLD_POD_FAILED
};

struct world_pod {
    char namespace_name[64];
    char name[WORLD_NAME_BYTES];
    char uid[WORLD_UID_BYTES];
    uint64_t resource_version;
    char node_name[WORLD_NAME_BYTES];
    struct world_map labels, annotations;
    enum world_pod_owner owner;
    char owner_name[WORLD_NAME_BYTES];
    char owner_uid[WORLD_UID_BYTES];
    enum world_pod_phase phase;
    bool ready;
    int64_t created_ms, started_ms;
    int64_t deletion_ms; /* deletionTimestamp; 0: not being deleted */
    int64_t grace_s;     /* deletionGracePeriodSeconds, with deletion_ms */
    bool evicted;        /* condition DisruptionTarget / EvictionByEvictionAPI */
    uint32_t restarts;
    uint32_t slot; /* which of the machine's runners, from 0; for runner pods */
    bool is_runner;
    uint64_t runner_id; /* the registration its daemon uses; 0: none yet */
};

/* A PodDisruptionBudget of the simplest kind: one label, a number of healthy pods that must stay.
 */
struct world_budget {
    char namespace_name[64];
    char name[WORLD_NAME_BYTES];
    char label_key[WORLD_NAME_BYTES], label_value[64];
    uint32_t min_available;
    bool processed; /* false: the controller has not seen it, every eviction is refused for 10 s */
};

/* ---- Gitea ---- */

enum world_scope { WORLD_SCOPE_ADMIN, WORLD_SCOPE_ORG, WORLD_SCOPE_REPO };

struct world_repo {
    uint64_t id;
    char owner[64], name[64];
};

/* A registration, and the daemon that uses it. The struct outlives the registration while the
 * daemon lives, since the daemon keeps asking (and gets nothing). */
struct world_runner {
    uint64_t id;
    char name[WORLD_NAME_BYTES];
    struct world_strings labels;
    bool registered; /* false: its registration was deleted; no list shows it */
    bool disabled;   /* fenced */
    bool disabled_by_hand;
    bool ephemeral;
    bool daemon;    /* a process uses the registration */
    bool permanent; /* not on a machine of ours */
    enum world_scope scope;
    char owner[64], repo[64];           /* "" above the scope */
    int64_t registered_ms, disabled_ms; /* 0: not disabled */
    int64_t free_since_ms;              /* when it registered, or its last job ended */
    int64_t last_contact_ms;            /* what "online" is computed from; 0: never */
    int64_t last_update_ms;             /* what "busy" is computed from; 0: never */
    int64_t silent_until_ms; /* its daemon does not reach Gitea before that; 0: it does */
    uint64_t job_id;         /* the job its daemon works on (perhaps no longer in Gitea's eyes) */
    uint64_t server_id;      /* the machine; 0 for a permanent runner */
    char pod_uid[WORLD_UID_BYTES]; /* "" without Kubernetes */
};

enum world_job_status {
    WORLD_JOB_BLOCKED, /* waits for `needs`; shown as waiting */
    WORLD_JOB_QUEUED,  /* may start now */
    WORLD_JOB_RUNNING, /* in_progress, lost or not */
    WORLD_JOB_COMPLETED
};
enum world_conclusion {
    WORLD_CONCLUSION_NONE,
    WORLD_CONCLUSION_SUCCESS,
    WORLD_CONCLUSION_FAILURE,
    WORLD_CONCLUSION_CANCELLED,
    WORLD_CONCLUSION_SKIPPED
};

struct world_job {
    uint64_t id;     /* from 1, in the order of creation */
    uint64_t run_id; /* also from 1 */
    const struct world_repo *repo;
    char name[WORLD_TEXT_BYTES];
    struct world_strings labels;
    uint64_t *needs; /* ids of jobs of the same run */
    uint32_t needs_count;
    enum world_job_status status;
    enum world_conclusion conclusion;
    bool skip;  /* `if: false`: a runner that takes it ends it at once as skipped */
    bool lost;  /* running, and nobody works on it any more: killed; ends at the zombie sweep */
    bool fails; /* will end in failure by itself */
    uint64_t runner_id;
    char runner_name[WORLD_NAME_BYTES];
    int64_t duration_ms;
    int64_t created_ms, runnable_ms, started_ms, completed_ms;
    int64_t last_update_ms; /* the runner's last word about it; the zombie sweep counts from it */
};

struct world_run {
    uint64_t id, number; /* number: within its repository, from 1 */
    const struct world_repo *repo;
    uint64_t first_job;
    uint32_t job_count; /* its jobs have consecutive ids */
    int64_t created_ms, started_ms, completed_ms;
    enum world_job_status status;
    enum world_conclusion conclusion;
};

#endif
