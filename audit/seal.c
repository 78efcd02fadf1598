/* The keys of the epochs. May not: do I/O, log. */
#include "audit/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_WORDS   "ebbtide audit next key\n"
#define ID_WORDS     "ebbtide audit key id\n"
#define TEXT_WORDS   "ebbtide-audit-key-1:"
#define RECORD_WORDS "ebbtide-audit-state-1 "

static void sum_with_words(const char *words, const struct chain_hash *key, struct chain_hash *out)
{
    unsigned char bytes[64];
    size_t length = strlen(words);
    memcpy(bytes, words, length);
    memcpy(bytes + length, key->byte, CHAIN_HASH_BYTES);
    chain_sum(bytes, length + CHAIN_HASH_BYTES, out);
    explicit_bzero(bytes, sizeof bytes);
}

static void make_id(const struct chain_hash *first, char id[SEAL_ID_BYTES + 1])
{
    struct chain_hash sum;
    char hex[CHAIN_HEX_BYTES + 1];
    sum_with_words(ID_WORDS, first, &sum);
    memcpy(id, chain_hex(&sum, hex), SEAL_ID_BYTES);
    id[SEAL_ID_BYTES] = '\0';
}

void seal_first(const struct chain_hash *random, struct seal_key *out)
{
    *out = (struct seal_key){.number = 0, .key = *random};
    make_id(random, out->id);
}

void seal_next(struct seal_key *key)
{
    struct chain_hash next;
    sum_with_words(NEXT_WORDS, &key->key, &next);
    key->key = next;
    key->number++;
    explicit_bzero(&next, sizeof next);
}

void seal_first_print(const struct seal_key *first, char out[SEAL_KEY_TEXT_BYTES])
{
    char hex[CHAIN_HEX_BYTES + 1];
    snprintf(out, SEAL_KEY_TEXT_BYTES, TEXT_WORDS "%s:%s", first->id, chain_hex(&first->key, hex));
    explicit_bzero(hex, sizeof hex);
}

bool seal_first_read(const char *text, size_t length, struct seal_key *out, struct error *error)
{
    size_t words = sizeof TEXT_WORDS - 1;
    struct chain_hash random;
    if (length != words + SEAL_ID_BYTES + 1 + CHAIN_HEX_BYTES ||
        memcmp(text, TEXT_WORDS, words) != 0 || text[words + SEAL_ID_BYTES] != ':' ||
        !chain_parse_hex(text + words + SEAL_ID_BYTES + 1, &random))
        return error_set(error, "this is no key: a line " TEXT_WORDS "ID:64 DIGITS is expected, as "
                                "`ebbtide audit setup-keys` showed it");
    seal_first(&random, out);
    explicit_bzero(&random, sizeof random);
    if (memcmp(out->id, text + words, SEAL_ID_BYTES) == 0)
        return true;
    explicit_bzero(out, sizeof *out);
    return error_set(error, "the key does not fit its own id: a digit of it is wrong");
}

/* ------------------------------------------------------------------------------------ state */

#define SUM_DIGITS CHAIN_HEX_BYTES
#define ID_AT      (sizeof RECORD_WORDS - 1)
#define NUMBER_AT  (ID_AT + SEAL_ID_BYTES + 1)
#define SEQ_AT     (NUMBER_AT + 20 + 1)
#define KEY_AT     (SEQ_AT + 20 + 1)
#define SUM_AT     (KEY_AT + CHAIN_HEX_BYTES + 1)

void seal_record_print(const struct seal_key *key, uint64_t sealed_seq, char out[SEAL_RECORD_BYTES])
{
    char hex[CHAIN_HEX_BYTES + 1];
    struct chain_hash sum;
    memset(out, ' ', SEAL_RECORD_BYTES);
    (void)snprintf(out, SEAL_RECORD_BYTES, RECORD_WORDS "%s %020" PRIu64 " %020" PRIu64 " %s ",
                   key->id, key->number, sealed_seq, chain_hex(&key->key, hex));
    chain_sum(out, SUM_AT, &sum);
    memcpy(out + SUM_AT, chain_hex(&sum, hex), SUM_DIGITS);
    out[SEAL_RECORD_BYTES - 1] = '\n';
    explicit_bzero(hex, sizeof hex);
}

static bool read_number(const char *digits, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < 20; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(digits[i] - '0');
    }
    return digits[20] == ' ';
}

bool seal_record_read(const char *bytes, size_t length, struct seal_key *key, uint64_t *sealed_seq)
{
    struct chain_hash sum;
    char hex[CHAIN_HEX_BYTES + 1];
    if (length < SEAL_RECORD_BYTES || memcmp(bytes, RECORD_WORDS, ID_AT) != 0)
        return false;
    chain_sum(bytes, SUM_AT, &sum);
    if (memcmp(bytes + SUM_AT, chain_hex(&sum, hex), SUM_DIGITS) != 0)
        return false;
    memcpy(key->id, bytes + ID_AT, SEAL_ID_BYTES);
    key->id[SEAL_ID_BYTES] = '\0';
    return read_number(bytes + NUMBER_AT, &key->number) &&
           read_number(bytes + SEQ_AT, sealed_seq) && chain_parse_hex(bytes + KEY_AT, &key->key);
}
