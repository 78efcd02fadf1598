/* An audit log as the actuator writes it, for tests that bend it: kept as lines, verified as files.
 * May not: know what is to be found. */
#ifndef EBBTIDE_TESTS_AUDIT_FIXTURE_H
#define EBBTIDE_TESTS_AUDIT_FIXTURE_H

#include "actuator/audit.h"
#include "audit/verify.h"

#define LOG_LINES_MAX 64

/* Two segments: lines [0, second) and [second, count), each without its newline, owned. */
struct bent_log {
    char *line[LOG_LINES_MAX];
    unsigned count, second;
};

extern struct verify_keys fixture_keys; /* the first key of fixture_log's seals */
extern struct noted_heads fixture_head; /* its last line */

/* A whole life over two segments, a start in between, four seals, the last line unsealed. */
void fixture_log(struct bent_log *out);

void log_copy(const struct bent_log *from, struct bent_log *out);
void log_free(struct bent_log *log);

void log_drop(struct bent_log *log, unsigned line);
void log_insert(struct bent_log *log, unsigned line, const char *text); /* before it; copied */
void log_replace(struct bent_log *log, unsigned line, const char *text);

/* Makes numbers, prevs and hashes anew from a line on, as one would who may write the files and has
 * no key: macs stay. With a key, its seals are made anew as well, from number on. */
void log_chain_again(struct bent_log *log, unsigned from);
void log_seal_again(struct bent_log *log, unsigned line, const struct seal_key *key);

/* The segments' bytes, joined; length of the first. Owned by the caller. */
char *log_bytes(const struct bent_log *log, size_t *first, size_t *length);

/* Verifies bytes as two files; with keys and head as they are given (NULL: without). */
struct verify_result verify_bytes(const char *bytes, size_t first, size_t length,
                                  const struct verify_keys *keys, const struct noted_heads *head);
struct verify_result verify_log(const struct bent_log *log, const struct verify_keys *keys,
                                const struct noted_heads *head);

/* A file that appends and has no name. */
int fixture_file(void);

#endif
