/* Reading a segment: no length is believed before it is checked, no byte before its sum.
 * May not: know what an item means. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "reconciler/capture/file.h"

#define LENGTH_BYTES 4u
#define ROOM_FIRST   ((size_t)64 * 1024)

struct capture_reader {
    int descriptor;
    uint64_t at, size; /* of the file */
    ZSTD_DCtx *stream;
    unsigned char sum[CAPTURE_SUM_BYTES];
    char head[CAPTURE_HEAD_BYTES_MAX + 1];
    unsigned char *payload;
    size_t payload_room;
    unsigned char *plain;
    size_t plain_length, plain_room, plain_at;
};

static size_t get_length(const unsigned char bytes[LENGTH_BYTES])
{
    size_t length = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length = length << 8 | bytes[i];
    return length;
}

/* Reads exactly `length` bytes at `at`; they are there, by the file's size. */
static bool read_at(const struct capture_reader *reader, unsigned char *bytes, size_t length,
                    uint64_t at, struct error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(reader->descriptor, bytes + done, length - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "it cannot be read");
        if (got == 0)
            return error_set(error, "it became shorter while it was read");
        done += (size_t)got;
    }
    return true;
}

/* What a file system leaves of a write that it only half made before the power went. */
static bool only_zeros_follow(const struct capture_reader *reader)
{
    unsigned char some[4096];
    struct error error;
    for (uint64_t at = reader->at; at < reader->size;) {
        size_t length = reader->size - at < sizeof some ? (size_t)(reader->size - at) : sizeof some;
        if (!read_at(reader, some, length, at, &error))
            return false;
        for (size_t i = 0; i < length; i++)
            if (some[i] != 0)
                return false;
        at += length;
    }
    return true;
}

static bool grow(unsigned char **bytes, size_t *room, size_t wanted, struct error *error)
{
    if (*room >= wanted)
        return true;
    unsigned char *bigger = realloc(*bytes, wanted);
    if (bigger == NULL)
        return error_set(error, "no memory for a record of %zu bytes", wanted);
    *bytes = bigger;
    *room = wanted;
    return true;
}

static enum capture_read torn(const struct capture_reader *reader, struct error *error)
{
    error_set(error,
              "it ends inside a record, at byte %" PRIu64 " of %" PRIu64
              ": so a crash or a full disk leaves it (or a disk that changed this record's length)",
              reader->at, reader->size);
    return CAPTURE_TORN;
}

static enum capture_read damaged(const struct capture_reader *reader, const char *what,
                                 struct error *error)
{
    error_set(error, "it is damaged: the record at byte %" PRIu64 " of %" PRIu64 " %s", reader->at,
              reader->size, what);
    return CAPTURE_DAMAGED;
}

/* The next record's payload, checked. */
static enum capture_read read_record(struct capture_reader *reader, size_t length_max,
                                     size_t *length, struct error *error)
{
    unsigned char frame[CAPTURE_FRAME_BYTES];
    uint64_t left = reader->size - reader->at;
    if (left == 0)
        return CAPTURE_END;
    if (left < sizeof frame)
        return torn(reader, error);
    if (!read_at(reader, frame, sizeof frame, reader->at, error))
        return CAPTURE_BROKEN;
    *length = get_length(frame);
    if (*length == 0 && only_zeros_follow(reader))
        return torn(reader, error);
    if (*length == 0 || *length > length_max)
        return damaged(reader, "has a length that no record has", error);
    if (left - sizeof frame < *length)
        return torn(reader, error);
    if (!grow(&reader->payload, &reader->payload_room, *length, error) ||
        !read_at(reader, reader->payload, *length, reader->at + sizeof frame, error))
        return CAPTURE_BROKEN;
    if (!capture_sum(reader->sum, reader->payload, *length)) {
        error_set(error, "libcrypto cannot make a SHA-256 sum");
        return CAPTURE_BROKEN;
    }
    if (memcmp(reader->sum, frame + LENGTH_BYTES, CAPTURE_SUM_BYTES) != 0)
        return damaged(reader, "does not have its sum", error);
    reader->at += sizeof frame + *length;
    return CAPTURE_CHUNK;
}

/* ---------------------------------------------------------------------------------- chunks */

/* Uncompresses a payload into `plain`, which never grows beyond the bound of a chunk. */
static enum capture_read uncompress(struct capture_reader *reader, size_t length,
                                    struct error *error)
{
    ZSTD_inBuffer in = {reader->payload, length, 0};
    reader->plain_length = reader->plain_at = 0;
    for (;;) {
        size_t room = reader->plain_length + ROOM_FIRST;
        if (room < reader->plain_room)
            room = reader->plain_room;
        else if (room < reader->plain_room * 2)
            room = reader->plain_room * 2;
        room = room > CAPTURE_CHUNK_BYTES_MAX ? CAPTURE_CHUNK_BYTES_MAX : room;
        if (!grow(&reader->plain, &reader->plain_room, room, error))
            return CAPTURE_BROKEN;
        ZSTD_outBuffer out = {reader->plain, reader->plain_room, reader->plain_length};
        size_t result = ZSTD_decompressStream(reader->stream, &out, &in);
        if (ZSTD_isError(result))
            return damaged(reader, ZSTD_getErrorName(result), error);
        bool all = in.pos == in.size && out.pos < out.size;
        reader->plain_length = out.pos;
        if (all)
            return CAPTURE_CHUNK;
        if (reader->plain_length == CAPTURE_CHUNK_BYTES_MAX)
            return damaged(reader, "holds more than a record may", error);
    }
}

enum capture_read capture_reader_next(struct capture_reader *reader, struct error *error)
{
    size_t length;
    enum capture_read read =
        read_record(reader, ZSTD_COMPRESSBOUND(CAPTURE_CHUNK_BYTES_MAX), &length, error);
    return read == CAPTURE_CHUNK ? uncompress(reader, length, error) : read;
}

bool capture_reader_item(struct capture_reader *reader, enum capture_item_kind *kind,
                         const unsigned char **bytes, size_t *length, struct error *error)
{
    const unsigned char *at = reader->plain + reader->plain_at;
    size_t left = reader->plain_length - reader->plain_at;
    if (left == 0)
        return false;
    if (left < 1 + LENGTH_BYTES || get_length(at + 1) > left - 1 - LENGTH_BYTES)
        return error_set(error, "a record before byte %" PRIu64 " is not made of items",
                         reader->at);
    *kind = (enum capture_item_kind)at[0];
    *length = get_length(at + 1);
    *bytes = at + 1 + LENGTH_BYTES;
    reader->plain_at += 1 + LENGTH_BYTES + *length;
    return true;
}

/* ----------------------------------------------------------------------------------- begin */

static bool read_head(struct capture_reader *reader, struct error *error)
{
    unsigned char magic[CAPTURE_MAGIC_BYTES];
    size_t length;
    if (reader->size == 0)
        return error_set(error, "it is empty: nothing was captured into it yet");
    if (reader->size < sizeof magic || !read_at(reader, magic, sizeof magic, 0, error) ||
        memcmp(magic, CAPTURE_MAGIC, sizeof magic) != 0)
        return error_set(error, "it is no capture: it does not begin with %s", CAPTURE_MAGIC);
    reader->at = sizeof magic;
    enum capture_read read = read_record(reader, CAPTURE_HEAD_BYTES_MAX, &length, error);
    if (read == CAPTURE_END)
        (void)torn(reader, error);
    if (read != CAPTURE_CHUNK)
        return false;
    memcpy(reader->head, reader->payload, length);
    return true;
}

static bool begin(struct capture_reader *reader, struct error *error)
{
    struct stat status;
    if (fstat(reader->descriptor, &status) != 0)
        return error_set_errno(error, errno, "it cannot be looked at");
    if (!S_ISREG(status.st_mode))
        return error_set(error, "it is no capture: it is not a regular file");
    reader->size = (uint64_t)status.st_size;
    reader->stream = ZSTD_createDCtx();
    if (reader->stream == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(
                                      reader->stream, ZSTD_d_windowLogMax, CAPTURE_WINDOW_LOG)))
        return error_set(error, "no memory to read a capture");
    return read_head(reader, error);
}

struct capture_reader *capture_reader_new(int descriptor, struct error *error)
{
    struct capture_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        close(descriptor);
        error_set(error, "no memory to read a capture");
        return NULL;
    }
    reader->descriptor = descriptor;
    if (begin(reader, error))
        return reader;
    capture_reader_free(reader);
    return NULL;
}

const char *capture_reader_head(const struct capture_reader *reader)
{
    return reader->head;
}

void capture_reader_free(struct capture_reader *reader)
{
    if (reader == NULL)
        return;
    close(reader->descriptor);
    ZSTD_freeDCtx(reader->stream);
    free(reader->payload);
    free(reader->plain);
    free(reader);
}
