/* The paid hour: counted from the server's `created` by Hetzner's own time, carried on by the mono
 * clock; when a teardown may begin; and the money. May not: act. */
#include "reconciler/core/private.h"

#define HOUR_RESOLUTION_MS 1000 /* `created` and Date have whole seconds */
#define DAY_MS             INT64_C(86400000)

int64_t hour_api_ms(const struct core *core)
{
    const struct snapshot_head *head = core->source[SOURCE_HETZNER].head;
    if (head == NULL)
        return 0;
    int64_t then = head->api_ms != 0 ? head->api_ms : head->wall_ms;
    return then + (core->mono_ms - head->ended_mono_ms);
}

int64_t hour_born_mono_ms(const struct core *core, const struct node *node)
{
    int64_t now = hour_api_ms(core);
    if (now == 0 || node->created_ms == 0 || now < node->created_ms)
        return node->asked.mono_ms;
    return core->mono_ms - (now - node->created_ms);
}

struct hour hour_of(const struct core *core, const struct node *node)
{
    struct hour hour = {0};
    int64_t now = hour_api_ms(core);
    int64_t period = core->config->billing.period_ms;
    if (now == 0 || node->created_ms == 0)
        return hour;
    int64_t age = now > node->created_ms ? now - node->created_ms : 0;
    hour.known = true;
    hour.number = age / period + 1;
    hour.left_ms = period - age % period;
    hour.until_wall_ms = core->wall_ms + hour.left_ms;
    return hour;
}

static int64_t nominal_ms(const struct core *core)
{
    const struct config_life *life = &core->config->life;
    int64_t polls = core->config->gitea.poll_interval_ms + core->config->kube.poll_interval_ms;
    return core->config->gitea.fence_settle_ms + life->drain_deadline_ms +
           life->remove_allowance_ms + polls + HOUR_RESOLUTION_MS;
}

int64_t hour_teardown_ms(const struct core *core)
{
    if (core->config->billing.window_close_ms > 0)
        return core->config->billing.window_close_ms;
    if (core->teardown_ms > 0)
        return core->teardown_ms + core->teardown_ms / 4 + HOUR_RESOLUTION_MS;
    return nominal_ms(core);
}

/* When the window closes, before the hour's end. A teardown that took longer than any before opens
 * it earlier at once, and closes it earlier only when a whole hour has gone by with that: else the
 * window would leap over a machine that had waited for it, and another hour be paid for that. */
static int64_t close_ms(const struct core *core)
{
    int64_t close = hour_teardown_ms(core);
    bool grew = core->mono_ms < core->close_until_mono_ms;
    return grew && core->close_ms < close ? core->close_ms : close;
}

void hour_teardown_took(struct core *core, int64_t took_ms)
{
    int64_t before = hour_teardown_ms(core), close = close_ms(core);
    /* What a crash or a failing API drew out says little of the next teardown. */
    int64_t half = core->config->billing.period_ms / 2;
    int64_t most = 2 * nominal_ms(core);
    most = most < half ? most : half;
    took_ms = took_ms < most ? took_ms : most;
    core->teardown_ms = took_ms > core->teardown_ms
                            ? took_ms
                            : core->teardown_ms - (core->teardown_ms - took_ms) / 8;
    if (hour_teardown_ms(core) <= before)
        return;
    core->close_ms = close;
    core->close_until_mono_ms = core->mono_ms + core->config->billing.period_ms;
}

/* As configured, but never too short for what a teardown was measured to take: else none ever
 * began. */
int64_t hour_window_ms(const struct core *core)
{
    int64_t window = core->config->billing.window_ms;
    /* Hetzner's time leaps by its Date's resolution: the window must not be leapt over. Machines of
     * one burst end their hours together, and only so many may be deleted a minute. */
    uint64_t turns = core->node_count / core->config->rails.deletes_per_minute;
    int64_t least = hour_teardown_ms(core) + 2 * core->config->hetzner.poll_interval_ms +
                    2 * HOUR_RESOLUTION_MS + (int64_t)turns * RATE_WINDOW_MS;
    int64_t most = core->config->billing.period_ms;
    window = window > least ? window : least;
    return window < most ? window : most;
}

bool hour_allows(struct core *core, const struct node *node)
{
    struct hour hour = hour_of(core, node);
    int64_t window = hour_window_ms(core);
    if (!hour.known || !core->clocks_agree)
        return false;
    if (hour.left_ms > window)
        return core_due(core, core->mono_ms + hour.left_ms - window);
    if (hour.left_ms < close_ms(core)) /* too late: the next hour is paid anyway */
        return core_due(core,
                        core->mono_ms + hour.left_ms + core->config->billing.period_ms - window);
    return true;
}

int64_t hour_goes_wall_ms(const struct core *core, const struct node *node)
{
    struct hour hour = hour_of(core, node);
    int64_t window = hour_window_ms(core);
    int64_t close = close_ms(core);
    int64_t rested = life_since(&node->life).wall_ms + core->config->life.idle_timeout_ms;
    if (!hour.known)
        return 0;
    int64_t until = hour.until_wall_ms;
    int64_t earliest = rested > core->wall_ms ? rested : core->wall_ms;
    while (until - close < earliest)
        until += core->config->billing.period_ms;
    return until - window > earliest ? until - window : earliest;
}

/* As many paid hours as have begun since the last step: one, or many where the API's clock leapt.
 */
static void count_hours(struct core *core, struct node *node, int64_t hours)
{
    enum node_state state = life_state(&node->life);
    int64_t rolled = node->hours_counted == 0 ? hours - 1 : hours; /* the first was asked for */
    node->hours_counted += hours;
    core->today_micro += node->price_micro * (uint64_t)hours;
    core->total_micro += node->price_micro * (uint64_t)hours;
    if (rolled <= 0 || state == NODE_BUSY || state == NODE_PROVISIONING)
        return;
    core->hours_rolled += (uint64_t)rolled;
    node->rolled = life_retirement(&node->life) != NULL;
    core_say(core, VERBOSITY_INFO, T("node "), T(node->name),
             T(": a new paid hour began while it was "), T(state_text(state)));
}

static void count_node(struct core *core, struct node *node)
{
    struct hour hour = hour_of(core, node);
    if (!hour.known || node->presence[SOURCE_HETZNER].missing_mono_ms != 0)
        return;
    if (node->hours_counted == 0 && node->hours_known_wall_ms > node->created_ms)
        node->hours_counted =
            (node->hours_known_wall_ms - node->created_ms) / core->config->billing.period_ms + 1;
    if (node->hours_counted == 0)
        node->hours_counted = hour.number - 1; /* earlier ones were never seen */
    if (node->hours_counted < hour.number)
        count_hours(core, node, hour.number - node->hours_counted);
    (void)core_due(core, core->mono_ms + hour.left_ms);
}

void hour_count_money(struct core *core)
{
    int64_t midnight = core->wall_ms - core->wall_ms % DAY_MS;
    if (midnight > core->today_wall_ms) {
        core->today_wall_ms = midnight;
        core->today_micro = 0;
    }
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *node = &core->node[i];
        count_node(core, node);
        if (node->rolled)
            core_alarm(core, ALARM_ROLLED, node->name, T("the teardown of "), T(node->name),
                       T(" did not end before the next paid hour began: widen billing.window."));
    }
}
