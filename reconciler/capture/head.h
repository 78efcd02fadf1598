/* The head of a capture's segment: plain text that any version can read, a line a fact. It says who
 * can replay the segment. May not: do I/O. */
#ifndef EBBTIDE_RECONCILER_CAPTURE_HEAD_H
#define EBBTIDE_RECONCILER_CAPTURE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "reconciler/capture/file.h"

#define CAPTURE_FORMAT 1 /* of file.h and of the items' order (chunks.h) */

struct capture_head {
    uint64_t format;
    char version[32];    /* of the program that wrote it: 0.1.0 */
    char code[65];       /* CORE_CODE: the code that decided */
    char table_hash[65]; /* message_table_hash */
    char form[65];       /* message_table_form: what a reader must have too */
    uint64_t segment;    /* its number */
    uint64_t epoch;      /* of the reconciler's start */
    uint64_t events;     /* of that start, before this segment */
    bool image;          /* it begins with the core's memory; false: with a new core */
    int64_t wall_ms;     /* when it was begun */
};

/* What this program writes: format, version, code and table_hash are filled in. */
struct capture_head capture_head_here(void);

void capture_head_format(const struct capture_head *head, char out[CAPTURE_HEAD_BYTES_MAX + 1]);

/* False with *error set where a fact is missing or is not what it should be. Lines that this
 * version does not know are passed over. */
bool capture_head_parse(const char *text, struct capture_head *head, struct error *error);

/* Whether this program can replay it: the format and the form of the table are its own. False with
 * a sentence that names the version which can. Other code is no hindrance; the caller says it. */
bool capture_head_fits(const struct capture_head *head, struct error *error);

#endif
