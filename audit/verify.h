/* A whole log judged: its chain, its seals, its end. Files are given in their order; what does not
 * fit is found by file and line, the first place of it kept and the rest counted.
 * May not: open a file, print. */
#ifndef EBBTIDE_AUDIT_VERIFY_H
#define EBBTIDE_AUDIT_VERIFY_H

#include <jansson.h>

#include "audit/head.h"
#include "audit/seal.h"

#define VERIFY_KEYS_MAX       64
#define VERIFY_NAME_BYTES_MAX 512 /* of a file, for texts; a longer one is cut */
#define VERIFY_LATE_MS                                                                             \
    (5 * 60000) /* beyond two epochs before lines that no seal follows are late */

struct verify_keys {
    struct seal_key key[VERIFY_KEYS_MAX]; /* first keys, each of another id */
    unsigned count;
};

struct verify_place {
    char file[VERIFY_NAME_BYTES_MAX];
    uint64_t line; /* 0: none */
};

struct verify_result {
    uint64_t findings;
    struct verify_place first; /* of them */
    struct error what;
    uint64_t lines, first_seq; /* lines that have the form of one; number of the first */
    struct chain_link last;
    struct verify_place last_place;
    uint64_t cuts;                     /* lines `cut`: crashes that tore a line */
    uint64_t omitted, omitted_refused; /* actions that lines `omitted` only count */

    uint64_t seals;             /* that were checked with their key, or (no key) counted */
    struct verify_place sealed; /* the last of them */
    uint64_t sealed_number;
    int64_t sealed_wall_ms;
    uint64_t unsealed; /* lines after it */
    int64_t unsealed_first_ms, unsealed_last_ms;
    bool head_compared;    /* the end, with what the supervisor noted last */
    uint64_t noted;        /* lines that were compared with a note of theirs */
    uint64_t noted_lowest; /* number of the first of them; 0: none */
};

struct verify;

/* What is told of each line that has the form of one and is JSON. fits: nothing was found at it. */
typedef void (*verify_hear)(const json_t *line, bool fits, void *argument);

/* keys: NULL or none: seals are counted, not checked. heads: NULL: there is no note. part: lines
 * before the first are not missed. hear may be NULL. keys, heads are copied; NULL when memory is
 * out.
 */
struct verify *verify_new(const struct verify_keys *keys, const struct noted_heads *heads,
                          bool part, verify_hear hear, void *argument);

/* The next file, from its beginning. False with a sentence where it cannot be read. */
bool verify_file(struct verify *verify, int descriptor, const char *name, struct error *error);

/* After the last file. */
void verify_end(struct verify *verify, struct verify_result *out);

/* Wipes the keys and frees. NULL is fine. */
void verify_free(struct verify *verify);

#endif
