/* A worker's inside. Private to proto/. */
#ifndef EBBTIDE_PROTO_WORKER_INTERNAL_H
#define EBBTIDE_PROTO_WORKER_INTERNAL_H

#include <event2/event.h>

#include "proto/worker.h"

#define WORKER_COUNTERS_MS  2000 /* how often the monitor is told this process's numbers */
#define WORKER_PENDING_MAX  8    /* channels that arrive before `enter` */
#define WORKER_FLUSH_MS_MAX 2000 /* for the last word to leave */

struct worker_peer {
    struct worker *worker;
    enum role role;
    struct channel *channel; /* NULL: none */
    bool open;               /* its hello has come */
};

struct worker {
    const struct worker_behaviour *behaviour;
    void *state;
    struct event_base *base;
    struct channel *control;
    struct event *start_limit, *heartbeat, *counters, *flush_limit;
    struct worker_peer peers[role_count];
    struct {
        enum role role;
        int descriptor;
    } pending[WORKER_PENDING_MAX];
    unsigned pending_count;
    struct config *config;   /* the one that holds; before `enter` the one to start with */
    struct config *proposal; /* NULL: none */
    uint64_t proposal_generation, epoch, generation, beats;
    struct role_report role; /* what is in force since `enter` */
    bool entered, leaving;
    int status; /* of main */
};

/* Messages of the supervisor, by the control channel. */
void worker_on_control(struct channel *channel, struct message *message, int descriptor,
                       void *argument);

/* Channels to other workers: worker_peers.c. */
bool worker_peer_add(struct worker *worker, enum role role, int descriptor, struct error *error);
void worker_peers_free(struct worker *worker);

/* Leaves the loop with this status, after what is queued for the supervisor has been sent. */
void worker_leave(struct worker *worker, int status);

#endif
