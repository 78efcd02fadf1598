/* Records as items. May not: believe a count, know a core. */
#include "reconciler/capture/chunks.h"

#include <stdlib.h>
#include <string.h>

static bool keep_text(char **out, const unsigned char *bytes, size_t length, struct error *error)
{
    char *text = *out == NULL ? malloc(length + 1) : NULL;
    if (text == NULL)
        return error_set(error, "no memory for an item of a capture, or one came twice");
    memcpy(text, bytes, length);
    text[length] = '\0';
    *out = text;
    return true;
}

static bool take_item(struct capture_chunk *chunk, enum capture_item_kind kind,
                      const unsigned char *bytes, size_t length, struct error *error)
{
    if (kind == CAPTURE_TABLE)
        return keep_text(&chunk->table, bytes, length, error);
    if (kind == CAPTURE_IMAGE) {
        char *image = NULL;
        if (chunk->image != NULL || !keep_text(&image, bytes, length, error))
            return error_set(error, "no memory for an image, or one came twice");
        chunk->image = (unsigned char *)image;
        chunk->image_length = length;
        return true;
    }
    if (kind != CAPTURE_MESSAGE)
        return error_set(error, "an item is of the kind %d, which this version does not know",
                         (int)kind);
    if (chunk->count == CAPTURE_ITEMS_MAX)
        return error_set(error, "a record holds more than %u messages", CAPTURE_ITEMS_MAX);
    if (!message_decode(bytes, length, &chunk->message[chunk->count], error))
        return false;
    chunk->bytes[chunk->count] = bytes;
    chunk->length[chunk->count] = length;
    chunk->count++;
    return true;
}

enum capture_read capture_next_chunk(struct capture_reader *reader, struct capture_chunk *chunk,
                                     struct error *error)
{
    enum capture_item_kind kind;
    const unsigned char *bytes;
    size_t length;
    *chunk = (struct capture_chunk){.table = NULL};
    error->text[0] = '\0';
    enum capture_read read = capture_reader_next(reader, error);
    if (read != CAPTURE_CHUNK)
        return read;
    while (capture_reader_item(reader, &kind, &bytes, &length, error))
        if (!take_item(chunk, kind, bytes, length, error))
            break;
    if (error->text[0] == '\0')
        return CAPTURE_CHUNK;
    capture_chunk_free(chunk);
    return CAPTURE_DAMAGED;
}

void capture_chunk_free(struct capture_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->count; i++)
        message_free(chunk->message[i]);
    free(chunk->table);
    free(chunk->image);
    *chunk = (struct capture_chunk){.table = NULL};
}

struct message *capture_chunk_find(const struct capture_chunk *chunk, enum message_id id)
{
    for (uint32_t i = 0; i < chunk->count; i++)
        if (chunk->message[i] != NULL && chunk->message[i]->id == id)
            return chunk->message[i];
    return NULL;
}
