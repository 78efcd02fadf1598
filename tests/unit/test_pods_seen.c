/* The table of the runner pods that were seen. May not: do I/O. */
#include "actuator/pods_seen.h"

#include <stdio.h>
#include <string.h>

#include "cunit_main.h"

static struct pods_seen seen;

static void see(const char *pod, const char *node)
{
    struct kube_pod one = {.name = pod, .node_name = node};
    struct kube_pod_list list = {.item = &one, .count = 1};
    pods_seen_note(&seen, &list);
}

static void test_where_a_pod_was(void)
{
    seen = (struct pods_seen){0};
    see("r-0", "n-1");
    see("r-1", ""); /* it waits for a node */
    CU_ASSERT_TRUE(pods_seen_on(&seen, "r-0", "n-1"));
    CU_ASSERT_FALSE(pods_seen_on(&seen, "r-0", "n-2"));
    CU_ASSERT_FALSE(pods_seen_on(&seen, "r-1", ""));
    see("r-0", "n-2"); /* it moved */
    CU_ASSERT_FALSE(pods_seen_on(&seen, "r-0", "n-1"));
    CU_ASSERT_TRUE(pods_seen_on(&seen, "r-0", "n-2"));
    CU_ASSERT_EQUAL(seen.count, 1);
}

static void test_the_oldest_goes(void)
{
    char pod[32];
    seen = (struct pods_seen){0};
    for (unsigned i = 0; i <= PODS_SEEN_MAX; i++) {
        snprintf(pod, sizeof pod, "pod-%u", i);
        see(pod, "n");
    }
    CU_ASSERT_EQUAL(seen.count, PODS_SEEN_MAX);
    CU_ASSERT_TRUE(pods_seen_on(&seen, pod, "n"));
    CU_ASSERT_FALSE(pods_seen_on(&seen, "pod-0", "n"));
    CU_ASSERT_TRUE(pods_seen_on(&seen, "pod-1", "n"));
}

static void test_kin(void)
{
    seen = (struct pods_seen){0};
    CU_ASSERT_FALSE(pods_seen_kin(&seen, "gitea-runner-x7k2p"));
    see("gitea-runner-bcd24", "n-1");
    CU_ASSERT_TRUE(pods_seen_kin(&seen, "gitea-runner-x7k2p"));
    CU_ASSERT_FALSE(pods_seen_kin(&seen, "gitea-runner-bcd24")); /* of which we know more */
    CU_ASSERT_FALSE(pods_seen_kin(&seen, "other-runner-x7k2p"));
    CU_ASSERT_FALSE(pods_seen_kin(&seen, "gitea-runner-build"));
    CU_ASSERT_FALSE(pods_seen_kin(&seen, "-x7k2p"));
    CU_ASSERT_FALSE(pods_seen_kin(&seen, ""));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"where a pod was", test_where_a_pod_was},
        {"the oldest goes", test_the_oldest_goes},
        {"kin", test_kin},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("pods_seen", tests);
}
