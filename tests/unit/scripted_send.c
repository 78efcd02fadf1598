/* The scripted http_send. May not: touch the network. */
#include "scripted_send.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 100
#define NOT_THERE                                                                                  \
    "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"error\":{\"code\":\"not_found\","              \
    "\"message\":\"not there\"}}"

struct rule {
    const char *what, *body;
    unsigned status, left;
    int64_t retry_after_ms;
};

struct send_call {
    struct send_request request;
    struct rule answer;
    struct event *event;
};

static struct {
    struct event_base *base;
    struct rule rule[RULES_MAX];
    unsigned rules, lines;
    struct {
        char what[512], body[SCRIPT_TEXT_MAX];
    } line[SCRIPT_LOG_MAX];
} state;

void script_reset(struct event_base *base)
{
    memset(&state, 0, sizeof state);
    state.base = base;
}

static void add(const char *what, unsigned status, const char *body, unsigned times, int64_t retry)
{
    if (state.rules < RULES_MAX)
        state.rule[state.rules++] = (struct rule){what, body, status, times, retry};
}

void script(const char *what, unsigned status, const char *body, unsigned times)
{
    add(what, status, body, times, HTTP_NONE);
}

void script_retry(const char *what, unsigned status, const char *body, int64_t retry_after_ms)
{
    add(what, status, body, SCRIPT_ALWAYS, retry_after_ms);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static struct rule find_rule(const char *what)
{
    struct rule *best = NULL;
    for (unsigned i = 0; i < state.rules; i++) {
        struct rule *rule = &state.rule[i];
        if (rule->left > 0 && begins(what, rule->what) &&
            (best == NULL || strlen(rule->what) > strlen(best->what)))
            best = rule;
    }
    if (best == NULL)
        return (struct rule){.status = 404, .body = NOT_THERE, .retry_after_ms = HTTP_NONE};
    best->left--;
    return *best;
}

static void answer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    struct send_call *call = argument;
    http_done done = call->request.done;
    void *to = call->request.argument;
    unsigned status = call->answer.status;
    bool silent = status == SCRIPT_TIMEOUT || status == SCRIPT_BROKEN;
    struct http_answer out = {
        .trouble = status == SCRIPT_TIMEOUT  ? TROUBLE_TIMEOUT
                   : status == SCRIPT_BROKEN ? TROUBLE_UNREACHABLE
                                             : TROUBLE_NONE,
        .sent = true,
        .status = silent ? 0 : status,
        .body = silent ? "" : call->answer.body,
        .content_type = "application/json",
        .url = "http://script/",
        .date_ms = HTTP_NONE,
        .retry_after_ms = call->answer.retry_after_ms,
        .rate_limit = HTTP_NONE,
        .rate_remaining = HTTP_NONE,
        .rate_reset_ms = HTTP_NONE,
    };
    out.length = strlen(out.body);
    if (out.trouble != TROUBLE_NONE)
        error_set(&out.error, "no answer in time");
    send_cancel(call);
    done(&out, to);
}

static const char *const words[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

struct send_call *send_request(struct http_endpoint *endpoint, const struct send_request *request,
                               struct error *error)
{
    (void)endpoint;
    struct timeval soon = {0};
    struct send_call *call = calloc(1, sizeof *call);
    if (call == NULL || state.lines == SCRIPT_LOG_MAX) {
        free(call);
        send_wipe(request->body);
        error_set(error, "more requests than a test may send");
        return NULL;
    }
    call->request = *request;
    unsigned at = state.lines++;
    snprintf(state.line[at].what, sizeof state.line[at].what, "%s %s", words[request->method],
             request->path);
    snprintf(state.line[at].body, sizeof state.line[at].body, "%s",
             request->body == NULL ? "" : request->body);
    call->answer = find_rule(state.line[at].what);
    call->event = event_new(state.base, -1, 0, answer, call);
    event_add(call->event, &soon);
    return call;
}

void send_cancel(struct send_call *call)
{
    event_free(call->event);
    send_wipe(call->request.body);
    free(call);
}

const char *send_method_word(enum send_method method)
{
    return words[method];
}

void send_wipe(char *body)
{
    free(body);
}

unsigned script_count(const char *what)
{
    unsigned count = 0;
    for (unsigned i = 0; i < state.lines; i++)
        count += begins(state.line[i].what, what);
    return count;
}

unsigned script_place(const char *what)
{
    for (unsigned i = 0; i < state.lines; i++)
        if (begins(state.line[i].what, what))
            return i;
    return SCRIPT_LOG_MAX;
}

const char *script_body(const char *what)
{
    const char *body = "";
    for (unsigned i = 0; i < state.lines; i++)
        if (begins(state.line[i].what, what))
            body = state.line[i].body;
    return body;
}
