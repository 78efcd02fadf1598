/* The three kinds of patches, as changes of JSON. Strategic merge differs from merge only in its
 * directives here: no list that the simulator lets clients change has a merge key.
 * May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_BYTES_MAX 1024

void kube_merge(json_t *target, const json_t *patch, bool strategic)
{
    for (void *at = json_object_iter((json_t *)(uintptr_t)patch); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)patch, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        json_t *old = json_object_get(target, key);
        if (strategic && key[0] == '$') /* a directive about lists with merge keys */
            continue;
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_object(value)) {
            if (!json_is_object(old)) {
                json_object_set_new(target, key, json_object());
                old = json_object_get(target, key);
            }
            kube_merge(old, value, strategic);
        } else {
            json_object_set_new(target, key, json_deep_copy(value));
        }
    }
}

/* -------------------------------------------------------------------------- JSON patch, RFC 6902
 */

/* Takes one token of a pointer ("~1" is "/", "~0" is "~") off *at. */
static bool take_token(const char **at, char out[POINTER_BYTES_MAX])
{
    size_t used = 0;
    if (**at != '/')
        return false;
    for ((*at)++; **at != '\0' && **at != '/'; (*at)++) {
        char c = **at;
        if (c == '~') {
            (*at)++;
            if (**at != '0' && **at != '1')
                return false;
            c = **at == '0' ? '~' : '/';
        }
        if (used == POINTER_BYTES_MAX - 1)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

/* An index of an array; "-" is one behind the last. */
static bool read_index(const json_t *array, const char *token, size_t *index)
{
    if (strcmp(token, "-") == 0) {
        *index = json_array_size(array);
        return true;
    }
    char *end;
    unsigned long number = strtoul(token, &end, 10);
    *index = number;
    return *token >= '0' && *token <= '9' && *end == '\0' && number <= json_array_size(array);
}

static json_t *child(json_t *parent, const char *token)
{
    size_t index;
    if (json_is_array(parent))
        return read_index(parent, token, &index) ? json_array_get(parent, index) : NULL;
    return json_object_get(parent, token);
}

/* The parent of what a pointer names, and its last token. */
static json_t *find_parent(json_t *root, const char *pointer, char last[POINTER_BYTES_MAX])
{
    json_t *parent = root;
    if (!take_token(&pointer, last))
        return NULL;
    while (*pointer != '\0') {
        parent = child(parent, last);
        if (parent == NULL || !take_token(&pointer, last))
            return NULL;
    }
    return parent;
}

static json_t *value_at(json_t *root, const char *pointer)
{
    char last[POINTER_BYTES_MAX];
    json_t *parent = find_parent(root, pointer, last);
    return parent != NULL ? child(parent, last) : NULL;
}

/* Adds a value (a new reference, taken); replaces one that is there unless it is an array's. */
static bool add(json_t *root, const char *pointer, json_t *value)
{
    char last[POINTER_BYTES_MAX];
    json_t *parent = find_parent(root, pointer, last);
    size_t index;
    if (value != NULL && json_is_object(parent))
        return json_object_set_new(parent, last, value) == 0;
    if (value != NULL && json_is_array(parent) && read_index(parent, last, &index))
        return json_array_insert_new(parent, index, value) == 0;
    json_decref(value);
    return false;
}

static bool take_away(json_t *root, const char *pointer)
{
    char last[POINTER_BYTES_MAX];
    json_t *parent = find_parent(root, pointer, last);
    size_t index;
    if (json_is_object(parent))
        return json_object_del(parent, last) == 0;
    return json_is_array(parent) && read_index(parent, last, &index) &&
           json_array_remove(parent, index) == 0;
}

static enum kube_patch_result apply_one(json_t *target, const json_t *operation)
{
    const char *op = json_string_value(json_object_get(operation, "op"));
    const char *path = json_string_value(json_object_get(operation, "path"));
    const char *from = json_string_value(json_object_get(operation, "from"));
    json_t *value = json_object_get(operation, "value");
    bool good = false;
    if (op == NULL || path == NULL)
        return KUBE_PATCH_BAD;
    if (strcmp(op, "test") == 0)
        return json_equal(value_at(target, path), value) ? KUBE_PATCHED : KUBE_PATCH_TEST_FAILED;
    if (strcmp(op, "add") == 0)
        good = add(target, path, json_deep_copy(value));
    else if (strcmp(op, "remove") == 0)
        good = take_away(target, path);
    else if (strcmp(op, "replace") == 0)
        good = value_at(target, path) != NULL && take_away(target, path) &&
               add(target, path, json_deep_copy(value));
    else if (from != NULL && (strcmp(op, "copy") == 0 || strcmp(op, "move") == 0)) {
        json_t *copy = json_deep_copy(value_at(target, from));
        good = copy != NULL && (strcmp(op, "copy") == 0 || take_away(target, from));
        good = good ? add(target, path, copy) : (json_decref(copy), false);
    }
    return good ? KUBE_PATCHED : KUBE_PATCH_BAD;
}

enum kube_patch_result kube_json_patch(json_t *target, const json_t *operations)
{
    if (!json_is_array(operations))
        return KUBE_PATCH_BAD;
    for (size_t i = 0; i < json_array_size(operations); i++) {
        enum kube_patch_result result = apply_one(target, json_array_get(operations, i));
        if (result != KUBE_PATCHED)
            return result;
    }
    return KUBE_PATCHED;
}

/* ------------------------------------------------------------------------------ by Content-Type */

static bool has_type(const struct exchange *exchange, const char *type)
{
    const char *header = exchange_header(exchange, "Content-Type");
    size_t length = strlen(type);
    return header != NULL && strncmp(header, type, length) == 0 &&
           (header[length] == '\0' || header[length] == ';' || header[length] == ' ');
}

static bool refuse(struct exchange *exchange, int code, const char *reason, const char *message)
{
    kube_status(exchange, code, reason, message, json_object());
    return false;
}

bool kube_apply_patch(struct exchange *exchange, json_t *object)
{
    const json_t *patch = exchange_body(exchange);
    bool strategic = has_type(exchange, "application/strategic-merge-patch+json");
    if (has_type(exchange, "application/json-patch+json")) {
        enum kube_patch_result result = kube_json_patch(object, patch);
        if (result == KUBE_PATCHED)
            return true;
        bool is_list = json_is_array(patch);
        return refuse(exchange, is_list ? 422 : 400, is_list ? "Invalid" : "BadRequest",
                      "the server rejected our request due to an error in our request");
    }
    if (!strategic && !has_type(exchange, "application/merge-patch+json"))
        return refuse(exchange, 415, "UnsupportedMediaType", "415: Unsupported Media Type");
    if (!json_is_object(patch))
        return refuse(exchange, 400, "BadRequest", "error decoding patch: it is no JSON object");
    kube_merge(object, patch, strategic);
    return true;
}
