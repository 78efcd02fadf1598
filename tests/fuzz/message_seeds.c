/* Writes valid encodings of every message of the table as files, for the corpora of the targets
 * that read messages: least (every number, text and list at its least), most (numbers and texts at
 * their most, lists of two, so that the files stay small) and typical (small numbers, a word, lists
 * of one).
 *
 *     message_seeds FOLDER     writes FOLDER/least-NAME, FOLDER/most-NAME, FOLDER/typical-NAME
 *
 * May not: know a message; the rows say what is valid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "proto/message_table.h"

#define PATH_BYTES       4096
#define POOL_BYTES       ((size_t)1024 * 1024)
#define LIST_ITEMS       2u
#define TEXT_BYTES_LARGE 4096

enum measure { LEAST, MOST, TYPICAL, measure_count };
static const char *const measures[] = {"least", "most", "typical"};

static void fail(const char *what)
{
    fprintf(stderr, "message_seeds: %s\n", what);
    exit(1);
}

/* One message and what it points at. */
static _Alignas(max_align_t) char pool[POOL_BYTES];
static size_t pool_used;

/* Zeroed; holds until the next message. */
static void *take(size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    size = (size + alignment - 1) / alignment * alignment;
    if (size > sizeof pool - pool_used)
        fail("a message is larger than the pool");
    char *memory = pool + pool_used;
    pool_used += size;
    memset(memory, 0, size);
    return memory;
}

/* A text of that many bytes. */
static const char *text_of(uint64_t bytes)
{
    if (bytes > TEXT_BYTES_LARGE)
        bytes = TEXT_BYTES_LARGE;
    char *text = take((size_t)bytes + 1);
    memset(text, 'a', (size_t)bytes);
    return text;
}

static void fill_record(const struct record_row *record, char *body, enum measure measure);

static void fill_number(const struct field_row *row, char *at, enum measure measure)
{
    uint64_t typical = row->least > 7 ? row->least : row->most < 7 ? row->most : 7;
    uint64_t number = measure == LEAST ? row->least : measure == MOST ? row->most : typical;
    memcpy(at, &number, sizeof number);
}

static void fill_signed(const struct field_row *row, char *at, enum measure measure)
{
    int64_t typical = row->least_signed > 7 || row->most_signed < 7 ? row->least_signed : 7;
    int64_t number = measure == LEAST  ? row->least_signed
                     : measure == MOST ? row->most_signed
                                       : typical;
    memcpy(at, &number, sizeof number);
}

static void fill_scalar(const struct field_row *row, char *at, enum measure measure)
{
    double fraction = measure == LEAST ? 0.0 : measure == MOST ? 1e300 : 0.1;
    unsigned value = measure == MOST ? (unsigned)row->most - 1 : 0;
    if (row->kind == FIELD_U64)
        fill_number(row, at, measure);
    else if (row->kind == FIELD_I64)
        fill_signed(row, at, measure);
    else if (row->kind == FIELD_F64)
        memcpy(at, &fraction, sizeof fraction);
    else if (row->kind == FIELD_BOOL)
        memcpy(at, &(bool){measure == MOST}, sizeof(bool));
    else
        memcpy(at, &value, sizeof value);
}

static uint64_t text_bytes(uint64_t least, uint64_t most, enum measure measure)
{
    uint64_t typical = least > 8 ? least : most < 8 ? most : 8;
    return measure == LEAST ? least : measure == MOST ? most : typical;
}

static void fill_list(const struct field_row *row, char *body, enum measure measure)
{
    uint32_t count = measure == LEAST ? 0 : measure == MOST ? LIST_ITEMS : 1;
    count = count > row->most ? (uint32_t)row->most : count;
    const struct record_row *record = row->kind == FIELD_RECORDS ? row->record() : NULL;
    size_t size = record == NULL ? sizeof(const char *) : record->size;
    char *items = take((count + 1) * size);
    for (uint32_t i = 0; i < count; i++) {
        if (record != NULL)
            fill_record(record, items + i * size, measure);
        else
            memcpy(items + i * size,
                   &(const char *){text_of(text_bytes(0, row->bytes_max, measure))}, size);
    }
    memcpy(body + row->offset, &items, sizeof items);
    memcpy(body + row->count_offset, &count, sizeof count);
}

static void fill_field(const struct field_row *row, char *body, enum measure measure)
{
    const char *text;
    switch (row->kind) {
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
    case FIELD_ENUM: fill_scalar(row, body + row->offset, measure); return;
    case FIELD_TEXT:
        text = text_of(text_bytes(row->least, row->most, measure));
        memcpy(body + row->offset, &text, sizeof text);
        return;
    case FIELD_RECORD: fill_record(row->record(), body + row->offset, measure); return;
    case FIELD_TEXTS:
    case FIELD_RECORDS: fill_list(row, body, measure); return;
    }
}

static void fill_record(const struct record_row *record, char *body, enum measure measure)
{
    for (size_t i = 0; i < record->field_count; i++)
        fill_field(&record->field[i], body, measure);
}

static void write_seed(const char *folder, enum message_id id, enum measure measure)
{
    const struct record_row *record = message_row(id)->record();
    struct error error = {""};
    unsigned char *bytes = NULL;
    size_t length = 0;
    char path[PATH_BYTES];
    pool_used = 0;
    char *body = take(record->size);
    fill_record(record, body, measure);
    if (!message_encode(id, body, &bytes, &length, &error))
        fail(error.text);
    struct message *again = NULL;
    if (!message_decode(bytes, length, &again, &error))
        fail(error.text);
    message_free(again);
    snprintf(path, sizeof path, "%s/%s-%s", folder, measures[measure], message_name(id));
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
        fail("a seed cannot be written; is the folder there?");
    free(bytes);
}

int main(int count, char **arguments)
{
    if (count != 2)
        fail("usage: message_seeds FOLDER");
    for (unsigned id = 0; id < (unsigned)message_id_count; id++)
        for (unsigned measure = 0; measure < (unsigned)measure_count; measure++)
            write_seed(arguments[1], (enum message_id)id, (enum measure)measure);
    printf("%u seeds\n", (unsigned)message_id_count * (unsigned)measure_count);
    return 0;
}
