/* However many hints a monitor sends, Gitea is looked at no oftener than the budget allows; an
 * honest monitor never meets it. */
#include "tests/unit/cunit_main.h"

#include "reconciler/hint_budget.h"

static unsigned let_through(struct hint_budget *budget, unsigned sent, int64_t mono_ms)
{
    unsigned count = 0;
    for (unsigned i = 0; i < sent; i++)
        count += hint_budget_take(budget, mono_ms) ? 1 : 0;
    return count;
}

static void a_flood_is_bounded(void)
{
    struct hint_budget budget = {0};
    CU_ASSERT_EQUAL(let_through(&budget, 1000, 50000), HINTS_AT_ONCE);
    CU_ASSERT_EQUAL(let_through(&budget, 1000, 50000 + HINT_REFILL_MS - 1), 0);
    unsigned more = 0;
    for (int64_t at = 50000; at < 50000 + (int64_t)60 * HINT_REFILL_MS; at += 10)
        more += let_through(&budget, 20, at);
    CU_ASSERT_EQUAL(more, 59);
    CU_ASSERT_EQUAL(let_through(&budget, 1000, 9000000), HINTS_AT_ONCE);
}

static void an_honest_monitor_never_meets_it(void)
{
    struct hint_budget budget = {0};
    for (int64_t i = 1; i < 1000; i++) {
        int64_t late = i % 7 * 130; /* some come late, and the next on its time */
        CU_ASSERT_EQUAL(let_through(&budget, 1, i * HINT_REFILL_MS + late), 1);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a flood is bounded", a_flood_is_bounded},
        {"an honest monitor never meets it", an_honest_monitor_never_meets_it},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("hint_budget", tests);
}
