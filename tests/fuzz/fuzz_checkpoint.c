/* Fuzzes the reconciler's checkpoint slots. Whatever stands in the two files, reading ends; it says
 * why where it gives nothing; what it gives is a checkpoint within every bound, the newer of the
 * whole slots; and afterwards one can be written and is read again.
 *
 * The input: a byte of flags, two bytes with the first slot's length, the first slot, the second.
 * Flags: 1, 2: the slot is a payload alone, and gets the head and the sum that fit it. */
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reconciler/checkpoint_file.h"
#include "tests/fuzz/fuzz.h"

#define HEAD_BYTES  44
#define INPUT_LEAST 3

static int slots[CHECKPOINT_SLOTS] = {-1, -1};

static void put(int descriptor, const void *bytes, size_t size, off_t at)
{
    PROMISE(pwrite(descriptor, bytes, size, at) == (ssize_t)size);
}

/* Head and payload as the reconciler writes them: "EBBCKPT1", the length, the sum. */
static void put_sealed(int descriptor, const uint8_t *payload, size_t size)
{
    unsigned char head[HEAD_BYTES] = {'E', 'B', 'B', 'C', 'K', 'P', 'T', '1'};
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (unsigned char)(size >> (8 * (3 - i)));
    PROMISE(EVP_Digest(payload, size, head + 12, NULL, EVP_sha256(), NULL) == 1);
    put(descriptor, head, sizeof head, 0);
    put(descriptor, payload, size, HEAD_BYTES);
}

static void fill_slot(unsigned slot, const uint8_t *bytes, size_t size, bool sealed)
{
    if (slots[slot] < 0)
        slots[slot] = memfd_create("slot", MFD_CLOEXEC);
    PROMISE(slots[slot] >= 0 && ftruncate(slots[slot], 0) == 0);
    if (sealed)
        put_sealed(slots[slot], bytes, size);
    else
        put(slots[slot], bytes, size, 0);
}

static void open_file(struct checkpoint_file *file)
{
    struct error error = {""};
    checkpoint_file_init(file);
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++)
        PROMISE(checkpoint_file_take(file, i, dup(slots[i]), &error));
}

static void promise_bounds(const struct message *message)
{
    struct error error = {""};
    unsigned char *bytes = NULL;
    size_t length;
    PROMISE(message->id == MESSAGE_checkpoint);
    PROMISE(message_checkpoint(message)->nodes_count <= NODES_MAX);
    PROMISE(message_encode(MESSAGE_checkpoint, message->body, &bytes, &length, &error));
    free(bytes);
}

/* What the start finds: false where it finds nothing that it could use. */
static bool read_both(struct checkpoint_file *file, struct message **message)
{
    struct error note = {""}, error = {""};
    bool good = checkpoint_file_read(file, message, &note, &error);
    if (note.text[0] != '\0')
        promise_words(note.text);
    if (!good)
        promise_words(error.text);
    PROMISE(good || *message == NULL);
    return good;
}

/* A reconciler that could not read goes on, and writes. */
static void try_write(struct checkpoint_file *file, const struct message *before)
{
    struct error error = {""};
    const struct checkpoint fresh = {.wall_ms = 77, .epoch = 9, .sequence = 1};
    PROMISE(checkpoint_file_write(file, &fresh, &error));
    PROMISE(file->sequence != 0 &&
            (before == NULL || file->sequence != message_checkpoint(before)->sequence));
    struct checkpoint_file again;
    struct message *message = NULL;
    open_file(&again);
    PROMISE(read_both(&again, &message) && message != NULL);
    PROMISE(message_checkpoint(message)->wall_ms == 77);
    PROMISE(message_checkpoint(message)->sequence == file->sequence);
    message_free(message);
    checkpoint_file_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < INPUT_LEAST)
        return 0;
    size_t rest = size - INPUT_LEAST, first = (size_t)data[1] << 8 | data[2];
    first = first > rest ? rest : first;
    fill_slot(0, data + INPUT_LEAST, first, data[0] & 1);
    fill_slot(1, data + INPUT_LEAST + first, rest - first, data[0] & 2);
    struct checkpoint_file file;
    struct message *message = NULL;
    open_file(&file);
    read_both(&file, &message);
    if (message != NULL)
        promise_bounds(message);
    try_write(&file, message);
    message_free(message);
    checkpoint_file_close(&file);
    return 0;
}
