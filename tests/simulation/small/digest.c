/* A number over all of the tiny world that decides what can happen and how the promises judge it.
 * Times count by their distance from now, as in reconciler/core/digest.c, and one that is too old
 * to matter to anybody counts as none. What the core holds is in the core's own digest.
 * May not: change anything. */
#include "tests/simulation/small/tiny.h"

#define NEVER (UINT64_C(1) << 63)

static void number(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *hash ^= *hash >> 29;
    *hash = (*hash + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    *hash ^= *hash >> 32;
}

/* A mono time that matters for `span_ms`. */
static void recent(uint64_t *hash, const struct tiny *tiny, int64_t at_ms, int64_t span_ms)
{
    bool over = at_ms == 0 || tiny->mono_ms - at_ms > span_ms;
    number(hash, over ? NEVER : (uint64_t)(tiny->mono_ms - at_ms));
}

/* A wall time (API time without the skew). */
static void wall(uint64_t *hash, const struct tiny *tiny, int64_t at_ms)
{
    number(hash, at_ms == 0 ? NEVER : (uint64_t)(tiny_wall_ms(tiny) - at_ms));
}

static void runner(uint64_t *hash, const struct tiny *tiny, const struct tiny_runner *runner)
{
    number(hash, runner->id);
    if (runner->id == 0)
        return;
    number(hash, runner->pod + 256u * runner->alive + 512u * runner->disabled +
                     1024u * runner->by_person + 2048u * runner->online + 4096u * runner->busy);
    recent(hash, tiny, runner->alive ? 0 : runner->died_ms, ONLINE_MS);
    recent(hash, tiny, runner->disabled ? runner->disabled_ms : 0, SETTLE_MS);
    recent(hash, tiny, runner->worked_ms, BUSY_MS);
}

static void slot(uint64_t *hash, const struct tiny *tiny, const struct tiny_slot *slot)
{
    bool noted = slot->node_note || slot->server_note;
    number(hash, slot->name);
    number(hash, slot->server);
    number(hash, slot->failed + 2u * slot->node + 4u * slot->evicting + 8u * slot->node_note +
                     16u * slot->server_note + 256u * slot->pod);
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        number(hash, noted ? slot->noted[r] : 0);
    recent(hash, tiny, noted ? slot->noted_ms : 0, SETTLE_MS);
    number(hash, noted && slot->noted_ms == 0);
    recent(hash, tiny, slot->evicting ? slot->evicting_ms : 0, DRAIN_MS);
    number(hash, slot->evicting && slot->evicting_ms == 0);
    wall(hash, tiny, slot->server != 0 ? slot->created_ms : 0);
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        runner(hash, tiny, &slot->runner[r]);
}

uint64_t land_digest(const struct tiny *tiny, const struct tiny_land *land)
{
    uint64_t hash = 1;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        slot(&hash, tiny, &land->slot[s]);
    for (unsigned j = 0; j < TINY_JOBS; j++) {
        number(&hash, land->job[j].state);
        number(&hash, land->job[j].runner);
    }
    return hash;
}

static void errand(uint64_t *hash, const struct tiny *tiny, const struct tiny_errand *errand)
{
    number(hash, errand->stage);
    if (errand->stage == 0)
        return;
    number(hash, errand->orphan + 2u * errand->force + 4u * errand->kind);
    number(hash, errand->outcome + 256u * errand->trouble + 65536u * errand->left);
    number(hash, errand->epoch);
    number(hash, errand->counter);
    number(hash, errand->server);
    number(hash, (uint64_t)errand->retry_ms);
    wall(hash, tiny, errand->created_ms);
    recent(hash, tiny, errand->asked_ms, DEADLINE_MS);
    for (unsigned r = 0; r < TINY_RUNNERS; r++)
        number(hash, errand->runner[r]);
}

/* Of which others it had been shown when they went. */
static unsigned shown_before(const struct tiny *tiny, const struct tiny_track *track,
                             unsigned source)
{
    unsigned out = 0;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        out = 2 * out + ((tiny->track[s].gone & 1u << source) != 0 &&
                         track->shown_ms[source] <= tiny->track[s].gone_ms[source]);
    return out;
}

/* hours, worked_ms and hindered_ms are left out: they only count from where a way is healed. */
static void track(uint64_t *hash, const struct tiny *tiny, const struct tiny_track *track)
{
    number(hash, track->had_runner + 2u * track->late + 4u * track->shown + 256u * track->pods +
                     65536u * track->state);
    number(hash, track->failures + 256u * (track->failures > 0 ? track->step : 0));
    number(hash, track->lost);
    recent(hash, tiny, track->failures > 0 ? track->failed_ms : 0, HOUR_MS);
    recent(hash, tiny, track->unknown_ms, STALE_MS);
    recent(hash, tiny, track->late ? track->late_ms : 0, LATE_MS);
    number(hash, track->gone);
    for (unsigned k = 0; k < 3; k++)
        recent(hash, tiny, track->gone & 1u << k ? track->gone_ms[k] : 0, STALE_MS);
    for (unsigned k = 0; k < 3; k++)
        number(hash, shown_before(tiny, track, k));
}

static void saved(uint64_t *hash, const struct tiny *tiny, const struct tiny_saved *saved)
{
    number(hash, saved->there + 2u * saved->nodes);
    wall(hash, tiny, saved->wall_ms);
    number(hash, saved->epoch);
    number(hash, saved->counter);
    number(hash, (uint64_t)saved->teardown_ms);
    number(hash, saved->offers + 2u * saved->offer_failures);
    wall(hash, tiny, saved->offer_until_ms);
    for (unsigned n = 0; n < saved->nodes; n++) {
        const struct tiny_saved_node *node = &saved->node[n];
        number(hash, node->name);
        number(hash, node->state + 256u * node->reason + 65536u * node->failures);
        number(hash, node->epoch);
        number(hash, node->counter);
        number(hash, node->server);
        wall(hash, tiny, node->since_ms);
        wall(hash, tiny, node->idle_ms);
        wall(hash, tiny, node->asked_ms);
        wall(hash, tiny, node->server_first_ms);
        wall(hash, tiny, node->kube_first_ms);
        wall(hash, tiny, node->runners_first_ms);
        wall(hash, tiny, node->kube_missing_ms);
        wall(hash, tiny, node->runners_missing_ms);
        for (unsigned r = 0; r < node->runners; r++)
            number(hash, node->runner[r]);
        number(hash, NEVER);
    }
}

static void picture(uint64_t *hash, const struct tiny *tiny, const struct tiny_picture *picture)
{
    number(hash, picture->there);
    if (!picture->there)
        return;
    number(hash, (uint64_t)(tiny->mono_ms - picture->began_ms));
    number(hash, (uint64_t)(picture->wall_ms - picture->api_ms));
    number(hash, land_digest(tiny, &picture->land));
}

uint64_t tiny_digest(const struct tiny *tiny)
{
    uint64_t hash = land_digest(tiny, &tiny->land);
    number(&hash, tiny->connected + 2u * tiny->agreed + 4u * tiny->full + 8u * tiny->sent +
                      16u * tiny->breaker);
    number(&hash, tiny->next_server);
    number(&hash, tiny->next_runner);
    number(&hash, tiny->epoch);
    number(&hash, tiny->highest_epoch);
    number(&hash, tiny->highest_counter);
    number(&hash, (uint64_t)tiny->skew_ms);
    number(&hash, (uint64_t)(tiny->wake_ms - tiny->mono_ms));
    number(&hash, (uint64_t)(tiny->mono_ms - tiny->fed_ms)); /* the core's number is of then */
    for (unsigned i = 0; i < TINY_MADE; i++)
        number(&hash, tiny->made[i]);
    for (unsigned j = 1; j <= TINY_JOBS; j++)
        recent(&hash, tiny, tiny->waited_ms[j], STALE_MS + 2 * DEADLINE_MS);
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        errand(&hash, tiny, &tiny->errand[s]);
        track(&hash, tiny, &tiny->track[s]);
    }
    for (unsigned k = 0; k < 3; k++)
        picture(&hash, tiny, &tiny->old[k]);
    saved(&hash, tiny, &tiny->saved[0]);
    saved(&hash, tiny, &tiny->saved[1]);
    return hash;
}
