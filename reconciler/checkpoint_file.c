/* Reading and writing the two slots. May not: believe a length or a byte that the sum does not
 * cover. */
#include "reconciler/checkpoint_file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC        "EBBCKPT1"
#define MAGIC_BYTES  8u
#define LENGTH_BYTES 4u
#define SUM_BYTES    32u
#define HEAD_BYTES   (MAGIC_BYTES + LENGTH_BYTES + SUM_BYTES)

void checkpoint_file_init(struct checkpoint_file *file)
{
    *file = (struct checkpoint_file){.slot = {-1, -1}};
}

void checkpoint_file_close(struct checkpoint_file *file)
{
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++) {
        if (file->slot[i] >= 0)
            close(file->slot[i]);
        file->slot[i] = -1;
    }
}

bool checkpoint_file_take(struct checkpoint_file *file, uint64_t index, int descriptor,
                          struct error *error)
{
    if (index >= CHECKPOINT_SLOTS) {
        close(descriptor);
        return error_set(error, "a checkpoint has %d slots, and slot %u came", CHECKPOINT_SLOTS,
                         (unsigned)index);
    }
    if (file->slot[index] >= 0)
        close(file->slot[index]);
    file->slot[index] = descriptor;
    return true;
}

static bool sum(const unsigned char *bytes, size_t length, unsigned char out[SUM_BYTES])
{
    unsigned written = 0;
    return EVP_Digest(bytes, length, out, &written, EVP_sha256(), NULL) == 1 &&
           written == SUM_BYTES;
}

/* Reads exactly `length` bytes from `offset`; the number that were there, or -1 (errno). */
static ssize_t read_at(int descriptor, unsigned char *bytes, size_t length, off_t offset)
{
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(descriptor, bytes + done, length - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

enum slot_state { SLOT_EMPTY, SLOT_TORN, SLOT_WHOLE, SLOT_UNREADABLE };

static size_t payload_length(const unsigned char head[HEAD_BYTES])
{
    size_t length = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length = length << 8 | head[MAGIC_BYTES + i];
    return length;
}

static enum slot_state read_payload(int descriptor, const unsigned char head[HEAD_BYTES],
                                    struct message **message, struct error *error)
{
    size_t length = payload_length(head);
    if (length == 0 || length > message_bytes_max(MESSAGE_checkpoint))
        return SLOT_TORN;
    unsigned char *payload = malloc(length);
    if (payload == NULL) {
        error_set(error, "no memory for a checkpoint of %zu bytes", length);
        return SLOT_UNREADABLE;
    }
    unsigned char found[SUM_BYTES];
    ssize_t got = read_at(descriptor, payload, length, HEAD_BYTES);
    enum slot_state state = got < 0 ? SLOT_UNREADABLE : SLOT_TORN;
    if (got < 0)
        error_set_errno(error, errno, "the checkpoint cannot be read");
    else if (got == (ssize_t)length && sum(payload, length, found) &&
             memcmp(found, head + MAGIC_BYTES + LENGTH_BYTES, SUM_BYTES) == 0 &&
             message_decode(payload, length, message, error)) {
        state = SLOT_WHOLE;
        if ((*message)->id != MESSAGE_checkpoint) {
            message_free(*message);
            *message = NULL;
            state = SLOT_TORN;
        }
    }
    free(payload);
    return state;
}

static enum slot_state read_slot(int descriptor, struct message **message, struct error *error)
{
    unsigned char head[HEAD_BYTES];
    ssize_t got = read_at(descriptor, head, sizeof head, 0);
    if (got < 0) {
        error_set_errno(error, errno, "the checkpoint cannot be read");
        return SLOT_UNREADABLE;
    }
    static const unsigned char nothing[MAGIC_BYTES];
    /* A slot that was only preallocated holds zeros. */
    if (got == 0 || (got >= (ssize_t)MAGIC_BYTES && memcmp(head, nothing, MAGIC_BYTES) == 0))
        return SLOT_EMPTY;
    if (got < (ssize_t)sizeof head || memcmp(head, MAGIC, MAGIC_BYTES) != 0)
        return SLOT_TORN;
    return read_payload(descriptor, head, message, error);
}

static uint64_t sequence_of(const struct message *message)
{
    return message == NULL ? 0 : message_checkpoint(message)->sequence;
}

/* Whether `left` was written after `right`. Sequences are compared as on a circle, so that not even
 * a file that bears the largest leaves none for the next write. */
static bool is_newer(const struct message *left, const struct message *right)
{
    if (left == NULL || right == NULL)
        return left != NULL;
    return (int64_t)(sequence_of(left) - sequence_of(right)) > 0;
}

bool checkpoint_file_read(struct checkpoint_file *file, struct message **message,
                          struct error *note, struct error *error)
{
    struct message *found[CHECKPOINT_SLOTS] = {NULL, NULL};
    bool lost = false;
    *note = (struct error){""};
    file->unread = 0;
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++) {
        struct error why = {""};
        enum slot_state state = read_slot(file->slot[i], &found[i], &why);
        if (state == SLOT_TORN || state == SLOT_UNREADABLE) {
            error_set(note, "slot %u of the checkpoint is %s and is not used%s%s", i,
                      state == SLOT_TORN ? "torn" : "unreadable", why.text[0] != '\0' ? ": " : "",
                      why.text);
            lost = true;
        }
        if (state == SLOT_UNREADABLE)
            file->unread |= 1u << i;
    }
    unsigned newest = is_newer(found[1], found[0]) ? 1 : 0;
    message_free(found[1 - newest]);
    *message = found[newest];
    file->sequence = sequence_of(*message);
    file->next = *message == NULL ? 0 : 1 - newest;
    if (*message == NULL && lost)
        return error_set(error,
                         "no slot of the checkpoint is whole; what it held (times of idleness, "
                         "money counted) is lost, servers are found by their labels");
    return true;
}

static bool write_all(int descriptor, const unsigned char *bytes, size_t length, off_t offset)
{
    size_t done = 0;
    while (done < length) {
        ssize_t put = pwrite(descriptor, bytes + done, length - done, offset + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static bool write_slot(int descriptor, const unsigned char *payload, size_t length,
                       struct error *error)
{
    unsigned char head[HEAD_BYTES];
    memcpy(head, MAGIC, MAGIC_BYTES); /* NOLINT(bugprone-not-null-terminated-result): bytes */
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        head[MAGIC_BYTES + i] = (unsigned char)(length >> (8 * (LENGTH_BYTES - 1 - i)));
    if (!sum(payload, length, head + MAGIC_BYTES + LENGTH_BYTES))
        return error_set(error, "libcrypto cannot make a SHA-256 sum");
    if (!write_all(descriptor, head, sizeof head, 0) ||
        !write_all(descriptor, payload, length, HEAD_BYTES) || fdatasync(descriptor) != 0)
        return error_set_errno(error, errno,
                               "the checkpoint cannot be written; is the disk of files.state_dir "
                               "full?");
    return true;
}

static bool write_next(struct checkpoint_file *file, const struct checkpoint *checkpoint,
                       struct error *error)
{
    struct checkpoint numbered = *checkpoint;
    unsigned char *payload;
    size_t length;
    numbered.sequence = file->sequence == UINT64_MAX ? 1 : file->sequence + 1; /* 0 is none */
    if (!message_encode(MESSAGE_checkpoint, &numbered, &payload, &length, error))
        return false;
    bool good = write_slot(file->slot[file->next], payload, length, error);
    free(payload);
    if (good) {
        file->sequence = numbered.sequence;
        file->unread &= ~(1u << file->next);
        file->next = 1 - file->next;
    }
    return good;
}

bool checkpoint_file_write(struct checkpoint_file *file, const struct checkpoint *checkpoint,
                           struct error *error)
{
    bool good = write_next(file, checkpoint, error);
    while (good && file->unread != 0)
        good = write_next(file, checkpoint, error);
    return good;
}
