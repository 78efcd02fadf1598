/* Reading JSON answers with bounds. May not: know any API. */
#include "common/json_read.h"

#include "common/clock.h"

#include <string.h>
#include <sys/random.h>

#define YEAR_1971_MS INT64_C(31536000000)

void json_start(void)
{
    size_t seed = 0;
    /* 0 lets jansson draw one itself, which works before the sandbox. */
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = 0;
    json_object_seed(seed);
}

/* What stands where an object should: for the sentence. */
static void say_not_json(const char *body, size_t length, const json_error_t *why,
                         struct error *error)
{
    size_t at = 0;
    while (at < length && strchr(" \t\r\n", body[at]) != NULL)
        at++;
    if (at == length)
        error_set(error, "the body is empty where JSON was expected");
    else if (body[at] == '<')
        error_set(error, "the body is a web page or XML where JSON was expected");
    else if (why->position >= 0 && (size_t)why->position >= length)
        error_set(error, "the JSON is cut off after %zu bytes", length);
    else
        error_set(error, "the body is no JSON: %.120s, at byte %d of %zu", why->text, why->position,
                  length);
}

json_t *json_parse_object(const char *body, size_t length, struct error *error)
{
    if (length > JSON_TEXT_BYTES_MAX) {
        error_set(error, "the body has %zu bytes, more than the %zu that are parsed", length,
                  JSON_TEXT_BYTES_MAX);
        return NULL;
    }
    json_error_t why = {0};
    json_t *top = json_loadb(body, length, JSON_REJECT_DUPLICATES, &why);
    if (top == NULL) {
        say_not_json(body, length, &why, error);
        return NULL;
    }
    if (!json_is_object(top)) {
        error_set(error, "the JSON is not an object");
        json_decref(top);
        return NULL;
    }
    return top;
}

/* Brackets outside of texts. What is no JSON is the parser's to refuse; here it is only not deep.
 */
static bool is_shallow(const char *body, size_t length, unsigned depth_max)
{
    unsigned depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < length; i++) {
        char c = body[i];
        if (in_text && c == '\\')
            i++; /* what is escaped ends no text */
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '[') && ++depth > depth_max)
            return false;
        else if (!in_text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

json_t *json_parse_shallow(const char *body, size_t length, unsigned depth_max, struct error *error)
{
    if (is_shallow(body, length, depth_max))
        return json_parse_object(body, length, error);
    error_set(error, "the JSON is nested deeper than %u", depth_max);
    return NULL;
}

const char *json_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

uint64_t json_u64_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number < 0 ? 0 : (uint64_t)number;
}

bool json_bool_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const json_t *json_object_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_object(value) ? value : NULL;
}

const json_t *json_array_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_array(value) ? value : NULL;
}

int64_t json_time_of(const json_t *object, const char *key)
{
    int64_t ms = 0;
    const char *text = json_text_of(object, key);
    if (*text == '\0' || !clock_parse_rfc3339(text, &ms) || ms < YEAR_1971_MS)
        return 0;
    return ms;
}

static bool keep_text(const char *text, size_t length, const char *key, struct arena *arena,
                      const char **out, struct error *error)
{
    *out = arena_text(arena, text, length);
    if (*out == NULL)
        return error_set(error, "out of memory for `%s`: the answer is larger than allowed", key);
    return true;
}

bool json_need_text(const json_t *object, const char *key, size_t least, size_t most,
                    struct arena *arena, const char **out, struct error *error)
{
    const char *text = json_text_of(object, key);
    size_t length = strlen(text);
    if (length < least)
        return error_set(error, "`%s` is missing, empty or no text", key);
    if (length > most)
        return error_set(error, "`%s` has %zu bytes, more than %zu", key, length, most);
    return keep_text(text, length, key, arena, out, error);
}

/* The most bytes of text, not more than most, that end at a character's border. */
static size_t cut_at_border(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

bool json_cut_text(const json_t *object, const char *key, size_t most, struct arena *arena,
                   const char **out, struct error *error)
{
    const char *text = json_text_of(object, key);
    return keep_text(text, cut_at_border(text, most), key, arena, out, error);
}

bool json_need_id(const json_t *object, const char *key, uint64_t *out, struct error *error)
{
    *out = json_u64_of(object, key);
    if (*out == 0)
        return error_set(error, "`%s` is missing or no positive number", key);
    return true;
}

const json_t *json_need_array(const json_t *object, const char *key, struct error *error)
{
    const json_t *array = json_array_of(object, key);
    if (array == NULL)
        error_set(error, "the list `%s` is missing", key);
    return array;
}
