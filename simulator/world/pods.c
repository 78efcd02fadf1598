/* Kubernetes' pods: DaemonSets make them, kubelets start and end them, a collector clears up.
 * May not: ask budgets (budgets.c), know jobs. */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define SUFFIX_LETTERS 5

/* ---- looking pods up ---- */

static int pod_order(const struct world_pod *pod, const char *namespace_name, const char *name)
{
    int order = strcmp(pod->namespace_name, namespace_name);
    return order != 0 ? order : strcmp(pod->name, name);
}

static size_t pod_place(const struct world *world, const char *namespace_name, const char *name)
{
    size_t low = 0, high = world->pods.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pod_entry *entry = world->pods.items[middle];
        if (pod_order(&entry->pod, namespace_name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pod_entry *pod_entry_named(const struct world *world, const char *namespace_name,
                                  const char *name)
{
    size_t place = pod_place(world, namespace_name, name);
    if (place == world->pods.count)
        return NULL;
    struct pod_entry *entry = world->pods.items[place];
    return pod_order(&entry->pod, namespace_name, name) == 0 ? entry : NULL;
}

struct pod_entry *pod_entry_find(const struct world *world, uint64_t serial)
{
    for (size_t i = 0; i < world->pods.count; i++) {
        struct pod_entry *entry = world->pods.items[i];
        if (entry->serial == serial)
            return entry;
    }
    return NULL;
}

size_t world_pod_count(const struct world *world)
{
    return world->pods.count;
}

const struct world_pod *world_pod_at(const struct world *world, size_t index)
{
    if (index >= world->pods.count)
        return NULL;
    const struct pod_entry *entry = world->pods.items[index];
    return &entry->pod;
}

const struct world_pod *world_pod_named(const struct world *world, const char *namespace_name,
                                        const char *name)
{
    const struct pod_entry *entry = pod_entry_named(world, namespace_name, name);
    return entry != NULL ? &entry->pod : NULL;
}

/* The node on which a kubelet looks after this pod; NULL where none does. */
static struct node_entry *kubelet_of(const struct world *world, const struct pod_entry *entry)
{
    struct node_entry *node = node_entry_find(world, entry->node_serial);
    return node != NULL && node->kubelet ? node : NULL;
}

static const struct server_entry *server_of(const struct world *world,
                                            const struct pod_entry *entry)
{
    const struct node_entry *node = node_entry_find(world, entry->node_serial);
    return node != NULL ? server_entry_find(world, node->node.server_id) : NULL;
}

/* ---- coming ---- */

static void pod_changed(struct world *world, struct pod_entry *entry)
{
    entry->pod.resource_version = ++world->resource_version;
    tell_pod(world, WORLD_EVENT_POD_MODIFIED, &entry->pod);
}

static struct pod_entry *pod_add(struct world *world, const struct world_pod_spec *spec)
{
    struct pod_entry *entry = world_alloc(sizeof *entry);
    struct world_pod *pod = &entry->pod;
    entry->serial = ++world->serial;
    world_copy_name(pod->namespace_name, sizeof pod->namespace_name, spec->namespace_name);
    world_copy_name(pod->name, sizeof pod->name, spec->name);
    world_make_uid(world, pod->uid);
    world_copy_name(pod->node_name, sizeof pod->node_name, spec->node_name);
    map_copy(&pod->labels, spec->labels);
    map_copy(&pod->annotations, spec->annotations);
    pod->owner = spec->owner;
    world_copy_name(pod->owner_name, sizeof pod->owner_name, spec->owner_name);
    if (spec->owner != WORLD_OWNER_NONE)
        world_make_uid(world, pod->owner_uid);
    pod->phase = spec->phase;
    pod->ready = spec->phase == WORLD_POD_RUNNING;
    pod->created_ms = world->now_ms;
    pod->started_ms = pod->ready ? world->now_ms : 0;
    entry->container = pod->ready;
    const struct node_entry *node = node_entry_named(world, pod->node_name);
    entry->node_serial = node != NULL ? node->serial : 0;
    list_insert(&world->pods, pod_place(world, pod->namespace_name, pod->name), entry);
    return entry;
}

static void pod_added(struct world *world, struct pod_entry *entry)
{
    entry->pod.resource_version = ++world->resource_version;
    tell_pod(world, WORLD_EVENT_POD_ADDED, &entry->pod);
}

enum world_verdict world_pod_create(struct world *world, const struct world_pod_spec *spec)
{
    if (pod_entry_named(world, spec->namespace_name, spec->name) != NULL)
        return WORLD_NAME_TAKEN;
    pod_added(world, pod_add(world, spec));
    return WORLD_OK;
}

void pod_entry_free(struct pod_entry *entry)
{
    map_free(&entry->pod.labels);
    map_free(&entry->pod.annotations);
    free(entry);
}

/* ---- DaemonSets ---- */

static void make_name(struct world *world, const char *owner, size_t bytes, char *name)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char suffix[SUFFIX_LETTERS + 1] = "";
    for (size_t i = 0; i < SUFFIX_LETTERS; i++)
        suffix[i] = letters[world_random(world, sizeof letters - 1)];
    (void)snprintf(name, bytes, "%s-%s", owner, suffix);
}

static void schedule_start(struct world *world, const struct pod_entry *entry)
{
    world_due_in(world, world_jitter(world, world->config.pod_start_ms), DUE_POD_START,
                 entry->serial, entry->pod.restarts);
}

/* One pod of a controller on a node: what it is called, and whose it is. */
struct made_pod {
    const char *namespace_name, *owner_name, *label_key, *label_value;
    enum world_pod_owner owner;
};

static struct pod_entry *controller_pod(struct world *world, const struct node_entry *node,
                                        const struct made_pod *made)
{
    char name[WORLD_NAME_BYTES];
    do
        make_name(world, made->owner_name, sizeof name, name);
    while (pod_entry_named(world, made->namespace_name, name) != NULL);
    struct world_map labels = {0};
    map_set(&labels, made->label_key, made->label_value);
    struct pod_entry *entry =
        pod_add(world, &(struct world_pod_spec){.namespace_name = made->namespace_name,
                                                .name = name,
                                                .node_name = node->node.name,
                                                .labels = &labels,
                                                .owner = made->owner,
                                                .owner_name = made->owner_name,
                                                .phase = WORLD_POD_PENDING});
    map_free(&labels);
    return entry;
}

static void make_runner_pod(struct world *world, const struct node_entry *node, uint32_t slot)
{
    bool daemonset = world->config.daemonset;
    struct pod_entry *entry = controller_pod(
        world, node,
        &(struct made_pod){.namespace_name = world->config.runner_namespace,
                           .owner_name =
                               daemonset ? RUNNER_DAEMONSET : RUNNER_DAEMONSET "-5d4f8c7b9",
                           .label_key = RUNNER_POD_LABEL_KEY,
                           .label_value = RUNNER_POD_LABEL_VALUE,
                           .owner = daemonset ? WORLD_OWNER_DAEMONSET : WORLD_OWNER_REPLICASET});
    const struct server_entry *server = server_entry_find(world, node->node.server_id);
    entry->pod.is_runner = true;
    entry->pod.slot = slot;
    entry->hangs = trouble_strikes_on(world, WORLD_TROUBLE_POD_HANGS, server);
    pod_added(world, entry);
    if (node->kubelet && node->node.ready)
        schedule_start(world, entry);
}

static void make_system_pod(struct world *world, const struct node_entry *node)
{
    struct pod_entry *entry = controller_pod(world, node,
                                             &(struct made_pod){.namespace_name = SYSTEM_NAMESPACE,
                                                                .owner_name = SYSTEM_DAEMONSET,
                                                                .label_key = "k8s-app",
                                                                .label_value = SYSTEM_DAEMONSET,
                                                                .owner = WORLD_OWNER_DAEMONSET});
    entry->system = true;
    pod_added(world, entry);
    if (node->kubelet && node->node.ready)
        schedule_start(world, entry);
}

/* A pod of this kind is there; one that is still ending counts, as it does for a DaemonSet. */
static bool have_pod(const struct world *world, const struct node_entry *node, bool runner,
                     uint32_t slot)
{
    for (size_t i = 0; i < world->pods.count; i++) {
        const struct pod_entry *entry = world->pods.items[i];
        if (entry->node_serial == node->serial &&
            (runner ? entry->pod.is_runner && entry->pod.slot == slot : entry->system))
            return true;
    }
    return false;
}

static bool wants_runner_pods(const struct world *world, const struct node_entry *node)
{
    if (!world->config.runners || node_has_foreign_taint(&node->node, false))
        return false;
    if (!world->config.daemonset && (node->node.unschedulable || !node->node.ready))
        return false;
    const struct world_server *server = world_server_find(world, node->node.server_id);
    return server != NULL && !server->foreign;
}

void node_pods_wanted(struct world *world, uint64_t serial, uint64_t stamp)
{
    (void)stamp;
    const struct node_entry *node = node_entry_find(world, serial);
    if (node == NULL || node->node.server_id == 0)
        return;
    if (world->config.system_pods && !have_pod(world, node, false, 0))
        make_system_pod(world, node);
    if (!wants_runner_pods(world, node))
        return;
    uint32_t runners = runners_wanted_on(world, world_server_find(world, node->node.server_id));
    for (uint32_t slot = 0; slot < runners; slot++) {
        if (!have_pod(world, node, true, slot))
            make_runner_pod(world, node, slot);
    }
}

/* ---- what the kubelet does ---- */

void pod_start(struct world *world, uint64_t serial, uint64_t stamp)
{
    struct pod_entry *entry = pod_entry_find(world, serial);
    if (entry == NULL || entry->pod.restarts != stamp || entry->container || entry->hangs ||
        entry->pod.deletion_ms != 0)
        return;
    const struct node_entry *node = kubelet_of(world, entry);
    if (node == NULL || !node->node.ready)
        return;
    entry->container = true;
    entry->pod.phase = WORLD_POD_RUNNING;
    entry->pod.ready = true;
    entry->pod.started_ms = world->now_ms;
    pod_changed(world, entry);
    if (entry->pod.is_runner)
        world_due_in(world, world_jitter(world, world->config.register_ms), DUE_REGISTER_POD,
                     serial, entry->pod.restarts);
}

/* Starts what waits on a node whose kubelet has come (back), and ends what was to end. */
static void pod_resume(struct world *world, struct pod_entry *entry)
{
    bool made_here = entry->pod.is_runner || entry->system;
    if (entry->pod.deletion_ms != 0) {
        world_due_in(world, world->config.pod_stop_ms, DUE_POD_STOPPED, entry->serial, 0);
    } else if (made_here && !entry->container) {
        if (entry->pod.phase == WORLD_POD_RUNNING)
            entry->pod.restarts++;
        schedule_start(world, entry);
    } else if (entry->pod.phase == WORLD_POD_RUNNING && !entry->pod.ready) {
        entry->container = entry->pod.ready = true;
        pod_changed(world, entry);
    }
}

void pods_started_on(struct world *world, struct node_entry *node)
{
    for (size_t i = 0; i < world->pods.count; i++) {
        struct pod_entry *entry = world->pods.items[i];
        if (entry->node_serial == node->serial)
            pod_resume(world, entry);
    }
}

void pods_dead_on(struct world *world, const struct node_entry *node)
{
    for (size_t i = 0; i < world->pods.count; i++) {
        struct pod_entry *entry = world->pods.items[i];
        if (entry->node_serial == node->serial)
            entry->container = false;
    }
}

void pods_unready_on(struct world *world, const struct node_entry *node)
{
    for (size_t i = 0; i < world->pods.count; i++) {
        struct pod_entry *entry = world->pods.items[i];
        if (entry->node_serial == node->serial && entry->pod.ready) {
            entry->pod.ready = false;
            pod_changed(world, entry);
        }
    }
}

void pod_daemon_ended(struct world *world, struct pod_entry *entry)
{
    if (entry->pod.deletion_ms != 0) {
        world_due_in(world, world->config.pod_stop_ms, DUE_POD_STOPPED, entry->serial, 0);
        return;
    }
    entry->pod.restarts++;
    entry->pod.runner_id = 0;
    entry->pod.started_ms = world->now_ms;
    pod_changed(world, entry);
    world_due_in(world, world_jitter(world, world->config.register_ms), DUE_REGISTER_POD,
                 entry->serial, entry->pod.restarts);
}

enum world_verdict world_pod_restart(struct world *world, const char *namespace_name,
                                     const char *name)
{
    struct pod_entry *entry = pod_entry_named(world, namespace_name, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (!entry->container)
        return WORLD_CONFLICT;
    struct runner_entry *runner = runner_in_pod(world, entry);
    if (runner != NULL)
        runner_kill(world, runner);
    entry->pod.restarts++;
    entry->pod.runner_id = 0;
    entry->pod.started_ms = world->now_ms;
    pod_changed(world, entry);
    if (entry->pod.is_runner)
        world_due_in(world, world_jitter(world, world->config.register_ms), DUE_REGISTER_POD,
                     entry->serial, entry->pod.restarts);
    return WORLD_OK;
}

/* ---- going ---- */

static void pod_gone(struct world *world, struct pod_entry *entry)
{
    struct runner_entry *runner = runner_in_pod(world, entry);
    if (runner != NULL)
        runner_kill(world, runner);
    (void)list_remove(&world->pods, entry);
    entry->pod.resource_version = ++world->resource_version;
    tell_pod(world, WORLD_EVENT_POD_GONE, &entry->pod);
    if (entry->pod.is_runner || entry->system)
        world_due_in(world, world->config.recreate_ms, DUE_PODS_WANTED, entry->node_serial, 0);
    pod_entry_free(entry);
}

void pod_stopped(struct world *world, uint64_t serial, uint64_t stamp)
{
    (void)stamp;
    struct pod_entry *entry = pod_entry_find(world, serial);
    if (entry == NULL || entry->pod.deletion_ms == 0 || kubelet_of(world, entry) == NULL)
        return;
    if (!entry->stuck) {
        pod_gone(world, entry);
        return;
    }
    struct runner_entry *runner = runner_in_pod(world, entry);
    if (runner != NULL)
        runner_kill(world, runner);
    entry->container = entry->pod.ready = false;
    pod_changed(world, entry);
}

static void begin_end(struct world *world, struct pod_entry *entry, int64_t grace_ms)
{
    struct world_pod *pod = &entry->pod;
    pod->deletion_ms = world->now_ms + grace_ms;
    pod->grace_s = (grace_ms + MS_PER_S - 1) / MS_PER_S;
    pod_changed(world, entry);
    if (kubelet_of(world, entry) == NULL)
        return;
    struct runner_entry *runner = runner_in_pod(world, entry);
    int64_t needed_ms = world->config.pod_stop_ms;
    if ((runner != NULL && runner_stop(world, runner)) || needed_ms > grace_ms)
        needed_ms = grace_ms;
    world_due_in(world, needed_ms, DUE_POD_STOPPED, entry->serial, 0);
}

void pod_end(struct world *world, struct pod_entry *entry, int64_t grace_s)
{
    int64_t grace_ms = grace_s < 0 ? world->config.pod_grace_ms : grace_s * MS_PER_S;
    bool ending = entry->pod.deletion_ms != 0;
    if (!ending)
        entry->stuck = trouble_strikes_on(world, WORLD_TROUBLE_POD_STUCK, server_of(world, entry));
    if (grace_ms == 0 && !entry->stuck)
        pod_gone(world, entry);
    else if (!ending)
        begin_end(world, entry, grace_ms);
}

void pods_evict_untolerant(struct world *world, struct node_entry *node)
{
    for (size_t i = world->pods.count; i-- > 0;) {
        if (i >= world->pods.count)
            continue;
        struct pod_entry *entry = world->pods.items[i];
        if (entry->node_serial == node->serial && !entry->system &&
            entry->pod.owner != WORLD_OWNER_MIRROR && entry->pod.deletion_ms == 0)
            pod_end(world, entry, -1);
    }
}

void pods_collected(struct world *world, uint64_t id, uint64_t stamp)
{
    (void)id;
    (void)stamp;
    for (size_t i = world->pods.count; i-- > 0;) {
        struct pod_entry *entry = world->pods.items[i];
        if (entry->pod.node_name[0] != '\0' && node_entry_find(world, entry->node_serial) == NULL)
            pod_gone(world, entry);
    }
}

enum world_verdict world_pod_annotate(struct world *world, const char *namespace_name,
                                      const char *name, const struct world_map *labels,
                                      const struct world_map *annotations)
{
    struct pod_entry *entry = pod_entry_named(world, namespace_name, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (map_equal(&entry->pod.labels, labels) && map_equal(&entry->pod.annotations, annotations))
        return WORLD_OK;
    struct world_map old_labels = entry->pod.labels, old_annotations = entry->pod.annotations;
    map_copy(&entry->pod.labels, labels);
    map_copy(&entry->pod.annotations, annotations);
    map_free(&old_labels);
    map_free(&old_annotations);
    pod_changed(world, entry);
    return WORLD_OK;
}

enum world_verdict world_pod_delete(struct world *world, const char *namespace_name,
                                    const char *name, const char *uid, int64_t grace_s)
{
    struct pod_entry *entry = pod_entry_named(world, namespace_name, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (uid != NULL && strcmp(uid, entry->pod.uid) != 0)
        return WORLD_CONFLICT;
    ask_guard(world, (struct world_call){.kind = WORLD_CALL_POD_DELETE, .pod = &entry->pod});
    pod_end(world, entry, grace_s);
    return WORLD_OK;
}
