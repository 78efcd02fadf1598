/* The parts of a sandbox by name, from sandbox_parts.def: what sandbox.required lists, what a start
 * says to be in force, what `ebbtide check-host` looks for. May not: put any of them in force. */
#ifndef EBBTIDE_COMMON_SANDBOX_PARTS_H
#define EBBTIDE_COMMON_SANDBOX_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* enum sandbox_part { PART_LIMITS, ... , sandbox_part_count }; a set of them is a uint32_t. */
#define PART(name, word, doc, remedy) PART_##name,
enum sandbox_part {
#include "common/sandbox_parts.def"
    sandbox_part_count
};
#undef PART

#define PART_BIT(part) (UINT32_C(1) << (part))
#define PARTS_ALL      (PART_BIT(sandbox_part_count) - 1)

struct sandbox_part_row {
    const char *word;   /* "landlock-tcp" */
    const char *doc;    /* what it is */
    const char *remedy; /* what to do where it cannot be had */
};

/* The row of a part, part < sandbox_part_count. Never NULL. */
const struct sandbox_part_row *sandbox_part(enum sandbox_part part);

/* Whether `word` names a part; then *part is it. */
bool sandbox_part_find(const char *word, enum sandbox_part *part);

/* The parts that `words` name, as a set. A word that names none is left out: the configuration's
 * form has refused it. */
uint32_t sandbox_parts_of(const char *const *words, uint32_t count);

/* The words of a set, with ", " between them; cut where `size` is too small. Returns out. */
char *sandbox_parts_text(uint32_t set, char *out, size_t size);

#endif
