/* Past answers, kept so that a fault can give an old one again (effect "stale").
 *
 * Bounded in number and bytes: the oldest go first. May not: answer. */
#ifndef EBBTIDE_SIMULATOR_HISTORY_H
#define EBBTIDE_SIMULATOR_HISTORY_H

#include "simulator/server.h"

#define HISTORY_ANSWERS_MAX 4096
#define HISTORY_BYTES_MAX   ((size_t)32 * 1024 * 1024)

struct history;

struct past_answer {
    enum api api;
    char *target; /* path with query */
    int64_t mono_ms;
    int status;
    json_t *headers;
    char *text;
    size_t length;
};

/* NULL without memory. */
struct history *history_new(void);
void history_free(struct history *history);

/* Keeps a copy; an answer that equals the newest of its target is not kept twice. */
void history_add(struct history *history, const struct past_answer *answer);

/* The newest answer to target that was given at mono_ms or before; where there is none so old, the
 * oldest that is known; NULL where none is. Borrowed until the next history_add. */
const struct past_answer *history_find(const struct history *history, enum api api,
                                       const char *target, int64_t mono_ms);

#endif
