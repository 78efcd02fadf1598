/* `ebbtide run`: the supervisor as a whole. Reads the configuration, takes the state's lock, makes
 * the listeners, starts the workers, and turns until it is told to end. May not: know what a worker
 * does. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

/* ---------------------------------------------------------------------------------- signals */

static void on_child(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    struct supervisor *supervisor = argument;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct life *life = &supervisor->life[i];
        int status;
        if (life->pid > 0 && waitpid(life->pid, &status, WNOHANG) == life->pid)
            life_ended(life, status);
    }
}

static void on_end(evutil_socket_t number, short what, void *argument)
{
    (void)what;
    struct supervisor *supervisor = argument;
    log_info("%s: Ebbtide ends; the servers it rents stay, and are paid for",
             number == SIGTERM ? "SIGTERM" : "SIGINT");
    config_free(supervisor->next); /* a restart for a reload becomes the end */
    supervisor->next = NULL;
    stopping_begin(supervisor, 0);
}

static void on_reload(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    reload_begin(argument);
}

/* ------------------------------------------------------------------------------------- time */

static void tick_lives(struct supervisor *supervisor, int64_t now, int64_t late)
{
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        life_tick(&supervisor->life[i], now, late);
        if (!supervisor->stopping)
            renew_look(&supervisor->life[i]);
    }
}

static void on_tick(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    struct supervisor *supervisor = argument;
    int64_t now = clock_mono_ms();
    int64_t late = now - supervisor->ticked_ms - TICK_MS;
    supervisor->ticked_ms = now;
    tick_lives(supervisor, now, late > TICK_MS ? late : 0);
    audit_note_look(&supervisor->audit_note, supervisor->config->files.audit_epoch_ms, now);
    reload_look(supervisor, now);
    int64_t interval = supervisor->notify.watchdog_ms;
    if (interval > 0 && now >= supervisor->watchdog_ms) {
        notify_watchdog(&supervisor->notify);
        supervisor->watchdog_ms = now + interval / 2; /* a tick may come late */
    }
}

static void on_start_time(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    struct supervisor *supervisor = argument;
    int64_t now = clock_mono_ms();
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        if (supervisor->life[i].state == LIFE_WAITING)
            life_tick(&supervisor->life[i], now, 0);
    supervisor_arm(supervisor);
}

void supervisor_arm(struct supervisor *supervisor)
{
    int64_t earliest = INT64_MAX, now = clock_mono_ms();
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        const struct life *life = &supervisor->life[i];
        if (life->state == LIFE_WAITING && life->due_ms < earliest)
            earliest = life->due_ms;
    }
    if (earliest == INT64_MAX)
        return;
    int64_t wait = earliest > now ? earliest - now : 0;
    struct timeval time = {.tv_sec = (time_t)(wait / 1000),
                           .tv_usec = (suseconds_t)(wait % 1000 * 1000)};
    (void)evtimer_add(supervisor->start_timer, &time);
}

/* ------------------------------------------------------------------------- making a whole life */

/* What tells the daemon to end or to read its file again waits while nobody would hear it: before
 * the first life, and between two. */
static void hold_signals(bool hold)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&set, numbers[i]);
    (void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static bool make_events(struct supervisor *supervisor, struct error *error)
{
    static const struct {
        int number;
        event_callback_fn call;
    } signals[] = {{SIGCHLD, on_child}, {SIGTERM, on_end}, {SIGINT, on_end}, {SIGHUP, on_reload}};
    supervisor->base = event_base_new();
    if (supervisor->base == NULL)
        return error_set(error, "no memory for the event loop");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct event *event =
            evsignal_new(supervisor->base, signals[i].number, signals[i].call, supervisor);
        supervisor->signal_event[i] = event;
        if (event == NULL || event_add(event, NULL) != 0)
            return error_set(error, "cannot watch for signal %d", signals[i].number);
    }
    struct timeval tick = {.tv_sec = TICK_MS / 1000, .tv_usec = TICK_MS % 1000 * 1000};
    supervisor->tick = event_new(supervisor->base, -1, EV_PERSIST, on_tick, supervisor);
    supervisor->start_timer = evtimer_new(supervisor->base, on_start_time, supervisor);
    if (supervisor->tick == NULL || supervisor->start_timer == NULL ||
        event_add(supervisor->tick, &tick) != 0)
        return error_set(error, "no memory for the timers");
    return true;
}

static bool make_listeners(struct supervisor *supervisor, struct error *error)
{
    const struct config *config = supervisor->config;
    for (enum monitor_listener which = LISTENER_PAGES; which < MONITOR_LISTENERS; which++) {
        if (!listener_wanted(config, which))
            continue;
        if (!listener_open_monitor(config, NULL, which, &supervisor->listener[which], error))
            return false;
        listener_say(config, which, &supervisor->listener[which]);
    }
    supervisor->control_listener = listener_open_control(supervisor->config, error);
    return supervisor->control_listener >= 0;
}

static bool find_users(struct supervisor *supervisor, struct error *error)
{
    struct worker_user users[TOPOLOGY_WORKERS];
    unsigned made;
    if (!users_find(supervisor->config, users, &made, error))
        return false;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        supervisor->life[i].user = users[i];
    if (made > 0)
        log_warning(
            "%u workers get user numbers that nobody has, since this machine has "
            "no users for them: that keeps them apart as well, unless somebody is given such "
            "a number; the keys of users can name some",
            made);
    if (!users_can_switch())
        log_warning("neither root nor with SETUID and SETGID as ambient capabilities: the workers "
                    "run as this user (%u), so one that is taken over could read what the others "
                    "hold; start Ebbtide as root, or by its systemd unit, to have them apart",
                    (unsigned)geteuid());
    return true;
}

/* Every file of every worker, before the first is started: what is wrong is said at once. */
static bool check_files(const struct supervisor *supervisor, struct error *error)
{
    uint32_t credentials = 0;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct worker_files files;
        const struct worker_row *row = topology_worker(i);
        if (!topology_wanted(row, supervisor->config))
            continue;
        if (!worker_files_open(supervisor->config, row->role, &files, error))
            return false;
        credentials += worker_files_credentials(&files);
        worker_files_free(&files);
    }
    if (credentials > 0)
        log_info("%u files are systemd's credentials: new ones are taken up by a restart of the "
                 "service (systemctl restart), not by a reload",
                 credentials);
    return true;
}

static void init(struct supervisor *supervisor, struct config *config)
{
    supervisor->config = config;
    supervisor->state = (struct state_dir){.directory = -1, .lock = -1};
    supervisor->audit_note = (struct audit_note){.descriptor = -1};
    supervisor->reach = (struct reach){{{0}}};
    supervisor->control_listener = -1;
    for (unsigned i = 0; i < MONITOR_LISTENERS; i++)
        supervisor->listener[i].descriptor = supervisor->reload.listener[i].descriptor = -1;
    supervisor->config_generation++;
    supervisor->stopping = supervisor->told_ready = supervisor->over = false;
    supervisor->next = NULL;
    supervisor->ticked_ms = clock_mono_ms();
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        uint64_t generation = supervisor->life[i].generation; /* goes on: a peer may remember */
        supervisor->life[i] = (struct life){
            .supervisor = supervisor, .row = topology_worker(i), .generation = generation};
    }
}

static void clean_up(struct supervisor *supervisor)
{
    hold_signals(true);
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        life_free(&supervisor->life[i]);
    for (size_t i = 0; i < 4; i++)
        if (supervisor->signal_event[i] != NULL)
            event_free(supervisor->signal_event[i]);
    if (supervisor->tick != NULL)
        event_free(supervisor->tick);
    if (supervisor->start_timer != NULL)
        event_free(supervisor->start_timer);
    if (supervisor->base != NULL)
        event_base_free(supervisor->base);
    memset(supervisor->signal_event, 0, sizeof supervisor->signal_event);
    supervisor->tick = supervisor->start_timer = NULL;
    supervisor->base = NULL;
    for (unsigned i = 0; i < MONITOR_LISTENERS; i++)
        if (supervisor->listener[i].descriptor >= 0)
            close(supervisor->listener[i].descriptor);
    if (supervisor->control_listener >= 0) {
        close(supervisor->control_listener);
        (void)unlink(supervisor->config->files.control_socket);
    }
    audit_note_close(&supervisor->audit_note);
    state_dir_close(&supervisor->state);
}

static bool begin(struct supervisor *supervisor, struct error *error)
{
    if (!state_dir_open(&supervisor->state, supervisor->config, error) ||
        !audit_note_open(&supervisor->audit_note, &supervisor->state, supervisor->config, error) ||
        !check_files(supervisor, error) || !find_users(supervisor, error) ||
        !make_listeners(supervisor, error) || !make_events(supervisor, error))
        return false;
    hold_signals(false);
    for (unsigned i = 0; i < TOPOLOGY_WORKERS && !supervisor->stopping; i++)
        if (topology_wanted(supervisor->life[i].row, supervisor->config))
            life_start(&supervisor->life[i]);
    return true;
}

/* From the first start to the end of the last worker. False with a sentence where it could not
 * begin. */
static bool live(struct supervisor *supervisor, struct error *error)
{
    bool begun = begin(supervisor, error);
    if (begun && !supervisor->over)
        (void)event_base_dispatch(supervisor->base);
    clean_up(supervisor);
    return begun;
}

/* --------------------------------------------------------------------------------- the whole */

/* What the supervisor itself gives up, once: its workers cannot have more than it has. */
static bool protect(struct supervisor *supervisor, const struct config *config)
{
    const struct config_sandbox *sandbox = &config->sandbox;
    const struct role_wish wish = {
        .role = ROLE_SUPERVISOR,
        .required = sandbox_parts_of(sandbox->required, sandbox->required_count),
        .without = sandbox_parts_of(sandbox->without, sandbox->without_count),
    };
    struct error error = {""};
    char text[ERROR_TEXT_BYTES_MAX];
    (void)signal(SIGPIPE, SIG_IGN);
    if (!role_enter(&wish, &supervisor->role, &error)) {
        log_error("%s", error.text);
        return false;
    }
    role_describe(&wish, &supervisor->role, text, sizeof text);
    log_info("%s", text);
    if (wish.without != 0)
        log_warning("sandbox.without leaves out %s: a process that is taken over can do more",
                    sandbox_parts_text(wish.without, text, sizeof text));
    return true;
}

/* Lives with one configuration after another: a reload may ask for all anew. One that cannot begin
 * gives way to the one before, which did. */
static int live_on(struct supervisor *supervisor, struct config *config)
{
    struct config *before = NULL;
    while (config != NULL) {
        struct error error = {""};
        log_init("supervisor", (enum log_level)config->log_level);
        init(supervisor, config);
        bool begun = live(supervisor, &error);
        config = supervisor->config; /* a reload may have put another in its place */
        if (!begun)
            log_error("%s", error.text);
        if (!begun && before == NULL)
            supervisor->status = 1;
        else if (!begun)
            log_error("the new configuration is dropped, the old one is taken up again");
        struct config *next = begun ? supervisor->next : before;
        config_free(begun ? before : config);
        before = begun ? config : NULL;
        config = next;
    }
    config_free(before);
    return supervisor->status;
}

int supervisor_run(const char *config_path)
{
    struct config *config;
    struct config_problems problems;
    hold_signals(true);
    log_init("supervisor", LOG_INFO_LEVEL);
    if (!config_load(config_path, &config, &problems)) {
        config_problems_print(&problems, config_path, stderr);
        return 1;
    }
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (supervisor == NULL) {
        log_error("no memory for the supervisor");
        config_free(config);
        return 1;
    }
    supervisor->config_path = config_path;
    notify_open(&supervisor->notify);
    spawn_find_folder(supervisor->folder);
    log_info("ebbtide %s, mode %s, configuration %s", EBBTIDE_VERSION, mode_word(config->mode),
             config_path);
    int status = 1;
    if (protect(supervisor, config))
        status = live_on(supervisor, config);
    else
        config_free(config);
    if (status == 0)
        log_info("Ebbtide has ended");
    notify_close(&supervisor->notify);
    free(supervisor);
    return status;
}
