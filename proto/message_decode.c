/* Bytes to messages: strict, total, and without trust in any length.
 *
 * msgpack-c's own unpacker takes memory for a list from its count before it has seen the items, so
 * it is not used here. Instead one walk over the rows reads heads (the msgpack specification's
 * formats), and checks a count against the row's bound and against the bytes that are left (an item
 * has at least one) before the arena gives memory for it.
 * May not: read past the end, keep anything on an error, do I/O. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "proto/message.h"
#include "proto/message_table.h"

/* A decoded message is one block list: `message` first, then what it points at. */
struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct owned_message {
    struct message message; /* first: message_free casts back */
    struct block *blocks;
};

struct decoder {
    const unsigned char *at, *end;
    struct owned_message *out;
    const struct record_row *record; /* whose field is being read, for error texts */
    const char *field;
    struct error *error;
};

#define BLOCK_BYTES_LEAST ((size_t)4096)

static bool refuse(const struct decoder *decoder, const char *what)
{
    return error_set(decoder->error, "%s.%s: %s", decoder->record->name, decoder->field, what);
}

/* Zeroed memory of the message's own. NULL with the error set when memory is out. */
static void *take(struct decoder *decoder, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    size = (size + alignment - 1) / alignment * alignment;
    struct block *block = decoder->out->blocks;
    if (block == NULL || block->size - block->used < size) {
        /* Blocks grow with the message, so that a large one needs few of them. */
        size_t room = block == NULL ? BLOCK_BYTES_LEAST : block->size * 2;
        room = room < size ? size : room;
        struct block *fresh = calloc(1, sizeof *fresh + room);
        if (fresh == NULL) {
            refuse(decoder, "memory is out");
            return NULL;
        }
        fresh->size = room;
        fresh->next = block;
        decoder->out->blocks = block = fresh;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

/* ----------------------------------------------------------------------- msgpack's heads */

enum head_kind { HEAD_UNSIGNED, HEAD_SIGNED, HEAD_BOOL, HEAD_DOUBLE, HEAD_TEXT, HEAD_LIST };

/* One head: its kind and its number (a value, a length or a count). */
struct head {
    enum head_kind kind;
    uint64_t number; /* SIGNED: two's complement; DOUBLE: its bits; BOOL: 0 or 1 */
};

/* First bytes with a number of `width` bytes behind them, big-endian. */
static const struct wide_form {
    unsigned char first;
    enum head_kind kind;
    unsigned width;
} wide_forms[] = {
    {0xcc, HEAD_UNSIGNED, 1}, {0xcd, HEAD_UNSIGNED, 2}, {0xce, HEAD_UNSIGNED, 4},
    {0xcf, HEAD_UNSIGNED, 8}, {0xd0, HEAD_SIGNED, 1},   {0xd1, HEAD_SIGNED, 2},
    {0xd2, HEAD_SIGNED, 4},   {0xd3, HEAD_SIGNED, 8},   {0xcb, HEAD_DOUBLE, 8},
    {0xd9, HEAD_TEXT, 1},     {0xda, HEAD_TEXT, 2},     {0xdb, HEAD_TEXT, 4},
    {0xdc, HEAD_LIST, 2},     {0xdd, HEAD_LIST, 4},
};

static uint64_t sign_extend(uint64_t number, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    uint64_t sign = UINT64_C(1) << (8 * width - 1); /* NOLINT: width is 1 to 8, see wide_forms */
    return shift > 0 && (number & sign) != 0 ? number | (UINT64_MAX << (8 * width)) : number;
}

static bool read_wide(struct decoder *decoder, unsigned char first, struct head *head)
{
    for (size_t i = 0; i < sizeof wide_forms / sizeof wide_forms[0]; i++) {
        const struct wide_form *form = &wide_forms[i];
        if (form->first != first)
            continue;
        if ((size_t)(decoder->end - decoder->at) < form->width)
            return refuse(decoder, "the message ends inside it");
        head->kind = form->kind;
        for (unsigned k = 0; k < form->width; k++)
            head->number = head->number << 8 | *decoder->at++;
        if (form->kind == HEAD_SIGNED)
            head->number = sign_extend(head->number, form->width);
        return true;
    }
    return refuse(decoder, "a kind of value that no message has");
}

static bool read_head(struct decoder *decoder, struct head *head)
{
    *head = (struct head){HEAD_UNSIGNED, 0};
    if (decoder->at == decoder->end)
        return refuse(decoder, "the message ends before it");
    unsigned char first = *decoder->at++;
    if (first <= 0x7f)
        *head = (struct head){HEAD_UNSIGNED, first};
    else if (first >= 0xe0)
        *head = (struct head){HEAD_SIGNED, sign_extend(first, 1)};
    else if (first >= 0xa0 && first <= 0xbf)
        *head = (struct head){HEAD_TEXT, first & 0x1fu};
    else if (first >= 0x90 && first <= 0x9f)
        *head = (struct head){HEAD_LIST, first & 0x0fu};
    else if (first == 0xc2 || first == 0xc3)
        *head = (struct head){HEAD_BOOL, first & 1u};
    else
        return read_wide(decoder, first, head);
    return true;
}

static bool expect(struct decoder *decoder, enum head_kind kind, uint64_t *number)
{
    struct head head;
    if (!read_head(decoder, &head))
        return false;
    if (head.kind != kind)
        return refuse(decoder, "another kind of value than its row says");
    *number = head.number;
    return true;
}

/* A list's head whose items can be there: each has at least a byte. */
static bool read_count(struct decoder *decoder, uint64_t most, uint32_t *count)
{
    uint64_t number = 0;
    if (!expect(decoder, HEAD_LIST, &number))
        return false;
    if (number > most || number > (uint64_t)(decoder->end - decoder->at)) {
        return error_set(decoder->error,
                         "%s.%s: %" PRIu64 " items, at most %" PRIu64 " are allowed and %td bytes "
                         "are left",
                         decoder->record->name, decoder->field, number, most,
                         decoder->end - decoder->at);
    }
    *count = (uint32_t)number;
    return true;
}

/* --------------------------------------------------------------------------- fields */

static bool read_text(struct decoder *decoder, uint64_t least, uint64_t most, const char **text)
{
    uint64_t length = 0;
    if (!expect(decoder, HEAD_TEXT, &length))
        return false;
    if (length < least || length > most || length > (uint64_t)(decoder->end - decoder->at)) {
        return error_set(decoder->error,
                         "%s.%s: a text of %" PRIu64 " bytes, allowed are %" PRIu64 " to %" PRIu64
                         " and %td are left",
                         decoder->record->name, decoder->field, length, least, most,
                         decoder->end - decoder->at);
    }
    if (!utf8_valid((const char *)decoder->at, (size_t)length))
        return refuse(decoder, "the text is not UTF-8, or holds a NUL");
    char *copy = take(decoder, (size_t)length + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, decoder->at, (size_t)length);
    decoder->at += length;
    *text = copy;
    return true;
}

static bool read_u64(struct decoder *decoder, const struct field_row *row, void *at)
{
    uint64_t number = 0;
    if (!expect(decoder, HEAD_UNSIGNED, &number))
        return false;
    if (number < row->least || number > row->most)
        return refuse(decoder, "the number is out of its bounds");
    memcpy(at, &number, sizeof number);
    return true;
}

/* A packer writes a number that is not negative as an unsigned one. */
static bool read_i64(struct decoder *decoder, const struct field_row *row, void *at)
{
    struct head head;
    if (!read_head(decoder, &head))
        return false;
    if (head.kind != HEAD_SIGNED && (head.kind != HEAD_UNSIGNED || head.number > INT64_MAX))
        return refuse(decoder, "no signed number");
    int64_t number;
    memcpy(&number, &head.number, sizeof number);
    if (number < row->least_signed || number > row->most_signed)
        return refuse(decoder, "the number is out of its bounds");
    memcpy(at, &number, sizeof number);
    return true;
}

static bool read_scalar(struct decoder *decoder, const struct field_row *row, void *at)
{
    uint64_t number = 0;
    if (row->kind == FIELD_U64)
        return read_u64(decoder, row, at);
    if (row->kind == FIELD_I64)
        return read_i64(decoder, row, at);
    if (row->kind == FIELD_F64) {
        if (!expect(decoder, HEAD_DOUBLE, &number))
            return false;
        memcpy(at, &number, sizeof(double));
        return true;
    }
    if (row->kind == FIELD_BOOL) {
        if (!expect(decoder, HEAD_BOOL, &number))
            return false;
        *(bool *)at = number != 0;
        return true;
    }
    if (!expect(decoder, HEAD_UNSIGNED, &number))
        return false;
    if (number >= row->most)
        return refuse(decoder, "a value that is none of its list");
    unsigned value = (unsigned)number;
    memcpy(at, &value, sizeof value);
    return true;
}

static bool read_record(struct decoder *decoder, const struct record_row *record, char *body,
                        uint32_t more);

static bool read_texts(struct decoder *decoder, const struct field_row *row, char *body)
{
    uint32_t count;
    if (!read_count(decoder, row->most, &count))
        return false;
    const char **texts = count == 0 ? NULL : take(decoder, count * sizeof *texts);
    if (count > 0 && texts == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_text(decoder, 0, row->bytes_max, &texts[i]))
            return false;
    }
    memcpy(body + row->offset, &texts, sizeof texts);
    memcpy(body + row->count_offset, &count, sizeof count);
    return true;
}

static bool read_records(struct decoder *decoder, const struct field_row *row, char *body)
{
    uint32_t count;
    const struct record_row *record = row->record();
    if (!read_count(decoder, row->most, &count))
        return false;
    /* Each record has a head and its fields: so many bytes at the least must be there. */
    if ((uint64_t)(decoder->end - decoder->at) / (record->field_count + 1) < count)
        return refuse(decoder, "the message ends before the last record");
    char *items = count == 0 ? NULL : take(decoder, count * record->size);
    if (count > 0 && items == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_record(decoder, record, items + i * record->size, 0))
            return false;
    }
    memcpy(body + row->offset, &items, sizeof items);
    memcpy(body + row->count_offset, &count, sizeof count);
    return true;
}

static bool read_field(struct decoder *decoder, const struct field_row *row, char *body)
{
    switch (row->kind) {
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
    case FIELD_ENUM: return read_scalar(decoder, row, body + row->offset);
    case FIELD_TEXT: {
        const char *text;
        if (!read_text(decoder, row->least, row->most, &text))
            return false;
        memcpy(body + row->offset, &text, sizeof text);
        return true;
    }
    case FIELD_TEXTS: return read_texts(decoder, row, body);
    case FIELD_RECORD: return read_record(decoder, row->record(), body + row->offset, 0);
    case FIELD_RECORDS: return read_records(decoder, row, body);
    }
    abort(); /* a kind of no row */
}

static bool read_fields(struct decoder *decoder, const struct record_row *record, char *body)
{
    for (size_t i = 0; i < record->field_count; i++) {
        decoder->record = record;
        decoder->field = record->field[i].name;
        if (!read_field(decoder, &record->field[i], body))
            return false;
    }
    return true;
}

static bool read_record(struct decoder *decoder, const struct record_row *record, char *body,
                        uint32_t more)
{
    uint32_t count;
    if (!read_count(decoder, record->field_count + more, &count))
        return false;
    if (count != record->field_count + more)
        return refuse(decoder, "fields are missing");
    const struct record_row *outer = decoder->record;
    bool good = read_fields(decoder, record, body);
    if (good)
        decoder->record = outer;
    return good;
}

/* ------------------------------------------------------------------------- whole messages */

static const struct field_row id_field = {
    .kind = FIELD_ENUM, .name = "id", .most = message_id_count};
static const struct record_row any_record = {.name = "message"};

static bool read_message(struct decoder *decoder)
{
    uint32_t count;
    unsigned id;
    if (!read_count(decoder, UINT32_MAX, &count) || !read_scalar(decoder, &id_field, &id))
        return false;
    const struct record_row *record = message_row((enum message_id)id)->record();
    decoder->record = record;
    if (count != record->field_count + 1)
        return refuse(decoder, "it has another number of fields than its row");
    char *body = take(decoder, record->size);
    if (body == NULL || !read_fields(decoder, record, body))
        return false;
    if (decoder->at != decoder->end) {
        return error_set(decoder->error, "%s: %td bytes too many follow its last field",
                         record->name, decoder->end - decoder->at);
    }
    decoder->out->message = (struct message){.id = (enum message_id)id, .body = body};
    return true;
}

int message_peek(const unsigned char *bytes, size_t length, enum message_id *id)
{
    struct decoder decoder = {
        .at = bytes, .end = bytes + length, .record = &any_record, .field = "id"};
    struct head list, number;
    if (!read_head(&decoder, &list) || !read_head(&decoder, &number))
        return length < MESSAGE_PEEK_BYTES_MAX ? 0 : -1;
    if (list.kind != HEAD_LIST || number.kind != HEAD_UNSIGNED || number.number >= message_id_count)
        return -1;
    *id = (enum message_id)number.number;
    return 1;
}

bool message_decode(const unsigned char *bytes, size_t length, struct message **message,
                    struct error *error)
{
    struct owned_message *out = calloc(1, sizeof *out);
    if (out == NULL)
        return error_set(error, "no memory for a message");
    struct decoder decoder = {.at = bytes,
                              .end = bytes + length,
                              .out = out,
                              .record = &any_record,
                              .field = "id",
                              .error = error};
    if (!read_message(&decoder)) {
        message_free(&out->message);
        return false;
    }
    *message = &out->message;
    return true;
}

void message_free(struct message *message)
{
    if (message == NULL)
        return;
    struct owned_message *owned = (struct owned_message *)message;
    while (owned->blocks != NULL) {
        struct block *next = owned->blocks->next;
        free(owned->blocks);
        owned->blocks = next;
    }
    free(owned);
}

struct message *message_copy(enum message_id id, const void *body, struct error *error)
{
    unsigned char *bytes;
    size_t length;
    struct message *copy = NULL;
    if (!message_encode(id, body, &bytes, &length, error))
        return NULL;
    if (!message_decode(bytes, length, &copy, error))
        copy = NULL;
    free(bytes);
    return copy;
}
