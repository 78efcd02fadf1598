/* The head of the audit log, as the supervisor notes it: the number and the hash of the last line.
 * A log that ends before it, or has another line there, has lost something.
 *
 * The file has two records of HEAD_RECORD_BYTES, written in turn, each a line of text:
 *   SEQ HASH TIME SUM, blanks, newline          SUM: 16 digits of SHA-256 over what stands before
 * it May not: do I/O. */
#ifndef EBBTIDE_AUDIT_HEAD_H
#define EBBTIDE_AUDIT_HEAD_H

#include "audit/chain.h"

#define HEAD_RECORD_BYTES 512 /* a sector: one torn write spoils one of them */
#define HEAD_FILE_BYTES   (2 * (size_t)HEAD_RECORD_BYTES)
#define HEAD_FILE_NAME    "audit.head" /* in files.state_dir */

struct noted_head {
    struct chain_link link; /* seq 0: none */
    int64_t wall_ms;        /* when it was noted */
};

void head_print(const struct noted_head *head, char out[HEAD_RECORD_BYTES]);

/* The higher of the records that are whole, of a file's first bytes. False where none is. */
bool head_read(const char *bytes, size_t length, struct noted_head *out);

#endif
