/* What the audit's files share; nobody else includes it. May not: be part of the contract. */
#ifndef EBBTIDE_ACTUATOR_AUDIT_PARTS_H
#define EBBTIDE_ACTUATOR_AUDIT_PARTS_H

#include <jansson.h>

#include "actuator/audit.h"
#include "actuator/omitted.h"
#include "audit/check.h"
#include "audit/seal_store.h"

#define AUDIT_USED_MAX 512 /* names; older ones are forgotten */

struct audit_open_intent {
    struct action_id id;
    enum action_kind kind;
    char node[NAME_BYTES_MAX + 1];
    bool found; /* at the start: whoever wrote it is dead */
};

/* The last seal that was read: whether the key's files are behind it. */
struct audit_last_seal {
    char key[SEAL_ID_BYTES + 1]; /* "": none was read */
    uint64_t number, seq;
    size_t mac_bytes;
    struct chain_hash mac;
    char line[CHAIN_LINE_BYTES_MAX]; /* its first mac_bytes */
};

struct audit {
    int descriptor;
    char name[SETTING_BYTES_MAX + 1];
    struct audit_limits limits;
    uint64_t size;      /* of the segment; every line ends in a newline */
    uint64_t allocated; /* blocks are kept up to here, where the file system can */
    bool can_allocate;
    bool broken;              /* a line could not be taken back after half of it was written */
    struct chain_check check; /* its `last` is what the next line follows on */
    bool read_only;           /* a later one follows the segment */
    bool leave;               /* the segment in use does not verify: on to the next */
    bool tell_bent;           /* ... and no line of the log says so yet */
    uint64_t cut_bytes;       /* torn, found at the start; no line of the log says so yet */
    bool cut_kept;            /* ... and they stand there still */
    char trouble[ERROR_TEXT_BYTES_MAX]; /* "": none */
    struct error unsealed;              /* "", or why the last seal could not be made */
    char flood[TEXT_BYTES_MAX];         /* "", or that more was refused than there are lines for */
    bool flooding;                      /* ... and no line has said yet how many */
    struct omitted omitted;
    struct seal_store *seals; /* NULL: no keys */
    struct audit_last_seal *last_seal;
    struct action_id highest;
    uint32_t open_count, open_dropped;
    struct audit_open_intent open[UNKNOWN_ACTIONS_MAX];
    uint64_t used_count; /* ever; the ring keeps the last */
    char used[AUDIT_USED_MAX][NAME_BYTES_MAX + 1];
};

/* audit_line.c: JSON values of the lines. NULL when memory is out. */
json_t *audit_intent_line(const struct action *action, int64_t wall_ms);
json_t *audit_outcome_line(const struct action *action, const struct action_result *result,
                           int64_t wall_ms);
json_t *audit_segment_line(const struct audit *audit, int64_t wall_ms);
json_t *audit_cut_line(const struct audit *audit, int64_t wall_ms);
json_t *audit_bent_line(const struct audit *audit, int64_t wall_ms);
json_t *audit_seal_line(const struct audit *audit, enum audit_seal_why why, int64_t wall_ms);
json_t *audit_omitted_line(const struct audit *audit, int64_t wall_ms);

/* audit_scan.c: reads the segment from its beginning; sets size, highest and open. */
bool audit_scan(struct audit *audit, const struct audit_reader *reader, struct error *error);

/* audit.c: appends and syncs a line; takes line. key: NULL, or it is a seal. */
bool audit_append_alone(struct audit *audit, json_t *line, const struct chain_hash *key,
                        struct error *error);
/* The line before, of an action for whose lines there is room. unsynced: it changes nothing, and
 * its outcome's sync is good for both. */
bool audit_write_intent(struct audit *audit, const struct action *action, bool unsynced,
                        int64_t wall_ms, struct error *error);
/* Whether there is room for two lines. spares_reserve: without the reserve for teardown. */
bool audit_has_room(struct audit *audit, bool spares_reserve, struct error *error);
/* An outcome that gets no line, since its intent could get none: its id and its node's name are
 * used up for this process all the same. action may be NULL. */
void audit_unwritten(struct audit *audit, const struct action *action,
                     const struct action_result *result);
/* An id that was given is never given again. */
void audit_use_id(struct audit *audit, struct action_id id);

/* audit_seal.c: a segment's first line, and what the start found, where they are not written yet.
 */
bool audit_tell(struct audit *audit, int64_t wall_ms, struct error *error);

/* The log does not verify: said to the log, to the next line, to the alarm. The first
 * place counts. */
void audit_found_bent(struct audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* audit.c: the open intents. */
void audit_remember(struct audit *audit, struct action_id id, enum action_kind kind,
                    const char *node, bool found);
void audit_forget(struct audit *audit, struct action_id id);
/* A node was removed for good: its name is used up, and a create of it that is still open, because
 * its outcome could not be written, will never bring a server. */
void audit_remember_removed(struct audit *audit, const char *node);
/* A line names a server of that node: whatever became of it, no other is made under that name. */
void audit_remember_server(struct audit *audit, const char *node, uint64_t server_id);

#endif
