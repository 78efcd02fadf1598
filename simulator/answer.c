/* Answering an exchange: what was answered is built, faults change it, then it goes to the wire at
 * once or after its delay. May not know an API. */
#include "simulator/server_private.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_TEXT_BYTES_MAX 2048

void answer_clear(struct answer *answer)
{
    json_decref(answer->headers);
    free(answer->text);
    *answer = (struct answer){0};
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
    if (exchange->answer.headers == NULL)
        exchange->answer.headers = json_object();
    json_object_set_new(exchange->answer.headers, name, json_string(value));
}

void exchange_add_headerf(struct exchange *exchange, const char *name, const char *format, ...)
{
    char text[HEADER_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    exchange_add_header(exchange, name, text);
}

void exchange_delay_answer(struct exchange *exchange, int64_t delay_ms)
{
    exchange->delay_ms += delay_ms;
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    struct exchange *exchange = context;
    (void)fd;
    (void)what;
    wire_send(exchange);
    if (exchange->state == EXCHANGE_OVER)
        exchange_free(exchange);
}

static void keep_for_stale(const struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;
    if (answer->status != 200 || exchange->listener->api == API_CONTROL ||
        strcmp(exchange->method, "GET") != 0)
        return;
    char *target = strdup(exchange->target);
    struct past_answer past = {.api = exchange->listener->api,
                               .target = target,
                               /* A rule that was set in this very millisecond is older. */
                               .mono_ms = clock_mono_ms() + 1,
                               .status = answer->status,
                               .headers = answer->headers,
                               .text = answer->text,
                               .length = answer->length};
    if (target != NULL)
        history_add(exchange->server->history, &past);
    free(target);
}

void answer_finish(struct exchange *exchange)
{
    if (exchange->delay_ms > 0) {
        struct timeval wait = {.tv_sec = exchange->delay_ms / 1000,
                               .tv_usec = exchange->delay_ms % 1000 * 1000};
        exchange->state = EXCHANGE_DELAYED_AFTER;
        exchange->timer = evtimer_new(exchange->server->base, timer_fired, exchange);
        if (exchange->timer != NULL && evtimer_add(exchange->timer, &wait) == 0)
            return;
        log_warning("no timer for a delayed answer: it goes out at once");
    }
    wire_send(exchange);
}

/* Takes text. */
static void answer_with(struct exchange *exchange, int status, const char *content_type, char *text,
                        size_t length)
{
    struct answer *answer = &exchange->answer;
    if (exchange->state != EXCHANGE_HANDLED || answer->text != NULL) {
        log_error("%s %s was answered twice", exchange->method, exchange->target);
        abort();
    }
    if (answer->headers == NULL)
        answer->headers = json_object();
    if (text == NULL || answer->headers == NULL) {
        log_error("no memory to answer %s %s", exchange->method, exchange->target);
        abort();
    }
    if (content_type != NULL)
        exchange_add_header(exchange, "Content-Type", content_type);
    answer->status = status;
    answer->text = text;
    answer->length = length;
    keep_for_stale(exchange);
    if (answer_apply_faults(exchange))
        answer_finish(exchange);
}

void exchange_reply_json(struct exchange *exchange, int status, json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(body);
    if (text == NULL) {
        log_error("the answer to %s %s cannot be written as JSON", exchange->method,
                  exchange->target);
        exchange_reply_text(exchange, 500, "text/plain", "out of memory", 13);
        return;
    }
    const char *type = exchange->listener->definition->json_type;
    answer_with(exchange, status, type != NULL ? type : "application/json", text, strlen(text));
}

void exchange_reply_text(struct exchange *exchange, int status, const char *content_type,
                         const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    answer_with(exchange, status, content_type, copy, length);
}

void exchange_reply_empty(struct exchange *exchange, int status)
{
    answer_with(exchange, status, NULL, calloc(1, 1), 0);
}
