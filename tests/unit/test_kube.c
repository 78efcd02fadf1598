/* What the decoders promise of Kubernetes. */
#include "common/kube.h"
#include "common/names.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/data_file.h"

static struct arena *arena;
static struct error error;

static void begin(void)
{
    arena = arena_new(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
}

/* {"metadata":{"continue":TOKEN},"items":[OBJECT]}, the caller frees. */
static char *list_of(const char *object, const char *token)
{
    size_t size = strlen(object) + strlen(token) + 64;
    char *text = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    snprintf(text, size, "{\"metadata\":{\"continue\":\"%s\"},\"items\":[%s]}", token, object);
    return text;
}

static void test_real_node(void)
{
    begin();
    char *text = data_file("kube/node.json");
    struct kube_node_detail node;
    CU_ASSERT_TRUE_FATAL(
        kube_decode_node(text, strlen(text), "kubernetes.io/hostname=k1", arena, &node, &error));
    CU_ASSERT_STRING_EQUAL(node.node.name, "k1");
    CU_ASSERT_STRING_EQUAL(node.node.uid, "9d2100a7-190c-4238-adee-7ec9614b3029");
    CU_ASSERT_STRING_EQUAL(node.resource_version, "205");
    CU_ASSERT_TRUE(node.node.ready);
    CU_ASSERT_FALSE(node.node.unschedulable);
    CU_ASSERT_FALSE(node.node.evicting);
    CU_ASSERT_STRING_EQUAL(node.node.provider_id, "");
    CU_ASSERT_STRING_EQUAL(node.node.fence_note, "");
    CU_ASSERT_EQUAL_FATAL(node.taint_count, 1);
    CU_ASSERT_STRING_EQUAL(node.taint[0].key, "node.kubernetes.io/not-ready");
    CU_ASSERT_STRING_EQUAL(node.taint[0].value, "");
    CU_ASSERT_STRING_EQUAL(node.taint[0].effect, "NoSchedule");
    CU_ASSERT_EQUAL(node.node.created_ms, INT64_C(1795506234000));
    arena_free(arena);
    free(text);
}

static void test_our_marks(void)
{
    static const char marked[] =
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"labels\":"
        "{\"managed-by\":\"ebbtide\"},\"annotations\":"
        "{\"" NODE_ANNOTATION_FENCE "\":\"v1.5.7\"}},\"spec\":{\"providerID\":\"hcloud://42\","
        "\"unschedulable\":true,\"taints\":[{\"key\":\"" NODE_TAINT_DRAIN "\",\"effect\":"
        "\"NoExecute\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}]}"
        "}";
    static const char other[] =
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\"},\"spec\":{"
        "\"taints\":[{\"key\":\"" NODE_TAINT_DRAIN "\",\"effect\":\"NoSchedule\"}]}}";
    begin();
    struct kube_node_detail node;
    CU_ASSERT_TRUE_FATAL(
        kube_decode_node(marked, strlen(marked), "managed-by=ebbtide", arena, &node, &error));
    CU_ASSERT_TRUE(node.labelled);
    CU_ASSERT_STRING_EQUAL(node.node.fence_note, "v1.5.7");
    CU_ASSERT_STRING_EQUAL(node.node.provider_id, "hcloud://42");
    CU_ASSERT_TRUE(node.node.unschedulable);
    CU_ASSERT_TRUE(node.node.evicting);
    CU_ASSERT_FALSE(node.node.ready); /* Unknown is not True */
    CU_ASSERT_TRUE_FATAL(
        kube_decode_node(other, strlen(other), "managed-by=ebbtide", arena, &node, &error));
    CU_ASSERT_FALSE(node.node.evicting);
    CU_ASSERT_FALSE(node.labelled);
    arena_free(arena);
}

/* kube.node_label: a key with its value, or a key alone. */
static void test_our_label(void)
{
    static const char body[] =
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"labels\":"
        "{\"managed-by\":\"ebbtide\",\"managed\":\"\"}}}";
    static const struct {
        const char *label;
        bool bears;
    } rows[] = {
        {"managed-by=ebbtide", true},
        {"managed-by=ebb", false},
        {"managed-by=", false},
        {"managed-by", true},
        {"managed", true},
        {"managed=", true},
        {"manage", false},
        {"ebbtide", false},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube_node_detail node;
        CU_ASSERT_TRUE_FATAL(
            kube_decode_node(body, strlen(body), rows[i].label, arena, &node, &error));
        CU_ASSERT_EQUAL(node.labelled, rows[i].bears);
    }
    arena_free(arena);
}

static void test_lists(void)
{
    begin();
    char *object = data_file("kube/node.json"), *text = list_of(object, "abc");
    struct kube_node_list nodes = {0};
    struct kube_pod_list pods = {0};
    struct kube_page page;
    CU_ASSERT_TRUE(kube_decode_nodes(text, strlen(text), arena, &nodes, &page, &error));
    CU_ASSERT_EQUAL(nodes.count, 1);
    CU_ASSERT_STRING_EQUAL(page.continue_token, "abc");
    CU_ASSERT_FALSE(kube_decode_pods(text, strlen(text), arena, &pods, &page, &error));
    CU_ASSERT_EQUAL(pods.count, 0);
    free(object);
    free(text);
    object = data_file("kube/pod.json");
    text = list_of(object, "");
    CU_ASSERT_TRUE(kube_decode_pods(text, strlen(text), arena, &pods, &page, &error));
    CU_ASSERT_STRING_EQUAL(page.continue_token, "");
    CU_ASSERT_EQUAL_FATAL(pods.count, 1);
    CU_ASSERT_STRING_EQUAL(pods.item[0].namespace_name, "w");
    CU_ASSERT_STRING_EQUAL(pods.item[0].node_name, "k1");
    CU_ASSERT_EQUAL(pods.item[0].phase, POD_RUNNING);
    CU_ASSERT_TRUE(pods.item[0].ready);
    CU_ASSERT_FALSE(pods.item[0].terminating);
    CU_ASSERT_FALSE(kube_decode_pods("{\"items\":null}", 14, arena, &pods, &page, &error));
    CU_ASSERT_EQUAL(pods.count, 1);
    kube_node_list_free(&nodes);
    kube_pod_list_free(&pods);
    arena_free(arena);
    free(object);
    free(text);
}

/* A machine makes mirrors itself, under any name: they tell of no runner. */
static void test_mirror_pods_are_left_out(void)
{
    static const char text[] =
        "{\"items\":[{\"metadata\":{\"name\":\"builder\",\"namespace\":\"w\",\"uid\":\"a\","
        "\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}},\"spec\":{\"nodeName\":\"k1\"}},"
        "{\"metadata\":{\"name\":\"runner\",\"namespace\":\"w\",\"uid\":\"b\",\"annotations\":{"
        "\"other\":\"x\"}},\"spec\":{\"nodeName\":\"k1\"}}]}";
    struct kube_pod_list pods = {0};
    struct kube_page page;
    begin();
    CU_ASSERT_TRUE(kube_decode_pods(text, strlen(text), arena, &pods, &page, &error));
    CU_ASSERT_EQUAL_FATAL(pods.count, 1);
    CU_ASSERT_STRING_EQUAL(pods.item[0].name, "runner");
    CU_ASSERT_EQUAL(page.items, 2);
    kube_pod_list_free(&pods);
    arena_free(arena);
}

static void test_continue_token_is_bounded(void)
{
    char token[KUBE_CONTINUE_BYTES_MAX + 1], *text;
    struct kube_node_list nodes = {0};
    struct kube_page page;
    begin();
    memset(token, 'x', sizeof token);
    token[KUBE_CONTINUE_BYTES_MAX - 1] = '\0';
    text = list_of("", token);
    CU_ASSERT_TRUE(kube_decode_nodes(text, strlen(text), arena, &nodes, &page, &error));
    free(text);
    token[KUBE_CONTINUE_BYTES_MAX - 1] = 'x';
    token[KUBE_CONTINUE_BYTES_MAX] = '\0';
    text = list_of("", token);
    CU_ASSERT_FALSE(kube_decode_nodes(text, strlen(text), arena, &nodes, &page, &error));
    free(text);
    arena_free(arena);
}

static void test_evicted_pod(void)
{
    begin();
    char *text = data_file("kube/pod-evicted.json");
    struct kube_pod pod;
    CU_ASSERT_TRUE_FATAL(kube_decode_pod(text, strlen(text), arena, &pod, &error));
    CU_ASSERT_TRUE(pod.terminating);
    arena_free(arena);
    free(text);
}

/* What decides how a drain treats a pod. */
static void test_pod_details(void)
{
    static const char pods[] =
        "{\"items\":["
        "{\"metadata\":{\"name\":\"ds\",\"namespace\":\"g\",\"uid\":\"1\",\"labels\":{\"app\":"
        "\"r\"},"
        "\"ownerReferences\":[{\"kind\":\"Foo\",\"name\":\"x\"},{\"kind\":\"DaemonSet\",\"name\":"
        "\"runners\",\"controller\":true}]},\"status\":{\"phase\":\"Running\"}},"
        "{\"metadata\":{\"name\":\"m\",\"namespace\":\"kube-system\",\"uid\":\"2\",\"annotations\":"
        "{\"kubernetes.io/config.mirror\":\"\"},\"labels\":{\"app\":\"r\"}}},"
        "{\"metadata\":{\"name\":\"f\",\"namespace\":\"g\",\"uid\":\"3\",\"labels\":{\"app\":"
        "\"other\"}},\"status\":{\"phase\":\"Succeeded\"}}]}";
    begin();
    struct kube_pod_detail_list list = {0};
    struct kube_page page;
    CU_ASSERT_TRUE_FATAL(
        kube_decode_pod_details(pods, strlen(pods), "g", "app=r", arena, &list, &page, &error));
    CU_ASSERT_EQUAL_FATAL(list.count, 3);
    CU_ASSERT_STRING_EQUAL(list.item[0].owner_kind, "DaemonSet");
    CU_ASSERT_TRUE(list.item[0].runner);
    CU_ASSERT_TRUE(list.item[1].mirror);
    CU_ASSERT_FALSE(list.item[1].runner); /* the label, but another namespace */
    CU_ASSERT_STRING_EQUAL(list.item[1].owner_kind, "");
    CU_ASSERT_TRUE(list.item[2].finished);
    CU_ASSERT_FALSE(list.item[2].runner);
    kube_pod_detail_list_free(&list);
    arena_free(arena);
}

static void test_paths(void)
{
    struct url_path path;
    kube_path_nodes(&path, "managed-by=ebbtide", "a+b=");
    CU_ASSERT_STRING_EQUAL(path.text, "/api/v1/nodes?limit=500&labelSelector=managed-by%3Debbtide"
                                      "&continue=a%2Bb%3D");
    kube_path_pods(&path, "gitea-runners", "app=r", "");
    CU_ASSERT_STRING_EQUAL(path.text, "/api/v1/namespaces/gitea-runners/pods?limit=500"
                                      "&labelSelector=app%3Dr");
    kube_path_node_pods(&path, "n1", "");
    CU_ASSERT_STRING_EQUAL(path.text, "/api/v1/pods?limit=500&fieldSelector=spec.nodeName%3Dn1");
}

static struct api_trouble refused(unsigned status, const char *body)
{
    struct http_answer answer = {.status = status,
                                 .body = body,
                                 .length = strlen(body),
                                 .content_type = "application/json",
                                 .url = "https://k.example.org/api/v1/nodes",
                                 .retry_after_ms = HTTP_NONE};
    struct api_trouble trouble;
    kube_trouble(&answer, "evict a pod", &trouble);
    return trouble;
}

static void test_real_refusals(void)
{
    char *text = data_file("kube/eviction-429.json");
    struct api_trouble trouble = refused(429, text);
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_RATE_LIMITED);
    CU_ASSERT_STRING_EQUAL(trouble.code, "DisruptionBudget");
    CU_ASSERT_EQUAL(trouble.retry_after_ms, 0); /* Kubernetes names no time here */
    free(text);
    text = data_file("kube/rbac-403.json");
    trouble = refused(403, text);
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_UNAUTHORIZED);
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.error.text, "RBAC"));
    free(text);
    text = data_file("kube/continue-410.json");
    trouble = refused(410, text);
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_INCONSISTENT);
    CU_ASSERT_STRING_EQUAL(trouble.code, "Expired");
    CU_ASSERT_FALSE(trouble.gone);
    free(text);
}

static void test_refusals(void)
{
    struct api_trouble trouble =
        refused(429, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"details\":"
                     "{\"retryAfterSeconds\":10}}");
    CU_ASSERT_EQUAL(trouble.retry_after_ms, 10000);
    CU_ASSERT_STRING_EQUAL(trouble.code, "TooManyRequests");
    trouble = refused(500, "{\"message\":\"This pod has more than one PodDisruptionBudget, which "
                           "the eviction subresource does not support.\"}");
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_PROTECTED);
    CU_ASSERT_EQUAL(refused(500, "{}").trouble, TROUBLE_SERVER_ERROR);
    CU_ASSERT_EQUAL(refused(409, "{\"reason\":\"Conflict\"}").trouble, TROUBLE_LOCKED);
    CU_ASSERT_TRUE(refused(404, "{\"reason\":\"NotFound\"}").gone);
    CU_ASSERT_EQUAL(refused(201, "{}").trouble, TROUBLE_NONE);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a real node", test_real_node},
        {"our marks on a node", test_our_marks},
        {"our label on a node", test_our_label},
        {"lists and their continue", test_lists},
        {"mirror pods are left out", test_mirror_pods_are_left_out},
        {"the continue token is bounded", test_continue_token_is_bounded},
        {"an evicted pod", test_evicted_pod},
        {"what a drain looks at", test_pod_details},
        {"paths, escaped", test_paths},
        {"real refusals", test_real_refusals},
        {"refusals", test_refusals},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("kube", tests);
}
