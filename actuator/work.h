/* An action under way: its requests one after the other, its pauses, its deadline, its end.
 *
 * An action is a chain of continuations on the loop: each step sends one request or waits, and ends
 * in exactly one work_finish. A `then` that has finished its work returns at once: the work is
 * gone. May not: judge, know what an action does. */
#ifndef EBBTIDE_ACTUATOR_WORK_H
#define EBBTIDE_ACTUATOR_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator/actuator.h"
#include "actuator/facts.h"
#include "actuator/http_send.h"
#include "common/api_trouble.h"
#include "common/url.h"

struct event;
struct work;

#define KUBE_MERGE_PATCH                                                                           \
    "application/merge-patch+json" /* RFC 7386: what every PATCH to Kubernetes is */

/* A step that got an answer; trouble.trouble is NONE for a whole 2xx. */
typedef void (*work_answer)(struct work *work, const struct http_answer *answer,
                            const struct api_trouble *trouble);
typedef void (*work_step)(struct work *work);

/* What the actions keep from one request to the next. */
struct action_notes {
    uint64_t runner[RUNNERS_PER_NODE_MAX]; /* the runners that it is about */
    uint32_t runner_count;
    bool more_runners; /* than fit: their turn comes when these are done */
    uint32_t index;    /* of a list that is walked */
    uint32_t tries;
    bool fenced; /* they are fenced; false: this Gitea cannot, or there is no place for a note */
    bool fence_value;                     /* what is being PATCHed */
    int64_t fence_wall_ms, drain_wall_ms; /* what was just written into the note, the taint */
    work_step after_walk, after_lift;
    bool forced;         /* the drain's deadline is over, and not only the request says so */
    int64_t force_in_ms; /* where only the request says so: until it is over */
    int64_t wait_ms;     /* longest Retry-After heard */
    enum trouble worst;  /* of a walk that goes on after a failure */
    uint64_t hetzner_action;
    uint64_t creates_ended; /* of the actuator's, when it began to look */
    bool for_a_person;      /* its end says what somebody should know, though it went well */
    bool searching; /* a create was sent and not answered well: a look that fails proves nothing */
};

struct work {
    struct work *next; /* of the actuator's list */
    struct actuator *actuator;
    struct message *message; /* owns what action points at */
    const struct action *action;
    int64_t began_mono_ms, deadline_mono_ms;
    struct facts facts;
    bool intended;    /* the intent stands in the log */
    const char *rail; /* that refused it; "": none */

    /* the request or the pause under way */
    struct send_call *call;
    enum source call_source;
    bool call_writes, call_sent;
    char call_doing[160];
    work_answer then;
    struct event *timer; /* pause, or (while a call runs) the action's deadline */
    work_step after;

    /* the looks under way (look.c) */
    unsigned looks;
    work_step after_looks;
    unsigned page, page_tries;
    uint64_t page_items, page_total; /* read so far; what the first page said of the whole */
    char continue_token[KUBE_CONTINUE_BYTES_MAX];

    /* What the end says when it comes before the action is through: its deadline, or a stop. */
    enum outcome early_outcome;
    char early_text[TEXT_BYTES_MAX / 2];

    /* what the result carries beside outcome, trouble and text */
    uint64_t http_status, server_id, left;
    int64_t created_ms, retry_after_ms;

    /* the action's own */
    struct action_notes notes;
    char said[TEXT_BYTES_MAX]; /* sentences gathered on the way */
};

/* Sends a GET; `doing` ("look at the server") is for texts. */
void work_get(struct work *work, enum source source, const struct url_path *path, work_answer then,
              const char *doing);

/* Sends a request that changes something: only after work_intend, or the process ends. Takes body
 * (NULL: the action fails for want of memory, unless the method is DELETE). */
void work_write(struct work *work, enum source source, enum send_method method,
                const struct url_path *path, char *body, work_answer then, const char *doing);

/* Goes on with `after` in so many ms; at the action's deadline it ends early instead. */
void work_pause(struct work *work, int64_t ms, work_step after);

/* Milliseconds until the action's deadline, never below 0. */
int64_t work_left_ms(const struct work *work);

/* Writes the intent, once. False: it could not be written, or its node was changed too often of
 * late, and the work has been finished. */
bool work_intend(struct work *work);

/* Adds a sentence to work->said, "; " between. */
void work_say(struct work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the result shall be if the deadline or a stop ends the action early (default: again). */
void work_early(struct work *work, enum outcome outcome, const char *text);

/* The end: outcome line (or its place in the number of those that changed nothing and have none),
 * result, everything freed. */
void work_finish(struct work *work, enum outcome outcome, enum trouble trouble, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* The end because of an answer: failed, or unknown where a write got no clear answer. */
void work_fail(struct work *work, const struct api_trouble *trouble);

/* The end because the judge forbids it; true where he did. */
bool work_refused(struct work *work, const struct verdict *verdict);

/* The daemon stops: what changes nothing at this moment ends early. */
void work_stop(struct work *work);

/* Another reconciler than the one that asked is there: ends where nothing was intended yet. */
void work_forget_asker(struct work *work);

/* Ends at once, whatever runs: before the supervisor's deadline. */
void work_abandon(struct work *work);

/* Frees it without a result; it is not unlinked. */
void work_free(struct work *work);

/* Looks up what `looks` says afresh, then goes on; a look that fails finishes the action. look.c */
void work_look(struct work *work, unsigned looks, work_step after);

#endif
