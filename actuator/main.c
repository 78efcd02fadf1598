/* ebbtide-actuator: carries out actions with the write credentials, within its own rails.
 * May not: decide what to do, open a file, listen. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/actuator.h"
#include "actuator/log_keeper.h"
#include "common/clock.h"
#include "common/cloud_init.h"
#include "common/credentials.h"
#include "common/json_read.h"
#include "common/library_memory.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/whole_file.h"
#include "proto/dialing.h"
#include "proto/worker.h"

struct program {
    struct worker *worker;
    struct http *http;
    struct credentials credentials[source_count];
    struct actuator actuator;
    struct log_keeper keeper;
    bool started;
    bool dialer_lied; /* it has handed over what is no connection */
    struct event *stop_timer;
};

/* ------------------------------------------------------------------------------ descriptors */

static bool take_template(struct program *program, const struct file *file, int descriptor,
                          struct error *error)
{
    char *text = NULL;
    bool good =
        file->index < POOLS_MAX || error_set(error, "%s: there is no such pool", file->name);
    good = good && whole_file_read(descriptor, file->name, CLOUD_INIT_TEMPLATE_BYTES_MAX, &text,
                                   NULL, error);
    close(descriptor);
    if (!good)
        return false;
    free(program->actuator.cloud_init[file->index]);
    program->actuator.cloud_init[file->index] = text;
    return true;
}

static bool take_join_token(struct program *program, const struct file *file, int descriptor,
                            struct error *error)
{
    struct secret *token = NULL;
    if (file->index < POOLS_MAX)
        token = secret_read(descriptor, file->name, error);
    else
        error_set(error, "%s: there is no such pool", file->name);
    close(descriptor);
    if (token == NULL)
        return false;
    secret_warn_unlocked(token, file->name);
    secret_trim(token);
    secret_free(program->actuator.join_token[file->index]);
    program->actuator.join_token[file->index] = token;
    return true;
}

/* Which API a file is for; source_count: for none. */
static enum source source_of(enum file_kind kind)
{
    switch ((int)kind) {
    case FILE_GITEA_TOKEN:
    case FILE_CA_GITEA: return SOURCE_GITEA;
    case FILE_HETZNER_TOKEN:
    case FILE_CA_HETZNER: return SOURCE_HETZNER;
    case FILE_KUBECONFIG:
    case FILE_KUBE_TOKEN:
    case FILE_KUBE_CLIENT_CERTIFICATE:
    case FILE_KUBE_CLIENT_KEY:
    case FILE_CA_KUBE: return SOURCE_KUBE;
    default: return source_count;
    }
}

static bool take_credential(struct program *program, const struct file *file, int descriptor,
                            struct error *error)
{
    enum source source = source_of(file->kind);
    if (source == source_count) {
        close(descriptor);
        return error_set(error, "%s is no file of the actuator", file->name);
    }
    struct credentials *credentials = &program->credentials[source];
    if (!credentials_take(credentials, file, descriptor, error))
        return false;
    if (!program->started || program->http == NULL)
        return true;
    struct http_endpoint *endpoint = program->actuator.endpoint[source];
    return endpoint == NULL || credentials_apply(credentials, endpoint, error);
}

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    struct program *program = state;
    program->worker = worker;
    switch ((int)file->kind) {
    case FILE_AUDIT:
    case FILE_AUDIT_BEFORE:
    case FILE_AUDIT_KEY:
    case FILE_AUDIT_HEAD: return keeper_take(&program->keeper, file, descriptor, error);
    case FILE_CLOUD_INIT: return take_template(program, file, descriptor, error);
    case FILE_JOIN_TOKEN: return take_join_token(program, file, descriptor, error);
    default: return take_credential(program, file, descriptor, error);
    }
}

/* ------------------------------------------------------------------------------------ start */

static bool has_credentials(const struct program *program, enum source source)
{
    const struct credentials *credentials = &program->credentials[source];
    return source == SOURCE_KUBE ? credentials->kubeconfig != NULL : credentials->token != NULL;
}

static bool open_endpoint(struct program *program, const struct config *config, enum source source,
                          struct error *error)
{
    const char *const settings[source_count] = {"gitea", "hetzner", "kube"};
    const char *const urls[source_count] = {config->gitea.url, config->hetzner.url,
                                            program->credentials[SOURCE_KUBE].kube_server};
    const char *const proxies[source_count] = {config->gitea.proxy, config->hetzner.proxy,
                                               config->kube.proxy};
    struct http_settings http = {
        .source = source,
        .url = urls[source],
        .proxy = proxies[source],
        .setting = settings[source],
        .allow_http_on_loopback = config->http.allow_http_on_loopback,
        .limits = http_limits_from(config),
    };
    if (!has_credentials(program, source))
        return error_set(error, "no credentials that may write were handed over: set %s",
                         source == SOURCE_KUBE    ? "kube.write_kubeconfig_file"
                         : source == SOURCE_GITEA ? "gitea.write_token_file"
                                                  : "hetzner.write_token_file");
    return http_endpoint_new(program->http, &http, &program->actuator.endpoint[source], error) &&
           credentials_apply(&program->credentials[source], program->actuator.endpoint[source],
                             error);
}

static bool open_endpoints(struct program *program, const struct config *config,
                           struct error *error)
{
    const struct http_way way = dialing_way(program->worker);
    if (!http_open(&program->http, worker_base(program->worker), &way, error))
        return false;
    for (unsigned i = 0; i < source_count; i++)
        if (!open_endpoint(program, config, (enum source)i, error))
            return false;
    return true;
}

static bool check_templates(const struct program *program, const struct config *config,
                            struct error *error)
{
    for (uint32_t i = 0; i < config->pools_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        const char *template = program->actuator.cloud_init[i];
        if (template == NULL || program->actuator.join_token[i] == NULL)
            return error_set(error,
                             "pool %s: no cloud-init template or no join token was handed "
                             "over: set pools[].cloud_init_file and join_token_file",
                             pool->name);
        if (!cloud_init_check(template, strlen(template), pool->cloud_init_file, config, pool,
                              error))
            return false;
    }
    return true;
}

static void on_result(const struct action_result *result, void *argument);
static void on_idle(void *argument);

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct program *program = state;
    struct actuator *actuator = &program->actuator;
    program->worker = worker;
    json_start();
    actuator->base = worker_base(worker);
    actuator->config = config;
    actuator->report = on_result;
    actuator->idle = on_idle;
    actuator->argument = program;
    keeper_prepare();
    return actuator_init(actuator, error) &&
           (config->mode != MODE_ACT ||
            (check_templates(program, config, error) && open_endpoints(program, config, error)));
}

static bool on_recall(struct worker *worker, void *state, struct error *error)
{
    struct program *program = state;
    program->started = keeper_read(&program->keeper, worker, error);
    return program->started;
}

static uint32_t on_ports(uint16_t *out, void *state)
{
    const struct program *program = state;
    return dialing_ports(program->actuator.config, program->actuator.endpoint, source_count, out);
}

static void on_started(struct worker *worker, void *state)
{
    (void)worker;
    struct program *program = state;
    char id[ACTION_ID_TEXT_BYTES];
    log_info("ready in mode %s; the highest action of the audit log is %s",
             program->actuator.config->mode == MODE_ACT ? "act" : "observe",
             action_id_text(audit_highest(program->actuator.audit), id));
    keeper_begin(&program->keeper);
}

static bool on_check(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    (void)worker;
    const struct program *program = state;
    if (config->mode != MODE_ACT)
        return true;
    if (program->actuator.config->mode != MODE_ACT) /* it holds none of the files for acting */
        return error_set(error, "mode: a reload does not lead from observe to act; stop the daemon "
                                "and start it again");
    return check_templates(program, config, error);
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    (void)worker;
    struct program *program = state;
    struct http_limits limits = http_limits_from(config);
    program->actuator.config = config;
    for (unsigned i = 0; i < source_count; i++)
        if (program->actuator.endpoint[i] != NULL)
            http_endpoint_limits(program->actuator.endpoint[i], &limits);
}

/* ---------------------------------------------------------------------------------- peers */

static void on_result(const struct action_result *result, void *argument)
{
    struct program *program = argument;
    struct error error;
    if (!worker_has_peer(program->worker, ROLE_RECONCILER))
        log_info("no reconciler is there to hear a result; the next one looks for itself");
    else if (!worker_send(program->worker, ROLE_RECONCILER, MESSAGE_action_result, result, &error))
        log_warning("cannot report a result: %s; the next reconciler looks for itself", error.text);
    keeper_want(&program->keeper);
}

/* A reconciler that was just started must know what is open before it asks for anything. */
static void on_peer_open(struct worker *worker, enum role peer, void *state)
{
    struct program *program = state;
    static struct unknown_action unknown[UNKNOWN_ACTIONS_MAX];
    struct error error;
    dialing_peer_open(program->http, peer);
    if (peer != ROLE_RECONCILER)
        return;
    actuator_new_asker(&program->actuator, worker_epoch(worker));
    struct audit *audit = program->actuator.audit;
    struct action_id highest = audit_highest(audit);
    struct actuator_state message = {
        .epoch = highest.epoch,
        .counter = highest.counter,
        .unknown = unknown,
        .unknown_count = audit_open_intents(audit, unknown, UNKNOWN_ACTIONS_MAX),
        .audit_trouble = audit_trouble(audit),
    };
    if (!worker_send(worker, ROLE_RECONCILER, MESSAGE_actuator_state, &message, &error)) {
        log_error("cannot say what the audit log remembers: %s", error.text);
        return;
    }
    keeper_told_trouble(&program->keeper);
    if (!audit_close_found(audit, clock_wall_ms(), &error))
        log_error("%s", error.text);
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    (void)worker;
    (void)peer;
    struct program *program = state;
    if (dialing_message(program->http, message))
        return;
    if (message->id == MESSAGE_action)
        actuator_take(&program->actuator, message);
    else
        message_free(message);
}

static void on_passed(struct worker *worker, enum role peer, struct message *message,
                      int descriptor, void *state)
{
    (void)worker;
    (void)peer;
    struct program *program = state;
    dialing_passed(program->http, message, descriptor, &program->dialer_lied);
}

/* ------------------------------------------------------------------------------------ the end */

static void on_idle(void *argument)
{
    struct program *program = argument;
    char text[TEXT_BYTES_MAX];
    keeper_end(&program->keeper);
    snprintf(text, sizeof text,
             "%llu actions finished, %llu left for the next start, which goes on from what it sees",
             (unsigned long long)program->actuator.finished,
             (unsigned long long)program->actuator.abandoned);
    worker_stopped(program->worker, text);
}

static void on_stop_deadline(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    struct program *program = argument;
    actuator_abandon(&program->actuator);
}

static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    struct program *program = state;
    int64_t left = deadline_mono_ms - clock_mono_ms() - STOP_MARGIN_MS;
    left = left > 0 ? left : 0;
    struct timeval time = {.tv_sec = left / 1000, .tv_usec = (left % 1000) * 1000};
    if (program->stop_timer == NULL)
        program->stop_timer = evtimer_new(worker_base(worker), on_stop_deadline, program);
    if (program->stop_timer == NULL || evtimer_add(program->stop_timer, &time) != 0)
        log_warning("out of memory for the stop's timer");
    actuator_stop(&program->actuator);
}

static void on_beat(struct worker *worker, void *state)
{
    (void)worker;
    struct program *program = state;
    keeper_tell(&program->keeper);
}

static void on_status(char *out, size_t size, void *state)
{
    const struct program *program = state;
    snprintf(out, size, "%u actions under way", program->actuator.work_count);
}

static void clear_program(struct program *program)
{
    struct http_endpoint *endpoint[source_count];
    memcpy(endpoint, program->actuator.endpoint, sizeof endpoint);
    if (program->stop_timer != NULL)
        event_free(program->stop_timer);
    keeper_clear(&program->keeper);
    actuator_clear(&program->actuator);
    for (unsigned i = 0; i < source_count; i++) {
        http_endpoint_free(endpoint[i]);
        credentials_clear(&program->credentials[i]);
    }
    http_close(program->http);
}

/* The loop has ended; what hangs on it goes before it does. */
static void on_ended(struct worker *worker, void *state)
{
    (void)worker;
    clear_program(state);
}

int main(void)
{
    static const struct worker_behaviour behaviour = {
        .role = ROLE_ACTUATOR,
        .file = on_file,
        .start = on_start,
        .recall = on_recall,
        .ports = on_ports,
        .started = on_started,
        .check = on_check,
        .commit = on_commit,
        .peer_open = on_peer_open,
        .message = on_message,
        .passed = on_passed,
        .stop = on_stop,
        .beat = on_beat,
        .status = on_status,
        .ended = on_ended,
    };
    static struct program program;
    struct error error;
    if (!library_memory_wipe(&error))
        log_fatal("%s", error.text);
    keeper_init(&program.keeper, &program.actuator);
    return worker_run(&behaviour, &program);
}
