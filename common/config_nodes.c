/* From YAML nodes to values, row by row of the table: unknown, duplicate and missing keys, wrong
 * types. May not: do I/O, know what any key means. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_read.h"

#define KEY_SHOWN_BYTES 60

static const yaml_node_t *node_at(const struct config_reader *reader, int index)
{
    return yaml_document_get_node(reader->document, index);
}

/* The text of a scalar; NULL for a list or mapping, or where it holds a NUL. */
static const char *scalar_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

static bool is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Nothing after the colon, `~` or `null`. */
static bool is_null(const yaml_node_t *node)
{
    const char *text = scalar_text(node);
    return is_plain(node) && text &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static const char *type_word(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE: return "a list";
    case YAML_MAPPING_NODE: return "a mapping of keys";
    case YAML_SCALAR_NODE: return is_null(node) ? "nothing" : "a single value";
    case YAML_NO_NODE: break;
    }
    return "nothing";
}

/* ------------------------------------------------------------------------- did you mean ...? */

#define DISTANCE_BYTES_MAX 40

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance; large where a text is longer than any key. */
static unsigned distance(const char *left, const char *right)
{
    size_t a = strlen(left);
    size_t b = strlen(right);
    unsigned row[DISTANCE_BYTES_MAX + 1];
    if (a > DISTANCE_BYTES_MAX || b > DISTANCE_BYTES_MAX)
        return DISTANCE_BYTES_MAX;
    for (unsigned j = 0; j <= b; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b; j++) {
            unsigned above = row[j];
            unsigned change = diagonal + (left[i - 1] != right[j - 1]);
            row[j] = least_of(above + 1, row[j - 1] + 1, change);
            diagonal = above;
        }
    }
    return row[b];
}

/* The key of a section that is most like `key`, when it is alike at all. */
static const char *nearest(const struct config_section *section, const char *key)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    const char *best = NULL;
    unsigned least = (unsigned)(strlen(key) / 3 + 2);
    for (size_t i = 0; i < count; i++) {
        unsigned away = distance(key, rows[i].key);
        if (away < least) {
            least = away;
            best = rows[i].key;
        }
    }
    return best;
}

/* The section (one level below the root) that has exactly this key. */
static const char *belongs_to(const char *key)
{
    size_t count = 0;
    const struct config_row *rows = config_root()->rows(&count);
    if (config_row_find(config_root(), key, strlen(key)))
        return "the file's top level";
    for (size_t i = 0; i < count; i++)
        if (rows[i].element && config_row_find(rows[i].element, key, strlen(key)))
            return rows[i].key;
    return NULL;
}

static void unknown_key(struct config_reader *reader, const struct config_section *section,
                        const yaml_node_t *key, const char *path)
{
    const char *text = scalar_text(key);
    if (!text) {
        config_reader_problem_at(reader, key, "expected a key, found %s", type_word(key));
        return;
    }
    const char *near = nearest(section, text);
    const char *home = belongs_to(text);
    if (near)
        config_reader_problem_at(reader, key, "unknown key %s%.*s; did you mean %s?", path,
                                 KEY_SHOWN_BYTES, text, near);
    else if (home)
        config_reader_problem_at(reader, key, "unknown key %s%.*s; it belongs to %s", path,
                                 KEY_SHOWN_BYTES, text, home);
    else
        config_reader_problem_at(reader, key, "unknown key %s%.*s", path, KEY_SHOWN_BYTES, text);
}

/* ----------------------------------------------------------------------------------- values */

static void read_scalar(struct config_reader *reader, const struct config_row *row, void *base,
                        const yaml_node_t *node, const char *path)
{
    char expected[CONFIG_EXPECTED_BYTES_MAX];
    struct error error = {""};
    const char *text = scalar_text(node);
    bool bare = row->kind == KIND_BOOL || row->kind == KIND_COUNT;
    config_expected(row, expected, sizeof expected);
    if (!text || is_null(node))
        error_set(&error, "expected %s; found %s", expected,
                  text || node->type != YAML_SCALAR_NODE ? type_word(node) : "a NUL character");
    else if (bare && !is_plain(node))
        error_set(&error, "expected %s, without quotes", expected);
    else
        config_value_set(reader->config, row, base, text, &error);
    config_reader_mark(reader, config_at(row, base), node, *error.text != '\0');
    if (*error.text)
        config_reader_problem_at(reader, node, "%s%s: %s", path, row->key, error.text);
}

static void read_text_element(struct config_reader *reader, const struct config_row *row,
                              void *base, const yaml_node_t *node, const char *path)
{
    struct error error = {""};
    uint32_t index = *config_count(row, base);
    const char *text = scalar_text(node);
    if (!text || is_null(node))
        error_set(&error, "expected a text, found %s", type_word(node));
    else
        config_list_put(reader->config, row, base, index, text, &error);
    if (*error.text)
        config_reader_problem_at(reader, node, "%s%s[%" PRIu32 "]: %s", path, row->key, index,
                                 error.text);
    else
        config_reader_mark(reader, &((const char **)config_at(row, base))[index], node, false);
}

static void read_label_set(struct config_reader *reader, const struct config_row *row, void *base,
                           const yaml_node_t *node, const char *path)
{
    uint32_t index = *config_count(row, base);
    struct config_label_set *set = &((struct config_label_set *)config_at(row, base))[index];
    set->label_count = 0;
    if (node->type != YAML_SEQUENCE_NODE ||
        node->data.sequence.items.start == node->data.sequence.items.top) {
        config_reader_problem_at(reader, node,
                                 "%s%s[%" PRIu32 "]: expected a list of labels as [linux, x64]; "
                                 "found %s",
                                 path, row->key, index,
                                 node->type == YAML_SEQUENCE_NODE ? "none" : type_word(node));
        return;
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        struct error error = {""};
        const char *text = scalar_text(node_at(reader, *item));
        if (!text || !config_label_add(reader->config, set, text, &error)) {
            config_reader_problem_at(reader, node_at(reader, *item), "%s%s[%" PRIu32 "]: %s", path,
                                     row->key, index, text ? error.text : "expected a label");
            return;
        }
    }
    config_reader_mark(reader, set, node, false);
    *config_count(row, base) = index + 1;
}

static void read_pairs(struct config_reader *reader, const struct config_row *row, void *base,
                       const yaml_node_t *node, const char *path)
{
    if (node->type != YAML_MAPPING_NODE) {
        config_reader_problem_at(reader, node, "%s%s: expected a mapping as {key: value}; found %s",
                                 path, row->key, type_word(node));
        return;
    }
    const struct config_pair *pairs = config_at_const(row, base);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        struct error error = {""};
        const yaml_node_t *key_node = node_at(reader, pair->key);
        const char *key = scalar_text(key_node);
        const char *value = scalar_text(node_at(reader, pair->value));
        uint32_t count = *config_count(row, base);
        for (uint32_t i = 0; key && i < count; i++)
            if (strcmp(pairs[i].key, key) == 0)
                error_set(&error, "the key %.60s stands here twice", key);
        if (!key || !value)
            error_set(&error, "expected key: value");
        if (!*error.text)
            config_pair_put(reader->config, row, base, count, key, value, &error);
        if (*error.text) {
            config_reader_problem_at(reader, key_node, "%s%s: %s", path, row->key, error.text);
            if (count >= row->list_most)
                return;
        } else {
            config_reader_mark(reader, &pairs[count], key_node, false);
        }
    }
}

static void read_sections(struct config_reader *reader, const struct config_row *row, void *base,
                          const yaml_node_t *node, const char *path)
{
    char place[CONFIG_PLACE_BYTES_MAX];
    *config_count(row, base) = 0;
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        uint32_t index = *config_count(row, base);
        const yaml_node_t *element_node = node_at(reader, *item);
        if (index >= row->list_most) {
            config_reader_problem_at(reader, element_node, "%s%s: expected at most %" PRIu32, path,
                                     row->key, row->list_most);
            return;
        }
        void *element = config_element(row, base, index);
        memset(element, 0, row->element->size);
        if (!config_defaults(reader->config, row->element, element)) {
            config_reader_problem_at(reader, element_node, "out of memory");
            return;
        }
        *config_count(row, base) = index + 1;
        snprintf(place, sizeof place, "%s%s[%" PRIu32 "].", path, row->key, index);
        config_read_section(reader, row->element, element, element_node, element_node, place);
    }
    if (*config_count(row, base) < row->list_least)
        config_reader_problem_at(reader, node, "%s%s: expected at least %" PRIu32, path, row->key,
                                 row->list_least);
}

/* A list, of values or of sections. */
static void read_list(struct config_reader *reader, const struct config_row *row, void *base,
                      const yaml_node_t *node, const char *path)
{
    void (*element)(struct config_reader *, const struct config_row *, void *, const yaml_node_t *,
                    const char *) = row->kind == KIND_TEXTS ? read_text_element : read_label_set;
    if (node->type != YAML_SEQUENCE_NODE) {
        config_reader_problem_at(reader, node, "%s%s: expected a list; found %s", path, row->key,
                                 type_word(node));
        config_reader_mark(reader, config_at(row, base), node, true);
        return;
    }
    if (row->kind == KIND_SECTIONS) {
        read_sections(reader, row, base, node, path);
        return;
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        if (*config_count(row, base) >= row->list_most) {
            config_reader_problem_at(reader, node_at(reader, *item),
                                     "%s%s: expected at most %" PRIu32, path, row->key,
                                     row->list_most);
            return;
        }
        element(reader, row, base, node_at(reader, *item), path);
    }
}

static void read_row(struct config_reader *reader, const struct config_row *row, void *base,
                     const yaml_node_t *node, const char *path)
{
    char below[CONFIG_PLACE_BYTES_MAX];
    if (row->kind == KIND_SECTION) {
        snprintf(below, sizeof below, "%s%s.", path, row->key);
        config_read_section(reader, row->element, config_at(row, base), node, node, below);
    } else if (row->kind == KIND_PAIRS) {
        read_pairs(reader, row, base, node, path);
    } else if (config_is_scalar(row)) {
        read_scalar(reader, row, base, node, path);
    } else {
        read_list(reader, row, base, node, path);
    }
}

/* ---------------------------------------------------------------------------------- sections */

/* What the file had to say and did not, those of sections that it does not have included. */
static void report_missing(struct config_reader *reader, const struct config_section *section,
                           void *base, const yaml_node_t *at, const char *path, uint64_t seen)
{
    char text[CONFIG_PLACE_BYTES_MAX];
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (seen & (UINT64_C(1) << i))
            continue;
        if (rows[i].kind == KIND_SECTION) {
            snprintf(text, sizeof text, "%s%s.", path, rows[i].key);
            config_read_section(reader, rows[i].element, config_at(&rows[i], base), NULL, at, text);
        } else if (!rows[i].standard) {
            char expected[CONFIG_EXPECTED_BYTES_MAX];
            config_expected(&rows[i], expected, sizeof expected);
            config_reader_problem_at(reader, at, "%s%s is missing: %s Expected %s", path,
                                     rows[i].key, rows[i].help, expected);
        }
    }
}

/* Reads one pair of a section's mapping; marks its row as seen. */
static void read_pair(struct config_reader *reader, const struct config_section *section,
                      void *base, const yaml_node_pair_t *pair, const char *path, uint64_t *seen)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    const yaml_node_t *key = node_at(reader, pair->key);
    const char *text = scalar_text(key);
    const struct config_row *row = text ? config_row_find(section, text, strlen(text)) : NULL;
    if (!row) {
        unknown_key(reader, section, key, path);
        return;
    }
    uint64_t bit = UINT64_C(1) << (row - rows);
    if (*seen & bit)
        config_reader_problem_at(
            reader, key, "%s%s stands here a second time; each key stands once", path, row->key);
    else
        read_row(reader, row, base, node_at(reader, pair->value), path);
    *seen |= bit;
}

void config_read_section(struct config_reader *reader, const struct config_section *section,
                         void *base, const yaml_node_t *node, const yaml_node_t *at,
                         const char *path)
{
    uint64_t seen = 0;
    if (at && section != config_root())
        config_reader_mark(reader, base, at, false);
    if (node && node->type == YAML_MAPPING_NODE) {
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++)
            read_pair(reader, section, base, pair, path, &seen);
    } else if (node && !is_null(node)) {
        int length = (int)strlen(path);
        config_reader_problem_at(reader, node, "%.*s: expected a mapping of keys; found %s",
                                 length ? length - 1 : 17, length ? path : "the configuration",
                                 type_word(node));
        return;
    }
    report_missing(reader, section, base, at, path, seen);
}
