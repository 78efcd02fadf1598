/* The shell around the pure core: gives it events with their time, and performs what it says in one
 * order: write the checkpoint, send the actions, tell the status, arm the timer.
 * May not: decide. */
#ifndef EBBTIDE_RECONCILER_SHELL_H
#define EBBTIDE_RECONCILER_SHELL_H

#include <event2/event.h>

#include "proto/worker.h"
#include "reconciler/capture.h"
#include "reconciler/checkpoint_file.h"
#include "reconciler/core/core.h"
#include "reconciler/hint_budget.h"

struct control;

#define UNSENT_MAX (2 * CORE_ACTIONS_PER_STEP_MAX)

/* What could not be performed, and what of that the core does not know yet: perform.c writes it
 * down, shell.c tells the core. */
struct untold {
    bool storage_failed;                     /* the last checkpoint could not be written */
    bool storage_told;                       /* what the core was told of that last */
    struct error storage_why;                /* the last failure's words */
    uint32_t unsent_count;                   /* actions that never left, the oldest first */
    struct action_result unsent[UNSENT_MAX]; /* as results: failed; all say the last reason */
    struct error unsent_why;
};

struct shell {
    struct worker *worker;
    struct core *core;
    void *block; /* what the core lives in */
    struct core_output *output;
    struct event *timer;
    struct checkpoint_file checkpoint;
    struct capture capture;
    struct control *control;
    int control_listener; /* until start; -1: none came */
    struct hint_budget hints;
    uint32_t pretenders; /* ROLE_BITs of pollers that spoke for an API that is not theirs */
    struct untold untold;
    bool stopping; /* nothing is asked of the actuator any more */
    char status_line[TEXT_BYTES_MAX + 1];
};

/* Makes the core. Before privileges are dropped. */
bool shell_start(struct shell *shell, struct worker *worker, const struct config *config,
                 struct error *error);
/* Gives the core its checkpoint, which an earlier reconciler wrote: after they are dropped. */
void shell_recall(struct shell *shell);
void shell_free(struct shell *shell);

/* One step and all that follows from it: what could not be performed, the core is told, in so many
 * further steps; the rest before the next event. mono_ms and wall_ms of the event are set here. */
void shell_step(struct shell *shell, struct core_event *event);

/* What a configuration says of the capture; asks the supervisor for a segment where one is needed.
 */
void shell_configure_capture(struct shell *shell, const struct config *config);

/* A message of a peer; takes it. */
void shell_message(struct shell *shell, enum role peer, struct message *message);

/* Writes what stays rented, a sentence, for the last word; "" where nothing does. */
void shell_describe_rest(const struct shell *shell, char *out, size_t size);

#endif
