/* The reconciler is taken over: for a few minutes whoever holds it sends well-formed orders that no
 * honest core gives, about any node, runner, server number and offer that he knows or makes up.
 * What is promised of calls has to hold all the same, but that a create needs demand
 * and a new name (witness_rogue): the actuator holds it alone. What it made bears the name of its
 * id, so that the next reconciler knows it for its own and gives it back.
 * May not: send what the channel would refuse, know what the actuator makes of it. */
#include <string.h>

#include "common/names.h"
#include "common/words.h"
#include "reconciler/core/words.h"
#include "trouble.h"

#define ORDERS            40
#define LONGEST_MS        SIM_MINUTES(4)
#define RUNNERS_NAMED_MAX 4

#define PICK(dice, ...)                                                                            \
    ((const char *const[]){__VA_ARGS__})[dice_roll(                                                \
        (dice), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))]

/* ---------------------------------------------------------------------------------- whom it hits
 */

/* Half of the time a runner of that machine, else any: others', and people's. */
static uint32_t name_runners(struct sim *sim, const struct world_server *server,
                             struct runner_ref *refs)
{
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    size_t there = world_runner_count(sim->world);
    bool own = dice_chance(dice, 0.5);
    uint32_t count = 0;
    for (unsigned tries = 0; there > 0 && tries < 8 && count < RUNNERS_NAMED_MAX; tries++) {
        const struct world_runner *runner = world_runner_at(sim->world, dice_roll(dice, there));
        for (size_t i = 0; i < there && own && server != NULL && runner->server_id != server->id;
             i++)
            runner = world_runner_at(sim->world, i);
        if (dice_chance(dice, 0.6))
            refs[count++] = (struct runner_ref){.id = runner->id, .name = runner->name};
    }
    return count;
}

static const struct world_server *some_server(struct sim *sim)
{
    size_t count = world_server_count(sim->world);
    return count > 0
               ? world_server_at(sim->world, dice_roll(dice_of(sim, FAULT_ROGUE_ORDERS), count))
               : NULL;
}

/* A node of Kubernetes' that may have no server of its name. */
static const char *some_node(struct sim *sim)
{
    size_t count = world_node_count(sim->world);
    const struct world_node *node =
        count > 0 ? world_node_at(sim->world, dice_roll(dice_of(sim, FAULT_ROGUE_ORDERS), count))
                  : NULL;
    return node != NULL ? node->name : "nowhere";
}

static uint64_t some_number(struct sim *sim, const struct world_server *server)
{
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    const struct world_server *other = some_server(sim);
    double u = dice_unit(dice);
    if (u < 0.65)
        return server != NULL ? server->id : 0;
    return u < 0.75                    ? 0
           : u < 0.85 && other != NULL ? other->id
                                       : UINT64_C(4000000000) + dice_roll(dice, 9);
}

/* `name` has room for an invented one. */
static void aim(struct sim *sim, struct action *action, struct runner_ref *refs, char name[64])
{
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    const struct world_server *server = some_server(sim);
    double u = dice_unit(dice);
    snprintf(name, 64, "%s-%s-rogue-%u", sim->config->name_prefix,
             sim->config->pools[any_pool(sim, FAULT_ROGUE_ORDERS)].name,
             (unsigned)dice_roll(dice, 30));
    action->node.name = u < 0.85 && server != NULL ? server->name
                        : u < 0.95                 ? some_node(sim)
                                                   : name;
    action->node.server_id = some_number(sim, server);
    const struct world_node *node = world_node_named(sim->world, action->node.name);
    bool known = dice_chance(dice, 0.6) && node != NULL;
    action->node.node_uid =
        known ? node->uid : PICK(dice, "", "", "00000000-0000-4000-a000-000000000000");
    action->node.provider_id = known && dice_chance(dice, 0.5) ? node->provider_id : "";
    action->runners = refs;
    action->runners_count = name_runners(sim, server, refs);
    action->force = dice_chance(dice, 0.5);
}

/* ---------------------------------------------------------------------------------------- creates
 */

/* Mostly the one name that the rails let pass for that id; else an invented one, or the target's.
 */
static void name_server(struct sim *sim, struct action *action, struct action_id id,
                        const char *pool, char name[64])
{
    double u = dice_unit(dice_of(sim, FAULT_ROGUE_ORDERS));
    if (u < 0.7)
        say(name, 64, T(sim->config->name_prefix), T("-"), T(pool), T("-"), B36(id.epoch), T("-"),
            B36(id.counter));
    else if (u < 0.85)
        snprintf(name, 64, "%s-%s-rogue-%u", sim->config->name_prefix, pool,
                 (unsigned)dice_roll(dice_of(sim, FAULT_ROGUE_ORDERS), 30));
    if (u < 0.85)
        action->node.name = name;
}

/* What is asked for is mostly what a pool offers: it is to reach the rails that count. */
static void ask_server(struct sim *sim, struct action *action, struct label labels[4],
                       char name[64], char id[ACTION_ID_TEXT_BYTES])
{
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    const struct config_pool *pool = &sim->config->pools[any_pool(sim, FAULT_ROGUE_ORDERS)];
    const struct config_offer *offer = &pool->offers[dice_roll(dice, pool->offers_count)];
    bool good = dice_chance(dice, 0.7);
    action->node.pool = dice_chance(dice, 0.9) ? pool->name : "elsewhere";
    action->node.server_id = 0;
    action->server_type = good ? offer->server_type : PICK(dice, "ccx43", "cx22", "none");
    action->location = good ? offer->location : PICK(dice, "hel1", "ash", "none");
    action->image = dice_chance(dice, 0.9) ? pool->image : "debian-12";
    struct action_id named = action->id;
    double u = dice_unit(dice);
    if (u < 0.1)
        named.counter += dice_roll(dice, 3);
    else if (u < 0.2) /* one that may have had its server already */
        named.counter -= dice_roll(dice, named.counter < 9 ? named.counter : 9);
    name_server(sim, action, named, pool->name, name);
    (void)action_id_text(named, id);
    labels[0] = (struct label){SERVER_LABEL_MANAGED, SERVER_LABEL_MANAGED_VALUE};
    labels[1] = (struct label){SERVER_LABEL_CLUSTER,
                               dice_chance(dice, 0.95) ? sim->config->cluster : "another"};
    labels[2] = (struct label){SERVER_LABEL_POOL, action->node.pool};
    labels[3] = (struct label){SERVER_LABEL_ID, id};
    action->labels = labels;
    action->labels_count = dice_chance(dice, 0.95) ? 4 : 3;
}

/* ------------------------------------------------------------------------------------- the orders
 */

/* Numbers rise, as the actuator wants them; now and then one does not, or leaps, or is of a life
 * that is still to come. */
static struct action_id next_id(struct sim *sim)
{
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    struct action_id highest = audit_highest(sim->actuator.audit), id = {sim->epoch, 1};
    if (highest.epoch >= id.epoch)
        id = (struct action_id){highest.epoch, highest.counter + 1};
    double u = dice_unit(dice);
    if (u < 0.03)
        id.counter = 1 + dice_roll(dice, id.counter);
    else if (u < 0.05)
        id.counter += UINT64_C(1) << 40;
    else if (u < 0.07)
        id.epoch++;
    return id;
}

static void order(void *argument, uint64_t number)
{
    static const enum action_kind kinds[] = {ACTION_CREATE_SERVER,      ACTION_DEREGISTER_RUNNERS,
                                             ACTION_DEREGISTER_RUNNERS, ACTION_DRAIN_NODE,
                                             ACTION_REMOVE_NODE,        ACTION_RELEASE_RUNNERS};
    struct sim *sim = argument;
    struct dice *dice = dice_of(sim, FAULT_ROGUE_ORDERS);
    struct runner_ref refs[RUNNERS_NAMED_MAX];
    struct label labels[4];
    char name[64], id[ACTION_ID_TEXT_BYTES];
    (void)number;
    if (sim->brain_alive || !sim->hands_alive || sim->healed)
        return;
    (void)sim_world_ms(sim);
    if (sim->actuator.epoch < sim->epoch) /* it died meanwhile, and was called anew */
        actuator_new_asker(&sim->actuator, sim->epoch);
    struct action action = {.id = next_id(sim),
                            .kind = kinds[dice_roll(dice, sizeof kinds / sizeof kinds[0])],
                            .reason = REASON_HOUR_ENDS,
                            .text = "rogue",
                            .node = {.pool = sim->config->pools[0].name},
                            .server_type = "",
                            .location = "",
                            .image = ""};
    aim(sim, &action, refs, name);
    if (action.kind == ACTION_CREATE_SERVER)
        ask_server(sim, &action, labels, name, id);
    sim_say(sim, "> rogue %llu-%llu %s of %s (server %llu, %u runners%s)",
            (unsigned long long)action.id.epoch, (unsigned long long)action.id.counter,
            action_kind_words[action.kind], action.node.name,
            (unsigned long long)action.node.server_id, action.runners_count,
            action.force ? ", force" : "");
    witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    hands_take(sim, &action);
}

/* What it had begun is over, and honest orders alone are under way. */
static void is_over(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    if (number == sim->rogues)
        witness_rogue(sim->witness, false);
}

void rogue_orders(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    int64_t lasts_ms = dice_between(dice, SECONDS(20), LONGEST_MS);
    if (!sim->brain_alive)
        return;
    brain_kill(sim);
    brain_back_in(sim, lasts_ms);
    witness_rogue(sim->witness, true);
    for (unsigned i = 0; i < ORDERS; i++)
        sim_at(sim, dice_between(dice, 1, lasts_ms), order, NULL, sim, 0);
    sim_at(sim, lasts_ms + sim->config->life.action_deadline_ms + SIM_MINUTES(1), is_over, NULL,
           sim, ++sim->rogues);
}
