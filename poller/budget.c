/* Pauses after failures, and the API's request budget. Pure. */
#include "poller/budget.h"

#define HOUR_MS INT64_C(3600000)

void budget_note(struct budget *budget, int64_t limit, int64_t remaining, int64_t full_ms,
                 int64_t now_mono_ms)
{
    if (limit <= 0 || remaining < 0)
        return;
    *budget = (struct budget){
        .limit = limit,
        .remaining = remaining,
        .full_ms = full_ms,
        .seen_mono_ms = now_mono_ms,
    };
}

/* How long one request takes to come back. Without a usable reset time: the limit is an hour's. */
static int64_t refill_ms(const struct budget *budget)
{
    int64_t missing = budget->limit - budget->remaining;
    if (missing <= 0 || budget->full_ms <= 0)
        return HOUR_MS / budget->limit + 1;
    return budget->full_ms / missing + 1;
}

int64_t budget_wait_ms(const struct budget *budget, uint64_t reserve, uint64_t needed,
                       int64_t now_mono_ms)
{
    if (budget->limit == 0)
        return 0;
    int64_t most = budget->limit - budget->limit / 10;
    int64_t kept = reserve > (uint64_t)most ? most : (int64_t)reserve;
    int64_t wanted = kept + (needed > (uint64_t)budget->limit ? budget->limit : (int64_t)needed);
    if (wanted > budget->limit)
        wanted = budget->limit;
    if (budget->remaining >= wanted)
        return 0;
    int64_t ready = budget->seen_mono_ms + (wanted - budget->remaining) * refill_ms(budget);
    int64_t wait = ready - now_mono_ms;
    if (wait < 0)
        return 0;
    return wait > HOUR_MS ? HOUR_MS : wait;
}

int64_t budget_wait_due_ms(const struct budget *budget, uint64_t reserve, uint64_t needed,
                           int64_t due_mono_ms, int64_t now_mono_ms)
{
    int64_t kept = budget_wait_ms(budget, reserve, needed, now_mono_ms);
    int64_t none = budget_wait_ms(budget, 0, needed, now_mono_ms);
    int64_t due = due_mono_ms - now_mono_ms;
    if (due < none)
        due = none;
    return due < kept ? due : kept;
}

int64_t backoff_ms(uint32_t failures, int64_t first_ms, int64_t most_ms, int64_t retry_after_ms,
                   uint32_t random)
{
    int64_t pause = first_ms;
    for (uint32_t i = 1; i < failures && pause < most_ms; i++)
        pause *= 2;
    if (pause > most_ms)
        pause = most_ms;
    int64_t half = pause / 2;
    pause = half + (int64_t)(random % (uint32_t)(pause - half + 1));
    if (pause < retry_after_ms)
        pause = retry_after_ms + (int64_t)(random % 1000);
    return pause;
}

int64_t interval_jittered_ms(int64_t interval_ms, uint32_t random)
{
    int64_t tenth = interval_ms / 10;
    return interval_ms - tenth + (int64_t)(random % (uint32_t)(2 * tenth + 1));
}
