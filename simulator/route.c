/* Route patterns: one segment at a time. May not allocate. */
#include "simulator/route.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes length bytes at from to the end of out->text; NULL where that is impossible. */
static const char *decode(struct route_parameters *out, const char *from, size_t length)
{
    char *start = out->text + out->used;
    for (size_t i = 0; i < length; i++) {
        char c = from[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_value(from[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(from[i + 2]) : -1;
            if (high < 0 || low < 0 || high * 16 + low == 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (out->used >= sizeof out->text - 1)
            return NULL;
        out->text[out->used++] = c;
    }
    if (out->used >= sizeof out->text)
        return NULL;
    out->text[out->used++] = '\0';
    return start;
}

static bool take_parameter(struct route_parameters *out, const char *name, size_t name_length,
                           const char *from, size_t length)
{
    if (out->count == ROUTE_PARAMETERS_MAX || length == 0)
        return false;
    const char *value = decode(out, from, length);
    if (value == NULL)
        return false;
    out->at[out->count].name = name;
    out->at[out->count].name_length = name_length;
    out->at[out->count].value = value;
    out->count++;
    return true;
}

static bool match_literal(struct route_parameters *out, const char *pattern, size_t pattern_length,
                          const char *from, size_t length)
{
    size_t before = out->used;
    const char *text = decode(out, from, length);
    bool same = text != NULL && strlen(text) == pattern_length &&
                memcmp(text, pattern, pattern_length) == 0;
    out->used = before;
    return same;
}

bool route_match(const char *pattern, const char *path, struct route_parameters *out)
{
    out->count = 0;
    out->used = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t wanted = strcspn(pattern, "/");
        size_t seen = strcspn(path, "/");
        if (wanted > 2 && pattern[0] == '{' && pattern[wanted - 1] == '}') {
            bool rest = wanted > 5 && memcmp(pattern + wanted - 4, "...", 3) == 0;
            size_t name_length = wanted - (rest ? 5 : 2);
            seen = rest ? strlen(path) : seen;
            if (!take_parameter(out, pattern + 1, name_length, path, seen))
                return false;
        } else if (!match_literal(out, pattern, wanted, path, seen)) {
            return false;
        }
        pattern += wanted;
        path += seen;
    }
    return *pattern == '\0' && *path == '\0';
}

const char *route_parameter(const struct route_parameters *parameters, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < parameters->count; i++) {
        if (parameters->at[i].name_length == length &&
            memcmp(parameters->at[i].name, name, length) == 0)
            return parameters->at[i].value;
    }
    return NULL;
}

const struct route *route_find(const struct route *routes, size_t count, const char *method,
                               const char *path, struct route_parameters *out, bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < count; i++) {
        if (!route_match(routes[i].pattern, path, out))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        *path_known = true;
    }
    return NULL;
}
