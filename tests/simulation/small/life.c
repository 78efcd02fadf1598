/* What happens in the tiny world by itself: jobs come and go, machines boot and die, persons do
 * what persons do. May not: know the core, or act as the actuator. */
#include <string.h>

#include "tests/simulation/small/tiny.h"

int64_t tiny_api_ms(const struct tiny *tiny)
{
    return START_MS + tiny->mono_ms;
}

int64_t tiny_wall_ms(const struct tiny *tiny)
{
    return tiny_api_ms(tiny) + tiny->skew_ms;
}

/* --------------------------------------------------------------------------------------- names */

static char names[TINY_NAMES][TINY_NAME];
static uint16_t name_count, name_table[TINY_NAMES * 2];

uint16_t name_index(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    size_t place = (size_t)(hash >> 20) % (TINY_NAMES * 2);
    for (; name_table[place] != 0; place = (place + 1) % (TINY_NAMES * 2))
        if (strcmp(names[name_table[place] - 1], name) == 0)
            return name_table[place];
    if (name_count == TINY_NAMES || strlen(name) >= TINY_NAME)
        __builtin_trap();
    snprintf(names[name_count], TINY_NAME, "%s", name);
    name_table[place] = ++name_count;
    return name_count;
}

const char *name_text(uint16_t index)
{
    return index == 0 ? "" : names[index - 1];
}

/* ---------------------------------------------------------------------------------------- jobs */

bool runner_works(const struct tiny *tiny, const struct tiny_runner *runner)
{
    for (unsigned j = 0; j < TINY_JOBS; j++)
        if (tiny->land.job[j].state == JOB_RUNS && tiny->land.job[j].runner == runner->id)
            return true;
    return false;
}

bool runner_online(const struct tiny *tiny, const struct tiny_runner *runner)
{
    return runner->alive || tiny->mono_ms - runner->died_ms < ONLINE_MS;
}

static struct tiny_runner *runner_of(struct tiny *tiny, uint32_t id, unsigned *slot)
{
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        for (unsigned r = 0; r < TINY_RUNNERS && id != 0; r++)
            if (tiny->land.slot[s].runner[r].id == id) {
                *slot = s;
                return &tiny->land.slot[s].runner[r];
            }
    return NULL;
}

static unsigned count_jobs(const struct tiny *tiny)
{
    unsigned count = 0;
    for (unsigned j = 0; j < TINY_JOBS; j++)
        count += tiny->land.job[j].state != JOB_NONE;
    return count;
}

static bool in_order(const struct tiny_job *a, const struct tiny_job *b)
{
    return a->state > b->state || (a->state == b->state && a->runner <= b->runner);
}

void life_settle(struct tiny *tiny)
{
    struct tiny_job *job = tiny->land.job;
    uint8_t waiting = 0;
    for (unsigned i = 1; i < TINY_JOBS; i++)
        for (unsigned j = i; j > 0 && !in_order(&job[j - 1], &job[j]); j--) {
            struct tiny_job other = job[j];
            job[j] = job[j - 1];
            job[j - 1] = other;
        }
    for (unsigned j = 0; j < TINY_JOBS; j++)
        waiting = (uint8_t)(waiting + (job[j].state == JOB_READY));
    for (unsigned n = 1; n <= TINY_JOBS; n++)
        if (tiny->waiting >= n || waiting >= n)
            tiny->waited_ms[n] = tiny->mono_ms;
    tiny->waiting = waiting;
}

static struct tiny_runner *taker(struct tiny *tiny, unsigned argument)
{
    struct tiny_slot *slot = &tiny->land.slot[argument / 2 % 4 % TINY_SLOTS];
    struct tiny_runner *runner = &slot->runner[argument % 2];
    return argument / 2 % 4 < TINY_SLOTS && runner->id != 0 && runner->alive && !runner->disabled &&
                   !runner_works(tiny, runner)
               ? runner
               : NULL;
}

static bool can_job(const struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    unsigned slot;
    struct tiny *changing = (struct tiny *)(uintptr_t)tiny; /* looked at only */
    if (kind == EVENT_job)
        return count_jobs(tiny) < tiny->jobs_max;
    const struct tiny_job *job = &tiny->land.job[kind == EVENT_take ? argument / 8 : argument];
    if (kind == EVENT_unblock)
        return job->state == JOB_WAITS;
    if (kind == EVENT_cancel)
        return job->state == JOB_WAITS || job->state == JOB_READY;
    if (kind == EVENT_take)
        return job->state == JOB_READY && taker(changing, argument) != NULL;
    if (job->state != JOB_RUNS)
        return false;
    const struct tiny_runner *runner = runner_of(changing, job->runner, &slot);
    bool lives = runner != NULL && runner->alive;
    return kind == EVENT_end ? lives : !lives;
}

static void do_job(struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    struct tiny_job *job = &tiny->land.job[kind == EVENT_take ? argument / 8 : argument];
    unsigned slot = argument / 2 % 4;
    if (kind == EVENT_job) {
        tiny->land.job[TINY_JOBS - 1] = (struct tiny_job){argument == 0 ? JOB_READY : JOB_WAITS, 0};
    } else if (kind == EVENT_unblock) {
        job->state = JOB_READY;
    } else if (kind == EVENT_take) {
        job->state = JOB_RUNS;
        job->runner = taker(tiny, argument)->id;
        tiny->track[slot].worked_ms = tiny->mono_ms;
    } else {
        struct tiny_runner *runner = runner_of(tiny, job->runner, &slot);
        if (runner != NULL) {
            runner->worked_ms = tiny->mono_ms;
            tiny->track[slot].worked_ms = tiny->mono_ms;
        }
        *job = (struct tiny_job){JOB_NONE, 0};
    }
}

/* ------------------------------------------------------------------------------------ machines */

static struct tiny_runner *living(struct tiny_slot *slot)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (slot->runner[r].id != 0 && slot->runner[r].alive)
            return &slot->runner[r];
    return NULL;
}

static struct tiny_runner *unregistered(struct tiny_slot *slot)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (slot->runner[r].id == 0)
            return &slot->runner[r];
    return NULL;
}

static void end_processes(struct tiny *tiny, struct tiny_slot *slot)
{
    struct tiny_runner *runner = living(slot);
    if (runner == NULL)
        return;
    runner->alive = false;
    runner->died_ms = tiny->mono_ms;
}

static bool noted(const struct tiny_slot *slot, uint32_t id)
{
    for (unsigned r = 0; r < TINY_RUNNERS && (slot->node_note || slot->server_note); r++)
        if (slot->noted[r] == id)
            return true;
    return false;
}

static bool person_fenced(const struct tiny_slot *slot)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (slot->runner[r].id != 0 && slot->runner[r].disabled && slot->runner[r].by_person)
            return true;
    return false;
}

static bool can_serve(const struct tiny *tiny, unsigned s)
{
    struct tiny_slot slot = tiny->land.slot[s];
    return slot.server != 0 && slot.node && !slot.evicting && living(&slot) == NULL &&
           unregistered(&slot) != NULL && tiny->track[s].pods < 3;
}

static bool can_machine(const struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    unsigned s = kind == EVENT_die ? argument / 2 : argument;
    struct tiny_slot slot = tiny->land.slot[s];
    const struct tiny_track *track = &tiny->track[s];
    const struct tiny_runner *runner = living(&slot);
    switch ((unsigned)kind) {
    case EVENT_join: return slot.server != 0 && !slot.failed && !slot.node;
    case EVENT_serve: return can_serve(tiny, s);
    case EVENT_land:
        return track->late && slot.server == 0 && tiny->mono_ms - track->late_ms <= LATE_MS;
    case EVENT_die: return runner != NULL;
    case EVENT_leave: return slot.node && slot.server == 0;
    /* Whoever disables what our note already covers cannot be told from us. */
    case EVENT_fence: return runner != NULL && !runner->disabled && !noted(&slot, runner->id);
    case EVENT_unregister: return runner != NULL;
    case EVENT_unfence: return person_fenced(&slot);
    case EVENT_unrent: return slot.server != 0;
    default: return false;
    }
}

static void start_runner(struct tiny *tiny, unsigned s)
{
    struct tiny_slot *slot = &tiny->land.slot[s];
    slot->pod = ++tiny->track[s].pods;
    *unregistered(slot) =
        (struct tiny_runner){.id = tiny->next_runner++, .pod = slot->pod, .alive = true};
    tiny->track[s].had_runner = true;
}

static void unfence(struct tiny_slot *slot)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (slot->runner[r].by_person) {
            slot->runner[r].disabled = false;
            slot->runner[r].by_person = false;
        }
}

static void do_machine(struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    unsigned s = kind == EVENT_die ? argument / 2 : argument;
    struct tiny_slot *slot = &tiny->land.slot[s];
    struct tiny_runner *runner = living(slot);
    switch ((unsigned)kind) {
    case EVENT_join: slot->node = true; return;
    case EVENT_serve: start_runner(tiny, s); return;
    case EVENT_land:
        slot->server = tiny->next_server++;
        slot->created_ms = tiny_api_ms(tiny);
        tiny->track[s].late = false;
        return;
    case EVENT_die:
        end_processes(tiny, slot);
        if (argument % 2 == 1)
            slot->pod = 0;
        return;
    case EVENT_leave:
        slot->node = slot->evicting = slot->node_note = false;
        slot->pod = 0;
        return;
    case EVENT_fence:
        runner->disabled = runner->by_person = true;
        runner->disabled_ms = tiny->mono_ms;
        return;
    case EVENT_unregister: *runner = (struct tiny_runner){0}; return;
    case EVENT_unfence: unfence(slot); return;
    case EVENT_unrent:
        /* A create without an answer is asked again by its name, and rightly: nobody can know. */
        for (unsigned i = 0; i < TINY_MADE; i++)
            tiny->made[i] = tiny->made[i] == slot->name ? 0 : tiny->made[i];
        slot->server = 0;
        slot->server_note = false;
        end_processes(tiny, slot);
        return;
    default: return;
    }
}

bool life_can(const struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    return kind >= EVENT_job && kind <= EVENT_sweep ? can_job(tiny, kind, argument)
                                                    : can_machine(tiny, kind, argument);
}

void life_do(struct tiny *tiny, enum tiny_event_kind kind, unsigned argument)
{
    if (kind >= EVENT_job && kind <= EVENT_sweep)
        do_job(tiny, kind, argument);
    else
        do_machine(tiny, kind, argument);
}
