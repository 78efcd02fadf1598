/* What routes promise: patterns take whole decoded segments, the first row wins, a known path with
 * another method is told from an unknown one. */
#include "tests/unit/cunit_main.h"

#include "simulator/route.h"

static void a_parameter_takes_one_decoded_segment(void)
{
    struct route_parameters p;
    CU_ASSERT_TRUE(route_match("/v1/servers/{id}/actions", "/v1/servers/a%2Fb/actions", &p));
    CU_ASSERT_STRING_EQUAL(route_parameter(&p, "id"), "a/b");
    CU_ASSERT_PTR_NULL(route_parameter(&p, "i"));
    CU_ASSERT_FALSE(route_match("/v1/servers/{id}", "/v1/servers/", &p));
    CU_ASSERT_FALSE(route_match("/v1/servers/{id}", "/v1/servers/1/2", &p));
    CU_ASSERT_FALSE(route_match("/v1/servers", "/v1/servers/", &p));
}

static void a_rest_parameter_takes_slashes_too(void)
{
    struct route_parameters p;
    CU_ASSERT_TRUE(route_match("/openapi/{rest...}", "/openapi/v3/apis/apps", &p));
    CU_ASSERT_STRING_EQUAL(route_parameter(&p, "rest"), "v3/apis/apps");
}

static void broken_escapes_match_nothing(void)
{
    struct route_parameters p;
    static const char *const bad[] = {"/a/%", "/a/%2", "/a/%zz", "/a/%00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(route_match("/a/{x}", bad[i], &p));
}

static void a_known_path_with_another_method_is_told(void)
{
    static const struct route routes[] = {{.method = "GET", .pattern = "/a/{x}"},
                                          {.method = "GET", .pattern = "/a/b"},
                                          {.method = "DELETE", .pattern = "/a/{x}"}};
    struct route_parameters p;
    bool known;
    CU_ASSERT_PTR_EQUAL(route_find(routes, 3, "GET", "/a/b", &p, &known), &routes[0]);
    CU_ASSERT_PTR_EQUAL(route_find(routes, 3, "DELETE", "/a/b", &p, &known), &routes[2]);
    CU_ASSERT_PTR_NULL(route_find(routes, 3, "PATCH", "/a/b", &p, &known));
    CU_ASSERT_TRUE(known);
    CU_ASSERT_PTR_NULL(route_find(routes, 3, "GET", "/b", &p, &known));
    CU_ASSERT_FALSE(known);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a parameter takes one decoded segment", a_parameter_takes_one_decoded_segment},
        {"a rest parameter takes slashes too", a_rest_parameter_takes_slashes_too},
        {"broken escapes match nothing", broken_escapes_match_nothing},
        {"a known path with another method is told", a_known_path_with_another_method_is_told},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_route", tests);
}
