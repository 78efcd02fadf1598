/* Attempts of a reconciler that was taken over: actions that the actuator must refuse by itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "tests/breakin/attempts.h"

#define MANY 1000

/* Above every id that the true core gives in this life. */
static struct action_id next_id(const struct attack *attack)
{
    static uint64_t counter = UINT64_C(1) << 24;
    return (struct action_id){worker_epoch(attack->worker), ++counter};
}

static struct action on_node(const struct attack *attack, enum action_kind kind)
{
    return (struct action){
        .id = next_id(attack),
        .kind = kind,
        .reason = REASON_HOUR_ENDS,
        .text = "forged",
        .node = {.name = attack->board->node,
                 .pool = "linux",
                 .server_id = attack->board->server_id},
    };
}

static int ask(const struct attack *attack, const struct action *action)
{
    return forge(best_peer(attack), MESSAGE_action, action);
}

int remove_named(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_REMOVE_NODE);
    return ask(attack, &action);
}

int remove_misnamed(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_REMOVE_NODE);
    action.node.name = "ebb-linux-9-9";
    return ask(attack, &action);
}

int deregister_named(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_DEREGISTER_RUNNERS);
    return ask(attack, &action);
}

int drain_named(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_DRAIN_NODE);
    action.force = true;
    return ask(attack, &action);
}

int act_by_an_old_id(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_REMOVE_NODE);
    action.id = (struct action_id){1, 999999};
    if (worker_epoch(attack->worker) == 1)
        action.id.counter = 1;
    return ask(attack, &action);
}

int act_of_another_epoch(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_REMOVE_NODE);
    action.id = (struct action_id){UINT64_MAX, UINT64_MAX};
    return ask(attack, &action);
}

int act_by_an_id_far_ahead(const struct attack *attack)
{
    struct action action = on_node(attack, ACTION_REMOVE_NODE);
    action.id.counter = UINT64_MAX;
    return ask(attack, &action);
}

/* -------------------------------------------------------------------------------- creates */

struct create {
    struct action action;
    struct label labels[4];
    char name[64], id[48];
};

/* Writes a number in base 36 before `end`; where it begins. */
static char *base36(uint64_t number, char *end)
{
    do
        *--end = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    while ((number /= 36) != 0);
    return end;
}

/* As the true core would ask: only the caller's change makes it wrong. Points into itself. */
static void fill_create(const struct attack *attack, struct create *create)
{
    const struct config *config = worker_config(attack->worker);
    const struct config_pool *pool = &config->pools[0];
    struct action_id id = next_id(attack);
    char epoch[16] = "", counter[16] = "";
    snprintf(create->name, sizeof create->name, "%s-%s-%s-%s", config->name_prefix, pool->name,
             base36(id.epoch, &epoch[sizeof epoch - 1]),
             base36(id.counter, &counter[sizeof counter - 1]));
    snprintf(create->id, sizeof create->id, "%" PRIu64 "-%" PRIu64, id.epoch, id.counter);
    create->labels[0] = (struct label){SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE};
    create->labels[1] = (struct label){SERVER_LABEL_CLUSTER, config->cluster};
    create->labels[2] = (struct label){SERVER_LABEL_POOL, pool->name};
    create->labels[3] = (struct label){SERVER_LABEL_ID, create->id};
    create->action = (struct action){
        .id = id,
        .kind = ACTION_CREATE_SERVER,
        .text = "forged",
        .node = {.name = create->name, .pool = pool->name},
        .server_type = pool->offers[0].server_type,
        .location = pool->offers[0].location,
        .image = pool->image,
        .labels = create->labels,
        .labels_count = 4,
    };
}

int create_other_type(const struct attack *attack)
{
    struct create create = {.name = ""};
    fill_create(attack, &create);
    create.action.server_type = "ccx63";
    return ask(attack, &create.action);
}

int create_other_name(const struct attack *attack)
{
    struct create create = {.name = ""};
    fill_create(attack, &create);
    create.action.node.name = "somebody-elses";
    return ask(attack, &create.action);
}

int create_unlabelled(const struct attack *attack)
{
    struct create create = {.name = ""};
    fill_create(attack, &create);
    create.action.labels_count = 3;
    return ask(attack, &create.action);
}

int refused_orders(const struct attack *attack)
{
    int result = BOARD_NONE;
    for (unsigned i = 0; i < MANY / 2; i++) {
        result = create_other_type(attack);
        if (result != BOARD_SENT)
            break;
    }
    return result;
}

int create_a_thousand(const struct attack *attack)
{
    int result = BOARD_NONE;
    for (unsigned i = 0; i < MANY; i++) {
        struct create create = {.name = ""};
        fill_create(attack, &create);
        result = ask(attack, &create.action);
        if (result != BOARD_SENT)
            break;
    }
    return result;
}
