/* A source that is frozen: for minutes each of its snapshots shows, with a new date, the last one
 * or one of the eight before. May not: read, or know what the core makes of it. */
#include "trouble.h"

bool poller_is_frozen(const struct sim *sim, enum source source)
{
    const struct poller_model *poller = &sim->poller[source];
    return poller->frozen != NULL && sim->now_ms < poller->frozen_until_ms && !sim->healed;
}

void poller_keep(struct poller_model *poller, struct picture *picture)
{
    struct picture **place = &poller->kept[poller->kept_next++ % PICTURES_KEPT];
    picture_drop(*place);
    picture_drop(poller->before);
    *place = poller->before = picture;
    picture->holders += 2;
}

void poller_forget(struct poller_model *poller)
{
    for (unsigned i = 0; i < PICTURES_KEPT; i++)
        picture_drop(poller->kept[i]);
    picture_drop(poller->before);
    picture_drop(poller->frozen);
}

/* From now on it shows what it showed `back` pictures ago (0: the last). False: there is none. */
static bool freeze(struct sim *sim, enum source source, uint32_t back, int64_t lasts_ms)
{
    struct poller_model *poller = &sim->poller[source];
    struct picture *picture =
        poller->kept[(poller->kept_next + PICTURES_KEPT - 1 - back) % PICTURES_KEPT];
    if (picture == NULL)
        return false;
    picture_drop(poller->frozen);
    poller->frozen = picture;
    picture->holders++;
    poller->frozen_until_ms = sim->now_ms + lasts_ms;
    return true;
}

/* The oldest of what may count at this time is what a demand may rest on. */
static void demand_is_fresh(void *argument, uint64_t number)
{
    struct sim *sim = argument;
    (void)number;
    sim->demand_extra_ms = 0;
    for (unsigned i = 0; i < OLDER_MAX; i++)
        if (sim->older[i].until_ms > sim->now_ms && sim->older[i].by_ms > sim->demand_extra_ms)
            sim->demand_extra_ms = sim->older[i].by_ms;
    sim->rules.demand_memory_ms = demand_memory_ms(sim);
    witness_change(sim->witness, &sim->rules);
}

void demand_is_older(struct sim *sim, int64_t by_ms)
{
    struct older *place = &sim->older[0]; /* one that is over, or the least */
    for (unsigned i = 1; i < OLDER_MAX && place->until_ms > sim->now_ms; i++)
        if (sim->older[i].until_ms <= sim->now_ms || sim->older[i].by_ms < place->by_ms)
            place = &sim->older[i];
    bool over = place->until_ms <= sim->now_ms;
    place->by_ms = over || by_ms > place->by_ms ? by_ms : place->by_ms;
    place->until_ms = sim->now_ms + demand_memory_ms(sim) + by_ms;
    sim_at(sim, place->until_ms - sim->now_ms, demand_is_fresh, NULL, sim, 0);
    demand_is_fresh(sim, 0);
}

void source_frozen(struct sim *sim, enum sim_fault fault)
{
    struct dice *dice = dice_of(sim, fault);
    enum source source = (enum source)dice_roll(dice, source_count);
    uint32_t back = dice_chance(dice, 0.6) ? 0 : (uint32_t)dice_roll(dice, PICTURES_KEPT);
    int64_t lasts_ms = dice_between(dice, SECONDS(30), SIM_MINUTES(15));
    /* A list of servers lags no longer than a start without a memory waits for it. */
    if (source == SOURCE_HETZNER) {
        back = 0;
        lasts_ms = dice_between(dice, 1, sim->config->life.create_grace_ms / 4);
    }
    if (poller_is_frozen(sim, source) || !freeze(sim, source, back, lasts_ms))
        return;
    sim_say(sim, "  source %u shows for %lld ms what it showed %u snapshots ago", (unsigned)source,
            (long long)lasts_ms, back);
}
