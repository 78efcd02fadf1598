/* The actuator as an abstract machine: it looks at the tiny world as it is at this instant, judges
 * by the same rules as actuator/judge.c and the action files, does its step, and has a result under
 * way. May not: know what the core believes beyond what the action says. */
#include <string.h>

#include "tests/simulation/small/tiny.h"

#define KIND(kind) (1u << (kind))
#define ALL        ((1u << action_kind_count) - 1u)

static const unsigned deed_kinds[tiny_deed_count] = {
#define DEED(name, kinds, sentence) [DEED_##name] = (kinds),
#include "deeds.def"
#undef DEED
};

/* What the actuator has in its hands while it works on one slot. */
struct work {
    struct sim *sim;
    unsigned s;
    struct tiny_slot *slot;
    struct tiny_errand *errand;
    bool half; /* its second half fails */
};

static void finish(struct work *work, enum outcome outcome, enum trouble trouble, int64_t retry_ms)
{
    work->errand->outcome = (uint8_t)outcome;
    work->errand->trouble = (uint8_t)trouble;
    work->errand->retry_ms = retry_ms;
    work->errand->stage = 2;
}

static void fail_half(struct work *work)
{
    finish(work, OUTCOME_FAILED, TROUBLE_SERVER_ERROR, 0);
}

static void call(struct work *work, enum scene_call what, const struct tiny_runner *runner)
{
    scene_call(work->sim, work->s, what, runner);
}

static bool too_late(const struct tiny *tiny, const struct tiny_errand *errand)
{
    return tiny->mono_ms - errand->asked_ms > DEADLINE_MS;
}

/* -------------------------------------------------------------------------------------- create */

static unsigned servers(const struct tiny *tiny, unsigned beside)
{
    unsigned count = 0;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        count += s != beside && tiny->land.slot[s].server != 0;
    return count;
}

static void tell_server(struct work *work)
{
    work->errand->server = work->slot->server;
    work->errand->created_ms = work->slot->created_ms;
}

static void make_server(struct work *work, bool listed)
{
    struct tiny *tiny = &work->sim->tiny;
    call(work, SCENE_CREATE_SERVER, NULL);
    tiny->made[tiny->made_count++ % TINY_MADE] = work->slot->name;
    work->sim->tiny.track[work->s].late = !listed;
    work->sim->tiny.track[work->s].late_ms = tiny->mono_ms;
    if (!listed)
        return;
    work->slot->server = tiny->next_server++;
    work->slot->created_ms = tiny_api_ms(tiny);
}

static void create(struct work *work, bool listed)
{
    struct tiny *tiny = &work->sim->tiny;
    if (tiny->track[work->s].late && work->slot->server == 0) {
        work->slot->server = tiny->next_server++; /* uniqueness_error: the first one landed */
        work->slot->created_ms = tiny_api_ms(tiny);
        tiny->track[work->s].late = false;
    }
    if (work->slot->server == 0 && servers(tiny, work->s) >= tiny->servers_max) {
        finish(work, OUTCOME_REFUSED, TROUBLE_RAIL, 0);
        return;
    }
    if (work->slot->server == 0)
        make_server(work, listed);
    tell_server(work);
    finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
}

/* ------------------------------------------------------------------------- the runners of a node
 */

static bool covered(const struct tiny_slot *slot, const struct tiny_runner *runner)
{
    for (unsigned r = 0; r < TINY_RUNNERS && (slot->node_note || slot->server_note); r++)
        if (slot->noted[r] == runner->id)
            return true;
    return false;
}

static bool is_ours(const struct tiny_slot *slot, const struct tiny_runner *runner)
{
    return covered(slot, runner) || (slot->node && slot->pod != 0 && slot->pod == runner->pod);
}

static bool is_asked(const struct tiny_errand *errand, const struct tiny_runner *runner)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (errand->runner[r] == runner->id)
            return true;
    return false;
}

static unsigned gather(struct work *work, struct tiny_runner *out[TINY_RUNNERS])
{
    unsigned count = 0;
    for (unsigned r = 0; r < TINY_RUNNERS; r++) {
        struct tiny_runner *runner = &work->slot->runner[r];
        if (runner->id != 0 && (is_ours(work->slot, runner) || is_asked(work->errand, runner)))
            out[count++] = runner;
    }
    return count;
}

static bool runner_seen(struct work *work)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (work->slot->runner[r].id != 0 && is_ours(work->slot, &work->slot->runner[r])) {
            finish(work, OUTCOME_RUNNER_SEEN, TROUBLE_NONE, 0);
            return true;
        }
    return false;
}

static void forget_note(struct tiny_slot *slot)
{
    slot->node_note = slot->server_note = false;
    memset(slot->noted, 0, sizeof slot->noted);
    slot->noted_ms = 0;
}

/* Enables those; false where only the first half was done. */
static bool lift(struct work *work, struct tiny_runner *const runner[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        call(work, SCENE_RELEASE, runner[i]);
        runner[i]->disabled = runner[i]->by_person = false;
    }
    if (work->half) {
        fail_half(work);
        return false;
    }
    forget_note(work->slot);
    return true;
}

static void fence(struct work *work, struct tiny_runner *const runner[], unsigned count)
{
    struct tiny *tiny = &work->sim->tiny;
    forget_note(work->slot);
    work->slot->node_note = work->slot->node;
    work->slot->server_note = !work->slot->node;
    work->slot->noted_ms = tiny->mono_ms;
    for (unsigned i = 0; i < count; i++)
        work->slot->noted[i] = runner[i]->id;
    call(work, SCENE_MARK, NULL);
    for (unsigned i = 0; i < count && !work->half; i++)
        if (!runner[i]->disabled) {
            runner[i]->disabled = true;
            runner[i]->disabled_ms = tiny->mono_ms;
        }
    if (work->half)
        fail_half(work);
    else
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, SETTLE_MS);
}

static void delete_runners(struct work *work, struct tiny_runner *const runner[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        call(work, SCENE_DEREGISTER, runner[i]);
        memset(runner[i], 0, sizeof *runner[i]);
        if (work->half) {
            fail_half(work);
            return;
        }
    }
    finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
}

/* What is looked at in the runners before a fence and a delete. */
struct look {
    bool job, doubtful, foreign, busy, all_fenced;
};

static struct look look_at(struct work *work, struct tiny_runner *const runner[], unsigned count)
{
    const struct tiny *tiny = &work->sim->tiny;
    struct look look = {.all_fenced = true};
    for (unsigned i = 0; i < count; i++) {
        bool works = runner_works(tiny, runner[i]);
        bool note = covered(work->slot, runner[i]);
        look.job = look.job || works;
        look.busy = look.busy || (!works && runner[i]->worked_ms != 0 &&
                                  tiny->mono_ms - runner[i]->worked_ms < BUSY_MS);
        look.doubtful =
            look.doubtful || (runner_online(tiny, runner[i]) && !is_ours(work->slot, runner[i]));
        look.foreign = look.foreign || (runner[i]->disabled && !note && work->slot->server != 0);
        look.all_fenced = look.all_fenced && note && runner[i]->disabled;
    }
    return look;
}

static void deregister(struct work *work)
{
    struct tiny_runner *runner[TINY_RUNNERS];
    unsigned count = gather(work, runner);
    struct look look = look_at(work, runner, count);
    bool note = work->slot->node_note || work->slot->server_note;
    bool place = work->slot->node || work->slot->server != 0;
    const struct tiny *tiny = &work->sim->tiny;
    if (note && work->slot->noted_ms == 0)
        work->slot->noted_ms = tiny->mono_ms; /* it finds it begun, and waits anew */
    int64_t left_ms = work->slot->noted_ms + SETTLE_MS - tiny->mono_ms;
    if (count == 0) {
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
    } else if (look.job) {
        if (!note || lift(work, runner, count))
            finish(work, OUTCOME_HAS_JOB, TROUBLE_NONE, 0);
    } else if (look.doubtful) {
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, 5000);
    } else if (look.foreign) {
        finish(work, OUTCOME_REFUSED, TROUBLE_RAIL, 0);
    } else if (place && !look.all_fenced) {
        fence(work, runner, count);
    } else if (place && left_ms > 0) {
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, left_ms < SETTLE_MS ? left_ms : SETTLE_MS);
    } else if (look.busy) {
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, 2000);
    } else {
        delete_runners(work, runner, count);
    }
}

static void release(struct work *work)
{
    struct tiny_runner *runner[TINY_RUNNERS];
    unsigned count = gather(work, runner), kept = 0;
    if (!work->slot->node_note && !work->slot->server_note) {
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        if (runner[i]->disabled && covered(work->slot, runner[i]))
            runner[kept++] = runner[i];
    if (lift(work, runner, kept))
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
}

/* ------------------------------------------------------------------------------- drain, remove */

static void drain(struct work *work, bool slow)
{
    struct tiny_slot *slot = work->slot;
    if (runner_seen(work))
        return;
    if (!slot->node) {
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
        return;
    }
    bool begun = slot->evicting;
    if (begun && slot->evicting_ms == 0)
        slot->evicting_ms = work->sim->tiny.mono_ms;
    if (!begun) {
        slot->evicting = true;
        slot->evicting_ms = work->sim->tiny.mono_ms;
        call(work, SCENE_END_POD, NULL);
        for (unsigned r = 0; r < TINY_RUNNERS; r++)
            if (slot->runner[r].alive) {
                slot->runner[r].alive = false;
                slot->runner[r].died_ms = work->sim->tiny.mono_ms;
            }
    } else if (!slow && !work->half) {
        slot->pod = 0;
    }
    work->errand->left = slot->pod != 0;
    if (work->half)
        fail_half(work);
    else if (slot->pod == 0 || work->errand->force)
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
    else
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, 1000);
}

static bool drained(const struct work *work)
{
    struct tiny_slot *slot = work->slot;
    if (slot->evicting && slot->evicting_ms == 0)
        slot->evicting_ms = work->sim->tiny.mono_ms;
    int64_t drains_ms = work->sim->tiny.mono_ms - slot->evicting_ms;
    return !slot->node || slot->pod == 0 || (slot->evicting && drains_ms >= DRAIN_MS);
}

static void delete_node(struct work *work)
{
    call(work, SCENE_DELETE_NODE, NULL);
    work->slot->node = work->slot->evicting = work->slot->node_note = false;
    work->slot->pod = 0;
    if (!work->slot->server_note)
        forget_note(work->slot);
}

static void delete_server(struct work *work)
{
    call(work, SCENE_DELETE_SERVER, NULL);
    work->slot->server = 0;
    work->slot->server_note = false;
    if (!work->slot->node_note)
        forget_note(work->slot);
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        if (work->slot->runner[r].alive) {
            work->slot->runner[r].alive = false;
            work->slot->runner[r].died_ms = work->sim->tiny.mono_ms;
        }
}

static void remove_node(struct work *work, bool slow)
{
    if (runner_seen(work))
        return;
    if (!drained(work)) {
        finish(work, OUTCOME_REFUSED, TROUBLE_RAIL, 0);
        return;
    }
    if (work->slot->node)
        delete_node(work);
    if (work->half) {
        fail_half(work);
    } else if (slow && work->slot->server != 0) {
        finish(work, OUTCOME_AGAIN, TROUBLE_NONE, 500);
    } else {
        if (work->slot->server != 0)
            delete_server(work);
        finish(work, OUTCOME_DONE, TROUBLE_NONE, 0);
    }
}

/* --------------------------------------------------------------------------------------- deeds */

static void step(struct work *work, bool slow)
{
    const struct tiny *tiny = &work->sim->tiny;
    enum action_kind kind = (enum action_kind)work->errand->kind;
    if (too_late(tiny, work->errand)) { /* its time was over before it got to its first call */
        bool creates = kind == ACTION_CREATE_SERVER;
        finish(work, creates ? OUTCOME_FAILED : OUTCOME_AGAIN,
               creates ? TROUBLE_TIMEOUT : TROUBLE_NONE, 0);
        return;
    }
    switch (kind) {
    case ACTION_CREATE_SERVER: create(work, true); return;
    case ACTION_DEREGISTER_RUNNERS: deregister(work); return;
    case ACTION_DRAIN_NODE: drain(work, slow); return;
    case ACTION_REMOVE_NODE: remove_node(work, slow); return;
    case ACTION_RELEASE_RUNNERS: release(work); return;
    case action_kind_count: break;
    }
    __builtin_trap();
}

static void fail(struct work *work, enum tiny_deed deed)
{
    static const enum trouble troubles[tiny_deed_count] = {
        [DEED_server_error] = TROUBLE_SERVER_ERROR,
        [DEED_sold_out] = TROUBLE_SOLD_OUT,
        [DEED_quota] = TROUBLE_QUOTA,
        [DEED_invalid] = TROUBLE_INVALID,
        [DEED_rate_limited] = TROUBLE_RATE_LIMITED,
    };
    finish(work, OUTCOME_FAILED, troubles[deed], 0);
}

bool deed_possible(const struct tiny *tiny, unsigned slot, enum tiny_deed deed)
{
    const struct tiny_errand *errand = &tiny->errand[slot];
    return (unsigned)deed < tiny_deed_count && errand->stage == 1 &&
           (deed_kinds[deed] & KIND(errand->kind)) != 0 &&
           (deed == DEED_well || !too_late(tiny, errand));
}

void deed_do(struct sim *sim, unsigned slot, enum tiny_deed deed)
{
    struct work work = {.sim = sim,
                        .s = slot,
                        .slot = &sim->tiny.land.slot[slot],
                        .errand = &sim->tiny.errand[slot],
                        .half = deed == DEED_half};
    switch (deed) {
    case DEED_well:
    case DEED_half: step(&work, false); return;
    case DEED_again: step(&work, true); return;
    case DEED_unheard:
        step(&work, false);
        work.errand->server = 0;
        finish(&work, OUTCOME_UNKNOWN, TROUBLE_TIMEOUT, 0);
        return;
    case DEED_nothing_unheard: finish(&work, OUTCOME_UNKNOWN, TROUBLE_TIMEOUT, 0); return;
    case DEED_late:
        create(&work, false);
        work.errand->server = 0;
        finish(&work, OUTCOME_UNKNOWN, TROUBLE_TIMEOUT, 0);
        return;
    case DEED_broken:
        create(&work, true);
        if (work.errand->outcome == OUTCOME_DONE) {
            work.slot->failed = true;
            finish(&work, OUTCOME_FAILED, TROUBLE_SERVER_ERROR, 0);
        }
        return;
    case DEED_server_error:
    case DEED_sold_out:
    case DEED_quota:
    case DEED_invalid:
    case DEED_rate_limited: fail(&work, deed); return;
    case tiny_deed_count: break;
    }
    __builtin_trap();
}
