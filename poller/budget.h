/* When the next round may begin: pauses after failures, and the API's request budget. Pure.
 * May not: read a clock, be random (the caller brings both). */
#ifndef EBBTIDE_POLLER_BUDGET_H
#define EBBTIDE_POLLER_BUDGET_H

#include <stdint.h>

/* What RateLimit-* said last; limit 0: the API says nothing, and nothing is limited. */
struct budget {
    int64_t limit, remaining;
    int64_t full_ms;      /* how long it takes to be full again; at most 0: not known */
    int64_t seen_mono_ms; /* when this was said */
};

/* Takes in one answer's headers (HTTP_NONE where missing); full_ms from the API's own two clocks'
 * words, so that ours may jump. */
void budget_note(struct budget *budget, int64_t limit, int64_t remaining, int64_t full_ms,
                 int64_t now_mono_ms);

/* How long a round of `needed` requests must wait so that `reserve` requests stay for others; at
 * most an hour. A reserve above nine tenths of the limit counts as that. 0: now. */
int64_t budget_wait_ms(const struct budget *budget, uint64_t reserve, uint64_t needed,
                       int64_t now_mono_ms);

/* The same where deletes are decided by what the round shows: the one that is due at due_mono_ms
 * may use the reserve, which is kept for them, as long as there are requests at all. */
int64_t budget_wait_due_ms(const struct budget *budget, uint64_t reserve, uint64_t needed,
                           int64_t due_mono_ms, int64_t now_mono_ms);

/* The pause after `failures` (at least 1) in a row: first, doubled each time, at most `most`, of
 * which the upper half is drawn by `random`. Never shorter than retry_after_ms (0: none). */
int64_t backoff_ms(uint32_t failures, int64_t first_ms, int64_t most_ms, int64_t retry_after_ms,
                   uint32_t random);

/* The pause between two rounds: interval, ten per cent of it drawn either way. */
int64_t interval_jittered_ms(int64_t interval_ms, uint32_t random);

#endif
