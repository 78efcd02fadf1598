/* What the lines of the audit log say, by audit.def: their words, and whether a line has what its
 * event needs. May not: do I/O. */
#ifndef EBBTIDE_AUDIT_FIELDS_H
#define EBBTIDE_AUDIT_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

/* clang-format off */
enum line_event {
#define EVENT(name, doc) LINE_##name,
#define FIELD(events, name, type, presence, doc)
#include "audit/audit.def"
#undef EVENT
#undef FIELD
    line_event_count
};
/* clang-format on */

const char *line_event_word(enum line_event event);

/* Which event a line is of; false where there is no such word. */
bool line_event_of(const json_t *line, enum line_event *out);

/* Whether a line has every field that its event needs, and each of its type. Fields that the table
 * does not know are let be: a later Ebbtide may write them. False with a sentence. */
bool line_fields_fit(const json_t *line, struct error *error);

/* Whether the table knows this field for this event. */
bool line_field_known(enum line_event event, const char *name);

struct line_cut {
    uint64_t bytes;
    bool kept;
};

/* Reads a `cut`; false where the line is something else. */
bool line_read_cut(const char *text, size_t length, struct line_cut *out);

/* The tables of docs/audit.md. */
void line_print_reference(FILE *out);

#endif
