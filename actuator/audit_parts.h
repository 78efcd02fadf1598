/* What the audit's files share; nobody else includes it. May not: be part of the contract. */
#ifndef EBBTIDE_ACTUATOR_AUDIT_PARTS_H
#define EBBTIDE_ACTUATOR_AUDIT_PARTS_H

#include <jansson.h>

#include "actuator/audit.h"

#define AUDIT_USED_MAX 512 /* names; older ones are forgotten */

struct audit_open_intent {
    struct action_id id;
    enum action_kind kind;
    char node[NAME_BYTES_MAX + 1];
    bool found; /* at the start: whoever wrote it is dead */
};

struct audit {
    int descriptor;
    char name[SETTING_BYTES_MAX + 1];
    struct audit_limits limits;
    uint64_t size;      /* of the segment; every line ends in a newline */
    uint64_t allocated; /* blocks are kept up to here, where the file system can */
    bool can_allocate;
    bool broken; /* a line could not be taken back after half of it was written */
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

/* audit_scan.c: reads the segment from its beginning; sets size, highest and open. */
bool audit_scan(struct audit *audit, const struct audit_reader *reader, struct error *error);

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
