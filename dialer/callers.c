/* Questions into dials, dials into answers. May not: log. */
#include "dialer/callers.h"

#include "proto/message.h"

#include <stdio.h>

static struct asked *free_place(struct callers *callers, enum role caller, enum source source)
{
    struct asked *places = callers->asked[caller][source];
    for (unsigned i = 0; i < CALLER_DIALS_MAX; i++)
        if (places[i].dial == NULL)
            return &places[i];
    return NULL;
}

static void on_dialed(int descriptor, enum dial_failure failure, const char *text, void *argument)
{
    struct asked *asked = argument;
    struct callers *callers = asked->callers;
    asked->dial = NULL;
    callers->answer(asked->caller, asked->id, descriptor, failure, text, callers->argument);
}

static void refuse(struct callers *callers, enum role caller, uint64_t id,
                   enum dial_failure failure, const char *text)
{
    callers->answer(caller, id, -1, failure, text, callers->argument);
}

static bool is_too_fast(struct pace *pace, int64_t mono_ms)
{
    if (mono_ms - pace->second_mono_ms >= 1000)
        *pace = (struct pace){.second_mono_ms = mono_ms};
    return pace->dials++ >= CALLER_DIALS_A_SECOND;
}

void callers_ask(struct callers *callers, enum role caller, uint64_t id, enum source source,
                 int64_t mono_ms)
{
    char text[TEXT_BYTES_MAX];
    const struct destination *to = destinations_find(&callers->destinations, caller, source);
    if (to == NULL) {
        snprintf(text, sizeof text, "the %s is not to be connected with %s", role_word(caller),
                 source_word(source));
        refuse(callers, caller, id, DIAL_NOT_ALLOWED, text);
        return;
    }
    if (is_too_fast(&callers->pace[caller], mono_ms)) {
        snprintf(text, sizeof text, "the %s asks for more than %d connections a second",
                 role_word(caller), CALLER_DIALS_A_SECOND);
        refuse(callers, caller, id, DIAL_TOO_MANY, text);
        return;
    }
    struct asked *place = free_place(callers, caller, source);
    if (place == NULL) {
        snprintf(text, sizeof text, "the %s asks for more than %d connections at once",
                 role_word(caller), CALLER_DIALS_MAX);
        refuse(callers, caller, id, DIAL_TOO_MANY, text);
        return;
    }
    *place = (struct asked){.callers = callers, .caller = caller, .id = id};
    place->dial = dial_begin(callers->base, callers->names, to->host, to->port, callers->limit_ms,
                             on_dialed, place);
    if (place->dial == NULL)
        refuse(callers, caller, id, DIAL_TOO_MANY, "the dialer has no memory for a connection");
}

void callers_forget(struct callers *callers, enum role caller)
{
    for (unsigned i = 0; i < (unsigned)source_count * CALLER_DIALS_MAX; i++) {
        struct asked *asked = &callers->asked[caller][i / CALLER_DIALS_MAX][i % CALLER_DIALS_MAX];
        dial_cancel(asked->dial);
        asked->dial = NULL;
    }
}
