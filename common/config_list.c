/* Lists of values in the configuration: texts, pairs, label sets. May not: do I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_table.h"

static bool too_many(const struct config_row *row, struct error *error)
{
    return error_set(error, "expected at most %" PRIu32 " elements", row->list_most);
}

static bool put_text(struct config *config, const struct config_row *row, void *base,
                     uint32_t index, const char *text, struct error *error)
{
    size_t length = strlen(text);
    bool shows = config_form_may_show(row->form);
    if (length < 1 || length > row->most || !config_form_fits(row->form, text))
        return error_set(error, "expected %s, of 1 to %" PRIu64 " bytes%s%.60s%s",
                         config_form_words(row->form), row->most, shows ? "; found \"" : "",
                         shows ? text : "", shows ? "\"" : "");
    const char *kept = config_keep(config, text);
    if (!kept)
        return error_set(error, "out of memory");
    ((const char **)config_at(row, base))[index] = kept;
    return true;
}

bool config_pair_put(struct config *config, const struct config_row *row, void *base,
                     uint32_t index, const char *key, const char *value, struct error *error)
{
    if (index >= row->list_most)
        return too_many(row, error);
    if (!config_label_key_fits(key, strlen(key)))
        return error_set(error,
                         "expected a label's key: letters, digits and - _ . (at most 63, a letter "
                         "or digit at both ends), a DNS prefix and / before it where wanted; found "
                         "\"%.60s\"",
                         key);
    if (!config_label_value_fits(value, strlen(value)))
        return error_set(error,
                         "expected a label's value: letters, digits and - _ . (at most 63, a "
                         "letter or digit at both ends), or \"\"; found \"%.60s\"",
                         value);
    struct config_pair pair = {config_keep(config, key), config_keep(config, value)};
    if (!pair.key || !pair.value)
        return error_set(error, "out of memory");
    ((struct config_pair *)config_at(row, base))[index] = pair;
    if (index == *config_count(row, base))
        (*config_count(row, base))++;
    return true;
}

static bool put_pair_text(struct config *config, const struct config_row *row, void *base,
                          uint32_t index, const char *text, struct error *error)
{
    char key[LABEL_KEY_BYTES_MAX + 1];
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (!equals || length >= sizeof key)
        return error_set(error, "expected key=value");
    memcpy(key, text, length);
    key[length] = '\0';
    return config_pair_put(config, row, base, index, key, equals + 1, error);
}

bool config_label_add(struct config *config, struct config_label_set *set, const char *label,
                      struct error *error)
{
    if (set->label_count >= JOB_LABELS_MAX)
        return error_set(error, "expected at most %d labels", JOB_LABELS_MAX);
    if (!config_job_label_fits(label))
        return error_set(error,
                         "expected a label of 1 to %d bytes, without white space, comma, brackets "
                         "and quotes; found \"%.60s\"",
                         JOB_LABEL_BYTES_MAX, label);
    const char *kept = config_keep(config, label);
    if (!kept)
        return error_set(error, "out of memory");
    set->label[set->label_count++] = kept;
    return true;
}

/* [a, b]: labels hold none of the characters that the list is written with. */
static bool put_label_set(struct config *config, const struct config_row *row, void *base,
                          uint32_t index, const char *text, struct error *error)
{
    struct config_label_set set = {.label_count = 0};
    char label[JOB_LABEL_BYTES_MAX + 2];
    size_t length = strlen(text);
    if (length < 3 || text[0] != '[' || text[length - 1] != ']')
        return error_set(error, "expected a list of labels as [a, b]");
    const char *end = text + length - 1;
    const char *at = text + 1;
    while (at <= end) { /* at the first byte of a label; the last label ends at `]` */
        size_t size = strcspn(at, ",]");
        snprintf(label, sizeof label, "%.*s", (int)(size < sizeof label ? size : sizeof label - 1),
                 at);
        if (!config_label_add(config, &set, label, error))
            return false;
        at += size + 1;
        at += strspn(at, " ");
    }
    ((struct config_label_set *)config_at(row, base))[index] = set;
    return true;
}

bool config_list_put(struct config *config, const struct config_row *row, void *base,
                     uint32_t index, const char *text, struct error *error)
{
    uint32_t *count = config_count(row, base);
    if (index > *count)
        return error_set(error, "there are %" PRIu32 " elements; a list grows by one at a time",
                         *count);
    if (index >= row->list_most)
        return too_many(row, error);
    bool (*put)(struct config *, const struct config_row *, void *, uint32_t, const char *,
                struct error *) = row->kind == KIND_TEXTS   ? put_text
                                  : row->kind == KIND_PAIRS ? put_pair_text
                                                            : put_label_set;
    if (!put(config, row, base, index, text, error))
        return false;
    if (index == *count)
        *count = index + 1;
    return true;
}

static bool label_set_text(const struct config_label_set *set, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (uint32_t i = 0; i < set->label_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", set->label[i]);
    if (used >= size)
        return false;
    used += (size_t)snprintf(out + used, size - used, "]");
    return used < size;
}

bool config_list_text(const struct config_row *row, const void *base, uint32_t index, char *out,
                      size_t size)
{
    const void *at = config_at_const(row, base);
    if (row->kind == KIND_TEXTS)
        return (size_t)snprintf(out, size, "%s", ((const char *const *)at)[index]) < size;
    if (row->kind == KIND_LABEL_SETS)
        return label_set_text(&((const struct config_label_set *)at)[index], out, size);
    const struct config_pair *pair = &((const struct config_pair *)at)[index];
    return (size_t)snprintf(out, size, "%s=%s", pair->key, pair->value) < size;
}
