/* ebbtide-simulator: the world, the APIs over it, and a clock that lets the one go on for the
 * other. May not: know what any API says. */
#include "common/clock.h"
#include "common/log.h"
#include "simulator/control_api.h"
#include "simulator/faults.h"
#include "simulator/gitea_api.h"
#include "simulator/gitea_webhooks.h"
#include "simulator/hetzner_api.h"
#include "simulator/hooks.h"
#include "simulator/kube_api.h"
#include "simulator/options.h"
#include "simulator/summary_text.h"
#include "simulator/watch.h"
#include "simulator/workload.h"
#include "simulator/world/world.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#define TICK_MS 20

struct simulator {
    struct event_base *base;
    struct event *ticker, *terminate, *interrupt;
    struct world *world;
    struct workload *workload;
    struct hooks *hooks;
    struct faults *faults;
    struct watch *watch;
    struct server *server;
    struct gitea_api *gitea;
    struct gitea_webhooks *webhooks;
    struct hetzner_api *hetzner;
    struct kube_api *kube;
    struct control_api *control;
};

static void tick(evutil_socket_t fd, short what, void *context)
{
    struct simulator *simulator = context;
    int64_t now = clock_wall_ms();
    (void)fd;
    (void)what;
    workload_advance(simulator->workload, now);
    world_advance(simulator->world, now);
    watch_tick(simulator->watch, clock_mono_ms());
}

static void end(evutil_socket_t number, short what, void *context)
{
    struct simulator *simulator = context;
    (void)number;
    (void)what;
    event_base_loopexit(simulator->base, NULL);
}

static void switch_workload(void *context, bool on)
{
    workload_switch(context, on);
}

static bool ask_workload(void *context)
{
    return workload_is_on(context);
}

/* The answer still goes out. */
static void quit(void *context)
{
    static const struct timeval soon = {.tv_usec = 100000};
    struct simulator *simulator = context;
    event_base_loopexit(simulator->base, &soon);
}

static bool make_apis(struct simulator *simulator, const struct options *options,
                      struct error *error)
{
    struct hetzner_options hetzner = {.requests_per_hour = options->hetzner_requests};
    if ((!options->without[API_GITEA] &&
         (!gitea_api_init(&simulator->gitea, &options->gitea, error) ||
          !gitea_webhooks_init(&simulator->webhooks, simulator->base, simulator->world,
                               simulator->server, gitea_api_options(simulator->gitea), error))) ||
        (!options->without[API_HETZNER] &&
         !hetzner_api_init(&simulator->hetzner, &hetzner, error)) ||
        (!options->without[API_KUBE] &&
         !kube_api_init(&simulator->kube, simulator->base, simulator->world, error)))
        return false;
    struct control_parts parts = {.gitea = simulator->gitea,
                                  .hetzner = simulator->hetzner,
                                  .kube = simulator->kube,
                                  .watch = simulator->watch,
                                  .workload_switch = switch_workload,
                                  .workload_is_on = ask_workload,
                                  .workload = simulator->workload,
                                  .quit = quit,
                                  .quit_context = simulator};
    return control_api_init(&simulator->control, &parts, error);
}

static bool listen_all(struct simulator *simulator, const struct options *options,
                       struct error *error)
{
    const struct api_definition *definitions[API_COUNT] = {
        [API_GITEA] = simulator->gitea != NULL ? gitea_api_definition(simulator->gitea) : NULL,
        [API_HETZNER] =
            simulator->hetzner != NULL ? hetzner_api_definition(simulator->hetzner) : NULL,
        [API_KUBE] = simulator->kube != NULL ? kube_api_definition(simulator->kube) : NULL,
        [API_CONTROL] = control_api_definition(simulator->control)};
    for (int api = 0; api < API_COUNT; api++) {
        if (definitions[api] == NULL)
            continue;
        if (!server_listen(simulator->server, (enum api)api, definitions[api], options->port[api],
                           &options->tokens[api], error))
            return false;
        log_info("%s listens on http://127.0.0.1:%u", api_name((enum api)api),
                 (unsigned)server_port(simulator->server, (enum api)api));
    }
    return true;
}

/* For scripts: one line of JSON with the port of each API that listens. */
static bool write_ports(const struct simulator *simulator, const char *path, struct error *error)
{
    if (path == NULL)
        return true;
    json_t *ports = json_object();
    for (int api = 0; api < API_COUNT; api++) {
        uint16_t port = server_port(simulator->server, (enum api)api);
        if (port != 0)
            (void)json_object_set_new(ports, api_name((enum api)api), json_integer(port));
    }
    bool written = ports != NULL && json_dump_file(ports, path, JSON_COMPACT) == 0;
    json_decref(ports);
    return written || error_set_errno(error, errno, "the ports cannot be written to %s", path);
}

static bool start_events(struct simulator *simulator, struct error *error)
{
    struct timeval every = {.tv_usec = TICK_MS * 1000};
    simulator->ticker = event_new(simulator->base, -1, EV_PERSIST, tick, simulator);
    simulator->terminate = evsignal_new(simulator->base, SIGTERM, end, simulator);
    simulator->interrupt = evsignal_new(simulator->base, SIGINT, end, simulator);
    if (simulator->ticker == NULL || simulator->terminate == NULL || simulator->interrupt == NULL ||
        event_add(simulator->ticker, &every) != 0 || event_add(simulator->terminate, NULL) != 0 ||
        event_add(simulator->interrupt, NULL) != 0)
        return error_set(error, "no memory for the event loop");
    return true;
}

static bool simulator_init(struct simulator *simulator, struct options *options,
                           struct error *error)
{
    options->world.start_ms = clock_wall_ms();
    options->world.nodes = options->world.nodes && !options->without[API_KUBE];
    options->world.runners = options->world.runners && !options->without[API_GITEA];
    simulator->base = event_base_new();
    if (simulator->base == NULL)
        return error_set(error, "no memory for the event loop");
    simulator->world = world_new(&options->world);
    return hooks_init(&simulator->hooks, simulator->base, simulator->world, options->boot_hook,
                      options->delete_hook, error) &&
           workload_init(&simulator->workload, simulator->world, options->workload_path,
                         options->workload_rate, options->workload_job_ms, error) &&
           faults_init(&simulator->faults, error) &&
           watch_init(&simulator->watch, simulator->world, simulator->faults, error) &&
           server_init(&simulator->server, simulator->base, simulator->world, simulator->faults,
                       options->log_path, error) &&
           (watch_serves(simulator->watch, simulator->server), true) &&
           make_apis(simulator, options, error) && listen_all(simulator, options, error) &&
           write_ports(simulator, options->ports_file, error) && start_events(simulator, error);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

static void simulator_free(struct simulator *simulator)
{
    gitea_webhooks_free(simulator->webhooks);
    server_free(simulator->server);
    control_api_free(simulator->control);
    kube_api_free(simulator->kube);
    hetzner_api_free(simulator->hetzner);
    gitea_api_free(simulator->gitea);
    faults_free(simulator->faults);
    hooks_free(simulator->hooks);
    workload_free(simulator->workload);
    world_free(simulator->world);
    watch_free(simulator->watch);
    free_event(simulator->ticker);
    free_event(simulator->terminate);
    free_event(simulator->interrupt);
    if (simulator->base != NULL)
        event_base_free(simulator->base);
}

int main(int count, char **words)
{
    static struct options options;
    static struct simulator simulator;
    struct error error = {{0}};
    log_init("simulator", LOG_INFO_LEVEL);
    signal(SIGPIPE, SIG_IGN);
    if (!options_read(&options, count, words, &error))
        log_fatal("%s", error.text);
    if (options.help) {
        options_help(stdout);
        return EXIT_SUCCESS;
    }
    if (!simulator_init(&simulator, &options, &error))
        log_fatal("%s", error.text);
    event_base_dispatch(simulator.base);
    struct world_summary summary;
    world_summary(simulator.world, &summary);
    summary_print(&summary, stdout);
    watch_print(simulator.watch, stdout);
    simulator_free(&simulator);
    return EXIT_SUCCESS;
}
