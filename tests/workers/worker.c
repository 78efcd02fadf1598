/* A worker of any role for tests of the supervisor: it says in the log what it is given, and does
 * nothing. Its role is the program's name and argument, as the supervisor starts it. May not be
 * installed. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/worker.h"

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    (void)worker;
    (void)state;
    (void)error;
    log_info("file %s %u %s", file_kind_word(file->kind), (unsigned)file->index, file->name);
    close(descriptor);
    return true;
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    (void)state;
    (void)error;
    log_info("starts in mode %s, epoch %llu, max_servers %llu", mode_word(config->mode),
             (unsigned long long)worker_epoch(worker),
             (unsigned long long)config->rails.max_servers);
    return true;
}

/* What an earlier one wrote is read here: as whom? */
static bool on_recall(struct worker *worker, void *state, struct error *error)
{
    (void)worker;
    (void)state;
    (void)error;
    log_info("recalls as user %u, no new privileges %d", (unsigned)getuid(),
             prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return true;
}

/* A name that no worker of the test can live with. */
static bool on_check(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    (void)worker;
    (void)state;
    if (config->rails.max_servers == 666)
        return error_set(error, "rails.max_servers: 666 is not for me");
    return true;
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    (void)state;
    struct error error;
    /* As one that was taken over and wants the capture's older segments gone. */
    for (int i = 0; config->rails.max_servers == 777 && i < 20; i++)
        (void)worker_send(worker, ROLE_SUPERVISOR, MESSAGE_file_wanted,
                          &(struct file_wanted){.kind = FILE_CAPTURE}, &error);
    log_info("commits max_servers %llu", (unsigned long long)config->rails.max_servers);
}

static void on_peer_open(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    (void)state;
    log_info("talks to %s", role_word(peer));
}

static void on_peer_lost(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    (void)state;
    log_info("has lost %s", role_word(peer));
}

static void on_stop(struct worker *worker, int64_t deadline, void *state)
{
    (void)deadline;
    (void)state;
    worker_stopped(worker, "one server stays rented: ebb-test-1");
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    (void)worker;
    (void)peer;
    (void)state;
    message_free(message);
}

int main(int count, char **word)
{
    struct worker_behaviour behaviour = {
        .role = ROLE_MONITOR,
        .file = on_file,
        .start = on_start,
        .recall = on_recall,
        .check = on_check,
        .commit = on_commit,
        .peer_open = on_peer_open,
        .peer_lost = on_peer_lost,
        .message = on_message,
        .stop = on_stop,
    };
    const char *program = strrchr(word[0], '/') != NULL ? strrchr(word[0], '/') + 1 : word[0];
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", program, count > 1 ? "-" : "", count > 1 ? word[1] : "");
    for (int role = 0; role < role_count; role++)
        if (strcmp(name + strlen("ebbtide-"), role_word((enum role)role)) == 0)
            behaviour.role = (enum role)role;
    return worker_run(&behaviour, NULL);
}
