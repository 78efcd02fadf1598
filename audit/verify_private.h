/* What verify.c and verify_seals.c share; nobody else includes it. May not: be part of the
 * contract.
 */
#ifndef EBBTIDE_AUDIT_VERIFY_PRIVATE_H
#define EBBTIDE_AUDIT_VERIFY_PRIVATE_H

#include "audit/check.h"
#include "audit/verify.h"

/* Which key made the last seal, whether that key is ours or not. */
struct last_seal {
    char key[SEAL_ID_BYTES + 1]; /* "": there was none */
    uint64_t number;
};

struct verify {
    struct verify_keys keys; /* each as it was used last */
    struct noted_heads noted;
    bool part;
    verify_hear hear;
    void *argument;
    const char *file;
    struct chain_check check;
    bool found_here; /* at the line that is looked at */
    struct last_seal seal;
    int64_t epoch_ms; /* of the last good seal */
    struct verify_result result;
};

void verify_found(struct verify *verify, uint64_t line, const struct error *what);

/* A seal whose line fits: `text` are its first mac_bytes. */
void verify_seal(struct verify *verify, const json_t *line, const char *text);

/* What is left unsealed for too long, at the end. */
void verify_unsealed(struct verify *verify);

#endif
