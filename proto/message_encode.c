/* Messages to bytes, by the rows of the table and msgpack-c's packer. Nothing out of bounds is ever
 * written: the first such field ends the encoding with its name. May not: do I/O. */
#include <inttypes.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "proto/message.h"
#include "proto/message_table.h"

struct encoder {
    msgpack_packer packer;
    const struct record_row *record; /* whose field is being written, for error texts */
    const char *field;
    struct error *error;
};

static bool refuse(const struct encoder *encoder, const char *what)
{
    return error_set(encoder->error, "cannot encode %s.%s: %s", encoder->record->name,
                     encoder->field, what);
}

/* msgpack-c's buffer says with a number other than 0 that memory is out. */
static bool packed(const struct encoder *encoder, int result)
{
    return result == 0 || refuse(encoder, "memory is out");
}

static bool pack_text(struct encoder *encoder, const char *text, uint64_t least, uint64_t most)
{
    size_t length = text == NULL ? 0 : strnlen(text, (size_t)most + 1);
    if (length < least || length > most) {
        return error_set(encoder->error,
                         "cannot encode %s.%s: the text has %s%zu bytes, allowed are %" PRIu64
                         " to %" PRIu64,
                         encoder->record->name, encoder->field, length > most ? "at least " : "",
                         length, least, most);
    }
    if (length > 0 && !utf8_valid(text, length))
        return refuse(encoder, "the text is not UTF-8");
    return packed(encoder, msgpack_pack_str(&encoder->packer, length)) &&
           packed(encoder, length == 0 ? 0 : msgpack_pack_str_body(&encoder->packer, text, length));
}

static bool pack_u64(struct encoder *encoder, const struct field_row *row, uint64_t value)
{
    if (value < row->least || value > row->most) {
        return error_set(encoder->error,
                         "cannot encode %s.%s: %" PRIu64 " is not between %" PRIu64 " and %" PRIu64,
                         encoder->record->name, row->name, value, row->least, row->most);
    }
    return packed(encoder, msgpack_pack_uint64(&encoder->packer, value));
}

static bool pack_i64(struct encoder *encoder, const struct field_row *row, int64_t value)
{
    if (value < row->least_signed || value > row->most_signed) {
        return error_set(encoder->error,
                         "cannot encode %s.%s: %" PRId64 " is not between %" PRId64 " and %" PRId64,
                         encoder->record->name, row->name, value, row->least_signed,
                         row->most_signed);
    }
    return packed(encoder, msgpack_pack_int64(&encoder->packer, value));
}

static bool pack_enum(struct encoder *encoder, const struct field_row *row, unsigned value)
{
    if (value >= row->most)
        return refuse(encoder, "the value is none of its list");
    return packed(encoder, msgpack_pack_unsigned_int(&encoder->packer, value));
}

/* The list's length, checked and written. */
static bool pack_count(struct encoder *encoder, const struct field_row *row, const void *items,
                       uint32_t count)
{
    if (count > row->most || (count > 0 && items == NULL)) {
        return error_set(encoder->error,
                         "cannot encode %s.%s: %" PRIu32 " items, at most %" PRIu64 " are allowed",
                         encoder->record->name, row->name, count, row->most);
    }
    return packed(encoder, msgpack_pack_array(&encoder->packer, count));
}

static bool pack_texts(struct encoder *encoder, const struct field_row *row,
                       const char *const *texts, uint32_t count)
{
    if (!pack_count(encoder, row, texts, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!pack_text(encoder, texts[i], 0, row->bytes_max))
            return false;
    }
    return true;
}

static bool pack_fields(struct encoder *encoder, const struct record_row *record, const char *body);

/* A record inside another: an array of its own; error texts name the inner record meanwhile. */
static bool pack_record(struct encoder *encoder, const struct record_row *record, const char *body)
{
    const struct record_row *outer = encoder->record;
    bool good = packed(encoder, msgpack_pack_array(&encoder->packer, record->field_count)) &&
                pack_fields(encoder, record, body);
    encoder->record = outer;
    return good;
}

static bool pack_records(struct encoder *encoder, const struct field_row *row, const char *items,
                         uint32_t count)
{
    if (!pack_count(encoder, row, items, count))
        return false;
    const struct record_row *record = row->record();
    for (uint32_t i = 0; i < count; i++) {
        if (!pack_record(encoder, record, items + i * record->size))
            return false;
    }
    return true;
}

/* Members are read by memcpy: the row knows their type, the compiler cannot. */
#define MEMBER(type, name, at)                                                                     \
    type name;                                                                                     \
    memcpy(&name, (at), sizeof name)

static bool pack_list(struct encoder *encoder, const struct field_row *row, const char *body)
{
    MEMBER(const void *, items, body + row->offset);
    MEMBER(uint32_t, count, body + row->count_offset);
    if (row->kind == FIELD_TEXTS)
        return pack_texts(encoder, row, items, count);
    return pack_records(encoder, row, items, count);
}

static bool pack_scalar(struct encoder *encoder, const struct field_row *row, const char *at)
{
    if (row->kind == FIELD_U64) {
        MEMBER(uint64_t, value, at);
        return pack_u64(encoder, row, value);
    }
    if (row->kind == FIELD_I64) {
        MEMBER(int64_t, value, at);
        return pack_i64(encoder, row, value);
    }
    if (row->kind == FIELD_F64) {
        MEMBER(double, value, at);
        return packed(encoder, msgpack_pack_double(&encoder->packer, value));
    }
    if (row->kind == FIELD_BOOL) {
        MEMBER(bool, value, at);
        return packed(encoder, value ? msgpack_pack_true(&encoder->packer)
                                     : msgpack_pack_false(&encoder->packer));
    }
    /* An enum of ours has no negative value: it is an unsigned int. */
    MEMBER(unsigned, value, at);
    return pack_enum(encoder, row, value);
}

static bool pack_field(struct encoder *encoder, const struct field_row *row, const char *body)
{
    switch (row->kind) {
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
    case FIELD_ENUM: return pack_scalar(encoder, row, body + row->offset);
    case FIELD_TEXT: {
        MEMBER(const char *, text, body + row->offset);
        return pack_text(encoder, text, row->least, row->most);
    }
    case FIELD_RECORD: return pack_record(encoder, row->record(), body + row->offset);
    case FIELD_TEXTS:
    case FIELD_RECORDS: return pack_list(encoder, row, body);
    }
    abort(); /* a kind of no row */
}

static bool pack_fields(struct encoder *encoder, const struct record_row *record, const char *body)
{
    for (size_t i = 0; i < record->field_count; i++) {
        encoder->record = record;
        encoder->field = record->field[i].name;
        if (!pack_field(encoder, &record->field[i], body))
            return false;
    }
    return true;
}

bool message_encode(enum message_id id, const void *body, unsigned char **bytes, size_t *length,
                    struct error *error)
{
    const struct record_row *record = message_row(id)->record();
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    struct encoder encoder = {.record = record, .field = "id", .error = error};
    msgpack_packer_init(&encoder.packer, &buffer, msgpack_sbuffer_write);
    bool good = packed(&encoder, msgpack_pack_array(&encoder.packer, record->field_count + 1)) &&
                packed(&encoder, msgpack_pack_unsigned_int(&encoder.packer, (unsigned)id)) &&
                pack_fields(&encoder, record, body);
    if (good && buffer.size > message_bytes_max(id)) {
        good = error_set(error, "cannot encode %s: %zu bytes, at most %zu are allowed",
                         record->name, buffer.size, message_bytes_max(id));
    }
    if (good) {
        *length = buffer.size;
        *bytes = (unsigned char *)msgpack_sbuffer_release(&buffer);
    }
    msgpack_sbuffer_destroy(&buffer);
    return good;
}

/* ------------------------------------------------------------------ how large it may be at most */

/* msgpack's own bytes before a number, a text or a list: at most 9. */
#define HEAD_BYTES_MAX 9u

static size_t record_bytes_max(const struct record_row *record);

static size_t field_bytes_max(const struct field_row *row)
{
    switch (row->kind) {
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
    case FIELD_ENUM: return HEAD_BYTES_MAX;
    case FIELD_TEXT: return HEAD_BYTES_MAX + (size_t)row->most;
    case FIELD_TEXTS: return HEAD_BYTES_MAX + (size_t)row->most * (HEAD_BYTES_MAX + row->bytes_max);
    case FIELD_RECORD: return record_bytes_max(row->record());
    case FIELD_RECORDS: return HEAD_BYTES_MAX + (size_t)row->most * record_bytes_max(row->record());
    }
    abort(); /* a kind of no row */
}

static size_t record_bytes_max(const struct record_row *record)
{
    size_t total = HEAD_BYTES_MAX;
    for (size_t i = 0; i < record->field_count; i++)
        total += field_bytes_max(&record->field[i]);
    return total;
}

size_t message_bytes_max(enum message_id id)
{
    size_t total = HEAD_BYTES_MAX + record_bytes_max(message_row(id)->record());
    return total < FRAME_BYTES_MAX ? total : FRAME_BYTES_MAX;
}
