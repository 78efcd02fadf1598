/* The audit log: one JSON line before each action that changes anything (`intent`, synced to the
 * disk before acting) and one after (`outcome`). What was refused or only looked has both lines
 * too, written one after the other. Lines:
 *
 *   {"time":...,"event":"intent","id":"E-C","kind":...,"node":...,"pool":...,"server_id":N,
 *    "node_uid":...,"reason":...,"text":...,"gitea":N,"hetzner":N,"kube":N, and what the kind has}
 *   {"time":...,"event":"outcome","id":"E-C","kind":...,"node":...,"outcome":...,"trouble":...,
 *    "http_status":N,"duration_ms":N,"retry_after_ms":N,"server_id":N,"created_ms":N,"left":N,
 *    "text":..., and reason and snapshot numbers as in the intent}
 *   {"time":...,"event":"segment","id":"E-C","open":[{"id","kind","node"}...]}   first of a segment
 *
 * Room: a segment may grow to max_bytes; then the next is asked for. The last reserve_bytes beyond
 * it, and as much of the disk, are kept for teardown: creates stop first.
 * May not: open a file, hold a secret, decide anything. */
#ifndef EBBTIDE_ACTUATOR_AUDIT_H
#define EBBTIDE_ACTUATOR_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "proto/messages.h"

#define AUDIT_LINE_BYTES_MAX 16384 /* node, texts and runners of the messages, escaped */

struct audit;

struct audit_limits {
    uint64_t max_bytes;     /* of a segment */
    uint64_t reserve_bytes; /* beyond it, for teardown lines */
};

/* Who listens while the log is read at the start; each may be NULL. Texts live during the call. */
struct audit_reader {
    void (*intent)(struct action_id id, enum action_kind kind, uint64_t server_id, int64_t wall_ms,
                   void *argument);
    void (*outcome)(const struct action_result *result, void *argument);
    void *argument;
};

/* Takes `descriptor` (append, read and write), reads all of it, cuts a line that a crash tore (or
 * ends it, where the file only appends), preallocates the reserve. name is for texts. False with a
 * sentence where the file cannot be read or written. */
bool audit_open(struct audit **out, int descriptor, const char *name,
                const struct audit_limits *limits, const struct audit_reader *reader,
                struct error *error);

/* Goes on in the next segment: takes `descriptor`. An empty one begins with a line that says what
 * is open; one that is not (at the start the last two segments arrive, oldest first) is read. On
 * failure the old segment stays in use. reader may be NULL. */
bool audit_next(struct audit *audit, int descriptor, const char *name,
                const struct audit_reader *reader, struct error *error);

/* Syncs and closes. NULL is fine. */
void audit_close(struct audit *audit);

/* Whether the next segment should be asked for; true until it has come. */
bool audit_wants_next(const struct audit *audit);

/* The line before: written and synced when it returns true. False: the action must not happen. */
bool audit_intent(struct audit *audit, const struct action *action, int64_t wall_ms,
                  struct error *error);

/* The line after; action may be NULL where only the result is known. */
bool audit_outcome(struct audit *audit, const struct action *action,
                   const struct action_result *result, int64_t wall_ms, struct error *error);

/* Highest action id of the log, {0, 0} where it is empty. */
struct action_id audit_highest(const struct audit *audit);

/* Intents without an outcome: those that were found at the start, and what is in flight. Returns
 * how many; the texts live until the next call of this module. */
uint32_t audit_open_intents(const struct audit *audit, struct unknown_action *out, uint32_t most);

/* Whether the log, or this process, knows that a node of this name had a server, or was removed:
 * its name is used up. The last 512 such names of the segments read are known. */
bool audit_name_used(const struct audit *audit, const char *node);

/* Writes an outcome `unknown` for each intent that was found open at the start; after their report.
 */
bool audit_close_found(struct audit *audit, int64_t wall_ms, struct error *error);

/* Compares action ids: <0, 0, >0. */
int action_id_compare(struct action_id left, struct action_id right);

#define ACTION_ID_TEXT_BYTES 44
/* "EPOCH-COUNTER"; returns out. */
char *action_id_text(struct action_id id, char out[ACTION_ID_TEXT_BYTES]);
/* Reads that form. */
bool action_id_parse(const char *text, struct action_id *out);

#endif
