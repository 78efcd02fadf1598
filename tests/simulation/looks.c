/* The actuator's fresh looks (actuator/look.h, at link time): each comes after a while, and shows
 * the world as it is then, or fails. May not: judge, change the world. */
#include "actuator/look.h"

#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "sim.h"

static void next_look(struct work *work);

bool look_is_gone(enum source source, const struct api_trouble *trouble)
{
    static const char *const codes[source_count] = {
        [SOURCE_GITEA] = "", [SOURCE_HETZNER] = "not_found", [SOURCE_KUBE] = "NotFound"};
    return trouble->gone && strcmp(trouble->code, codes[source]) == 0;
}

struct gitea_scope_name look_scope(const struct work *work)
{
    const struct config_gitea *gitea = &work->actuator->config->gitea;
    return (struct gitea_scope_name){.scope = gitea->scope, .name = gitea->scope_name};
}

/* ------------------------------------------------------------------------------ what is shown */

static void see_server(struct work *work)
{
    const struct world *world = sim_now->world;
    uint64_t id = work->action->node.server_id;
    const struct world_server *server = id != 0 ? world_server_find(world, id) : NULL;
    if (server == NULL)
        server = world_server_named(world, work->action->node.name);
    work->facts.server_found = server != NULL;
    if (server != NULL)
        show_server(work->facts.arena, server, &work->facts.server);
}

static void see_servers(struct work *work)
{
    struct hetzner_server_list *list = &work->facts.servers;
    struct hetzner_server *servers;
    list->count = fill_servers(sim_now, work->facts.arena, &servers);
    list->item = sim_alloc((list->count + 1) * sizeof *list->item);
    memcpy(list->item, servers, list->count * sizeof *list->item);
}

static void see_prices(struct work *work)
{
    struct actuator *actuator = work->actuator;
    struct hetzner_price *prices;
    work->facts.prices = &actuator->prices;
    if (actuator->prices.count > 0)
        return;
    actuator->prices.count = show_prices(actuator->price_arena, &prices);
    actuator->prices.item = sim_alloc((actuator->prices.count + 1) * sizeof *prices);
    memcpy(actuator->prices.item, prices, actuator->prices.count * sizeof *prices);
}

/* As simulated nodes bear kube.node_label, whose default is what servers bear. */
static bool is_marked(const struct world_map *labels)
{
    for (uint32_t i = 0; i < labels->count; i++)
        if (strcmp(labels->pairs[i].key, SERVER_LABEL_MANAGED) == 0)
            return strcmp(labels->pairs[i].value, SERVER_LABEL_MANAGED_VALUE) == 0;
    return false;
}

static void see_node(struct work *work)
{
    struct kube_node_detail *detail = &work->facts.node;
    struct arena *arena = work->facts.arena;
    const struct world_node *node = world_node_named(sim_now->world, work->action->node.name);
    char version[24];
    work->facts.node_found = node != NULL;
    if (node == NULL)
        return;
    show_node(arena, node, &detail->node);
    snprintf(version, sizeof version, "%llu", (unsigned long long)node->resource_version);
    detail->resource_version = show_text(arena, version);
    detail->labelled = is_marked(&node->labels);
    detail->taint_count = node->taint_count;
    detail->taint = arena_take(arena, (node->taint_count + 1) * sizeof *detail->taint);
    for (uint32_t i = 0; i < node->taint_count; i++)
        detail->taint[i] = (struct kube_taint){.key = show_text(arena, node->taints[i].key),
                                               .value = show_text(arena, node->taints[i].value),
                                               .effect = show_text(arena, node->taints[i].effect)};
}

static void see_node_pods(struct work *work)
{
    static const char *const kinds[] = {[WORLD_OWNER_NONE] = "",
                                        [WORLD_OWNER_DAEMONSET] = "DaemonSet",
                                        [WORLD_OWNER_REPLICASET] = "ReplicaSet",
                                        [WORLD_OWNER_MIRROR] = "Node"};
    const struct world *world = sim_now->world;
    struct kube_pod_detail_list *list = &work->facts.pods;
    list->item = sim_alloc((world_pod_count(world) + 1) * sizeof *list->item);
    for (size_t i = 0; work->facts.node_found && i < world_pod_count(world); i++) {
        const struct world_pod *pod = world_pod_at(world, i);
        if (strcmp(pod->node_name, work->action->node.name) != 0)
            continue;
        struct kube_pod_detail *detail = &list->item[list->count++];
        show_pod(work->facts.arena, pod, &detail->pod);
        detail->owner_kind = kinds[pod->owner];
        detail->owner_name = show_text(work->facts.arena, pod->owner_name);
        detail->mirror = pod->owner == WORLD_OWNER_MIRROR;
        detail->finished = pod->phase == WORLD_POD_SUCCEEDED || pod->phase == WORLD_POD_FAILED;
        detail->runner = pod->is_runner;
    }
}

static void see_runner_pods(struct work *work)
{
    const struct world *world = sim_now->world;
    struct kube_pod_list *list = &work->facts.runner_pods;
    if (work->actuator->config->gitea.runner_match != MATCH_POD_NAME)
        return;
    list->item = sim_alloc((world_pod_count(world) + 1) * sizeof *list->item);
    for (size_t i = 0; i < world_pod_count(world); i++)
        if (is_runner_pod(world_pod_at(world, i)))
            show_pod(work->facts.arena, world_pod_at(world, i), &list->item[list->count++]);
}

static void see_version(struct work *work)
{
    struct actuator *actuator = work->actuator;
    snprintf(actuator->gitea_version, sizeof actuator->gitea_version, "%s",
             sim_now->fence_exists ? "1.26.0" : "1.25.4");
    work->facts.gitea_version = actuator->gitea_version;
}

static void see_jobs(struct work *work)
{
    struct sim *sim = sim_now;
    struct gitea_job_list *list = &work->facts.jobs;
    list->item = sim_alloc((sim->open_jobs + 1) * sizeof *list->item);
    for (uint32_t i = 0; i < sim->open_jobs; i++) {
        const struct world_job *job = world_job_find(sim->world, sim->open_job[i]);
        if (job->status == WORLD_JOB_RUNNING)
            show_job(sim, work->facts.arena, job, &list->item[list->count++]);
    }
}

static void see_runners(struct work *work)
{
    struct sim *sim = sim_now;
    struct gitea_runner_list *list = &work->facts.runners;
    size_t count = world_runner_count(sim->world);
    list->item = sim_alloc((count + 1) * sizeof *list->item);
    for (size_t i = 0; i < count; i++)
        show_runner(sim, work->facts.arena, world_runner_at(sim->world, i),
                    &list->item[list->count++]);
}

/* ---------------------------------------------------------------------------------- the order */

static const struct {
    enum look look;
    enum source source;
    void (*see)(struct work *work);
    const char *doing;
} order[] = {
    {LOOK_SERVER, SOURCE_HETZNER, see_server, "look at the server"},
    {LOOK_SERVERS, SOURCE_HETZNER, see_servers, "list the servers"},
    {LOOK_PRICES, SOURCE_HETZNER, see_prices, "read the prices"},
    {LOOK_NODE, SOURCE_KUBE, see_node, "look at the Kubernetes node"},
    {LOOK_NODE_PODS, SOURCE_KUBE, see_node_pods, "list the pods on the node"},
    {LOOK_RUNNER_PODS, SOURCE_KUBE, see_runner_pods, "list the runner pods"},
    {LOOK_GITEA_VERSION, SOURCE_GITEA, see_version, "ask Gitea's version"},
    {LOOK_JOBS, SOURCE_GITEA, see_jobs, "list the jobs in progress"},
    {LOOK_RUNNERS, SOURCE_GITEA, see_runners, "list the runners"},
};

static void fail(struct work *work, enum source source, enum trouble trouble, const char *doing)
{
    struct api_trouble out = {.trouble = trouble};
    work->call_source = source;
    work->call_writes = false;
    (void)error_set(&out.error, "cannot %s: drawn", doing);
    work_fail(work, &out);
}

/* The answer to the look that comes next in the order has arrived. */
static void answered(struct work *work)
{
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if ((work->looks & (unsigned)order[i].look) == 0)
            continue;
        enum trouble trouble = fate_trouble(sim_fate(sim_now, order[i].source, false));
        if (trouble != TROUBLE_NONE) {
            fail(work, order[i].source, trouble, order[i].doing);
            return;
        }
        (void)sim_world_ms(sim_now);
        order[i].see(work);
        work->facts.looked |= order[i].look;
        work->looks &= ~(unsigned)order[i].look;
        break;
    }
    next_look(work);
}

static void next_look(struct work *work)
{
    sim_now->counts.requests++;
    if (work->looks != 0)
        work_pause(work, sim_latency_ms(sim_now), answered);
    else
        work->after_looks(work);
}

void work_look(struct work *work, unsigned looks, work_step after)
{
    facts_forget(&work->facts, looks);
    work->looks = looks;
    work->after_looks = after;
    next_look(work);
}
