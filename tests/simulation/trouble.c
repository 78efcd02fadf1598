/* What happens to machines, processes and clocks, and by people's hands. Each kind has its occasion
 * once a minute, or at each message. May not: know what Ebbtide does about it. */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "sim.h"

#define OCCASION_MS SIM_MINUTES(1)
#define RELOAD_GRACE_MS                                                                            \
    SIM_MINUTES(5) /* what was asked under the old rules has arrived by then                       \
                    */

static struct dice *dice_of(struct sim *sim, enum sim_fault fault)
{
    return &sim->dice_fault[fault];
}

/* ------------------------------------------------------------------------------- who is struck */

static const struct world_server *any_server(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_server_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (is_managed(&world_server_at(sim->world, i)->labels))
            mine[count++] = world_server_at(sim->world, i);
    return count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
}

static const struct world_node *any_node(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    return server != NULL ? world_node_named(sim->world, server->name) : NULL;
}

static const struct world_pod *any_pod(struct sim *sim, enum sim_fault fault)
{
    const struct world_pod *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_pod_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (world_pod_at(sim->world, i)->is_runner)
            mine[count++] = world_pod_at(sim->world, i);
    return count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
}

static const struct world_runner *any_runner(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *mine[SIM_NODES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < world_runner_count(sim->world) && count < SIM_NODES_MAX; i++)
        if (!world_runner_at(sim->world, i)->permanent)
            mine[count++] = world_runner_at(sim->world, i);
    return count > 0 ? mine[dice_roll(dice_of(sim, fault), count)] : NULL;
}

/* ---------------------------------------------------------------------------------- machines */

static void next_trouble(struct sim *sim, enum sim_fault fault)
{
    static const struct {
        enum sim_fault fault;
        enum world_trouble trouble;
    } rows[] = {
        {FAULT_CREATE_FAILS, WORLD_TROUBLE_CREATE_FAILS},
        {FAULT_BOOT_HANGS, WORLD_TROUBLE_BOOT_HANGS},
        {FAULT_JOIN_FAILS, WORLD_TROUBLE_JOIN_FAILS},
        {FAULT_NEVER_READY, WORLD_TROUBLE_NEVER_READY},
        {FAULT_POD_HANGS, WORLD_TROUBLE_POD_HANGS},
        {FAULT_REGISTER_FAILS, WORLD_TROUBLE_REGISTER_FAILS},
        {FAULT_POD_STUCK, WORLD_TROUBLE_POD_STUCK},
        {FAULT_DELETE_FAILS, WORLD_TROUBLE_DELETE_FAILS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].fault == fault)
            world_trouble_next(sim->world, rows[i].trouble, 1);
}

static void server_crash(struct sim *sim, enum sim_fault fault)
{
    const struct world_server *server = any_server(sim, fault);
    if (server != NULL)
        (void)world_server_crash(sim->world, server->id);
}

static void runner_again(struct sim *sim, enum sim_fault fault)
{
    const struct world_pod *pod = any_pod(sim, fault);
    if (pod != NULL)
        (void)world_pod_restart(sim->world, pod->namespace_name, pod->name);
}

static void sold_out_ends(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    world_set_sold_out(sim->world, NULL, NULL, false);
}

static void sold_out(struct sim *sim, enum sim_fault fault)
{
    world_set_sold_out(sim->world, NULL, NULL, true);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(1), HOURS(3)), sold_out_ends, NULL,
           sim, 0);
}

static void budgets_end(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    (void)world_budget_delete(sim->world, "gitea-runners", "never");
    (void)world_budget_delete(sim->world, "gitea-runners", "two");
    (void)world_budget_delete(sim->world, "web", "never");
}

void trouble_budgets_end(struct sim *sim)
{
    budgets_end(sim, 0);
}

static void budget(struct sim *sim, enum sim_fault fault)
{
    struct world_budget row = {.namespace_name = "gitea-runners",
                               .name = "never",
                               .label_key = "app",
                               .label_value = "gitea-actions-runner",
                               .min_available = 1000};
    (void)world_budget_set(sim->world, &row);
    if (fault == FAULT_BUDGET_TWO) {
        memcpy(row.name, "two", sizeof "two");
        (void)world_budget_set(sim->world, &row);
    }
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(2), HOURS(4)), budgets_end, NULL, sim,
           0);
}

/* Somebody's pod comes to run on one of our nodes: half of them under a budget that never lets go.
 */
static void pod_of_others(struct sim *sim, enum sim_fault fault)
{
    static char key[] = "app", value[] = "front";
    struct world_pair pair = {.key = key, .value = value};
    const struct world_map labels = {.pairs = &pair, .count = 1};
    const struct world_budget never = {.namespace_name = "web",
                                       .name = "never",
                                       .label_key = "app",
                                       .label_value = "front",
                                       .min_available = 1000};
    const struct world_node *node = any_node(sim, fault);
    char name[24];
    if (node == NULL || node->unschedulable)
        return;
    snprintf(name, sizeof name, "front-%u", sim->strike_number[fault]);
    (void)world_pod_create(sim->world, &(struct world_pod_spec){.namespace_name = "web",
                                                                .name = name,
                                                                .node_name = node->name,
                                                                .labels = &labels,
                                                                .owner = WORLD_OWNER_REPLICASET,
                                                                .owner_name = "front",
                                                                .phase = WORLD_POD_RUNNING});
    if (dice_chance(dice_of(sim, fault), 0.5))
        return;
    (void)world_budget_set(sim->world, &never);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(2), HOURS(4)), budgets_end, NULL, sim,
           0);
}

/* -------------------------------------------------------------------------------------- people */

static void job_cancelled(struct sim *sim, enum sim_fault fault)
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

static void fence_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *runner = any_runner(sim, fault);
    if (runner == NULL || !sim->fence_exists) /* this Gitea has no such button */
        return;
    (void)world_runner_disable(sim->world, runner->id, true);
    sim_at(sim, dice_between(dice_of(sim, fault), SIM_MINUTES(1), HOURS(5)), enable, NULL, sim,
           runner->id);
}

static void cordon_by_hand(struct sim *sim, enum sim_fault fault)
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

static void runner_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_runner *runner = any_runner(sim, fault);
    if (runner != NULL)
        (void)world_runner_delete(sim->world, runner->id);
}

static void node_by_hand(struct sim *sim, enum sim_fault fault)
{
    const struct world_node *node = any_node(sim, fault);
    char name[WORLD_NAME_BYTES];
    if (node == NULL)
        return;
    memcpy(name, node->name, sizeof name);
    (void)world_node_delete(sim->world, name, NULL);
}

static void server_by_hand(struct sim *sim, enum sim_fault fault)
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

static void protect(struct sim *sim, enum sim_fault fault)
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

/* Drawn only where there is a choice: the runs with one pool keep their course. */
static uint32_t any_pool(struct sim *sim, enum sim_fault fault)
{
    uint32_t pools = sim->config->pools_count;
    return pools > 1 ? (uint32_t)dice_roll(dice_of(sim, fault), pools) : 0;
}

/* As the core names them: PREFIX-POOL-EPOCH-COUNTER in base 36, one of the next counters. */
static void name_clash(struct sim *sim, enum sim_fault fault)
{
    char epoch[16], counter[16], name[128];
    uint64_t next =
        sim->brain_alive && sim->output->checkpoint != NULL ? sim->output->checkpoint->counter : 0;
    base36(sim->epoch, epoch);
    base36(next + 1 + dice_roll(dice_of(sim, fault), 3), counter);
    snprintf(name, sizeof name, "%s-%s-%s-%s", sim->config->name_prefix,
             sim->config->pools[any_pool(sim, fault)].name, epoch, counter);
    foreign_server(sim, name, false);
}

static void stranger(struct sim *sim, enum sim_fault fault)
{
    char name[64];
    (void)fault;
    snprintf(name, sizeof name, "stranger-%llu", (unsigned long long)++sim->strangers);
    foreign_server(sim, name, true);
}

static void stranger_runner(struct sim *sim, enum sim_fault fault)
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

/* ------------------------------------------------------------------- the machine that we run on */

static void api_outage(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    struct poller_model *poller = &sim->poller[dice_roll(dice, source_count)];
    int64_t most = dice_chance(dice, 0.2) ? HOURS(8) : SIM_MINUTES(20);
    poller->down_until_ms = sim->now_ms + dice_between(dice, SECONDS(5), most);
}

static void storage_fails(struct sim *sim, enum sim_fault fault)
{
    sim->storage_bad_until_ms =
        sim->now_ms + dice_between(dice_of(sim, fault), SECONDS(5), HOURS(1));
}

static void audit_fails(struct sim *sim, enum sim_fault fault)
{
    sim->audit_bad_until_ms = sim->now_ms + dice_between(dice_of(sim, fault), SECONDS(5), HOURS(1));
}

static void clock_jump(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    static const int64_t most[] = {SECONDS(20), SIM_MINUTES(10), HOURS(2), HOURS(30)};
    int64_t by = dice_between(dice, 1, most[dice_roll(dice, 4)]);
    sim->wall_skew_ms = dice_chance(dice, 0.4) ? 0 : dice_chance(dice, 0.5) ? by : -by;
    sim_say(sim, "= our wall clock is %lld ms off", (long long)sim->wall_skew_ms);
}

static void lower_rules(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    rules_from_config(sim);
    witness_change(sim->witness, &sim->rules);
}

/* What was asked before still counts by the old rules for a while. */
static void reload(struct sim *sim, enum sim_fault fault)
{
    struct error error;
    char path[32], text[24];
    struct witness_rules before = sim->rules;
    uint32_t pool = any_pool(sim, fault);
    int64_t max = dice_between(dice_of(sim, fault), 1, (int64_t)sim->config->rails.max_servers);
    snprintf(path, sizeof path, "pools[%u].max", pool);
    snprintf(text, sizeof text, "%lld", (long long)max);
    if (max < (int64_t)sim->config->pools[pool].min || !config_set(sim->config, path, text, &error))
        return;
    rules_from_config(sim);
    struct witness_rules wider = sim->rules;
    if (before.pool[pool].max > wider.pool[pool].max)
        wider.pool[pool].max = before.pool[pool].max;
    sim->rules = wider;
    witness_change(sim->witness, &wider);
    sim_at(sim, RELOAD_GRACE_MS, lower_rules, NULL, sim, 0);
    struct core_event event = {.kind = CORE_CONFIGURED, .u.config = sim->config};
    if (sim->brain_alive)
        brain_event(sim, &event);
}

static void poller_back(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    if (!sim->poller[number].alive)
        poller_start(sim, (enum source)number);
}

static void kill_poller(struct sim *sim, enum source source, int64_t longest_ms)
{
    if (!sim->poller[source].alive)
        return;
    poller_kill(sim, source);
    sim_at(sim, dice_between(&sim->dice_people, 100, longest_ms), poller_back, NULL, sim, source);
}

static void kill_all(struct sim *sim)
{
    brain_kill(sim);
    hands_kill(sim);
    for (unsigned i = 0; i < source_count; i++)
        kill_poller(sim, (enum source)i, SECONDS(20));
}

void trouble_at_message(struct sim *sim)
{
    if (sim_strikes(sim, FAULT_KILL_ALL))
        kill_all(sim);
    if (sim_strikes(sim, FAULT_REBOOT)) {
        kill_all(sim);
        sim->boot_ms = sim->now_ms;
    }
    if (sim_strikes(sim, FAULT_KILL_ACTUATOR))
        hands_kill(sim);
    if (sim_strikes(sim, FAULT_KILL_POLLER))
        kill_poller(sim, (enum source)dice_roll(dice_of(sim, FAULT_KILL_POLLER), source_count),
                    SIM_MINUTES(10));
}

/* ------------------------------------------------------------------------------------ occasions */

static const struct {
    enum sim_fault fault;
    void (*strike)(struct sim *sim, enum sim_fault fault);
    bool by_hand;
} occasions[] = {
    {FAULT_API_OUTAGE, api_outage, false},
    {FAULT_CHECKPOINT_FAILS, storage_fails, false},
    {FAULT_AUDIT_FAILS, audit_fails, false},
    {FAULT_CLOCK_JUMP, clock_jump, false},
    {FAULT_RELOAD, reload, false},
    {FAULT_CREATE_FAILS, next_trouble, false},
    {FAULT_BOOT_HANGS, next_trouble, false},
    {FAULT_JOIN_FAILS, next_trouble, false},
    {FAULT_NEVER_READY, next_trouble, false},
    {FAULT_POD_HANGS, next_trouble, false},
    {FAULT_REGISTER_FAILS, next_trouble, false},
    {FAULT_POD_STUCK, next_trouble, false},
    {FAULT_DELETE_FAILS, next_trouble, false},
    {FAULT_SERVER_CRASH, server_crash, false},
    {FAULT_RUNNER_AGAIN, runner_again, false},
    {FAULT_SOLD_OUT, sold_out, false},
    {FAULT_BUDGET_NEVER, budget, false},
    {FAULT_BUDGET_TWO, budget, false},
    {FAULT_JOB_CANCELLED, job_cancelled, true},
    {FAULT_FENCE_BY_HAND, fence_by_hand, true},
    {FAULT_CORDON_BY_HAND, cordon_by_hand, true},
    {FAULT_RUNNER_BY_HAND, runner_by_hand, true},
    {FAULT_NODE_BY_HAND, node_by_hand, true},
    {FAULT_SERVER_BY_HAND, server_by_hand, true},
    {FAULT_PROTECTED_BY_HAND, protect, true},
    {FAULT_NAME_CLASH, name_clash, true},
    {FAULT_STRANGER, stranger, true},
    {FAULT_STRANGER_RUNNER, stranger_runner, true},
    {FAULT_POD_OF_OTHERS, pod_of_others, true},
};

static bool still_hinders(const struct sim *sim)
{
    return sim->now_ms < sim->storage_bad_until_ms || sim->now_ms < sim->audit_bad_until_ms ||
           sim->wall_skew_ms != 0 || !sim->brain_alive || !sim->hands_alive ||
           world_budget_count(sim->world) > 0;
}

static void occasion(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    if (sim->healed)
        return;
    (void)sim_world_ms(sim);
    if (still_hinders(sim))
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    for (size_t i = 0; i < sizeof occasions / sizeof occasions[0]; i++) {
        if (!sim_strikes(sim, occasions[i].fault))
            continue;
        world_by_hand(sim->world, occasions[i].by_hand);
        occasions[i].strike(sim, occasions[i].fault);
        world_by_hand(sim->world, false);
    }
    if (sim_strikes(sim, FAULT_KILL_RECONCILER))
        brain_kill(sim);
    sim_at(sim, OCCASION_MS, occasion, NULL, sim, 0);
}

void trouble_start(struct sim *sim)
{
    sim_at(sim, OCCASION_MS, occasion, NULL, sim, 0);
}
