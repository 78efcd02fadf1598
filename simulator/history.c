/* Past answers in one ring; a search walks it from its newest end. May not answer. */
#include "simulator/history.h"

#include <stdlib.h>
#include <string.h>

struct history {
    struct past_answer ring[HISTORY_ANSWERS_MAX];
    uint64_t first, end; /* numbers of the oldest kept and of the next */
    size_t bytes;
};

struct history *history_new(void)
{
    return calloc(1, sizeof(struct history));
}

static void forget_oldest(struct history *history)
{
    struct past_answer *old = &history->ring[history->first++ % HISTORY_ANSWERS_MAX];
    history->bytes -= old->length;
    free(old->target);
    free(old->text);
    json_decref(old->headers);
    *old = (struct past_answer){0};
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    while (history->first < history->end)
        forget_oldest(history);
    free(history);
}

static const struct past_answer *at(const struct history *history, uint64_t number)
{
    return &history->ring[number % HISTORY_ANSWERS_MAX];
}

const struct past_answer *history_find(const struct history *history, enum api api,
                                       const char *target, int64_t mono_ms)
{
    const struct past_answer *found = NULL;
    for (uint64_t i = history->end; i-- > history->first;) {
        const struct past_answer *past = at(history, i);
        if (past->api != api || strcmp(past->target, target) != 0)
            continue;
        found = past;
        if (past->mono_ms <= mono_ms)
            break;
    }
    return found;
}

void history_add(struct history *history, const struct past_answer *answer)
{
    const struct past_answer *last =
        history_find(history, answer->api, answer->target, answer->mono_ms);
    if (answer->length > HISTORY_BYTES_MAX / 8 ||
        (last != NULL && last->length == answer->length &&
         memcmp(last->text, answer->text, answer->length) == 0))
        return;
    while (history->first < history->end && (history->end - history->first == HISTORY_ANSWERS_MAX ||
                                             history->bytes + answer->length > HISTORY_BYTES_MAX))
        forget_oldest(history);
    struct past_answer copy = *answer;
    copy.target = strdup(answer->target);
    copy.text = malloc(answer->length + 1);
    copy.headers = json_deep_copy(answer->headers);
    if (copy.target == NULL || copy.text == NULL || copy.headers == NULL) {
        free(copy.target);
        free(copy.text);
        json_decref(copy.headers);
        return; /* a stale fault then gives an older answer */
    }
    memcpy(copy.text, answer->text, answer->length);
    copy.text[answer->length] = '\0';
    history->bytes += copy.length;
    history->ring[history->end++ % HISTORY_ANSWERS_MAX] = copy;
}
