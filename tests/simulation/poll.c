/* The pollers: each reads its lists page by page, each page at its own moment, and passes a whole
 * picture on, or a trouble; as poller/gitea.c and its like do, with what can go wrong on the way.
 * May not: know what the core makes of it. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define TRIES_MAX          6 /* readings of one list, as the pollers' LIST_TRIES_MAX */
#define RUNNERS_LISTED_MAX 2048
#define ROUND_GAP_MS       500 /* as the pollers' */
#define BACKOFF_MS         1000
#define BACKOFF_MOST       60000
#define LATE_MS_MOST       90000

enum stage { STAGE_JOBS, STAGE_RUNNERS, STAGE_SERVERS, STAGE_NODES, STAGE_PODS };

struct reading {
    struct sim *sim;
    enum source source;
    uint64_t generation;
    struct picture *picture;
    enum stage stage;
    int64_t began_mono_ms;
    uint64_t requests;
    uint32_t first, tries; /* Gitea's paging */
    bool total_known;
    uint32_t total; /* as the first page said, of what is kept */
    struct gitea_job *jobs;
    struct gitea_runner *runners;
    uint32_t count, room;
};

static void poll(void *argument, uint64_t number);

static int64_t interval_ms(const struct sim *sim, enum source source)
{
    return source == SOURCE_GITEA     ? sim->config->gitea.poll_interval_ms
           : source == SOURCE_HETZNER ? sim->config->hetzner.poll_interval_ms
                                      : sim->config->kube.poll_interval_ms;
}

static uint64_t item_number(struct sim *sim, enum source source)
{
    return ++sim->poller[source].timer << 2 | (uint64_t)source;
}

static void plan_next(struct sim *sim, enum source source, int64_t delay_ms)
{
    sim->poller[source].next_ms = sim->now_ms + delay_ms;
    sim_at(sim, delay_ms, poll, NULL, sim, item_number(sim, source));
}

static void drop_reading(void *argument)
{
    struct reading *reading = argument;
    picture_drop(reading->picture);
    free(reading->jobs);
    free(reading->runners);
    free(reading);
}

/* ------------------------------------------------------------------------------------ giving on */

struct parcel {
    struct sim *sim;
    uint64_t generation; /* of the brain it is for: a channel dies with either end */
    struct picture *picture;
};

static void drop_parcel(void *argument)
{
    struct parcel *parcel = argument;
    picture_drop(parcel->picture);
    free(parcel);
}

static void give(struct sim *sim, struct picture *picture)
{
    static const enum core_event_kind kinds[source_count] = {CORE_GITEA, CORE_HETZNER, CORE_KUBE};
    struct core_event event = {.kind = kinds[picture->source], .owner = picture};
    if (!sim->brain_alive) {
        picture_drop(picture);
        return;
    }
    if (picture->source == SOURCE_GITEA)
        event.u.gitea = &picture->u.gitea;
    else if (picture->source == SOURCE_HETZNER)
        event.u.hetzner = &picture->u.hetzner;
    else
        event.u.kube = &picture->u.kube;
    judge_picture(sim, picture);
    sim->counts.pictures++;
    brain_event(sim, &event); /* the core has it from now on */
    trouble_at_message(sim);
}

static void arrive(void *argument, uint64_t number)
{
    struct parcel *parcel = argument;
    struct sim *sim = parcel->sim;
    struct picture *picture = parcel->picture;
    bool heard = parcel->generation == sim->brain_generation;
    (void)number;
    free(parcel);
    if (heard)
        give(sim, picture);
    else
        picture_drop(picture);
}

static void send(struct sim *sim, struct picture *picture, int64_t delay_ms)
{
    struct parcel *parcel = sim_alloc(sizeof *parcel);
    *parcel = (struct parcel){sim, sim->brain_generation, picture};
    sim_at(sim, delay_ms, arrive, drop_parcel, parcel, 0);
}

static void finish(struct reading *reading)
{
    struct sim *sim = reading->sim;
    struct picture *picture = reading->picture;
    struct poller_model *poller = &sim->poller[reading->source];
    *picture_head(picture) = (struct snapshot_head){
        .sequence = ++poller->sequence,
        .began_mono_ms = reading->began_mono_ms,
        .ended_mono_ms = sim_mono_ms(sim),
        .wall_ms = sim_wall_ms(sim),
        .api_ms = sim_world_ms(sim) / 1000 * 1000,
        .requests = reading->requests,
    };
    picture->taken_ms = sim->now_ms;
    if (poller_is_frozen(sim, reading->source))
        picture_make_stale(picture, poller->frozen);
    else if (poller->before != NULL && sim_strikes(sim, FAULT_PICTURE_STALE))
        picture_make_stale(picture, poller->before);
    else if (sim_strikes(sim, FAULT_PICTURE_EMPTY))
        picture_make_empty(picture);
    else if (sim_strikes(sim, FAULT_PICTURE_LACKS))
        picture_make_lack(sim, picture);
    if (picture->parent != NULL && reading->source == SOURCE_GITEA)
        demand_is_older(sim, sim->now_ms - picture->taken_ms);
    if (sim_strikes(sim, FAULT_PICTURE_SHUFFLED) && picture->parent == NULL)
        picture_shuffle(sim, picture);
    if (picture->parent == NULL) /* never a chain of stale ones */
        poller_keep(poller, picture);
    int64_t delay = 1;
    if (sim_strikes(sim, FAULT_PICTURE_LATE))
        delay = dice_between(&sim->dice_fault[FAULT_PICTURE_LATE], 100, LATE_MS_MOST);
    if (sim_strikes(sim, FAULT_PICTURE_TWICE)) {
        picture->holders++;
        send(sim, picture,
             delay + dice_between(&sim->dice_fault[FAULT_PICTURE_TWICE], 0, SECONDS(30)));
    }
    send(sim, picture, delay);
    reading->picture = NULL;
    poller->reading = false;
    poller->ended_ms = sim->now_ms;
    poller->failures = 0;
    plan_next(sim, reading->source,
              poller->again ? ROUND_GAP_MS : interval_ms(sim, reading->source));
    drop_reading(reading);
}

static void fail(struct reading *reading, enum trouble trouble, const char *text)
{
    struct sim *sim = reading->sim;
    struct poller_model *poller = &sim->poller[reading->source];
    int64_t pause = BACKOFF_MS;
    for (uint32_t i = 0; i < poller->failures && pause < BACKOFF_MOST; i++)
        pause *= 2;
    pause = pause < BACKOFF_MOST ? pause : BACKOFF_MOST;
    poller->failures++;
    poller->reading = false;
    struct poll_trouble message = {.source = reading->source,
                                   .trouble = trouble,
                                   .failures = poller->failures,
                                   .next_ms = pause,
                                   .text = text};
    struct core_event event = {.kind = CORE_POLL_TROUBLE, .u.poll_trouble = &message};
    plan_next(sim, reading->source, pause);
    drop_reading(reading);
    if (sim->brain_alive)
        brain_event(sim, &event);
}

/* ------------------------------------------------------------------------------ Gitea's paging */

static void ask(struct reading *reading);

static void begin_list(struct reading *reading, enum stage stage)
{
    reading->stage = stage;
    reading->first = 0;
    reading->count = 0;
    reading->tries = 1;
    reading->total_known = false;
}

static bool has_job(const struct reading *reading, uint64_t id)
{
    for (uint32_t i = 0; i < reading->count; i++)
        if (reading->jobs[i].id == id)
            return true;
    return false;
}

static bool has_runner(const struct reading *reading, uint64_t id)
{
    for (uint32_t i = 0; i < reading->count; i++)
        if (reading->runners[i].id == id)
            return true;
    return false;
}

static void make_room(struct reading *reading, uint32_t more, size_t each, void **items)
{
    if (reading->count + more <= reading->room && *items != NULL)
        return;
    reading->room = reading->count + more + 32;
    *items = realloc(*items, reading->room * each);
    if (*items == NULL)
        sim_die("out of memory");
}

static uint32_t read_jobs(struct reading *reading)
{
    struct sim *sim = reading->sim;
    uint32_t items = 0;
    make_room(reading, (uint32_t)sim->page_size, sizeof *reading->jobs, (void **)&reading->jobs);
    for (uint32_t i = reading->first; i < sim->open_jobs && items < (uint32_t)sim->page_size;
         i++, items++) {
        const struct world_job *job = world_job_find(sim->world, sim->open_job[i]);
        if (!has_job(reading, job->id))
            show_job(sim, reading->picture->arena, job, &reading->jobs[reading->count++]);
    }
    return items;
}

static uint32_t read_runners(struct reading *reading)
{
    struct sim *sim = reading->sim;
    const struct world_runner *order[RUNNERS_LISTED_MAX];
    size_t total = world_runner_count(sim->world);
    uint32_t items = 0;
    if (total > sizeof order / sizeof order[0])
        sim_die("more runners than a list of the simulation holds");
    for (size_t i = 0; i < total; i++)
        order[i] = world_runner_at(sim->world, i);
    if (total > (size_t)sim->page_size)
        runners_sort_page(order, total, reading->first, (size_t)sim->page_size);
    make_room(reading, (uint32_t)sim->page_size, sizeof *reading->runners,
              (void **)&reading->runners);
    for (size_t i = reading->first; i < total && items < (uint32_t)sim->page_size; i++, items++)
        if (!has_runner(reading, order[i]->id)) {
            const char *name = witness_name(sim->witness, order[i]->server_id);
            if (name != NULL)
                picture_note_present(reading->picture, name);
            show_runner(sim, reading->picture->arena, order[i],
                        &reading->runners[reading->count++]);
        }
    return items;
}

static void *keep(struct reading *reading, const void *items, size_t bytes)
{
    void *copy = arena_take(reading->picture->arena, bytes + 1);
    if (copy == NULL)
        sim_die("out of memory");
    if (bytes > 0)
        memcpy(copy, items, bytes);
    return copy;
}

static void jobs_whole(struct reading *reading)
{
    struct gitea_snapshot *snapshot = &reading->picture->u.gitea;
    snapshot->version = "1.26.0";
    snapshot->jobs_count = reading->count;
    snapshot->jobs = keep(reading, reading->jobs, reading->count * sizeof *reading->jobs);
    reading->room = 0;
    begin_list(reading, STAGE_RUNNERS);
    ask(reading);
}

static void runners_whole(struct reading *reading)
{
    struct gitea_snapshot *snapshot = &reading->picture->u.gitea;
    snapshot->runners_count = reading->count;
    snapshot->runners = keep(reading, reading->runners, reading->count * sizeof *reading->runners);
    finish(reading);
}

static void read_again(struct reading *reading, bool anew)
{
    reading->tries++;
    reading->first = 0;
    if (anew) {
        reading->count = 0;
        reading->total_known = false;
        if (reading->stage == STAGE_RUNNERS)
            reading->picture->present_count = 0;
    }
    ask(reading);
}

/* As poller/gitea.c judges a list after each page. */
static void on_page(struct reading *reading)
{
    struct sim *sim = reading->sim;
    bool jobs = reading->stage == STAGE_JOBS;
    uint32_t items = jobs ? read_jobs(reading) : read_runners(reading);
    uint32_t total = jobs ? sim->open_jobs : (uint32_t)world_runner_count(sim->world);
    bool changed = reading->total_known && reading->total != total;
    reading->total = total;
    reading->total_known = true;
    reading->first += items;
    if (!changed && items > 0 && reading->first < total) {
        ask(reading);
    } else if (!changed && reading->count == total) {
        (jobs ? jobs_whole : runners_whole)(reading);
    } else if (reading->tries == TRIES_MAX) {
        fail(reading, TROUBLE_INCONSISTENT, "the pages do not fit together");
    } else {
        (void)sim_strikes(sim, FAULT_PAGES_SHIFT); /* it has: counted */
        read_again(reading, changed || reading->count > total);
    }
}

/* ------------------------------------------------------------------------- the other two's lists
 */

static void on_servers(struct reading *reading)
{
    struct hetzner_snapshot *snapshot = &reading->picture->u.hetzner;
    struct hetzner_server *servers;
    struct hetzner_price *prices;
    struct arena *arena = reading->picture->arena;
    snapshot->currency = "EUR";
    snapshot->servers_count = fill_servers(reading->sim, arena, &servers);
    snapshot->servers = servers;
    for (uint32_t i = 0; i < snapshot->servers_count; i++)
        picture_note_present(reading->picture, servers[i].name);
    snapshot->prices_count = show_prices(arena, &prices);
    snapshot->prices = prices;
    finish(reading);
}

static void on_nodes(struct reading *reading)
{
    struct kube_snapshot *snapshot = &reading->picture->u.kube;
    const struct world *world = reading->sim->world;
    struct arena *arena = reading->picture->arena;
    struct kube_node *nodes = arena_take(arena, (world_node_count(world) + 1) * sizeof *nodes);
    if (nodes == NULL)
        sim_die("out of memory");
    for (size_t i = 0; i < world_node_count(world); i++) {
        const struct world_node *node = world_node_at(world, i);
        if (!is_managed(&node->labels))
            continue;
        show_node(arena, node, &nodes[snapshot->nodes_count++]);
        picture_note_present(reading->picture, node->name);
    }
    snapshot->nodes = nodes;
    reading->stage = STAGE_PODS;
    ask(reading);
}

static void on_pods(struct reading *reading)
{
    struct kube_snapshot *snapshot = &reading->picture->u.kube;
    const struct world *world = reading->sim->world;
    struct arena *arena = reading->picture->arena;
    struct kube_pod *pods = arena_take(arena, (world_pod_count(world) + 1) * sizeof *pods);
    if (pods == NULL)
        sim_die("out of memory");
    for (size_t i = 0; i < world_pod_count(world); i++) {
        const struct world_pod *pod = world_pod_at(world, i);
        if (is_runner_pod(pod))
            show_pod(arena, pod, &pods[snapshot->pods_count++]);
    }
    snapshot->pods = pods;
    finish(reading);
}

/* ------------------------------------------------------------------------------------- requests */

static void answered(void *argument, uint64_t fate_number)
{
    static void (*const steps[])(struct reading *) = {
        [STAGE_JOBS] = on_page,   [STAGE_RUNNERS] = on_page, [STAGE_SERVERS] = on_servers,
        [STAGE_NODES] = on_nodes, [STAGE_PODS] = on_pods,
    };
    struct reading *reading = argument;
    struct sim *sim = reading->sim;
    enum api_fate fate = (enum api_fate)fate_number;
    if (!sim->poller[reading->source].alive ||
        sim->poller[reading->source].generation != reading->generation) {
        drop_reading(reading);
        return;
    }
    (void)sim_world_ms(sim);
    if (fate_trouble(fate) != TROUBLE_NONE)
        fail(reading, fate_trouble(fate), "the poll failed");
    else
        steps[reading->stage](reading);
}

static void ask(struct reading *reading)
{
    struct sim *sim = reading->sim;
    enum api_fate fate = sim_fate(sim, reading->source, false);
    int64_t latency = sim_latency_ms(sim);
    if (fate == FATE_TIMEOUT || fate == FATE_LOST_ANSWER ||
        latency > sim->config->http.total_timeout_ms) {
        latency = sim->config->http.total_timeout_ms;
        fate = FATE_TIMEOUT;
    }
    reading->requests++;
    sim->counts.requests++;
    sim_at(sim, latency, answered, drop_reading, reading, fate);
}

static void poll(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    enum source source = (enum source)(number & 3);
    struct poller_model *poller = &sim->poller[source];
    if (!poller->alive || number >> 2 != poller->timer || poller->reading)
        return;
    struct reading *reading = sim_alloc(sizeof *reading);
    *reading = (struct reading){
        .sim = sim,
        .source = source,
        .generation = poller->generation,
        .picture = picture_new(source),
        .began_mono_ms = sim_mono_ms(sim),
    };
    begin_list(reading, source == SOURCE_GITEA     ? STAGE_JOBS
                        : source == SOURCE_HETZNER ? STAGE_SERVERS
                                                   : STAGE_NODES);
    poller->reading = true;
    poller->again = false;
    ask(reading);
}

void poller_now(struct sim *sim, enum source source)
{
    struct poller_model *poller = &sim->poller[source];
    int64_t gap = poller->ended_ms + ROUND_GAP_MS - sim->now_ms;
    int64_t wait = gap > 1 ? gap : 1;
    if (!poller->alive || (!poller->reading && poller->failures > 0))
        return;
    if (poller->reading)
        poller->again = true;
    else if (poller->next_ms > sim->now_ms + wait)
        plan_next(sim, source, wait);
}

void poller_start(struct sim *sim, enum source source)
{
    struct poller_model *poller = &sim->poller[source];
    poller->alive = true;
    poller->generation++;
    poller->sequence = 0;
    poller->failures = 0;
    poller->reading = false;
    plan_next(sim, source, dice_between(&sim->dice_time, 10, 1000));
}

void poller_kill(struct sim *sim, enum source source)
{
    sim->poller[source].alive = false;
}

void pollers_start(struct sim *sim)
{
    for (unsigned i = 0; i < source_count; i++)
        poller_start(sim, (enum source)i);
}

void pollers_end(struct sim *sim)
{
    for (unsigned i = 0; i < source_count; i++) {
        poller_forget(&sim->poller[i]);
    }
}
