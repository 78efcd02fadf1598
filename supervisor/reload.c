/* SIGHUP, in two phases. First: the new file is read and checked, all files that it names are
 * opened, a changed listener is made, and every worker whose values change is asked whether it
 * could run so. Only when all of that went well does anything change. Second: hot values are
 * committed, workers that need it are restarted, or, where a key asks for it, all of them. May not:
 * change anything in the first phase. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"
#include "supervisor/verdict.h"

static void forget_round(struct supervisor *supervisor)
{
    struct reload_round *round = &supervisor->reload;
    for (unsigned i = 0; i < MONITOR_LISTENERS; i++) {
        if (round->listener[i].descriptor >= 0)
            close(round->listener[i].descriptor);
        round->listener[i].descriptor = -1;
    }
    config_free(round->config);
    round->config = NULL;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        supervisor->life[i].proposal = PROPOSAL_NONE;
}

/* For whoever asked by `ebbtide reload`. */
static void write_down(const struct supervisor *supervisor, bool taken, const char *text)
{
    struct error error;
    if (!verdict_write(&supervisor->state, taken, text, &error))
        log_error("%s", error.text);
}

/* It is over: systemd hears of it too. */
static void tell(struct supervisor *supervisor, bool taken, const char *text)
{
    write_down(supervisor, taken, text);
    notify_ready(&supervisor->notify);
}

void reload_drop(struct supervisor *supervisor, const char *why)
{
    if (supervisor->reload.config == NULL)
        return;
    log_error("the new configuration is dropped and the old one stays in force: %s", why);
    forget_round(supervisor);
    tell(supervisor, false, why);
}

/* ------------------------------------------------------------------------------ first phase */

static struct config *read_file(const struct supervisor *supervisor)
{
    struct config *config;
    struct config_problems problems;
    if (config_load(supervisor->config_path, &config, &problems))
        return config;
    for (uint32_t i = 0; i < problems.count; i++)
        log_error("%s:%u:%u: %s", supervisor->config_path, problems.problem[i].line,
                  problems.problem[i].column, problems.problem[i].text);
    log_error("%s has %u mistakes; the old configuration stays in force", supervisor->config_path,
              problems.count + problems.dropped);
    return NULL;
}

/* All that the new configuration names can be opened: looked at for every worker, kept for none. */
static bool files_are_good(const struct config *config, struct error *error)
{
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct worker_files files;
        const struct worker_row *row = topology_worker(i);
        if (topology_wanted(row, config) && !worker_files_open(config, row->role, &files, error))
            return false;
        if (topology_wanted(row, config))
            worker_files_free(&files);
    }
    return true;
}

/* What moves to another address or port is made now, when it can still be refused. */
static bool listeners_are_good(struct supervisor *supervisor, const struct config *config,
                               struct error *error)
{
    struct reload_round *round = &supervisor->reload;
    for (enum monitor_listener which = LISTENER_PAGES; which < MONITOR_LISTENERS; which++)
        if (listener_wanted(config, which) && !listener_same(supervisor->config, config, which) &&
            !listener_open_monitor(config, supervisor->config, which, &round->listener[which],
                                   error))
            return false;
    return true;
}

static bool is_touched(const struct reload_round *round, const struct life *life)
{
    uint32_t roles = round->changes.restart_roles | round->changes.hot_roles;
    return (roles & ROLE_BIT(life->row->role)) != 0 && life_is_reachable(life);
}

/* The supervisor gave up once what it gives up; workers are asked by the proposal. */
static bool sandbox_is_good(const struct supervisor *supervisor, const struct config *config,
                            struct error *error)
{
    const struct config_sandbox *sandbox = &config->sandbox;
    uint32_t without = sandbox_parts_of(sandbox->without, sandbox->without_count);
    if ((supervisor->role.left_out & ~without) != 0)
        log_warning("sandbox.without leaves out less than when the daemon was started: the "
                    "supervisor itself takes that up only when it is started again");
    return role_suffices(&supervisor->role,
                         sandbox_parts_of(sandbox->required, sandbox->required_count), without,
                         error);
}

/* Asks every worker that is touched; false where one cannot be asked. */
static bool propose(struct supervisor *supervisor, struct error *error)
{
    struct reload_round *round = &supervisor->reload;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct life *life = &supervisor->life[i];
        if (!is_touched(round, life))
            continue;
        if (!contact_configure(life, round->config, round->generation,
                               supervisor->epoch > 0 ? supervisor->epoch : 1, error))
            return error_wrap(error, "%s cannot be asked", role_word(life->row->role));
        life->proposal = PROPOSAL_ASKED;
    }
    return true;
}

void reload_begin(struct supervisor *supervisor)
{
    struct reload_round *round = &supervisor->reload;
    struct error error = {""};
    if (supervisor->stopping)
        return;
    if (round->config != NULL)
        reload_drop(supervisor, "a newer one was asked for");
    log_info("SIGHUP: %s is read again%s", supervisor->config_path,
             getenv("CREDENTIALS_DIRECTORY") == NULL
                 ? ""
                 : "; systemd's credentials stay as they were at the start");
    notify_reloading(&supervisor->notify);
    struct config *config = read_file(supervisor);
    if (config == NULL) {
        tell(supervisor, false, "the file has mistakes, which its log names");
        return;
    }
    round->config = config;
    round->generation = ++supervisor->config_generation;
    round->deadline_ms = clock_mono_ms() + PROPOSAL_MS_MAX;
    config_differences(supervisor->config, config, &round->changes);
    if (!sandbox_is_good(supervisor, config, &error) || !files_are_good(config, &error) ||
        !listeners_are_good(supervisor, config, &error) || !propose(supervisor, &error))
        reload_drop(supervisor, error.text);
    else
        reload_look(supervisor, clock_mono_ms());
}

void reload_answer(struct life *life, const struct configured *answer)
{
    struct supervisor *supervisor = life->supervisor;
    if (supervisor->reload.config == NULL || life->proposal != PROPOSAL_ASKED ||
        answer->generation != supervisor->reload.generation)
        return; /* to an older proposal, which was dropped */
    if (!answer->accepted) {
        char why[TEXT_BYTES_MAX + 64];
        snprintf(why, sizeof why, "%s refuses it: %s", role_word(life->row->role), answer->text);
        reload_drop(supervisor, why);
        return;
    }
    life->proposal = PROPOSAL_ACCEPTED;
    reload_look(supervisor, clock_mono_ms());
}

/* ----------------------------------------------------------------------------- second phase */

/* The old configuration is still in force. */
static void take_listeners(struct supervisor *supervisor)
{
    struct reload_round *round = &supervisor->reload;
    for (enum monitor_listener which = LISTENER_PAGES; which < MONITOR_LISTENERS; which++) {
        struct made_listener *old = &supervisor->listener[which], *new = &round->listener[which];
        bool stays = new->descriptor < 0 && listener_wanted(round->config, which);
        if (!stays && old->descriptor >= 0)
            close(old->descriptor);
        if (new->descriptor >= 0)
            listener_say(round->config, which, new);
        if (!stays)
            *old = *new;
        new->descriptor = -1;
    }
}

/* The new files, where a path or what lies there has changed. */
static void hand_over_files(struct life *life)
{
    struct worker_files files;
    struct error error = {""};
    if (!life_is_reachable(life))
        return;
    if (worker_files_open(life->supervisor->config, life->row->role, &files, &error))
        renew_hand_over(life, &files);
    else /* good a moment ago */
        log_error("%s keeps the files that it has: %s", role_word(life->row->role), error.text);
}

/* Who began while the others were asked has the old values, and has agreed to nothing. */
static bool began_meanwhile(const struct reload_round *round, const struct life *life)
{
    return is_touched(round, life) && life->proposal != PROPOSAL_ACCEPTED;
}

static void commit_to(struct life *life, uint64_t generation, bool restart, int64_t deadline_ms)
{
    restart = restart || began_meanwhile(&life->supervisor->reload, life);
    if (restart && life->pid != 0) {
        life_stop(life, deadline_ms, true);
        return;
    }
    if (life->proposal == PROPOSAL_ACCEPTED)
        life_send(life, MESSAGE_commit, &(struct commit){.generation = generation}, -1);
    hand_over_files(life);
}

/* Every worker ends in order, then all begins again with the new configuration. */
static void begin_again(struct supervisor *supervisor)
{
    struct reload_round *round = &supervisor->reload;
    log_info("the new configuration (%s) needs a restart of every worker", round->changes.text);
    write_down(supervisor, true, "it needs a restart of every worker, which has begun");
    supervisor->next = round->config;
    round->config = NULL;
    forget_round(supervisor); /* the new life makes its listeners itself */
    stopping_begin(supervisor, 0);
}

static bool needs_all(const struct supervisor *supervisor)
{
    const struct config_changes *changes = &supervisor->reload.changes;
    return (changes->restart_roles & ROLES_WORKERS) == ROLES_WORKERS;
}

static void commit(struct supervisor *supervisor)
{
    struct reload_round *round = &supervisor->reload;
    if (needs_all(supervisor)) {
        begin_again(supervisor);
        return;
    }
    take_listeners(supervisor);
    config_free(supervisor->config);
    supervisor->config = round->config;
    round->config = NULL;
    log_init("supervisor", (enum log_level)supervisor->config->log_level);
    int64_t deadline = clock_mono_ms() + supervisor->config->supervisor.stop_timeout_ms;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct life *life = &supervisor->life[i];
        bool restart = (round->changes.restart_roles & ROLE_BIT(life->row->role)) != 0;
        commit_to(life, round->generation, restart, deadline);
    }
    char what[sizeof round->changes.text + 32];
    snprintf(what, sizeof what, "%s%s",
             round->changes.changed == 0 ? "no key has changed" : "changed: ",
             round->changes.changed == 0 ? "" : round->changes.text);
    log_info("the new configuration is in force; %s", what);
    forget_round(supervisor);
    tell(supervisor, true, what);
}

void reload_look(struct supervisor *supervisor, int64_t now_ms)
{
    struct reload_round *round = &supervisor->reload;
    if (round->config == NULL)
        return;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        const struct life *life = &supervisor->life[i];
        if (life->proposal != PROPOSAL_ASKED)
            continue;
        if (now_ms >= round->deadline_ms) {
            char why[128];
            snprintf(why, sizeof why, "%s has not answered within %d s", role_word(life->row->role),
                     PROPOSAL_MS_MAX / 1000);
            reload_drop(supervisor, why);
        }
        return; /* an answer is still awaited, or it is over */
    }
    commit(supervisor);
}
