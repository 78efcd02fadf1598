/* The supervisor's own state, shared by its files: life.c (one worker's life), contact.c (what is
 * said to and heard from a worker), reach.c (where the dialer may connect whom), renew.c (files
 * that change), reload.c (SIGHUP), stopping.c (the end in order), run.c (the whole). May not: open
 * an internet socket but the monitor's listeners, parse what came from the network. */
#ifndef EBBTIDE_SUPERVISOR_SUPERVISOR_H
#define EBBTIDE_SUPERVISOR_SUPERVISOR_H

#include <sys/types.h>

#include "common/role.h"
#include "proto/channel.h"
#include "supervisor/audit_note.h"
#include "supervisor/audit_steps.h"
#include "supervisor/capture_dir.h"
#include "supervisor/listeners.h"
#include "supervisor/notify.h"
#include "supervisor/restarts.h"
#include "supervisor/spawn.h"
#include "supervisor/state_dir.h"
#include "supervisor/topology.h"
#include "supervisor/users.h"
#include "supervisor/worker_files.h"

struct event;
struct event_base;
struct supervisor;

#define TICK_MS         500   /* how often heartbeats, files and deadlines are looked at */
#define LOST_CONTROL_MS 3000  /* from a closed control channel to the kill of what does not end */
#define CAPTURE_MS_MIN  1000  /* between two segments of the capture that are asked for */
#define PROPOSAL_MS_MAX 10000 /* the time that workers have to answer a new configuration */

enum life_state {
    LIFE_OFF,      /* not wanted, or not started yet, or ended for good */
    LIFE_WAITING,  /* died; is started again at due_ms */
    LIFE_STARTING, /* a process; not `ready` yet; killed at due_ms */
    LIFE_RUNNING,  /* `ready`; killed when it is silent for too long */
    LIFE_STOPPING, /* was asked to end; killed at due_ms */
};

/* What a worker has said to the proposal of a reload. */
enum proposal_state { PROPOSAL_NONE, PROPOSAL_ASKED, PROPOSAL_ACCEPTED };

struct life {
    struct supervisor *supervisor;
    const struct worker_row *row;
    struct worker_user user;
    enum life_state state;
    pid_t pid;               /* 0 where there is no process */
    uint64_t generation;     /* of the process; rises with each start */
    struct channel *channel; /* NULL where there is none */
    int64_t due_ms;          /* mono; see life_state; 0 none */
    int64_t heard_ms;        /* mono; when it last said anything */
    uint64_t lines_lost;
    bool again; /* STOPPING for a reload: started again as soon as it has ended */
    enum proposal_state proposal;
    struct restarts restarts;
    struct worker_files files;                  /* as they were sent last */
    char renewal_trouble[ERROR_TEXT_BYTES_MAX]; /* said last, so that it is said once */
    char text[ERROR_TEXT_BYTES_MAX];            /* its line for STATUS */
};

/* A reload that waits for the workers' answers. */
struct reload_round {
    struct config *config; /* NULL: none goes on */
    uint64_t generation;
    struct config_changes changes;
    int64_t deadline_ms;
    struct made_listener listener[MONITOR_LISTENERS]; /* -1: the old one stays */
};

/* Where Kubernetes is, as the kubeconfigs said when they could last be read: the poller's, the
 * actuator's; "" unknown. */
struct reach {
    char kube[2][URL_BYTES_MAX + 1];
};

struct supervisor {
    struct role_report role; /* what it gave up at its start, for good */
    struct event_base *base;
    struct event *tick, *start_timer;
    struct event *signal_event[4];
    struct notify notify;
    const char *config_path;
    char folder[SPAWN_PATH_BYTES_MAX];
    struct config *config;
    uint64_t config_generation;
    uint64_t epoch;     /* of the reconciler's last start; 0 before the first */
    int64_t capture_ms; /* when it was given its last segment of the capture */
    struct state_dir state;
    struct audit_note audit_note;
    struct audit_steps audit_steps;
    struct reach reach;
    int control_listener; /* -1 while there is none */
    struct made_listener listener[MONITOR_LISTENERS];
    struct life life[TOPOLOGY_WORKERS]; /* in the order of starting */
    struct reload_round reload;
    bool told_ready;
    bool stopping;
    bool over; /* the last worker has ended */
    int stop_phase;
    int64_t stop_deadline_ms;
    int64_t ticked_ms, watchdog_ms;
    int status;          /* what the process ends with */
    struct config *next; /* all is to begin again with this one; NULL: the process ends */
};

/* ------------------------------------------------------------------------------------ life.c */

/* Starts the worker's process now and says all it needs. A failure counts as a death. */
void life_start(struct life *life);

/* Its process has ended with this status (of waitpid). */
void life_ended(struct life *life, int status);

/* Asks it to end by deadline_ms; `again`: to be started anew afterwards. */
void life_stop(struct life *life, int64_t deadline_ms, bool again);

/* What is due now: a start, a kill, a heartbeat that does not come. `late_ms`: by how much this
 * look is itself late (the machine slept): silence of that length is nobody's fault. */
void life_tick(struct life *life, int64_t now_ms, int64_t late_ms);

/* The life of a role; NULL where the topology has none. */
struct life *life_of(struct supervisor *supervisor, enum role role);

/* Whether it has a process that channels can be handed to. */
bool life_is_reachable(const struct life *life);

/* Sends by the control channel; logs and returns false where it cannot. */
bool life_send(struct life *life, enum message_id id, const void *body, int descriptor);

/* Frees what it holds; kills its process where there is one. */
void life_free(struct life *life);

/* --------------------------------------------------------------------------------- contact.c */

/* Opens the control channel over `descriptor` (taken). */
bool contact_open(struct life *life, int descriptor, struct error *error);

/* Configuration, files, listeners, channels to the peers that live, `enter`. */
bool contact_equip(struct life *life, uint64_t epoch, struct error *error);

/* Sends `configure` of this configuration. */
bool contact_configure(struct life *life, const struct config *config, uint64_t generation,
                       uint64_t epoch, struct error *error);

/* Makes STATUS from what the workers last said, and READY when all run for the first time. */
void contact_report(struct supervisor *supervisor);

/* ----------------------------------------------------------------------------------- renew.c */

/* Hands the worker every file that is not the one it has. `files` (opened) is taken. */
void renew_hand_over(struct life *life, struct worker_files *files);

/* Looks whether files changed on the disk; those that did and are good are handed over. */
void renew_look(struct life *life);

/* ----------------------------------------------------------------------------------- reach.c */

/* Before a worker gets what it needs: reads again where Kubernetes is, and has the dialer start
 * anew where that is another place than it knows. */
void reach_look(struct life *life);

/* Tells the dialer what reach_look has found. Nothing for other workers. */
bool reach_tell(struct life *life, struct error *error);

/* ---------------------------------------------------------------------------------- reload.c */

/* SIGHUP: reads the file again and proposes it. */
void reload_begin(struct supervisor *supervisor);

/* A worker's answer to the proposal. */
void reload_answer(struct life *life, const struct configured *answer);

/* Goes on when all have answered, gives up when one has not in time or died. */
void reload_look(struct supervisor *supervisor, int64_t now_ms);

/* Gives up, with a reason for the log. */
void reload_drop(struct supervisor *supervisor, const char *why);

/* -------------------------------------------------------------------------------- stopping.c */

/* Ends all workers in order; then the loop is left. `status` is the process's; a second call does
 * nothing but keep the worse status. */
void stopping_begin(struct supervisor *supervisor, int status);

/* Goes on to the next phase when all of this one have ended. */
void stopping_look(struct supervisor *supervisor);

/* ------------------------------------------------------------------------------------- run.c */

/* Sets the timer that starts workers, to the earliest that waits. */
void supervisor_arm(struct supervisor *supervisor);

/* `ebbtide run`: until SIGTERM. Returns the exit status. */
int supervisor_run(const char *config_path);

#endif
