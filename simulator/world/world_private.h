/* What the parts of the world share: its lists, the queue of what is due, and each part's steps.
 * Private to simulator/world/.
 * May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_WORLD_PRIVATE_H
#define EBBTIDE_SIMULATOR_WORLD_PRIVATE_H

#include "simulator/world/world.h"

#include <assert.h>
#include <string.h>

#define RUNNER_POD_LABEL_KEY    "app"
#define RUNNER_POD_LABEL_VALUE  "gitea-actions-runner"
#define RUNNER_DAEMONSET        "gitea-runner"
#define SYSTEM_NAMESPACE        "kube-system"
#define SYSTEM_DAEMONSET        "node-agent"
#define CONTROL_PLANE_NAME      "k3s-server"
#define BUDGET_UNSEEN_MS        10000
#define PERIODS_A_MONTH         730 /* hours of an average month */
#define SOLD_OUT_PAIRS_MAX      256
#define MS_PER_S                1000
#define PERMILLE                1000
#define FIRST_RENTED_SERVER_ID  1001
#define KUBERNETES_TAINT_PREFIX "node.kubernetes.io/"

/* A growing list of pointers. */
struct list {
    void **items;
    size_t count, room;
};

enum due_kind {
#define DUE(name, handler) DUE_##name,
#include "simulator/world/dues.def"
#undef DUE
    DUE_KIND_COUNT
};

struct due {
    int64_t at_ms;
    uint64_t sequence;
    enum due_kind kind;
    uint64_t id, stamp;
};

/* A binary heap, the earliest first; what is due at the same time comes in the order of entry. */
struct queue {
    struct due *items;
    size_t count, room;
    uint64_t sequence;
};

struct server_entry {
    struct world_server server;
    bool troubles[WORLD_TROUBLE_COUNT]; /* what goes wrong with this one */
    bool alive;                         /* its machine runs */
    uint64_t create_action, start_action;
};

struct node_entry {
    struct world_node node;
    uint64_t serial;
    bool kubelet;     /* someone reports for it */
    uint64_t silence; /* raised when the kubelet comes or goes */
};

struct pod_entry {
    struct world_pod pod;
    uint64_t serial;
    uint64_t node_serial; /* 0: bound to a node that was not there */
    bool hangs, stuck, system;
    bool container; /* it runs */
};

struct runner_entry {
    struct world_runner runner;
    bool stopping;       /* told to end: takes no more jobs */
    uint64_t picking;    /* the job of a pick in flight, 0: none */
    uint64_t poll_stamp; /* of the one poll that is due */
    uint64_t pod_serial; /* 0: not in a pod */
    uint32_t slot;       /* of the machine */
};

struct job_entry {
    struct world_job job;
    bool picked; /* a pick of it is in flight */
};

struct budget_entry {
    struct world_budget budget;
    uint64_t serial;
};

struct repo_entry {
    struct world_repo repo;
    uint64_t runs;
};

struct sold_out {
    const struct world_server_type *type;
    const struct world_location *location;
};

/* Sums of what is gone, and counters that only rise. */
struct totals {
    uint64_t jobs_lost, servers_rented, servers_now, servers_max;
    int64_t ended_periods, ended_slots, ended_cost_microeuro,
        ended_busy_ms; /* slots: paid periods of runners */
    uint64_t runners_registered, runners_deleted, pods_evicted, nodes_deleted;
};

struct world {
    struct world_config config;
    int64_t now_ms;
    uint64_t random;
    struct queue queue;
    struct {
        world_observer *call;
        void *context;
    } observers[WORLD_OBSERVERS_MAX];
    size_t observer_count;
    world_guard *guard;
    void *guard_context;
    bool by_hand;
    uint64_t event_sequence;
    uint64_t serial;           /* the last one given to a node, pod or budget */
    uint64_t resource_version; /* of nodes and pods */
    uint64_t next_server_id;
    struct list servers;    /* server_entry, by id */
    struct list actions;    /* world_action, by id; index + 1 is the id */
    struct list nodes;      /* node_entry, by name */
    struct list pods;       /* pod_entry, by namespace and name */
    struct list budgets;    /* budget_entry */
    struct list repos;      /* repo_entry; index + 1 is the id */
    struct list jobs;       /* job_entry; index + 1 is the id */
    struct list runs;       /* world_run; index + 1 is the id */
    struct list queued;     /* job_entry that may start, in the order in which they became so */
    struct list running;    /* job_entry in progress */
    struct list runners;    /* runner_entry, all that ever were; index + 1 is the id */
    struct list registered; /* runner_entry, by id */
    struct list daemons;    /* runner_entry with a living daemon */
    struct list label_sets; /* world_strings: each set of labels that a runner ever had */
    uint32_t troubles[WORLD_TROUBLE_COUNT];
    struct sold_out sold_out[SOLD_OUT_PAIRS_MAX];
    size_t sold_out_count;
    struct totals totals;
};

/* ---- runner_sets.c ---- */
/* How many runners a machine is to have, and their labels (the world's). */
uint32_t runners_wanted_on(const struct world *world, const struct world_server *server);
const char *const *runner_labels_on(const struct world *world, const struct world_server *server,
                                    uint32_t *count);
void runner_sets_copy(struct world_config *to, const struct world_config *from);
void runner_sets_free(struct world_config *config);

/* ---- memory.c ---- */
void *world_alloc(size_t bytes); /* zeroed, never NULL */
char *world_copy_text(const char *text);
void world_free_text(const char *text); /* such a copy; NULL is fine */
/* Copies at most bytes - 1 characters. */
void world_copy_name(char *to, size_t bytes, const char *from);
void list_push(struct list *list, void *item);
void list_insert(struct list *list, size_t index, void *item);
void *list_remove_at(struct list *list, size_t index);
bool list_remove(struct list *list, const void *item);
void list_free(struct list *list);
void map_copy(struct world_map *to, const struct world_map *from); /* from may be NULL: empty */
void map_set(struct world_map *map, const char *key, const char *value);
const char *map_get(const struct world_map *map, const char *key);
bool map_equal(const struct world_map *a, const struct world_map *b);
void map_free(struct world_map *map);
void strings_copy(struct world_strings *to, const char *const *items, uint32_t count);
bool strings_have(const struct world_strings *strings, const char *word);
void strings_free(struct world_strings *strings);

/* ---- queue.c ---- */
void queue_push(struct queue *queue, const struct due *due);
bool queue_peek(const struct queue *queue, struct due *due);
void queue_pop(struct queue *queue);
void queue_free(struct queue *queue);

/* ---- world.c ---- */
void world_due_in(struct world *world, int64_t delay_ms, enum due_kind kind, uint64_t id,
                  uint64_t stamp);
/* A duration of the configuration, varied by its jitter. */
int64_t world_jitter(struct world *world, int64_t duration_ms);
void world_make_uid(struct world *world, char uid[WORLD_UID_BYTES]);
bool trouble_strikes(struct world *world, enum world_trouble trouble);
/* The same on a server (NULL: on none), whose own troubles count as well. */
bool trouble_strikes_on(struct world *world, enum world_trouble trouble,
                        const struct server_entry *server);
void tell_server(struct world *world, enum world_event_kind kind,
                 const struct world_server *server);
void tell_node(struct world *world, enum world_event_kind kind, const struct world_node *node);
void tell_pod(struct world *world, enum world_event_kind kind, const struct world_pod *pod);
void tell_runner(struct world *world, enum world_event_kind kind, const struct world_runner *runner,
                 const struct world_job *job);
void tell_job(struct world *world, enum world_event_kind kind, const struct world_job *job,
              const struct world_runner *runner);

/* Tells the guard of a call that is about to be carried out; at_ms and by_hand are set here. */
void ask_guard(struct world *world, struct world_call call);

/* ---- each part's steps: called when they are due ---- */
#define DUE(name, handler) void handler(struct world *world, uint64_t id, uint64_t stamp);
#include "simulator/world/dues.def"
#undef DUE

/* ---- servers.c, bill.c ---- */
struct server_entry *server_entry_find(const struct world *world, uint64_t id);
void server_entry_free(struct server_entry *entry);
void server_add_control_plane(struct world *world);
/* The bill of a server that is gone is added to the totals. */
void bill_close(struct world *world, const struct world_server *server);

/* ---- machine.c: what lives on a server ---- */
/* The machine of a server stops without a word: daemons die, its kubelet falls silent. */
void machine_down(struct world *world, struct server_entry *entry);
/* Writes the node labels and taints that the user data asks k3s for. */
void machine_read_user_data(const struct world_server *server, struct world_node *node);

/* ---- nodes.c ---- */
struct node_entry *node_entry_named(const struct world *world, const char *name);
struct node_entry *node_entry_find(const struct world *world, uint64_t serial);
struct node_entry *node_entry_add(struct world *world, const char *name, const char *provider_id,
                                  uint64_t server_id, const struct world_node *wanted);
void node_entry_free(struct node_entry *entry);
void node_changed(struct world *world, struct node_entry *entry);
void node_kubelet_lost(struct world *world, struct node_entry *entry);
bool node_has_foreign_taint(const struct world_node *node, bool no_execute_only);

/* ---- pods.c ---- */
struct pod_entry *pod_entry_named(const struct world *world, const char *namespace_name,
                                  const char *name);
struct pod_entry *pod_entry_find(const struct world *world, uint64_t serial);
void pod_entry_free(struct pod_entry *entry);
void pods_started_on(struct world *world, struct node_entry *node);
void pods_evict_untolerant(struct world *world, struct node_entry *node);
/* Their containers are no more; the objects stay. */
void pods_dead_on(struct world *world, const struct node_entry *node);
void pods_unready_on(struct world *world, const struct node_entry *node);
/* Starts the graceful end; the caller has asked the budgets. */
void pod_end(struct world *world, struct pod_entry *entry, int64_t grace_s);
/* The daemon in it has ended by itself: the container starts again, or the pod ends. */
void pod_daemon_ended(struct world *world, struct pod_entry *entry);

/* ---- runners.c ---- */
struct runner_entry *runner_entry_find(const struct world *world, uint64_t id);
struct runner_entry *runner_in_pod(const struct world *world, const struct pod_entry *pod);
/* The daemon is killed: its job is lost, its registration stays. */
void runner_kill(struct world *world, struct runner_entry *entry);
/* Told to end: no more jobs. Returns true while it works on one. */
bool runner_stop(struct world *world, struct runner_entry *entry);
void runner_kill_on_server(struct world *world, uint64_t server_id);
void runner_entry_free(struct runner_entry *entry);
void runner_start_on(struct world *world, struct server_entry *server);
bool runner_may_take(const struct world_runner *runner, const struct world_job *job);
/* How much longer its daemon does not reach Gitea; 0: it does, or there is none. */
int64_t runner_silent_ms(const struct world *world, const struct runner_entry *entry);
/* The runner is done with its job (or with what was cancelled). */
void runner_release(struct world *world, struct runner_entry *entry);

/* ---- jobs.c ---- */
struct job_entry *job_entry_find(const struct world *world, uint64_t id);
void job_entry_free(struct job_entry *entry);
void job_start(struct world *world, struct job_entry *entry, struct runner_entry *runner);
void job_lose(struct world *world, struct job_entry *entry);
void job_requeue(struct world *world, struct job_entry *entry);

#endif
