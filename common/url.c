/* Paths with queries, bounded and escaped (RFC 3986). May not: allocate. */
#include "common/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_bytes(struct url_path *path, const char *bytes, size_t length)
{
    if (path->cut)
        return;
    if (length >= sizeof path->text - path->length) {
        *path = (struct url_path){.cut = true};
        return;
    }
    memcpy(path->text + path->length, bytes, length);
    path->length += length;
    path->text[path->length] = '\0';
}

void url_add(struct url_path *path, const char *text)
{
    add_bytes(path, text, strlen(text));
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct url_path *path, const char *text, char kept)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        char coded[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        if (is_unreserved(*text) || *text == kept)
            add_bytes(path, text, 1);
        else
            add_bytes(path, coded, sizeof coded);
    }
}

void url_add_escaped(struct url_path *path, const char *text)
{
    add_escaped(path, text, 'a'); /* 'a' is kept anyway */
}

void url_add_escaped_path(struct url_path *path, const char *text)
{
    add_escaped(path, text, '/');
}

void url_add_u64(struct url_path *path, uint64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    add_bytes(path, digits, (size_t)length);
}
