/* The table of the lines' fields, read. May not: do I/O, but print the reference. */
#include "audit/fields.h"

#include <string.h>

#include "audit/chain.h"
#include "common/clock.h"
#include "common/json_read.h"

enum field_type { NUMBER, TEXT, TIME, FLAG, LIST, HASH, ID };
enum presence { MAYBE, ALWAYS };

#define ON(event) (1u << LINE_##event)
#define ON_ALL    ((1u << line_event_count) - 1)

struct field_row {
    unsigned events;
    const char *name;
    enum field_type type;
    enum presence presence;
    const char *doc;
};

/* clang-format off */
static const struct { const char *word, *doc; } events[line_event_count] = {
#define EVENT(name, doc) {#name, doc},
#define FIELD(events, name, type, presence, doc)
#include "audit/audit.def"
#undef EVENT
#undef FIELD
};

static const struct field_row rows[] = {
#define EVENT(name, doc)
#define FIELD(events, name, type, presence, doc) {events, #name, type, presence, doc},
#include "audit/audit.def"
#undef EVENT
#undef FIELD
};
/* clang-format on */
#define ROWS (sizeof rows / sizeof rows[0])

const char *line_event_word(enum line_event event)
{
    return events[event].word;
}

bool line_event_of(const json_t *line, enum line_event *out)
{
    const char *word = json_text_of(line, "event");
    for (unsigned i = 0; i < line_event_count; i++)
        if (strcmp(word, events[i].word) == 0) {
            *out = (enum line_event)i;
            return true;
        }
    return false;
}

bool line_field_known(enum line_event event, const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].events & (1u << event)) != 0 && strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

/* Digits, a hyphen, digits. */
static bool is_id(const char *text)
{
    size_t epoch = strspn(text, "0123456789");
    return epoch > 0 && text[epoch] == '-' && text[epoch + 1] != '\0' &&
           text[epoch + 1 + strspn(text + epoch + 1, "0123456789")] == '\0';
}

static bool is_of(const json_t *value, enum field_type type)
{
    struct chain_hash hash;
    int64_t ms;
    const char *text = json_string_value(value);
    switch (type) {
    case NUMBER: return json_is_integer(value) && json_integer_value(value) >= 0;
    case TEXT: return text != NULL;
    case TIME: return text != NULL && clock_parse_rfc3339(text, &ms);
    case FLAG: return json_is_boolean(value);
    case LIST: return json_is_array(value);
    case HASH:
        return text != NULL && strlen(text) == CHAIN_HEX_BYTES && chain_parse_hex(text, &hash);
    case ID: return text != NULL && is_id(text);
    }
    return false;
}

static const char *const type_words[] = {
    [NUMBER] = "number", [TEXT] = "text", [TIME] = "time", [FLAG] = "true or false",
    [LIST] = "list",     [HASH] = "hash", [ID] = "id",
};

bool line_fields_fit(const json_t *line, struct error *error)
{
    enum line_event event;
    if (!line_event_of(line, &event))
        return error_set(error, "there is no event `%.40s`", json_text_of(line, "event"));
    for (size_t i = 0; i < ROWS; i++) {
        const json_t *value = json_object_get(line, rows[i].name);
        if ((rows[i].events & (1u << event)) == 0 || (value == NULL && rows[i].presence == MAYBE))
            continue;
        if (value == NULL)
            return error_set(error, "`%s` is missing in an event `%s`", rows[i].name,
                             events[event].word);
        if (!is_of(value, rows[i].type))
            return error_set(error, "`%s` is no %s", rows[i].name, type_words[rows[i].type]);
    }
    return true;
}

bool line_read_cut(const char *text, size_t length, struct line_cut *out)
{
    enum line_event event;
    struct error error;
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    bool good = line != NULL && line_fields_fit(line, &error) && line_event_of(line, &event) &&
                event == LINE_cut;
    if (good)
        *out = (struct line_cut){json_u64_of(line, "bytes"), json_bool_of(line, "kept")};
    json_decref(line);
    return good;
}

/* -------------------------------------------------------------------------------- reference */

static void print_events_of(FILE *out, const struct field_row *row)
{
    const char *comma = "";
    if (row->events == ON_ALL) {
        fputs("all", out);
        return;
    }
    for (unsigned i = 0; i < line_event_count; i++)
        if ((row->events & (1u << i)) != 0) {
            fprintf(out, "%s%s", comma, events[i].word);
            comma = ", ";
        }
}

void line_print_reference(FILE *out)
{
    fputs("| event | when |\n|---|---|\n", out);
    for (unsigned i = 0; i < line_event_count; i++)
        fprintf(out, "| `%s` | %s |\n", events[i].word, events[i].doc);
    fputs("\n| field | in | type | what it says |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < ROWS; i++) {
        fprintf(out, "| `%s` | ", rows[i].name);
        print_events_of(out, &rows[i]);
        fprintf(out, " | %s%s | %s |\n", type_words[rows[i].type],
                rows[i].presence == MAYBE ? ", may miss" : "", rows[i].doc);
    }
}
