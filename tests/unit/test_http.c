/* What the HTTP engine promises: whole answers or a sentence, limits that hold, no secret in a
 * text, connections used again, no method but the one a shape sets. */
#include "common/clock.h"
#include "common/secret.h"
#include "tests/unit/http_fixture.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static struct test_server plain;

/* One request to the plain server over an endpoint of its own. */
static struct seen plain_get(const char *path)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, path);
    http_endpoint_free(endpoint);
    return seen;
}

/* -------------------------------------------------------------------------- whole answers */

static void test_whole_answer(void)
{
    struct seen seen = plain_get("/echo?a=b");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_EQUAL(seen.answer.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.body, "\"authorization\":\"Bearer " TOKEN "\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.body, "\"line\":\"GET /echo?a=b HTTP/1.1\""));
    CU_ASSERT_EQUAL(seen.answer.date_ms, INT64_C(1795504736000));
    CU_ASSERT_TRUE(seen.answer.sent);
}

static void test_chunked(void)
{
    struct seen seen = plain_get("/chunked");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_STRING_EQUAL(seen.body, "{\"a\":1}");
}

static void test_keep_alive_and_no_cookies(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen first = ask_path(endpoint, "/echo"), second = ask_path(endpoint, "/echo");
    CU_ASSERT_TRUE(second.answer.reused);
    CU_ASSERT_STRING_EQUAL(first.body, second.body); /* it holds the connection's number */
    CU_ASSERT_PTR_NOT_NULL(strstr(second.body, "\"cookie\":\"\""));
    http_endpoint_free(endpoint);
}

static void test_any_status_is_an_answer(void)
{
    struct seen seen = plain_get("/nothing");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_EQUAL(seen.answer.status, 404);
    CU_ASSERT_STRING_EQUAL(seen.body, "<html>no</html>");
}

static void test_redirect_is_not_followed(void)
{
    struct seen seen = plain_get("/redirect");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_EQUAL(seen.answer.status, 302);
}

static void test_headers(void)
{
    struct seen seen = plain_get("/retry");
    CU_ASSERT_EQUAL(seen.answer.retry_after_ms, 7000);
    seen = plain_get("/retry-date");
    CU_ASSERT_EQUAL(seen.answer.retry_after_ms, 10000);
    seen = plain_get("/rate");
    CU_ASSERT_EQUAL(seen.answer.rate_limit, 3600);
    CU_ASSERT_EQUAL(seen.answer.rate_remaining, 3598);
    CU_ASSERT_EQUAL(seen.answer.rate_reset_ms, INT64_C(1795504738000));
    seen = plain_get("/echo");
    CU_ASSERT_EQUAL(seen.answer.retry_after_ms, HTTP_NONE);
    CU_ASSERT_EQUAL(seen.answer.rate_limit, HTTP_NONE);
}

/* ------------------------------------------------------------------------- broken answers */

static void test_truncated(void)
{
    struct seen seen = plain_get("/truncated");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_BAD_ANSWER);
    CU_ASSERT_STRING_EQUAL(seen.body, ""); /* half an answer is none */
    CU_ASSERT_TRUE(seen.answer.sent);
}

static void test_closed_and_garbage(void)
{
    struct seen seen = plain_get("/close");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_TRUE(seen.answer.sent);
    seen = plain_get("/garbage");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_BAD_ANSWER);
}

/* /large has 40 bytes. */
static void test_limit_of_the_answer(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct http_request request = {.path = "/large", .answer_bytes_max = 40};
    CU_ASSERT_EQUAL(ask(endpoint, &request).answer.trouble, TROUBLE_NONE);
    request.answer_bytes_max = 39;
    struct seen seen = ask(endpoint, &request);
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_BAD_ANSWER);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "http.answer_max"));
    seen = ask_path(endpoint, "/endless"); /* no length is announced */
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_BAD_ANSWER);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "larger than allowed"));
    http_endpoint_free(endpoint);
}

static void test_limit_of_the_headers(void)
{
    CU_ASSERT_EQUAL(plain_get("/headers").answer.trouble, TROUBLE_BAD_ANSWER);
}

/* --------------------------------------------------------------------------------- time */

static void test_hang_ends_in_time(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    int64_t began = clock_mono_ms();
    struct seen seen = ask(endpoint, &(struct http_request){.path = "/hang", .total_ms = 500});
    int64_t took = clock_mono_ms() - began;
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_TIMEOUT);
    CU_ASSERT_TRUE(seen.answer.sent); /* what was asked may have happened */
    CU_ASSERT_TRUE(took >= 450 && took < 1500);
    http_endpoint_free(endpoint);
}

static void test_trickle_is_too_slow(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    settings.limits.total_ms = 30000;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    int64_t began = clock_mono_ms();
    struct seen seen = ask_path(endpoint, "/trickle");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_TIMEOUT);
    CU_ASSERT_TRUE(clock_mono_ms() - began < 8000); /* long before total_ms */
    http_endpoint_free(endpoint);
}

static void test_nobody_listens(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", 1);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "gitea.url"));
    http_endpoint_free(endpoint);
}

static void test_cancelled_calls_stay_silent(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = {0};
    struct error error;
    struct http_request request = {.path = "/hang", .done = keep, .argument = &seen};
    for (unsigned i = 0; i < HTTP_CALLS_MAX; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(http_send(endpoint, &request, &error));
    CU_ASSERT_PTR_NULL(http_send(endpoint, &request, &error)); /* one more than allowed */
    event_base_loop(base, EVLOOP_NONBLOCK);
    http_cancel_all(http);
    http_endpoint_free(endpoint);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CU_ASSERT_FALSE(seen.done);
}

/* ----------------------------------------------------------------------------- addresses */

/* Kubernetes' address stands in no key of ours: the text names where it does stand. */
static void test_a_kubeconfig_s_server_is_named(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", 1);
    struct http_endpoint *endpoint = NULL;
    struct error error = {""};
    settings.setting = "kube";
    settings.url = "k8s.example.org:6443:1";
    CU_ASSERT_FALSE(http_endpoint_new(http, &settings, &endpoint, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the kubeconfig's server is no address"));
    settings.url = "http://k8s.example.org";
    CU_ASSERT_FALSE(http_endpoint_new(http, &settings, &endpoint, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the kubeconfig's server is http:// to"));
}

static bool refused(const char *url, const char *proxy, bool allow_http, const char *word)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", 1);
    settings.url = url;
    settings.proxy = proxy;
    settings.allow_http_on_loopback = allow_http;
    struct http_endpoint *endpoint = NULL;
    struct error error = {""};
    bool good = http_endpoint_new(http, &settings, &endpoint, &error);
    http_endpoint_free(endpoint);
    printf("\n    %s", error.text);
    return !good && strstr(error.text, word) != NULL;
}

static void test_addresses(void)
{
    CU_ASSERT_TRUE(refused("http://git.example.org", "", true, "https://"));
    CU_ASSERT_TRUE(refused("http://127.0.0.1:3000", "", false, "http.allow_http_on_loopback"));
    CU_ASSERT_TRUE(refused("http://localhost.example.org", "", true, "https://"));
    CU_ASSERT_TRUE(refused("ftp://127.0.0.1", "", true, "https://"));
    CU_ASSERT_TRUE(refused("file:///etc/passwd", "", true, "gitea.url"));
    CU_ASSERT_TRUE(refused("https://me:pass@git.example.org", "", true, "secrets belong"));
    CU_ASSERT_FALSE(refused("https://me:pass@git.example.org", "", true, "pass@"));
    CU_ASSERT_TRUE(refused("https://git.example.org/?a", "", true, "'?'"));
    CU_ASSERT_TRUE(refused("not an address", "", true, "gitea.url"));
    CU_ASSERT_TRUE(refused("https://git.example.org", "socks5://127.0.0.1", true, "gitea.proxy"));
    CU_ASSERT_FALSE(refused("http://[::1]:3000/git/", "", true, ""));
    CU_ASSERT_FALSE(refused("https://git.example.org", "http://proxy.example.org:3128", true, ""));
}

static void test_paths(void)
{
    static const char *const bad[] = {"", "echo", "/a b", "/a\r\nX: y", "/a#b", "/\xc3\xa4"};
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error;
        struct http_request request = {.path = bad[i], .done = keep};
        CU_ASSERT_PTR_NULL(http_send(endpoint, &request, &error));
    }
    http_endpoint_free(endpoint);
}

static void test_token_that_could_end_a_header(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct error error;
    CU_ASSERT_FALSE(http_endpoint_token(endpoint, secret_new("a\r\nX: y", 7, &error), &error));
    CU_ASSERT_FALSE(http_endpoint_token(endpoint, secret_new(" \n", 2, &error), &error));
    /* The old one is kept. */
    CU_ASSERT_PTR_NOT_NULL(strstr(ask_path(endpoint, "/echo").body, TOKEN));
    http_endpoint_free(endpoint);
}

/* The environment's proxy is never used: nobody listens there. */
static void test_environment_is_not_asked(void)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    CU_ASSERT_EQUAL(plain_get("/echo").answer.trouble, TROUBLE_NONE);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_configured_proxy_is_used(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", 1);
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", plain.port);
    settings.proxy = proxy;
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.status, 404); /* the proxy saw an absolute address */
    http_endpoint_free(endpoint);
}

/* -------------------------------------------------------------------- the only way to write */

static bool shape_delete(void *easy, void *argument, struct error *error)
{
    (void)argument;
    (void)error;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE") == CURLE_OK;
}

static bool shape_fails(void *easy, void *argument, struct error *error)
{
    (void)easy;
    (void)argument;
    return error_set(error, "no body");
}

static void test_shape(void)
{
    struct http_settings settings = settings_for("http", "127.0.0.1", plain.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    CU_ASSERT_STRING_EQUAL(ask_path(endpoint, "/method").body, "get");
    struct http_request request = {.path = "/method", .shape = shape_delete};
    CU_ASSERT_STRING_EQUAL(ask(endpoint, &request).body, "other");
    request.shape = shape_fails;
    struct seen seen = ask(endpoint, &request);
    CU_ASSERT_NOT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_FALSE(seen.answer.sent);
    http_endpoint_free(endpoint);
}

/* ----------------------------------------------------------------------------------- main */

int main(void)
{
    CU_TestInfo tests[] = {
        {"a whole answer with its headers, the token as bearer", test_whole_answer},
        {"a chunked answer", test_chunked},
        {"connections are used again, cookies are not kept", test_keep_alive_and_no_cookies},
        {"any status is an answer", test_any_status_is_an_answer},
        {"redirects are not followed", test_redirect_is_not_followed},
        {"Retry-After, RateLimit-*", test_headers},
        {"a cut-off answer is none", test_truncated},
        {"no answer, no HTTP", test_closed_and_garbage},
        {"the answer's limit, at it and one above", test_limit_of_the_answer},
        {"the headers' limit", test_limit_of_the_headers},
        {"a hung request ends in time", test_hang_ends_in_time},
        {"a trickle is too slow", test_trickle_is_too_slow},
        {"nobody listens", test_nobody_listens},
        {"cancelled calls stay silent, calls are bounded", test_cancelled_calls_stay_silent},
        {"addresses that are refused", test_addresses},
        {"paths that are refused", test_paths},
        {"a token that could end a header", test_token_that_could_end_a_header},
        {"the environment's proxy is not used", test_environment_is_not_asked},
        {"the configured proxy is used", test_configured_proxy_is_used},
        {"only a shape sets a method", test_shape},
        {"a kubeconfig's server is named", test_a_kubeconfig_s_server_is_named},
        CU_TEST_INFO_NULL,
    };
    struct test_server_settings settings = {0};
    if (!test_server_start(&plain, &settings)) {
        fprintf(stderr, "the test's server does not start\n");
        return 2;
    }
    int status = fixture_run("http", tests);
    test_server_stop(&plain);
    return status;
}
