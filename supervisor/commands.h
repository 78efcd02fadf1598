/* What a person asks of `ebbtide` besides `run`. Each prints to standard output, mistakes to
 * standard error, and returns the exit status. May not: change anything but by a signal to the
 * daemon. */
#ifndef EBBTIDE_SUPERVISOR_COMMANDS_H
#define EBBTIDE_SUPERVISOR_COMMANDS_H

#include <stdbool.h>

#include "common/config.h"

struct command_words {
    const char *config; /* --config FILE, or the only word */
    const char *pool;   /* render --pool NAME; NULL: the first */
    bool watch;         /* status --watch */
    bool json;          /* check-host --json */
    char **rest;        /* replay, audit: all its words as they are, NULL at the end */
};

#define STANDARD_CONFIG "/etc/ebbtide/ebbtide.yaml"

/* The configuration, or NULL after its mistakes were printed. */
struct config *command_config(const char *path);

int command_run(const struct command_words *words);
int command_check_config(const struct command_words *words);
int command_check_host(const struct command_words *words);
int command_example_config(const struct command_words *words);
int command_render(const struct command_words *words);
int command_status(const struct command_words *words);
int command_reload(const struct command_words *words);
int command_stop(const struct command_words *words);
int command_replay(const struct command_words *words);
int command_audit(const struct command_words *words);
int command_version(const struct command_words *words);
int command_help(const struct command_words *words);

#endif
