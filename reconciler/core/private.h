/* What the stretches of a step share: the core's memory and each stretch's entry.
 * May not: be included outside reconciler/core. */
#ifndef EBBTIDE_RECONCILER_CORE_PRIVATE_H
#define EBBTIDE_RECONCILER_CORE_PRIVATE_H

#include "common/fence_note.h"
#include "reconciler/core/core.h"
#include "reconciler/core/state.h"
#include "reconciler/core/words.h"

#define NONE                  UINT32_MAX
#define NO_POOL               POOLS_MAX /* of an orphan: its pool is not in the configuration */
#define SOURCES               3
#define LABEL_LISTS_MAX       1024 /* distinct runs-on lists that are told apart */
#define WORD_BYTES_MAX        64   /* server type, location: FORM_WORD of the configuration */
#define STEP_FAILURES_LOUD    3    /* failures of a step in a row, then an alarm */
#define STEP_BACKOFF_FIRST_MS 1000
#define STEP_BACKOFF_MOST_MS  300000
#define COUNTER_BELIEVED_MAX  (UINT64_C(1) << 62)
#define RATE_WINDOW_MS        60000
#define RATE_MARKS_MAX        1000 /* as rails.creates_per_minute at most */
#define NODE_TABLE_SLOTS      2048
#define RUNNER_TABLE_SLOTS    16384
#define POD_TABLE_SLOTS       32768
#define LIST_TABLE_SLOTS      2048

/* An action of this node that was sent, and what came of the last one. */
struct errand {
    bool in_flight;
    bool unknown; /* it may have happened: look at snapshots begun after result_mono_ms first */
    enum action_kind kind;
    struct action_id id;
    int64_t asked_mono_ms;
    int64_t result_mono_ms; /* of the last one; 0 none. Older snapshots do not show what it did */
    int64_t next_mono_ms;   /* nothing is asked before */
    uint32_t failures;      /* of this step, in a row */
    enum trouble trouble;
    bool refused;                  /* by the judge */
    char text[TEXT_BYTES_MAX + 1]; /* what the last result said */
};

/* What the snapshots show of a node now; made anew by each join. */
struct sight {
    uint32_t server; /* index into the snapshot's list, or NONE */
    uint32_t kube;
    uint32_t pods;
    uint32_t registered; /* runners of it that are registered, in any condition */
    uint32_t online;     /* of them, online and not disabled */
    uint32_t disabled;
    uint32_t disabled_by_us;
    uint32_t jobs;      /* in progress on one of them */
    uint32_t free;      /* online, not disabled, no job */
    bool busy;          /* Gitea calls one of them busy */
    uint32_t job;       /* index of one such job, or NONE */
    bool lost_job;      /* one is in progress on a runner of it that the list lacks */
    bool create_failed; /* its server's create action ended in error */
};

/* What one source showed of a node, over time. */
struct presence {
    int64_t first_mono_ms;   /* first shown; 0 never */
    int64_t missing_mono_ms; /* since when it is not, though it once was; 0 it is */
    bool unlisted;           /* made before a restart, and in no list since: first is that */
};

struct node {
    char name[NAME_BYTES_MAX + 1];
    uint32_t pool;                      /* its place in the configuration, or NO_POOL */
    char pool_name[NAME_BYTES_MAX + 1]; /* what it was made for, also where that is no more */
    struct action_id made_by;
    char server_type[WORD_BYTES_MAX], location[WORD_BYTES_MAX];
    struct moment asked; /* its create, first; an adopted server's birth */
    uint64_t server_id;  /* 0 while unknown */
    int64_t created_ms;  /* Hetzner's `created`; 0 while unknown */
    uint64_t price_micro;
    int64_t hours_counted;             /* paid hours that are in the sums */
    int64_t hours_known_wall_ms;       /* up to when a checkpoint has counted them; 0 none */
    struct presence presence[SOURCES]; /* of its server, its runners, its Kubernetes node */
    int64_t ready_wall_ms;             /* a runner was last seen online; 0 never */
    struct moment quiet;               /* first of the looks that agree on idle; mono_ms 0 none */
    int64_t offline_mono_ms;           /* since when no runner is online; 0 one is */
    int64_t disabled_mono_ms; /* began of the first look that shows one disabled; 0 none is */
    bool foreign;             /* a person's fence */
    bool held_by_rail;        /* its removal waited for rails.deletes_per_minute */
    bool rolled;              /* its teardown ran into a new paid hour */
    bool would_go;            /* mode observe: said already */
    int64_t would_go_reason;
    struct errand errand;
    struct sight sight;
    struct life life;
};

/* A runs-on list: how many runnable jobs have it, who serves it. */
struct label_list {
    uint32_t job;    /* one that has it */
    uint32_t oldest; /* the oldest of them that is not known as untaken; NONE */
    uint64_t hash;
    uint32_t runnable, left; /* left: not promised to a runner beside the pool's own */
    uint32_t untaken;        /* of the left, those that nobody takes */
    uint32_t pool;           /* NONE: no pool */
    bool offered;            /* room is free for it */
};

struct offer_memory {
    char server_type[WORD_BYTES_MAX], location[WORD_BYTES_MAX]; /* whose it is; "" nobody's */
    uint32_t failures;
    int64_t closed_until_mono_ms; /* 0 open */
    int64_t closed_until_wall_ms;
    bool failing; /* closed because its servers fail, not because it is sold out */
    char text[TEXT_BYTES_MAX + 1];
};

struct pool_now {
    uint32_t runnable, uncovered; /* jobs; after runners beside the pool's own are counted */
    uint32_t untaken;             /* of the uncovered, those that nobody takes */
    uint32_t untaken_job;         /* the oldest of them */
    uint32_t free, coming;        /* slots */
    uint32_t lent;                /* of the free ones, to jobs of other pools */
    uint32_t serving;             /* nodes in provisioning, busy, idle */
    uint32_t total;               /* and in teardown */
    uint32_t desired;
    uint64_t hourly_micro;
};

/* What is known of a pool from earlier steps. Jobs are told by their ids, which only grow. */
struct pool_memory {
    uint64_t untaken_upto; /* those up to this one waited long beside free room; 0 none did */
    uint64_t waits_job;    /* the oldest other one that has room free for it; 0 none */
    uint64_t waits_upto;   /* the youngest that waited when it was first seen so */
    int64_t waits_mono_ms; /* since that look */
    int64_t pause_mono_ms; /* no create before: a limit or a rail said no */
    uint32_t refused;      /* creates that were held so, in a row */
    uint32_t would_create; /* mode observe: said already */
};

struct source_now {
    void *owner;
    const struct snapshot_head *head; /* NULL: none yet */
    struct poll_trouble trouble;      /* failures 0: none */
    char trouble_text[TEXT_BYTES_MAX + 1];
    bool token_writes;
    char token_text[TEXT_BYTES_MAX + 1];
};

struct alarm_slot {
    enum alarm_kind kind;
    bool raised; /* in this step */
    int64_t since_wall_ms;
    char subject[NAME_BYTES_MAX + 1];
    char text[TEXT_BYTES_MAX + 1];
};

struct rate {
    int64_t mark_mono_ms[RATE_MARKS_MAX];
    uint32_t next, count;
};

struct counts {
    uint32_t running, waiting, blocked, unserved, lost;
    uint32_t nameless; /* lost, on a runner without a name: may be any machine's */
    uint32_t unlisted; /* remembered runners that the list lacks */
    char unserved_labels[TEXT_BYTES_MAX + 1];
};

struct core {
    const struct config *config;
    uint64_t epoch, counter;
    int64_t mono_ms, wall_ms;
    int64_t wake_ms;
    struct core_output *out;

    const struct gitea_snapshot *gitea;
    const struct hetzner_snapshot *hetzner;
    const struct kube_snapshot *kube;
    struct source_now source[SOURCES];
    enum core_event_kind event;

    bool restored;               /* CORE_CHECKPOINT came */
    bool actuator_ready;         /* its state came, and the channel lives */
    bool actuator_known;         /* its state came once */
    struct action_id remembered; /* the highest id that the checkpoint knows of */
    int64_t forgot_mono_ms;      /* heard of a higher one: what that made is forgotten; 0 not */
    uint32_t forgot_lists;       /* of Hetzner's since, begun late enough to show that */
    int64_t forgot_list_mono_ms; /* when the last of them began */
    bool breaker[SOURCES];
    bool may_destroy, may_create;
    bool clocks_agree;
    char storage_text[TEXT_BYTES_MAX + 1]; /* "": the checkpoint can be written */
    char audit_text[TEXT_BYTES_MAX + 1];   /* "": the actuator believes its audit log */

    int64_t teardown_ms; /* longest recent; 0 never measured */
    int64_t close_ms;    /* what the window closed by before that grew; holds until ... */
    int64_t close_until_mono_ms;
    uint64_t today_micro, total_micro;
    int64_t today_wall_ms;
    uint64_t created, deleted, deregistered, create_errors, remove_errors, hours_rolled;
    struct rate creates, deletes;
    int64_t create_pause_mono_ms; /* no create before: the account or the API said no */
    uint32_t create_failures;
    enum trouble create_trouble;
    char create_text[TEXT_BYTES_MAX + 1];
    int64_t lost_mono_ms; /* since when there are lost jobs; 0 none */
    struct pool_memory memory[POOLS_MAX];
    uint32_t pool_turn; /* whose create comes first, so that no pool starves */

    struct offer_memory offer[POOLS_MAX][OFFERS_MAX];
    struct pool_now pool[POOLS_MAX + 1]; /* the last: NO_POOL */
    struct counts jobs;
    struct alarm_slot alarm[ALARMS_MAX];
    uint32_t alarm_count, alarms_dropped;
    uint32_t edges_seen;
    uint64_t checkpoint_hash, status_hash;
    uint32_t turn; /* whose teardown comes first, so that nobody starves */
    uint32_t node_count;
    uint32_t list_count;

    /* Joins. Only the part of a table that this step needs is cleared. */
    uint32_t node_mask, runner_mask, pod_mask;

    struct checkpoint checkpoint;
    struct status status;
    struct status_pool status_pool[POOLS_MAX];
    struct status_source status_source[SOURCES];
    struct alarm status_alarm[ALARMS_MAX];
    struct checkpoint_offer checkpoint_offer[POOLS_MAX * OFFERS_MAX];

    /* From here on nothing is cleared when the core begins: what is not used is never touched. */
    uint32_t node_table[NODE_TABLE_SLOTS];
    uint32_t runner_table[RUNNER_TABLE_SLOTS];
    uint32_t pod_table[POD_TABLE_SLOTS];
    uint32_t list_table[LIST_TABLE_SLOTS];
    uint32_t runner_node[RUNNERS_MAX]; /* index of the node that a runner belongs to, or NONE */
    bool runner_has_job[RUNNERS_MAX];
    struct label_list list[LABEL_LISTS_MAX];
    struct status_node status_node[NODES_MAX];
    char status_why[NODES_MAX][TEXT_BYTES_MAX + 1];
    char status_runners[NODES_MAX][TEXT_BYTES_MAX + 1];
    struct checkpoint_node checkpoint_node[NODES_MAX];
    struct runner_ref checkpoint_runner[NODES_MAX][RUNNERS_PER_NODE_MAX];
    struct node node[NODES_MAX];
};

#define CORE_CLEARED_BYTES offsetof(struct core, node_table)

/* ---- time (core.c): whether an instant has come; if not, the next wake-up is no later than it */
bool core_due(struct core *core, int64_t mono_ms);
struct moment core_now(const struct core *core);

/* ---- log lines and alarms (alarms.c) */
/* Adds a line; parts as in words.h. */
#define core_say(core, level, ...)                                                                 \
    core_say_parts((core), (level), (const struct part[]){__VA_ARGS__, {.kind = PART_END}})
void core_say_parts(struct core *core, enum verbosity level, const struct part *parts);
/* An alarm stands for as long as each step raises it again. */
#define core_alarm(core, which, subject, ...)                                                      \
    core_alarm_parts((core), (which), (subject),                                                   \
                     (const struct part[]){__VA_ARGS__, {.kind = PART_END}})
void core_alarm_parts(struct core *core, enum alarm_kind kind, const char *subject,
                      const struct part *parts);
void alarms_begin(struct core *core);
void alarms_end(struct core *core);

/* ---- nodes (fleet.c) */
struct node *fleet_find(struct core *core, const char *name);
struct node *fleet_find_action(struct core *core, struct action_id id);
/* A new node in provisioning; NULL when NODES_MAX are there. Its name must be new. One whose pool
 * is in the configuration no more is ours all the same, an orphan: paid, and a server of
 * rails.max_servers, but no pool counts it or its room. */
struct node *fleet_add(struct core *core, const char *name, const char *pool);
/* What the configuration says of a pool. Of NO_POOL it is nothing: min and max 0, no room, no
 * offer; so an orphan is always one too many. */
const struct config_pool *pool_row(const struct core *core, uint32_t pool);
const struct config_pool *node_pool(const struct core *core, const struct node *node);
void fleet_drop(struct core *core, struct node *node);
/* Builds node_table anew. */
void fleet_index(struct core *core);
/* Takes an edge: changes the life, says so in the log, begins the next step's errand afresh. */
void node_step(struct core *core, struct node *node, enum edge edge, enum reason reason);
/* Words of the closed lists, for log lines (proto's own tables are not linked here). */
const char *state_text(enum node_state state);
const char *reason_text(enum reason reason);
const char *source_text(enum source source);
const char *action_text(enum action_kind kind);
const char *alarm_text(enum alarm_kind kind);

/* ---- the stretches, in their order */
void events_take(struct core *core, const struct core_event *event);      /* events.c */
void results_take(struct core *core, const struct action_result *result); /* results.c */
/* After the plan: that creates fail is over when one succeeds, and also when the pause after the
 * last failure is over and nobody wants a server any more, since then none will ever be asked for.
 */
void results_forget(struct core *core);
void checkpoint_take(struct core *core, const struct checkpoint *checkpoint); /* checkpoint.c */
void facts_join(struct core *core);                                           /* facts.c */
void runners_join(struct core *core);                                         /* runners.c */
/* Whether a note of our fence stands at the node or its server, as the pictures show them. */
bool runners_noted(const struct core *core, const struct node *node);
void observe_fleet(struct core *core);   /* observe.c */
void trust_judge(struct core *core);     /* trust.c */
void demand_count(struct core *core);    /* demand.c */
void room_promise(struct core *core);    /* room.c, within demand_count */
void plan_make(struct core *core);       /* plan.c */
void steps_take(struct core *core);      /* steps.c */
void status_make(struct core *core);     /* status.c */
void checkpoint_make(struct core *core); /* checkpoint.c */

/* ---- trust.c */
int64_t source_age_ms(const struct core *core, enum source source);
bool source_stale(struct core *core, enum source source);
/* Whether the last snapshots of all three began after what the last result of this node changed. */
bool trust_shows_result(const struct core *core, const struct node *node);
/* Whether its server was missing, and a look that began after the grace still does not show it:
 * mark first, look again, then believe. */
bool trust_server_gone(const struct core *core, const struct node *node);
/* Whether a place of its pool's max and of the rails is taken by it: one on its way out whose
 * server is gone for certain is paid no more, however long something holds its other steps. */
bool trust_takes_place(const struct core *core, const struct node *node);
bool trust_shows_result_of(const struct core *core, enum source source, const struct node *node);

/* ---- hour.c: the paid hour */
struct hour {
    bool known;
    int64_t left_ms;       /* of the paid hour */
    int64_t until_wall_ms; /* its end */
    int64_t number;        /* 1: the first */
};
struct hour hour_of(const struct core *core, const struct node *node);
/* When its server came to be, by our clock since boot; when it was asked for, while there is none.
 */
int64_t hour_born_mono_ms(const struct core *core, const struct node *node);
/* How long a teardown takes, to be safe; when its window opens, before the hour's end. */
int64_t hour_teardown_ms(const struct core *core);
int64_t hour_window_ms(const struct core *core);
/* A teardown ended that took so long, and no rail held it. */
void hour_teardown_took(struct core *core, int64_t took_ms);
/* Whether a teardown may begin now for the hour's sake; registers the wake-up when it may. */
bool hour_allows(struct core *core, const struct node *node);
/* Wall time at which it would go if nothing comes; 0 unknown. */
int64_t hour_goes_wall_ms(const struct core *core, const struct node *node);
void hour_count_money(struct core *core);
int64_t hour_api_ms(const struct core *core); /* Hetzner's time now; 0 unknown */

/* ---- trust.c: whether servers that we have forgotten may be missing from the list */
bool trust_list_may_lack(const struct core *core);

/* ---- rails.c */
/* Whether one more server of this offer may be asked for; raises the alarm where not. */
bool rails_allow_create(struct core *core, uint32_t pool, uint64_t price_micro);
bool rails_allow_delete(struct core *core);
void rails_count(struct core *core, struct rate *rate);
/* The last one that was counted came to nothing. */
void rails_take_back(struct rate *rate);

/* ---- offers.c */
/* The first offer of the pool that is open; NONE. */
uint32_t offers_choose(struct core *core, uint32_t pool);
void offers_failed(struct core *core, uint32_t pool, const char *server_type, const char *location,
                   const char *why);
void offers_served(struct core *core, const struct node *node);
void offers_close(struct core *core, uint32_t pool, const char *server_type, const char *location,
                  int64_t pause_ms, const char *why);
void offers_alarms(struct core *core);
/* The pool lacks servers and none of its offers is open: said, where one of them is sold out. */
void offers_sold_out(struct core *core, uint32_t pool);
/* What is remembered of an offer, to be written; NULL where the pool does not have it. */
struct offer_memory *offers_memory(struct core *core, uint32_t pool, const char *server_type,
                                   const char *location);
/* The configuration's lists changed: each memory goes to where its offer stands now, or is lost
 * with it. */
void offers_configured(struct core *core);
/* Price of a type in a place; false where the snapshot has none, or it is deprecated. */
bool offers_price(const struct core *core, const char *server_type, const char *location,
                  uint64_t *micro);

/* ---- room.c */
/* Whether all labels of a job are among these. */
bool room_labels_fit(const struct gitea_job *job, const char *const *labels, uint32_t count);
/* Jobs that ask for room on machines of the pool. */
uint32_t room_wanted(const struct core *core, uint32_t pool);

/* ---- ask.c: putting an action into the output */
bool ask_room(const struct core *core);
void ask_create(struct core *core, struct node *node, enum reason reason, const char *why);
void ask_step(struct core *core, struct node *node, enum action_kind kind, enum reason reason,
              const char *why, bool force);
/* A step failed or was refused: wait longer each time. */
void errand_back_off(struct core *core, struct node *node, int64_t least_ms);

#endif
