/* How long a fence or a drain has been going on: by the clock since boot, from when it was first
 * seen.
 */
#include <stdlib.h>

#include "actuator/since.h"
#include "cunit_main.h"

static struct sinces *new_sinces(void)
{
    struct sinces *sinces = calloc(1, sizeof *sinces);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sinces);
    return sinces;
}

static void test_it_counts_from_the_first_sight(void)
{
    struct sinces *sinces = new_sinces();
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 5000, 100), 0);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 5000, 350), 250);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_DRAIN, 5000, 350), 0);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n2", SINCE_FENCE, 5000, 350), 0);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 5000, 400), 300);
    free(sinces);
}

static void test_another_beginning_counts_anew(void)
{
    struct sinces *sinces = new_sinces();
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 5000, 100), 0);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 6000, 900), 0);
    since_begin(sinces, "n1", SINCE_FENCE, 6000, 1500); /* written again in the same second */
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n1", SINCE_FENCE, 6000, 1600), 100);
    free(sinces);
}

static void test_a_full_table_forgets_the_oldest(void)
{
    struct sinces *sinces = new_sinces();
    char name[16];
    for (int i = 0; i <= SINCES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        CU_ASSERT_EQUAL(since_seen_ms(sinces, name, SINCE_FENCE, 1, 100 + i), 0);
    }
    CU_ASSERT_EQUAL(sinces->count, SINCES_MAX);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, name, SINCE_FENCE, 1, 100 + SINCES_MAX + 7), 7);
    CU_ASSERT_EQUAL(since_seen_ms(sinces, "n9", SINCE_FENCE, 1, 200), 91);
    free(sinces);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"it counts from the first sight", test_it_counts_from_the_first_sight},
        {"another beginning counts anew", test_another_beginning_counts_anew},
        {"a full table forgets one", test_a_full_table_forgets_the_oldest},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("since", tests);
}
