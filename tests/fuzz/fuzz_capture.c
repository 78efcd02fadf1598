/* Fuzzes the reader of captures: whatever a file holds, reading it ends, with a sentence where it
 * is not whole; and what its records hold becomes an event of the core, or a sentence. The sums
 * keep a fuzzer out, so it has two doors: a whole file, and the message of an event in a good
 * frame. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reconciler/capture/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was broken. */
static void check(bool good)
{
    if (!good)
        abort();
}

static void look_at_chunk(struct capture_chunk *chunk)
{
    struct core_event event;
    struct config *config;
    struct error error = {""};
    bool good = capture_event_of(chunk, &event, &config, &error);
    check(good || error.text[0] != '\0');
    check(config == NULL || (good && event.kind == CORE_CONFIGURED));
    if (good)
        message_free(event.owner);
    config_free(config);
}

static enum capture_read read_all(int file)
{
    struct error error = {""};
    struct capture_chunk chunk;
    enum capture_read read = CAPTURE_BROKEN;
    struct capture_reader *reader = capture_reader_new(dup(file), &error);
    check(reader != NULL || error.text[0] != '\0');
    while (reader != NULL && (read = capture_next_chunk(reader, &chunk, &error)) == CAPTURE_CHUNK) {
        look_at_chunk(&chunk);
        capture_chunk_free(&chunk);
    }
    check(reader == NULL || read == CAPTURE_END || error.text[0] != '\0');
    capture_reader_free(reader);
    return read;
}

/* An event of the kind that the first byte says, with the rest as its message. */
static void write_event(int file, const uint8_t *data, size_t size)
{
    struct error error = {""};
    unsigned char *bytes = NULL;
    size_t length = 0;
    const struct captured_event event = {
        .number = 1,
        .kind = capture_kind_word((enum core_event_kind)(data[0] % 14) /* 13: heard */)};
    struct capture_writer *writer =
        capture_writer_new(file, UINT64_MAX, "ebbtide capture\n", &error);
    check(writer != NULL &&
          message_encode(MESSAGE_captured_event, &event, &bytes, &length, &error));
    check(capture_writer_item(writer, CAPTURE_MESSAGE, bytes, length, &error) == CAPTURE_WRITTEN);
    check(capture_writer_item(writer, (enum capture_item_kind)data[1], data + 2, size - 2,
                              &error) == CAPTURE_WRITTEN);
    check(capture_writer_end(writer, &error) == CAPTURE_WRITTEN);
    capture_writer_free(writer);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    int file = memfd_create("capture", MFD_CLOEXEC);
    check(file >= 0);
    if (data[0] == 'F') {
        check(write(file, data + 1, size - 1) == (ssize_t)(size - 1));
        (void)read_all(file);
    } else {
        write_event(file, data, size);
        enum capture_read read = read_all(file);
        check(read == CAPTURE_END || read == CAPTURE_DAMAGED); /* the frame is good */
    }
    close(file);
    return 0;
}
