/* One run: what will happen in the order of its time, strikes, the beginning and the end.
 * May not: know what any one thing does when it happens. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS         SECONDS(60) /* the witness looks at every server this often */
#define HEAL_HOURS_MOST 600

struct sim *sim_now;

static const char *const fault_words[sim_fault_count] = {
#define FAULT(name, occasion, hinders, word, doc) [FAULT_##name] = (word),
#include "tests/simulation/faults.def"
#undef FAULT
};

const char *sim_fault_word(enum sim_fault fault)
{
    return (unsigned)fault < sim_fault_count ? fault_words[fault] : "?";
}

void sim_die(const char *what)
{
    fprintf(stderr, "simulation: %s\n", what);
    abort();
}

void *sim_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        sim_die("out of memory");
    return memory;
}

/* ------------------------------------------------------------------------------------ the queue */

static bool earlier(const struct sim_item *a, const struct sim_item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct sim_item *a, struct sim_item *b)
{
    struct sim_item kept = *a;
    *a = *b;
    *b = kept;
}

void sim_at(struct sim *sim, int64_t delay_ms, sim_step *step, void (*drop)(void *), void *argument,
            uint64_t number)
{
    if (sim->queue_count == sim->queue_room) {
        sim->queue_room = sim->queue_room == 0 ? 256 : sim->queue_room * 2;
        sim->queue = realloc(sim->queue, sim->queue_room * sizeof *sim->queue);
        if (sim->queue == NULL)
            sim_die("out of memory");
    }
    size_t at = sim->queue_count++;
    sim->queue[at] = (struct sim_item){
        sim->now_ms + (delay_ms > 0 ? delay_ms : 0), ++sim->order, step, drop, argument, number};
    for (; at > 0 && earlier(&sim->queue[at], &sim->queue[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&sim->queue[at], &sim->queue[(at - 1) / 2]);
}

static struct sim_item take_first(struct sim *sim)
{
    struct sim_item first = sim->queue[0];
    sim->queue[0] = sim->queue[--sim->queue_count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < sim->queue_count && earlier(&sim->queue[left], &sim->queue[least]))
            least = left;
        if (right < sim->queue_count && earlier(&sim->queue[right], &sim->queue[least]))
            least = right;
        if (least == at)
            return first;
        swap(&sim->queue[at], &sim->queue[least]);
        at = least;
    }
}

/* ----------------------------------------------------------------------------------- the times */

int64_t sim_world_ms(const struct sim *sim)
{
    world_advance(sim->world, SIM_START_MS + sim->now_ms);
    return SIM_START_MS + sim->now_ms;
}

int64_t sim_mono_ms(const struct sim *sim)
{
    return sim->now_ms - sim->boot_ms + 1000;
}

int64_t sim_wall_ms(const struct sim *sim)
{
    return SIM_START_MS + sim->now_ms + sim->wall_skew_ms;
}

/* ------------------------------------------------------------------------------------ the story */

void sim_say(const struct sim *sim, const char *format, ...)
{
    FILE *out = sim->options.story;
    if (out == NULL)
        return;
    int64_t ms = sim->now_ms;
    fprintf(out, "%3lldd %02lld:%02lld:%02lld.%03lld  ", (long long)(ms / 86400000),
            (long long)(ms / 3600000 % 24), (long long)(ms / 60000 % 60),
            (long long)(ms / 1000 % 60), (long long)(ms % 1000));
    va_list arguments;
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    fputc('\n', out);
}

/* ------------------------------------------------------------------------------------- strikes */

static int by_name(const void *left, const void *right)
{
    const struct strike *a = left, *b = right;
    if (a->fault != b->fault)
        return a->fault < b->fault ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

void strikes_sort(struct strike *strikes, uint32_t count)
{
    qsort(strikes, count, sizeof *strikes, by_name);
}

static bool kept(const struct sim_cut *cut, struct strike strike)
{
    return bsearch(&strike, cut->keep, cut->keep_count, sizeof strike, by_name) != NULL;
}

static void cover(struct sim *sim, enum sim_fault fault)
{
    const struct status *status = sim->output->status;
    for (uint32_t i = 0; sim->brain_alive && status != NULL && i < status->nodes_count; i++)
        sim->counts.covered[status->nodes[i].state][fault]++;
}

static void hinder_by(struct sim *sim, enum sim_fault fault)
{
    enum hinders { HINDERS_NONE, HINDERS_CREATES, HINDERS_OWN, HINDERS_ALL };
    static const enum hinders hinders_of[sim_fault_count] = {
#define FAULT(name, occasion, hinders, word, doc) [FAULT_##name] = (hinders),
#include "tests/simulation/faults.def"
#undef FAULT
    };
    if (hinders_of[fault] == HINDERS_ALL)
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
    else if (hinders_of[fault] != HINDERS_NONE)
        witness_creates_hindered(sim->witness, SIM_START_MS + sim->now_ms);
}

bool sim_strikes(struct sim *sim, enum sim_fault fault)
{
    if (sim->healed || sim->rate[fault] <= 0 ||
        !dice_chance(&sim->dice_fault[fault], sim->rate[fault]))
        return false;
    struct strike strike = {.fault = fault, .number = sim->strike_number[fault]++};
    const struct sim_cut *cut = sim->options.cut;
    if (cut != NULL && cut->cut && !kept(cut, strike))
        return false;
    if (sim->strike_count < SIM_STRIKES_MAX)
        sim->strikes[sim->strike_count++] = strike;
    sim->counts.struck[fault]++;
    cover(sim, fault);
    hinder_by(sim, fault);
    sim_say(sim, "! %s (%u)", sim_fault_word(fault), strike.number);
    return true;
}

/* ----------------------------------------------------------------------------- what is looked at
 */

static void look(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    int64_t now = sim_world_ms(sim);
    uint32_t servers = 0;
    for (size_t i = 0; i < world_server_count(sim->world); i++)
        servers += is_managed(&world_server_at(sim->world, i)->labels);
    sim->counts.server_days += (double)servers * (double)LOOK_MS / (double)HOURS(24);
    witness_look(sim->witness, now);
    judge_nodes(sim);
    sim_at(sim, LOOK_MS, look, NULL, sim, 0);
}

static void on_world_event(void *context, const struct world_event *event)
{
    struct sim *sim = context;
    char line[256];
    if (event->kind == WORLD_EVENT_JOB_QUEUED || event->kind == WORLD_EVENT_JOB_BLOCKED) {
        bool known = false;
        for (uint32_t i = 0; i < sim->open_jobs; i++)
            known = known || sim->open_job[i] == event->job->id;
        if (!known && sim->open_jobs == SIM_OPEN_JOBS)
            sim_die("more open jobs than SIM_OPEN_JOBS");
        if (!known)
            sim->open_job[sim->open_jobs++] = event->job->id;
    }
    if (event->kind == WORLD_EVENT_JOB_COMPLETED) {
        uint32_t kept_jobs = 0;
        for (uint32_t i = 0; i < sim->open_jobs; i++)
            if (sim->open_job[i] != event->job->id)
                sim->open_job[kept_jobs++] = sim->open_job[i];
        sim->open_jobs = kept_jobs;
    }
    if (sim->options.story != NULL)
        sim_say(sim, "  %s", world_event_line(sim->world, event, sizeof line, line));
}

/* ---------------------------------------------------------------------------------- one whole run
 */

static void heal(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    sim_say(sim, "= all is healed");
    trouble_heal(sim);
    sim->healed = true;
    sim->heal_ms = sim->now_ms;
    witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
}

static void begin(struct sim *sim, const struct sim_options *options)
{
    memset(sim, 0, sizeof *sim);
    sim_now = sim;
    sim->options = *options;
    setup_draw(sim);
    sim->witness = witness_new(sim->world, &sim->rules);
    witness_client(sim->witness, judge_keeps, sim);
    if (!world_observe(sim->world, on_world_event, sim))
        sim_die("no room for an observer");
    sim->output = sim_alloc(sizeof *sim->output);
    sim->core_block = sim_alloc(core_size(sim->config));
    audit_memory_reset();
    hands_start(sim);
    brain_start(sim);
    pollers_start(sim);
    workload_start(sim);
    trouble_start(sim);
    sim_at(sim, LOOK_MS, look, NULL, sim, 0);
    sim_at(sim, HOURS(sim->options.hours), heal, NULL, sim, 0);
}

static bool all_held(const struct sim *sim)
{
    return sim->book.broken_total == 0 && witness_book(sim->witness)->broken_total == 0;
}

bool sim_run(struct sim *sim, const struct sim_options *options)
{
    begin(sim, options);
    while (all_held(sim) && !(sim->healed && judge_end(sim))) {
        if (sim->queue_count == 0)
            sim_die("nothing will ever happen again");
        struct sim_item item = take_first(sim);
        sim->now_ms = item.at_ms;
        sim->counts.events++;
        item.step(item.argument, item.number);
        if (sim->healed && sim->now_ms - sim->heal_ms > HOURS(HEAL_HOURS_MOST))
            sim_die("a healed run does not end");
    }
    book_add(&sim->book, witness_book(sim->witness));
    sim->counts.runs++;
    sim->counts.world_days += (double)sim->now_ms / (double)HOURS(24);
    return sim->book.broken_total == 0;
}

static void count_world(struct sim *sim)
{
    struct world_summary summary;
    world_summary(sim->world, &summary);
    sim->counts.jobs += summary.jobs_total;
    sim->counts.jobs_done += summary.jobs_completed;
    sim->counts.jobs_failed += summary.jobs_failed;
    sim->counts.jobs_cancelled += summary.jobs_cancelled;
    sim->counts.servers += summary.servers_rented;
    sim->counts.hours_paid += (uint64_t)summary.paid_periods;
}

void sim_end(struct sim *sim)
{
    count_world(sim);
    for (size_t i = 0; i < sim->queue_count; i++)
        if (sim->queue[i].drop != NULL)
            sim->queue[i].drop(sim->queue[i].argument);
    sim->queue_count = 0;
    hands_end(sim);
    brain_end(sim);
    keep_end(sim);
    pollers_end(sim);
    sim->config->pools_count = sim->pools_drawn; /* one that has left is freed as well */
    audit_memory_reset();
    witness_free(sim->witness);
    world_free(sim->world);
    config_free(sim->config);
    free(sim->queue);
    free(sim->output);
    free(sim->core_block);
    sim_now = NULL;
}
