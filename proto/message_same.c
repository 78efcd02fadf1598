/* Two bodies of one message, compared by its rows: the first field that differs is named, with both
 * values. May not: change a body, do I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/message.h"
#include "proto/message_table.h"

#define PATH_BYTES  160
#define VALUE_BYTES 140 /* two of them and a path fit into an error's text */

struct comparison {
    const char *there, *here;
    char path[PATH_BYTES];
    struct error *error;
};

static bool differ(const struct comparison *comparison, const char *name, const char *there,
                   const char *here)
{
    return error_set(comparison->error, "%s.%s: %s %s, %s %s", comparison->path, name, there,
                     comparison->there, here, comparison->here);
}

/* Members are read by memcpy: the row knows their type, the compiler cannot. */
#define MEMBER(type, name, at)                                                                     \
    type name;                                                                                     \
    memcpy(&name, (at), sizeof name)

static void scalar_text(const struct field_row *row, const char *at, char *out, size_t size)
{
    if (row->kind == FIELD_U64) {
        MEMBER(uint64_t, value, at);
        snprintf(out, size, "%" PRIu64, value);
    } else if (row->kind == FIELD_I64) {
        MEMBER(int64_t, value, at);
        snprintf(out, size, "%" PRId64, value);
    } else if (row->kind == FIELD_F64) {
        MEMBER(double, value, at);
        snprintf(out, size, "%.17g", value);
    } else if (row->kind == FIELD_BOOL) {
        MEMBER(bool, value, at);
        snprintf(out, size, "%s", value ? "true" : "false");
    } else {
        MEMBER(unsigned, value, at);
        snprintf(out, size, "%s", row->word(value));
    }
}

static bool same_scalar(const struct comparison *comparison, const struct field_row *row,
                        const char *a, const char *b)
{
    char there[VALUE_BYTES], here[VALUE_BYTES];
    scalar_text(row, a + row->offset, there, sizeof there);
    scalar_text(row, b + row->offset, here, sizeof here);
    return strcmp(there, here) == 0 || differ(comparison, row->name, there, here);
}

static bool same_text(const struct comparison *comparison, const char *name, const char *a,
                      const char *b)
{
    a = a == NULL ? "" : a; /* as the encoder counts it */
    b = b == NULL ? "" : b;
    if (strcmp(a, b) == 0)
        return true;
    char there[VALUE_BYTES], here[VALUE_BYTES];
    snprintf(there, sizeof there, "\"%.*s\"", (int)sizeof there - 3, a);
    snprintf(here, sizeof here, "\"%.*s\"", (int)sizeof here - 3, b);
    return differ(comparison, name, there, here);
}

static bool same_fields(struct comparison *comparison, const struct record_row *record,
                        const char *a, const char *b);

/* Goes into NAME or NAME[index], and comes back to where it was. */
static bool same_record(struct comparison *comparison, const struct field_row *row, int64_t index,
                        const char *a, const char *b)
{
    size_t used = strlen(comparison->path);
    if (index < 0)
        snprintf(comparison->path + used, PATH_BYTES - used, ".%s", row->name);
    else
        snprintf(comparison->path + used, PATH_BYTES - used, ".%s[%" PRId64 "]", row->name, index);
    bool same = same_fields(comparison, row->record(), a, b);
    comparison->path[used] = '\0';
    return same;
}

static bool same_list(struct comparison *comparison, const struct field_row *row, const char *a,
                      const char *b)
{
    MEMBER(uint32_t, count, a + row->count_offset);
    MEMBER(uint32_t, others, b + row->count_offset);
    MEMBER(const void *, items, a + row->offset);
    MEMBER(const void *, other_items, b + row->offset);
    for (uint32_t i = 0; i < count && i < others; i++) {
        if (row->kind == FIELD_TEXTS) {
            const char *const *left = items, *const *right = other_items;
            if (!same_text(comparison, row->name, left[i], right[i]))
                return false;
        } else {
            size_t size = row->record()->size;
            if (!same_record(comparison, row, i, (const char *)items + i * size,
                             (const char *)other_items + i * size))
                return false;
        }
    }
    char there[VALUE_BYTES], here[VALUE_BYTES];
    snprintf(there, sizeof there, "%" PRIu32, count);
    snprintf(here, sizeof here, "%" PRIu32 " of them", others);
    return count == others || differ(comparison, row->name, there, here);
}

static bool same_field(struct comparison *comparison, const struct field_row *row, const char *a,
                       const char *b)
{
    if (row->kind == FIELD_TEXT) {
        MEMBER(const char *, left, a + row->offset);
        MEMBER(const char *, right, b + row->offset);
        return same_text(comparison, row->name, left, right);
    }
    if (row->kind == FIELD_RECORD)
        return same_record(comparison, row, -1, a + row->offset, b + row->offset);
    if (row->kind == FIELD_TEXTS || row->kind == FIELD_RECORDS)
        return same_list(comparison, row, a, b);
    return same_scalar(comparison, row, a, b);
}

static bool same_fields(struct comparison *comparison, const struct record_row *record,
                        const char *a, const char *b)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (!same_field(comparison, &record->field[i], a, b))
            return false;
    return true;
}

bool message_same(enum message_id id, const void *body, const void *other, const char *there,
                  const char *here, struct error *error)
{
    struct comparison comparison = {.there = there, .here = here, .error = error};
    snprintf(comparison.path, sizeof comparison.path, "%s", message_name(id));
    return same_fields(&comparison, message_row(id)->record(), body, other);
}
