/* fork and exec of a worker. Between the two only async-signal-safe calls. May not wait for it. */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/worker.h"

#define EXEC_FAILED_STATUS 127

/* What a worker's environment holds: where the log goes, and in a build with sanitizers where they
 * report. No PATH: it starts nothing. */
static const char *const environment_kept[] = {
    "JOURNAL_STREAM",
#if defined(__SANITIZE_ADDRESS__)
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
#endif
};
#define ENVIRONMENT_KEPT (sizeof environment_kept / sizeof environment_kept[0])

void spawn_find_folder(char out[SPAWN_PATH_BYTES_MAX])
{
    ssize_t length = readlink("/proc/self/exe", out, SPAWN_PATH_BYTES_MAX - 1);
    out[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = '\0';
}

bool spawn_find(const char *folder, const char *name, char out[SPAWN_PATH_BYTES_MAX],
                struct error *error)
{
    const char *const folders[] = {folder, EBBTIDE_LIBEXEC_DIR};
    for (size_t i = 0; i < 2; i++) {
        if (folders[i][0] == '\0')
            continue;
        int length = snprintf(out, SPAWN_PATH_BYTES_MAX, "%s/%s", folders[i], name);
        if (length > 0 && length < SPAWN_PATH_BYTES_MAX && access(out, X_OK) == 0)
            return true;
    }
    return error_set(error, "cannot find the program %s, neither in %s nor in %s: install it there",
                     name, folder, EBBTIDE_LIBEXEC_DIR);
}

/* NAME=VALUE of what is kept, NULL at the end; the texts are malloc'd. */
static bool make_environment(char *environment[ENVIRONMENT_KEPT + 1])
{
    size_t count = 0;
    bool made = true;
    for (size_t i = 0; i < ENVIRONMENT_KEPT; i++) {
        const char *value = getenv(environment_kept[i]);
        if (value != NULL &&
            asprintf(&environment[count], "%s=%s", environment_kept[i], value) >= 0)
            count++;
        else if (value != NULL)
            made = false;
    }
    environment[count] = NULL;
    return made;
}

static void free_environment(char *environment[ENVIRONMENT_KEPT + 1])
{
    for (size_t i = 0; environment[i] != NULL; i++)
        free(environment[i]);
}

struct launch {
    const char *path;
    char *const *arguments, *const *environment;
    int control, nothing, report; /* report: carries errno where exec fails */
    pid_t parent;
};

static void reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts every descriptor in its place: 0 and 1 nothing, 2 the log, 3 control, 4 the report of exec.
 * All are first moved above their places, so that none is overwritten before its turn. */
static bool place_descriptors(const struct launch *launch)
{
    int control = fcntl(launch->control, F_DUPFD_CLOEXEC, WORKER_CONTROL_FD + 2);
    int nothing = fcntl(launch->nothing, F_DUPFD_CLOEXEC, WORKER_CONTROL_FD + 2);
    int report = fcntl(launch->report, F_DUPFD_CLOEXEC, WORKER_CONTROL_FD + 2);
    return control >= 0 && nothing >= 0 && report >= 0 && dup2(nothing, 0) == 0 &&
           dup2(nothing, 1) == 1 && dup2(control, WORKER_CONTROL_FD) == WORKER_CONTROL_FD &&
           dup3(report, WORKER_CONTROL_FD + 1, O_CLOEXEC) == WORKER_CONTROL_FD + 1 &&
           close_range(WORKER_CONTROL_FD + 2, ~0u, 0) == 0;
}

static _Noreturn void in_child(const struct launch *launch)
{
    int report = launch->report;
    reset_signals();
    (void)setsid();
    if (place_descriptors(launch)) {
        report = WORKER_CONTROL_FD + 1;
        /* role_enter sets it again: it is lost with the change of user. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == launch->parent)
            execve(launch->path, launch->arguments, launch->environment);
    }
    int number = errno;
    (void)!write(report, &number, sizeof number);
    _exit(EXEC_FAILED_STATUS);
}

/* Reads what exec said: nothing, when it worked (the pipe was closed by it). */
static bool exec_worked(int report, pid_t pid, const char *path, struct error *error)
{
    int number = 0;
    ssize_t length;
    do
        length = read(report, &number, sizeof number);
    while (length < 0 && errno == EINTR);
    if (length == 0)
        return true;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return error_set_errno(error, number, "cannot start %s", path);
}

static bool launch_worker(struct launch *launch, pid_t *pid, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot start %s: no pipe", launch->path);
    launch->report = ends[1];
    launch->parent = getpid();
    *pid = fork();
    if (*pid == 0)
        in_child(launch);
    int number = errno;
    close(ends[1]);
    bool started = *pid > 0 && exec_worked(ends[0], *pid, launch->path, error);
    if (*pid < 0)
        error_set_errno(error, number, "cannot start %s: no new process", launch->path);
    close(ends[0]);
    return started;
}

bool spawn_worker(const char *path, const char *argument, int control, pid_t *pid,
                  struct error *error)
{
    char *environment[ENVIRONMENT_KEPT + 1];
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return error_set_errno(error, errno, "cannot start %s: no /dev/null", path);
    char *arguments[] = {strdup(path), argument == NULL ? NULL : strdup(argument), NULL};
    struct launch launch = {.path = path,
                            .arguments = arguments,
                            .environment = environment,
                            .control = control,
                            .nothing = nothing};
    bool started = false;
    if (!make_environment(environment) || arguments[0] == NULL ||
        (argument != NULL && arguments[1] == NULL))
        error_set(error, "no memory to start %s", path);
    else
        started = launch_worker(&launch, pid, error);
    free_environment(environment);
    free(arguments[0]);
    free(arguments[1]);
    close(nothing);
    return started;
}
