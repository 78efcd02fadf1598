/* Offers: a server type in a place, tried in order; each remembered as sold out or failing for a
 * while. May not: ask for anything. */
#include "reconciler/core/private.h"

bool offers_price(const struct core *core, const char *server_type, const char *location,
                  uint64_t *micro)
{
    for (uint32_t i = 0; core->hetzner != NULL && i < core->hetzner->prices_count; i++) {
        const struct hetzner_price *price = &core->hetzner->prices[i];
        if (!text_same(price->server_type, server_type) || !text_same(price->location, location))
            continue;
        *micro = price->hourly_micro;
        return !price->deprecated;
    }
    return false;
}

struct offer_memory *offers_memory(struct core *core, uint32_t pool, const char *server_type,
                                   const char *location)
{
    const struct config_pool *row = pool_row(core, pool);
    for (uint32_t i = 0; i < row->offers_count; i++)
        if (text_same(row->offers[i].server_type, server_type) &&
            text_same(row->offers[i].location, location)) {
            struct offer_memory *offer = &core->offer[pool][i];
            text_copy(offer->server_type, sizeof offer->server_type, server_type);
            text_copy(offer->location, sizeof offer->location, location);
            return offer;
        }
    return NULL;
}

/* Brings the memory of this offer to `place`; those at earlier places are settled. */
static void settle(struct offer_memory memory[OFFERS_MAX], uint32_t place,
                   const struct config_offer *offer)
{
    for (uint32_t i = place; i < OFFERS_MAX; i++) {
        if (!text_same(memory[i].server_type, offer->server_type) ||
            !text_same(memory[i].location, offer->location))
            continue;
        struct offer_memory found = memory[i];
        memory[i] = memory[place];
        memory[place] = found;
        return;
    }
    /* Nothing is remembered of it: what lies here may still be a later offer's. */
    for (uint32_t i = place + 1; i < OFFERS_MAX; i++)
        if (memory[i].server_type[0] == '\0') {
            memory[i] = memory[place];
            break;
        }
    memory[place] = (struct offer_memory){0};
}

void offers_configured(struct core *core)
{
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++) {
        const struct config_pool *row = &core->config->pools[pool];
        for (uint32_t i = 0; i < row->offers_count; i++)
            settle(core->offer[pool], i, &row->offers[i]);
        for (uint32_t i = row->offers_count; i < OFFERS_MAX; i++)
            core->offer[pool][i] = (struct offer_memory){0};
    }
}

uint32_t offers_choose(struct core *core, uint32_t pool)
{
    const struct config_pool *row = pool_row(core, pool);
    for (uint32_t i = 0; i < row->offers_count; i++) {
        uint64_t micro = 0;
        if (!core_due(core, core->offer[pool][i].closed_until_mono_ms))
            continue;
        if (offers_price(core, row->offers[i].server_type, row->offers[i].location, &micro))
            return i;
        core_alarm(core, ALARM_OFFER_FAILS, row->offers[i].server_type,
                   T("Hetzner names no price for "), T(row->offers[i].server_type), T(" in "),
                   T(row->offers[i].location),
                   T(", or no longer sells it: nothing is rented unpriced. Correct pools.offers."));
    }
    return NONE;
}

void offers_close(struct core *core, uint32_t pool, const char *server_type, const char *location,
                  int64_t pause_ms, const char *why)
{
    struct offer_memory *offer = offers_memory(core, pool, server_type, location);
    if (offer == NULL)
        return;
    offer->closed_until_mono_ms = core->mono_ms + pause_ms;
    offer->closed_until_wall_ms = core->wall_ms + pause_ms;
    offer->failing = false;
    text_copy(offer->text, sizeof offer->text, why);
    core_say(core, VERBOSITY_WARNING, T("offer "), T(server_type), T(" in "), T(location),
             T(" rests for "), SPAN(pause_ms), T(": "), T(why));
}

void offers_failed(struct core *core, uint32_t pool, const char *server_type, const char *location,
                   const char *why)
{
    struct offer_memory *offer = offers_memory(core, pool, server_type, location);
    if (offer == NULL || ++offer->failures < core->config->rails.offer_failures_max)
        return;
    offers_close(core, pool, server_type, location, core->config->rails.offer_pause_ms, why);
    offer->failing = true;
}

void offers_served(struct core *core, const struct node *node)
{
    struct offer_memory *offer = offers_memory(core, node->pool, node->server_type, node->location);
    if (offer == NULL)
        return;
    offer->failures = 0;
    offer->failing = false;
}

void offers_sold_out(struct core *core, uint32_t pool)
{
    const struct config_pool *row = pool_row(core, pool);
    const struct offer_memory *first = NULL; /* the one that opens first */
    for (uint32_t i = 0; i < row->offers_count; i++) {
        const struct offer_memory *memory = &core->offer[pool][i];
        if (memory->closed_until_mono_ms > core->mono_ms && !memory->failing &&
            (first == NULL || memory->closed_until_mono_ms < first->closed_until_mono_ms))
            first = memory;
    }
    if (first != NULL)
        core_alarm(core, ALARM_SOLD_OUT, row->name, T("pool "), T(row->name),
                   T(" lacks servers, and none of its offers is to be had; the next try is at "),
                   CLOCK(first->closed_until_wall_ms), T(": "), T(first->text));
}

void offers_alarms(struct core *core)
{
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++)
        for (uint32_t i = 0; i < core->config->pools[pool].offers_count; i++) {
            const struct config_offer *offer = &core->config->pools[pool].offers[i];
            const struct offer_memory *memory = &core->offer[pool][i];
            if (memory->failing && !core_due(core, memory->closed_until_mono_ms))
                core_alarm(core, ALARM_OFFER_FAILS, offer->server_type, T(offer->server_type),
                           T(" in "), T(offer->location), T(" failed "), N(memory->failures),
                           T(" times in a row and is closed until "),
                           CLOCK(memory->closed_until_wall_ms), T(": "), T(memory->text));
        }
}
