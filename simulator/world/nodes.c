/* Kubernetes' nodes: they appear, get ready, fall silent, are marked by clients and deleted.
 * May not: know Hetzner. */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define TAINT_NOT_READY     KUBERNETES_TAINT_PREFIX "not-ready"
#define TAINT_UNREACHABLE   KUBERNETES_TAINT_PREFIX "unreachable"
#define TAINT_UNSCHEDULABLE KUBERNETES_TAINT_PREFIX "unschedulable"

/* ---- looking nodes up ---- */

static size_t node_place(const struct world *world, const char *name)
{
    size_t low = 0, high = world->nodes.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct node_entry *entry = world->nodes.items[middle];
        if (strcmp(entry->node.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct node_entry *node_entry_named(const struct world *world, const char *name)
{
    size_t place = node_place(world, name);
    if (place == world->nodes.count)
        return NULL;
    struct node_entry *entry = world->nodes.items[place];
    return strcmp(entry->node.name, name) == 0 ? entry : NULL;
}

struct node_entry *node_entry_find(const struct world *world, uint64_t serial)
{
    for (size_t i = 0; i < world->nodes.count; i++) {
        struct node_entry *entry = world->nodes.items[i];
        if (entry->serial == serial)
            return entry;
    }
    return NULL;
}

size_t world_node_count(const struct world *world)
{
    return world->nodes.count;
}

const struct world_node *world_node_at(const struct world *world, size_t index)
{
    if (index >= world->nodes.count)
        return NULL;
    const struct node_entry *entry = world->nodes.items[index];
    return &entry->node;
}

const struct world_node *world_node_named(const struct world *world, const char *name)
{
    const struct node_entry *entry = node_entry_named(world, name);
    return entry != NULL ? &entry->node : NULL;
}

uint64_t world_resource_version(const struct world *world)
{
    return world->resource_version;
}

/* ---- taints ---- */

static struct world_taint *taint_find(struct world_node *node, const char *key, const char *effect)
{
    for (uint32_t i = 0; i < node->taint_count; i++) {
        if (strcmp(node->taints[i].key, key) == 0 && strcmp(node->taints[i].effect, effect) == 0)
            return &node->taints[i];
    }
    return NULL;
}

/* Sets or clears one of Kubernetes' own taints. Where all places are taken it stays away. */
static void taint_sync(struct world *world, struct world_node *node, const char *key,
                       const char *effect, bool wanted)
{
    struct world_taint *taint = taint_find(node, key, effect);
    if ((taint != NULL) == wanted)
        return;
    if (!wanted) {
        size_t index = (size_t)(taint - node->taints);
        memmove(taint, taint + 1, (node->taint_count - index - 1) * sizeof *taint);
        node->taint_count--;
    } else if (node->taint_count < WORLD_TAINTS_MAX) {
        taint = &node->taints[node->taint_count++];
        *taint = (struct world_taint){.added_ms = world->now_ms};
        world_copy_name(taint->key, sizeof taint->key, key);
        world_copy_name(taint->effect, sizeof taint->effect, effect);
    }
}

static void sync_own_taints(struct world *world, struct node_entry *entry)
{
    struct world_node *node = &entry->node;
    bool silent = !node->ready && !entry->kubelet && node->ready_changed_ms > node->created_ms;
    taint_sync(world, node, TAINT_UNSCHEDULABLE, "NoSchedule", node->unschedulable);
    taint_sync(world, node, TAINT_NOT_READY, "NoSchedule", !node->ready && !silent);
    taint_sync(world, node, TAINT_UNREACHABLE, "NoSchedule", silent);
    taint_sync(world, node, TAINT_UNREACHABLE, "NoExecute", silent);
}

bool node_has_foreign_taint(const struct world_node *node, bool no_execute_only)
{
    for (uint32_t i = 0; i < node->taint_count; i++) {
        const struct world_taint *taint = &node->taints[i];
        bool own =
            strncmp(taint->key, KUBERNETES_TAINT_PREFIX, sizeof KUBERNETES_TAINT_PREFIX - 1) == 0;
        bool executes = strcmp(taint->effect, "NoExecute") == 0;
        if (!own && (executes || (!no_execute_only && strcmp(taint->effect, "NoSchedule") == 0)))
            return true;
    }
    return false;
}

static bool taints_equal(const struct world_node *node, const struct world_taint *taints,
                         uint32_t count)
{
    if (node->taint_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(node->taints[i].key, taints[i].key) != 0 ||
            strcmp(node->taints[i].value, taints[i].value) != 0 ||
            strcmp(node->taints[i].effect, taints[i].effect) != 0)
            return false;
    }
    return true;
}

/* ---- coming ---- */

void node_changed(struct world *world, struct node_entry *entry)
{
    sync_own_taints(world, entry);
    entry->node.resource_version = ++world->resource_version;
    tell_node(world, WORLD_EVENT_NODE_MODIFIED, &entry->node);
}

struct node_entry *node_entry_add(struct world *world, const char *name, const char *provider_id,
                                  uint64_t server_id, const struct world_node *wanted)
{
    struct node_entry *entry = world_alloc(sizeof *entry);
    struct world_node *node = &entry->node;
    entry->serial = ++world->serial;
    world_copy_name(node->name, sizeof node->name, name);
    world_make_uid(world, node->uid);
    world_copy_name(node->provider_id, sizeof node->provider_id, provider_id);
    node->server_id = server_id;
    map_copy(&node->labels, &wanted->labels);
    map_copy(&node->annotations, &wanted->annotations);
    memcpy(node->taints, wanted->taints, sizeof node->taints);
    node->taint_count = wanted->taint_count;
    node->unschedulable = wanted->unschedulable;
    node->ready = wanted->ready;
    node->created_ms = node->ready_changed_ms = world->now_ms;
    (void)snprintf(node->internal_ip, sizeof node->internal_ip, "10.0.%u.%u",
                   (unsigned)(entry->serial >> 8 & 0xff), (unsigned)(entry->serial & 0xff));
    sync_own_taints(world, entry);
    node->resource_version = ++world->resource_version;
    list_insert(&world->nodes, node_place(world, name), entry);
    tell_node(world, WORLD_EVENT_NODE_ADDED, node);
    node_pods_wanted(world, entry->serial, 0);
    return entry;
}

void node_ready(struct world *world, uint64_t serial, uint64_t stamp)
{
    struct node_entry *entry = node_entry_find(world, serial);
    if (entry == NULL || entry->silence != stamp)
        return;
    const struct server_entry *server = server_entry_find(world, entry->node.server_id);
    if (server != NULL && server->troubles[WORLD_TROUBLE_NEVER_READY])
        return;
    entry->node.ready = true;
    entry->node.ready_changed_ms = world->now_ms;
    node_changed(world, entry);
    pods_started_on(world, entry);
    node_pods_wanted(world, serial, 0);
}

void node_entry_free(struct node_entry *entry)
{
    map_free(&entry->node.labels);
    map_free(&entry->node.annotations);
    free(entry);
}

/* ---- falling silent ---- */

void node_kubelet_lost(struct world *world, struct node_entry *entry)
{
    entry->kubelet = false;
    pods_dead_on(world, entry);
    world_due_in(world, world->config.not_ready_ms, DUE_NODE_SILENT, entry->serial,
                 ++entry->silence);
}

void node_silent(struct world *world, uint64_t serial, uint64_t stamp)
{
    struct node_entry *entry = node_entry_find(world, serial);
    if (entry == NULL || entry->silence != stamp)
        return;
    entry->node.ready = false;
    entry->node.ready_changed_ms = world->now_ms;
    node_changed(world, entry);
    pods_unready_on(world, entry);
}

/* ---- what clients do ---- */

static void replace_map(struct world_map *to, const struct world_map *from)
{
    struct world_map copy;
    map_copy(&copy, from);
    map_free(to);
    *to = copy;
}

/* Keeps the time at which a taint was added; a new one is added now. */
static void replace_taints(struct world *world, struct world_node *node,
                           const struct world_node_spec *spec)
{
    struct world_taint taints[WORLD_TAINTS_MAX] = {0};
    uint32_t count = spec->taint_count < WORLD_TAINTS_MAX ? spec->taint_count : WORLD_TAINTS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct world_taint *old =
            taint_find(node, spec->taints[i].key, spec->taints[i].effect);
        taints[i] = spec->taints[i];
        taints[i].added_ms = old != NULL ? old->added_ms : world->now_ms;
    }
    memcpy(node->taints, taints, count * sizeof *taints);
    node->taint_count = count;
}

static bool spec_differs(const struct world_node *node, const struct world_node_spec *spec)
{
    return node->unschedulable != spec->unschedulable || !map_equal(&node->labels, spec->labels) ||
           !map_equal(&node->annotations, spec->annotations) ||
           !taints_equal(node, spec->taints, spec->taint_count);
}

enum world_verdict world_node_update(struct world *world, const char *name,
                                     const struct world_node_spec *spec)
{
    struct node_entry *entry = node_entry_named(world, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (!spec_differs(&entry->node, spec))
        return WORLD_OK;
    ask_guard(world, (struct world_call){
                         .kind = WORLD_CALL_NODE_UPDATE, .node = &entry->node, .change = spec});
    replace_map(&entry->node.labels, spec->labels);
    replace_map(&entry->node.annotations, spec->annotations);
    replace_taints(world, &entry->node, spec);
    entry->node.unschedulable = spec->unschedulable;
    node_changed(world, entry);
    if (node_has_foreign_taint(&entry->node, true))
        pods_evict_untolerant(world, entry);
    world_due_in(world, world->config.recreate_ms, DUE_PODS_WANTED, entry->serial, 0);
    return WORLD_OK;
}

enum world_verdict world_node_create(struct world *world, const char *name, const char *provider_id,
                                     const struct world_node_spec *spec, bool ready)
{
    if (node_entry_named(world, name) != NULL)
        return WORLD_NAME_TAKEN;
    struct world_node wanted = {.unschedulable = spec->unschedulable, .ready = ready};
    if (spec->labels != NULL)
        wanted.labels = *spec->labels;
    if (spec->annotations != NULL)
        wanted.annotations = *spec->annotations;
    replace_taints(world, &wanted, spec);
    struct node_entry *entry =
        node_entry_add(world, name, provider_id != NULL ? provider_id : "", 0, &wanted);
    entry->kubelet = ready;
    return WORLD_OK;
}

enum world_verdict world_node_delete(struct world *world, const char *name, const char *uid)
{
    struct node_entry *entry = node_entry_named(world, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (uid != NULL && strcmp(uid, entry->node.uid) != 0)
        return WORLD_CONFLICT;
    ask_guard(world, (struct world_call){.kind = WORLD_CALL_NODE_DELETE, .node = &entry->node});
    (void)list_remove_at(&world->nodes, node_place(world, name));
    entry->node.resource_version = ++world->resource_version;
    world->totals.nodes_deleted++;
    tell_node(world, WORLD_EVENT_NODE_GONE, &entry->node);
    node_entry_free(entry);
    world_due_in(world, world->config.pod_gc_ms, DUE_PODS_COLLECTED, 0, 0);
    return WORLD_OK;
}
