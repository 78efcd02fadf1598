/* What servers cost: each started period in full from `created`, up to a monthly cap.
 * May not: change a server. */
#include "simulator/world/world_private.h"

int64_t world_paid_periods(const struct world *world, const struct world_server *server,
                           int64_t at_ms)
{
    int64_t period_ms = world->config.billing_period_ms;
    int64_t age_ms = at_ms - server->created_ms;
    if (age_ms <= period_ms)
        return 1;
    return (age_ms + period_ms - 1) / period_ms;
}

/* A month counts PERIODS_A_MONTH periods, so that the cap can be met under a short paid hour too.
 */
int64_t world_cost_microeuro(const struct world *world, const struct world_server *server,
                             int64_t at_ms)
{
    int64_t periods = world_paid_periods(world, server, at_ms);
    int64_t rest = periods % PERIODS_A_MONTH * server->type->hour_microeuro;
    if (rest > server->type->month_microeuro)
        rest = server->type->month_microeuro;
    return periods / PERIODS_A_MONTH * server->type->month_microeuro + rest;
}

void bill_close(struct world *world, const struct world_server *server)
{
    if (server->foreign)
        return;
    world->totals.servers_now--;
    int64_t periods = world_paid_periods(world, server, world->now_ms);
    world->totals.ended_periods += periods;
    world->totals.ended_slots += periods * runners_wanted_on(world, server);
    world->totals.ended_cost_microeuro += world_cost_microeuro(world, server, world->now_ms);
    world->totals.ended_busy_ms += server->busy_ms;
}
