/* Runs the boot and delete hooks beside the loop. May not: wait for one. */
#include "simulator/hooks.h"

#include "common/log.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define HOOKS_RUNNING_MAX 4096
#define HOOK_VARIABLES    3

struct running {
    pid_t pid;
    const char *kind; /* "boot" or "delete" */
    char name[WORLD_NAME_BYTES];
};

struct hooks {
    const char *boot, *erase;
    struct event *child_ended;
    struct running running[HOOKS_RUNNING_MAX];
    size_t count;
};

static void report(const struct running *hook, int status)
{
    if (WIFSIGNALED(status))
        log_warning("the %s hook of %s was ended by signal %d", hook->kind, hook->name,
                    WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_warning("the %s hook of %s ended with status %d", hook->kind, hook->name,
                    WEXITSTATUS(status));
}

static void on_child_ended(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    struct hooks *hooks = context;
    for (size_t i = hooks->count; i-- > 0;) {
        int status = 0;
        if (waitpid(hooks->running[i].pid, &status, WNOHANG) != hooks->running[i].pid)
            continue;
        report(&hooks->running[i], status);
        hooks->running[i] = hooks->running[--hooks->count];
    }
}

static char *variable(const char *name, const char *value)
{
    char *text = NULL;
    return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

/* Our environment with the hook's variables first; NULL without memory. */
static char **make_environment(char *const added[HOOK_VARIABLES])
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **all = calloc(count + HOOK_VARIABLES + 1, sizeof *all);
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < HOOK_VARIABLES; i++)
        all[i] = added[i];
    memcpy(all + HOOK_VARIABLES, environ, count * sizeof *all);
    return all;
}

static int spawn(const char *command, char **environment, pid_t *pid)
{
    char *text = strdup(command);
    if (text == NULL)
        return ENOMEM;
    posix_spawnattr_t attributes;
    int failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        char shell[] = "sh", flag[] = "-c";
        char *words[] = {shell, flag, text, NULL};
        failed = posix_spawn(pid, "/bin/sh", NULL, &attributes, words, environment);
        (void)posix_spawnattr_destroy(&attributes);
    }
    free(text);
    return failed;
}

static void run_hook(struct hooks *hooks, const char *kind, const char *command,
                     const struct world_server *server)
{
    if (hooks->count == HOOKS_RUNNING_MAX) {
        log_error("the %s hook of %s is not run: %d hooks are running", kind, server->name,
                  HOOKS_RUNNING_MAX);
        return;
    }
    char id[32];
    (void)snprintf(id, sizeof id, "%llu", (unsigned long long)server->id);
    char *added[HOOK_VARIABLES] = {
        variable("NAME", server->name),
        variable("ID", id),
        variable("USER_DATA", server->user_data != NULL ? server->user_data : ""),
    };
    char **environment =
        added[0] != NULL && added[1] != NULL && added[2] != NULL ? make_environment(added) : NULL;
    struct running *hook = &hooks->running[hooks->count];
    int failed = environment == NULL ? ENOMEM : spawn(command, environment, &hook->pid);
    if (failed != 0) {
        log_error("the %s hook of %s cannot be run: %s", kind, server->name, strerror(failed));
    } else {
        hook->kind = kind;
        memcpy(hook->name, server->name, sizeof hook->name);
        hooks->count++;
    }
    free(environment);
    for (size_t i = 0; i < HOOK_VARIABLES; i++)
        free(added[i]);
}

static void on_event(void *context, const struct world_event *event)
{
    struct hooks *hooks = context;
    if (event->kind == WORLD_EVENT_SERVER_RUNNING && hooks->boot != NULL)
        run_hook(hooks, "boot", hooks->boot, event->server);
    if (event->kind == WORLD_EVENT_SERVER_DELETING && hooks->erase != NULL)
        run_hook(hooks, "delete", hooks->erase, event->server);
}

bool hooks_init(struct hooks **out, struct event_base *base, struct world *world,
                const char *boot_command, const char *delete_command, struct error *error)
{
    struct hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL)
        return error_set(error, "no memory for the hooks");
    hooks->boot = boot_command;
    hooks->erase = delete_command;
    hooks->child_ended = evsignal_new(base, SIGCHLD, on_child_ended, hooks);
    if (hooks->child_ended == NULL || evsignal_add(hooks->child_ended, NULL) != 0 ||
        !world_observe(world, on_event, hooks)) {
        hooks_free(hooks);
        return error_set(error, "cannot watch for hooks that end");
    }
    *out = hooks;
    return true;
}

void hooks_free(struct hooks *hooks)
{
    if (hooks == NULL)
        return;
    for (size_t i = 0; i < hooks->count; i++)
        (void)kill(-hooks->running[i].pid, SIGTERM);
    if (hooks->child_ended != NULL)
        event_free(hooks->child_ended);
    free(hooks);
}
