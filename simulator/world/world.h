/* The simulated world: what happens behind Gitea's, Kubernetes' and Hetzner's APIs.
 *
 * Servers boot, nodes and runner pods appear, runners take jobs, hours are paid. Everything happens
 * at times that the caller passes in; the same configuration, seed and calls give the same world,
 * event for event. What the real services were seen to do is written down in docs/simulator.md.
 * May not: read a clock, do I/O, know JSON or HTTP. Out of memory ends the process (abort). */
#ifndef EBBTIDE_SIMULATOR_WORLD_WORLD_H
#define EBBTIDE_SIMULATOR_WORLD_WORLD_H

#include "simulator/world/config.h"
#include "simulator/world/types.h"

struct world;

/* A world at config->start_ms. The configuration is copied. Never NULL; world_free(NULL) is fine.
 */
struct world *world_new(const struct world_config *config);
void world_free(struct world *world);
const struct world_config *world_config_of(const struct world *world);

/* Lets everything happen that is due up to and including now_ms, in the order of its time. A time
 * in the past changes nothing. */
void world_advance(struct world *world, int64_t now_ms);
int64_t world_now_ms(const struct world *world);
/* When something will happen next (INT64_MAX: never): how long a caller may sleep. */
int64_t world_next_ms(const struct world *world);
/* The next number of the world's own generator, 0 .. below - 1. */
uint64_t world_random(struct world *world, uint64_t below);

/* ---- Events: the world's story ---- */

enum world_event_kind {
#define WORLD_EVENT(name, word) WORLD_EVENT_##name,
#include "simulator/world/events.def"
#undef WORLD_EVENT
    WORLD_EVENT_KIND_COUNT
};

/* One thing that happened. Exactly the pointers that concern it are set; they are valid during the
 * call only, and show the object after the change (for *_GONE: as it was last). */
struct world_event {
    int64_t at_ms;
    uint64_t sequence; /* from 1 */
    enum world_event_kind kind;
    const struct world_server *server;
    const struct world_node *node;
    const struct world_pod *pod;
    const struct world_runner *runner;
    const struct world_job *job;
};
typedef void world_observer(void *context, const struct world_event *event);

#define WORLD_OBSERVERS_MAX 8
/* Adds an observer, called inside whatever changes the world; it may not change the world. False
 * when WORLD_OBSERVERS_MAX are there. */
bool world_observe(struct world *world, world_observer *observer, void *context);
const char *world_event_word(enum world_event_kind kind);
/* "+12.345 job 3 started on runner-ab-1": one line of the story. Returns text. */
char *world_event_line(const struct world *world, const struct world_event *event, size_t bytes,
                       char *text);

/* ---- Calls: what a client asks, before it changes anything ---- */

enum world_call_kind {
#define WORLD_CALL(name, word) WORLD_CALL_##name,
#include "simulator/world/calls.def"
#undef WORLD_CALL
    WORLD_CALL_KIND_COUNT
};

/* A call that the world is about to carry out: nothing forbids it any more, nothing has changed
 * yet. Exactly the pointers that concern it are set; they are valid during the call of the guard.
 */
struct world_call {
    int64_t at_ms;
    enum world_call_kind kind;
    bool by_hand; /* world_by_hand: a person does it, not the client that is watched */
    const struct world_server_spec *wanted; /* SERVER_CREATE */
    const struct world_server *server;
    const struct world_node *node;
    const struct world_node_spec *change; /* NODE_UPDATE: what it will be like */
    const struct world_pod *pod;
    const struct world_runner *runner;
};
typedef void world_guard(void *context, const struct world_call *call);

/* The one guard, NULL for none. It is called before each call of a client changes the world, and
 * may not change it. */
void world_guard_calls(struct world *world, world_guard *guard, void *context);
/* Says whose calls the next ones are. */
void world_by_hand(struct world *world, bool by_hand);
const char *world_call_word(enum world_call_kind kind);

/* ---- Verdicts ---- */

enum world_verdict {
    WORLD_OK,
    WORLD_NOT_FOUND,
    WORLD_NAME_TAKEN,    /* Hetzner uniqueness_error; Kubernetes AlreadyExists */
    WORLD_SOLD_OUT,      /* resource_unavailable */
    WORLD_QUOTA,         /* resource_limit_exceeded */
    WORLD_NOT_SOLD_HERE, /* this type is not offered in this location: invalid_input */
    WORLD_PROTECTED,     /* delete protection */
    WORLD_LOCKED,        /* an action is running on it */
    WORLD_BUDGET_SPENT,  /* eviction: 429 */
    WORLD_BUDGET_UNSEEN, /* eviction: 429 with Retry-After */
    WORLD_BUDGETS_TWO,   /* eviction: 500 */
    WORLD_CONFLICT       /* a uid or a resource version does not match */
};

/* ---- Hetzner ---- */

struct world_server_spec {
    const char *name;
    const struct world_server_type *type;
    const struct world_location *location;
    const struct world_image *image;
    const struct world_map *labels; /* copied */
    const char *user_data;          /* copied; NULL: none */
    bool start;                     /* start_after_create */
};

/* Rents a server. On WORLD_OK: *id, and *action_ids[0] create_server, [1] start_server (0 when not
 * started). Payment starts now. */
enum world_verdict world_server_create(struct world *world, const struct world_server_spec *spec,
                                       uint64_t *id, uint64_t action_ids[2]);
enum world_verdict world_server_delete(struct world *world, uint64_t id, uint64_t *action_id);
enum world_power { WORLD_POWER_OFF, WORLD_POWER_ON, WORLD_SHUTDOWN };
enum world_verdict world_server_power(struct world *world, uint64_t id, enum world_power what,
                                      uint64_t *action_id);
/* Name NULL or labels NULL: unchanged. */
enum world_verdict world_server_update(struct world *world, uint64_t id, const char *name,
                                       const struct world_map *labels);
enum world_verdict world_server_protect(struct world *world, uint64_t id, bool protect,
                                        uint64_t *action_id);

size_t world_server_count(const struct world *world);
const struct world_server *world_server_at(const struct world *world, size_t index); /* by id */
const struct world_server *world_server_find(const struct world *world, uint64_t id);
const struct world_server *world_server_named(const struct world *world, const char *name);
size_t world_action_count(const struct world *world);
const struct world_action *world_action_at(const struct world *world, size_t index); /* by id */
const struct world_action *world_action_find(const struct world *world, uint64_t id);

/* The catalogue: constant tables. */
const struct world_location *world_locations(size_t *count);
const struct world_server_type *world_server_types(size_t *count);
const struct world_image *world_images(size_t *count);
/* Sells a type out in a place (or has it again). NULL for either: all of them. */
void world_set_sold_out(struct world *world, const char *type, const char *location, bool sold_out);
bool world_sold_out(const struct world *world, const struct world_server_type *type,
                    const struct world_location *location);
/* What a server has cost up to at_ms: started periods, and micro-euro net with the monthly cap. */
int64_t world_paid_periods(const struct world *world, const struct world_server *server,
                           int64_t at_ms);
int64_t world_cost_microeuro(const struct world *world, const struct world_server *server,
                             int64_t at_ms);

/* ---- Kubernetes ---- */

/* The collection's newest resource version; rises with each change of a node or pod. */
uint64_t world_resource_version(const struct world *world);
size_t world_node_count(const struct world *world);
const struct world_node *world_node_at(const struct world *world, size_t index); /* by name */
const struct world_node *world_node_named(const struct world *world, const char *name);
size_t world_pod_count(const struct world *world);
const struct world_pod *world_pod_at(const struct world *world, size_t index); /* ns, then name */
const struct world_pod *world_pod_named(const struct world *world, const char *namespace_name,
                                        const char *name);

/* What a client may set on a node; all of it is replaced. */
struct world_node_spec {
    const struct world_map *labels, *annotations;
    const struct world_taint *taints;
    uint32_t taint_count;
    bool unschedulable;
};
/* Replaces what a client may set. Raises the resource version only when something differs. A new
 * NoExecute taint ends pods that do not tolerate it; a cordon keeps new ones away. */
enum world_verdict world_node_update(struct world *world, const char *name,
                                     const struct world_node_spec *spec);
/* Deletes the object; its machine, if it lives, does not come back by itself. uid NULL: any. */
enum world_verdict world_node_delete(struct world *world, const char *name, const char *uid);
/* A node made through the API or by a scenario; ready says whether a kubelet reports for it. */
enum world_verdict world_node_create(struct world *world, const char *name, const char *provider_id,
                                     const struct world_node_spec *spec, bool ready);

struct world_pod_spec {
    const char *namespace_name, *name, *node_name;
    const struct world_map *labels, *annotations;
    enum world_pod_owner owner;
    const char *owner_name;
    enum world_pod_phase phase;
};
enum world_verdict world_pod_create(struct world *world, const struct world_pod_spec *spec);
enum world_verdict world_pod_annotate(struct world *world, const char *namespace_name,
                                      const char *name, const struct world_map *labels,
                                      const struct world_map *annotations);
/* Starts a pod's graceful end; 0 seconds: gone at once. Negative: the pod's own grace. */
enum world_verdict world_pod_delete(struct world *world, const char *namespace_name,
                                    const char *name, const char *uid, int64_t grace_s);
/* The same through policy/v1 Eviction: budgets are asked first. */
enum world_verdict world_pod_evict(struct world *world, const char *namespace_name,
                                   const char *name, const char *uid, int64_t grace_s);
enum world_verdict world_budget_set(struct world *world, const struct world_budget *budget);
enum world_verdict world_budget_delete(struct world *world, const char *namespace_name,
                                       const char *name);
size_t world_budget_count(const struct world *world);
const struct world_budget *world_budget_at(const struct world *world, size_t index);
/* Healthy pods that the budget selects. */
uint32_t world_budget_healthy(const struct world *world, const struct world_budget *budget);

/* ---- Gitea ---- */

const struct world_repo *world_repo(struct world *world, const char *owner, const char *name);
const struct world_repo *world_repo_find(const struct world *world, const char *owner,
                                         const char *name);
/* Somebody of that name has a repository or a runner. */
bool world_owner_exists(const struct world *world, const char *owner);

struct world_job_spec {
    const char *name;
    const char *const *labels;
    uint32_t label_count;
    const uint32_t *needs; /* indices into the run's jobs, each smaller than the job's own */
    uint32_t needs_count;
    int64_t duration_ms;
    bool skip, fails;
};
/* A run of jobs begins (a push). Returns the run's id. Limits: config jobs_max, else 0. */
uint64_t world_run_create(struct world *world, const struct world_repo *repo,
                          const struct world_job_spec *jobs, uint32_t job_count);
/* Ends a job that is not over as cancelled; its runner works on for config cancel_lag_ms. */
enum world_verdict world_job_cancel(struct world *world, uint64_t id);
size_t world_job_count(const struct world *world);
const struct world_job *world_job_find(const struct world *world, uint64_t id);
size_t world_run_count(const struct world *world);
const struct world_run *world_run_find(const struct world *world, uint64_t id);

struct world_runner_spec {
    const char *name;
    const char *const *labels;
    uint32_t label_count;
    enum world_scope scope;
    const char *owner, *repo; /* as the scope needs, else NULL */
    bool ephemeral, permanent, started;
    uint64_t server_id; /* the machine that it came up on by itself; 0: none */
};
/* Registers a runner by hand (permanent ones); the ones on machines register themselves. Returns
 * its id. */
uint64_t world_runner_create(struct world *world, const struct world_runner_spec *spec);
/* Jobs that may start and wait for a runner, in the order in which they became so. */
size_t world_queued_count(const struct world *world);
const struct world_job *world_queued_at(const struct world *world, size_t index);

enum world_verdict world_runner_disable(struct world *world, uint64_t id, bool disabled);
enum world_verdict world_runner_delete(struct world *world, uint64_t id); /* no check for busy */
/* Its daemon dies at once, registered or not, and what it works on is lost. CONFLICT: none runs. */
enum world_verdict world_runner_kill(struct world *world, uint64_t id);
/* Its daemon does not reach Gitea for so long: it works on, is called offline in a while, and says
 * afterwards what came of its job. CONFLICT: none runs. */
enum world_verdict world_runner_silence(struct world *world, uint64_t id, int64_t ms);
size_t world_runner_count(const struct world *world); /* registered ones */
const struct world_runner *world_runner_at(const struct world *world, size_t index);
const struct world_runner *world_runner_find(const struct world *world, uint64_t id);
/* What Gitea's API shows, lies included (config offline_ms, busy_window_ms). */
bool world_runner_online(const struct world *world, const struct world_runner *runner);
bool world_runner_busy(const struct world *world, const struct world_runner *runner);
/* Runs the zombie sweep now, as the admin's cron endpoint does. */
void world_zombie_sweep(struct world *world);

/* ---- Trouble, for faults and scenarios ---- */

enum world_trouble {
#define WORLD_TROUBLE(name, word, help) WORLD_TROUBLE_##name,
#include "simulator/world/troubles.def"
#undef WORLD_TROUBLE
    WORLD_TROUBLE_COUNT
};
/* The next `count` occasions go wrong (0: none any more). */
void world_trouble_next(struct world *world, enum world_trouble trouble, uint32_t count);
/* The same for one server, when its own occasion comes (asked right after its create). */
enum world_verdict world_server_trouble(struct world *world, uint64_t id,
                                        enum world_trouble trouble);
/* By its word; false where there is none. */
bool world_trouble_by_word(const char *word, enum world_trouble *trouble);
/* The machine dies (no API call): its daemons and pods stop, the node turns NotReady later. */
enum world_verdict world_server_crash(struct world *world, uint64_t id);
/* A runner pod's container dies and starts again: a new daemon registers under a new id. */
enum world_verdict world_pod_restart(struct world *world, const char *namespace_name,
                                     const char *name);

/* ---- What came of it all ---- */

struct world_summary {
    uint64_t jobs_total, jobs_blocked, jobs_queued, jobs_running, jobs_completed;
    uint64_t jobs_succeeded, jobs_failed, jobs_cancelled, jobs_skipped;
    uint64_t jobs_lost;       /* killed with their runner, ever */
    uint64_t jobs_unservable; /* queued, and no runner that ever lived had its labels */
    int64_t wait_median_ms, wait_p95_ms, wait_max_ms;  /* of started jobs: runnable to started */
    uint64_t servers_rented, servers_now, servers_max; /* without the foreign ones */
    int64_t paid_periods, paid_ms, busy_ms;            /* busy: job time on rented machines */
    double paid_share_used; /* busy / (paid x runners a machine), 0 .. 1 */
    int64_t cost_microeuro;
    uint64_t runners_registered, runners_deleted, pods_evicted, nodes_deleted;
};
/* Of the time up to now; walks all jobs. */
void world_summary(const struct world *world, struct world_summary *summary);

#endif
