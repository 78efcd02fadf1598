/* The small world of the core's tests. */
#include "core_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "proto/message.h"

/* A snapshot with copies of its lists: freed whole when the core hands it back. */
struct held {
    union {
        struct gitea_snapshot gitea;
        struct hetzner_snapshot hetzner;
        struct kube_snapshot kube;
    } u;
    struct gitea_job job[WORLD_MAX];
    struct gitea_runner runner[WORLD_MAX];
    struct hetzner_server server[WORLD_MAX];
    struct kube_node node[WORLD_MAX];
    struct kube_pod pod[WORLD_MAX];
};

static void *some(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        abort();
    return memory;
}

void world_configure(struct world *world, const char *path, const char *value)
{
    struct error error;
    if (!config_set(world->config, path, value, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

struct world *world_new(void)
{
    static const char *const settings[][2] = {
        {"mode", "act"},
        {"pools[0].name", "linux"},
        {"pools[0].label_sets[0]", "[linux]"},
        {"pools[0].offers[0].server_type", "ccx33"},
        {"pools[0].offers[0].location", "nbg1"},
    };
    struct world *world = some(sizeof *world);
    world->config = config_new();
    world->out = some(sizeof *world->out);
    world->mono_ms = 1000000;
    world->wall_ms = WORLD_START_MS;
    world->next_id = 1;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        world_configure(world, settings[i][0], settings[i][1]);
    return world;
}

static void end_core(struct world *world)
{
    void *owners[3] = {NULL};
    if (world->core == NULL)
        return;
    core_end(world->core, owners);
    for (unsigned i = 0; i < 3; i++)
        free(owners[i]);
    free(world->core);
    world->core = NULL;
}

void world_free(struct world *world)
{
    end_core(world);
    config_free(world->config);
    free(world->out);
    free(world);
}

static void keep_actions(struct world *world)
{
    for (uint32_t i = 0; i < world->out->action_count && world->actions < WORLD_ACTIONS; i++) {
        const struct core_action *from = &world->out->action[i];
        struct world_action *to = &world->action[world->actions++];
        *to = (struct world_action){.id = from->action.id,
                                    .kind = from->action.kind,
                                    .reason = from->action.reason,
                                    .force = from->action.force,
                                    .runners = from->action.runners_count};
        snprintf(to->node, sizeof to->node, "%s", from->action.node.name);
        snprintf(to->pool, sizeof to->pool, "%s", from->action.node.pool);
        snprintf(to->label_id, sizeof to->label_id, "%s", from->label_id);
        snprintf(to->location, sizeof to->location, "%s", from->action.location);
        for (uint32_t r = 0; r < to->runners; r++)
            to->runner[r] = from->action.runners[r].id;
    }
}

void world_step(struct world *world, struct core_event *event)
{
    event->mono_ms = world->mono_ms;
    event->wall_ms = world->wall_ms + world->skew_ms;
    if (world->before != NULL)
        world->before(event, world->argument);
    core_step(world->core, event, world->out);
    if (world->after != NULL)
        world->after(event, world->argument);
    free(world->out->released);
    keep_actions(world);
}

void world_start(struct world *world, const struct checkpoint *checkpoint)
{
    struct actuator_state state = {.epoch = world->epoch};
    end_core(world);
    world->core = core_init(some(core_size(world->config)), world->config, ++world->epoch);
    world_step(world, &(struct core_event){.kind = CORE_CHECKPOINT, .u.checkpoint = checkpoint});
    world_step(world,
               &(struct core_event){.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state});
}

static struct snapshot_head head_now(struct world *world)
{
    return (struct snapshot_head){.sequence = ++world->sequence,
                                  .began_mono_ms = world->mono_ms,
                                  .ended_mono_ms = world->mono_ms,
                                  .wall_ms = world->wall_ms + world->skew_ms,
                                  .api_ms = world->wall_ms / 1000 * 1000,
                                  .requests = 1};
}

static const struct hetzner_price prices[] = {
    {.server_type = "ccx33", .location = "nbg1", .hourly_micro = 100000},
    {.server_type = "ccx33", .location = "fsn1", .hourly_micro = 100000},
};

void world_feed(struct world *world, enum source source)
{
    struct held *held = some(sizeof *held);
    struct core_event event = {.owner = held};
    memcpy(held->job, world->job, sizeof held->job);
    memcpy(held->runner, world->runner, sizeof held->runner);
    memcpy(held->server, world->server, sizeof held->server);
    memcpy(held->node, world->node, sizeof held->node);
    memcpy(held->pod, world->pod, sizeof held->pod);
    if (source == SOURCE_GITEA) {
        held->u.gitea = (struct gitea_snapshot){.head = head_now(world),
                                                .version = "1.26.0",
                                                .jobs = held->job,
                                                .jobs_count = world->jobs,
                                                .runners = held->runner,
                                                .runners_count = world->runners};
        event.kind = CORE_GITEA;
        event.u.gitea = &held->u.gitea;
    } else if (source == SOURCE_HETZNER) {
        held->u.hetzner = (struct hetzner_snapshot){.head = head_now(world),
                                                    .currency = "EUR",
                                                    .servers = held->server,
                                                    .servers_count = world->servers,
                                                    .prices = prices,
                                                    .prices_count = 2};
        event.kind = CORE_HETZNER;
        event.u.hetzner = &held->u.hetzner;
    } else {
        held->u.kube = (struct kube_snapshot){.head = head_now(world),
                                              .nodes = held->node,
                                              .nodes_count = world->nodes,
                                              .pods = held->pod,
                                              .pods_count = world->pods};
        event.kind = CORE_KUBE;
        event.u.kube = &held->u.kube;
    }
    world_step(world, &event);
}

void world_poll(struct world *world)
{
    world->mono_ms += WORLD_POLL_MS;
    world->wall_ms += WORLD_POLL_MS;
    world_feed(world, SOURCE_HETZNER);
    world_feed(world, SOURCE_KUBE);
    world_feed(world, SOURCE_GITEA);
}

void world_run(struct world *world, int64_t ms)
{
    for (; ms > 0; ms -= WORLD_POLL_MS)
        world_poll(world);
}

/* A text that lives as long as the program: tests are small. */
static const char *keep(const char *before, const char *word)
{
    static char texts[4096][WORLD_NAME];
    static unsigned next;
    char *text = texts[next++ % 4096];
    int length = snprintf(text, WORLD_NAME, "%s%s", before, word);
    if (length < 0 || length >= WORLD_NAME)
        abort(); /* two names that were cut could be one */
    return text;
}

uint32_t world_job(struct world *world, enum job_status status, const char *label,
                   uint64_t runner_id)
{
    static const char *store[4096][1]; /* snapshots that the core still holds point at them */
    static unsigned next;
    const char **labels = store[next++ % 4096];
    labels[0] = keep("", label);
    world->job[world->jobs] = (struct gitea_job){.id = world->next_id++,
                                                 .status = status,
                                                 .labels = labels,
                                                 .labels_count = 1,
                                                 .name = "build",
                                                 .repository = "acme/app",
                                                 .runner_id = runner_id,
                                                 .runner_name = ""};
    return world->jobs++;
}

/* What a runner of this pool's machines can do: all that the pool serves. */
static const char *const *labels_of(const struct world *world, const char *pool, uint32_t *count)
{
    static const char *store[256][8];
    static unsigned next;
    const char **labels = store[next++ % 256];
    const struct config_pool *row = world->config->pools;
    while (strcmp(row->name, pool) != 0)
        if (++row == world->config->pools + world->config->pools_count)
            abort();
    *count = 0;
    for (uint32_t i = 0; i < row->label_sets_count; i++)
        for (uint32_t k = 0; k < row->label_sets[i].label_count && *count < 8; k++)
            labels[(*count)++] = keep("", row->label_sets[i].label[k]);
    return labels;
}

uint64_t world_join(struct world *world, const struct world_action *create)
{
    const char *name = keep("", create->node);
    const char *pod = keep("runner-", create->node);
    world->node[world->nodes++] = (struct kube_node){.uid = keep("uid-", create->node),
                                                     .name = name,
                                                     .provider_id = "",
                                                     .ready = true,
                                                     .fence_note = ""};
    world->pod[world->pods++] = (struct kube_pod){.uid = keep("pod-", create->node),
                                                  .namespace_name = "gitea-runners",
                                                  .name = pod,
                                                  .node_name = name,
                                                  .phase = POD_RUNNING,
                                                  .ready = true};
    uint32_t count;
    const char *const *labels = labels_of(world, create->pool, &count);
    world->runner[world->runners++] = (struct gitea_runner){.id = world->next_id++,
                                                            .name = pod,
                                                            .online = true,
                                                            .labels = labels,
                                                            .labels_count = count};
    return world->runner[world->runners - 1].id;
}

struct gitea_runner *world_runner(struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->runners; i++)
        if (world->runner[i].id == id)
            return &world->runner[i];
    return NULL;
}

void world_unlist_server(struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->servers; i++)
        if (strcmp(world->server[i].name, name) == 0)
            world->server[i] = world->server[--world->servers];
}

void world_unlist_node(struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->nodes; i++)
        if (strcmp(world->node[i].name, name) == 0)
            world->node[i] = world->node[--world->nodes];
    for (uint32_t i = 0; i < world->pods; i++)
        if (strcmp(world->pod[i].node_name, name) == 0)
            world->pod[i] = world->pod[--world->pods];
}

void world_unlist_runner(struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->runners; i++)
        if (world->runner[i].id == id)
            world->runner[i] = world->runner[--world->runners];
}

void world_unlist_jobs(struct world *world)
{
    world->jobs = 0;
}

struct world_action *world_last(struct world *world, enum action_kind kind)
{
    for (uint32_t i = world->actions; i-- > 0;)
        if (world->action[i].kind == kind)
            return &world->action[i];
    return NULL;
}

uint32_t world_count(const struct world *world, enum action_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->actions; i++)
        count += world->action[i].kind == kind;
    return count;
}

static struct hetzner_server *list_server(struct world *world, const struct world_action *create)
{
    static struct label store[1024][4];
    static unsigned next;
    struct label *label = store[next++ % 1024];
    label[0] = (struct label){SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE};
    label[1] = (struct label){SERVER_LABEL_CLUSTER, "default"};
    label[2] = (struct label){SERVER_LABEL_POOL, keep("", create->pool)};
    label[3] = (struct label){SERVER_LABEL_ID, keep("", create->label_id)};
    world->server[world->servers] = (struct hetzner_server){.id = world->next_id++,
                                                            .name = keep("", create->node),
                                                            .status = SERVER_RUNNING,
                                                            .created_ms = world->wall_ms,
                                                            .server_type = "ccx33",
                                                            .location = "nbg1",
                                                            .labels = label,
                                                            .labels_count = 4};
    return &world->server[world->servers++];
}

void world_answer(struct world *world, struct world_action *action, enum outcome outcome,
                  enum trouble trouble)
{
    struct action_result result = {.id = action->id,
                                   .kind = action->kind,
                                   .outcome = outcome,
                                   .trouble = trouble,
                                   .text = "so it was"};
    action->answered = true;
    if (action->kind == ACTION_CREATE_SERVER && outcome == OUTCOME_DONE) {
        const struct hetzner_server *server = list_server(world, action);
        result.server_id = server->id;
        result.created_ms = server->created_ms;
    }
    world_step(world, &(struct core_event){.kind = CORE_RESULT, .u.result = &result});
}

uint64_t world_serve(struct world *world, struct world_action *create)
{
    world_answer(world, create, OUTCOME_DONE, TROUBLE_NONE);
    uint64_t runner = world_join(world, create);
    world_poll(world);
    return runner;
}

const struct status_node *world_node(const struct world *world)
{
    return world->out->status->nodes_count > 0 ? &world->out->status->nodes[0] : NULL;
}

bool world_alarm(const struct world *world, enum alarm_kind kind)
{
    for (uint32_t i = 0; i < world->out->status->alarms_count; i++)
        if (world->out->status->alarms[i].kind == kind)
            return true;
    return false;
}

struct world *world_begin(const char *path, const char *value)
{
    struct world *world = world_new();
    world_configure(world, path, value);
    world_start(world, NULL);
    world_poll(world);
    return world;
}

enum node_state world_state(const struct world *world, uint32_t index)
{
    const struct status *status = world->out->status;
    return index < status->nodes_count ? status->nodes[index].state : node_state_count;
}

void world_advance(struct world *world, int64_t ms)
{
    world->mono_ms += ms;
    world->wall_ms += ms;
}

void world_serve_many(struct world *world, uint32_t count, uint64_t *runner)
{
    for (uint32_t i = 0; i < count; i++)
        world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    for (uint32_t i = 0; i < count; i++)
        runner[i] = world_serve(world, &world->action[i]);
    world_unlist_jobs(world);
}

void world_restart(struct world *world)
{
    struct checkpoint copy = *world->out->checkpoint;
    struct error error;
    copy.sequence = 1;
    struct message *message = message_copy(MESSAGE_checkpoint, &copy, &error);
    if (message == NULL)
        abort();
    world_start(world, message_checkpoint(message));
    message_free(message);
}
