/* The tiny world: servers, nodes, runners, jobs and an actuator as one plain struct that can be
 * copied, and the pure core beside it. Everything that happens is an event with a number; the same
 * events from the same beginning give the same world and the same core.
 * May not: know how the core decides; roll dice. */
#ifndef EBBTIDE_TESTS_SIMULATION_SMALL_TINY_H
#define EBBTIDE_TESTS_SIMULATION_SMALL_TINY_H

#include <stdio.h>

#include "promises/book.h"
#include "reconciler/core/core.h"

#define TINY_SLOTS   3 /* one more than there may be servers: what is left of an old one */
#define TINY_RUNNERS 2 /* registrations of a node: one that lives, one that was left behind */
#define TINY_JOBS    2
#define TINY_MADE    8 /* names that are remembered */
#define TINY_NAMES   60000
#define TINY_NAME    48

/* What passes at once (event pass), chosen around the limits below. */
enum tiny_jump {
    JUMP_WAKE,      /* until the core would be woken */
    JUMP_STALE,     /* past trust.*_age_max */
    JUMP_PROVISION, /* past life.provision_timeout */
    JUMP_WINDOW,    /* into the first server's window */
    JUMP_HOUR,      /* past the end of its paid hour */
    TINY_JUMPS
};

#define POLL_MS      5000
#define SETTLE_MS    10000
#define CONFIRM_MS   10000
#define IDLE_MS      20000
#define STALE_MS     30000
#define GRACE_MS     20000
#define PROVISION_MS 120000
#define DEADLINE_MS  20000 /* of an action */
#define DRAIN_MS     30000
#define HOUR_MS      600000
#define WINDOW_MS    120000
#define ONLINE_MS    30000 /* Gitea calls a dead runner online for so long */
#define BUSY_MS      5000  /* and a runner busy after its job */
#define SKEW_MS      7200000
#define LATE_MS      30000 /* a create that lands late does so within this */
#define START_MS     INT64_C(1795764000000)

enum tiny_job_state { JOB_NONE, JOB_WAITS, JOB_READY, JOB_RUNS };

struct tiny_job {
    uint8_t state;
    uint32_t runner; /* id, while it runs */
};

struct tiny_runner {
    uint32_t id; /* 0: none registered */
    uint8_t pod; /* that it was started in: names it */
    bool alive, disabled, by_person;

    bool online, busy; /* in a picture: as Gitea calls it */
    int64_t died_ms, disabled_ms, worked_ms;
};

/* A server, its node and runners: whichever of them are there. */
struct tiny_slot {
    uint16_t name;           /* index of its name + 1; 0: the place is free */
    uint32_t epoch, counter; /* of its create */
    uint32_t server;         /* id; 0 none */
    bool failed;             /* its create failed */
    bool node, evicting, node_note, server_note;
    uint8_t pod;                  /* which one is there; 0 none */
    uint32_t noted[TINY_RUNNERS]; /* runners that our note covers */
    int64_t noted_ms;    /* since when the actuator that lives knows of the note; 0 not yet */
    int64_t evicting_ms; /* and of the drain */
    int64_t created_ms;  /* by Hetzner's clock */
    struct tiny_runner runner[TINY_RUNNERS];
};

/* What the three APIs could show. */
struct tiny_land {
    struct tiny_slot slot[TINY_SLOTS];
    struct tiny_job job[TINY_JOBS];
};

struct tiny_picture {
    bool there;
    int64_t began_ms, ended_ms, wall_ms, api_ms;
    struct tiny_land land; /* only what the source shows */
};

/* An action at the actuator. */
struct tiny_errand {
    uint8_t stage; /* 0 none, 1 asked, 2 its answer is under way */
    bool orphan;   /* nobody waits for its answer any longer */
    bool force;
    uint8_t kind, outcome, trouble, left;
    uint32_t epoch, counter;
    uint32_t runner[TINY_RUNNERS];
    uint32_t server;
    int64_t created_ms, retry_ms, asked_ms;
};

/* What the promises need to remember of a slot. */
struct tiny_track {
    bool had_runner, late;
    uint8_t pods;           /* that were ever started */
    uint8_t state;          /* of the core's node + 1; 0 none */
    uint8_t shown;          /* bit set of the sources that ever showed it to this core */
    uint8_t step, failures; /* of this action, in a row */
    uint8_t lost;           /* kind + 1 of an action that died with the actuator */
    uint8_t gone;           /* bit set of those that showed it and do not now */
    int64_t failed_ms, hours, worked_ms, late_ms;
    int64_t unknown_ms; /* told that nobody knows what came of the last action; 0 not */
    int64_t shown_ms[3], gone_ms[3]; /* first, and since when it is gone */
};

/* A checkpoint as it was written. */
struct tiny_saved_node {
    uint16_t name;
    uint8_t state, reason, failures, runners;
    uint64_t epoch, counter, server;
    int64_t server_first_ms, kube_first_ms, runners_first_ms; /* wall; 0 never shown */
    int64_t kube_missing_ms, runners_missing_ms;              /* wall; 0 they are not */
    int64_t since_ms, idle_ms, asked_ms;
    uint32_t runner[TINY_RUNNERS * 2];
    uint16_t runner_name[TINY_RUNNERS * 2];
};
struct tiny_saved {
    bool there;
    uint8_t nodes, offers;
    uint64_t epoch, counter, offer_failures;
    int64_t wall_ms, teardown_ms, today_ms, offer_until_ms;
    uint64_t today_micro, total_micro;
    struct tiny_saved_node node[TINY_SLOTS];
};

struct tiny {
    uint8_t servers_max, jobs_max;
    bool connected; /* an actuator is there */
    bool agreed;    /* a person agreed that what vanished is gone */
    bool sent;      /* an action was sent since the last checkpoint: that one was whole */
    bool breaker;   /* its alarm stands */
    bool full;      /* more happened than there is room for: this way is not followed */
    uint8_t waiting;
    uint32_t next_server, next_runner, epoch, highest_epoch, highest_counter;
    uint16_t made[TINY_MADE], made_count;
    int64_t mono_ms, skew_ms;
    int64_t waited_ms[TINY_JOBS + 1]; /* when at least so many jobs last waited */
    int64_t hindered_ms;
    struct tiny_land land;
    struct tiny_errand errand[TINY_SLOTS];
    struct tiny_track track[TINY_SLOTS];
    struct tiny_picture held[3], old[3]; /* the core's; the one before the last change */
    uint8_t buffer[3];                   /* which storage the core holds */
    struct tiny_saved saved[2];          /* 0 the last, 1 the one before */
    int64_t wake_ms, fed_ms; /* the core's: when it would be woken; its last event's time */
};

enum tiny_event_kind {
#define EVENT(name, most, fair, sentence) EVENT_##name,
#include "events.def"
#undef EVENT
    tiny_event_count
};

enum tiny_deed {
#define DEED(name, kinds, sentence) DEED_##name,
#include "deeds.def"
#undef DEED
    tiny_deed_count
};

/* kind * 256 + argument. */
typedef uint16_t tiny_event;
#define TINY_EVENT(kind, argument) ((tiny_event)((unsigned)(kind) << 8 | (unsigned)(argument)))

/* The world, the core beside it, and what is needed to step it. One a process. */
struct sim {
    struct tiny tiny;
    struct core *core;
    void *block; /* its memory, always the same */
    struct core_output *out;
    struct config *config, *agreed; /* the second: with trust.breaker_share at 100% */
    struct book book;
    uint32_t edges; /* seen by any core so far */
    uint64_t steps;
    uint64_t said;    /* digest of what the core asked for, by its own clocks */
    uint64_t told;    /* and of every word of it */
    tiny_event event; /* the present one */
    FILE *story;      /* NULL: silent */
};

/* ---- sim.c: the whole */
void sim_open(struct sim *sim);
void sim_close(struct sim *sim);
/* Begins anew: a core that was just started, an actuator, one picture of each source. */
void sim_reset(struct sim *sim, unsigned servers, unsigned jobs);
/* Whether it can happen now; makes it happen. */
bool sim_can(const struct sim *sim, tiny_event event);
void sim_do(struct sim *sim, tiny_event event);
uint64_t sim_digest(const struct sim *sim);
/* The next thing in a world where nothing goes wrong and all that did is mended. */
tiny_event sim_fair(const struct sim *sim);
bool event_is_fair(tiny_event event);

/* ---- feed.c: the core's side of the world */
void feed_start(struct sim *sim, unsigned checkpoint); /* 0, 1; 2: none */
void feed_actuator(struct sim *sim);
void feed_step(struct sim *sim, struct core_event *event);
void feed_picture(struct sim *sim, enum source source, const struct tiny_picture *picture);
void feed_answer(struct sim *sim, unsigned slot);
void feed_lost(struct sim *sim);
/* Builds the storage of the held pictures anew, after the world was put back. */
void feed_rebuild(struct sim *sim);

/* ---- show.c: pictures */
void show_take(const struct tiny *tiny, enum source source, struct tiny_picture *picture);
void show_before_change(struct tiny *tiny, const struct tiny_land *before);
const void *show_build(enum source source, unsigned buffer, const struct tiny_picture *picture,
                       struct core_event *event);

/* ---- digest.c: numbers over what decides, times by their distance from now */
uint64_t land_digest(const struct tiny *tiny, const struct tiny_land *land);
uint64_t tiny_digest(const struct tiny *tiny);

/* ---- life.c: jobs, machines, persons */
bool life_can(const struct tiny *tiny, enum tiny_event_kind kind, unsigned argument);
void life_do(struct tiny *tiny, enum tiny_event_kind kind, unsigned argument);
bool runner_online(const struct tiny *tiny, const struct tiny_runner *runner);
bool runner_works(const struct tiny *tiny, const struct tiny_runner *runner);
/* Jobs in canonical order: which is which does not matter. */
void life_settle(struct tiny *tiny);
int64_t tiny_api_ms(const struct tiny *tiny);
int64_t tiny_wall_ms(const struct tiny *tiny);
uint16_t name_index(const char *name); /* of a name, from 1 on; the same for ever */
const char *name_text(uint16_t index);

/* ---- actuator.c */
bool deed_possible(const struct tiny *tiny, unsigned slot, enum tiny_deed deed);
void deed_do(struct sim *sim, unsigned slot, enum tiny_deed deed);

/* ---- scenes.c: filling in the promises' scenes */
void scene_call(struct sim *sim, unsigned slot, enum scene_call call,
                const struct tiny_runner *runner);
void scene_action(struct sim *sim, unsigned slot, const struct action *action);
void scene_nodes(struct sim *sim);
bool core_knows(const struct sim *sim, uint16_t name, enum node_state *state);
void scene_servers(struct sim *sim);
void scene_twin(struct sim *sim, uint64_t first, uint64_t second);
void scene_end(struct sim *sim, int64_t healed_ms, int64_t bound_ms);

/* ---- story.c: words */
void story_tell(const struct sim *sim, tiny_event event);
void story_line(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "act:1.2", and back; false: no such event. */
void event_format(tiny_event event, char text[32]);
bool event_parse(const char *text, tiny_event *event);
const char *deed_word(enum tiny_deed deed);

/* ---- image.c: putting the core and the world aside */
struct image_buffer;
struct image_buffer *image_new(void);
void image_free(struct image_buffer *buffer);
/* Packs sim's world and core; the bytes hold until the next image_pack. */
const void *image_pack(struct image_buffer *buffer, const struct sim *sim, size_t *size);
/* Opens packed bytes; image_restore then puts them back, any number of times. */
void image_open(struct image_buffer *buffer, const void *packed);
void image_restore(const struct image_buffer *buffer, struct sim *sim);

#endif
