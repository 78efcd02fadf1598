/* An audit log that a test starts, writes to and reads while it lives, with the files of its key.
 * May not: open a file with a name. */
#ifndef EBBTIDE_TESTS_AUDIT_RUNNING_H
#define EBBTIDE_TESTS_AUDIT_RUNNING_H

#include "actuator/audit.h"
#include "audit/seal_store.h"
#include "audit/verify.h"

#define RUNNING_WALL_MS INT64_C(1795764000000)

/* Of the test that runs; all of it begins anew with the next one. */
struct running {
    int file, slot[SEAL_SLOTS]; /* the test's own descriptors of what the log has open */
    struct seal_key first;      /* the key that the slots had in the beginning */
    struct audit_limits limits;
    struct error error;
};

extern struct running running;

void running_begin(void);
void running_end(void);

/* Opens the log, with the slots or without a key; settles nothing. To be ended by audit_close. */
struct audit *running_open(bool keys);

/* As an actuator does: opened, and what was left open is settled. */
struct audit *running_start(bool keys);

struct action running_action(uint64_t counter);
void running_intend(struct audit *audit, uint64_t counter);

/* The log's text, until the next call. */
char *running_text(void);

/* How often a word stands in it. */
unsigned running_times(const char *word);

/* What `ebbtide audit verify` says of it, with the first key or without one. */
struct verify_result running_verdict(bool keys);

#endif
