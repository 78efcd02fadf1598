/* ebbtide-dialer: makes the connections that pollers and actuator ask for, each to its own APIs,
 * and hands them over. It is the only process that may open a socket to the outside: those that
 * hold tokens can reach no other host, whoever has taken them over, and read no name server's
 * answers. What it hands over is TCP; TLS, with the roots that the configuration names, is made by
 * who asked, so that a dialer that lies is found out as any other liar in the network.
 * May not: hold a secret, read or write on a connection, be told by a caller where to connect. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/whole_file.h"
#include "dialer/callers.h"
#include "proto/worker.h"

#define RESOLV_CONF_BYTES_MAX ((size_t)64 * 1024)
#define HOSTS_BYTES_MAX       ((size_t)1024 * 1024)
#define WARN_PAUSE_MS         60000

struct kube_place {
    enum role role; /* ROLE_SUPERVISOR: none */
    char url[URL_BYTES_MAX + 1];
};

struct dialer {
    struct worker *worker;
    struct callers callers;
    char *resolv_conf, *hosts;
    int64_t warn_next_mono_ms[role_count][dial_failure_count];
    struct kube_place kube[2]; /* the poller's and the actuator's, until start */
};

/* --------------------------------------------------------------------- what the supervisor says */

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    (void)worker;
    struct dialer *dialer = state;
    bool conf = file->kind == FILE_RESOLV_CONF;
    char **place = conf ? &dialer->resolv_conf : &dialer->hosts;
    char *text = NULL;
    bool good = conf || file->kind == FILE_HOSTS ||
                error_set(error, "%s is no file of the dialer", file->name);
    good =
        good && whole_file_read(descriptor, file->name,
                                conf ? RESOLV_CONF_BYTES_MAX : HOSTS_BYTES_MAX, &text, NULL, error);
    close(descriptor);
    if (!good)
        return false;
    free(*place);
    *place = text;
    return dialer->callers.names == NULL ||
           names_replace(dialer->callers.names, dialer->resolv_conf, dialer->hosts, error);
}

/* Kept until the configuration's other half is there, in on_start. */
static void on_told(struct worker *worker, const struct message *message, void *state)
{
    struct dialer *dialer = state;
    if (message->id != MESSAGE_kube_server || dialer->callers.names != NULL) {
        log_warning("the supervisor sent %s, which is not expected now", message_name(message->id));
        return;
    }
    const struct kube_server *told = message_kube_server(message);
    for (unsigned i = 0; i < 2; i++)
        if (dialer->kube[i].url[0] == '\0' || dialer->kube[i].role == told->role) {
            dialer->kube[i].role = told->role;
            snprintf(dialer->kube[i].url, sizeof dialer->kube[i].url, "%s", told->url);
            return;
        }
    worker_fail(worker, "the supervisor names more Kubernetes servers than there are callers");
}

/* ------------------------------------------------------------------------------------ answers */

static void say_failed(struct dialer *dialer, enum role caller, uint64_t id,
                       enum dial_failure failure, const char *text)
{
    struct error error;
    const struct dial_failed failed = {.id = id, .failure = failure, .text = text};
    if (!worker_send(dialer->worker, caller, MESSAGE_dial_failed, &failed, &error))
        log_warning("%s", error.text);
}

/* The connection goes to who asked; what is passed is a copy of ours. */
static void hand_over(struct dialer *dialer, enum role caller, uint64_t id, int descriptor)
{
    struct error error;
    const struct dialed dialed = {.id = id};
    if (!worker_pass(dialer->worker, caller, MESSAGE_dialed, &dialed, descriptor, &error))
        say_failed(dialer, caller, id, DIAL_TOO_MANY, error.text);
    close(descriptor);
}

/* Nobody of ours asks for what is refused: who does may have been taken over, and is not to fill
 * the log. The metric counts all. */
static void warn(struct dialer *dialer, enum role caller, enum dial_failure failure,
                 const char *text)
{
    int64_t now = clock_mono_ms(), *next = &dialer->warn_next_mono_ms[caller][failure];
    if (now < *next)
        return;
    *next = now + WARN_PAUSE_MS;
    log_warning("refused a connection: %s; more of it is only counted for %d s "
                "(ebbtide_dial_failures_total)",
                text, WARN_PAUSE_MS / 1000);
}

static void on_answer(enum role caller, uint64_t id, int descriptor, enum dial_failure failure,
                      const char *text, void *argument)
{
    struct dialer *dialer = argument;
    metric_add(M_DIALS, caller, 0, 1);
    if (descriptor < 0)
        metric_add(M_DIAL_FAILURES, caller, failure, 1);
    if (descriptor < 0 && (failure == DIAL_NOT_ALLOWED || failure == DIAL_TOO_MANY))
        warn(dialer, caller, failure, text);
    if (descriptor >= 0)
        hand_over(dialer, caller, id, descriptor);
    else
        say_failed(dialer, caller, id, failure, text);
}

/* Who does not take its answers gets no more of them. */
static void leave_unanswered(struct dialer *dialer, enum role caller)
{
    char text[TEXT_BYTES_MAX];
    snprintf(text, sizeof text, "the %s does not take what it asks for", role_word(caller));
    metric_add(M_DIALS, caller, 0, 1);
    metric_add(M_DIAL_FAILURES, caller, DIAL_TOO_MANY, 1);
    warn(dialer, caller, DIAL_TOO_MANY, text);
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    struct dialer *dialer = state;
    if (message->id == MESSAGE_dial) {
        const struct dial *asked = message_dial(message);
        if (worker_unsent(worker, peer) < CALLER_UNTAKEN_MAX)
            callers_ask(&dialer->callers, peer, asked->id, asked->source, clock_mono_ms());
        else
            leave_unanswered(dialer, peer);
    }
    message_free(message);
}

static void on_peer_lost(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    struct dialer *dialer = state;
    callers_forget(&dialer->callers, peer);
}

/* ------------------------------------------------------------------------------- begin and end */

/* A little less than who asks has for it, so that the answer, with its reason, is there first. */
static int64_t limit_of(const struct config *config)
{
    return config->http.connect_timeout_ms * 9 / 10;
}

/* A kubeconfig that names no address is its own worker's trouble: the others are connected. */
static void take_kube(struct dialer *dialer, const struct config *config,
                      const struct kube_place *place)
{
    struct error error;
    if (!destinations_kube(&dialer->callers.destinations, config, place->role, place->url, &error))
        log_error("the %s is not connected with Kubernetes: %s", role_word(place->role),
                  error.text);
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct dialer *dialer = state;
    struct callers *callers = &dialer->callers;
    dialer->worker = worker;
    callers->base = worker_base(worker);
    callers->limit_ms = limit_of(config);
    callers->answer = on_answer;
    callers->argument = dialer;
    if (!destinations_configured(&callers->destinations, config, error))
        return false;
    for (unsigned i = 0; i < 2; i++)
        if (dialer->kube[i].url[0] != '\0')
            take_kube(dialer, config, &dialer->kube[i]);
    return names_new(&callers->names, callers->base, dialer->resolv_conf, dialer->hosts, error);
}

static uint32_t on_ports(uint16_t *out, void *state)
{
    const struct dialer *dialer = state;
    return destinations_ports(&dialer->callers.destinations, out, ROLE_PORTS_MAX);
}

static void on_started(struct worker *worker, void *state)
{
    (void)worker;
    const struct dialer *dialer = state;
    for (unsigned i = 0; i < (unsigned)role_count * source_count; i++) {
        const struct destination *to =
            destinations_find(&dialer->callers.destinations, (enum role)(i / source_count),
                              (enum source)(i % source_count));
        if (to != NULL)
            log_info("connects the %s with %s at %s port %u",
                     role_word((enum role)(i / source_count)),
                     source_word((enum source)(i % source_count)), to->host, (unsigned)to->port);
    }
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    (void)worker;
    struct dialer *dialer = state;
    dialer->callers.limit_ms = limit_of(config);
}

static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    (void)deadline_mono_ms, (void)state;
    worker_stopped(worker, "");
}

static void on_ended(struct worker *worker, void *state)
{
    (void)worker;
    struct dialer *dialer = state;
    for (int role = 0; role < (int)role_count; role++)
        callers_forget(&dialer->callers, (enum role)role);
    names_free(dialer->callers.names);
    free(dialer->resolv_conf);
    free(dialer->hosts);
}

int main(void)
{
    static const struct worker_behaviour behaviour = {
        .role = ROLE_DIALER,
        .file = on_file,
        .told = on_told,
        .start = on_start,
        .ports = on_ports,
        .started = on_started,
        .commit = on_commit,
        .peer_lost = on_peer_lost,
        .message = on_message,
        .stop = on_stop,
        .ended = on_ended,
    };
    static struct dialer dialer;
    return worker_run(&behaviour, &dialer);
}
