/* One segment of a capture as a file: framed, summed, compressed.
 *
 * The file: 8 bytes "EBBCAPT1", then records. A record: 4 bytes length of its payload (big-endian),
 * 16 bytes sum, the payload. The sum is SHA-256, cut to its first 128 bits, over the sum of the
 * record before (zeros for the first), the length and the payload: no record can be changed, taken
 * away or moved without being noticed. The first payload is plain text (head.h). Those that follow
 * are one zstd stream, flushed at the end of each, so that a file that ends anywhere can be read up
 * to its last whole record. Uncompressed, a record is a chunk: items one after another, each 1 byte
 * kind, 4 bytes length (big-endian), its bytes.
 * May not: open a file to write, know what an item means. */
#ifndef EBBTIDE_RECONCILER_CAPTURE_FILE_H
#define EBBTIDE_RECONCILER_CAPTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "tables/limits.h"

#define CAPTURE_MAGIC           "EBBCAPT1"
#define CAPTURE_MAGIC_BYTES     8u
#define CAPTURE_SUM_BYTES       16u
#define CAPTURE_FRAME_BYTES     (4u + CAPTURE_SUM_BYTES)
#define CAPTURE_HEAD_BYTES_MAX  1024u                         /* the first payload */
#define CAPTURE_CHUNK_BYTES_MAX ((size_t)3 * FRAME_BYTES_MAX) /* uncompressed */
#define CAPTURE_ITEM_BYTES_MAX  ((size_t)FRAME_BYTES_MAX)     /* of one item */
#define CAPTURE_ITEMS_MAX       8u                            /* of one chunk */
#define CAPTURE_WINDOW_LOG      20 /* zstd looks back 1 MiB: what a reader must hold, too */

enum capture_item_kind {
    CAPTURE_TABLE = 'T',   /* the message table as text (message_table_lines) */
    CAPTURE_IMAGE = 'I',   /* of the core (core/image.h) */
    CAPTURE_MESSAGE = 'M', /* a message as it would go over a channel */
};

/* ------------------------------------------------------------------------------ writing */

struct capture_writer;

/* What came of writing a record. After anything but WRITTEN the writer can only be freed; the file
 * ends after its last whole record. */
enum capture_put { CAPTURE_WRITTEN, CAPTURE_FULL, CAPTURE_FAILED };

/* Begins a segment in an empty file (borrowed, appended to) of at most bytes_max: magic and head.
 * NULL with *error set where memory is out or the file cannot be written; it is empty then. */
struct capture_writer *capture_writer_new(int descriptor, uint64_t bytes_max, const char *head,
                                          struct error *error);

/* Adds an item to the chunk that is being made. */
enum capture_put capture_writer_item(struct capture_writer *writer, enum capture_item_kind kind,
                                     const unsigned char *bytes, size_t length,
                                     struct error *error);

/* Writes the chunk as a record. CAPTURE_FULL where it would not fit into bytes_max. */
enum capture_put capture_writer_end(struct capture_writer *writer, struct error *error);

/* Bytes of the file so far. */
uint64_t capture_writer_size(const struct capture_writer *writer);

/* Frees it; the descriptor stays open. NULL is fine. */
void capture_writer_free(struct capture_writer *writer);

/* ------------------------------------------------------------------------------ reading */

struct capture_reader;

enum capture_read {
    CAPTURE_CHUNK,
    CAPTURE_END,     /* the file ends after a whole record */
    CAPTURE_TORN,    /* it ends inside one: what a crash or a full disk leaves */
    CAPTURE_DAMAGED, /* a record is not as it was written */
    CAPTURE_BROKEN,  /* it cannot be read, or memory is out */
};

/* Reads the descriptor (taken) from its beginning. NULL with *error set where it is no capture, or
 * not whole in its head. */
struct capture_reader *capture_reader_new(int descriptor, struct error *error);

/* The head's text. */
const char *capture_reader_head(const struct capture_reader *reader);

/* The next record. *error is set for all but CHUNK and END. */
enum capture_read capture_reader_next(struct capture_reader *reader, struct error *error);

/* The next item of the chunk that was read; false after the last, or (*error set) where the chunk
 * is not made of items. `bytes` holds until the next record. */
bool capture_reader_item(struct capture_reader *reader, enum capture_item_kind *kind,
                         const unsigned char **bytes, size_t *length, struct error *error);

/* Frees and closes. NULL is fine. */
void capture_reader_free(struct capture_reader *reader);

/* ------------------------------------------------------------------------------- both */

/* sum becomes that of the record that follows it. False where libcrypto has no SHA-256. */
bool capture_sum(unsigned char sum[CAPTURE_SUM_BYTES], const unsigned char *payload, size_t length);

#endif
