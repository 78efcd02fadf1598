/* The audit log: one JSON line before each action that changes anything (`intent`, synced to the
 * disk before acting) and one after (`outcome`). What was refused or only looked has both lines
 * too, written one after the other; of more of these than a person reads only how many there were
 * (`omitted`, actuator/omitted.h). Every line is a link of one chain over all segments
 * (audit/chain.h), which is sealed with a key of the epoch where keys were set up (audit/seal.h).
 * What each line says: audit/audit.def and docs/audit.md.
 *
 * Room: a segment may grow to max_bytes; then the next is asked for. The last reserve_bytes beyond
 * it, and as much of the disk, are kept for teardown: creates stop first, and what changed nothing
 * takes none of it.
 *
 * A log that does not verify at the start is gone on with all the same, since teardown must stay
 * possible: a line `bent` says where and what, the next segment is asked for at once, and
 * audit_trouble says it until the start that finds no such place.
 * May not: open a file, hold a secret but the epoch's key, decide anything. */
#ifndef EBBTIDE_ACTUATOR_AUDIT_H
#define EBBTIDE_ACTUATOR_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/head.h"
#include "common/error.h"
#include "tables/messages.h"

/* node, texts and runners of the messages, escaped */
#define AUDIT_LINE_BYTES_MAX CHAIN_LINE_BYTES_MAX

struct audit;

struct audit_limits {
    uint64_t max_bytes;     /* of a segment */
    uint64_t reserve_bytes; /* beyond it, for teardown lines */
    int64_t epoch_ms;       /* for the seals' lines */
    /* The heads that the supervisor noted; lives until the keys are taken. NULL: it handed no note
     * over. */
    const struct noted_heads *noted;
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

/* An action that ended and changed nothing: it was refused, or only looked. */
struct audit_end {
    const struct action *action;
    const struct action_result *result;
    const char *rail; /* that refused it, of a closed list that lives for ever; "": none */
    int64_t mono_ms, wall_ms;
};

enum audit_entry {
    AUDIT_WRITTEN,   /* both lines stand there, synced */
    AUDIT_COUNTED,   /* too many of its kind: a line will say how many */
    AUDIT_UNWRITTEN, /* there was no room, or the write failed (*error): counted likewise */
};

/* Both lines of it, or its number in the next line `omitted`. Its id is used up whatever comes of
 * it; where its lines could not be written, its node's name is as well. */
enum audit_entry audit_unchanged(struct audit *audit, const struct audit_end *end,
                                 struct error *error);

/* Writes the line that says how many were left out, where any were. It comes by itself before the
 * next intent, before a seal and before the next segment. False: nothing is forgotten, it is to be
 * asked for again. */
bool audit_sum_up(struct audit *audit, int64_t wall_ms, struct error *error);

/* The same where it is time to: a minute after the first that was left out, or after this failed.
 */
bool audit_sum_up_due(struct audit *audit, int64_t mono_ms, int64_t wall_ms, struct error *error);

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

/* ------------------------------------------------------------------- chain and seals: audit_seal.c
 */

/* Takes both slots of the key (-1: there are none) once all segments were read. Keys that cannot be
 * used are trouble, and the log is chained only. */
void audit_take_keys(struct audit *audit, int slot0, int slot1);

/* Whether epochs are sealed. */
bool audit_sealed(const struct audit *audit);

/* Writes down what the start found (a line that was torn, a log that does not verify), where it has
 * not been written yet; every other line does so by itself. */
bool audit_settle(struct audit *audit, int64_t wall_ms, struct error *error);

enum audit_seal_why { SEAL_EPOCH, SEAL_START, SEAL_CLOSE };

/* Ends the epoch with a seal. At a start or a close, nothing where the last line is a seal already;
 * without keys or without a line never anything. False: the line could not be written, and the
 * epoch goes on. */
bool audit_seal(struct audit *audit, enum audit_seal_why why, int64_t wall_ms, struct error *error);

/* Whether the segment in use does not verify, so that the next one is asked for at once. */
bool audit_leaves(const struct audit *audit);

/* Number and hash of the last line; number 0: there is none. */
struct chain_link audit_head(const struct audit *audit);

/* What a person must know of this log, "" for nothing: where it does not verify, that its note is
 * gone, why it is not sealed though it should be, why its last seal could not be made; that more
 * was refused than it has lines for. At most TEXT_BYTES_MAX. */
const char *audit_trouble(const struct audit *audit);

/* Compares action ids: <0, 0, >0. */
int action_id_compare(struct action_id left, struct action_id right);

#define ACTION_ID_TEXT_BYTES 44
/* "EPOCH-COUNTER"; returns out. */
char *action_id_text(struct action_id id, char out[ACTION_ID_TEXT_BYTES]);
/* Reads that form. */
bool action_id_parse(const char *text, struct action_id *out);

#endif
