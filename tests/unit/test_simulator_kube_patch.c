/* What the pure parts of the Kubernetes API promise: patches change what they say and nothing else,
 * a continue token survives its round trip. */
#include "tests/unit/cunit_main.h"

#include "simulator/kube_private.h"

#include <string.h>

static const char before[] = "{\"metadata\":{\"labels\":{\"a\":\"1\",\"x/"
                             "y\":\"2\"}},\"spec\":{\"taints\":[{\"key\":\"t\"}]}}";

static bool becomes(const char *from, enum kube_patch_result result, const char *patch,
                    const char *after)
{
    json_t *target = json_loads(from, 0, NULL), *operations = json_loads(patch, 0, NULL);
    json_t *wanted = json_loads(after, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(operations);
    bool good = kube_json_patch(target, operations) == result &&
                (result != KUBE_PATCHED || json_equal(target, wanted));
    json_decref(target);
    json_decref(operations);
    json_decref(wanted);
    return good;
}

static void json_patches_do_each_operation(void)
{
    static const struct {
        enum kube_patch_result result;
        const char *from, *patch, *after;
    } rows[] = {
        {KUBE_PATCHED, "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b~1c\",\"value\":2}]",
         "{\"a\":1,\"b/c\":2}"},
        {KUBE_PATCHED, "{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]",
         "{\"a\":[1,2,3]}"},
        {KUBE_PATCHED, "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]",
         "{\"a\":[1,2]}"},
        {KUBE_PATCHED, "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}"},
        {KUBE_PATCHED, "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]",
         "{\"a\":2}"},
        {KUBE_PATCHED, "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]",
         "{\"b\":1}"},
        {KUBE_PATCHED, "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
         "{\"a\":1,\"b\":1}"},
        {KUBE_PATCH_TEST_FAILED, "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]",
         "{}"},
        {KUBE_PATCH_TEST_FAILED, "{}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", "{}"},
        {KUBE_PATCH_BAD, "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}"},
        {KUBE_PATCH_BAD, "{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", "{}"},
        {KUBE_PATCH_BAD, "{\"a\":[]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":1}]", "{}"},
        {KUBE_PATCH_BAD, "{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", "{}"},
        {KUBE_PATCH_BAD, "{}", "{}", "{}"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!becomes(rows[i].from, rows[i].result, rows[i].patch, rows[i].after))
            CU_FAIL(rows[i].patch);
    }
    CU_PASS("all rows");
}

static void merges_delete_by_null_and_replace_lists(void)
{
    json_t *target = json_loads(before, 0, NULL);
    json_t *patch = json_loads("{\"metadata\":{\"labels\":{\"a\":null,\"b\":\"3\"}},"
                               "\"spec\":{\"taints\":[],\"$retainKeys\":[\"x\"]}}",
                               0, NULL);
    json_t *wanted = json_loads("{\"metadata\":{\"labels\":{\"x/y\":\"2\",\"b\":\"3\"}},"
                                "\"spec\":{\"taints\":[]}}",
                                0, NULL);
    kube_merge(target, patch, true);
    CU_ASSERT_TRUE(json_equal(target, wanted));
    json_decref(target);
    json_decref(patch);
    json_decref(wanted);
}

static void continue_tokens_survive_a_round_trip(void)
{
    static const char *const starts[] = {"", "/n1", "/gitea-runners/pod-1", "/\xc3\xbc/~?>"};
    char token[2048], start[256];
    int64_t version;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        CU_ASSERT_TRUE(kube_continue_write(-1 + (int64_t)i, starts[i], token, sizeof token));
        CU_ASSERT_EQUAL(strcspn(token, "+/=& "), strlen(token));
        CU_ASSERT_TRUE(kube_continue_read(token, &version, start, sizeof start));
        CU_ASSERT_EQUAL(version, -1 + (int64_t)i);
        CU_ASSERT_STRING_EQUAL(start, starts[i]);
    }
    CU_ASSERT_FALSE(kube_continue_read("nonsense", &version, start, sizeof start));
    CU_ASSERT_FALSE(kube_continue_read("", &version, start, sizeof start));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"JSON patches do each operation", json_patches_do_each_operation},
        {"merges delete by null and replace lists", merges_delete_by_null_and_replace_lists},
        {"continue tokens survive a round trip", continue_tokens_survive_a_round_trip},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_kube_patch", tests);
}
