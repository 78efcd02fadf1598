/* Which of the actions that changed nothing (they were refused, or only looked) get lines of their
 * own in the audit log, and what is to be said of the rest. Without a bound, who has taken the
 * reconciler over could fill the disk with orders that are refused, until nothing can be done any
 * more for want of room. Pure; audit_omitted.c writes.
 * May not: do I/O, read a clock, allocate. */
#ifndef EBBTIDE_ACTUATOR_OMITTED_H
#define EBBTIDE_ACTUATOR_OMITTED_H

#include "actuator/allowance.h"
#include "tables/messages.h"

/* Refused: 64 at once, and 8 more a minute. A correct reconciler asks for one action of a node at a
 * time, at most 32 are under way (ACTIONS_MAX), and what is refused is asked again after a pause
 * that doubles: 64 is every one of them refused twice. The 8 a minute that go on keep a flood of
 * weeks below what the log's own use is. */
#define REFUSED_AT_ONCE  64
#define REFUSED_EVERY_MS 7500
/* Only looked: a drain that waits for pods looks each second, and a whole fleet may wait. */
#define LOOKED_AT_ONCE  1024
#define LOOKED_EVERY_MS 1000
/* So long after the first that was left out a line says how many there were. */
#define OMITTED_MS 60000
/* Kinds, times outcomes and rails: more cannot be told apart. */
#define OMITTED_ROWS_MAX 128

struct omitted_row {
    enum action_kind kind;
    enum outcome outcome;
    const char *rail; /* that refused it, of a closed list that lives for ever; "": none */
    uint64_t count;
};

/* All zero is one to begin with. */
struct omitted {
    struct allowance refused_lines, looked_lines;
    /* since the last line of them */
    uint64_t count, refused;
    struct action_id lowest, highest;
    int64_t since_wall_ms, due_mono_ms;
    char text[TEXT_BYTES_MAX + 1]; /* what the last of them was answered */
    uint32_t row_count;
    struct omitted_row row[OMITTED_ROWS_MAX];
};

/* Whether this one may have lines of its own; that is counted. */
bool omitted_spare(struct omitted *omitted, const struct action_result *result, int64_t mono_ms);

/* It gets none. */
void omitted_add(struct omitted *omitted, const struct action_result *result, const char *rail,
                 int64_t mono_ms, int64_t wall_ms);

/* Whether it is time for the line that says how many there were. */
bool omitted_due(const struct omitted *omitted, int64_t mono_ms);

/* That line could not be written: a minute later again, nothing is forgotten. */
void omitted_later(struct omitted *omitted, int64_t mono_ms);

/* It is written: counting begins anew. */
void omitted_told(struct omitted *omitted);

#endif
