/* What a run is like: drawn from its seed before anything happens. Swarm testing (Groce et al.,
 * ISSTA 2012): each run has some of the faults and none of the others, so that no fault hides what
 * another would show. May not: know what a fault does. */
#include <math.h>
#include <string.h>

#include "sim.h"

enum occasion { REQUEST, PICTURE, ACTION, MESSAGE, RESTART, WRITE, MINUTE, SEEN };

static const enum occasion occasion_of[sim_fault_count] = {
#define FAULT(name, occasion, hinders, word, doc) [FAULT_##name] = (occasion),
#include "tests/simulation/faults.def"
#undef FAULT
};

/* Least and most share of the occasions at which a fault strikes. */
static const struct {
    double least, most;
} rates[] = {
    [REQUEST] = {0.0005, 0.05}, [PICTURE] = {0.0002, 0.02},
    [ACTION] = {0.005, 0.15},   [MESSAGE] = {0.00001, 0.001},
    [RESTART] = {0.1, 0.6},     [WRITE] = {0.002, 0.1},
    [MINUTE] = {0.0003, 0.02},  [SEEN] = {1, 1},
};

/* unit: "" or "s". */
static void set(struct sim *sim, const char *path, const char *unit, long long value)
{
    struct error error;
    char text[64];
    snprintf(text, sizeof text, "%lld%s", value, unit);
    if (!config_set(sim->config, path, text, &error))
        sim_die(error.text);
}

static void set_text(struct sim *sim, const char *path, const char *value)
{
    struct error error;
    if (!config_set(sim->config, path, value, &error))
        sim_die(error.text);
}

static long long among(struct sim *sim, const long long *values, size_t count)
{
    return values[dice_roll(&sim->dice_setup, count)];
}
#define AMONG(sim, ...)                                                                            \
    among((sim), (const long long[]){__VA_ARGS__},                                                 \
          sizeof((const long long[]){__VA_ARGS__}) / sizeof(long long))

/* Every so many seeds only people and machines do harm, and seldom: there are hours without any
 * fault in between, and what a fault within the hour excuses is decided there. */
#define CALM_EVERY     4
#define CALM_RATE_MOST 0.001

/* Those of the table from here on are drawn with dice of their own, each by its place: a new row
 * shifts nothing that is drawn after the faults. */
#define FAULTS_FIRST_DRAWN FAULT_WRITE_FAILS

static void draw_faults(struct sim *sim)
{
    static const double densities[] = {0, 0.1, 0.3, 0.3, 0.6, 0.9};
    bool calm = sim->options.seed % CALM_EVERY == 0;
    sim->fault_density =
        densities[dice_roll(&sim->dice_setup, sizeof densities / sizeof densities[0])];
    for (unsigned i = 0; i < sim_fault_count; i++) {
        struct dice own = {.state = (sim->options.seed + i) * UINT64_C(0x9FB21C651E98DF25) + i};
        struct dice *dice = i < FAULTS_FIRST_DRAWN ? &sim->dice_setup : &own;
        bool on = dice_chance(dice, sim->fault_density);
        double u = dice_unit(dice);
        double least = rates[occasion_of[i]].least, most = rates[occasion_of[i]].most;
        double rate = least * pow(most / least, u);
        sim->rate[i] = on && !sim->options.no_faults ? rate : 0;
        if (calm && occasion_of[i] != MINUTE)
            sim->rate[i] = 0;
        if (calm && sim->rate[i] > CALM_RATE_MOST)
            sim->rate[i] = CALM_RATE_MOST;
        if (occasion_of[i] == SEEN)
            sim->rate[i] = 1;
        sim->dice_fault[i].state = dice_roll(dice, 0);
    }
    if (sim->options.no_faults)
        sim->fault_density = 0;
}

static long long at_least(long long value, long long least)
{
    return value > least ? value : least;
}

/* One interval for all sources, or in half of the runs (by dice of their own) one for each. */
static void set_intervals(struct sim *sim, long long poll, bool large)
{
    static const char *const sources[source_count] = {
        [SOURCE_GITEA] = "gitea", [SOURCE_HETZNER] = "hetzner", [SOURCE_KUBE] = "kube"};
    static const long long few[] = {5, 10, 20, 30, 45, 60}, many[] = {30, 45, 60};
    struct dice dice = {sim->options.seed * UINT64_C(0xC2B2AE3D27D4EB4F) + 1};
    bool apart = dice_chance(&dice, 0.5);
    for (unsigned i = 0; i < source_count; i++) {
        char path[40];
        if (apart && i != SOURCE_GITEA)
            poll = large ? many[dice_roll(&dice, sizeof many / sizeof many[0])]
                         : few[dice_roll(&dice, sizeof few / sizeof few[0])];
        snprintf(path, sizeof path, "%s.poll_interval", sources[i]);
        set(sim, path, "s", poll);
        snprintf(path, sizeof path, "trust.%s_age_max", sources[i]);
        set(sim, path, "s", at_least(poll * 4, 60));
        if (i == SOURCE_HETZNER) /* its list is to show what was made */
            set(sim, "life.create_grace", "s", at_least(poll * 2, 60));
    }
}

static void draw_config(struct sim *sim)
{
    struct dice *dice = &sim->dice_setup;
    sim->config = config_new();
    if (sim->config == NULL)
        sim_die("out of memory");
    long long poll = AMONG(sim, 5, 10, 20, 30, 30, 45, 60, 60);
    long long max = dice_between(dice, 1, 12);
    set_text(sim, "mode", "act");
    set_text(sim, "pools[0].name", "linux");
    set_text(sim, "pools[0].label_sets[0]", "[linux]");
    set_text(sim, "pools[0].server_url", "https://10.0.0.1:6443");
    set_text(sim, "pools[0].offers[0].server_type", "ccx33");
    set_text(sim, "pools[0].offers[0].location", "nbg1");
    if (dice_chance(dice, 0.5)) {
        set_text(sim, "pools[0].offers[1].server_type", "ccx23");
        set_text(sim, "pools[0].offers[1].location", "fsn1");
    }
    set(sim, "pools[0].max", "", max);
    set(sim, "pools[0].min", "", dice_chance(dice, 0.8) ? 0 : dice_between(dice, 0, max));
    set(sim, "pools[0].capacity", "", AMONG(sim, 1, 1, 1, 2, 4));
    set(sim, "rails.max_servers", "", max + dice_between(dice, 0, 2));
    set_text(sim, "rails.max_hourly_cost", dice_chance(dice, 0.8) ? "10.00" : "0.30");
    set(sim, "rails.creates_per_minute", "", AMONG(sim, 1, 5, 5, 20));
    set(sim, "rails.deletes_per_minute", "", AMONG(sim, 1, 10, 10, 20));
    set_intervals(sim, poll, false);
    set(sim, "life.idle_timeout", "s", AMONG(sim, 0, 0, 60, 300, 300, 900));
    set(sim, "life.idle_confirm", "s", AMONG(sim, 15, 15, 30));
    set(sim, "billing.window", "s", AMONG(sim, 120, 300, 300, 600));
    if (dice_chance(dice, 0.25))
        set_text(sim, "gitea.runner_match", "node-name");
    sim->fence_exists = !dice_chance(dice, 0.15);
    sim->page_size = AMONG(sim, 2, 5, 50, 50, 50);
}

/* A large fleet, as a company has it: it shows what small ones cannot, and many days of servers. */
static void draw_large(struct sim *sim)
{
    struct dice *dice = &sim->dice_setup;
    long long max = dice_between(dice, 20, 60);
    long long poll = AMONG(sim, 30, 60, 60);
    set(sim, "pools[0].max", "", max);
    set(sim, "pools[0].min", "", dice_between(dice, 0, max * 3 / 4));
    set(sim, "rails.max_servers", "", max + dice_between(dice, 0, 2));
    set_text(sim, "rails.max_hourly_cost", "100.00");
    set(sim, "rails.creates_per_minute", "", 30);
    set(sim, "rails.deletes_per_minute", "", 30);
    set_intervals(sim, poll, true);
}

static void draw_world(struct sim *sim)
{
    struct dice *dice = &sim->dice_setup;
    struct world_config config;
    world_config_defaults(&config);
    config.start_ms = SIM_START_MS;
    config.seed = dice_roll(dice, 0);
    config.runner_named_by_node = sim->config->gitea.runner_match == MATCH_NODE_NAME;
    config.ephemeral = dice_chance(dice, 0.2);
    config.daemonset = !dice_chance(dice, 0.2);
    config.servers_max = dice_chance(dice, 0.85) ? 100 : dice_between(dice, 2, 6);
    config.runner_poll_ms = dice_between(dice, 4500, 15000);
    config.job_fails_permille = 20;
    pools_on_machines(sim, &config);
    sim->world = world_new(&config);
    sim->repo = world_repo(sim->world, "acme", "app");
    static const char *const labels[] = {"linux", "ubuntu"};
    sim->has_permanent = dice_chance(dice, 0.2);
    if (sim->has_permanent)
        (void)world_runner_create(sim->world,
                                  &(struct world_runner_spec){.name = "permanent",
                                                              .labels = labels,
                                                              .label_count = 2,
                                                              .scope = WORLD_SCOPE_ADMIN,
                                                              .permanent = true,
                                                              .started = true});
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What Ebbtide may take to notice that a machine rests and to give it back, with these settings:
 * Gitea's `busy` stays for 10 s; looks that agree; its own pause; then fence, drain, delete. A
 * teardown that was once measured to be slow makes it begin earlier, up to half of the hour. */
static int64_t notice_ms(const struct sim *sim)
{
    const struct config *config = sim->config;
    int64_t polls = 4 * config->gitea.poll_interval_ms + 2 * config->kube.poll_interval_ms +
                    2 * config->hetzner.poll_interval_ms;
    int64_t teardown = config->gitea.fence_settle_ms + config->life.drain_deadline_ms +
                       config->life.remove_allowance_ms;
    if (sim->fault_density > 0)
        teardown = larger(teardown, config->billing.period_ms * 5 / 8);
    return SECONDS(10) + config->life.idle_confirm_ms + config->life.idle_timeout_ms + polls +
           teardown + SECONDS(100); /* it is looked at once a minute */
}

/* An hour of the dearest type that any offer names. */
static uint64_t dearest_micro(void)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(types[i].name, "ccx", 3) == 0 && (uint64_t)types[i].hour_microeuro > most)
            most = (uint64_t)types[i].hour_microeuro;
    return most;
}

static int64_t way_ms(const struct config *config)
{
    return config->life.action_deadline_ms + SECONDS(10);
}

int64_t demand_memory_ms(const struct sim *sim)
{
    return sim->config->trust.gitea_age_max_ms + 3 * way_ms(sim->config) + sim->demand_extra_ms;
}

void rules_from_config(struct sim *sim)
{
    const struct config *config = sim->config;
    int64_t way = way_ms(config);
    struct witness_rules rules = {
        .servers_max = config->rails.max_servers,
        .hourly_micro_max = config->rails.max_hourly_cost_micro,
        .fence_exists = sim->fence_exists,
        .fence_settle_ms = config->gitea.fence_settle_ms,
        .race_ms = way,
        .demand_memory_ms = demand_memory_ms(sim),
        /* The core counts from when it asked: up to an action and its way before `created`. */
        .provision_ms = config->life.provision_timeout_ms - way,
        .notice_ms = notice_ms(sim),
        .shown_is_told = true,
        .growth_ms = config->life.provision_timeout_ms + config->rails.offer_pause_ms +
                     config->rails.sold_out_pause_ms + 8 * config->gitea.poll_interval_ms +
                     SIM_MINUTES(5),
        .dearest_micro = dearest_micro(),
    };
    rules.bound_ms =
        config->billing.period_ms + rules.provision_ms + rules.notice_ms + SIM_MINUTES(30);
    snprintf(rules.cluster, sizeof rules.cluster, "%s", config->cluster);
    pools_rules(sim, &rules);
    sim->rules = rules;
}

void setup_draw(struct sim *sim)
{
    struct dice *dice = &sim->dice_setup;
    dice->state = sim->options.seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    sim->dice_time.state = dice_roll(dice, 0);
    sim->dice_work.state = dice_roll(dice, 0);
    sim->dice_people.state = dice_roll(dice, 0);
    sim->dice_pools.state = sim->options.seed * UINT64_C(0xD1B54A32D192ED03) + 1;
    sim->dice_later.state = sim->options.seed * UINT64_C(0xBF58476D1CE4E5B9) + 1;
    draw_faults(sim);
    draw_config(sim);
    sim->large = dice_chance(dice, 0.3) || sim->options.large;
    if (sim->large)
        draw_large(sim);
    pools_draw(sim);
    sim->pools_drawn = sim->config->pools_count;
    sim->servers_drawn = (int64_t)sim->config->rails.max_servers;
    draw_world(sim);
    rules_from_config(sim);
    if (sim->options.hours == 0)
        sim->options.hours = dice_between(dice, 6, 60);
    sim->push_mean_ms = AMONG(sim, 3, 10, 10, 30, 60, 180) * SIM_MINUTES(1);
    sim->jobs_a_run = AMONG(sim, 1, 3, 8);
    if (sim->large)
        sim->push_mean_ms /= 3;
}
