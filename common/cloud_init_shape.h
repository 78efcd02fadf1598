/* Whether two YAML texts, a character of the one for each of the other, have the same structure:
 * the same mappings, lists and scalars at the same places and of the same lengths, whatever the
 * scalars say. May not: do I/O, keep a copy. */
#ifndef EBBTIDE_COMMON_CLOUD_INIT_SHAPE_H
#define EBBTIDE_COMMON_CLOUD_INIT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* False with a sentence that names the line of `template_text` (harmless values) or of `made` (the
 * real ones), never what stands there. */
bool cloud_init_same_shape(const char *template_text, size_t template_length, const char *made,
                           size_t made_length, const char *name, struct error *error);

#endif
