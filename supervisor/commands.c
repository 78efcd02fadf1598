/* The subcommands that a person uses beside `run`. May not change anything but by a signal. */
#include "supervisor/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/cloud_init.h"
#include "supervisor/client.h"
#include "supervisor/supervisor.h"
#include "supervisor/verdict.h"

#define LOOK_US        100000
#define STOP_MARGIN_MS 5000 /* beyond supervisor.stop_timeout */
/* Beyond the time that the workers have to answer: a reload waits while the daemon starts. */
#define RELOAD_MARGIN_MS 30000

struct config *command_config(const char *path)
{
    struct config *config;
    struct config_problems problems;
    if (config_load(path, &config, &problems))
        return config;
    config_problems_print(&problems, path, stderr);
    return NULL;
}

int command_run(const struct command_words *words)
{
    return supervisor_run(words->config);
}

int command_check_config(const struct command_words *words)
{
    return config_check(words->config, stdout, stderr);
}

int command_example_config(const struct command_words *words)
{
    (void)words;
    config_print_example(stdout);
    return 0;
}

int command_render(const struct command_words *words)
{
    return cloud_init_render_command(words->config, words->pool, stdout, stderr);
}

/* ------------------------------------------------------------------------------ stop, reload */

/* The running daemon's process, 0 with a sentence on standard error. */
static pid_t find_daemon(const struct config *config, const char *command)
{
    struct error error = {""};
    int64_t pid;
    if (!state_dir_holder(config, &pid, &error)) {
        fprintf(stderr, "ebbtide %s: %s\n", command, error.text);
        return 0;
    }
    if (pid == 0)
        fprintf(stderr, "ebbtide %s: no ebbtide works in %s\n", command, config->files.state_dir);
    return (pid_t)pid;
}

static bool tell(pid_t pid, int number, const char *command)
{
    if (kill(pid, number) == 0)
        return true;
    fprintf(stderr, "ebbtide %s: process %ld cannot be told: %s\n", command, (long)pid,
            strerror(errno));
    return false;
}

/* Until the daemon says what came of it. */
static bool wait_for_verdict(const struct config *config, pid_t pid, const struct verdict *before)
{
    int64_t until = clock_mono_ms() + PROPOSAL_MS_MAX + RELOAD_MARGIN_MS;
    while (clock_mono_ms() < until) {
        struct error error = {""};
        struct verdict now;
        int64_t holder = 0;
        if (verdict_read(config, &now, &error) && now.number != before->number) {
            fprintf(now.taken ? stdout : stderr, "%s: %s\n",
                    now.taken ? "the new configuration is in force"
                              : "ebbtide reload: the new configuration is dropped and the old one "
                                "stays in force",
                    now.text);
            return now.taken;
        }
        if (!state_dir_holder(config, &holder, &error) || holder != pid) {
            fprintf(stderr, "ebbtide reload: process %ld has ended; its log says why\n", (long)pid);
            return false;
        }
        usleep(LOOK_US);
    }
    fprintf(stderr,
            "ebbtide reload: process %ld has not said what came of it in time; see its log\n",
            (long)pid);
    return false;
}

int command_reload(const struct command_words *words)
{
    struct config *config = command_config(words->config);
    if (config == NULL)
        return 1; /* the daemon would refuse it too */
    struct verdict before;
    struct error error;
    pid_t pid = find_daemon(config, "reload");
    bool readable = pid != 0 && verdict_read(config, &before, &error);
    if (pid != 0 && !readable)
        fprintf(stderr, "ebbtide reload: %s\n", error.text);
    bool taken = readable && tell(pid, SIGHUP, "reload") && wait_for_verdict(config, pid, &before);
    config_free(config);
    return taken ? 0 : 1;
}

/* Servers are paid for whether anybody watches them or not. */
static void say_what_stays(const struct config *config)
{
    struct error error = {""};
    struct client *client = client_open(config->files.control_socket, &error);
    struct message *message = client == NULL ? NULL : client_status(client, &error);
    if (message == NULL) {
        printf("which servers stay rented cannot be told (%s)\n", error.text);
    } else {
        const struct status *status = message_status(message);
        if (status->nodes_count == 0)
            printf("no server is left\n");
        else
            printf("%u servers stay rented, and are paid for:", status->nodes_count);
        for (uint32_t i = 0; i < status->nodes_count; i++)
            printf(" %s%s", status->nodes[i].name, i + 1 == status->nodes_count ? "\n" : ",");
        if (status->nodes_count > 0)
            printf("to give them back, start ebbtide again with min: 0 and max: 0 in its pools\n");
    }
    message_free(message);
    client_free(client);
    fflush(stdout);
}

static bool wait_for_end(const struct config *config, pid_t pid)
{
    int64_t until = clock_mono_ms() + config->supervisor.stop_timeout_ms + STOP_MARGIN_MS;
    while (clock_mono_ms() < until) {
        struct error error = {""};
        int64_t holder = 0;
        if (!state_dir_holder(config, &holder, &error) || holder != pid)
            return true;
        usleep(LOOK_US);
    }
    return false;
}

int command_stop(const struct command_words *words)
{
    struct config *config = command_config(words->config);
    if (config == NULL)
        return 1;
    pid_t pid = find_daemon(config, "stop");
    bool ended = false;
    if (pid != 0) {
        say_what_stays(config);
        ended = tell(pid, SIGTERM, "stop") && wait_for_end(config, pid);
        if (ended)
            printf("ebbtide (process %ld) has ended\n", (long)pid);
        else
            fprintf(stderr, "ebbtide stop: process %ld has not ended in time\n", (long)pid);
    }
    config_free(config);
    return ended ? 0 : 1;
}
