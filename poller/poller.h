/* What the poller's files share: one process, one API, one read-only token.
 *
 * A round is one whole look at the API: `begin` of the source sends the first request, each answer
 * leads to the next, and the round ends in exactly one of round_done (a snapshot was sent) and
 * round_failed (nothing is known anew). Between rounds the poller waits.
 * May not: send anything but GET, write a file, know another API's token. */
#ifndef EBBTIDE_POLLER_POLLER_H
#define EBBTIDE_POLLER_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/api_trouble.h"
#include "common/config.h"
#include "common/credentials.h"
#include "common/http.h"
#include "common/url.h"
#include "poller/budget.h"
#include "proto/worker.h"

struct event;
struct poller;

#define ROUND_REQUESTS_MAX 1200 /* 20,000 jobs and 5,000 runners by 50, twice */
#define LIST_TRIES_MAX     6    /* readings of a list whose pages do not fit together */
#define ARENA_BYTES_MAX    ((size_t)64 * 1024 * 1024)

/* One API: a table of what differs. */
struct source_behaviour {
    enum source source;
    enum role role;
    const char *word; /* "gitea": prefix of its settings, name in the log */
    /* Makes the source's own state (poller->own) from the configuration. */
    bool (*open)(struct poller *poller, const struct config *config, struct error *error);
    void (*close)(struct poller *poller);
    /* Sends the first request of a round. */
    void (*begin)(struct poller *poller);
    /* Finds out whether the token could write, then calls token_checked. */
    void (*check_token)(struct poller *poller);
    /* What an answer means. */
    void (*trouble)(const struct http_answer *answer, const char *doing, struct api_trouble *out);
    int64_t (*interval_ms)(const struct config *config);
};

extern const struct source_behaviour gitea_source, hetzner_source, kube_source;

/* Called with the answer to a get; trouble->trouble is NONE for a whole 2xx. */
typedef void (*get_done)(struct poller *poller, const struct http_answer *answer,
                         const struct api_trouble *trouble);

struct poller {
    const struct source_behaviour *source;
    struct worker *worker;
    struct http *http;
    struct http_endpoint *endpoint;
    struct credentials credentials;
    struct event *timer; /* the next round */
    void *own;           /* the source's state */
    bool dialer_lied;    /* it has handed over what is no connection */

    /* the round */
    bool in_round;
    bool again;         /* poll_now came during it */
    bool token_unknown; /* check_token is due */
    bool checking;      /* check_token is under way */
    struct snapshot_head head;
    get_done get_done;
    char doing[128]; /* what the request under way is for: "list the jobs" */

    /* between rounds */
    int64_t last_round_mono_ms;
    uint32_t failures; /* in a row */
    char last_trouble[ERROR_TEXT_BYTES_MAX];
    struct budget budget;
    bool saving; /* lists wait, or come seldom, for the sake of hetzner.request_reserve */
    bool holds;  /* the last whole list showed servers of ours, which are to be deleted in time */
    char fatal[TEXT_BYTES_MAX + 1]; /* why this poller ends, as soon as its peers were told */
};

/* --------------------------------------------------------------------------- http_get.c */

/* One GET; exactly one under way at a time. A request that cannot be sent fails the round. */
void get(struct poller *poller, const struct url_path *path, get_done done, const char *doing, ...)
    __attribute__((format(printf, 4, 5)));

/* --------------------------------------------------------------------------- round.c */

/* Starts the waiting: the first round comes at once. */
void rounds_start(struct poller *poller);
void rounds_stop(struct poller *poller);

/* Someone asks for a round now. */
void round_now(struct poller *poller);

/* The interval may have changed. */
void round_reschedule(struct poller *poller);

/* A snapshot message, whose head is poller->head, is ready: finishes the head, sends, waits. */
void round_done(struct poller *poller, enum message_id id, const void *snapshot);

/* poller->head as it stands at the end of a round; call it before the snapshot is put together. */
struct snapshot_head round_head(struct poller *poller);

void round_failed(struct poller *poller, const struct api_trouble *trouble);

/* The round fails because a 2xx did not decode. */
void round_bad_answer(struct poller *poller, const struct http_answer *answer,
                      const struct error *why);

/* The round fails because the pages of a list do not fit together. */
void round_inconsistent(struct poller *poller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* check_token's end: what was found, and goes on with the round. Whether it could write is said
 * only where it is known or most likely. */
void token_checked(struct poller *poller, bool writes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
