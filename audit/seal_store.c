/* The two slots of the key. May not: open a file, log. */
#include "audit/seal_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"

struct kept_key {
    struct seal_key key;
    uint64_t sealed_seq;
};

struct seal_store {
    int slot[SEAL_SLOTS];
    struct secret *memory; /* a struct kept_key */
};

static struct kept_key *kept(const struct seal_store *store)
{
    return (struct kept_key *)(void *)secret_bytes(store->memory);
}

const struct seal_key *seal_store_key(const struct seal_store *store)
{
    return &kept(store)->key;
}

uint64_t seal_store_sealed(const struct seal_store *store)
{
    return kept(store)->sealed_seq;
}

void seal_store_close(struct seal_store *store)
{
    if (store == NULL)
        return;
    for (unsigned i = 0; i < SEAL_SLOTS; i++)
        if (store->slot[i] >= 0)
            close(store->slot[i]);
    secret_free(store->memory);
    free(store);
}

/* ---------------------------------------------------------------------------------- writing */

static bool write_slot(int descriptor, const char *record, struct error *error)
{
    size_t done = 0;
    while (done < SEAL_RECORD_BYTES) {
        ssize_t wrote = pwrite(descriptor, record + done, SEAL_RECORD_BYTES - done, (off_t)done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return error_set_errno(error, wrote < 0 ? errno : ENOSPC,
                                   "cannot write the audit log's key");
        done += (size_t)wrote;
    }
    return fdatasync(descriptor) == 0 ||
           error_set_errno(error, errno, "cannot sync the audit log's key");
}

/* One after the other: at any instant one of them is whole. */
bool seal_slots_write(const int slot[SEAL_SLOTS], const struct seal_key *key, uint64_t sealed_seq,
                      struct error *error)
{
    char record[SEAL_RECORD_BYTES];
    bool good = true;
    seal_record_print(key, sealed_seq, record);
    for (unsigned i = 0; i < SEAL_SLOTS && good; i++)
        good = write_slot(slot[i], record, error);
    explicit_bzero(record, sizeof record);
    return good;
}

bool seal_store_advance(struct seal_store *store, uint64_t seq, struct error *error)
{
    return seal_store_pass(store, kept(store)->key.number, seq, error);
}

bool seal_store_made(const struct seal_store *store, uint64_t number, const char *text,
                     size_t length, const struct chain_hash *mac)
{
    struct seal_key key = kept(store)->key;
    struct chain_hash own;
    bool near = number >= key.number && number - key.number <= SEALS_BEHIND_MAX;
    while (near && key.number < number)
        seal_next(&key);
    if (near)
        chain_mac(&key.key, text, length, &own);
    explicit_bzero(&key, sizeof key);
    return near && chain_hash_same(&own, mac);
}

bool seal_store_pass(struct seal_store *store, uint64_t number, uint64_t seq, struct error *error)
{
    struct kept_key *now = kept(store);
    while (now->key.number <= number)
        seal_next(&now->key);
    now->sealed_seq = seq;
    return seal_slots_write(store->slot, &now->key, seq, error);
}

/* ---------------------------------------------------------------------------------- reading */

enum slot_state { SLOT_EMPTY, SLOT_WHOLE, SLOT_TORN, SLOT_UNREADABLE };

static enum slot_state read_slot(int descriptor, struct kept_key *out, struct error *error)
{
    char record[SEAL_RECORD_BYTES];
    ssize_t got = pread(descriptor, record, sizeof record, 0);
    if (got < 0) {
        error_set_errno(error, errno, "cannot read the audit log's key");
        return SLOT_UNREADABLE;
    }
    bool whole = seal_record_read(record, (size_t)got, &out->key, &out->sealed_seq);
    explicit_bzero(record, sizeof record);
    return whole ? SLOT_WHOLE : got == 0 ? SLOT_EMPTY : SLOT_TORN;
}

/* The higher number holds: the lower one is what a crash left to be wiped. */
static bool read_slots(struct seal_store *store, bool *there, struct error *error)
{
    enum slot_state state[SEAL_SLOTS];
    struct kept_key one;
    *there = false;
    for (unsigned i = 0; i < SEAL_SLOTS; i++) {
        state[i] = read_slot(store->slot[i], &one, error);
        if (state[i] == SLOT_UNREADABLE)
            return false;
        if (state[i] == SLOT_WHOLE && (!*there || one.key.number > kept(store)->key.number)) {
            *kept(store) = one;
            *there = true;
        }
    }
    explicit_bzero(&one, sizeof one);
    if (*there)
        return seal_slots_write(store->slot, &kept(store)->key, kept(store)->sealed_seq, error);
    return (state[0] == SLOT_EMPTY && state[1] == SLOT_EMPTY) ||
           error_set(error, "neither of the two files of the audit log's key is whole: set up new "
                            "ones with `ebbtide audit setup-keys --again`");
}

bool seal_store_open(const int slot[SEAL_SLOTS], struct seal_store **out, struct error *error)
{
    struct seal_store *store = calloc(1, sizeof *store);
    *out = NULL;
    if (store == NULL) {
        for (unsigned i = 0; i < SEAL_SLOTS; i++)
            close(slot[i]);
        return error_set(error, "out of memory for the audit log's key");
    }
    memcpy(store->slot, slot, sizeof store->slot);
    store->memory = secret_room(sizeof(struct kept_key), error);
    bool there = false;
    bool good = store->memory != NULL && read_slots(store, &there, error);
    if (good && there)
        *out = store;
    else
        seal_store_close(store);
    return good;
}
