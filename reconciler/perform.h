/* Performing what a step said. May not: step the core. */
#ifndef EBBTIDE_RECONCILER_PERFORM_H
#define EBBTIDE_RECONCILER_PERFORM_H

#include "reconciler/shell.h"

/* Checkpoint, actions, status, polls, timer, log, in this order. What fails stands in shell->untold
 * then. */
void perform_output(struct shell *shell);

/* Sends the last status to the monitor, if there is one. */
void perform_status(struct shell *shell);

#endif
