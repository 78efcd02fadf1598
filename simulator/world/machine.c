/* What lives on a server: its kubelet, its pods' containers, its runners; how it joins and dies.
 * May not: bill, or answer for Hetzner. */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define ARGUMENT_BYTES_MAX 512

/* ---- what user data asks k3s for ---- */

static bool argument_end(char c)
{
    return c == '\0' || strchr(" \t\r\n\"'`\\", c) != NULL;
}

/* Reads "key=value" at text, up to a blank or a quote; false where there is none. */
static bool read_pair(const char *text, char *key, char *value)
{
    char both[ARGUMENT_BYTES_MAX];
    size_t length = 0;
    text += strspn(text, " \t=\"'");
    while (!argument_end(text[length]) && length < sizeof both - 1) {
        both[length] = text[length];
        length++;
    }
    both[length] = '\0';
    char *equals = strchr(both, '=');
    if (equals == NULL || equals == both)
        return false;
    *equals = '\0';
    world_copy_name(key, ARGUMENT_BYTES_MAX, both);
    world_copy_name(value, ARGUMENT_BYTES_MAX, equals + 1);
    return true;
}

static void add_taint(struct world_node *node, const char *key, const char *value)
{
    const char *colon = strchr(value, ':');
    if (node->taint_count == WORLD_TAINTS_MAX || colon == NULL)
        return;
    struct world_taint *taint = &node->taints[node->taint_count++];
    world_copy_name(taint->key, sizeof taint->key, key);
    world_copy_name(taint->effect, sizeof taint->effect, colon + 1);
    size_t length = (size_t)(colon - value);
    world_copy_name(taint->value,
                    length + 1 < sizeof taint->value ? length + 1 : sizeof taint->value, value);
}

/* Every "--node-label K=V" (or "--node-label=K=V", or the same with node-taint). */
static void read_flags(const char *text, const char *flag, struct world_node *node, bool taint)
{
    char key[ARGUMENT_BYTES_MAX], value[ARGUMENT_BYTES_MAX];
    for (const char *at = strstr(text, flag); at != NULL; at = strstr(at + 1, flag)) {
        if (!read_pair(at + strlen(flag), key, value))
            continue;
        if (taint)
            add_taint(node, key, value);
        else
            map_set(&node->labels, key, value);
    }
}

/* The list under "node-label:" of k3s's configuration file: lines "- K=V". */
static void read_list(const char *text, const char *heading, struct world_node *node, bool taint)
{
    char key[ARGUMENT_BYTES_MAX], value[ARGUMENT_BYTES_MAX];
    const char *at = strstr(text, heading);
    if (at == NULL)
        return;
    at += strcspn(at, "\n");
    while (*at == '\n') {
        at++;
        at += strspn(at, " \t");
        if (at[0] != '-' || !read_pair(at + 1, key, value))
            return;
        if (taint)
            add_taint(node, key, value);
        else
            map_set(&node->labels, key, value);
        at += strcspn(at, "\n");
    }
}

void machine_read_user_data(const struct world_server *server, struct world_node *node)
{
    const char *text = server->user_data != NULL ? server->user_data : "";
    read_flags(text, "--node-label", node, false);
    read_flags(text, "--node-taint", node, true);
    read_list(text, "node-label:", node, false);
    read_list(text, "node-taint:", node, true);
    /* Machines whose image knows the label by itself. */
    const char *managed = map_get(&server->labels, "managed-by");
    if (managed != NULL && map_get(&node->labels, "managed-by") == NULL)
        map_set(&node->labels, "managed-by", managed);
}

/* ---- joining ---- */

static void fill_node(const struct server_entry *entry, struct world_node *node)
{
    const struct world_server *server = &entry->server;
    map_set(&node->labels, "kubernetes.io/hostname", server->name);
    map_set(&node->labels, "kubernetes.io/os", "linux");
    bool arm = strcmp(server->type->architecture, "arm") == 0;
    map_set(&node->labels, "kubernetes.io/arch", arm ? "arm64" : "amd64");
    map_set(&node->labels, "node.kubernetes.io/instance-type", server->type->name);
    map_set(&node->labels, "topology.kubernetes.io/region", server->location->name);
    if (server->foreign)
        map_set(&node->labels, "node-role.kubernetes.io/control-plane", "true");
    machine_read_user_data(server, node);
}

/* The kubelet of an existing node object reports again. */
static void rejoin(struct world *world, struct node_entry *node)
{
    node->kubelet = true;
    world_due_in(world, world_jitter(world, world->config.ready_ms), DUE_NODE_READY, node->serial,
                 ++node->silence);
}

void node_joins(struct world *world, uint64_t id, uint64_t stamp)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL || !entry->alive || entry->server.boots != stamp)
        return;
    if (!world->config.nodes) {
        runner_start_on(world, entry);
        return;
    }
    struct node_entry *node = node_entry_named(world, entry->server.name);
    if (node != NULL && node->node.server_id == 0)
        return; /* K3s lets no machine in under the name of one that it knows */
    if (node == NULL) {
        char provider_id[64];
        (void)snprintf(provider_id, sizeof provider_id, "hcloud://%llu", (unsigned long long)id);
        struct world_node wanted = {0};
        fill_node(entry, &wanted);
        node = node_entry_add(world, entry->server.name, provider_id, id, &wanted);
        map_free(&wanted.labels);
    }
    if (entry->server.foreign) {
        node->kubelet = true;
        node_ready(world, node->serial, node->silence);
    } else {
        rejoin(world, node);
    }
}

/* ---- dying ---- */

void machine_down(struct world *world, struct server_entry *entry)
{
    if (!entry->alive)
        return;
    entry->alive = false;
    entry->server.boots++;
    runner_kill_on_server(world, entry->server.id);
    for (size_t i = 0; i < world->nodes.count; i++) {
        struct node_entry *node = world->nodes.items[i];
        if (node->node.server_id == entry->server.id && node->kubelet)
            node_kubelet_lost(world, node);
    }
}

enum world_verdict world_server_crash(struct world *world, uint64_t id)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (!entry->alive)
        entry->troubles[WORLD_TROUBLE_BOOT_HANGS] = true; /* what dies while it boots never runs */
    machine_down(world, entry);
    tell_server(world, WORLD_EVENT_SERVER_DOWN, &entry->server);
    return WORLD_OK;
}
