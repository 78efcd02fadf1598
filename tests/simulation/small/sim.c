/* The tiny world as a whole: it begins, something happens in it, it is told from others by a
 * number. May not: search. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/small/tiny.h"

static const bool fair[tiny_event_count] = {
#define EVENT(name, most, fair, sentence) [EVENT_##name] = (fair),
#include "tests/simulation/small/events.def"
#undef EVENT
};

bool event_is_fair(tiny_event event)
{
    unsigned kind = event >> 8;
    return fair[kind] || (kind == EVENT_act && (event & 15) == DEED_well) ||
           event == TINY_EVENT(EVENT_clock, 2);
}

/* -------------------------------------------------------------------------------- open, begin */

static void configure(struct config *config, const char *path, const char *value)
{
    struct error error;
    if (!config_set(config, path, value, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

static void configure_ms(struct config *config, const char *path, int64_t ms)
{
    char value[32];
    snprintf(value, sizeof value, "%lldms", (long long)ms);
    configure(config, path, value);
}

/* Everything but how many servers; times are shorter than a real installation's, so that a healed
 * world comes to its end in few rounds. */
static struct config *new_config(const char *breaker_share)
{
    static const char *const words[][2] = {
        {"mode", "act"},
        {"pools[0].name", "linux"},
        {"pools[0].label_sets[0]", "[linux]"},
        {"pools[0].offers[0].server_type", "ccx33"},
        {"pools[0].offers[0].location", "nbg1"},
    };
    static const struct {
        const char *path;
        int64_t ms;
    } times[] = {
        {"billing.period", HOUR_MS},         {"billing.window", WINDOW_MS},
        {"gitea.fence_settle", SETTLE_MS},   {"life.idle_timeout", IDLE_MS},
        {"life.idle_confirm", CONFIRM_MS},   {"life.provision_timeout", PROVISION_MS},
        {"life.create_grace", GRACE_MS},     {"life.action_deadline", DEADLINE_MS},
        {"life.drain_deadline", DRAIN_MS},   {"life.remove_allowance", 20000},
        {"life.deregister_longest", 300000}, {"life.drain_longest", 300000},
        {"life.remove_longest", 300000},     {"trust.gitea_age_max", STALE_MS},
        {"trust.hetzner_age_max", STALE_MS}, {"trust.kube_age_max", STALE_MS},
        {"trust.clock_skew_max", 30000},     {"rails.sold_out_pause", 60000},
        {"rails.offer_pause", 120000},
    };
    struct config *config = config_new();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        configure(config, words[i][0], words[i][1]);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        configure_ms(config, times[i].path, times[i].ms);
    configure(config, "trust.breaker_share", breaker_share);
    return config;
}

void sim_open(struct sim *sim)
{
    memset(sim, 0, sizeof *sim);
    sim->config = new_config("50%");
    sim->agreed = new_config("100%");
    sim->out = calloc(1, sizeof *sim->out);
    sim->block = calloc(1, core_size(sim->config));
    if (sim->out == NULL || sim->block == NULL)
        abort();
}

void sim_close(struct sim *sim)
{
    void *owners[3];
    if (sim->core != NULL)
        core_end(sim->core, owners);
    config_free(sim->config);
    config_free(sim->agreed);
    free(sim->out);
    free(sim->block);
    memset(sim, 0, sizeof *sim);
}

static void limit(struct config *config, unsigned servers)
{
    char value[8];
    snprintf(value, sizeof value, "%u", servers);
    configure(config, "pools[0].max", value);
    configure(config, "rails.max_servers", value);
}

static void feed_fresh(struct sim *sim, enum source source)
{
    static struct tiny_picture picture;
    show_take(&sim->tiny, source, &picture);
    feed_picture(sim, source, &picture);
}

void sim_reset(struct sim *sim, unsigned servers, unsigned jobs)
{
    struct tiny *tiny = &sim->tiny;
    limit(sim->config, servers);
    limit(sim->agreed, servers);
    memset(tiny, 0, sizeof *tiny);
    tiny->servers_max = (uint8_t)servers;
    tiny->jobs_max = (uint8_t)jobs;
    tiny->connected = true;
    tiny->mono_ms = tiny->hindered_ms = 1000000;
    tiny->next_server = 501;
    tiny->next_runner = 1;
    sim->said = sim->told = 1;
    feed_start(sim, 2);
    feed_fresh(sim, SOURCE_HETZNER);
    feed_fresh(sim, SOURCE_KUBE);
    feed_fresh(sim, SOURCE_GITEA);
}

/* ---------------------------------------------------------------------------------------- time */

static const struct tiny_slot *first_server(const struct tiny *tiny)
{
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        if (tiny->land.slot[s].server != 0)
            return &tiny->land.slot[s];
    return NULL;
}

/* How far a jump leads; 0: nowhere. */
static int64_t jump_ms(const struct tiny *tiny, enum tiny_jump jump)
{
    const struct tiny_slot *slot = first_server(tiny);
    int64_t left = slot != NULL ? HOUR_MS - (tiny_api_ms(tiny) - slot->created_ms) % HOUR_MS : 0;
    switch (jump) {
    case JUMP_WAKE: return tiny->wake_ms - tiny->mono_ms;
    case JUMP_STALE: return STALE_MS + 1000;
    case JUMP_PROVISION: return PROVISION_MS + 1000;
    case JUMP_WINDOW: return left > WINDOW_MS ? left - WINDOW_MS + 1000 : 0;
    case JUMP_HOUR: return left > 0 ? left + 1000 : 0;
    case TINY_JUMPS: break;
    }
    return 0;
}

/* All of it at once: the machine slept, or the core was held up. */
static void pass(struct sim *sim, int64_t ms, bool hindered)
{
    sim->tiny.mono_ms += ms;
    if (hindered || !sim->tiny.connected || sim->tiny.skew_ms != 0)
        sim->tiny.hindered_ms = sim->tiny.mono_ms;
    life_settle(&sim->tiny);
    scene_servers(sim);
    if (sim->tiny.wake_ms <= sim->tiny.mono_ms)
        feed_step(sim, &(struct core_event){.kind = CORE_TICK});
}

/* The core is woken whenever it asked for it. */
static void pass_round(struct sim *sim, int64_t ms)
{
    int64_t until = sim->tiny.mono_ms + ms;
    while (sim->tiny.mono_ms < until) {
        int64_t wake = sim->tiny.wake_ms;
        bool wakes = wake > sim->tiny.mono_ms && wake < until;
        pass(sim, (wakes ? wake : until) - sim->tiny.mono_ms, false);
    }
    feed_fresh(sim, SOURCE_HETZNER);
    feed_fresh(sim, SOURCE_KUBE);
    feed_fresh(sim, SOURCE_GITEA);
}

/* ---------------------------------------------------------------------------------- pictures */

static void feed_torn(struct sim *sim)
{
    static struct tiny_picture picture;
    const struct tiny_picture *old = &sim->tiny.old[SOURCE_GITEA];
    show_take(&sim->tiny, SOURCE_GITEA, &picture);
    picture.began_ms = old->began_ms;
    memcpy(picture.land.job, old->land.job, sizeof picture.land.job);
    feed_picture(sim, SOURCE_GITEA, &picture);
}

static void feed_trouble(struct sim *sim, enum source source)
{
    struct poll_trouble trouble = {.source = source,
                                   .trouble = TROUBLE_UNAUTHORIZED,
                                   .http_status = 401,
                                   .failures = 1,
                                   .text = "401 Unauthorized"};
    feed_step(sim, &(struct core_event){.kind = CORE_POLL_TROUBLE, .u.poll_trouble = &trouble});
}

/* -------------------------------------------------------------------------------------- events */

bool sim_can(const struct sim *sim, tiny_event event)
{
    const struct tiny *tiny = &sim->tiny;
    enum tiny_event_kind kind = (enum tiny_event_kind)(event >> 8);
    unsigned argument = event & 255u;
    switch ((unsigned)kind) {
    case EVENT_round:
    case EVENT_fresh:
    case EVENT_trouble: return true;
    case EVENT_pass: return jump_ms(tiny, (enum tiny_jump)argument) > 0;
    case EVENT_old: return tiny->old[argument].there;
    case EVENT_torn: /* no poll takes longer */
        return tiny->old[SOURCE_GITEA].there &&
               tiny->mono_ms - tiny->old[SOURCE_GITEA].began_ms <= DEADLINE_MS;
    case EVENT_act: return deed_possible(tiny, argument / 16, (enum tiny_deed)(argument % 16));
    case EVENT_answer: return tiny->errand[argument].stage == 2;
    case EVENT_lose: return tiny->connected;
    case EVENT_back: return !tiny->connected;
    case EVENT_restart: return argument == 0 || (tiny->saved[1].there && !tiny->sent);
    case EVENT_clock:
        return tiny->skew_ms != (argument == 0 ? SKEW_MS : argument == 1 ? -SKEW_MS : 0);
    case EVENT_agree: return tiny->breaker && !tiny->agreed;
    default: return life_can(tiny, kind, argument);
    }
}

static void do_other(struct sim *sim, enum tiny_event_kind kind, unsigned argument)
{
    struct tiny *tiny = &sim->tiny;
    switch ((unsigned)kind) {
    case EVENT_round:
        pass_round(sim, argument == 0 ? POLL_MS : argument == 1 ? CONFIRM_MS : 4 * POLL_MS);
        return;
    case EVENT_pass: pass(sim, jump_ms(tiny, (enum tiny_jump)argument), true); return;
    case EVENT_fresh: feed_fresh(sim, (enum source)argument); return;
    case EVENT_old: {
        static struct tiny_picture picture;
        picture = tiny->old[argument];
        feed_picture(sim, (enum source)argument, &picture);
        return;
    }
    case EVENT_torn: feed_torn(sim); return;
    case EVENT_trouble: feed_trouble(sim, (enum source)argument); return;
    case EVENT_act: deed_do(sim, argument / 16, (enum tiny_deed)(argument % 16)); return;
    case EVENT_answer: feed_answer(sim, argument); return;
    case EVENT_lose: feed_lost(sim); return;
    case EVENT_back: feed_actuator(sim); return;
    case EVENT_restart: feed_start(sim, argument); return;
    case EVENT_clock:
        tiny->skew_ms = argument == 0 ? SKEW_MS : argument == 1 ? -SKEW_MS : 0;
        feed_step(sim, &(struct core_event){.kind = CORE_TICK});
        return;
    case EVENT_agree:
        tiny->agreed = true;
        feed_step(sim, &(struct core_event){.kind = CORE_CONFIGURED, .u.config = sim->agreed});
        return;
    default: life_do(tiny, kind, argument); return;
    }
}

static bool changes_land(enum tiny_event_kind kind)
{
    return (kind >= EVENT_job && kind < EVENT_act) || kind == EVENT_act;
}

void sim_do(struct sim *sim, tiny_event event)
{
    enum tiny_event_kind kind = (enum tiny_event_kind)(event >> 8);
    static struct tiny_land before;
    sim->event = event;
    if (sim->story != NULL)
        story_tell(sim, event);
    if (!event_is_fair(event))
        sim->tiny.hindered_ms = sim->tiny.mono_ms;
    before = sim->tiny.land;
    do_other(sim, kind, event & 255u);
    life_settle(&sim->tiny);
    if (changes_land(kind))
        show_before_change(&sim->tiny, &before);
}

uint64_t sim_digest(const struct sim *sim)
{
    return (core_digest(sim->core) ^ tiny_digest(&sim->tiny)) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* ------------------------------------------------------------------------- a world that is fair */

static bool at_every(const struct tiny *tiny, int64_t rounds, int64_t phase)
{
    return tiny->mono_ms / POLL_MS % rounds == phase;
}

static tiny_event mend(const struct sim *sim)
{
    const struct tiny *tiny = &sim->tiny;
    if (!tiny->connected)
        return TINY_EVENT(EVENT_back, 0);
    if (tiny->skew_ms != 0)
        return TINY_EVENT(EVENT_clock, 2);
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        if (tiny->errand[s].stage == 1)
            return TINY_EVENT(EVENT_act, s * 16 + DEED_well);
        if (tiny->errand[s].stage == 2)
            return TINY_EVENT(EVENT_answer, s);
        static const enum tiny_event_kind kinds[] = {EVENT_unfence, EVENT_join, EVENT_leave,
                                                     EVENT_serve};
        for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (life_can(tiny, kinds[i], s))
                return TINY_EVENT(kinds[i], s);
    }
    if (tiny->breaker && !tiny->agreed && at_every(tiny, 8, 7))
        return TINY_EVENT(EVENT_agree, 0);
    return 0;
}

static tiny_event work(const struct sim *sim)
{
    const struct tiny *tiny = &sim->tiny;
    for (unsigned j = 0; j < TINY_JOBS; j++) {
        if (life_can(tiny, EVENT_unblock, j))
            return TINY_EVENT(EVENT_unblock, j);
        for (unsigned r = 0; r < TINY_SLOTS * TINY_RUNNERS; r++)
            if (life_can(tiny, EVENT_take, j * 8 + r))
                return TINY_EVENT(EVENT_take, j * 8 + r);
        if (life_can(tiny, EVENT_end, j) && at_every(tiny, 4, 0))
            return TINY_EVENT(EVENT_end, j);
        if (life_can(tiny, EVENT_sweep, j) && at_every(tiny, 16, 0))
            return TINY_EVENT(EVENT_sweep, j);
    }
    return 0;
}

tiny_event sim_fair(const struct sim *sim)
{
    const struct tiny *tiny = &sim->tiny;
    bool fresh = true, jobs = false;
    tiny_event event = mend(sim);
    if (event == 0)
        event = work(sim);
    if (event != 0)
        return event;
    for (unsigned k = 0; k < 3; k++)
        fresh = fresh && tiny->held[k].there && tiny->mono_ms - tiny->held[k].ended_ms < STALE_MS;
    for (unsigned j = 0; j < TINY_JOBS; j++)
        jobs = jobs || tiny->land.job[j].state != JOB_NONE;
    bool calm = fresh && !jobs && !tiny->breaker && first_server(tiny) != NULL;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        calm = calm && tiny->track[s].state < NODE_DEREGISTERING + 1;
    return TINY_EVENT(EVENT_round, calm ? 2 : 0);
}
