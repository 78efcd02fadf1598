/* The key of the epoch that runs, in two files of the actuator's that are written in turn: a crash
 * at any instant leaves one of them whole, and the old key is overwritten in both before the next
 * seal. On a file system that writes elsewhere instead of over (btrfs, a snapshot) the old bytes
 * may outlive that; see docs/audit.md. May not: open a file, log. */
#ifndef EBBTIDE_AUDIT_SEAL_STORE_H
#define EBBTIDE_AUDIT_SEAL_STORE_H

#include "audit/seal.h"

#define SEAL_SLOTS       2
#define SEALS_BEHIND_MAX 4096 /* that the files may be behind the log: 42 days of a full disk */

struct seal_store;

/* Takes both descriptors (read and write) and reads them. *out NULL and true: there are no keys
 * (both are empty). False with a sentence: neither can be read. The key lies in locked memory. */
bool seal_store_open(const int slot[SEAL_SLOTS], struct seal_store **out, struct error *error);

/* Wipes and closes. NULL is fine. */
void seal_store_close(struct seal_store *store);

/* The key that seals now, for chain_make. */
const struct seal_key *seal_store_key(const struct seal_store *store);
uint64_t seal_store_sealed(const struct seal_store *store); /* the line that was sealed last */

/* Line `seq` is the seal of this epoch and stands in the log: the next key, the old one wiped here
 * and in both files. False with a sentence where they cannot be written: the key in memory is the
 * next one all the same, and this is tried again with the next seal. */
bool seal_store_advance(struct seal_store *store, uint64_t seq, struct error *error);

/* Whether the seal of epoch `number`, over text, was made with its key. Nothing is written, no key
 * is used up; false also where the number is before the key's or too far behind it. */
bool seal_store_made(const struct seal_store *store, uint64_t number, const char *text,
                     size_t length, const struct chain_hash *mac);

/* As seal_store_advance, for the seal of epoch `number` that the files have not heard of: the keys
 * up to its own are wiped. Only where seal_store_made it: they never come back. */
bool seal_store_pass(struct seal_store *store, uint64_t number, uint64_t seq, struct error *error);

/* Writes both slots: for the first key. */
bool seal_slots_write(const int slot[SEAL_SLOTS], const struct seal_key *key, uint64_t sealed_seq,
                      struct error *error);

#endif
