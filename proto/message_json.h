/* Any message as JSON, by its row: fields by name, enums by their words. May not: do I/O. */
#ifndef EBBTIDE_PROTO_MESSAGE_JSON_H
#define EBBTIDE_PROTO_MESSAGE_JSON_H

#include <jansson.h>

#include "tables/messages.h"

/* `body`: the struct of `id`. A new reference, or NULL where memory is out or a text is not UTF-8.
 * Numbers beyond what JSON's readers keep (2^63) are written as texts. */
json_t *message_json(enum message_id id, const void *body);

#endif
