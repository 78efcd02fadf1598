/* The world as the APIs show it, in the messages' structs: what pollers and the actuator's looks
 * would have decoded. Everything that may vanish from the world is copied into an arena.
 * May not: decide when, or what goes wrong. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "sim.h"

#define PICTURE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define PRESENT_MAX       2048 /* a name for each runner, server or node */

static void *take(struct arena *arena, size_t bytes)
{
    void *piece = arena_take(arena, bytes);
    if (piece == NULL)
        sim_die("out of memory for a picture");
    return piece;
}

const char *show_text(struct arena *arena, const char *text)
{
    size_t length = strlen(text);
    char *copy = take(arena, length + 1);
    memcpy(copy, text, length + 1);
    return copy;
}

/* ----------------------------------------------------------------------------------- storage */

/* Arenas are used again: a run makes tens of thousands of pictures. */
#define SPARE_MAX 16
static struct picture *spare[SPARE_MAX];
static uint32_t spare_count;

struct picture *picture_new(enum source source)
{
    struct picture *picture;
    if (spare_count > 0) {
        picture = spare[--spare_count];
        arena_reset(picture->arena);
    } else {
        picture = sim_alloc(sizeof *picture);
        picture->arena = arena_new(PICTURE_BYTES_MAX);
        picture->present = sim_alloc(PRESENT_MAX * sizeof picture->present[0]);
        if (picture->arena == NULL)
            sim_die("out of memory");
    }
    picture->source = source;
    picture->holders = 1;
    picture->present_count = 0;
    picture->parent = NULL;
    memset(&picture->u, 0, sizeof picture->u);
    return picture;
}

void picture_drop(struct picture *picture)
{
    if (picture == NULL || --picture->holders > 0)
        return;
    picture_drop(picture->parent);
    picture->parent = NULL;
    if (spare_count < SPARE_MAX) {
        spare[spare_count++] = picture;
        return;
    }
    arena_free(picture->arena);
    free(picture->present);
    free(picture);
}

void picture_note_present(struct picture *picture, const char *name)
{
    if (picture->present_count == PRESENT_MAX)
        sim_die("more runners of ours in a list than the judge expects");
    picture->present[picture->present_count++] = name_hash(name);
}

/* ----------------------------------------------------------------------------------- Hetzner */

bool is_managed(const struct world_map *labels)
{
    for (uint32_t i = 0; i < labels->count; i++)
        if (strcmp(labels->pairs[i].key, SERVER_LABEL_MANAGED) == 0)
            return strcmp(labels->pairs[i].value, SERVER_LABEL_MANAGED_VALUE) == 0;
    return false;
}

static enum server_status status_of(enum world_server_status status)
{
    static const enum server_status shown[WORLD_SERVER_STATUS_COUNT] = {
        [WORLD_SERVER_INITIALIZING] = SERVER_INITIALIZING,
        [WORLD_SERVER_STARTING] = SERVER_STARTING,
        [WORLD_SERVER_RUNNING] = SERVER_RUNNING,
        [WORLD_SERVER_STOPPING] = SERVER_STOPPING,
        [WORLD_SERVER_OFF] = SERVER_OFF,
        [WORLD_SERVER_DELETING] = SERVER_DELETING,
    };
    return shown[status];
}

void show_server(struct arena *arena, const struct world_server *from, struct hetzner_server *to)
{
    struct label *labels = take(arena, (from->labels.count + 1) * sizeof *labels);
    for (uint32_t i = 0; i < from->labels.count; i++) {
        labels[i].key = show_text(arena, from->labels.pairs[i].key);
        labels[i].value = show_text(arena, from->labels.pairs[i].value);
    }
    *to = (struct hetzner_server){
        .id = from->id,
        .name = show_text(arena, from->name),
        .status = status_of(from->status),
        .created_ms = from->created_ms,
        .server_type = from->type->name,
        .location = from->location->name,
        .labels = labels,
        .labels_count = from->labels.count,
        .create_failed = from->create_failed,
    };
}

/* What the label selector of the configuration finds. */
static bool is_selected(const struct sim *sim, const struct world_map *labels)
{
    bool cluster = false;
    for (uint32_t i = 0; i < labels->count; i++)
        if (strcmp(labels->pairs[i].key, SERVER_LABEL_CLUSTER) == 0)
            cluster = strcmp(labels->pairs[i].value, sim->config->cluster) == 0;
    return cluster && is_managed(labels);
}

uint32_t fill_servers(struct sim *sim, struct arena *arena, struct hetzner_server **to)
{
    uint32_t count = 0;
    *to = take(arena, (world_server_count(sim->world) + 1) * sizeof **to);
    for (size_t i = 0; i < world_server_count(sim->world); i++) {
        const struct world_server *server = world_server_at(sim->world, i);
        if (is_selected(sim, &server->labels))
            show_server(arena, server, &(*to)[count++]);
    }
    return count;
}

uint32_t show_prices(struct arena *arena, struct hetzner_price **to)
{
    size_t types, places;
    const struct world_server_type *type = world_server_types(&types);
    const struct world_location *place = world_locations(&places);
    uint32_t count = 0;
    *to = take(arena, types * places * sizeof **to);
    for (size_t t = 0; t < types; t++)
        for (size_t p = 0; p < places; p++) {
            if ((type[t].location_bits >> p & 1u) == 0)
                continue;
            (*to)[count++] = (struct hetzner_price){
                .server_type = type[t].name,
                .location = place[p].name,
                .hourly_micro = (uint64_t)type[t].hour_microeuro,
                .monthly_micro = (uint64_t)type[t].month_microeuro,
            };
        }
    return count;
}

/* --------------------------------------------------------------------------------- Kubernetes */

void show_node(struct arena *arena, const struct world_node *from, struct kube_node *to)
{
    *to = (struct kube_node){
        .uid = show_text(arena, from->uid),
        .name = show_text(arena, from->name),
        .provider_id = show_text(arena, from->provider_id),
        .created_ms = from->created_ms,
        .ready = from->ready,
        .unschedulable = from->unschedulable,
        .fence_note = "",
    };
    for (uint32_t i = 0; i < from->taint_count; i++)
        if (strcmp(from->taints[i].key, NODE_TAINT_DRAIN) == 0 &&
            strcmp(from->taints[i].effect, "NoExecute") == 0)
            to->evicting = true;
    for (uint32_t i = 0; i < from->annotations.count; i++)
        if (strcmp(from->annotations.pairs[i].key, NODE_ANNOTATION_FENCE) == 0)
            to->fence_note = show_text(arena, from->annotations.pairs[i].value);
}

bool is_runner_pod(const struct world_pod *pod)
{
    return pod->is_runner;
}

void show_pod(struct arena *arena, const struct world_pod *from, struct kube_pod *to)
{
    static const enum pod_phase shown[] = {
        [WORLD_POD_PENDING] = POD_PENDING,
        [WORLD_POD_RUNNING] = POD_RUNNING,
        [WORLD_POD_SUCCEEDED] = POD_SUCCEEDED,
        [WORLD_POD_FAILED] = POD_FAILED,
    };
    *to = (struct kube_pod){
        .uid = show_text(arena, from->uid),
        .namespace_name = show_text(arena, from->namespace_name),
        .name = show_text(arena, from->name),
        .node_name = show_text(arena, from->node_name),
        .phase = shown[from->phase],
        .ready = from->ready,
        .terminating = from->deletion_ms != 0,
        .created_ms = from->created_ms,
    };
}

/* -------------------------------------------------------------------------------------- Gitea */

/* A runner's struct and a job's live as long as the world. */
/* Counts what a list says that is not so. */
static void note_runner(struct sim *sim, const struct world_runner *runner, bool online, bool busy)
{
    uint64_t *condition = sim->counts.condition;
    bool job = runner->job_id != 0;
    bool dead = runner->server_id != 0 && !runner->daemon;
    condition[CONDITION_BUSY_FALSE] += job && !busy;
    condition[CONDITION_BUSY_STILL] += !job && busy;
    condition[CONDITION_ONLINE_DEAD] += dead && online;
}

void show_runner(struct sim *sim, struct arena *arena, const struct world_runner *from,
                 struct gitea_runner *to)
{
    const char **labels = take(arena, (from->labels.count + 1) * sizeof *labels);
    for (uint32_t i = 0; i < from->labels.count; i++)
        labels[i] = from->labels.items[i];
    *to = (struct gitea_runner){
        .id = from->id,
        .name = from->name,
        .online = world_runner_online(sim->world, from),
        .busy = world_runner_busy(sim->world, from),
        .disabled = from->disabled,
        .ephemeral = from->ephemeral,
        .labels = labels,
        .labels_count = from->labels.count,
    };
    note_runner(sim, from, to->online, to->busy);
}

void show_job(struct sim *sim, struct arena *arena, const struct world_job *from,
              struct gitea_job *to)
{
    const struct world_runner *runner =
        from->status == WORLD_JOB_RUNNING ? world_runner_find(sim->world, from->runner_id) : NULL;
    sim->counts.condition[CONDITION_JOB_LOST] +=
        from->status == WORLD_JOB_RUNNING && (runner == NULL || !runner->registered);
    sim->counts.condition[CONDITION_OFFLINE_JOB] +=
        runner != NULL && runner->registered && !world_runner_online(sim->world, runner);
    const char **labels = take(arena, (from->labels.count + 1) * sizeof *labels);
    for (uint32_t i = 0; i < from->labels.count; i++)
        labels[i] = from->labels.items[i];
    *to = (struct gitea_job){
        .id = from->id,
        .run_id = from->run_id,
        .status = from->status == WORLD_JOB_RUNNING  ? JOB_RUNNING
                  : from->status == WORLD_JOB_QUEUED ? JOB_RUNNABLE
                                                     : JOB_BLOCKED,
        .labels = labels,
        .labels_count = from->labels.count,
        .name = from->name,
        .repository = "acme/app",
        .created_ms = from->created_ms,
        .started_ms = from->started_ms,
        .runner_id = from->status == WORLD_JOB_RUNNING ? from->runner_id : 0,
        .runner_name = from->status == WORLD_JOB_RUNNING ? show_text(arena, from->runner_name) : "",
    };
}
