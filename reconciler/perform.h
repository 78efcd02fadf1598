/* Performing what a step said. May not: step the core. */
#ifndef EBBTIDE_RECONCILER_PERFORM_H
#define EBBTIDE_RECONCILER_PERFORM_H

#include "reconciler/shell.h"

/* What could not be performed, for the core to hear: written by perform_output. */
struct perform_trouble {
    bool storage_changed;                                   /* can be written again, or no longer */
    struct error storage;                                   /* "" : it can */
    uint32_t unsent_count;                                  /* actions that never left */
    struct action_result unsent[CORE_ACTIONS_PER_STEP_MAX]; /* as results: failed */
    struct error unsent_why;
};

/* Checkpoint, actions, status, polls, timer, log, in this order. */
void perform_output(struct shell *shell, struct perform_trouble *trouble);

/* Sends the last status to the monitor, if there is one. */
void perform_status(struct shell *shell);

#endif
