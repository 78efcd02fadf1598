/* The rails, judged from fresh facts. May not: do I/O, read a clock, log. */
#include "actuator/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/audit.h"
#include "common/names.h"

static const char *const rail_names[] = {
#define RAIL(value, name, doc) [value] = (name),
#include "actuator/rails.def"
#undef RAIL
};

const char *rail_name(enum rail rail)
{
    return rail_names[rail];
}

static const struct verdict passes = {.rail = RAIL_NONE};

static struct verdict refuse(enum rail rail, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct verdict refuse(enum rail rail, const char *format, ...)
{
    struct verdict verdict = {.rail = rail};
    char why[ERROR_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    error_set(&verdict.text, "%s", why);
    error_wrap(&verdict.text, "rail %s", rail_name(rail));
    return verdict;
}

/* ----------------------------------------------------------------------- the request itself */

static const struct config_pool *find_pool(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->pools_count; i++)
        if (strcmp(config->pools[i].name, name) == 0)
            return &config->pools[i];
    return NULL;
}

static bool pool_offers(const struct config_pool *pool, const struct action *action)
{
    if (strcmp(pool->image, action->image) != 0)
        return false;
    for (uint32_t i = 0; i < pool->offers_count; i++)
        if (strcmp(pool->offers[i].server_type, action->server_type) == 0 &&
            strcmp(pool->offers[i].location, action->location) == 0)
            return true;
    return false;
}

/* Whether name is PREFIX-something. */
static bool is_our_name(const struct config *config, const char *name)
{
    size_t length = strlen(config->name_prefix);
    return strncmp(name, config->name_prefix, length) == 0 && name[length] == '-' &&
           name[length + 1] != '\0';
}

static const char *asked_label(const struct action *action, const char *key)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < action->labels_count; i++)
        if (strcmp(action->labels[i].key, key) == 0)
            value = action->labels[i].value;
    return value;
}

static bool is_label(const char *value, const char *wanted)
{
    return value != NULL && strcmp(value, wanted) == 0;
}

/* The labels asked for: ours, those of hetzner.labels, and no other. */
static bool labels_are_right(const struct config *config, const struct action *action)
{
    struct action_id id;
    const char *text = asked_label(action, SERVER_LABEL_ID);
    if (!is_label(asked_label(action, SERVER_LABEL_MANAGED), SERVER_LABEL_MANAGED_VALUE) ||
        !is_label(asked_label(action, SERVER_LABEL_CLUSTER), config->cluster) ||
        !is_label(asked_label(action, SERVER_LABEL_POOL), action->node.pool) || text == NULL ||
        !action_id_parse(text, &id) || action_id_compare(id, action->id) > 0)
        return false;
    for (uint32_t i = 0; i < config->hetzner.labels_count; i++)
        if (!is_label(asked_label(action, config->hetzner.labels[i].key),
                      config->hetzner.labels[i].value))
            return false;
    return action->labels_count == 4 + config->hetzner.labels_count;
}

/* Writes a number in base 36 before `end`; where it begins. */
static char *base36(uint64_t number, char *end)
{
    do
        *--end = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    while ((number /= 36) != 0);
    return end;
}

/* Whether name is the only one that a server of that id may have: PREFIX-POOL-EPOCH-COUNTER. Under
 * another the reconciler would not know it for its own, and nobody would give it back. */
static bool is_name_of_id(const struct config *config, const struct action *action)
{
    struct action_id id;
    char wanted[192], epoch[16] = "", counter[16] = "";
    const char *text = asked_label(action, SERVER_LABEL_ID);
    if (text == NULL || !action_id_parse(text, &id) || id.epoch == 0 || id.counter == 0)
        return false;
    int length = snprintf(wanted, sizeof wanted, "%s-%s-%s-%s", config->name_prefix,
                          action->node.pool, base36(id.epoch, &epoch[sizeof epoch - 1]),
                          base36(id.counter, &counter[sizeof counter - 1]));
    return length > 0 && (size_t)length < sizeof wanted && strcmp(action->node.name, wanted) == 0;
}

static struct verdict judge_create_request(const struct config *config, const struct action *action)
{
    const struct config_pool *pool = find_pool(config, action->node.pool);
    if (pool == NULL)
        return refuse(RAIL_OFFER, "there is no pool %s", action->node.pool);
    if (!pool_offers(pool, action))
        return refuse(RAIL_OFFER, "pool %s does not offer %s with %s in %s", pool->name,
                      action->server_type, action->image, action->location);
    if (!labels_are_right(config, action))
        return refuse(RAIL_LABELS, "the labels asked for %.80s are not exactly ours",
                      action->node.name);
    if (!is_name_of_id(config, action))
        return refuse(RAIL_NAME, "%.80s is not the name of a server with the id %s",
                      action->node.name, asked_label(action, SERVER_LABEL_ID));
    return passes;
}

struct verdict judge_request(const struct config *config, const struct action *action)
{
    if (config->mode != MODE_ACT)
        return refuse(RAIL_MODE, "in mode observe nothing is changed");
    if (action->kind == ACTION_CREATE_SERVER)
        return judge_create_request(config, action);
    return passes;
}

/* ----------------------------------------------------------------------------------- creates */

static bool is_listed(const struct facts *facts, const char *name)
{
    for (uint32_t i = 0; i < facts->servers.count; i++)
        if (strcmp(facts->servers.item[i].name, name) == 0)
            return true;
    return false;
}

/* Servers that exist or are being made, beside this one; pool NULL: of all pools. */
static uint64_t count_servers(const struct action *action, const struct facts *facts,
                              const struct deeds *deeds, const char *pool)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < facts->servers.count; i++) {
        const struct hetzner_server *server = &facts->servers.item[i];
        if (strcmp(server->name, action->node.name) != 0 &&
            (pool == NULL || is_label(hetzner_label(server, SERVER_LABEL_POOL), pool)))
            count++;
    }
    for (uint32_t i = 0; i < deeds->creating_count; i++) {
        const struct action *other = deeds->creating[i];
        if ((pool == NULL || strcmp(other->node.pool, pool) == 0) &&
            !is_listed(facts, other->node.name))
            count++;
    }
    return count;
}

/* Adds the price of a type in a place; false where it is not known. */
static bool add_price(const struct facts *facts, const char *type, const char *location,
                      uint64_t *sum)
{
    for (uint32_t i = 0; i < facts->prices->count; i++) {
        const struct hetzner_price *price = &facts->prices->item[i];
        if (strcmp(price->server_type, type) == 0 && strcmp(price->location, location) == 0) {
            *sum += price->hourly_micro;
            return true;
        }
    }
    return false;
}

static struct verdict no_price(const char *type, const char *location)
{
    return refuse(RAIL_COST, "the price of %s in %s is not known", type, location);
}

static struct verdict judge_cost(const struct config *config, const struct action *action,
                                 const struct facts *facts, const struct deeds *deeds)
{
    uint64_t sum = 0, most = config->rails.max_hourly_cost_micro;
    if (!add_price(facts, action->server_type, action->location, &sum))
        return no_price(action->server_type, action->location);
    for (uint32_t i = 0; i < facts->servers.count; i++) {
        const struct hetzner_server *server = &facts->servers.item[i];
        if (strcmp(server->name, action->node.name) != 0 &&
            !add_price(facts, server->server_type, server->location, &sum))
            return no_price(server->server_type, server->location);
    }
    for (uint32_t i = 0; i < deeds->creating_count; i++) {
        const struct action *other = deeds->creating[i];
        if (!is_listed(facts, other->node.name) &&
            !add_price(facts, other->server_type, other->location, &sum))
            return no_price(other->server_type, other->location);
    }
    if (sum > most)
        return refuse(RAIL_COST,
                      "with this server an hour would cost %" PRIu64 ".%06" PRIu64
                      ", at most %" PRIu64 ".%06" PRIu64 " is allowed",
                      sum / 1000000, sum % 1000000, most / 1000000, most % 1000000);
    return passes;
}

static struct verdict judge_counts(const struct config *config, const struct action *action,
                                   const struct facts *facts, const struct deeds *deeds)
{
    const struct config_pool *pool = find_pool(config, action->node.pool);
    uint64_t all = count_servers(action, facts, deeds, NULL);
    if (all >= config->rails.max_servers)
        return refuse(RAIL_SERVERS, "%" PRIu64 " servers exist or are being made, at most %" PRIu64,
                      all, config->rails.max_servers);
    uint64_t in_pool = count_servers(action, facts, deeds, action->node.pool);
    if (pool == NULL || in_pool >= pool->max)
        return refuse(RAIL_POOL, "pool %s has %" PRIu64 " servers, at most %" PRIu64,
                      action->node.pool, in_pool, pool == NULL ? 0 : pool->max);
    if (deeds->creates_last_minute >= config->rails.creates_per_minute)
        return refuse(RAIL_CREATES, "%" PRIu32 " servers were asked for in the last minute",
                      deeds->creates_last_minute);
    if (deeds->requests_remaining >= 0 &&
        (uint64_t)deeds->requests_remaining < config->hetzner.request_reserve)
        return refuse(RAIL_REQUESTS, "Hetzner leaves us %" PRId64 " requests, deletes need them",
                      deeds->requests_remaining);
    return passes;
}

struct verdict judge_create(const struct config *config, const struct action *action,
                            const struct facts *facts, const struct deeds *deeds)
{
    if (facts->server_found) {
        if (is_label(hetzner_label(&facts->server, SERVER_LABEL_ID),
                     asked_label(action, SERVER_LABEL_ID)))
            return passes;
        return refuse(RAIL_NAME, "a server %.80s exists, and its id is not the one asked for",
                      action->node.name);
    }
    if (deeds->name_used)
        return refuse(RAIL_NAME,
                      "a node %.80s had a server, which is not there: its name is used up",
                      action->node.name);
    struct verdict verdict = judge_counts(config, action, facts, deeds);
    return verdict.rail == RAIL_NONE ? judge_cost(config, action, facts, deeds) : verdict;
}

/* -------------------------------------------------------------------------------------- nodes */

static struct verdict judge_server(const struct config *config, const struct action *action,
                                   const struct hetzner_server *server)
{
    struct action_id id;
    const char *text = hetzner_label(server, SERVER_LABEL_ID);
    if (!is_label(hetzner_label(server, SERVER_LABEL_MANAGED), SERVER_LABEL_MANAGED_VALUE) ||
        !is_label(hetzner_label(server, SERVER_LABEL_CLUSTER), config->cluster) || text == NULL ||
        !action_id_parse(text, &id))
        return refuse(RAIL_LABELS, "server %" PRIu64 " (%.80s) does not bear our labels",
                      server->id, server->name);
    if (strcmp(server->name, action->node.name) != 0)
        return refuse(RAIL_IDENTITY, "server %" PRIu64 " is called %.80s, not %.80s", server->id,
                      server->name, action->node.name);
    if (action->node.server_id != 0 && server->id != action->node.server_id)
        return refuse(RAIL_IDENTITY, "server %.80s is %" PRIu64 ", not %" PRIu64, server->name,
                      server->id, action->node.server_id);
    return passes;
}

/* The server that a provider id names; 0: it names none of Hetzner's. */
static uint64_t provider_server(const char *provider_id)
{
    size_t length = strlen(PROVIDER_ID_PREFIX);
    if (strncmp(provider_id, PROVIDER_ID_PREFIX, length) != 0)
        return 0;
    char *end;
    uint64_t id = strtoull(provider_id + length, &end, 10);
    return *end == '\0' ? id : 0;
}

static struct verdict judge_kube_node(const struct config *config, const struct action *action,
                                      const struct facts *facts)
{
    const struct kube_node *node = &facts->node.node;
    if (action->node.node_uid[0] != '\0' && strcmp(action->node.node_uid, node->uid) != 0)
        return refuse(RAIL_IDENTITY, "the Kubernetes node %.80s has uid %s now, not %s", node->name,
                      node->uid, action->node.node_uid);
    uint64_t named = provider_server(node->provider_id);
    uint64_t server = facts->server_found ? facts->server.id : action->node.server_id;
    if (named != 0 && server != 0 && named != server)
        return refuse(RAIL_IDENTITY,
                      "the Kubernetes node %.80s says it is %.40s, the server is %" PRIu64,
                      node->name, node->provider_id, server);
    if (!facts->server_found && !is_our_name(config, node->name))
        return refuse(RAIL_NAME,
                      "there is no server for the Kubernetes node %.80s, and its name is not ours",
                      node->name);
    /* Somebody's may bear the name of a machine of ours, which then could not join. */
    bool names_ours = facts->server_found && named == facts->server.id;
    if (!facts->node.labelled && !names_ours)
        return refuse(RAIL_LABELS,
                      "the Kubernetes node %.80s neither bears %.80s nor says that it is our "
                      "server: give it that label if it is ours, or delete it",
                      node->name, config->kube.node_label);
    return passes;
}

struct verdict judge_node(const struct config *config, const struct action *action,
                          const struct facts *facts)
{
    struct verdict verdict = passes;
    if (facts->server_found)
        verdict = judge_server(config, action, &facts->server);
    if (verdict.rail == RAIL_NONE && facts->node_found)
        verdict = judge_kube_node(config, action, facts);
    return verdict;
}

struct verdict judge_runners(const struct config *config, const struct action *action,
                             const struct facts *facts)
{
    for (uint32_t i = 0; i < action->runners_count; i++) {
        const struct gitea_runner *runner = facts_runner(facts, action->runners[i].id);
        if (runner != NULL && !facts_id_used_again(action, runner) &&
            facts_runner_owner(facts, config, action, runner) == RUNNER_OTHERS)
            return refuse(RAIL_RUNNER, "runner %" PRIu64 " (%.80s) is not of node %.80s",
                          runner->id, runner->name, action->node.name);
    }
    return passes;
}

bool judge_force(const struct config *config, const struct action *action,
                 const struct facts *facts, int64_t drained_ms)
{
    bool over = facts_drain_since(facts) != 0 && drained_ms >= config->life.drain_deadline_ms;
    return action->force && (over || facts_machine_gone(facts));
}

/* The drain is over where nothing is left to evict, or its deadline has passed. */
static struct verdict judge_order(const struct config *config, const struct facts *facts,
                                  int64_t drained_ms)
{
    uint32_t left = facts->node_found ? facts_pods_left(facts) : 0;
    if (left == 0)
        return passes;
    if (facts_drain_since(facts) == 0)
        return refuse(RAIL_ORDER, "%" PRIu32 " pods are on the node, and no drain has begun", left);
    if (drained_ms < config->life.drain_deadline_ms)
        return refuse(RAIL_ORDER, "%" PRIu32 " pods are left, and the drain's deadline is not over",
                      left);
    return passes;
}

struct verdict judge_remove(const struct config *config, const struct action *action,
                            const struct facts *facts, const struct deeds *deeds)
{
    for (uint32_t i = 0; i < facts->runners.count; i++) {
        const struct gitea_runner *runner = &facts->runners.item[i];
        if (facts_runner_owner(facts, config, action, runner) == RUNNER_OURS &&
            (runner->busy || facts_job_of(facts, runner->id) != NULL))
            return refuse(RAIL_JOB, "runner %" PRIu64 " of the node has a job", runner->id);
    }
    /* Pods of a machine that is gone have ended, whatever their objects say. */
    struct verdict verdict =
        facts_machine_gone(facts) ? passes : judge_order(config, facts, deeds->drained_ms);
    if (verdict.rail == RAIL_NONE && facts->server_found && !deeds->deleted_before &&
        deeds->deletes_last_minute >= config->rails.deletes_per_minute)
        return refuse(RAIL_DELETES, "%" PRIu32 " servers were deleted in the last minute",
                      deeds->deletes_last_minute);
    return verdict;
}
