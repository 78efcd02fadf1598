/* Label selectors: read once, matched often. May not allocate. */
#include "simulator/selector.h"

#include <string.h>

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
}

struct reader {
    const char *at;
    char *out, *end;
};

static void skip_spaces(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t");
}

/* Takes a word (perhaps empty) into the selector's text; NULL where there is no room. */
static const char *take_word(struct reader *reader)
{
    char *start = reader->out;
    skip_spaces(reader);
    while (is_word_byte(*reader->at) && reader->out < reader->end)
        *reader->out++ = *reader->at++;
    skip_spaces(reader);
    if (reader->out == reader->end)
        return NULL;
    *reader->out++ = '\0';
    return start;
}

static bool take(struct reader *reader, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool add_value(struct selector *selector, const char *value)
{
    size_t i = selector->term_count;
    if (value == NULL || selector->terms[i].value_count == SELECTOR_VALUES_MAX)
        return false;
    selector->terms[i].values[selector->terms[i].value_count++] = value;
    return true;
}

/* "(a, b)" */
static bool read_set(struct selector *selector, struct reader *reader)
{
    skip_spaces(reader);
    if (!take(reader, "("))
        return false;
    do {
        if (!add_value(selector, take_word(reader)))
            return false;
    } while (take(reader, ","));
    return take(reader, ")");
}

static bool read_relation(struct selector *selector, struct reader *reader)
{
    size_t i = selector->term_count;
    if (*reader->at == ',' || *reader->at == '\0') {
        selector->terms[i].presence = true;
        return true;
    }
    if (selector->terms[i].negated)
        return false;
    if (take(reader, "!=")) {
        selector->terms[i].negated = true;
        return add_value(selector, take_word(reader));
    }
    if (take(reader, "==") || take(reader, "="))
        return add_value(selector, take_word(reader));
    if (take(reader, "notin")) {
        selector->terms[i].negated = true;
        return read_set(selector, reader);
    }
    return take(reader, "in") && read_set(selector, reader);
}

bool selector_parse(struct selector *out, const char *text)
{
    struct reader reader = {.at = text != NULL ? text : "", .out = out->text};
    reader.end = out->text + sizeof out->text;
    out->term_count = 0;
    skip_spaces(&reader);
    if (*reader.at == '\0')
        return true;
    do {
        size_t i = out->term_count;
        if (i == SELECTOR_TERMS_MAX)
            return false;
        memset(&out->terms[i], 0, sizeof out->terms[i]);
        skip_spaces(&reader);
        out->terms[i].negated = take(&reader, "!");
        out->terms[i].key = take_word(&reader);
        if (out->terms[i].key == NULL || *out->terms[i].key == '\0' || !read_relation(out, &reader))
            return false;
        out->term_count++;
        skip_spaces(&reader);
    } while (take(&reader, ","));
    return *reader.at == '\0';
}

const char *world_map_value(const struct world_map *map, const char *key)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key, key) == 0)
            return map->pairs[i].value;
    }
    return NULL;
}

bool selector_matches(const struct selector *selector, const struct world_map *labels)
{
    for (size_t i = 0; i < selector->term_count; i++) {
        const char *value = world_map_value(labels, selector->terms[i].key);
        bool found = value != NULL && selector->terms[i].presence;
        for (size_t j = 0; value != NULL && j < selector->terms[i].value_count; j++)
            found = found || strcmp(value, selector->terms[i].values[j]) == 0;
        if (found == selector->terms[i].negated)
            return false;
    }
    return true;
}
