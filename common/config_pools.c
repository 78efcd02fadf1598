/* What is impossible together in pools and labels. May not: do I/O, change a value. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_table.h"
#include "common/names.h"

typedef struct config_reader reader;

static void check_bounds(reader *r, const struct config *c, const struct config_pool *pool)
{
    if (!config_reader_fine(r, &pool->max))
        return;
    if (config_reader_fine(r, &pool->min) && pool->min > pool->max)
        config_reader_problem(r, &pool->min, pool,
                              "pool %s: min (%" PRIu64 ") is more than max (%" PRIu64 ")",
                              pool->name, pool->min, pool->max);
    if (config_reader_fine(r, &c->rails.max_servers) && pool->max > c->rails.max_servers)
        config_reader_problem(r, &pool->max, pool,
                              "pool %s: max (%" PRIu64 ") is more than rails.max_servers (%" PRIu64
                              "), which no decision may cross; raise that, or lower this",
                              pool->name, pool->max, c->rails.max_servers);
}

static void check_offers(reader *r, const struct config_pool *pool)
{
    for (uint32_t i = 1; i < pool->offers_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(pool->offers[i].server_type, pool->offers[j].server_type) == 0 &&
                strcmp(pool->offers[i].location, pool->offers[j].location) == 0) {
                config_reader_problem(r, &pool->offers[i], pool,
                                      "pool %s: the offer %s in %s stands there twice", pool->name,
                                      pool->offers[i].server_type, pool->offers[i].location);
                break;
            }
}

/* Arguments that would put the token where every process of the server can read it, or that Ebbtide
 * sets itself. */
static void check_arguments(reader *r, const struct config_pool *pool)
{
    static const struct {
        const char *start, *instead;
    } taken[] = {
        {"--token", "join_token_file"}, {"-t", "join_token_file"},  {"--server", "server_url"},
        {"-s", "server_url"},           {"--node-label", "labels"}, {"--node-taint", "taints"},
        {"--node-name", "name_prefix"},
    };
    for (uint32_t i = 0; i < pool->agent_args_count; i++) {
        size_t length = strcspn(pool->agent_args[i], "= ");
        for (size_t j = 0; j < sizeof taken / sizeof *taken; j++)
            if (strlen(taken[j].start) == length &&
                memcmp(pool->agent_args[i], taken[j].start, length) == 0)
                config_reader_problem(
                    r, &pool->agent_args[i], pool,
                    "pool %s: agent_args must not hold %s; Ebbtide sets it from %s", pool->name,
                    taken[j].start, taken[j].instead);
    }
}

/* Runners are called as their node, with or without a dash and more behind it. A server of linux is
 * ebb-linux-EPOCH-COUNTER, so one of linux-2, ebb-linux-2-EPOCH-COUNTER, would be called as a
 * server of linux of the start 2, and its runners be taken for that one's. By their pods they are
 * told apart. */
static void check_prefixes(reader *r, const struct config *c, const struct config_pool *pool)
{
    for (uint32_t i = 0; i < c->pools_count; i++) {
        const char *shorter = c->pools[i].name;
        size_t length = strlen(shorter);
        if (length == 0 || strncmp(pool->name, shorter, length) != 0 || pool->name[length] != '-')
            continue;
        config_reader_problem(
            r, &pool->name, pool,
            "pool %s: its name begins with that of pool %s and a dash: with gitea.runner_match "
            "node-name a runner of it could be taken for one of a server of %s; give one of them "
            "another name, as %s%s, or use pod-name",
            pool->name, shorter, shorter, shorter, pool->name + length + 1);
        return;
    }
}

static void check_names(reader *r, const struct config *c, uint32_t index)
{
    const struct config_pool *pool = &c->pools[index];
    if (!config_reader_fine(r, &pool->name))
        return;
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(c->pools[i].name, pool->name) == 0)
            config_reader_problem(r, &pool->name, pool,
                                  "a second pool is called %s; each needs a name of its own",
                                  pool->name);
    if (c->gitea.runner_match == MATCH_NODE_NAME)
        check_prefixes(r, c, pool);
}

static void check_label_sets(reader *r, const struct config *c, const struct config_pool *pool)
{
    if (pool->label_sets_count == 0 && c->mode == MODE_ACT &&
        config_reader_fine(r, pool->label_sets))
        config_reader_problem(r, pool->label_sets, pool,
                              "pool %s: label_sets is missing: expected what its runners offer, as "
                              "[[linux, x64]]; without it the pool serves no job",
                              pool->name);
}

static void check_minimum(reader *r, const struct config *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->pools_count; i++)
        sum += c->pools[i].min;
    if (c->pools_count > 1 && config_reader_fine(r, &c->rails.max_servers) &&
        sum > c->rails.max_servers)
        config_reader_problem(r, &c->rails.max_servers, &c->rails,
                              "rails.max_servers (%" PRIu64
                              ") is less than the pools' min together "
                              "(%" PRIu64 ")",
                              c->rails.max_servers, sum);
}

void config_combine_pools(struct config_reader *r, const struct config *c)
{
    for (uint32_t i = 0; i < c->pools_count; i++) {
        check_bounds(r, c, &c->pools[i]);
        check_offers(r, &c->pools[i]);
        check_arguments(r, &c->pools[i]);
        check_names(r, c, i);
        check_label_sets(r, c, &c->pools[i]);
    }
    check_minimum(r, c);
}

/* ------------------------------------------------------------------------------------ labels */

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The kubelet refuses to start with a label of kubernetes.io or k8s.io of its own choosing, but for
 * these prefixes: the server would be paid and never join. (kubelet --node-labels; Kubernetes'
 * NodeRestriction) */
static bool kubelet_refuses(const char *key)
{
    const char *slash = strchr(key, '/');
    if (!slash)
        return false;
    char prefix[LABEL_KEY_BYTES_MAX + 1];
    snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - key), key);
    static const char *const allowed[] = {"node.kubernetes.io", "kubelet.kubernetes.io"};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        size_t length = strlen(allowed[i]);
        size_t own = strlen(prefix);
        if (own >= length && strcmp(prefix + own - length, allowed[i]) == 0)
            return false;
    }
    static const char *const domains[] = {"kubernetes.io", "k8s.io"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        size_t length = strlen(domains[i]);
        size_t own = strlen(prefix);
        if (own >= length && strcmp(prefix + own - length, domains[i]) == 0 &&
            (own == length || prefix[own - length - 1] == '.'))
            return true;
    }
    return false;
}

static void check_server_label(reader *r, const struct config *c, const struct config_pair *pair)
{
    static const char *const ours[] = {SERVER_LABEL_MANAGED, SERVER_LABEL_CLUSTER,
                                       SERVER_LABEL_POOL, SERVER_LABEL_ID, SERVER_LABEL_FENCE};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(pair->key, ours[i]) == 0)
            config_reader_problem(r, pair, &c->hetzner,
                                  "hetzner.labels: %s is set by Ebbtide itself", pair->key);
    if (begins(pair->key, "hetzner.cloud/"))
        config_reader_problem(r, pair, &c->hetzner,
                              "hetzner.labels: keys of hetzner.cloud/ are reserved by Hetzner");
}

static void check_node_label(reader *r, const struct config *c, const struct config_pool *pool,
                             const struct config_pair *pair)
{
    size_t length = strcspn(c->kube.node_label, "=");
    if (strlen(pair->key) == length && memcmp(pair->key, c->kube.node_label, length) == 0)
        config_reader_problem(r, pair, pool,
                              "pool %s: the label %s is kube.node_label; its nodes have it already",
                              pool->name, pair->key);
    if (kubelet_refuses(pair->key))
        config_reader_problem(
            r, pair, pool,
            "pool %s: the kubelet refuses to set the label %s on its own node (of "
            "kubernetes.io and k8s.io only node.kubernetes.io/ may be set)",
            pool->name, pair->key);
}

void config_combine_labels(struct config_reader *r, const struct config *c)
{
    for (uint32_t i = 0; i < c->hetzner.labels_count; i++)
        check_server_label(r, c, &c->hetzner.labels[i]);
    for (uint32_t i = 0; i < c->pools_count; i++)
        for (uint32_t j = 0; j < c->pools[i].labels_count; j++)
            check_node_label(r, c, &c->pools[i], &c->pools[i].labels[j]);
    size_t length = strcspn(c->kube.node_label, "=");
    char key[LABEL_KEY_BYTES_MAX + 1];
    snprintf(key, sizeof key, "%.*s", (int)(length < sizeof key ? length : 0), c->kube.node_label);
    if (kubelet_refuses(key))
        config_reader_problem(r, &c->kube.node_label, &c->kube,
                              "kube.node_label: the kubelet refuses to set %s on its own node",
                              key);
}
