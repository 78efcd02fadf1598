/* What people do by hand, with our things and with theirs. May not: know what Ebbtide does about
 * it. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "trouble.h"

void job_cancelled(struct sim *sim, enum sim_fault fault)
{
    if (sim->open_jobs > 0)
        (void)world_job_cancel(sim->world,
                               sim->open_job[dice_roll(dice_of(sim, fault), sim->open_jobs)]);
}

static void enable(void *argument, uint64_t id)
{
    struct sim *sim = argument;
    const struct world_runner *runner = world_runner_find(sim->world, id);
    world_by_hand(sim->world, true);
    if (runner != NULL && runner->disabled_by_hand)
        (void)world_runner_disable(sim->world, id, false);
    world_by_hand(sim->world, false);
}

void fence_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *runner = any_runner(sim, fault);
    if (runner == NULL || !sim->fence_exists) /* this Gitea has no such button */
        return;
    (void)world_runner_disable(sim->world, runner->id, true);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(1), HOURS(5)), enable, NULL, sim,
           runner->id);
}

void cordon_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_node *node = any_node(sim, fault);
    if (node == NULL)
        return;
    struct world_taint taints[WORLD_TAINTS_MAX];
    memcpy(taints, node->taints, sizeof taints);
    struct world_node_spec spec = {.labels = &node->labels,
                                   .annotations = &node->annotations,
                                   .taints = taints,
                                   .taint_count = node->taint_count,
                                   .unschedulable = true};
    (void)world_node_update(sim->world, node->name, &spec);
}

void runner_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *runner = any_runner(sim, fault);
    if (runner != NULL)
        (void)world_runner_delete(sim->world, runner->id);
}

void node_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_node *node = any_node(sim, fault);
    char name[WORLD_NAME_BYTES];
    if (node == NULL)
        return;
    memcpy(name, node->name, sizeof name);
    (void)world_node_delete(sim->world, name, NULL);
}

void server_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    uint64_t action;
    if (server != NULL)
        (void)world_server_delete(sim->world, server->id, &action);
}

static void unprotect(void *argument, uint64_t id)
{
    struct sim *sim = argument;
    uint64_t action;
    (void)world_server_protect(sim->world, id, false, &action);
}

void protect(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    uint64_t action;
    if (server == NULL)
        return;
    (void)world_server_protect(sim->world, server->id, true, &action);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(10), HOURS(6)), unprotect, NULL, sim,
           server->id);
}

/* A server of somebody else: labels none, or ours with an id that no action has. */
static void foreign_server(struct sim *sim, const char *name, bool labelled)
{
    size_t types, places, images;
    struct world_pair pairs[] = {
        {(char *)(uintptr_t)SERVER_LABEL_MANAGED, (char *)(uintptr_t)SERVER_LABEL_MANAGED_VALUE},
        {(char *)(uintptr_t)SERVER_LABEL_CLUSTER, (char *)(uintptr_t)sim->config->cluster},
        {(char *)(uintptr_t)SERVER_LABEL_POOL, (char *)(uintptr_t) "linux"},
        {(char *)(uintptr_t)SERVER_LABEL_ID, (char *)(uintptr_t) "a-person"}};
    struct world_map labels = {.pairs = pairs, .count = labelled ? 4 : 0};
    uint64_t id, actions[2];
    struct world_server_spec spec = {.name = name,
                                     .type = world_server_types(&types),
                                     .location = world_locations(&places),
                                     .image = world_images(&images),
                                     .labels = &labels,
                                     .start = false};
    (void)world_server_create(sim->world, &spec, &id, actions);
}

static void base36(uint64_t number, char *out)
{
    char reversed[16];
    unsigned length = 0;
    do
        reversed[length++] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    while ((number /= 36) > 0);
    while (length > 0)
        *out++ = reversed[--length];
    *out = '\0';
}

/* As the core names them: PREFIX-POOL-EPOCH-COUNTER in base 36, one of the next counters. */
static void next_name(struct sim *sim, enum sim_fault fault, char name[128])
{
    char epoch[16], counter[16];
    uint64_t next =
        sim->brain_alive && sim->output->checkpoint != NULL ? sim->output->checkpoint->counter : 0;
    base36(sim->epoch, epoch);
    base36(next + 1 + dice_roll(dice_of(sim, fault), 3), counter);
    snprintf(name, 128, "%s-%s-%s-%s", sim->config->name_prefix,
             sim->config->pools[any_pool(sim, fault)].name, epoch, counter);
}

void name_clash(struct sim *sim, enum sim_fault fault)
{
    char name[128];
    next_name(sim, fault, name);
    foreign_server(sim, name, false);
}

/* A machine that is no server of Hetzner's, without our label: our machine of that name cannot
 * join. */
void node_clash(struct sim *sim, enum sim_fault fault)
{
    static const struct world_map none = {NULL, 0};
    char name[128];
    next_name(sim, fault, name);
    struct world_node_spec spec = {.labels = &none, .annotations = &none};
    (void)world_node_create(sim->world, name, "", &spec, true);
}

void stranger(struct sim *sim, enum sim_fault fault)
{
    char name[64];
    (void)fault;
    snprintf(name, sizeof name, "stranger-%llu", (unsigned long long)++sim->strangers);
    foreign_server(sim, name, true);
}

void stranger_runner(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    static const char *const labels[] = {"elsewhere"};
    char name[WORLD_NAME_BYTES + 8];
    if (server == NULL)
        return;
    snprintf(name, sizeof name, "%.200s.x", server->name); /* no name that ours could ever be */
    (void)world_runner_create(sim->world, &(struct world_runner_spec){.name = name,
                                                                      .labels = labels,
                                                                      .label_count = 1,
                                                                      .scope = WORLD_SCOPE_ADMIN,
                                                                      .permanent = true});
}
