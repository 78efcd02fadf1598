/* The first stretch: joins the three snapshots into what is seen of each node, in time linear in
 * their sizes. Servers and Kubernetes nodes by name, provider id and label; runners in runners.c.
 * May not: change a node's state. */
#include <string.h>

#include "common/names.h"
#include "reconciler/core/private.h"

static void forget_sight(struct node *node)
{
    node->sight = (struct sight){.server = NONE, .kube = NONE, .job = NONE};
}

static const char *label_value(const struct hetzner_server *server, const char *key)
{
    for (uint32_t i = 0; i < server->labels_count; i++)
        if (text_same(server->labels[i].key, key))
            return server->labels[i].value;
    return "";
}

/* Reads "EPOCH-COUNTER" (decimal). */
static bool parse_id(const char *text, struct action_id *id)
{
    uint64_t part[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        const char *start = text;
        for (; *text >= '0' && *text <= '9'; text++) {
            if (part[i] > UINT64_MAX / 10 - 1)
                return false;
            part[i] = part[i] * 10 + (uint64_t)(*text - '0');
        }
        if (text == start || *text != (i == 0 ? '-' : '\0'))
            return false;
        text++;
    }
    *id = (struct action_id){.epoch = part[0], .counter = part[1]};
    return part[0] != 0 && part[1] != 0;
}

static void stranger(struct core *core, const struct hetzner_server *server, const char *why)
{
    core_alarm(core, ALARM_STRANGER, server->name, T("server "), T(server->name), T(" (id "),
               N(server->id), T(") bears our labels, but "), T(why),
               T(". It is left alone and costs money: give it its labels back, or delete it."));
}

/* A server of ours that nobody remembers: its answer was lost, or the checkpoint was. */
static struct node *adopt(struct core *core, const struct hetzner_server *server)
{
    struct action_id id;
    if (!parse_id(label_value(server, SERVER_LABEL_ID), &id)) {
        stranger(core, server, "not the id of an action of ours");
        return NULL;
    }
    const char *pool = label_value(server, SERVER_LABEL_POOL);
    if (pool[0] == '\0') {
        stranger(core, server, "not the name of a pool");
        return NULL;
    }
    struct node *node = fleet_add(core, server->name, pool);
    if (node == NULL) {
        stranger(core, server, "more nodes than NODES_MAX are there");
        return NULL;
    }
    int64_t age = hour_api_ms(core) - server->created_ms;
    node->made_by = id;
    if (age > 0 && server->created_ms > 0)
        node->asked = (struct moment){core->mono_ms - age, core->wall_ms - age};
    core_say(core, VERBOSITY_INFO, T("node "), T(node->name), T(": adopted server "), N(server->id),
             T(", age "), SPAN(age));
    return node;
}

static void see_server(struct core *core, uint32_t index)
{
    const struct hetzner_server *server = &core->hetzner->servers[index];
    struct node *node = fleet_find(core, server->name);
    if (node == NULL)
        node = adopt(core, server);
    if (node == NULL)
        return;
    struct action_id id;
    if (parse_id(label_value(server, SERVER_LABEL_ID), &id) && node->made_by.epoch != 0 &&
        (id.epoch != node->made_by.epoch || id.counter != node->made_by.counter)) {
        stranger(core, server, "another action's id than its name says");
        return;
    }
    if (node->server_id != 0 && node->server_id != server->id) {
        stranger(core, server, "another server of its name was ours");
        return;
    }
    if (node->made_by.epoch == 0)
        (void)parse_id(label_value(server, SERVER_LABEL_ID), &node->made_by);
    node->sight.server = index;
    node->sight.create_failed = server->create_failed;
    node->server_id = server->id;
    node->created_ms = server->created_ms;
    if (node->server_type[0] == '\0' || !text_same(node->server_type, server->server_type))
        text_copy(node->server_type, sizeof node->server_type, server->server_type);
    if (node->location[0] == '\0')
        text_copy(node->location, sizeof node->location, server->location);
}

/* Whether a Kubernetes node's provider id speaks against the server of that name. */
static bool provider_differs(const struct kube_node *kube, const struct node *node)
{
    const char *rest = NULL;
    uint64_t id = 0;
    if (node->server_id == 0 || !text_begins(kube->provider_id, PROVIDER_ID_PREFIX, &rest))
        return false;
    for (; *rest >= '0' && *rest <= '9'; rest++)
        id = id * 10 + (uint64_t)(*rest - '0');
    return *rest == '\0' && id != node->server_id;
}

static void see_kube_node(struct core *core, uint32_t index)
{
    const struct kube_node *kube = &core->kube->nodes[index];
    struct node *node = fleet_find(core, kube->name);
    const char *rest = NULL;
    if (node == NULL) {
        if (text_begins(kube->name, core->config->name_prefix, &rest) && *rest == '-' &&
            core->hetzner != NULL)
            core_alarm(core, ALARM_STRANGER, kube->name, T("Kubernetes node "), T(kube->name),
                       T(" bears our label and no server of ours has its name. It is left alone: "
                         "delete it if it is not another installation's."));
        return;
    }
    if (provider_differs(kube, node)) {
        core_alarm(core, ALARM_STRANGER, kube->name, T("Kubernetes node "), T(kube->name),
                   T(" says it runs on "), T(kube->provider_id), T(", our server of that name is "),
                   N(node->server_id), T(". It is left alone: look which is right."));
        return;
    }
    node->sight.kube = index;
}

/* Times are those of the look, not of the step that could make use of it: what one look shows and
 * what it lacks belong together, also where another source's had to come first. */
static void follow(const struct core *core, struct node *node, enum source source, bool listed)
{
    struct presence *presence = &node->presence[source];
    int64_t mono_ms = core->source[source].head->ended_mono_ms;
    if (listed) {
        if (presence->first_mono_ms == 0 || presence->unlisted)
            presence->first_mono_ms = mono_ms;
        presence->unlisted = false;
        presence->missing_mono_ms = 0;
    } else if (presence->first_mono_ms != 0 && presence->missing_mono_ms == 0) {
        presence->missing_mono_ms = mono_ms;
    }
}

static void follow_node(struct core *core, struct node *node)
{
    /* Also of one from a checkpoint that no list shows yet: it may be made, and is to be paid. */
    if (core->hetzner != NULL && (core->event == CORE_HETZNER || node->price_micro == 0))
        (void)offers_price(core, node->server_type, node->location, &node->price_micro);
    if (core->hetzner != NULL)
        follow(core, node, SOURCE_HETZNER, node->sight.server != NONE);
    if (core->kube != NULL)
        follow(core, node, SOURCE_KUBE, node->sight.kube != NONE);
    /* Without Kubernetes' pods a runner that is not known by name is nobody's; one that is known
     * was there. */
    if (core->gitea != NULL && (core->kube != NULL || node->sight.registered != 0))
        follow(core, node, SOURCE_GITEA, node->sight.registered != 0);
}

void facts_join(struct core *core)
{
    fleet_index(core);
    for (uint32_t i = 0; i < core->node_count; i++)
        forget_sight(&core->node[i]);
    for (uint32_t i = 0;
         core->restored && core->hetzner != NULL && i < core->hetzner->servers_count; i++)
        see_server(core, i);
    for (uint32_t i = 0; core->kube != NULL && i < core->kube->nodes_count; i++)
        see_kube_node(core, i);
    runners_join(core);
    for (uint32_t i = 0; i < core->node_count; i++)
        follow_node(core, &core->node[i]);
}
