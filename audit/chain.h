/* The audit log's chain: one line's frame, made and read, byte by byte.
 *
 *   {"seq":N, ... ,"prev":"HEX","hash":"HEX"}        a seal has "mac":"HEX" between prev and hash
 *
 * The canonical form is the line itself: hash is SHA-256 over its bytes from `{` up to, and not
 * including, `,"hash":`; so it covers prev, which is the hash of the line before, zeros in the
 * first. mac is HMAC-SHA256 over the bytes up to `,"mac":`. HEX is 64 lower-case digits, N has no
 * leading zero. Nothing is parsed again to be hashed, so there is one form only.
 * May not: read or write a file, keep a key. */
#ifndef EBBTIDE_AUDIT_CHAIN_H
#define EBBTIDE_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define CHAIN_HASH_BYTES      32
#define CHAIN_HEX_BYTES       (2 * CHAIN_HASH_BYTES) /* without its NUL */
#define CHAIN_LINE_BYTES_MAX  16384                  /* with its newline */
#define CHAIN_FRAME_BYTES_MAX 320                    /* what chain_make adds to a body */

/* Numbers that a line may have, as every JSON reader holds them; and those that an honest log may
 * reach: what begins above has room left to go on, whatever somebody wrote. */
#define CHAIN_SEQ_MAX          (UINT64_C(1) << 53)
#define CHAIN_SEQ_BELIEVED_MAX (UINT64_C(1) << 49)

struct chain_hash {
    unsigned char byte[CHAIN_HASH_BYTES];
};

/* A place in the chain: a line's number and hash. Number 0, zeros: before the first line. */
struct chain_link {
    uint64_t seq;
    struct chain_hash hash;
};

/* A line that has the form of one. */
struct chain_frame {
    struct chain_link link; /* as the line says */
    struct chain_hash prev;
    bool has_mac;
    struct chain_hash mac;
    size_t mac_bytes; /* of the line, that mac is made over */
    bool fits;        /* the hash is that of its bytes */
};

/* SHA-256. Aborts where libcrypto cannot: without it nothing here holds. */
void chain_sum(const void *bytes, size_t length, struct chain_hash *out);

/* HMAC-SHA256 with a key of CHAIN_HASH_BYTES. Likewise. */
void chain_mac(const struct chain_hash *key, const void *bytes, size_t length,
               struct chain_hash *out);

bool chain_hash_same(const struct chain_hash *one, const struct chain_hash *other);

char *chain_hex(const struct chain_hash *hash, char out[CHAIN_HEX_BYTES + 1]); /* returns out */

/* 64 lower-case digits at `text` (more may follow). */
bool chain_parse_hex(const char *text, struct chain_hash *out);

/* Makes the line after `before` of a JSON object `body` ({...}, without seq, prev, mac and hash), a
 * newline at its end. key: NULL, or the line is a seal. Returns its length, 0 where it does not fit
 * into room. */
size_t chain_make(const struct chain_link *before, const char *body, size_t body_length,
                  const struct chain_hash *key, char *out, size_t room, struct chain_link *after);

/* Reads a line without its newline. False with a sentence where it has not the form of one. */
bool chain_read(const char *line, size_t length, struct chain_frame *out, struct error *error);

#endif
