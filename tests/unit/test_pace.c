/* How often a node may be changed, and allowances of every size. May not: read a clock. */
#include "actuator/pace.h"

#include <stdio.h>
#include <stdlib.h>

#include "cunit_main.h"

static const struct allowance_size size = {3, 1000};

static void test_so_many_at_once_and_then_one_each_interval(void)
{
    struct allowance one = {.used = 0};
    CU_ASSERT_TRUE(allowance_take(&one, &size, 50000));
    CU_ASSERT_TRUE(allowance_take(&one, &size, 50000));
    CU_ASSERT_TRUE(allowance_take(&one, &size, 50000));
    CU_ASSERT_FALSE(allowance_take(&one, &size, 50000));
    CU_ASSERT_EQUAL(allowance_wait_ms(&one, &size, 50000), 1000);
    CU_ASSERT_FALSE(allowance_take(&one, &size, 50999)); /* and what is refused uses nothing */
    CU_ASSERT_EQUAL(allowance_wait_ms(&one, &size, 50999), 1);
    CU_ASSERT_TRUE(allowance_take(&one, &size, 51000));
    CU_ASSERT_FALSE(allowance_take(&one, &size, 51000));
    CU_ASSERT_EQUAL(allowance_wait_ms(&one, &size, 51500), 500);
    CU_ASSERT_EQUAL(allowance_wait_ms(&one, &size, 52000), 0);
}

/* Asked each moment, it still gives one each interval and no more. */
static void test_asking_often_neither_hastens_nor_delays(void)
{
    struct allowance one = {.used = 0};
    unsigned taken = 0;
    for (int64_t at = 0; at < 100000; at += 7)
        taken += allowance_take(&one, &size, 50000 + at);
    CU_ASSERT_EQUAL(taken, 3 + 99);
}

static void test_a_long_rest_gives_no_more_than_all(void)
{
    struct allowance one = {.used = 0};
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_TRUE(allowance_take(&one, &size, 50000));
    unsigned taken = 0;
    for (unsigned i = 0; i < 10; i++)
        taken += allowance_take(&one, &size, INT64_C(9000000000000));
    CU_ASSERT_EQUAL(taken, 3);
}

static void test_each_node_has_its_own(void)
{
    struct paces *paces = calloc(1, sizeof *paces);
    CU_ASSERT_PTR_NOT_NULL_FATAL(paces);
    for (unsigned i = 0; i < CHANGES_AT_ONCE; i++)
        CU_ASSERT_EQUAL(pace_change(paces, "a", 50000), 0);
    CU_ASSERT_EQUAL(pace_change(paces, "a", 50000), CHANGES_EVERY_MS);
    CU_ASSERT_EQUAL(pace_change(paces, "b", 50000), 0);
    CU_ASSERT_EQUAL(pace_change(paces, "a", 50000 + CHANGES_EVERY_MS), 0);
    free(paces);
}

static void test_more_nodes_than_there_may_be_take_each_others_places(void)
{
    struct paces *paces = calloc(1, sizeof *paces);
    CU_ASSERT_PTR_NOT_NULL_FATAL(paces);
    for (unsigned i = 0; i < 3 * NODES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        CU_ASSERT_EQUAL(pace_change(paces, name, 50000), 0);
    }
    CU_ASSERT_EQUAL(paces->count, NODES_MAX);
    free(paces);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"so many at once, then one each interval",
         test_so_many_at_once_and_then_one_each_interval},
        {"asking often", test_asking_often_neither_hastens_nor_delays},
        {"a long rest", test_a_long_rest_gives_no_more_than_all},
        {"each node has its own", test_each_node_has_its_own},
        {"more nodes than there may be", test_more_nodes_than_there_may_be_take_each_others_places},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("pace", tests);
}
