/* The rows, walked once more: struct to JSON. May not: know what a message means. */
#include "proto/message_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/message_table.h"

/* Members are read by memcpy: the row knows their type, the compiler cannot. */
#define MEMBER(type, name, at)                                                                     \
    type name;                                                                                     \
    memcpy(&name, (at), sizeof name)

static json_t *of_record(const struct record_row *record, const char *body);

static json_t *of_number(uint64_t number)
{
    char text[24];
    if (number <= INT64_MAX)
        return json_integer((json_int_t)number);
    snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

static json_t *of_text(const char *text)
{
    return json_string(text == NULL ? "" : text);
}

static json_t *of_list(const struct field_row *row, const char *body)
{
    MEMBER(const char *, items, body + row->offset);
    MEMBER(uint32_t, count, body + row->count_offset);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count && list != NULL; i++) {
        json_t *item;
        if (row->kind == FIELD_TEXTS) {
            MEMBER(const char *, text, items + i * sizeof(const char *));
            item = of_text(text);
        } else {
            item = of_record(row->record(), items + i * row->record()->size);
        }
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *of_field(const struct field_row *row, const char *body)
{
    const char *at = body + row->offset;
    switch (row->kind) {
    case FIELD_U64: {
        MEMBER(uint64_t, value, at);
        return of_number(value);
    }
    case FIELD_I64: {
        MEMBER(int64_t, value, at);
        return json_integer(value);
    }
    case FIELD_F64: {
        MEMBER(double, value, at);
        return json_real(value);
    }
    case FIELD_BOOL: {
        MEMBER(bool, value, at);
        return json_boolean(value);
    }
    case FIELD_ENUM: {
        MEMBER(unsigned, value, at);
        return of_text(row->word(value));
    }
    case FIELD_TEXT: {
        MEMBER(const char *, value, at);
        return of_text(value);
    }
    case FIELD_RECORD: return of_record(row->record(), at);
    case FIELD_TEXTS:
    case FIELD_RECORDS: return of_list(row, body);
    }
    return NULL;
}

static json_t *of_record(const struct record_row *record, const char *body)
{
    json_t *object = json_object();
    for (size_t i = 0; i < record->field_count && object != NULL; i++)
        if (json_object_set_new(object, record->field[i].name, of_field(&record->field[i], body)) !=
            0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

json_t *message_json(enum message_id id, const void *body)
{
    return of_record(message_row(id)->record(), body);
}
