/* The rows of messages.def as data: what the encoder, the decoder and the table's hash walk.
 * Private to proto/. May not: be included outside of proto/ and its tests. */
#ifndef EBBTIDE_PROTO_MESSAGE_TABLE_H
#define EBBTIDE_PROTO_MESSAGE_TABLE_H

#include <stddef.h>

#include "tables/messages.h"

enum field_kind {
    FIELD_U64,
    FIELD_I64,
    FIELD_F64,
    FIELD_BOOL,
    FIELD_ENUM,
    FIELD_TEXT,
    FIELD_TEXTS,
    FIELD_RECORD,
    FIELD_RECORDS,
};

struct record_row;

struct field_row {
    enum field_kind kind;
    const char *name;
    size_t offset;       /* of the member */
    size_t count_offset; /* TEXTS, RECORDS: of its `_count` */
    uint64_t least;      /* U64: least value; TEXT: least bytes */
    uint64_t most; /* U64: most; ENUM: number of values; TEXT: most bytes; lists: most items */
    int64_t least_signed, most_signed;        /* I64 */
    uint32_t bytes_max;                       /* TEXTS: of each */
    const struct record_row *(*record)(void); /* RECORD, RECORDS: what it is made of */
    const char *(*word)(unsigned value);      /* ENUM: the word of a value */
};

struct record_row {
    const char *name;
    size_t size; /* of the struct */
    const struct field_row *field;
    size_t field_count;
};

struct message_row {
    const struct record_row *(*record)(void);
    uint32_t from, to; /* ROLE_BIT sets */
    unsigned descriptors;
};

/* The row of a message; id is one of the table's (else our bug: abort). */
const struct message_row *message_row(enum message_id id);

#endif
