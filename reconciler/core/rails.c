/* What no decision may cross: servers, cost an hour, creates and deletes a minute; in flight
 * counted. The actuator's judge checks it again by itself. May not: plan. */
#include "reconciler/core/private.h"

/* Whether fewer than `most` marks lie in the last minute; registers when one falls out. */
static bool rate_allows(struct core *core, const struct rate *rate, uint64_t most)
{
    if (most > RATE_MARKS_MAX)
        most = RATE_MARKS_MAX;
    if (rate->count < most)
        return true;
    uint32_t at = (rate->next + RATE_MARKS_MAX - (uint32_t)most) % RATE_MARKS_MAX;
    return core_due(core, rate->mark_mono_ms[at] + RATE_WINDOW_MS);
}

void rails_count(struct core *core, struct rate *rate)
{
    rate->mark_mono_ms[rate->next] = core->mono_ms;
    rate->next = (rate->next + 1) % RATE_MARKS_MAX;
    if (rate->count < RATE_MARKS_MAX)
        rate->count++;
}

void rails_take_back(struct rate *rate)
{
    if (rate->count == 0)
        return;
    rate->next = (rate->next + RATE_MARKS_MAX - 1) % RATE_MARKS_MAX;
    rate->count--;
}

bool rails_allow_delete(struct core *core)
{
    return rate_allows(core, &core->deletes, core->config->rails.deletes_per_minute);
}

/* Servers that other pools still lack to their min: their places are not for this pool's jobs. */
static uint64_t kept_for_others(const struct core *core, uint32_t pool)
{
    uint64_t kept = 0;
    for (uint32_t i = 0; i < core->config->pools_count; i++) {
        uint64_t least = core->config->pools[i].min, serving = core->pool[i].serving;
        kept += i != pool && least > serving ? least - serving : 0;
    }
    return core->pool[pool].serving < core->config->pools[pool].min ? 0 : kept;
}

bool rails_allow_create(struct core *core, uint32_t pool, uint64_t price_micro)
{
    const struct config_rails *rails = &core->config->rails;
    const char *name = core->config->pools[pool].name;
    uint64_t hourly = price_micro, servers = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        if (trust_takes_place(core, &core->node[i])) {
            servers++;
            hourly += core->node[i].price_micro;
        }
    uint64_t kept = kept_for_others(core, pool);
    if (servers + kept >= rails->max_servers || core->node_count >= NODES_MAX) {
        core_alarm(core, ALARM_RAIL, name, T("pool "), T(name), T(" wants another server, but "),
                   N(servers), T(" are there, "), N(kept),
                   T(" are to come for other pools' min, and rails.max_servers is "),
                   N(rails->max_servers));
        return false;
    }
    if (hourly > rails->max_hourly_cost_micro) {
        core_alarm(core, ALARM_RAIL, name, T("pool "), T(name),
                   T(" wants another server, which "
                     "would make "),
                   MONEY(hourly), T(" an hour; rails.max_hourly_cost is "),
                   MONEY(rails->max_hourly_cost_micro));
        return false;
    }
    return rate_allows(core, &core->creates, rails->creates_per_minute);
}
