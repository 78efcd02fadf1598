/* The actuator: takes actions, answers each with exactly one result.
 *
 * One action a node at a time, several nodes at once; the same id twice gets the same result. What
 * it does is in one file an action; whether it may, is the judge's; what it did, the audit log's.
 * May not: decide what to do. */
#ifndef EBBTIDE_ACTUATOR_ACTUATOR_H
#define EBBTIDE_ACTUATOR_ACTUATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator/audit.h"
#include "actuator/judge.h"
#include "actuator/pace.h"
#include "actuator/since.h"
#include "common/config.h"
#include "common/http.h"
#include "proto/message.h"

struct event_base;
struct secret;
struct work;

#define ACTIONS_MAX      32  /* at once; each has one request under way, HTTP_CALLS_MAX is 64 */
#define RESULTS_KEPT     512 /* answered again when the same id comes again */
#define DEEDS_MAX        2048
#define DEED_MS          60000
#define WORK_ARENA_BYTES ((size_t)32 * 1024 * 1024)
#define BUSY_RETRY_MS    1000
#define STOP_MARGIN_MS   500 /* before the supervisor's deadline */
#define VERSION_AGE_MS   600000

/* A result that was given, with room for its text. */
struct kept_result {
    struct action_result result;
    char text[TEXT_BYTES_MAX + 1];
};

/* A create or a server's delete that was asked for. */
struct deed {
    enum action_kind kind;
    uint64_t server_id;
    int64_t mono_ms;
};

struct actuator {
    struct event_base *base;
    const struct config *config;                  /* borrowed; the one that holds */
    struct http_endpoint *endpoint[source_count]; /* NULL in mode observe */
    struct audit *audit;
    uint64_t epoch; /* that ids must be of; actuator_new_asker. 0: no reconciler was there yet */
    struct noted_heads noted;    /* the audit log's heads, as the supervisor noted them */
    bool has_note;               /* it handed them over */
    char *cloud_init[POOLS_MAX]; /* templates, NUL-terminated */
    struct secret *join_token[POOLS_MAX];

    /* Called for every result; texts live during the call. */
    void (*report)(const struct action_result *result, void *argument);
    /* Called after the last action of a stopping actuator has ended. May be NULL. */
    void (*idle)(void *argument);
    void *argument;

    struct work *works;
    uint32_t work_count;
    bool stopping;
    uint64_t finished, abandoned; /* since the stop began */

    struct kept_result *kept; /* RESULTS_KEPT, a ring */
    uint32_t kept_count, kept_next;
    struct sinces *sinces;
    struct paces *paces;
    struct pods_seen *pods_seen;
    struct deed deeds[DEEDS_MAX]; /* a ring */
    uint32_t deed_count, deed_next;
    uint64_t creates_ended; /* of those that wrote their intent */

    /* remembered looks */
    struct arena *price_arena;
    struct hetzner_price_list prices;
    int64_t prices_mono_ms;                 /* 0: never */
    const struct work *prices_reader;       /* reads them just now */
    char gitea_version[NAME_BYTES_MAX + 1]; /* "": unknown */
    int64_t version_mono_ms;                /* when it was told; 0: it is asked with each look */
    int64_t requests_remaining;             /* of Hetzner's hour; -1 unknown */
};

/* Sets the parts that are not the caller's. base, config, endpoints, report and argument are set by
 * the caller, then the log is read by actuator_take_log. False when memory is out. */
bool actuator_init(struct actuator *actuator, struct error *error);

/* Takes a segment of the audit log: the first is opened, a later one is gone on in; what was
 * answered and done is remembered from both. Takes descriptor. */
bool actuator_take_log(struct actuator *actuator, int descriptor, const char *name,
                       struct error *error);

/* Ends everything without results, wipes and frees what is its own and the templates and tokens. */
void actuator_clear(struct actuator *actuator);

/* Takes an `action` message. */
void actuator_take(struct actuator *actuator, struct message *message);

/* Begins to stop: new actions are refused, those under way finish or are abandoned; idle is called
 * when none is left, at once if there is none. */
void actuator_stop(struct actuator *actuator);

/* Another reconciler than the one that asked is there, to which the supervisor gave this epoch:
 * what has not written its intent yet is left, since nobody remembers that it was asked. What has
 * is told by audit_open_intents. */
void actuator_new_asker(struct actuator *actuator, uint64_t epoch);

/* The deadline is near: abandons all. */
void actuator_abandon(struct actuator *actuator);

/* ------------------------------------------------------------------------ for work.c, look.c */

/* Gives a result: keeps it and reports it. */
void actuator_result(struct actuator *actuator, const struct action_result *result);

/* A work has ended and was unlinked. */
void actuator_work_ended(struct actuator *actuator);

void actuator_note_deed(struct actuator *actuator, enum action_kind kind, uint64_t server_id,
                        int64_t mono_ms);

/* What the judge is told of our doings; `creating` is room for ACTIONS_MAX pointers. */
struct deeds actuator_deeds(const struct actuator *actuator, const struct work *asking,
                            const struct action **creating);

#endif
