/* Starting the hooks' commands. Children end by themselves and are reaped by the kernel.
 * May not wait, change the world. */
#include "simulator/hooks.h"

#include "common/log.h"
#include "simulator/world/world.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLES 3

/* The environment with the server's three variables in front; NULL without memory. */
static char **environment(char *own[VARIABLES])
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **all = calloc(count + VARIABLES + 1, sizeof *all);
    if (all == NULL)
        return NULL;
    memcpy(all, own, VARIABLES * sizeof *own);
    memcpy(all + VARIABLES, environ, count * sizeof *environ);
    return all;
}

static int spawn(const char *command, char **variables)
{
    static char shell[] = "sh", flag[] = "-c";
    char *words[] = {shell, flag, (char *)(uintptr_t)command, NULL};
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t pid;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int result = posix_spawn(&pid, "/bin/sh", NULL, &attributes, words, variables);
    posix_spawnattr_destroy(&attributes);
    return result;
}

static void run(const char *command, const struct world_server *server)
{
    char *own[VARIABLES] = {NULL};
    bool written =
        asprintf(&own[0], "NAME=%s", server->name) > 0 &&
        asprintf(&own[1], "ID=%llu", (unsigned long long)server->id) > 0 &&
        asprintf(&own[2], "USER_DATA=%s", server->user_data != NULL ? server->user_data : "") > 0;
    char **variables = written ? environment(own) : NULL;
    int result = variables != NULL ? spawn(command, variables) : ENOMEM;
    if (result != 0) {
        struct error error;
        error_set_errno(&error, result, "the hook of server %s cannot be started", server->name);
        log_error("%s", error.text);
    }
    free(variables);
    for (size_t i = 0; i < VARIABLES; i++)
        free(own[i]);
}

static void on_event(void *context, const struct world_event *event)
{
    const struct hooks *hooks = context;
    if (event->server == NULL || event->server->foreign)
        return;
    if (event->kind == WORLD_EVENT_SERVER_RUNNING && hooks->boot != NULL)
        run(hooks->boot, event->server);
    if (event->kind == WORLD_EVENT_SERVER_DELETING && hooks->removal != NULL)
        run(hooks->removal, event->server);
}

bool hooks_init(struct hooks *hooks, struct world *world, struct error *error)
{
    signal(SIGCHLD, SIG_IGN);
    return world_observe(world, on_event, hooks) ||
           error_set(error, "the world has no room for another observer");
}
