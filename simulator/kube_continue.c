/* The tokens by which a list goes on: base64 of {"v","rv","start"}, as the real ones are.
 * May not know what is listed. */
#include "simulator/kube_private.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_BYTES_MAX 2048

static void to_url_alphabet(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '+')
            *text = '-';
        else if (*text == '/')
            *text = '_';
        else if (*text == '=')
            *text = '\0';
        if (*text == '\0')
            return;
    }
}

bool kube_continue_write(int64_t resource_version, const char *start, char *out, size_t size)
{
    json_t *token = json_pack("{s:s, s:I, s:s}", "v", "meta.k8s.io/v1", "rv",
                              (json_int_t)resource_version, "start", start);
    char *text = json_dumps(token, JSON_COMPACT);
    json_decref(token);
    size_t length = text != NULL ? strlen(text) : 0;
    bool fits = text != NULL && (length + 2) / 3 * 4 + 1 <= size;
    if (fits) {
        EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
        to_url_alphabet(out);
    }
    free(text);
    return fits;
}

bool kube_continue_read(const char *text, int64_t *resource_version, char *start, size_t size)
{
    char padded[TOKEN_BYTES_MAX + 4];
    unsigned char plain[TOKEN_BYTES_MAX];
    size_t length = strlen(text);
    if (length > TOKEN_BYTES_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    while (length % 4 != 0)
        padded[length++] = '=';
    int bytes = EVP_DecodeBlock(plain, (const unsigned char *)padded, (int)length);
    while (bytes > 0 && plain[bytes - 1] == '\0')
        bytes--;
    json_t *token = bytes > 0 ? json_loadb((const char *)plain, (size_t)bytes, 0, NULL) : NULL;
    const char *at = json_string_value(json_object_get(token, "start"));
    bool good = at != NULL && strlen(at) < size && json_is_integer(json_object_get(token, "rv"));
    if (good) {
        *resource_version = json_integer_value(json_object_get(token, "rv"));
        snprintf(start, size, "%s", at);
    }
    json_decref(token);
    return good;
}
