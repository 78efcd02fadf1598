/* The head of the audit log, as the supervisor notes it: the number and the hash of the last line.
 * A log that ends before it, or has another line there, has lost something.
 *
 * The file is a ring of HEAD_RECORDS records of HEAD_RECORD_BYTES, written in turn, so that it says
 * of many lines what they were when they were told. Each is a line of text:
 *   SEQ HASH TIME SUM, blanks, newline          SUM: 16 digits of SHA-256 over what stands before
 * A shorter file is one of which not every record was written yet (or of a version that had two).
 * May not: open a file, write to one. */
#ifndef EBBTIDE_AUDIT_HEAD_H
#define EBBTIDE_AUDIT_HEAD_H

#include "audit/chain.h"

#define HEAD_RECORD_BYTES 512 /* a sector: one torn write spoils one of them */
#define HEAD_RECORDS      512
#define HEAD_FILE_BYTES   (HEAD_RECORDS * (size_t)HEAD_RECORD_BYTES)
#define HEAD_FILE_NAME    "audit.head" /* in files.state_dir */

struct noted_head {
    struct chain_link link; /* seq 0: none */
    int64_t wall_ms;        /* when it was noted */
};

/* The records that are whole, by their numbers; the last is the newest. */
struct noted_heads {
    bool some;     /* the file holds bytes, whatever they are */
    unsigned slot; /* of the newest */
    unsigned count;
    struct noted_head head[HEAD_RECORDS];
};

void head_print(const struct noted_head *head, char out[HEAD_RECORD_BYTES]);

/* Of a file's bytes. What is torn or changed is left out. */
void heads_parse(const char *bytes, size_t length, struct noted_heads *out);

/* The same of a file. False with a sentence where it cannot be read. */
bool heads_read(int descriptor, const char *name, struct noted_heads *out, struct error *error);

/* The newest; number 0 where there is none. heads may be NULL. */
struct noted_head heads_newest(const struct noted_heads *heads);

/* The line is not the one that was noted with its number. heads may be NULL. *noted: there is a
 * note of that number. */
bool heads_contradict(const struct noted_heads *heads, const struct chain_link *line, bool *noted);

#endif
