/* The keys of the epochs. Each is made from the one before, which is then wiped: whoever takes this
 * machine over can make seals from now on and none of an epoch that is over.
 *
 *   key(0)    32 random bytes, shown once and kept on another machine
 *   key(n+1)  SHA-256("ebbtide audit next key\n", key(n))
 *   id        the first 8 bytes of SHA-256("ebbtide audit key id\n", key(0)): which first key it
 * was
 *
 * Seal n ends epoch n; its mac (chain.h) is made with key(n), and it says n: no seal can be left
 * out, since nobody has the key to give a later one its number. The number rises with each seal,
 * not with the clock: while nothing runs, nothing is to be sealed, and the first thing that a start
 * does is to seal what the last run left. May not: do I/O, log. */
#ifndef EBBTIDE_AUDIT_SEAL_H
#define EBBTIDE_AUDIT_SEAL_H

#include "audit/chain.h"

#define SEAL_ID_BYTES       16      /* digits, without the NUL */
#define SEALS_MAX           5000000 /* of one first key: 140 years of quarters of an hour */
#define SEAL_KEY_TEXT_BYTES 128     /* of seal_first_print, with its NUL */

/* Memory with a key is wiped by whoever holds it (explicit_bzero), or in a struct secret. */
struct seal_key {
    char id[SEAL_ID_BYTES + 1];
    uint64_t number; /* n */
    struct chain_hash key;
};

/* key(0) of these random bytes. */
void seal_first(const struct chain_hash *random, struct seal_key *out);

/* key(n) becomes key(n+1), in place. */
void seal_next(struct seal_key *key);

/* What is kept on the other machine: one line "ebbtide-audit-key-1:ID:HEX", without a newline. */
void seal_first_print(const struct seal_key *first, char out[SEAL_KEY_TEXT_BYTES]);

/* Reads that line (length bytes). False with a sentence that does not hold the key. */
bool seal_first_read(const char *text, size_t length, struct seal_key *out, struct error *error);

#define SEAL_RECORD_BYTES 512

/* A slot of the actuator's state: always as long, so that the next overwrites all of the last.
 * sealed_seq: number of the line that was sealed last, the seal itself; 0: none. */
void seal_record_print(const struct seal_key *key, uint64_t sealed_seq,
                       char out[SEAL_RECORD_BYTES]);
bool seal_record_read(const char *bytes, size_t length, struct seal_key *key, uint64_t *sealed_seq);

#endif
