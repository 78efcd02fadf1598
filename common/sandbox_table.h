/* The rows of sandbox.def as data: what each process may ask of the kernel once it has begun. For
 * the filter, the limits, and the page in docs/. May not: put anything in force. */
#ifndef EBBTIDE_COMMON_SANDBOX_TABLE_H
#define EBBTIDE_COMMON_SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tables/messages.h"

#define SANDBOX_TESTS_MAX 3

enum sandbox_action {
    ACTION_ALLOW,
    ACTION_REFUSE,    /* with an errno */
    ACTION_KILL,      /* SIGSYS, the whole process */
    ACTION_SANITIZER, /* as ACTION_ALLOW, in builds with sanitizers only */
};

enum sandbox_test_kind {
    TEST_NONE,  /* the end of the list */
    TEST_EQUAL, /* argument == value */
    TEST_BITS,  /* (argument & mask) == value */
    TEST_SELF,  /* argument == the process's own id */
};

struct sandbox_test {
    unsigned argument;
    enum sandbox_test_kind kind;
    uint64_t mask, value;
};

struct sandbox_row {
    const char *call; /* libc's name of it */
    enum sandbox_action action;
    uint32_t roles;    /* ROLE_BITs */
    int number;        /* ACTION_REFUSE: the errno */
    const char *words; /* what the tests say; "" where there is none */
    const char *reason;
    struct sandbox_test test[SANDBOX_TESTS_MAX + 1];
};

struct sandbox_limit {
    int resource;     /* RLIMIT_... */
    const char *word; /* as in prlimit(1) */
    uint32_t roles;
    uint64_t value; /* soft and hard */
    const char *reason;
};

/* All rows, in the table's order. */
const struct sandbox_row *sandbox_rows(size_t *count);
const struct sandbox_limit *sandbox_limits(size_t *count);

/* Whether this build has sanitizers in it. */
bool sandbox_has_sanitizers(void);

/* Whether the row is of this process's filter, in this build. The supervisor's holds in its workers
 * too, so it has what any of them may do; a row that a wider one of the same process makes needless
 * is not of it. */
bool sandbox_row_applies(const struct sandbox_row *row, enum role role);

#endif
