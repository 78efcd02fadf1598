/* The parts of a sandbox, as data. May not: put any of them in force. */
#include "common/sandbox_parts.h"

#include <stdio.h>
#include <string.h>

static const struct sandbox_part_row parts[sandbox_part_count] = {
#define PART(name, word_, doc_, remedy_)                                                           \
    [PART_##name] = {.word = word_, .doc = doc_, .remedy = remedy_},
#include "common/sandbox_parts.def"
#undef PART
};

const struct sandbox_part_row *sandbox_part(enum sandbox_part part)
{
    return &parts[part];
}

bool sandbox_part_find(const char *word, enum sandbox_part *part)
{
    for (unsigned i = 0; i < sandbox_part_count; i++)
        if (strcmp(parts[i].word, word) == 0) {
            *part = (enum sandbox_part)i;
            return true;
        }
    return false;
}

uint32_t sandbox_parts_of(const char *const *words, uint32_t count)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum sandbox_part part;
        if (sandbox_part_find(words[i], &part))
            set |= PART_BIT(part);
    }
    return set;
}

char *sandbox_parts_text(uint32_t set, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        if ((set & PART_BIT(i)) == 0)
            continue;
        int length =
            snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", parts[i].word);
        if (length < 0 || (size_t)length >= size - used)
            break;
        used += (size_t)length;
    }
    return out;
}
