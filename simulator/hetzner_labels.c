/* The rules of Hetzner's labels: an optional DNS prefix and a name of 63, values of 63.
 * May not touch the world. */
#include "simulator/hetzner_private.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Alphanumeric at both ends, `-_.` inside, at most 63; empty only where allowed. */
static bool is_word(const char *text, size_t length, bool may_be_empty)
{
    if (length == 0)
        return may_be_empty;
    if (length > 63 || !is_letter(text[0]) || !is_letter(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(text[i]) && strchr("-_.", text[i]) == NULL)
            return false;
    }
    return true;
}

static bool is_key(const char *key)
{
    const char *slash = strchr(key, '/');
    if (slash == NULL)
        return is_word(key, strlen(key), false);
    size_t prefix = (size_t)(slash - key);
    char name[254];
    if (prefix >= sizeof name || strncmp(key, "hetzner.cloud/", 14) == 0)
        return false;
    memcpy(name, key, prefix);
    name[prefix] = '\0';
    return hetzner_name_is_valid(name) && is_word(slash + 1, strlen(slash + 1), false);
}

bool hetzner_read_labels(struct exchange *exchange, const json_t *object, struct world_pair *pairs,
                         struct world_map *out)
{
    if (!api_read_map(object, pairs, out)) {
        hetzner_field_error(exchange, "invalid_input", "labels", "must be an object of strings");
        return false;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!is_key(out->pairs[i].key) ||
            !is_word(out->pairs[i].value, strlen(out->pairs[i].value), true)) {
            hetzner_field_error(exchange, "invalid_input", "labels", "label is invalid");
            return false;
        }
    }
    return true;
}
