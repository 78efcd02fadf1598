/* The audit log (actuator/audit.h, at link time) as a list in memory that outlives the actuator:
 * which intents have no outcome, and what the last outcomes were. May not: lose a line. */
#include <stdlib.h>
#include <string.h>

#include "actuator/audit.h"
#include "sim.h"

#define LINES_MAX                                                                                  \
    2048 /* older ones are forgotten, as those of older segments are not read again                \
          */

struct line {
    struct action_id id;
    enum action_kind kind;
    char node[NAME_BYTES_MAX + 1];
    uint64_t server_id;
    int64_t wall_ms;
    bool intent, outcome, found; /* found: open when the log was opened */
    bool known;                  /* this process knows the outcome, written or not */
    bool removed, removed_known; /* a create's node was removed: written, or known likewise */
    uint64_t server_known;       /* that it made; known likewise */
    struct action_result result;
    char text[TEXT_BYTES_MAX + 1];
};

struct audit {
    struct line *line; /* a ring */
    uint64_t first, count;
    struct action_id highest;
};

static struct audit memory;

void audit_memory_reset(void)
{
    free(memory.line);
    memory = (struct audit){0};
}

static struct line *line_at(const struct audit *audit, uint64_t index)
{
    return &audit->line[(audit->first + index) % LINES_MAX];
}

static struct line *line_of(const struct audit *audit, struct action_id id)
{
    for (uint64_t i = audit->count; i-- > 0;)
        if (action_id_compare(line_at(audit, i)->id, id) == 0)
            return line_at(audit, i);
    return NULL;
}

bool audit_open(struct audit **out, int descriptor, const char *name,
                const struct audit_limits *limits, const struct audit_reader *reader,
                struct error *error)
{
    (void)descriptor;
    (void)name;
    (void)limits;
    (void)error;
    *out = &memory;
    if (memory.line == NULL)
        memory.line = sim_alloc(LINES_MAX * sizeof *memory.line);
    for (uint64_t i = 0; i < memory.count; i++) {
        struct line *line = line_at(&memory, i);
        line->found = line->intent && !line->outcome;
        line->known = line->removed_known = false;
        line->server_known = line->outcome ? line->result.server_id : 0;
        if (line->intent && reader->intent != NULL)
            reader->intent(line->id, line->kind, line->server_id, line->wall_ms, reader->argument);
        if (line->outcome && reader->outcome != NULL)
            reader->outcome(&line->result, reader->argument);
    }
    return true;
}

bool audit_next(struct audit *audit, int descriptor, const char *name,
                const struct audit_reader *reader, struct error *error)
{
    (void)audit;
    (void)descriptor;
    (void)name;
    (void)reader;
    return error_set(error, "there is one segment");
}

void audit_close(struct audit *audit)
{
    (void)audit;
}

bool audit_wants_next(const struct audit *audit)
{
    (void)audit;
    return false;
}

static struct line *add(struct audit *audit, struct action_id id, enum action_kind kind)
{
    if (audit->count == LINES_MAX) {
        audit->first++;
        audit->count--;
    }
    struct line *line = line_at(audit, audit->count++);
    *line = (struct line){.id = id, .kind = kind};
    if (action_id_compare(id, audit->highest) > 0)
        audit->highest = id;
    return line;
}

static bool writable(struct error *error)
{
    return sim_now->now_ms >= sim_now->audit_bad_until_ms ||
           error_set(error, "cannot write the audit log: no space left on device");
}

bool audit_intent(struct audit *audit, const struct action *action, int64_t wall_ms,
                  struct error *error)
{
    if (!writable(error))
        return false;
    struct line *line = add(audit, action->id, action->kind);
    snprintf(line->node, sizeof line->node, "%s", action->node.name);
    line->server_id = action->node.server_id;
    line->wall_ms = wall_ms;
    line->intent = true;
    return true;
}

/* A node that is removed for good ends its open create, in the log where it can be written. */
static void remember_removed(struct audit *audit, const char *node, bool written)
{
    for (uint64_t i = 0; i < audit->count; i++) {
        struct line *line = line_at(audit, i);
        if (line->kind != ACTION_CREATE_SERVER || strcmp(line->node, node) != 0)
            continue;
        line->known = line->removed_known = true;
        line->removed = line->removed || written;
        line->outcome = line->outcome || written;
    }
}

bool audit_name_used(const struct audit *audit, const char *node)
{
    for (uint64_t i = 0; i < audit->count; i++) {
        const struct line *line = line_at(audit, i);
        if ((line->removed || line->removed_known || line->server_id != 0 ||
             line->server_known != 0) &&
            strcmp(line->node, node) == 0)
            return true;
    }
    return false;
}

static void known_unwritten(struct audit *audit, const struct action *action,
                            const struct action_result *result)
{
    struct error error;
    struct line *line = line_of(audit, result->id);
    if (line != NULL) {
        line->known = true;
        line->server_known = result->server_id;
    }
    if (action != NULL && result->kind == ACTION_REMOVE_NODE && result->outcome == OUTCOME_DONE)
        remember_removed(audit, action->node.name, writable(&error));
}

bool audit_outcome(struct audit *audit, const struct action *action,
                   const struct action_result *result, int64_t wall_ms, struct error *error)
{
    (void)wall_ms;
    known_unwritten(audit, action, result);
    if (!writable(error))
        return false;
    struct line *line = line_of(audit, result->id);
    if (line == NULL)
        line = add(audit, result->id, result->kind);
    line->outcome = true;
    line->result = *result;
    snprintf(line->text, sizeof line->text, "%s", result->text);
    line->result.text = line->text;
    return true;
}

/* As many as there are: how many the log bears is no matter of the simulation. */
enum audit_entry audit_unchanged(struct audit *audit, const struct audit_end *end,
                                 struct error *error)
{
    if (audit_intent(audit, end->action, end->wall_ms, error) &&
        audit_outcome(audit, end->action, end->result, end->wall_ms, error))
        return AUDIT_WRITTEN;
    known_unwritten(audit, end->action, end->result);
    return AUDIT_UNWRITTEN;
}

struct action_id audit_highest(const struct audit *audit)
{
    return audit->highest;
}

uint32_t audit_open_intents(const struct audit *audit, struct unknown_action *out, uint32_t most)
{
    uint32_t count = 0;
    for (uint64_t i = 0; i < audit->count && count < most; i++) {
        const struct line *line = line_at(audit, i);
        if (line->intent && !line->outcome && !line->known)
            out[count++] =
                (struct unknown_action){.id = line->id, .kind = line->kind, .node = line->node};
    }
    return count;
}

bool audit_close_found(struct audit *audit, int64_t wall_ms, struct error *error)
{
    (void)wall_ms;
    if (!writable(error))
        return false;
    for (uint64_t i = 0; i < audit->count; i++) {
        struct line *line = line_at(audit, i);
        if (!line->found || line->outcome)
            continue;
        line->outcome = true;
        line->found = false;
        line->result = (struct action_result){
            .id = line->id, .kind = line->kind, .outcome = OUTCOME_UNKNOWN, .text = line->text};
    }
    return true;
}
