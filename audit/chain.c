/* One line's frame. May not: do I/O. */
#include "audit/chain.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_KEY   "{\"seq\":"
#define PREV_KEY    ",\"prev\":\""
#define MAC_KEY     ",\"mac\":\""
#define HASH_KEY    ",\"hash\":\""
#define PREV_BYTES  (sizeof PREV_KEY - 1 + CHAIN_HEX_BYTES + 1) /* with its last quote */
#define MAC_BYTES   (sizeof MAC_KEY - 1 + CHAIN_HEX_BYTES + 1)
#define HASH_BYTES  (sizeof HASH_KEY - 1 + CHAIN_HEX_BYTES + 1)
#define SEQ_DIGITS  16 /* of CHAIN_SEQ_MAX */
#define LEAST_BYTES (sizeof FIRST_KEY + PREV_BYTES + HASH_BYTES + 1)

void chain_sum(const void *bytes, size_t length, struct chain_hash *out)
{
    unsigned written = 0;
    if (EVP_Digest(bytes, length, out->byte, &written, EVP_sha256(), NULL) != 1 ||
        written != CHAIN_HASH_BYTES)
        abort();
}

void chain_mac(const struct chain_hash *key, const void *bytes, size_t length,
               struct chain_hash *out)
{
    unsigned written = 0;
    if (HMAC(EVP_sha256(), key->byte, CHAIN_HASH_BYTES, bytes, length, out->byte, &written) ==
            NULL ||
        written != CHAIN_HASH_BYTES)
        abort();
}

bool chain_hash_same(const struct chain_hash *one, const struct chain_hash *other)
{
    return CRYPTO_memcmp(one->byte, other->byte, CHAIN_HASH_BYTES) == 0;
}

char *chain_hex(const struct chain_hash *hash, char out[CHAIN_HEX_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CHAIN_HASH_BYTES; i++) {
        out[2 * i] = digits[hash->byte[i] >> 4];
        out[2 * i + 1] = digits[hash->byte[i] & 15];
    }
    out[CHAIN_HEX_BYTES] = '\0';
    return out;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool chain_parse_hex(const char *text, struct chain_hash *out)
{
    for (size_t i = 0; i < CHAIN_HASH_BYTES; i++) {
        int high = digit_of(text[2 * i]);
        int low = high < 0 ? -1 : digit_of(text[2 * i + 1]);
        if (low < 0)
            return false;
        out->byte[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* ----------------------------------------------------------------------------------- making */

static size_t add_hex(char *out, size_t at, const char *key, const struct chain_hash *hash)
{
    size_t length = strlen(key);
    memcpy(out + at, key, length);
    chain_hex(hash, out + at + length);
    out[at + length + CHAIN_HEX_BYTES] = '"';
    return at + length + CHAIN_HEX_BYTES + 1;
}

size_t chain_make(const struct chain_link *before, const char *body, size_t body_length,
                  const struct chain_hash *key, char *out, size_t room, struct chain_link *after)
{
    struct chain_hash mac;
    if (body_length < 3 || room < body_length + CHAIN_FRAME_BYTES_MAX ||
        before->seq >= CHAIN_SEQ_MAX)
        return 0;
    after->seq = before->seq + 1;
    size_t at = (size_t)snprintf(out, room, FIRST_KEY "%" PRIu64 ",", after->seq);
    memcpy(out + at, body + 1, body_length - 2);
    at = add_hex(out, at + body_length - 2, PREV_KEY, &before->hash);
    if (key != NULL) {
        chain_mac(key, out, at, &mac);
        at = add_hex(out, at, MAC_KEY, &mac);
    }
    chain_sum(out, at, &after->hash);
    at = add_hex(out, at, HASH_KEY, &after->hash);
    out[at++] = '}';
    out[at++] = '\n';
    return at;
}

/* ---------------------------------------------------------------------------------- reading */

static bool read_seq(const char *line, size_t length, uint64_t *out)
{
    size_t begin = sizeof FIRST_KEY - 1, at = begin;
    *out = 0;
    if (length < LEAST_BYTES || memcmp(line, FIRST_KEY, begin) != 0)
        return false;
    for (; line[at] >= '0' && line[at] <= '9' && at - begin < SEQ_DIGITS; at++)
        *out = *out * 10 + (uint64_t)(line[at] - '0');
    return at > begin && line[begin] != '0' && line[at] == ',' && *out <= CHAIN_SEQ_MAX;
}

/* Whether KEY and 64 digits and a quote stand just before `end`. */
static bool read_hex(const char *line, size_t end, const char *key, struct chain_hash *out)
{
    size_t length = strlen(key), whole = length + CHAIN_HEX_BYTES + 1;
    if (end < whole)
        return false;
    const char *at = line + end - whole;
    return memcmp(at, key, length) == 0 && line[end - 1] == '"' &&
           chain_parse_hex(at + length, out);
}

bool chain_read(const char *line, size_t length, struct chain_frame *out, struct error *error)
{
    struct chain_hash sum;
    *out = (struct chain_frame){.has_mac = false};
    if (length + 1 > CHAIN_LINE_BYTES_MAX)
        return error_set(error, "it is longer than any line of the log");
    if (!read_seq(line, length, &out->link.seq))
        return error_set(error, "it does not begin with {\"seq\":NUMBER,");
    if (memchr(line, '\0', length) != NULL)
        return error_set(error, "it holds a NUL byte");
    if (line[length - 1] != '}' || !read_hex(line, length - 1, HASH_KEY, &out->link.hash))
        return error_set(error, "it does not end with \"hash\":\"64 DIGITS\"}");
    size_t at = length - 1 - HASH_BYTES;
    chain_sum(line, at, &sum);
    out->fits = chain_hash_same(&sum, &out->link.hash);
    out->has_mac = read_hex(line, at, MAC_KEY, &out->mac);
    out->mac_bytes = out->has_mac ? at - MAC_BYTES : 0;
    if (!read_hex(line, out->has_mac ? out->mac_bytes : at, PREV_KEY, &out->prev))
        return error_set(error, "there is no \"prev\":\"64 DIGITS\" before its hash");
    return true;
}
