/* What the pauses promise: doubling with jitter within bounds, Retry-After obeyed, requests kept
 * for deletes. */
#include "poller/budget.h"
#include "tests/unit/cunit_main.h"

#define HOUR_MS INT64_C(3600000)

static void test_backoff(void)
{
    static const uint32_t draws[] = {0, 1, 12345, UINT32_MAX};
    for (unsigned i = 0; i < 4; i++) {
        for (uint32_t failures = 1; failures < 70; failures++) {
            int64_t full = failures > 6 ? 60000 : INT64_C(1000) << (failures - 1);
            if (full > 60000)
                full = 60000;
            int64_t pause = backoff_ms(failures, 1000, 60000, 0, draws[i]);
            CU_ASSERT_TRUE(pause >= full / 2 && pause <= full);
        }
        CU_ASSERT_TRUE(backoff_ms(UINT32_MAX, 1000, 60000, 0, draws[i]) <= 60000);
        CU_ASSERT_TRUE(backoff_ms(1, 1000, 60000, 30000, draws[i]) >= 30000);
        CU_ASSERT_TRUE(backoff_ms(1, 10, 100, 0, draws[i]) <= 10);
    }
    CU_ASSERT_NOT_EQUAL(backoff_ms(5, 1000, 60000, 0, 1), backoff_ms(5, 1000, 60000, 0, 5000));
}

static void test_interval(void)
{
    for (uint32_t draw = 0; draw < 5000; draw += 7) {
        int64_t pause = interval_jittered_ms(5000, draw);
        CU_ASSERT_TRUE(pause >= 4500 && pause <= 5500);
    }
    CU_ASSERT_EQUAL(interval_jittered_ms(5, 3), 5);
}

static struct budget seen(int64_t limit, int64_t remaining, int64_t full_ms)
{
    struct budget budget = {0};
    budget_note(&budget, limit, remaining, full_ms, 1000000);
    return budget;
}

static void test_budget(void)
{
    struct budget none = {0};
    CU_ASSERT_EQUAL(budget_wait_ms(&none, 600, 10, 5), 0);
    budget_note(&none, -1, -1, -1, 5); /* no headers: still nothing is limited */
    CU_ASSERT_EQUAL(budget_wait_ms(&none, 600, 10, 5), 0);

    struct budget budget = seen(3600, 603, 2997 * 1000); /* one request a second */
    CU_ASSERT_EQUAL(budget_wait_ms(&budget, 600, 3, 1000000), 0);
    int64_t wait = budget_wait_ms(&budget, 600, 4, 1000000);
    CU_ASSERT_TRUE(wait >= 1000 && wait <= 1100);
    CU_ASSERT_EQUAL(budget_wait_ms(&budget, 600, 4, 1000000 + wait), 0);

    budget = seen(3600, 0, -1); /* no reset time: the limit is an hour's */
    wait = budget_wait_ms(&budget, 0, 2, 1000000);
    CU_ASSERT_TRUE(wait >= 2000 && wait <= 2100);
}

/* A reserve as large as the limit must not stop the lists for ever. */
static void test_reserve_is_capped(void)
{
    struct budget budget = seen(3600, 3600, 0);
    CU_ASSERT_EQUAL(budget_wait_ms(&budget, 3600, 2, 1000000), 0);
    budget = seen(10, 10, 0);
    CU_ASSERT_EQUAL(budget_wait_ms(&budget, 3600, 500, 1000000), 0);
    budget = seen(3600, 0, 1000 * HOUR_MS); /* a reset far away */
    CU_ASSERT_EQUAL(budget_wait_ms(&budget, 600, 10, 1000000), HOUR_MS);
}

/* What is kept for deletes lets servers be looked at as often as a delete needs it, and no more. */
static void test_a_look_that_is_due(void)
{
    int64_t now = 1000000;
    struct budget budget = seen(3600, 300, 3300 * 1000); /* somebody else asks as well */
    int64_t kept = budget_wait_ms(&budget, 600, 3, now);
    CU_ASSERT_TRUE(kept > 300000);
    CU_ASSERT_EQUAL(budget_wait_due_ms(&budget, 600, 3, now + 25000, now), 25000);
    CU_ASSERT_EQUAL(budget_wait_due_ms(&budget, 600, 3, now - 1, now), 0);
    CU_ASSERT_EQUAL(budget_wait_due_ms(&budget, 600, 3, now + 10 * kept, now), kept);
    budget = seen(3600, 0, 3600 * 1000); /* nothing is left, for nobody */
    int64_t wait = budget_wait_due_ms(&budget, 600, 3, now - 1, now);
    CU_ASSERT_TRUE(wait >= 3000 && wait <= 3100);
    CU_ASSERT_EQUAL(budget_wait_due_ms(&budget, 600, 3, now + 1000, now), wait);
    budget = seen(3600, 3000, 600 * 1000);
    CU_ASSERT_EQUAL(budget_wait_due_ms(&budget, 600, 3, now + 25000, now), 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"pauses after failures", test_backoff},
        {"pauses between rounds", test_interval},
        {"the request budget", test_budget},
        {"a look that is due", test_a_look_that_is_due},
        {"a reserve as large as the limit", test_reserve_is_capped},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("poller_budget", tests);
}
