/* One GET at a time, counted, judged by its source, noted in the request budget.
 * May not: give the engine a `shape`: there is no other method in this program. */
#include "poller/poller.h"

#include "common/clock.h"
#include "common/log.h"
#include "poller/numbers.h"

#include <stdarg.h>
#include <stdio.h>

static void note(struct poller *poller, const struct http_answer *answer,
                 const struct api_trouble *trouble)
{
    if (answer->date_ms != HTTP_NONE)
        poller->head.api_ms = answer->date_ms;
    poller->head.ended_mono_ms = answer->ended_mono_ms;
    int64_t api_ms = answer->date_ms != HTTP_NONE ? answer->date_ms : clock_wall_ms();
    budget_note(&poller->budget, answer->rate_limit, answer->rate_remaining,
                answer->rate_reset_ms - api_ms, answer->ended_mono_ms);
    numbers_request(poller->source->source, answer, trouble);
    log_debug("%s: status %u, %zu bytes, %lld ms%s", answer->url, answer->status, answer->length,
              (long long)(answer->ended_mono_ms - answer->began_mono_ms),
              answer->reused ? "" : ", new connection");
}

static void on_answer(const struct http_answer *answer, void *argument)
{
    struct poller *poller = argument;
    struct api_trouble trouble;
    poller->source->trouble(answer, poller->doing, &trouble);
    note(poller, answer, &trouble);
    poller->get_done(poller, answer, &trouble);
}

/* A request that never left, or one too many: told as the source's own troubles are. */
static void fail(struct poller *poller, enum trouble trouble, const struct error *why)
{
    struct api_trouble failed = {.trouble = trouble, .error = *why};
    error_wrap(&failed.error, "cannot %s", poller->doing);
    round_failed(poller, &failed);
}

void get(struct poller *poller, const struct url_path *path, get_done done, const char *doing, ...)
{
    struct error error = {""};
    va_list arguments;
    va_start(arguments, doing);
    vsnprintf(poller->doing, sizeof poller->doing, doing, arguments);
    va_end(arguments);
    if (poller->head.requests >= ROUND_REQUESTS_MAX) {
        error_set(&error, "one round has taken %d requests already", ROUND_REQUESTS_MAX);
        fail(poller, TROUBLE_INCONSISTENT, &error);
        return;
    }
    if (path->cut) {
        error_set(&error, "the path would be longer than %d bytes", URL_PATH_BYTES_MAX);
        fail(poller, TROUBLE_INVALID, &error);
        return;
    }
    poller->head.requests++;
    poller->get_done = done;
    struct http_request request = {.path = path->text, .done = on_answer, .argument = poller};
    if (http_send(poller->endpoint, &request, &error) == NULL)
        fail(poller, TROUBLE_UNREACHABLE, &error);
}
