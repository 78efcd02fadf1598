/* The worker's side of its life: what every process but the supervisor does between main() and its
 * own work.
 *
 * A worker is exec'd with its control socket as descriptor WORKER_CONTROL_FD and the log on
 * standard error, nothing else. worker_run does the rest in one order: hello; `configure`, `file`
 * and `peer` messages arrive; `enter` ends that phase: start() is called (it parses what the
 * administrator wrote, and opens nothing), then role_enter drops privileges, then recall() reads
 * what an earlier worker wrote, then `ready`, then the loop with heartbeats.
 * Later `configure` is a proposal (check() answers it), `commit` makes it hold, `file` and `peer`
 * replace, `stop` ends. May not: know what any worker is for. */
#ifndef EBBTIDE_PROTO_WORKER_H
#define EBBTIDE_PROTO_WORKER_H

#include "common/config.h"
#include "common/role.h"
#include "proto/channel.h"

#define WORKER_CONTROL_FD   3
#define WORKER_HEARTBEAT_MS 2000
#define WORKER_START_MS_MAX 20000 /* from exec to `enter` */

struct worker;

struct worker_behaviour {
    enum role role;
    /* A descriptor arrived (before start or, renewed, later). The callee takes it; false with
     * *error set when what it holds cannot be used: before start that ends the worker, later the
     * old one stays in use and it is logged. */
    bool (*file)(struct worker *worker, const struct file *file, int descriptor, void *state,
                 struct error *error);
    /* A message of the supervisor that is for this role alone; before or after start. It stays the
     * caller's. NULL: there is none. */
    void (*told)(struct worker *worker, const struct message *message, void *state);
    /* Everything has arrived: begin. False ends the worker with the sentence. Called before
     * privileges are dropped; what needs no privilege (connections) starts from started(). */
    bool (*start)(struct worker *worker, const struct config *config, void *state,
                  struct error *error);
    /* After start: the TCP ports that it will connect to, at most ROLE_PORTS_MAX; returns how many.
     * The sandbox lets it reach no other. NULL: none. */
    uint32_t (*ports)(uint16_t *out, void *state);
    /* Privileges are dropped: reads what an earlier life of this role wrote, since a process that
     * was taken over may have written it for the next to read with more rights. False ends the
     * worker with the sentence. NULL: nothing was written. */
    bool (*recall)(struct worker *worker, void *state, struct error *error);
    /* `ready` is sent: the loop turns. */
    void (*started)(struct worker *worker, void *state);
    /* Could it run with this configuration? Changes nothing. NULL: always. */
    bool (*check)(struct worker *worker, const struct config *config, void *state,
                  struct error *error);
    /* It holds from now on (only hot keys differ; others restart the worker). NULL: nothing to do.
     */
    void (*commit)(struct worker *worker, const struct config *config, void *state);
    /* A channel to a peer is open (hello came) or lost. NULL: nothing to do. */
    void (*peer_open)(struct worker *worker, enum role peer, void *state);
    void (*peer_lost)(struct worker *worker, enum role peer, void *state);
    /* A message from a peer; the callee takes it. */
    void (*message)(struct worker *worker, enum role peer, struct message *message, void *state);
    /* The same for one that carries a descriptor, which the callee takes too. NULL: such are
     * dropped. */
    void (*passed)(struct worker *worker, enum role peer, struct message *message, int descriptor,
                   void *state);
    /* Finish or abandon, then call worker_stopped before the deadline. */
    void (*stop)(struct worker *worker, int64_t deadline_mono_ms, void *state);
    /* The loop has ended, orderly or not: free what hangs on the event base and the channels, which
     * go next. NULL: nothing to free. */
    void (*ended)(struct worker *worker, void *state);
    /* A heartbeat has just been sent: what is to be said with it. NULL: nothing. */
    void (*beat)(struct worker *worker, void *state);
    /* A line for systemd's STATUS into out, or "". NULL: none. */
    void (*status)(char *out, size_t size, void *state);
};

/* Runs the worker until it stops; returns the exit status for main. */
int worker_run(const struct worker_behaviour *behaviour, void *state);

struct event_base *worker_base(struct worker *worker);
const struct config *worker_config(const struct worker *worker); /* the one that holds */
uint64_t worker_epoch(const struct worker *worker); /* the reconciler's, as was said last */
uint64_t worker_generation(const struct worker *worker);

/* Messages to a peer (no supervisor) that wait because it reads no more. */
unsigned worker_unsent(const struct worker *worker, enum role peer);

/* Sends to a peer; false with *error set where there is no channel or it is full. ROLE_SUPERVISOR
 * works too. */
bool worker_send(struct worker *worker, enum role peer, enum message_id id, const void *body,
                 struct error *error);

/* The same for a message that carries a descriptor, which stays the caller's to close. */
bool worker_pass(struct worker *worker, enum role peer, enum message_id id, const void *body,
                 int descriptor, struct error *error);

/* Whether a channel to this peer is open. */
bool worker_has_peer(const struct worker *worker, enum role peer);

/* The work has ended: tells the supervisor `text` (what is left, what stays rented) and leaves the
 * loop. */
void worker_stopped(struct worker *worker, const char *text);

/* Something broke that only a restart mends: logs the sentence, leaves the loop, exit status 1. */
void worker_fail(struct worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
