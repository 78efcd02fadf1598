/* What the decoders promise of Hetzner Cloud. */
#include "common/hetzner.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/data_file.h"

#define NOW_MS INT64_C(1795504736000) /* 2026-11-24T07:18:56Z */

static struct arena *arena;
static struct error error;

static void begin(void)
{
    arena = arena_new(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
}

static void test_servers(void)
{
    begin();
    char *text = data_file("hetzner/servers-page.json");
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    CU_ASSERT_TRUE_FATAL(hetzner_decode_servers(text, strlen(text), arena, &list, &page, &error));
    CU_ASSERT_EQUAL(list.count, 2);
    CU_ASSERT_TRUE(page.total_known);
    CU_ASSERT_EQUAL(page.total, 3);
    CU_ASSERT_EQUAL(page.next_page, 2);
    const struct hetzner_server *server = &list.item[0];
    CU_ASSERT_EQUAL(server->id, 42);
    CU_ASSERT_STRING_EQUAL(server->name, "ebb-default-1-1");
    CU_ASSERT_EQUAL(server->status, SERVER_RUNNING);
    CU_ASSERT_EQUAL(server->created_ms, NOW_MS);
    CU_ASSERT_STRING_EQUAL(server->server_type, "ccx33");
    CU_ASSERT_STRING_EQUAL(server->location, "nbg1");
    CU_ASSERT_STRING_EQUAL(hetzner_label(server, "ebbtide-id"), "1-1");
    CU_ASSERT_STRING_EQUAL(hetzner_label(server, "empty"), "");
    CU_ASSERT_PTR_NULL(hetzner_label(server, "ebbtide"));
    CU_ASSERT_EQUAL(list.item[1].status, SERVER_INITIALIZING);
    CU_ASSERT_STRING_EQUAL(list.item[1].location, "fsn1"); /* in an older answer's datacenter */
    hetzner_server_list_free(&list);
    arena_free(arena);
    free(text);
}

/* A server whose `created` cannot be read must not look as if its paid hour began in 1970. */
static void test_server_without_created(void)
{
    static const char *const bad[] = {
        "{\"servers\":[{\"id\":1,\"name\":\"a\"}]}",
        "{\"servers\":[{\"id\":1,\"name\":\"a\",\"created\":\"yesterday\"}]}",
        "{\"servers\":[{\"id\":1,\"created\":\"2026-11-24T07:18:56Z\"}]}",
        "{\"servers\":[{\"name\":\"a\",\"created\":\"2026-11-24T07:18:56Z\"}]}",
        ("{\"servers\":[{\"id\":1,\"name\":\"a\",\"created\":\"2026-11-24T07:18:56Z\",\"labels\":"
         "{\"\":\"x\"}}]}"),
        "{\"server\":{}}",
    };
    begin();
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(
            hetzner_decode_servers(bad[i], strlen(bad[i]), arena, &list, &page, &error));
        CU_ASSERT_EQUAL(list.count, 0);
    }
    hetzner_server_list_free(&list);
    arena_free(arena);
}

static void test_too_many_servers(void)
{
    begin();
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    char text[256];
    bool good = true;
    for (unsigned i = 1; i <= SERVERS_MAX && good; i++) {
        snprintf(text, sizeof text,
                 "{\"servers\":[{\"id\":%u,\"name\":\"a\",\"created\":\"2026-11-24T07:18:56Z\"}]}",
                 i);
        good = hetzner_decode_servers(text, strlen(text), arena, &list, &page, &error);
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(list.count, SERVERS_MAX);
    CU_ASSERT_FALSE(hetzner_decode_servers(text, strlen(text), arena, &list, &page, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "more than 1000 servers"));
    hetzner_servers_sort(&list);
    CU_ASSERT_EQUAL(list.count, SERVERS_MAX);
    hetzner_server_list_free(&list);
    arena_free(arena);
}

static void test_prices(void)
{
    begin();
    char *text = data_file("hetzner/server-types.json");
    struct hetzner_price_list list = {0};
    struct hetzner_page page;
    CU_ASSERT_TRUE_FATAL(
        hetzner_decode_server_types(text, strlen(text), NOW_MS, arena, &list, &page, &error));
    CU_ASSERT_EQUAL_FATAL(list.count, 3);
    CU_ASSERT_EQUAL(page.next_page, 0);
    CU_ASSERT_FALSE(page.total_known);
    CU_ASSERT_STRING_EQUAL(list.item[0].location, "fsn1");
    CU_ASSERT_EQUAL(list.item[0].hourly_micro, 76900);
    CU_ASSERT_EQUAL(list.item[0].monthly_micro, 47990000);
    CU_ASSERT_FALSE(list.item[0].deprecated);
    CU_ASSERT_EQUAL(list.item[1].hourly_micro, 76901); /* never shown too low */
    CU_ASSERT_TRUE(list.item[1].deprecated);           /* in this place only */
    CU_ASSERT_TRUE(list.item[2].deprecated);
    CU_ASSERT_TRUE(
        hetzner_decode_currency("{\"pricing\":{\"currency\":\"EUR\"}}", 30, &list, &error));
    CU_ASSERT_STRING_EQUAL(list.currency, "EUR");
    hetzner_price_list_free(&list);
    arena_free(arena);
    free(text);
}

static void test_bad_prices(void)
{
    static const char *const bad[] = {"", "x", "-1", "1,5", "1.5e3", "99999999999", "0x1", "1 "};
    begin();
    struct hetzner_price_list list = {0};
    struct hetzner_page page;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"server_types\":[{\"name\":\"a\",\"prices\":[{\"location\":\"b\","
                 "\"price_hourly\":{\"net\":\"%s\"},\"price_monthly\":{\"net\":\"1\"}}]}]}",
                 bad[i]);
        CU_ASSERT_FALSE(
            hetzner_decode_server_types(text, strlen(text), NOW_MS, arena, &list, &page, &error));
    }
    hetzner_price_list_free(&list);
    arena_free(arena);
}

static void test_create_and_actions(void)
{
    begin();
    char *text = data_file("hetzner/create-201.json");
    struct hetzner_server server;
    struct hetzner_action action;
    CU_ASSERT_TRUE_FATAL(
        hetzner_decode_server(text, strlen(text), arena, &server, &action, &error));
    CU_ASSERT_EQUAL(server.id, 42);
    CU_ASSERT_EQUAL(action.id, 7);
    CU_ASSERT_EQUAL(action.status, HETZNER_ACTION_RUNNING);
    static const char failed[] =
        "{\"action\":{\"id\":7,\"command\":\"create_server\",\"status\":\"error\",\"error\":"
        "{\"code\":\"action_failed\",\"message\":\"Action failed\"}}}";
    CU_ASSERT_TRUE(hetzner_decode_action(failed, strlen(failed), &action, &error));
    CU_ASSERT_EQUAL(action.status, HETZNER_ACTION_ERROR);
    CU_ASSERT_STRING_EQUAL(action.code, "action_failed");
    CU_ASSERT_FALSE(hetzner_decode_action("{\"action\":null}", 15, &action, &error));
    arena_free(arena);
    free(text);
}

static void test_failed_creates(void)
{
    begin();
    char *servers = data_file("hetzner/servers-page.json");
    char *actions = data_file("hetzner/actions-failed.json");
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    CU_ASSERT_TRUE_FATAL(
        hetzner_decode_servers(servers, strlen(servers), arena, &list, &page, &error));
    CU_ASSERT_TRUE(hetzner_decode_failed_creates(actions, strlen(actions), &list, &error));
    CU_ASSERT_FALSE(list.item[0].create_failed); /* a reboot of it failed, not its create */
    CU_ASSERT_TRUE(list.item[1].create_failed);
    hetzner_server_list_free(&list);
    arena_free(arena);
    free(servers);
    free(actions);
}

static void test_paths(void)
{
    struct url_path path;
    hetzner_path_servers(&path, "managed-by=ebbtide,ebbtide-cluster=a b", 3);
    CU_ASSERT_STRING_EQUAL(path.text,
                           "/servers?label_selector=managed-by%3Debbtide%2Cebbtide-cluster%3Da%20b"
                           "&sort=id:asc&page=3&per_page=50");
    hetzner_path_server_by_name(&path, "a&b");
    CU_ASSERT_STRING_EQUAL(path.text, "/servers?name=a%26b");
}

static struct api_trouble refused(unsigned status, const char *body)
{
    struct http_answer answer = {.status = status,
                                 .body = body,
                                 .length = strlen(body),
                                 .content_type = "application/json",
                                 .url = "https://api.hetzner.cloud/v1/servers",
                                 .retry_after_ms = HTTP_NONE};
    struct api_trouble trouble;
    hetzner_trouble(&answer, "create a server", &trouble);
    return trouble;
}

static void test_refusals(void)
{
    /* Seen in the wild: a sold-out type is a 412. */
    struct api_trouble trouble =
        refused(412, "{\"error\":{\"message\":\"error during placement\",\"code\":"
                     "\"resource_unavailable\",\"details\":null}}");
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_SOLD_OUT);
    CU_ASSERT_STRING_EQUAL(trouble.code, "resource_unavailable");
    trouble =
        refused(403, "{\"error\":{\"code\":\"resource_limit_exceeded\",\"message\":\"server "
                     "limit reached\",\"details\":{\"limits\":[{\"name\":\"server_limit\"}]}}}");
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_QUOTA); /* by its code, not by its status */
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.error.text, "server_limit"));
    trouble =
        refused(422, "{\"error\":{\"code\":\"invalid_input\",\"message\":\"invalid input in "
                     "field\",\"details\":{\"fields\":[{\"name\":\"server_type\",\"messages\":"
                     "[\"is too long\"]}]}}}");
    CU_ASSERT_EQUAL(trouble.trouble, TROUBLE_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.error.text, "server_type is too long"));
    CU_ASSERT_EQUAL(refused(409, "{\"error\":{\"code\":\"uniqueness_error\"}}").trouble,
                    TROUBLE_LOCKED);
    CU_ASSERT_EQUAL(refused(403, "{\"error\":{\"code\":\"token_readonly\"}}").trouble,
                    TROUBLE_UNAUTHORIZED);
    CU_ASSERT_EQUAL(refused(423, "{\"error\":{\"code\":\"protected\"}}").trouble,
                    TROUBLE_PROTECTED);
    CU_ASSERT_TRUE(refused(404, "{\"error\":{\"code\":\"not_found\"}}").gone);
    CU_ASSERT_TRUE(refused(404, "<html>").gone);
    CU_ASSERT_EQUAL(refused(503, "{\"error\":{\"code\":\"a new word\"}}").trouble,
                    TROUBLE_SERVER_ERROR);
    CU_ASSERT_EQUAL(refused(200, "{}").trouble, TROUBLE_NONE);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a page of servers", test_servers},
        {"servers that lack what matters", test_server_without_created},
        {"one server too many", test_too_many_servers},
        {"prices", test_prices},
        {"bad prices", test_bad_prices},
        {"a create's answer, actions", test_create_and_actions},
        {"creates that failed later", test_failed_creates},
        {"paths, escaped", test_paths},
        {"refusals go by the code", test_refusals},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("hetzner", tests);
}
