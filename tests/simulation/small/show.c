/* Pictures: what a source shows of the land, put aside in the tiny world's own form, and built into
 * a snapshot when the core is given it. May not: step the core. */
#include <stdarg.h>
#include <string.h>

#include "common/names.h"
#include "tests/simulation/small/tiny.h"

/* ------------------------------------------------------------------------------ what is shown */

static struct tiny_runner shown_runner(const struct tiny *tiny, const struct tiny_runner *runner)
{
    bool works = runner_works(tiny, runner);
    bool worked = runner->worked_ms != 0 && tiny->mono_ms - runner->worked_ms < BUSY_MS;
    if (runner->id == 0)
        return (struct tiny_runner){0};
    /* The worst that busy does: it reads false all the time that a job runs. */
    return (struct tiny_runner){.id = runner->id,
                                .pod = runner->pod,
                                .disabled = runner->disabled,
                                .online = runner_online(tiny, runner),
                                .busy = worked && !works};
}

static void show_gitea(const struct tiny *tiny, struct tiny_land *land)
{
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        for (unsigned r = 0; r < TINY_RUNNERS; r++)
            if (tiny->land.slot[s].runner[r].id != 0) {
                land->slot[s].name = tiny->land.slot[s].name;
                land->slot[s].runner[r] = shown_runner(tiny, &tiny->land.slot[s].runner[r]);
            }
    memcpy(land->job, tiny->land.job, sizeof land->job);
}

static void show_hetzner(const struct tiny_slot *from, struct tiny_slot *to)
{
    if (from->server == 0)
        return;
    to->name = from->name;
    to->epoch = from->epoch;
    to->counter = from->counter;
    to->server = from->server;
    to->failed = from->failed;
    to->created_ms = from->created_ms;
    to->server_note = from->server_note;
    if (from->server_note)
        memcpy(to->noted, from->noted, sizeof to->noted);
}

static void show_kube(const struct tiny_slot *from, struct tiny_slot *to)
{
    if (!from->node)
        return;
    to->name = from->name;
    to->node = true;
    to->server = from->server;
    to->evicting = from->evicting;
    to->pod = from->pod;
    to->node_note = from->node_note;
    if (from->node_note)
        memcpy(to->noted, from->noted, sizeof to->noted);
}

static void show(const struct tiny *tiny, enum source source, struct tiny_land *land)
{
    memset(land, 0, sizeof *land);
    if (source == SOURCE_GITEA)
        show_gitea(tiny, land);
    for (unsigned s = 0; s < TINY_SLOTS && source != SOURCE_GITEA; s++) {
        if (source == SOURCE_HETZNER)
            show_hetzner(&tiny->land.slot[s], &land->slot[s]);
        else
            show_kube(&tiny->land.slot[s], &land->slot[s]);
    }
}

void show_take(const struct tiny *tiny, enum source source, struct tiny_picture *picture)
{
    memset(picture, 0, sizeof *picture);
    picture->there = true;
    picture->began_ms = picture->ended_ms = tiny->mono_ms;
    picture->wall_ms = tiny_wall_ms(tiny);
    picture->api_ms = tiny_api_ms(tiny);
    show(tiny, source, &picture->land);
}

void show_before_change(struct tiny *tiny, const struct tiny_land *before)
{
    static struct tiny was;
    static struct tiny_land now;
    was = *tiny;
    was.land = *before;
    for (unsigned k = 0; k < 3; k++) {
        static struct tiny_picture picture;
        show_take(&was, (enum source)k, &picture);
        show(tiny, (enum source)k, &now);
        if (land_digest(tiny, &now) != land_digest(tiny, &picture.land))
            tiny->old[k] = picture;
    }
}

/* --------------------------------------------------------------------------- snapshots of them */

#define TEXT 96

/* One snapshot's storage. */
struct shown {
    union {
        struct gitea_snapshot gitea;
        struct hetzner_snapshot hetzner;
        struct kube_snapshot kube;
    } u;
    struct gitea_job job[TINY_JOBS];
    struct gitea_runner runner[TINY_SLOTS * TINY_RUNNERS];
    struct hetzner_server server[TINY_SLOTS];
    struct label label[TINY_SLOTS][5];
    struct kube_node node[TINY_SLOTS];
    struct kube_pod pod[TINY_SLOTS];
    char text[TINY_SLOTS * 8][TEXT];
    unsigned texts;
};

static struct shown storage[3][2];
static const char *const linux_label[] = {"linux"};
static const struct hetzner_price price = {
    .server_type = "ccx33", .location = "nbg1", .hourly_micro = 100000};

__attribute__((format(printf, 2, 3))) static const char *keep(struct shown *shown,
                                                              const char *format, ...)
{
    char *text = shown->text[shown->texts++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, TEXT, format, arguments);
    va_end(arguments);
    return text;
}

static const char *pod_name(struct shown *shown, const struct tiny_slot *slot, unsigned pod)
{
    return keep(shown, "r-%s-%u", name_text(slot->name), pod);
}

static const char *note_text(struct shown *shown, const struct tiny_slot *slot)
{
    return slot->noted[1] != 0 ? keep(shown, "v1.1.%u.%u", slot->noted[0], slot->noted[1])
                               : keep(shown, "v1.1.%u", slot->noted[0]);
}

static void build_gitea(struct shown *shown, const struct tiny_land *land)
{
    struct gitea_snapshot *out = &shown->u.gitea;
    for (unsigned j = 0; j < TINY_JOBS; j++) {
        if (land->job[j].state == JOB_NONE)
            continue;
        shown->job[out->jobs_count++] = (struct gitea_job){
            .id = j + 1,
            .status = land->job[j].state == JOB_RUNS    ? JOB_RUNNING
                      : land->job[j].state == JOB_READY ? JOB_RUNNABLE
                                                        : JOB_BLOCKED,
            .labels = linux_label,
            .labels_count = 1,
            .name = "build",
            .repository = "acme/app",
            .runner_id = land->job[j].runner,
            .runner_name = "",
        };
    }
    for (unsigned i = 0; i < TINY_SLOTS * TINY_RUNNERS; i++) {
        const struct tiny_slot *slot = &land->slot[i / TINY_RUNNERS];
        const struct tiny_runner *runner = &slot->runner[i % TINY_RUNNERS];
        if (runner->id != 0)
            shown->runner[out->runners_count++] =
                (struct gitea_runner){.id = runner->id,
                                      .name = pod_name(shown, slot, runner->pod),
                                      .online = runner->online,
                                      .busy = runner->busy,
                                      .disabled = runner->disabled,
                                      .labels = linux_label,
                                      .labels_count = 1};
    }
    out->version = "1.26.0";
    out->jobs = shown->job;
    out->runners = shown->runner;
}

static void build_server(struct shown *shown, const struct tiny_slot *slot, unsigned at)
{
    struct label *label = shown->label[at];
    label[0] = (struct label){SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE};
    label[1] = (struct label){SERVER_LABEL_CLUSTER, "default"};
    label[2] = (struct label){SERVER_LABEL_POOL, "linux"};
    label[3] = (struct label){SERVER_LABEL_ID, keep(shown, "%u-%u", slot->epoch, slot->counter)};
    if (slot->server_note)
        label[4] = (struct label){SERVER_LABEL_FENCE, note_text(shown, slot)};
    shown->server[at] = (struct hetzner_server){.id = slot->server,
                                                .name = name_text(slot->name),
                                                .status = SERVER_RUNNING,
                                                .created_ms = slot->created_ms,
                                                .server_type = "ccx33",
                                                .location = "nbg1",
                                                .labels = label,
                                                .labels_count = slot->server_note ? 5 : 4,
                                                .create_failed = slot->failed};
}

static void build_hetzner(struct shown *shown, const struct tiny_land *land)
{
    struct hetzner_snapshot *out = &shown->u.hetzner;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        if (land->slot[s].server != 0)
            build_server(shown, &land->slot[s], out->servers_count++);
    out->currency = "EUR";
    out->servers = shown->server;
    out->prices = &price;
    out->prices_count = 1;
}

static void build_kube(struct shown *shown, const struct tiny_land *land)
{
    struct kube_snapshot *out = &shown->u.kube;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        const struct tiny_slot *slot = &land->slot[s];
        if (!slot->node)
            continue;
        shown->node[out->nodes_count++] = (struct kube_node){
            .uid = keep(shown, "u-%s", name_text(slot->name)),
            .name = name_text(slot->name),
            .provider_id =
                slot->server != 0 ? keep(shown, PROVIDER_ID_PREFIX "%u", slot->server) : "",
            .ready = true,
            .evicting = slot->evicting,
            .fence_note = slot->node_note ? note_text(shown, slot) : ""};
        if (slot->pod != 0)
            shown->pod[out->pods_count++] =
                (struct kube_pod){.uid = "pod",
                                  .namespace_name = "gitea-runners",
                                  .name = pod_name(shown, slot, slot->pod),
                                  .node_name = name_text(slot->name),
                                  .phase = POD_RUNNING,
                                  .ready = true};
    }
    out->nodes = shown->node;
    out->pods = shown->pod;
}

const void *show_build(enum source source, unsigned buffer, const struct tiny_picture *picture,
                       struct core_event *event)
{
    struct shown *shown = &storage[source][buffer];
    struct snapshot_head head = {.sequence = 1,
                                 .began_mono_ms = picture->began_ms,
                                 .ended_mono_ms = picture->ended_ms,
                                 .wall_ms = picture->wall_ms,
                                 .api_ms = picture->api_ms,
                                 .requests = 1};
    memset(&shown->u, 0, sizeof shown->u);
    shown->texts = 0;
    event->owner = shown;
    if (source == SOURCE_GITEA) {
        shown->u.gitea.head = head;
        build_gitea(shown, &picture->land);
        event->kind = CORE_GITEA;
        event->u.gitea = &shown->u.gitea;
    } else if (source == SOURCE_HETZNER) {
        shown->u.hetzner.head = head;
        build_hetzner(shown, &picture->land);
        event->kind = CORE_HETZNER;
        event->u.hetzner = &shown->u.hetzner;
    } else {
        shown->u.kube.head = head;
        build_kube(shown, &picture->land);
        event->kind = CORE_KUBE;
        event->u.kube = &shown->u.kube;
    }
    return shown;
}
