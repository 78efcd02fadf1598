/* Whether lines, one after the other, are one chain; and, where they are not, what is wrong with
 * which. The actuator asks it at its start, `ebbtide audit verify` and `show` of any files.
 * May not: read a file, know a key. */
#ifndef EBBTIDE_AUDIT_CHECK_H
#define EBBTIDE_AUDIT_CHECK_H

#include "audit/chain.h"

struct chain_check {
    bool begun;  /* `last` is known */
    bool framed; /* the line last given has the form of one: `frame` is of it */
    struct chain_frame frame;
    struct chain_link last; /* of the line before the next one */
    uint64_t line;          /* of the file; 1 is the first */
    /* A line that is none may be what a crash tore and a start ended: the next one says so. */
    uint64_t held_line, held_bytes;
    struct error held;
};

/* What does not fit, and where. */
struct chain_finding {
    uint64_t line; /* of the file */
    struct error what;
};

/* The next file begins. What of the file before is still held is a finding: true. */
bool chain_check_file(struct chain_check *check, struct chain_finding *out);

/* The next line. False with the finding where it does not follow the one before; the check then
 * goes on from this line as it stands. bytes: its true length, more than length where it was cut.
 * The first line ever is taken as it is, but number 1 follows on nothing. */
bool chain_check_line(struct chain_check *check, const char *line, size_t length, uint64_t bytes,
                      struct chain_finding *out);

#endif
