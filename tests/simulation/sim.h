/* The simulation: one run of the whole of Ebbtide in virtual time, drawn from a seed.
 *
 * Real: the core, and every action of the actuator with its judge. In place of the processes around
 * them stand models: polls (poll.c), messages and their delays, the reconciler's checkpoint and its
 * restarts (brain.c), the actuator's process and audit log (hands.c, audit_memory.c), its looks
 * (looks.c), its requests and what the three APIs do with them (requests.c, effects_*.c), its
 * timers and the clocks (timers.c). The world behind the APIs is the simulator's own
 * (simulator/world). The witness and judge.c hold everything against the book of promises. May not:
 * read a real clock, use the network, the disk, or any chance but the seed's. */
#ifndef EBBTIDE_TESTS_SIMULATION_SIM_H
#define EBBTIDE_TESTS_SIMULATION_SIM_H

#include <stdio.h>

#include "actuator/actuator.h"
#include "actuator/http_send.h"
#include "common/arena.h"
#include "reconciler/core/core.h"
#include "simulator/witness.h"

#define SIM_START_MS      INT64_C(1795764000000)
#define SIM_NODES_MAX     128
#define SIM_STRANGERS_MAX 1024  /* servers and runners that people leave behind in a run */
#define TRIED_MAX         256   /* nodes that a run remembers */
#define TRIED_SLOTS       1024  /* of the table that finds them */
#define SIM_STRIKES_MAX   60000 /* strikes that a run remembers, for shrinking */
#define SIM_OPEN_JOBS     4096
#define SECONDS(n)        ((int64_t)(n)*1000)
#define SIM_MINUTES(n)    ((int64_t)(n)*60000)
#define HOURS(n)          ((int64_t)(n)*3600000)
#define STATES_SEEN       6 /* enum node_state */

enum sim_fault {
#define FAULT(name, occasion, hinders, word, doc) FAULT_##name,
#include "tests/simulation/faults.def"
#undef FAULT
    sim_fault_count
};
const char *sim_fault_word(enum sim_fault fault);

enum sim_condition {
#define CONDITION(name, word, doc) CONDITION_##name,
#include "tests/simulation/conditions.def"
#undef CONDITION
    sim_condition_count
};

/* ---------------------------------------------------------------------------------------- dice */

/* A name as a number: two names of one run never share one in practice. */
uint64_t name_hash(const char *name);

struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *dice, uint64_t sides); /* 0 .. sides - 1 */
int64_t dice_between(struct dice *dice, int64_t least, int64_t most);
bool dice_chance(struct dice *dice, double probability);
double dice_unit(struct dice *dice); /* 0 .. 1 */

/* ------------------------------------------------------------------------------ what is asked for
 */

/* One strike of a fault: its kind and the how-many-eth of that kind. */
struct strike {
    uint32_t fault, number;
};

/* Which strikes happen: all that the dice say, or (shrinking) only those on a list; and which runs
 * of jobs are pushed. */
struct sim_cut {
    bool cut;
    const struct strike *keep; /* sorted: strikes_sort */
    uint32_t keep_count;
    uint64_t pushes_max;         /* later ones are not made */
    const uint8_t *push_dropped; /* a byte for each push, or NULL */
    uint64_t push_count;
};

/* Sorts as sim_cut wants them. */
void strikes_sort(struct strike *strikes, uint32_t count);

struct sim_options {
    uint64_t seed;
    int64_t hours;       /* of faults and work, before all is healed; 0: drawn */
    FILE *story;         /* every event goes there; NULL: none */
    const char *capture; /* folder of a capture of the run; NULL: none */
    const struct sim_cut *cut;
    bool no_faults;
    bool large;      /* only large fleets: more days of servers in the same time */
    bool whole_hash; /* output_hash is over everything that is said, the core's digest included */
};

/* ------------------------------------------------------------------------------------- one run */

typedef void sim_step(void *argument, uint64_t number);

struct sim_item { /* something that will happen */
    int64_t at_ms;
    uint64_t order;
    sim_step *step;
    void (*drop)(void *argument); /* frees the argument where it never happens; may be NULL */
    void *argument;
    uint64_t number;
};

/* What came of a run, for sums. */
struct sim_counts {
    uint64_t runs, steps, actions, pictures, requests, events;
    double server_days, world_days;
    uint64_t struck[sim_fault_count];
    uint64_t covered[STATES_SEEN][sim_fault_count]; /* nodes in this state when the fault struck */
    uint64_t condition[sim_condition_count];        /* how often each was shown */
    uint32_t edges_seen;                            /* bits of enum edge */
    uint64_t edge_runs[32];                         /* in how many runs each was taken */
    uint64_t jobs, jobs_done, jobs_cancelled, jobs_failed, servers, hours_paid;
};

#define PICTURES_KEPT 8

struct picture;

struct poller_model {
    bool alive;
    uint64_t generation; /* of its process: what an earlier one began is forgotten */
    bool reading, again; /* again: asked for one more meanwhile */
    int64_t ended_ms;    /* of the last reading */
    uint64_t sequence;
    uint32_t failures;
    int64_t next_ms;
    uint64_t timer;                      /* generation of the next poll's item */
    int64_t down_until_ms;               /* API_OUTAGE */
    struct picture *before;              /* the last one, for PICTURE_STALE and PICTURE_TWICE */
    struct picture *kept[PICTURES_KEPT]; /* the last ones, in a ring; NULL where there is none */
    uint32_t kept_next;
    struct picture *frozen; /* SOURCE_FROZEN: every picture shows this one; NULL */
    int64_t frozen_until_ms;
};

/* What a checkpoint knows of a node. Times of the world, but one; 0: never, or nothing. */
struct written {
    int64_t seen_ms[source_count];    /* first shown */
    int64_t missing_ms[source_count]; /* since when each source does not show it */
    int64_t rest_since_wall_ms, rest_since_ms;
    int64_t skew_ms; /* of the wall clock, by which that was written */
};

/* What a step of a node came to, for the promises about failing; what was seen of it. */
struct tried {
    uint64_t name;                /* name_hash */
    uint64_t shown[source_count]; /* in this picture, the last time */
    enum action_kind kind;
    uint32_t in_flight;
    struct action_id last;
    bool answered; /* a late result counts, also where nobody waits any longer */
    uint32_t failures;
    int64_t asked_mono_ms, failed_mono_ms;
    int64_t unknown_mono_ms; /* told that nobody knows what came of the last one; 0 not */
    bool is_node;            /* of the core's fleet, in this state, before the step */
    enum node_state state;
    int64_t state_since_ms;           /* since when, + 1 */
    int64_t seen_ms[source_count];    /* first shown, + 1; 0 never */
    int64_t missing_ms[source_count]; /* since when each source does not show it, + 1; 0 it does */
    struct written written[2];        /* in each checkpoint; [0] the newest */
    bool kept;                        /* a node of the newest checkpoint */
    struct written restored;          /* in the one that this reconciler began with */
    bool drain_forced;                /* since it last began to drain */
    int64_t drain_first_ms;           /* when this drain was first asked for, + 1; 0 not yet */
};

/* The last picture of a source that the core was given. */
struct held {
    bool known;
    uint64_t number; /* of all pictures */
    int64_t at_ms;   /* when the core was given it */
    int64_t began_mono_ms, ended_mono_ms, skew_ms;
};

#define OLDER_MAX 8

/* Gitea showed what was so that long ago; until then a demand may rest on it. */
struct older {
    int64_t by_ms, until_ms;
};

struct sim {
    struct sim_options options;
    struct dice dice_setup, dice_time, dice_work, dice_people, dice_pools, dice_later;
    unsigned scheme;       /* of the pools' labels (pools.c) */
    int64_t servers_kept;  /* the least that must be possible: all pools' min, and one */
    uint32_t pools_drawn;  /* of the configuration, before one leaves */
    int64_t servers_drawn; /* rails.max_servers, before any reload */
    struct dice dice_fault[sim_fault_count];
    double rate[sim_fault_count]; /* of each occasion; 0: the fault is off in this run */
    bool healed;
    int64_t heal_ms, now_ms; /* since the world's start */

    struct sim_item *queue;
    size_t queue_count, queue_room;
    uint64_t order;

    struct world *world;
    struct witness *witness;
    struct witness_rules rules;
    struct book book;
    const struct world_repo *repo;
    uint64_t open_job[SIM_OPEN_JOBS]; /* ids of jobs that are not over */
    uint32_t open_jobs;
    bool has_permanent;

    struct config *config;
    int64_t boot_ms, wall_skew_ms; /* of our machine */

    /* brain.c */
    void *core_block;
    struct core *core;
    struct core_output *output;
    bool brain_alive;
    uint64_t epoch, brain_generation, tick_generation;
    unsigned char *checkpoint[2]; /* encoded; [0] the newest */
    size_t checkpoint_bytes[2];
    int64_t storage_bad_until_ms;
    bool storage_failed, storage_told; /* at the last write; what the core was told */
    uint64_t output_hash;
    bool in_step, restoring; /* restoring: in the step that takes the checkpoint */
    struct sim_keep *keep;   /* keep.c; NULL: nothing is captured */

    /* hands.c, audit_memory.c */
    struct actuator actuator;
    bool hands_alive;
    uint64_t hands_generation;
    int64_t audit_bad_until_ms;

    struct poller_model poller[source_count];
    struct tried tried[TRIED_MAX];
    uint32_t tried_count, tried_oldest;
    uint32_t tried_slot[TRIED_SLOTS]; /* by name: its place + 1; 0 none */
    struct held held[source_count];
    uint64_t shown;                  /* pictures that the judge has seen */
    bool create_alarm;               /* one of creates that fail stands */
    uint32_t creates_failed;         /* in a row, as this reconciler was told */
    int64_t create_failed_ms;        /* when the last of them was reported */
    int64_t skew_seen_ms, jumped_ms; /* of the wall clock; when it last changed */
    int64_t stepped_ms;              /* when the core last made a step */
    int64_t end_due_ms;              /* of the first, then the second promise of the end */
    bool end_for_jobs;
    uint64_t strangers, rogues, reloads;
    int64_t settled_ms; /* until then the rules of before a reload hold, too */
    struct older older[OLDER_MAX];
    int64_t demand_extra_ms; /* how much older than else a demand may be: SOURCE_FROZEN */
    bool fence_exists;
    bool large;        /* a large fleet */
    int64_t page_size; /* of Gitea's lists; small ones shift more */

    struct strike strikes[SIM_STRIKES_MAX];
    uint32_t strike_count;
    uint32_t strike_number[sim_fault_count];
    uint64_t pushes;
    int64_t push_mean_ms, jobs_a_run;
    double fault_density; /* of those that this run has */

    struct sim_counts counts;
};

/* The one that runs: what stands in for the C library's and libevent's functions finds it here. */
extern struct sim *sim_now;

/* Runs a seed to its end, or to the first broken promise. The result stays in *sim until sim_end.
 * True: every promise held. */
bool sim_run(struct sim *sim, const struct sim_options *options);
void sim_end(struct sim *sim);

/* ------------------------------------------------------------------------ for the parts of a run
 */

void sim_at(struct sim *sim, int64_t delay_ms, sim_step *step, void (*drop)(void *), void *argument,
            uint64_t number);
int64_t sim_world_ms(const struct sim *sim); /* the APIs' own time; the world is brought up to it */
int64_t sim_mono_ms(const struct sim *sim);
int64_t sim_wall_ms(const struct sim *sim);

/* Whether a fault strikes at this occasion; counts it, and writes it down. */
bool sim_strikes(struct sim *sim, enum sim_fault fault);
/* A line of the story. */
void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Our own bug in the simulation, or memory is out: says so and ends the process. */
_Noreturn void sim_die(const char *what);
void *sim_alloc(size_t bytes);

/* poll.c */
void pollers_start(struct sim *sim);
void poller_kill(struct sim *sim, enum source source);
void poller_start(struct sim *sim, enum source source);
void poller_now(struct sim *sim, enum source source);
void pollers_end(struct sim *sim);

/* frozen.c */
bool poller_is_frozen(const struct sim *sim, enum source source);
void poller_keep(struct poller_model *poller, struct picture *picture); /* its last one */
/* Gitea's picture shows what was so by_ms ago: for as long as it may count, demand may be that old.
 */
void demand_is_older(struct sim *sim, int64_t by_ms);
void poller_forget(struct poller_model *poller); /* at the end */

/* page.c: of all runners, puts those of a page (`first` .. `first` + `size` - 1 in Gitea's order)
 * where it shows them; the others lie before and after it in any order */
void runners_sort_page(const struct world_runner **order, size_t total, size_t first, size_t size);

/* pictures.c: the world as the APIs show it */
struct picture { /* the storage of one snapshot */
    struct arena *arena;
    enum source source;
    uint32_t holders;
    union {
        struct gitea_snapshot gitea;
        struct hetzner_snapshot hetzner;
        struct kube_snapshot kube;
    } u;
    uint64_t *present; /* name_hash of our nodes that are in it, in truth */
    uint32_t present_count;
    struct picture *parent; /* whose texts it shows; NULL: its own */
    int64_t taken_ms;       /* when what it shows was so */
};
struct picture *picture_new(enum source source);
void picture_drop(struct picture *picture);
void picture_note_present(struct picture *picture, const char *name);
void show_server(struct arena *arena, const struct world_server *from, struct hetzner_server *to);
void show_node(struct arena *arena, const struct world_node *from, struct kube_node *to);
void show_pod(struct arena *arena, const struct world_pod *from, struct kube_pod *to);
void show_runner(struct sim *sim, struct arena *arena, const struct world_runner *from,
                 struct gitea_runner *to);
void show_job(struct sim *sim, struct arena *arena, const struct world_job *from,
              struct gitea_job *to);
uint32_t show_prices(struct arena *arena, struct hetzner_price **to);
const char *show_text(struct arena *arena, const char *text);
bool is_managed(const struct world_map *labels);
bool is_runner_pod(const struct world_pod *pod);
uint32_t fill_servers(struct sim *sim, struct arena *arena, struct hetzner_server **to);

/* pictures_wrong.c */
struct snapshot_head *picture_head(struct picture *picture);
void picture_make_stale(struct picture *picture, struct picture *before);
void picture_make_empty(struct picture *picture);
void picture_make_lack(struct sim *sim, struct picture *picture);
void picture_shuffle(struct sim *sim, struct picture *picture);

/* brain.c */
void brain_start(struct sim *sim);
void brain_kill(struct sim *sim);
void brain_back_in(struct sim *sim, int64_t delay_ms); /* instead of soon, after brain_kill */
void brain_event(struct sim *sim, struct core_event *event);
void brain_actuator_state(struct sim *sim);
void brain_actuator_lost(struct sim *sim);
void brain_end(struct sim *sim);

/* hands.c */
void hands_start(struct sim *sim);
void hands_kill(struct sim *sim);
void hands_take(struct sim *sim, const struct action *action);
void hands_end(struct sim *sim);

/* requests.c */
enum api_fate {
    FATE_FINE,
    FATE_REFUSED,
    FATE_TIMEOUT,
    FATE_LOST_ANSWER,
    FATE_ERROR,
    FATE_ERROR_DONE,
    FATE_RATE_LIMIT,
    FATE_UNAUTHORIZED,
    FATE_BAD_ANSWER,
    FATE_LOCKED,
};
enum api_fate sim_fate(struct sim *sim, enum source source, bool writes);
bool fate_has_effect(enum api_fate fate);
/* The trouble that such a fate is to a reader; NONE: fine. */
enum trouble fate_trouble(enum api_fate fate);
int64_t sim_latency_ms(struct sim *sim);

/* effects_*.c: what an API does with a request that arrives; status and body of its answer. */
struct effect {
    unsigned status;
    char *body;             /* malloc'd or NULL */
    int64_t retry_after_ms; /* HTTP_NONE */
};
void effect_gitea(struct sim *sim, enum send_method method, const char *path, const char *body,
                  struct effect *out);
void effect_hetzner(struct sim *sim, enum send_method method, const char *path, const char *body,
                    struct effect *out);
void effect_kube(struct sim *sim, enum send_method method, const char *path, const char *body,
                 struct effect *out);

/* audit_memory.c */
void audit_memory_reset(void);

/* trouble.c: what happens to machines, processes, clocks and by people's hands */
void trouble_start(struct sim *sim);
/* Whether a wall clock that is so far off is told from the APIs'. */
bool clock_is_off(const struct sim *sim, int64_t skew_ms);
void trouble_budgets_end(struct sim *sim);
/* reload.c: a pool that was removed is there again */
void pool_back(struct sim *sim);
/* heal.c: everything is undone, and a person answers what waits for one */
void trouble_heal(struct sim *sim);
/* A message was passed: a process may be killed here. */
void trouble_at_message(struct sim *sim);

/* moment.c: an action is about to arrive at the actuator */
void moment_of(struct sim *sim, const struct action *action);

/* workload.c */
void workload_start(struct sim *sim);

/* pools.c */
void pools_draw(struct sim *sim); /* after the first pool */
void pools_on_machines(const struct sim *sim, struct world_config *world);
void pools_rules(const struct sim *sim, struct witness_rules *rules);
uint32_t pool_labels(const struct sim *sim, uint32_t pool, const char *const **out);
uint32_t pools_job_labels(struct sim *sim, const char *const **out); /* of one job, drawn */

/* setup.c */
void setup_draw(struct sim *sim);
void rules_from_config(struct sim *sim);
int64_t demand_memory_ms(const struct sim *sim); /* witness_rules.demand_memory_ms */

/* judge.c, tried.c */
#define FAILURES_LOUD 4 /* one more than the core's own number: an alarm takes a step */
struct tried *tried_of(struct sim *sim, const char *name); /* new where it is not known */
bool works_or_rests(enum node_state state);
/* witness_client: whether the core gives the node back; one that it does not know it may yet adopt.
 */
bool judge_keeps(const char *node, const void *sim);
/* Whether it is in another step of its life now than before this step of the core: what failed is
 * over, and the new one has not failed yet. */
bool tried_begins_afresh(const struct tried *tried, enum node_state now);
void judge_before_step(struct sim *sim);
void judge_actions(struct sim *sim);
void judge_result(struct sim *sim, const struct action_result *result);
void judge_create_alarm(struct sim *sim); /* after a step that changed the status */
void judge_creates(struct sim *sim);      /* after a result */
void judge_nodes(struct sim *sim);
void judge_picture(struct sim *sim, const struct picture *picture);
void judge_written(struct sim *sim); /* the checkpoint was written, with what the output says */
/* A new reconciler reads the newest checkpoint (0), the one before it (1), or none (2). */
void judge_read(struct sim *sim, unsigned which);
void judge_restored(struct sim *sim); /* ... and has taken it */
void judge_hands_lost(struct sim *sim);
bool judge_end(struct sim *sim); /* false: not over yet */

/* ----------------------------------------------------------------------------------- keep.c */

/* A life of the reconciler begins; each event before the core is told; what it said. */
void keep_begin(struct sim *sim);
void keep_event(struct sim *sim, const struct core_event *event);
void keep_output(struct sim *sim, const struct core_event *event);
void keep_end(struct sim *sim);

#endif
