/* The witness in the program: what it is told through the control endpoint (the client's limits),
 * when it looks, what hinders a teardown as far as the servers can see, and what it tells.
 *
 * Teardown is hindered while a fault rule is live, while one of the APIs that are served has not
 * been read for silence_ms, and whenever the control endpoint says so. May not: judge a call. */
#ifndef EBBTIDE_SIMULATOR_WATCH_H
#define EBBTIDE_SIMULATOR_WATCH_H

#include "common/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct faults;
struct server;
struct watch;
struct world;

/* All borrowed; server is set by watch_serves once it exists. */
bool watch_init(struct watch **out, struct world *world, const struct faults *faults,
                struct error *error);
void watch_serves(struct watch *watch, const struct server *server);
/* After the world: the world's guard is gone with it. NULL is fine. */
void watch_free(struct watch *watch);

/* Begins to watch by the rules that a JSON object tells, or changes them (docs/simulator.md
 * "Promises"). A key that is unknown, missing or of a wrong type is an error that names it. */
bool watch_rules(struct watch *watch, const json_t *rules, struct error *error);

/* Whether this Gitea can disable a runner; true at first. */
void watch_fence(struct watch *watch, bool exists);

/* Something hinders now, says a test: a process was killed or stopped. */
void watch_hindered(struct watch *watch);

/* To be called often; looks a few times a second. */
void watch_tick(struct watch *watch, int64_t mono_ms);

/* {"watching": true, "broken_total": 0, "broken": [{"promise", "sentence", "time", "text"}...],
 *  "judged": {"call": 12, ...}, "kept": {...}, "races": 0, "race_most_ms": 0, "hours_hindered": 0};
 * a new object. */
json_t *watch_json(struct watch *watch);

/* The same in a line or a few, for the program's end; nothing where nobody watched. */
void watch_print(struct watch *watch, FILE *out);

#endif
