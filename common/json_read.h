/* Reading JSON answers with bounds, for the decoders of the three APIs (jansson). Every accessor
 * forgives a key that is missing or of another type by giving the value for "nothing", because APIs
 * add and drop keys; what must be there is asked with the json_need_* family, which says which key
 * of what was wrong. May not: know any API. */
#ifndef EBBTIDE_COMMON_JSON_READ_H
#define EBBTIDE_COMMON_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"

#define JSON_TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024) /* a longer body is not parsed */

/* Seeds jansson's hashes, for which it would open /dev/urandom at the first object; call it before
 * privileges are dropped. */
void json_start(void);

/* Parses a body whose top is an object. NULL with a sentence that says what stands there instead
 * (an HTML page, nothing, cut off at a byte). The caller json_decrefs. */
json_t *json_parse_object(const char *body, size_t length, struct error *error);

/* As json_parse_object, for what strangers send: objects and lists may stand in each other at most
 * `depth_max` deep, which is looked at before anything is parsed. The caller bounds the length. */
json_t *json_parse_shallow(const char *body, size_t length, unsigned depth_max,
                           struct error *error);

/* Missing, null or another type: "", 0, false, NULL. */
const char *json_text_of(const json_t *object, const char *key);
uint64_t json_u64_of(const json_t *object, const char *key); /* negative or no integer: 0 */
bool json_bool_of(const json_t *object, const char *key);
const json_t *json_object_of(const json_t *object, const char *key);
const json_t *json_array_of(const json_t *object, const char *key);

/* A time in RFC 3339 as ms since 1970; missing, malformed or before 1971: 0 (Gitea writes 1970 for
 * unset). */
int64_t json_time_of(const json_t *object, const char *key);

/* A text into the arena. False with a sentence where it is missing, or its length is out of
 * [least, most]; least 0 lets it be missing. */
bool json_need_text(const json_t *object, const char *key, size_t least, size_t most,
                    struct arena *arena, const char **out, struct error *error);

/* As json_need_text, but a longer text is cut at a character's border: for what people read. */
bool json_cut_text(const json_t *object, const char *key, size_t most, struct arena *arena,
                   const char **out, struct error *error);

/* A number of at least 1. */
bool json_need_id(const json_t *object, const char *key, uint64_t *out, struct error *error);

/* An array. NULL with a sentence where it is missing. */
const json_t *json_need_array(const json_t *object, const char *key, struct error *error);

#endif
