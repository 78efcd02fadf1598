/* The core's memory across restarts: two slots (files that the supervisor opened), written in turn,
 * so that a write that was cut short leaves the other one whole.
 *
 * A slot: 8 bytes "EBBCKPT1", 4 bytes length (big-endian), SHA-256 of the payload, the payload: the
 * message `checkpoint` as it would go over a channel.
 * May not: open a file, know what a checkpoint means. */
#ifndef EBBTIDE_RECONCILER_CHECKPOINT_FILE_H
#define EBBTIDE_RECONCILER_CHECKPOINT_FILE_H

#include "proto/message.h"

#define CHECKPOINT_SLOTS 2

struct checkpoint_file {
    int slot[CHECKPOINT_SLOTS]; /* descriptors, -1 while they have not come */
    uint64_t sequence;          /* of the last one that was read or written; 0: none */
    unsigned next;              /* the slot that is written next */
    unsigned unread;            /* bits of slots whose bytes could not be had: they may be newer */
};

void checkpoint_file_init(struct checkpoint_file *file);
void checkpoint_file_close(struct checkpoint_file *file);

/* Takes a slot's descriptor. False with *error set where the index is none. */
bool checkpoint_file_take(struct checkpoint_file *file, uint64_t index, int descriptor,
                          struct error *error);

/* The whole slot that was written last, by its sequence. *message is NULL where both are empty (a
 * first start) and is the caller's otherwise. False with *error set where something is or may be
 * written there and no slot is whole: then the memory is lost and a person should know. A slot
 * beside a whole one that is torn, which is normal, or cannot be read is only said in `note` (""
 * otherwise). */
bool checkpoint_file_read(struct checkpoint_file *file, struct message **message,
                          struct error *note, struct error *error);

/* Writes to the next slot and syncs it (fdatasync(2)); to the other one as well where that could
 * not be read, or what it holds might pass for the newest once it can. `checkpoint`'s sequence is
 * not looked at. */
bool checkpoint_file_write(struct checkpoint_file *file, const struct checkpoint *checkpoint,
                           struct error *error);

#endif
