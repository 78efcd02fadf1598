/* A small world for the tests of the core: lists that a test changes, snapshots made of them with
 * storage of their own, and the last actions. May not: know what the core should do. */
#ifndef EBBTIDE_TESTS_UNIT_CORE_FIXTURE_H
#define EBBTIDE_TESTS_UNIT_CORE_FIXTURE_H

#include "reconciler/core/core.h"

#define WORLD_MAX      64
#define WORLD_NAME     64
#define WORLD_ACTIONS  512
#define WORLD_START_MS INT64_C(1795764000000)
#define WORLD_POLL_MS  5000
#define MINUTES(n)     ((int64_t)(n)*60000)

struct world_action {
    struct action_id id;
    enum action_kind kind;
    enum reason reason;
    char node[WORLD_NAME], pool[WORLD_NAME];
    char label_id[48], location[WORLD_NAME];
    uint64_t runner[RUNNERS_PER_NODE_MAX];
    uint32_t runners;
    bool force, answered;
};

struct world {
    struct config *config;
    struct core *core;
    struct core_output *out;
    int64_t mono_ms, wall_ms, skew_ms; /* skew: our wall clock ahead of the APIs' */
    uint64_t sequence, epoch, next_id;
    struct gitea_job job[WORLD_MAX];
    struct gitea_runner runner[WORLD_MAX];
    struct hetzner_server server[WORLD_MAX];
    struct kube_node node[WORLD_MAX];
    struct kube_pod pod[WORLD_MAX];
    uint32_t jobs, runners, servers, nodes, pods;
    struct world_action action[WORLD_ACTIONS];
    uint32_t actions;
    /* Before and after each step, for tests that follow along; NULL: nobody does. */
    void (*before)(const struct core_event *event, void *argument);
    void (*after)(const struct core_event *event, void *argument);
    void *argument;
};

/* A pool `linux` of labels [linux], max 5, mode act, prices known; nothing fed yet. */
struct world *world_new(void);
void world_free(struct world *world);
/* A world with one key of the configuration set, started and polled once. */
struct world *world_begin(const char *path, const char *value);
/* A fresh core (epoch + 1) from `checkpoint` (NULL none) and an actuator's empty state. */
void world_start(struct world *world, const struct checkpoint *checkpoint);
void world_restart(struct world *world); /* from what the core last wanted written */
void world_configure(struct world *world, const char *path, const char *value);

void world_step(struct world *world, struct core_event *event);
void world_feed(struct world *world, enum source source); /* one snapshot, now */
void world_poll(struct world *world);                     /* all three, WORLD_POLL_MS later */
void world_run(struct world *world, int64_t ms);          /* polls until that time is over */

/* Things that happen in the world. Names are kept as given. */
uint32_t world_job(struct world *world, enum job_status status, const char *label,
                   uint64_t runner_id);
/* The server, node, pod and online runner of a create, with the labels that its pool serves now;
 * returns the runner's id. */
uint64_t world_join(struct world *world, const struct world_action *create);
struct gitea_runner *world_runner(struct world *world, uint64_t id);
void world_unlist_server(struct world *world, const char *name);
void world_unlist_node(struct world *world, const char *name);
void world_unlist_runner(struct world *world, uint64_t id);
void world_unlist_jobs(struct world *world);

/* The last action, or the last of a kind; NULL. */
struct world_action *world_last(struct world *world, enum action_kind kind);
uint32_t world_count(const struct world *world, enum action_kind kind);
void world_answer(struct world *world, struct world_action *action, enum outcome outcome,
                  enum trouble trouble);
/* A create answered well: the server is listed; the machine joins with an online runner. */
uint64_t world_serve(struct world *world, struct world_action *create);

/* `count` machines that serve, of the first creates; the jobs that called for them are gone again.
 */
void world_serve_many(struct world *world, uint32_t count, uint64_t *runner);
/* Time passes, and nobody looks. */
void world_advance(struct world *world, int64_t ms);

/* The state of the status's row `index`; node_state_count where there is none. */
enum node_state world_state(const struct world *world, uint32_t index);
/* The first node's row of the status; NULL. */
const struct status_node *world_node(const struct world *world);
bool world_alarm(const struct world *world, enum alarm_kind kind);

#endif
