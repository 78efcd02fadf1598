/* The rounds: when one begins, how it ends, how long the pause is. May not: know any API. */
#include "poller/poller.h"

#include "common/clock.h"
#include "common/log.h"
#include "poller/numbers.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* poll_now asks for no more than two rounds a second, whoever sends it, also during one. */
#define ROUND_GAP_MS INT64_C(500)
/* Between telling the reconciler why this poller ends, and ending. */
#define LAST_WORDS_MS INT64_C(300)

static uint32_t draw(void)
{
    uint32_t random = 0;
    /* Jitter only: without entropy the middle of the pause is as good. */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = UINT32_MAX / 2;
    return random;
}

static const struct config *config_of(const struct poller *poller)
{
    return worker_config(poller->worker);
}

static void wait_for(struct poller *poller, int64_t ms)
{
    struct timeval pause = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(poller->timer, &pause);
}

/* ------------------------------------------------------------------------- what is told */

static void tell(struct poller *poller, enum message_id id, const void *body)
{
    struct error error;
    if (!worker_has_peer(poller->worker, ROLE_RECONCILER))
        return; /* it is being started again; the next round is for it */
    if (!worker_send(poller->worker, ROLE_RECONCILER, id, body, &error))
        log_warning("cannot send %s to the reconciler: %s", message_name(id), error.text);
}

static void tell_trouble(struct poller *poller, const struct api_trouble *trouble, int64_t next_ms)
{
    struct poll_trouble message = {
        .source = poller->source->source,
        .trouble = trouble->trouble,
        .http_status = trouble->http_status,
        .failures = poller->failures,
        .next_ms = next_ms,
        .text = trouble->error.text,
    };
    tell(poller, MESSAGE_poll_trouble, &message);
    bool same = strcmp(poller->last_trouble, trouble->error.text) == 0;
    snprintf(poller->last_trouble, sizeof poller->last_trouble, "%s", trouble->error.text);
    if (same)
        log_debug("again (%u in a row): %s", poller->failures, trouble->error.text);
    else
        log_warning("%s; next try in %lld ms", trouble->error.text, (long long)next_ms);
}

/* --------------------------------------------------------------------------- the pause */

/* How many requests a round needs, by the last one. */
static uint64_t requests_needed(const struct poller *poller)
{
    return poller->head.requests == 0 ? 1 : poller->head.requests;
}

/* While servers are rented they are looked at often enough to be deleted, also where only what is
 * kept for that is left: a list that is too old stops every teardown. */
static int64_t budget_pause_ms(struct poller *poller)
{
    const struct config *config = config_of(poller);
    bool hetzner = poller->source->source == SOURCE_HETZNER;
    uint64_t reserve = hetzner ? config->hetzner.request_reserve : 0;
    uint64_t needed = requests_needed(poller);
    int64_t now_ms = clock_mono_ms();
    int64_t kept = budget_wait_ms(&poller->budget, reserve, needed, now_ms);
    if (poller->saving && kept == 0)
        log_info("%s lets us ask as many requests as usual again",
                 http_endpoint_url(poller->endpoint));
    poller->saving = kept > 0;
    if (!hetzner || !poller->holds)
        return kept;
    return budget_wait_due_ms(&poller->budget, reserve, needed,
                              poller->last_round_mono_ms + config->trust.hetzner_age_max_ms / 2,
                              now_ms);
}

/* The pause after a whole round. */
static int64_t pause_ms(struct poller *poller)
{
    int64_t pause = interval_jittered_ms(poller->source->interval_ms(config_of(poller)), draw());
    return poller->again && pause > ROUND_GAP_MS ? ROUND_GAP_MS : pause;
}

static void end_round(struct poller *poller)
{
    poller->in_round = poller->checking = false;
    poller->last_round_mono_ms = clock_mono_ms();
}

struct snapshot_head round_head(struct poller *poller)
{
    poller->head.sequence++;
    poller->head.wall_ms = clock_wall_ms();
    return poller->head;
}

void round_done(struct poller *poller, enum message_id id, const void *snapshot)
{
    end_round(poller);
    numbers_whole_round(poller->source->source,
                        poller->head.ended_mono_ms - poller->head.began_mono_ms);
    tell(poller, id, snapshot);
    if (poller->failures > 0 && !poller->saving)
        log_info("%s answers again", http_endpoint_url(poller->endpoint));
    poller->failures = 0;
    poller->last_trouble[0] = '\0';
    wait_for(poller, pause_ms(poller));
}

void round_failed(struct poller *poller, const struct api_trouble *trouble)
{
    const struct config *config = config_of(poller);
    end_round(poller);
    numbers_failed_round(poller->source->source, trouble->trouble);
    if (poller->failures < UINT32_MAX)
        poller->failures++;
    int64_t next_ms = backoff_ms(poller->failures, config->http.backoff_first_ms,
                                 config->http.backoff_most_ms, trouble->retry_after_ms, draw());
    poller->again = false;
    tell_trouble(poller, trouble, next_ms);
    wait_for(poller, next_ms);
}

void round_bad_answer(struct poller *poller, const struct http_answer *answer,
                      const struct error *why)
{
    struct api_trouble trouble;
    api_trouble_body(answer, poller->doing, poller->source->word, why, &trouble);
    round_failed(poller, &trouble);
}

void round_inconsistent(struct poller *poller, const char *format, ...)
{
    struct api_trouble trouble = {.trouble = TROUBLE_INCONSISTENT};
    char what[ERROR_TEXT_BYTES_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    error_set(&trouble.error, "cannot %s: %.160s: %s", poller->doing,
              http_endpoint_url(poller->endpoint), what);
    round_failed(poller, &trouble);
}

/* ------------------------------------------------------------------------------- beginning */

/* The budget is short: nothing is asked, and the reconciler is told why. */
static bool wait_for_budget(struct poller *poller)
{
    bool said = poller->saving;
    int64_t wait = budget_pause_ms(poller);
    if (wait == 0)
        return false;
    struct api_trouble trouble = {.trouble = TROUBLE_RATE_LIMITED};
    error_set(&trouble.error,
              "%.160s lets us ask %lld more requests of %lld, and %llu are kept for deletes; "
              "another program may be using the same project",
              http_endpoint_url(poller->endpoint), (long long)poller->budget.remaining,
              (long long)poller->budget.limit,
              (unsigned long long)config_of(poller)->hetzner.request_reserve);
    if (poller->failures < UINT32_MAX)
        poller->failures++;
    if (said) /* with other numbers between any two lists: a warning once is enough */
        snprintf(poller->last_trouble, sizeof poller->last_trouble, "%s", trouble.error.text);
    tell_trouble(poller, &trouble, wait);
    wait_for(poller, wait);
    return true;
}

static void begin_round(struct poller *poller)
{
    poller->again = false;
    if (wait_for_budget(poller))
        return;
    poller->in_round = true;
    poller->head.began_mono_ms = clock_mono_ms();
    poller->head.requests = 0;
    poller->head.api_ms = 0;
    poller->checking = poller->token_unknown;
    if (poller->checking)
        poller->source->check_token(poller);
    else
        poller->source->begin(poller);
}

static void on_timer(evutil_socket_t socket, short what, void *argument)
{
    (void)socket;
    (void)what;
    struct poller *poller = argument;
    if (poller->fatal[0] != '\0')
        worker_fail(poller->worker, "%s (http.refuse_writing_tokens is set)", poller->fatal);
    else if (!poller->in_round)
        begin_round(poller);
}

void rounds_start(struct poller *poller)
{
    poller->token_unknown = true;
    poller->timer = evtimer_new(worker_base(poller->worker), on_timer, poller);
    if (poller->timer == NULL) {
        worker_fail(poller->worker, "out of memory for a timer");
        return;
    }
    wait_for(poller, 0);
}

void rounds_stop(struct poller *poller)
{
    if (poller->timer != NULL)
        event_free(poller->timer);
    poller->timer = NULL;
}

void round_now(struct poller *poller)
{
    if (poller->timer == NULL || poller->fatal[0] != '\0')
        return;
    if (poller->in_round) {
        poller->again = true;
        return;
    }
    if (poller->failures > 0)
        return; /* the pause after a failure is the API's to shorten, not ours */
    int64_t gap = poller->last_round_mono_ms + ROUND_GAP_MS - clock_mono_ms();
    wait_for(poller, gap < 0 ? 0 : gap);
}

void round_reschedule(struct poller *poller)
{
    if (poller->timer != NULL && !poller->in_round && poller->failures == 0 &&
        poller->fatal[0] == '\0')
        wait_for(poller, pause_ms(poller));
}

void token_checked(struct poller *poller, bool writes, const char *format, ...)
{
    char raw[ERROR_TEXT_BYTES_MAX];
    struct error said; /* what a server said in it becomes one line of UTF-8 */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    error_set(&said, "%s", raw);
    const char *text = said.text;
    struct token_writes message = {
        .source = poller->source->source, .writes = writes, .text = text};
    poller->token_unknown = poller->checking = false;
    tell(poller, MESSAGE_token_writes, &message);
    if (!writes)
        log_info("%s", text);
    else if (config_of(poller)->http.refuse_writing_tokens) {
        end_round(poller);
        snprintf(poller->fatal, sizeof poller->fatal, "%s", text);
        wait_for(poller, LAST_WORDS_MS);
        return;
    } else
        log_warning("%s", text);
    poller->source->begin(poller);
}
