/* What the tests of the HTTP engine share. */
#include "tests/unit/http_fixture.h"

#include "common/secret.h"

#include <event2/event.h>
#include <string.h>

struct event_base *base;
struct http *http;
struct test_way way;

static unsigned endpoints; /* made so far: each leads another way than the two before it */

void keep(const struct http_answer *answer, void *argument)
{
    struct seen *seen = argument;
    seen->done = true;
    seen->answer = *answer;
    snprintf(seen->body, sizeof seen->body, "%s", answer->body);
    snprintf(seen->url, sizeof seen->url, "%s", answer->url);
    event_base_loopbreak(base);
}

struct http_settings settings_for(const char *scheme, const char *host, unsigned port)
{
    static char url[256];
    snprintf(url, sizeof url, "%s://%s:%u", scheme, host, port);
    return (struct http_settings){
        .source = (enum source)(endpoints % source_count),
        .url = url,
        .proxy = "",
        .setting = "gitea",
        .allow_http_on_loopback = true,
        .limits = {.connect_ms = 1500,
                   .total_ms = 5000,
                   .low_speed_ms = 2000,
                   .low_speed_bytes = 64,
                   .answer_bytes_max = 65536},
    };
}

struct http_endpoint *endpoint_of(const struct http_settings *settings)
{
    struct http_endpoint *endpoint = NULL;
    struct error error = {""};
    if (!http_endpoint_new(http, settings, &endpoint, &error))
        fprintf(stderr, "    %s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(endpoint);
    way_leads(&way, settings->source, endpoint);
    endpoints++;
    struct secret *token = secret_new(TOKEN "\n", strlen(TOKEN) + 1, &error);
    CU_ASSERT_TRUE_FATAL(http_endpoint_token(endpoint, token, &error));
    return endpoint;
}

struct seen ask(struct http_endpoint *endpoint, const struct http_request *asked)
{
    struct seen seen = {0};
    struct error error = {""};
    struct http_request request = *asked;
    request.done = keep;
    request.argument = &seen;
    CU_ASSERT_PTR_NOT_NULL_FATAL(http_send(endpoint, &request, &error));
    CU_ASSERT_FALSE(seen.done); /* never from inside http_send */
    event_base_dispatch(base);
    CU_ASSERT_TRUE_FATAL(seen.done);
    if (seen.answer.trouble != TROUBLE_NONE)
        printf("\n    %s", seen.answer.error.text);
    CU_ASSERT_PTR_NULL(strstr(seen.answer.error.text, TOKEN));
    return seen;
}

struct seen ask_path(struct http_endpoint *endpoint, const char *path)
{
    return ask(endpoint, &(struct http_request){.path = path});
}

int fixture_run(const char *module, CU_TestInfo *tests)
{
    struct error error = {""};
    base = event_base_new();
    if (base == NULL || !way_open(&way, base, &http, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    int status = cunit_run(module, tests);
    way_close(&way);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    return status;
}
