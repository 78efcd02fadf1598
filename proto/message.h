/* Messages as bytes: encode, decode, who may send what.
 *
 * On the wire a message is one msgpack array [id, field, field, ...], records are arrays of their
 * fields in order. Decoding is strict and total: type, count, bound, UTF-8, trailing bytes. It
 * never trusts a length: a count is checked against its bound and against the bytes that remain
 * before memory is taken for it. May not: do I/O, log. */
#ifndef EBBTIDE_PROTO_MESSAGE_H
#define EBBTIDE_PROTO_MESSAGE_H

#include <stddef.h>

#include "common/error.h"
#include "tables/messages.h"

/* A message with its storage. body points at the struct of its id, e.g. (const struct action
 * *)message->body; use the accessors below, which check the id (a wrong one is our bug: the process
 * aborts with a sentence). */
struct message {
    enum message_id id;
    const void *body;
};

/* const struct hello *message_hello(const struct message *); one for each message. */
#define RECORD_BEGIN(record, doc)
#define RECORD_END(record)
#define MESSAGE_BEGIN(type, from, to, descriptors, doc)                                            \
    const struct type *message_##type(const struct message *message);
#define MESSAGE_END(message)
#define F_U64(name, least, most, doc)
#define F_I64(name, least, most, doc)
#define F_F64(name, doc)
#define F_BOOL(name, doc)
#define F_ENUM(name, type, doc)
#define F_TEXT(name, least, most, doc)
#define F_TEXTS(name, most, most_bytes, doc)
#define F_RECORD(name, record, doc)
#define F_RECORDS(name, record, most, doc)
#include "tables/messages.def"
#include "tables/undef_fields.h"

/* Encodes `body`, the struct of `id`. On success *bytes (malloc'd, caller frees) and *length are
 * set. A value out of its bounds is an error that names the field: nothing out of bounds is ever
 * sent. NULL texts count as "". */
bool message_encode(enum message_id id, const void *body, unsigned char **bytes, size_t *length,
                    struct error *error);

/* Decodes one whole message. On success *message is set, to be freed with message_free. On error
 * nothing is kept; the text names message and field. */
bool message_decode(const unsigned char *bytes, size_t length, struct message **message,
                    struct error *error);

/* What the first bytes of an encoding say of it: 1 and *id, 0 where more bytes are needed
 * (PEEK_BYTES_MAX are always enough), -1 where they can be no message of the table's. */
#define MESSAGE_PEEK_BYTES_MAX 14 /* the longest forms of a list head (5) and of a number (9) */
int message_peek(const unsigned char *bytes, size_t length, enum message_id *id);

/* Frees a decoded message with all that it points at. NULL is fine. */
void message_free(struct message *message);

/* A deep copy with storage of its own (by encode and decode). NULL with *error set when memory is
 * out or a bound broken. */
struct message *message_copy(enum message_id id, const void *body, struct error *error);

/* Whether the table lets `from` send `id` to `to`. */
bool message_permitted(enum message_id id, enum role from, enum role to);

/* Exactly how many descriptors travel with it (0 or 1). */
unsigned message_descriptors(enum message_id id);

/* The largest encoding that a message of this id may have, from its bounds, at most
 * FRAME_BYTES_MAX. */
size_t message_bytes_max(enum message_id id);

/* "gitea_snapshot". */
const char *message_name(enum message_id id);

/* SHA-256 over every row of messages.def and enums.def, 64 hexadecimal digits: the protocol's
 * version. */
const char *message_table_hash(void);

/* The same without what the rows say in words: equal where two builds encode and mean the same. */
const char *message_table_form(void);

/* Those rows as text, a line each with its newline: a record or message with its fields, their
 * kinds and bounds, an enum with its words. message_table_hash is the SHA-256 of all of them. */
const char *const *message_table_lines(size_t *count);

/* Compares two bodies of the same message by its rows. False at the first field that differs:
 * *error then says which and both its values ("captured_output.actions[0].reason: demand there,
 * minimum here"; `there` and `here` are the caller's words for the two). */
bool message_same(enum message_id id, const void *body, const void *other, const char *there,
                  const char *here, struct error *error);

/* const char *job_status_word(enum job_status); the word of enums.def; "?" out of range. One for
 * each enum. */
#define ENUM_BEGIN(type, doc) const char *type##_word(enum type value);
#define ENUM_VALUE(value, word, doc)
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

#endif
