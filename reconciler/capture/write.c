/* Writing a segment. May not: know what an item means, sync. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "reconciler/capture/file.h"

#define LEVEL        1 /* each step waits for it */
#define ROOM_LEAST   ((size_t)16 * 1024)
#define LENGTH_BYTES 4u

struct capture_writer {
    int descriptor;
    uint64_t size, bytes_max;
    ZSTD_CCtx *stream;
    unsigned char sum[CAPTURE_SUM_BYTES];
    unsigned char *out; /* a frame's head, and the payload */
    size_t used, room;
};

static void put_length(unsigned char out[LENGTH_BYTES], size_t length)
{
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        out[i] = (unsigned char)(length >> (8 * (LENGTH_BYTES - 1 - i)));
}

bool capture_sum(unsigned char sum[CAPTURE_SUM_BYTES], const unsigned char *payload, size_t length)
{
    unsigned char whole[EVP_MAX_MD_SIZE], head[LENGTH_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    put_length(head, length);
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, sum, CAPTURE_SUM_BYTES) == 1 &&
                EVP_DigestUpdate(context, head, sizeof head) == 1 &&
                EVP_DigestUpdate(context, payload, length) == 1 &&
                EVP_DigestFinal_ex(context, whole, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (good)
        memcpy(sum, whole, CAPTURE_SUM_BYTES);
    return good;
}

/* All of it, or none: what was half written is taken back, so that the next reader finds a whole
 * file. Where even that fails, the file is torn, and read up to the tear. */
static enum capture_put append(struct capture_writer *writer, const unsigned char *bytes,
                               size_t length, struct error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t put = write(writer->descriptor, bytes + done, length - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int number = put < 0 ? errno : ENOSPC;
            (void)!ftruncate(writer->descriptor, (off_t)writer->size);
            error_set_errno(error, number, "the capture cannot be written");
            return CAPTURE_FAILED;
        }
        done += (size_t)put;
    }
    writer->size += length;
    return CAPTURE_WRITTEN;
}

static bool make_room(struct capture_writer *writer, size_t more, struct error *error)
{
    if (writer->room >= writer->used + more)
        return true;
    size_t room = writer->room * 2 > writer->used + more ? writer->room * 2 : writer->used + more;
    unsigned char *bigger = realloc(writer->out, room);
    if (bigger == NULL)
        return error_set(error, "no memory for a record of the capture (%zu bytes)", room);
    writer->out = bigger;
    writer->room = room;
    return true;
}

/* Frames what stands in `out` behind the place of its frame. */
static enum capture_put write_record(struct capture_writer *writer, struct error *error)
{
    size_t length = writer->used - CAPTURE_FRAME_BYTES;
    if (writer->size + writer->used > writer->bytes_max)
        return CAPTURE_FULL;
    if (!capture_sum(writer->sum, writer->out + CAPTURE_FRAME_BYTES, length)) {
        error_set(error, "libcrypto cannot make a SHA-256 sum");
        return CAPTURE_FAILED;
    }
    put_length(writer->out, length);
    memcpy(writer->out + LENGTH_BYTES, writer->sum, CAPTURE_SUM_BYTES);
    enum capture_put put = append(writer, writer->out, writer->used, error);
    writer->used = CAPTURE_FRAME_BYTES;
    return put;
}

/* -------------------------------------------------------------------------------- stream */

static enum capture_put feed(struct capture_writer *writer, const void *bytes, size_t length,
                             ZSTD_EndDirective how, struct error *error)
{
    ZSTD_inBuffer in = {bytes, length, 0};
    size_t left;
    do {
        if (!make_room(writer, ROOM_LEAST, error))
            return CAPTURE_FAILED;
        ZSTD_outBuffer out = {writer->out, writer->room, writer->used};
        left = ZSTD_compressStream2(writer->stream, &out, &in, how);
        writer->used = out.pos;
        if (ZSTD_isError(left)) {
            error_set(error, "the capture cannot be compressed: %s", ZSTD_getErrorName(left));
            return CAPTURE_FAILED;
        }
    } while (in.pos < in.size || (how == ZSTD_e_flush && left > 0));
    return CAPTURE_WRITTEN;
}

enum capture_put capture_writer_item(struct capture_writer *writer, enum capture_item_kind kind,
                                     const unsigned char *bytes, size_t length, struct error *error)
{
    unsigned char head[1 + LENGTH_BYTES] = {(unsigned char)kind};
    if (length > CAPTURE_ITEM_BYTES_MAX) {
        error_set(error, "an item of a capture has %zu bytes, at most %zu are allowed", length,
                  CAPTURE_ITEM_BYTES_MAX);
        return CAPTURE_FAILED;
    }
    put_length(head + 1, length);
    enum capture_put put = feed(writer, head, sizeof head, ZSTD_e_continue, error);
    return put == CAPTURE_WRITTEN ? feed(writer, bytes, length, ZSTD_e_continue, error) : put;
}

enum capture_put capture_writer_end(struct capture_writer *writer, struct error *error)
{
    enum capture_put put = feed(writer, NULL, 0, ZSTD_e_flush, error);
    return put == CAPTURE_WRITTEN ? write_record(writer, error) : put;
}

/* ---------------------------------------------------------------------------------- begin */

static bool begin(struct capture_writer *writer, const char *head, struct error *error)
{
    size_t length = strlen(head);
    writer->stream = ZSTD_createCCtx();
    writer->used = CAPTURE_FRAME_BYTES;
    if (writer->stream == NULL || !make_room(writer, ROOM_LEAST, error))
        return error_set(error, "no memory for the capture");
    if (ZSTD_isError(ZSTD_CCtx_setParameter(writer->stream, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(
            ZSTD_CCtx_setParameter(writer->stream, ZSTD_c_windowLog, CAPTURE_WINDOW_LOG)) ||
        length > CAPTURE_HEAD_BYTES_MAX)
        return error_set(error, "zstd does not take the capture's parameters");
    const unsigned char magic[] = CAPTURE_MAGIC;
    if (append(writer, magic, CAPTURE_MAGIC_BYTES, error) != CAPTURE_WRITTEN)
        return false;
    memcpy(writer->out + writer->used, head, length);
    writer->used += length;
    enum capture_put put = write_record(writer, error);
    if (put == CAPTURE_FULL)
        error_set(error, "a segment of the capture is smaller than its head");
    return put == CAPTURE_WRITTEN;
}

struct capture_writer *capture_writer_new(int descriptor, uint64_t bytes_max, const char *head,
                                          struct error *error)
{
    struct capture_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        error_set(error, "no memory for the capture");
        return NULL;
    }
    writer->descriptor = descriptor;
    writer->bytes_max = bytes_max;
    if (begin(writer, head, error))
        return writer;
    (void)!ftruncate(descriptor, 0);
    capture_writer_free(writer);
    return NULL;
}

uint64_t capture_writer_size(const struct capture_writer *writer)
{
    return writer->size;
}

void capture_writer_free(struct capture_writer *writer)
{
    if (writer == NULL)
        return;
    ZSTD_freeCCtx(writer->stream);
    free(writer->out);
    free(writer);
}
