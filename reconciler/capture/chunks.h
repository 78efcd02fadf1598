/* What a capture's records mean: the beginning of a segment, an event, what the core said to it.
 *
 * A segment: its head; one chunk: the message table, `configure` (the settings that held), and,
 * where the head says so, the core's image and the snapshots that it held; then in turn an event's
 * chunk (`captured_event` and the message that it carried) and its output's (`captured_output`,
 * `checkpoint` and `status` where they changed). What was received and is no event for the core
 * stands between, as `captured_event` of the kind `heard`.
 * May not: open a file, decide. */
#ifndef EBBTIDE_RECONCILER_CAPTURE_CHUNKS_H
#define EBBTIDE_RECONCILER_CAPTURE_CHUNKS_H

#include "proto/message.h"
#include "reconciler/capture/file.h"
#include "reconciler/capture/head.h"
#include "reconciler/core/core.h"

/* ------------------------------------------------------------------------------ writing */

/* The chunk behind the head. `image`: with the core's memory; without it a new core begins. */
enum capture_put capture_put_beginning(struct capture_writer *writer, uint64_t epoch,
                                       const struct core *core, bool image, struct error *error);

/* An event, before the core is told. */
enum capture_put capture_put_event(struct capture_writer *writer, uint64_t number, uint64_t epoch,
                                   const struct core_event *event, struct error *error);

/* What the core said to it. */
enum capture_put capture_put_output(struct capture_writer *writer, uint64_t number,
                                    const struct core_output *output, struct error *error);

/* A message that is no event. */
enum capture_put capture_put_heard(struct capture_writer *writer, uint64_t number, int64_t mono_ms,
                                   int64_t wall_ms, const struct message *message,
                                   struct error *error);

/* What the core said, as the message; lines and actions point into `output` and `room`. */
struct captured_room {
    struct captured_line line[CAPTURED_LINES_MAX];
    struct action action[CAPTURED_ACTIONS_MAX];
    char status_sum[CAPTURED_SUM_BYTES + 1];
};
void captured_output_make(uint64_t number, const struct core_output *output,
                          struct captured_room *room, struct captured_output *out);

/* The message's bytes (malloc'd, the caller's). What cannot be encoded (a peer that was taken over
 * may have made the core say it) is left out in the same way each time, so that the capture goes on
 * and replays. False only where memory is out. */
bool captured_output_encode(const struct captured_output *captured, unsigned char **bytes,
                            size_t *length, struct error *error);

/* ------------------------------------------------------------------------------ reading */

/* A record's items, decoded. */
struct capture_chunk {
    char *table; /* NULL where there is none; ends in NUL */
    unsigned char *image;
    size_t image_length;
    struct message *message[CAPTURE_ITEMS_MAX];
    const unsigned char *bytes[CAPTURE_ITEMS_MAX]; /* as captured; hold until the next record */
    size_t length[CAPTURE_ITEMS_MAX];
    uint32_t count;
};

/* The next record. DAMAGED also where an item is none of ours. What it holds is the caller's, to be
 * freed with capture_chunk_free; nothing is held but after CAPTURE_CHUNK. */
enum capture_read capture_next_chunk(struct capture_reader *reader, struct capture_chunk *chunk,
                                     struct error *error);
void capture_chunk_free(struct capture_chunk *chunk);

/* The message of this id, or NULL. */
struct message *capture_chunk_find(const struct capture_chunk *chunk, enum message_id id);

/* Makes the core's event of an event's chunk. `configured` and what an event borrows lie in the
 * chunk; *config is set for CORE_CONFIGURED and is the caller's. A snapshot's message is its owner
 * and is taken out of the chunk. False with *error set where it is no event of ours. `heard` chunks
 * give *event of kind core_event_kind_count. */
bool capture_event_of(struct capture_chunk *chunk, struct core_event *event, struct config **config,
                      struct error *error);

/* The word of a kind: "tick", "gitea", ... */
const char *capture_kind_word(enum core_event_kind kind);

#endif
