/* An action under way: requests, pauses, its end. May not: judge, know what an action does. */
#include "actuator/work.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/words.h"

#define LEFT_MS_LEAST 20 /* with less than this a request is not begun */

int64_t work_left_ms(const struct work *work)
{
    int64_t left = work->deadline_mono_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

/* -------------------------------------------------------------------------------- the end */

void work_free(struct work *work)
{
    if (work->call != NULL)
        send_cancel(work->call);
    if (work->timer != NULL)
        event_free(work->timer);
    facts_free(&work->facts);
    message_free(work->message);
    free(work);
}

static void unlink_work(struct work *work)
{
    struct work **at = &work->actuator->works;
    while (*at != work)
        at = &(*at)->next;
    *at = work->next;
    work->actuator->work_count--;
    work->actuator->creates_ended += work->intended && work->action->kind == ACTION_CREATE_SERVER;
    if (work->actuator->prices_reader == work)
        work->actuator->prices_reader = NULL;
}

/* One that the audit log only counts is only counted here too: each line is somebody's disk. */
static void log_result(const struct work *work, const struct action_result *result, bool counted)
{
    const struct action *action = work->action;
    char id[ACTION_ID_TEXT_BYTES];
    bool bad = result->outcome == OUTCOME_FAILED || result->outcome == OUTCOME_REFUSED ||
               result->outcome == OUTCOME_UNKNOWN || work->notes.for_a_person;
    (counted ? log_debug
     : bad   ? log_warning
             : log_info)("%s %s on %s (%s): %s%s%s", action_id_text(action->id, id),
                       action_kind_words[action->kind], action->node.name,
                       reason_words[action->reason], outcome_words[result->outcome],
                       result->text[0] == '\0' ? "" : ": ", result->text);
}

/* The outcome's line. What was refused, or only looked, gets both its lines now, or none: true
 * where it was counted alone, because there were too many of them. */
static bool write_end(const struct work *work, const struct action_result *result)
{
    struct audit *audit = work->actuator->audit;
    const struct audit_end end = {.action = work->action,
                                  .result = result,
                                  .rail = work->rail,
                                  .mono_ms = clock_mono_ms(),
                                  .wall_ms = clock_wall_ms()};
    struct error error = {""};
    enum audit_entry entry = AUDIT_WRITTEN;
    if (!work->intended)
        entry = audit_unchanged(audit, &end, &error);
    else if (!audit_outcome(audit, work->action, result, end.wall_ms, &error))
        entry = AUDIT_UNWRITTEN;
    if (entry == AUDIT_UNWRITTEN)
        log_error("%s", error.text);
    return entry == AUDIT_COUNTED;
}

static void end_work(struct work *work, const struct action_result *result)
{
    struct actuator *actuator = work->actuator;
    bool counted = write_end(work, result);
    metric_add(M_ACTIONS, result->kind, result->outcome, 1);
    metric_observe(M_ACTION_SECONDS, result->kind, (double)result->duration_ms / 1000.0);
    log_result(work, result, counted);
    unlink_work(work);
    actuator_result(actuator, result);
    work_free(work);
    actuator_work_ended(actuator);
}

static void finish(struct work *work, enum outcome outcome, enum trouble trouble, const char *text)
{
    struct action_result result = {
        .id = work->action->id,
        .kind = work->action->kind,
        .outcome = outcome,
        .trouble = trouble,
        .http_status = work->http_status,
        .retry_after_ms = work->retry_after_ms,
        .duration_ms = clock_mono_ms() - work->began_mono_ms,
        .server_id = work->server_id,
        .created_ms = work->created_ms,
        .left = work->left,
        .text = text,
    };
    end_work(work, &result);
}

void work_finish(struct work *work, enum outcome outcome, enum trouble trouble, const char *format,
                 ...)
{
    char text[TEXT_BYTES_MAX];
    struct error whole; /* keeps it one line of UTF-8, wherever it was cut */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(&whole, "%s", text);
    finish(work, outcome, trouble, whole.text);
}

void work_fail(struct work *work, const struct api_trouble *trouble)
{
    struct error error = trouble->error;
    bool unknown = (work->call_writes && work->call_sent && trouble->http_status == 0) ||
                   work->notes.searching;
    work->http_status = trouble->http_status;
    work->retry_after_ms = trouble->retry_after_ms;
    finish(work, unknown ? OUTCOME_UNKNOWN : OUTCOME_FAILED, trouble->trouble, error.text);
}

bool work_refused(struct work *work, const struct verdict *verdict)
{
    if (verdict->rail == RAIL_NONE)
        return false;
    struct error text = verdict->text;
    work->rail = rail_name(verdict->rail);
    finish(work, OUTCOME_REFUSED, TROUBLE_RAIL, text.text);
    return true;
}

void work_early(struct work *work, enum outcome outcome, const char *text)
{
    work->early_outcome = outcome;
    snprintf(work->early_text, sizeof work->early_text, "%s", text);
}

/* Ends it where the daemon stops or its time is over; true where it did. Between two requests every
 * action is safe to leave: asked again, it goes on from what it sees. */
static bool ended_early(struct work *work, int64_t needs_ms)
{
    bool stopping = work->actuator->stopping;
    if (!stopping && work_left_ms(work) > needs_ms)
        return false;
    if (work->early_outcome == OUTCOME_AGAIN && work->retry_after_ms == 0)
        work->retry_after_ms = BUSY_RETRY_MS;
    work_finish(work, work->early_outcome,
                work->early_outcome == OUTCOME_DONE || stopping ? TROUBLE_NONE : TROUBLE_TIMEOUT,
                "%s%s%s", work->early_text, work->early_text[0] == '\0' ? "" : "; ",
                stopping ? "left where it was, because the daemon stops" : "its time is over");
    return true;
}

/* ----------------------------------------------------------------------------- requests */

static void (*const trouble_of[source_count])(const struct http_answer *, const char *,
                                              struct api_trouble *) = {
    [SOURCE_GITEA] = gitea_trouble,
    [SOURCE_HETZNER] = hetzner_trouble,
    [SOURCE_KUBE] = kube_trouble,
};

static void count_request(struct work *work, const struct http_answer *answer,
                          const struct api_trouble *trouble)
{
    double seconds = (double)(answer->ended_mono_ms - answer->began_mono_ms) / 1000.0;
    metric_observe(M_API_REQUEST_SECONDS, work->call_source, seconds);
    if (trouble->trouble != TROUBLE_NONE)
        metric_add(M_API_ERRORS, work->call_source, trouble->trouble, 1);
    if (answer->rate_remaining != HTTP_NONE)
        metric_set(M_API_BUDGET, work->call_source, 0, (double)answer->rate_remaining);
    if (answer->rate_remaining != HTTP_NONE && work->call_source == SOURCE_HETZNER)
        work->actuator->requests_remaining = answer->rate_remaining;
}

static void on_answer(const struct http_answer *answer, void *argument)
{
    struct work *work = argument;
    struct api_trouble trouble;
    work->call = NULL;
    work->call_sent = answer->sent;
    trouble_of[work->call_source](answer, work->call_doing, &trouble);
    count_request(work, answer, &trouble);
    work->then(work, answer, &trouble);
}

static void start_request(struct work *work, enum source source, struct send_request *request,
                          work_answer then, const char *doing)
{
    struct http_endpoint *endpoint = work->actuator->endpoint[source];
    struct error error;
    work->call_source = source;
    work->call_writes = request->method != SEND_GET;
    work->call_sent = false;
    work->then = then;
    snprintf(work->call_doing, sizeof work->call_doing, "%s", doing);
    request->total_ms = work_left_ms(work);
    request->done = on_answer;
    request->argument = work;
    if (endpoint == NULL) {
        send_wipe(request->body);
        work_finish(work, OUTCOME_FAILED, TROUBLE_UNAUTHORIZED,
                    "cannot %s: no write credentials for %s were handed over", doing,
                    source_words[source]);
        return;
    }
    work->call = send_request(endpoint, request, &error);
    if (work->call == NULL)
        work_finish(work, OUTCOME_FAILED, TROUBLE_UNREACHABLE, "cannot %s: %s", doing, error.text);
}

static bool path_fits(struct work *work, const struct url_path *path, const char *doing)
{
    if (!path->cut)
        return true;
    work_finish(work, OUTCOME_FAILED, TROUBLE_INVALID, "cannot %s: its address is too long", doing);
    return false;
}

void work_get(struct work *work, enum source source, const struct url_path *path, work_answer then,
              const char *doing)
{
    if (ended_early(work, LEFT_MS_LEAST) || !path_fits(work, path, doing))
        return;
    struct send_request request = {.method = SEND_GET, .path = path->text};
    start_request(work, source, &request, then, doing);
}

void work_write(struct work *work, enum source source, enum send_method method,
                const struct url_path *path, char *body, work_answer then, const char *doing)
{
    if (ended_early(work, LEFT_MS_LEAST) || !path_fits(work, path, doing)) {
        send_wipe(body);
        return;
    }
    if (body == NULL && method != SEND_DELETE) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_STORAGE, "out of memory: cannot %s", doing);
        return;
    }
    assert(work->intended); /* nothing is changed that the audit log does not announce */
    struct send_request request = {.method = method, .path = path->text, .body = body};
    request.content_type =
        method == SEND_PATCH && source == SOURCE_KUBE ? KUBE_MERGE_PATCH : "application/json";
    start_request(work, source, &request, then, doing);
}

/* -------------------------------------------------------------------------------- pauses */

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    struct work *work = argument;
    work_step after = work->after;
    work->after = NULL;
    if (!ended_early(work, 0))
        after(work);
}

void work_pause(struct work *work, int64_t ms, work_step after)
{
    if (ended_early(work, ms))
        return;
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    work->after = after;
    if (work->timer == NULL)
        work->timer = event_new(work->actuator->base, -1, 0, on_timer, work);
    if (work->timer == NULL || event_add(work->timer, &time) != 0)
        work_finish(work, OUTCOME_FAILED, TROUBLE_STORAGE, "out of memory for a timer");
}

/* ------------------------------------------------------------------------- intent and words */

/* Whether its node was not changed too often of late; else it has been finished. */
static bool in_pace(struct work *work)
{
    if (work->action->kind == ACTION_CREATE_SERVER) /* the judge counts those */
        return true;
    int64_t wait_ms = pace_change(work->actuator->paces, work->action->node.name, clock_mono_ms());
    if (wait_ms == 0)
        return true;
    work->retry_after_ms = wait_ms;
    work_finish(
        work, OUTCOME_AGAIN, TROUBLE_NONE,
        "this node was changed again and again, %d times and more: waits, so that the audit "
        "log is not filled with it",
        CHANGES_AT_ONCE);
    return false;
}

/* Counted here and not where the request is sent: of what is asked for at once, each is judged
 * before the first has come that far. */
static void note_deed(const struct work *work)
{
    enum action_kind kind = work->action->kind;
    if (kind == ACTION_CREATE_SERVER)
        actuator_note_deed(work->actuator, kind, 0, clock_mono_ms());
    else if (kind == ACTION_REMOVE_NODE && work->facts.server_found)
        actuator_note_deed(work->actuator, kind, work->facts.server.id, clock_mono_ms());
}

bool work_intend(struct work *work)
{
    struct error error;
    if (work->intended)
        return true;
    if (!in_pace(work))
        return false;
    if (audit_intent(work->actuator->audit, work->action, clock_wall_ms(), &error)) {
        work->intended = true;
        note_deed(work);
        return true;
    }
    log_error("%s", error.text);
    work_finish(work, OUTCOME_FAILED, TROUBLE_STORAGE, "%s", error.text);
    return false;
}

void work_say(struct work *work, const char *format, ...)
{
    size_t used = strlen(work->said);
    if (used > 0 && used + 2 < sizeof work->said) {
        memcpy(work->said + used, "; ", 3);
        used += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(work->said + used, sizeof work->said - used, format, arguments);
    va_end(arguments);
}

void work_stop(struct work *work)
{
    if (work->call != NULL && work->call_writes)
        return; /* its answer is waited for; then it ends early by itself */
    (void)ended_early(work, INT64_MAX);
}

void work_forget_asker(struct work *work)
{
    if (work->intended)
        return;
    work_finish(work, OUTCOME_AGAIN, TROUBLE_NONE,
                "left before anything was asked: the reconciler that wanted it is gone");
}

void work_abandon(struct work *work)
{
    bool writing = work->call != NULL && work->call_writes;
    work_finish(work, writing ? OUTCOME_UNKNOWN : OUTCOME_AGAIN,
                writing ? TROUBLE_TIMEOUT : TROUBLE_NONE,
                "abandoned while it was to %s: the daemon "
                "stops",
                work->call_doing);
}
