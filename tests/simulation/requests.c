/* The actuator's requests (actuator/http_send.h, at link time): each arrives at its API after a
 * while, has its effect there or not, and is answered or not. May not: know what a request asks. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define LATENCY_MS_LEAST 5
#define LATENCY_MS_MOST  80
#define SLOW_MS_MOST     45000
#define RETRY_AFTER_MS   20000

/* --------------------------------------------------------------------------------------- fates */

int64_t sim_latency_ms(struct sim *sim)
{
    if (sim_strikes(sim, FAULT_API_SLOW))
        return dice_between(&sim->dice_fault[FAULT_API_SLOW], 1000, SLOW_MS_MOST);
    return dice_between(&sim->dice_time, LATENCY_MS_LEAST, LATENCY_MS_MOST);
}

enum api_fate sim_fate(struct sim *sim, enum source source, bool writes)
{
    static const struct {
        enum sim_fault fault;
        enum api_fate fate;
    } rows[] = {
        {FAULT_API_REFUSED, FATE_REFUSED},
        {FAULT_API_TIMEOUT, FATE_TIMEOUT},
        {FAULT_API_LOST_ANSWER, FATE_LOST_ANSWER},
        {FAULT_API_ERROR, FATE_ERROR},
        {FAULT_API_ERROR_DONE, FATE_ERROR_DONE},
        {FAULT_API_RATE_LIMIT, FATE_RATE_LIMIT},
        {FAULT_API_UNAUTHORIZED, FATE_UNAUTHORIZED},
        {FAULT_API_BAD_ANSWER, FATE_BAD_ANSWER},
        {FAULT_API_LOCKED, FATE_LOCKED},
    };
    if (sim->now_ms < sim->poller[source].down_until_ms) {
        witness_hindered(sim->witness, SIM_START_MS + sim->now_ms);
        return FATE_REFUSED;
    }
    if (writes && sim_strikes(sim, FAULT_CHANGE_LOST))
        return FATE_LOST_ANSWER;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((rows[i].fate != FATE_LOCKED || (writes && source != SOURCE_GITEA)) &&
            sim_strikes(sim, rows[i].fault))
            return rows[i].fate;
    return FATE_FINE;
}

bool fate_has_effect(enum api_fate fate)
{
    return fate == FATE_FINE || fate == FATE_LOST_ANSWER || fate == FATE_ERROR_DONE ||
           fate == FATE_BAD_ANSWER;
}

enum trouble fate_trouble(enum api_fate fate)
{
    static const enum trouble troubles[] = {
        [FATE_FINE] = TROUBLE_NONE,
        [FATE_REFUSED] = TROUBLE_UNREACHABLE,
        [FATE_TIMEOUT] = TROUBLE_TIMEOUT,
        [FATE_LOST_ANSWER] = TROUBLE_TIMEOUT,
        [FATE_ERROR] = TROUBLE_SERVER_ERROR,
        [FATE_ERROR_DONE] = TROUBLE_SERVER_ERROR,
        [FATE_RATE_LIMIT] = TROUBLE_RATE_LIMITED,
        [FATE_UNAUTHORIZED] = TROUBLE_UNAUTHORIZED,
        [FATE_BAD_ANSWER] = TROUBLE_BAD_ANSWER,
        [FATE_LOCKED] = TROUBLE_LOCKED,
    };
    return troubles[fate];
}

/* ---------------------------------------------------------------------------------- a request */

struct send_call {
    struct sim *sim;
    enum source source;
    enum send_method method;
    enum api_fate fate;
    char *path, *body;
    http_done done;
    void *argument;
    bool cancelled;
    bool broke; /* LOST_ANSWER: the connection broke after the request, and nobody waited */
    int64_t began_mono_ms, latency_ms, total_ms;
    struct effect effect;
};

static void drop_call(void *argument)
{
    struct send_call *call = argument;
    free(call->path);
    free(call->body);
    free(call->effect.body);
    free(call);
}

/* What stands in an answer that the API did not think about. */
static void refuse(const struct send_call *call, struct effect *out)
{
    static const char *const hetzner[] = {
        [FATE_ERROR] = "server_error",
        [FATE_ERROR_DONE] = "server_error",
        [FATE_RATE_LIMIT] = "rate_limit_exceeded",
        [FATE_UNAUTHORIZED] = "unauthorized",
        [FATE_LOCKED] = "locked",
    };
    static const char *const kube[] = {
        [FATE_ERROR] = "InternalError",
        [FATE_ERROR_DONE] = "InternalError",
        [FATE_RATE_LIMIT] = "TooManyRequests",
        [FATE_UNAUTHORIZED] = "Unauthorized",
        [FATE_LOCKED] = "Conflict",
    };
    static const unsigned statuses[] = {
        [FATE_ERROR] = 500,        [FATE_ERROR_DONE] = 502, [FATE_RATE_LIMIT] = 429,
        [FATE_UNAUTHORIZED] = 401, [FATE_LOCKED] = 409,
    };
    char text[200];
    free(out->body);
    if (call->fate == FATE_BAD_ANSWER) {
        out->status = 200;
        out->body = strdup("<html><body>Welcome to the proxy</body></html>");
        return;
    }
    out->status = statuses[call->fate];
    if (call->source == SOURCE_HETZNER)
        snprintf(text, sizeof text, "{\"error\":{\"code\":\"%s\",\"message\":\"drawn\"}}",
                 hetzner[call->fate]);
    else if (call->source == SOURCE_KUBE)
        snprintf(text, sizeof text,
                 "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"%s\",\"message\":\"drawn"
                 "\",\"code\":%u}",
                 kube[call->fate], out->status);
    else
        snprintf(text, sizeof text, "{\"message\":\"drawn\"}");
    out->body = strdup(text);
    out->retry_after_ms = call->fate == FATE_RATE_LIMIT &&
                                  dice_chance(&call->sim->dice_fault[FAULT_API_RATE_LIMIT], 0.5)
                              ? RETRY_AFTER_MS
                              : HTTP_NONE;
}

static void answer(void *argument, uint64_t number)
{
    struct send_call *call = argument;
    struct sim *sim = call->sim;
    (void)number;
    bool silent =
        call->fate == FATE_REFUSED || call->fate == FATE_TIMEOUT || call->fate == FATE_LOST_ANSWER;
    struct http_answer out = {
        .trouble = call->fate == FATE_REFUSED || call->broke ? TROUBLE_UNREACHABLE
                   : silent                                  ? TROUBLE_TIMEOUT
                                                             : TROUBLE_NONE,
        .sent = call->fate != FATE_REFUSED,
        .status = silent ? 0 : call->effect.status,
        .body = silent || call->effect.body == NULL ? "" : call->effect.body,
        .content_type = "application/json",
        .url = call->path,
        .began_mono_ms = call->began_mono_ms,
        .ended_mono_ms = sim_mono_ms(sim),
        .date_ms = silent ? HTTP_NONE : sim_world_ms(sim) / 1000 * 1000,
        .retry_after_ms = silent ? HTTP_NONE : call->effect.retry_after_ms,
        .rate_limit = HTTP_NONE,
        .rate_remaining = HTTP_NONE,
        .rate_reset_ms = HTTP_NONE,
    };
    out.length = strlen(out.body);
    if (silent)
        (void)error_set(&out.error, "cannot ask %s: %s", call->path,
                        call->broke ? "connection reset"
                        : out.sent  ? "no answer in time"
                                    : "connection refused");
    if (!call->cancelled)
        call->done(&out, call->argument);
    drop_call(call);
    trouble_at_message(sim);
}

static void arrive(void *argument, uint64_t number)
{
    static void (*const effects[source_count])(struct sim *, enum send_method, const char *,
                                               const char *, struct effect *) = {
        [SOURCE_GITEA] = effect_gitea,
        [SOURCE_HETZNER] = effect_hetzner,
        [SOURCE_KUBE] = effect_kube,
    };
    struct send_call *call = argument;
    struct sim *sim = call->sim;
    (void)number;
    (void)sim_world_ms(sim);
    call->effect = (struct effect){.retry_after_ms = HTTP_NONE};
    if (fate_has_effect(call->fate))
        effects[call->source](sim, call->method, call->path, call->body, &call->effect);
    if (call->fate == FATE_ERROR || call->fate == FATE_ERROR_DONE ||
        call->fate == FATE_RATE_LIMIT || call->fate == FATE_UNAUTHORIZED ||
        call->fate == FATE_BAD_ANSWER || call->fate == FATE_LOCKED)
        refuse(call, &call->effect);
    int64_t spent = sim_mono_ms(sim) - call->began_mono_ms;
    int64_t rest = call->latency_ms;
    call->broke =
        call->fate == FATE_LOST_ANSWER && dice_chance(&sim->dice_fault[FAULT_API_LOST_ANSWER], 0.5);
    if (call->fate == FATE_TIMEOUT || (call->fate == FATE_LOST_ANSWER && !call->broke))
        rest = call->total_ms > spent ? call->total_ms - spent : 0;
    if (spent + rest > call->total_ms && call->fate != FATE_REFUSED) {
        rest = call->total_ms > spent ? call->total_ms - spent : 0;
        call->fate = FATE_LOST_ANSWER;
    }
    sim_at(sim, rest, answer, drop_call, call, 0);
}

struct send_call *send_request(struct http_endpoint *endpoint, const struct send_request *request,
                               struct error *error)
{
    struct sim *sim = sim_now;
    struct send_call *call = sim_alloc(sizeof *call);
    (void)error;
    *call = (struct send_call){
        .sim = sim,
        .source = (enum source)(*(const unsigned char *)(const void *)endpoint),
        .method = request->method,
        .path = strdup(request->path),
        .body = request->body,
        .done = request->done,
        .argument = request->argument,
        .began_mono_ms = sim_mono_ms(sim),
        .total_ms = sim->config->http.total_timeout_ms,
    };
    if (request->total_ms > 0 && request->total_ms < call->total_ms)
        call->total_ms = request->total_ms;
    call->fate = sim_fate(sim, call->source, request->method != SEND_GET);
    int64_t way = sim_latency_ms(sim);
    call->latency_ms = sim_latency_ms(sim);
    sim->counts.requests++;
    sim_at(sim, call->fate == FATE_REFUSED ? 1 : way, arrive, drop_call, call, 0);
    return call;
}

/* The request may be on its way, and may arrive all the same. */
void send_cancel(struct send_call *call)
{
    if (call != NULL)
        call->cancelled = true;
}

const char *send_method_word(enum send_method method)
{
    static const char *const words[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    return words[method];
}

void send_wipe(char *body)
{
    free(body);
}
