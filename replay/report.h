/* What a replay has to say: collected, then printed for people or as one JSON object.
 * May not: play, decide. */
#ifndef EBBTIDE_REPLAY_REPORT_H
#define EBBTIDE_REPLAY_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "replay/play.h"

#define REPORT_DIFFERENCES_MAX 100 /* that are told one by one */

/* The exit statuses. */
#define REPLAY_SAME      0
#define REPLAY_DIFFERENT 1
#define REPLAY_UNUSABLE  2

struct report {
    bool json;
    json_t *root;       /* NULL unless json */
    bool unusable;      /* something that was named could not be replayed */
    uint64_t differing; /* events that are decided otherwise here */
    uint64_t last_epoch, last_differing;
};

bool report_begin(struct report *report, bool json);

/* A sentence about a file; to standard error for people. */
void report_note(struct report *report, const char *path, const char *text, bool unusable);

/* One event is decided otherwise here than it was then. */
void report_differs(struct report *report, const char *path, uint64_t epoch, uint64_t number,
                    const char *text);

/* Adds a value to the object, where it is one. Takes the reference. */
void report_put(struct report *report, const char *key, json_t *value);

/* How many events, of when. */
void report_extent(struct report *report, const struct play *play);

/* Prints the object, where it is one, and ends it; the exit status. */
int report_end(struct report *report);

/* "02:13:05.123" of a wall time (UTC), and "02:13:05". */
char *report_clock(int64_t wall_ms, char out[CLOCK_TEXT_BYTES]);
char *report_second(int64_t wall_ms, char out[CLOCK_TEXT_BYTES]);

/* Text from outside for a terminal: control characters become '?'. */
void report_print(FILE *out, const char *text);

#endif
