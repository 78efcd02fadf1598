/* ebbtide-poller: reads one API with its one read-only token and sends whole snapshots.
 * Which API: the first argument, or what follows `poller-` in the program's name.
 * May not: send anything but GET, see another API's token, write a file, open one by path. */
#include "poller/poller.h"

#include "common/json_read.h"
#include "common/library_memory.h"
#include "common/log.h"
#include "common/secret.h"
#include "proto/dialing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct source_behaviour *const sources[] = {&gitea_source, &hetzner_source,
                                                         &kube_source};

/* "gitea", "poller-gitea", "/usr/libexec/ebbtide/ebbtide-poller-gitea". */
static const struct source_behaviour *find_source(const char *word)
{
    const char *dash = strrchr(word, '-');
    if (dash != NULL)
        word = dash + 1;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (strcmp(sources[i]->word, word) == 0)
            return sources[i];
    return NULL;
}

/* ------------------------------------------------------------------------------ descriptors */

static bool on_file(struct worker *worker, const struct file *file, int descriptor, void *state,
                    struct error *error)
{
    struct poller *poller = state;
    poller->worker = worker;
    if (!credentials_take(&poller->credentials, file, descriptor, error))
        return false;
    if (poller->endpoint == NULL)
        return true; /* before start: all of it is applied there */
    poller->token_unknown = true;
    return credentials_apply(&poller->credentials, poller->endpoint, error);
}

/* ------------------------------------------------------------------------------------ start */

static struct http_settings settings_of(const struct poller *poller, const struct config *config)
{
    struct http_settings settings = {
        .source = poller->source->source,
        .setting = poller->source->word,
        .allow_http_on_loopback = config->http.allow_http_on_loopback,
        .limits = http_limits_from(config),
    };
    switch (poller->source->source) {
    case SOURCE_GITEA:
        settings.url = config->gitea.url;
        settings.proxy = config->gitea.proxy;
        break;
    case SOURCE_HETZNER:
        settings.url = config->hetzner.url;
        settings.proxy = config->hetzner.proxy;
        break;
    case SOURCE_KUBE:
    case source_count:
        settings.url = poller->credentials.kube_server;
        settings.proxy = config->kube.proxy;
        break;
    }
    return settings;
}

static bool has_credentials(const struct poller *poller, struct error *error)
{
    const struct credentials *credentials = &poller->credentials;
    if (poller->source->source == SOURCE_KUBE)
        return credentials->kubeconfig != NULL ||
               error_set(error, "no kubeconfig was handed over: set kube.kubeconfig_file or "
                                "kube.in_cluster");
    return credentials->token != NULL ||
           error_set(error, "no token was handed over: set %s.token_file", poller->source->word);
}

static bool on_start(struct worker *worker, const struct config *config, void *state,
                     struct error *error)
{
    struct poller *poller = state;
    poller->worker = worker;
    json_start();
    const struct http_way way = dialing_way(worker);
    if (!has_credentials(poller, error) ||
        !http_open(&poller->http, worker_base(worker), &way, error))
        return false;
    struct http_settings settings = settings_of(poller, config);
    return http_endpoint_new(poller->http, &settings, &poller->endpoint, error) &&
           credentials_apply(&poller->credentials, poller->endpoint, error) &&
           poller->source->open(poller, config, error);
}

static uint32_t on_ports(uint16_t *out, void *state)
{
    const struct poller *poller = state;
    return dialing_ports(worker_config(poller->worker), &poller->endpoint, 1, out);
}

static void on_started(struct worker *worker, void *state)
{
    (void)worker;
    struct poller *poller = state;
    log_info("reads %s", http_endpoint_url(poller->endpoint));
    rounds_start(poller);
}

static void on_commit(struct worker *worker, const struct config *config, void *state)
{
    (void)worker;
    struct poller *poller = state;
    struct http_limits limits = http_limits_from(config);
    http_endpoint_limits(poller->endpoint, &limits);
    round_reschedule(poller);
}

/* ---------------------------------------------------------------------------------- peers */

static void on_peer_open(struct worker *worker, enum role peer, void *state)
{
    (void)worker;
    struct poller *poller = state;
    dialing_peer_open(poller->http, peer);
    /* A reconciler that was started again knows nothing: it gets a picture, and the token's
     * state, at once. While the token is being checked both are on their way already. */
    if (peer == ROLE_RECONCILER && !poller->checking) {
        poller->token_unknown = true;
        round_now(poller);
    }
}

static void on_message(struct worker *worker, enum role peer, struct message *message, void *state)
{
    (void)worker;
    (void)peer;
    struct poller *poller = state;
    if (dialing_message(poller->http, message))
        return;
    if (message->id == MESSAGE_poll_now) {
        log_debug("asked to poll now: %s", message_poll_now(message)->text);
        round_now(poller);
    }
    message_free(message);
}

static void on_passed(struct worker *worker, enum role peer, struct message *message,
                      int descriptor, void *state)
{
    (void)worker;
    (void)peer;
    struct poller *poller = state;
    dialing_passed(poller->http, message, descriptor, &poller->dialer_lied);
}

static void clean_up(struct poller *poller)
{
    rounds_stop(poller);
    if (poller->own != NULL)
        poller->source->close(poller);
    http_cancel_all(poller->http);
    http_endpoint_free(poller->endpoint);
    http_close(poller->http);
    credentials_clear(&poller->credentials);
    poller->endpoint = NULL;
    poller->http = NULL;
}

static void on_stop(struct worker *worker, int64_t deadline_mono_ms, void *state)
{
    (void)deadline_mono_ms;
    clean_up(state);
    worker_stopped(worker, "");
}

static void on_status(char *out, size_t size, void *state)
{
    const struct poller *poller = state;
    if (poller->failures > 0)
        snprintf(out, size, "%s: %u failures in a row", poller->source->word, poller->failures);
    else
        out[0] = '\0';
}

int main(int argc, char **argv)
{
    static struct poller poller;
    poller.source = find_source(argc > 1 ? argv[1] : argv[0]);
    if (poller.source == NULL) {
        fprintf(stderr, "usage: ebbtide-poller gitea|hetzner|kube   (the supervisor starts it)\n");
        return 2;
    }
    struct error error;
    if (!library_memory_wipe(&error))
        log_fatal("%s", error.text);
    struct worker_behaviour behaviour = {
        .role = poller.source->role,
        .file = on_file,
        .start = on_start,
        .ports = on_ports,
        .started = on_started,
        .commit = on_commit,
        .peer_open = on_peer_open,
        .message = on_message,
        .passed = on_passed,
        .stop = on_stop,
        .status = on_status,
    };
    return worker_run(&behaviour, &poller);
}
