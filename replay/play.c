/* Segments in their order, events in theirs. May not: print. */
#include "replay/play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note(const struct play *play, const struct segment *segment, bool unusable,
                 const char *text)
{
    play->listener.note(segment->path, text, unusable, play->listener.argument);
}

/* -------------------------------------------------------------------- where a segment begins */

static void note_gap(const struct play *play, const struct segment *segment)
{
    char text[ERROR_TEXT_BYTES_MAX];
    const struct capture_head *head = &segment->head;
    if (head->epoch != play->epoch && !head->image)
        return; /* a life from its beginning */
    uint64_t first = head->epoch == play->epoch ? play->number + 1 : 1;
    if (first > head->events)
        return;
    snprintf(text, sizeof text,
             "events %" PRIu64 " to %" PRIu64 " of this life (epoch %" PRIu64
             ") are in no file that was named: a segment is missing in between, or the capture "
             "paused; it goes on with the memory that this segment begins with",
             first, head->events, head->epoch);
    note(play, segment, false, text);
}

/* The memory at the border must be what the events before it led to. */
static void compare_memory(const struct play *play, const struct segment *segment,
                           const struct capture_chunk *beginning)
{
    uint64_t then = core_image_digest(beginning->image, beginning->image_length);
    if (segment->head.image && beginning->image != NULL && then != core_digest(play->core.core))
        play->listener.differs(segment->path, play->number,
                               "the core's memory is another than the one this segment begins with",
                               play->listener.argument);
}

/* No daemon writes an event into two segments. True where this one begins before the end of what
 * was played of its life: said. */
static bool overlaps(const struct play *play, const struct segment *segment)
{
    char text[ERROR_TEXT_BYTES_MAX];
    const struct capture_head *head = &segment->head;
    if (play->core.core == NULL || head->epoch != play->epoch || head->events >= play->number)
        return false;
    snprintf(text, sizeof text,
             "it begins after event %" PRIu64 " of its life (epoch %" PRIu64 "), and other files "
             "that are named hold that life up to event %" PRIu64
             ": captures of two daemons? Name those of one only",
             head->events, head->epoch, play->number);
    note(play, segment, true, text);
    return true;
}

static struct config *settings_of(const struct capture_chunk *beginning, struct error *error)
{
    const struct message *message = capture_chunk_find(beginning, MESSAGE_configure);
    if (message == NULL) {
        error_set(error, "it does not hold the settings that it begins with");
        return NULL;
    }
    const struct configure *configure = message_configure(message);
    return config_import(configure->settings, configure->settings_count, error);
}

/* False where this segment cannot be played (said), or the listener stopped. */
static bool begin(struct play *play, const struct segment *segment, struct capture_chunk *beginning)
{
    const struct capture_head *head = &segment->head;
    struct error error = {""};
    if (play->core.core != NULL && head->epoch == play->epoch && head->events == play->number) {
        compare_memory(play, segment, beginning);
        return true;
    }
    if (overlaps(play, segment))
        return false;
    note_gap(play, segment);
    struct config *config = settings_of(beginning, &error);
    if (config == NULL ||
        !played_core_begin(&play->core, segment, beginning, config, NULL, &error)) {
        played_core_end(&play->core);
        note(play, segment, true, error.text);
        return false;
    }
    play->lives += head->epoch != play->epoch;
    play->epoch = head->epoch;
    play->number = head->events;
    play->stopped = play->listener.begun != NULL &&
                    !play->listener.begun(segment, beginning, &play->core, play->listener.argument);
    return !play->stopped;
}

/* ------------------------------------------------------------------------------------ a step */

static void mark_time(struct play *play, int64_t wall_ms)
{
    if (play->events == 0)
        play->first_wall_ms = wall_ms;
    play->last_wall_ms = wall_ms;
    play->events++;
}

static bool is_beyond(const struct play *play, const struct core_event *event)
{
    const struct play_limit *limit = &play->limit;
    if (limit->wall_ms != 0 && event->wall_ms > limit->wall_ms)
        return true;
    if (limit->number == 0 || (limit->epoch != 0 && play->epoch < limit->epoch))
        return false;
    return (limit->epoch != 0 && play->epoch > limit->epoch) || play->number >= limit->number;
}

/* The step is not taken: what was made for it is given back. */
static void drop_event(struct play *play, struct core_event *event, struct config *config)
{
    play->stopped = true;
    message_free(event->owner);
    config_free(config);
}

/* Steps the core and shows what came of it. The event's chunk may go afterwards. */
static void step(struct play *play, const struct segment *segment, struct core_event *event,
                 struct config *config, const struct capture_chunk *said)
{
    struct played_core *core = &play->core;
    if (is_beyond(play, event)) {
        drop_event(play, event, config);
        return;
    }
    core_step(core->core, event, core->output);
    if (config != NULL) {
        config_free(core->config);
        core->config = config;
    }
    play->number++;
    mark_time(play, event->wall_ms);
    const struct play_step shown = {.segment = segment,
                                    .epoch = play->epoch,
                                    .number = play->number,
                                    .mono_ms = event->mono_ms,
                                    .wall_ms = event->wall_ms,
                                    .event = event,
                                    .core = core->core,
                                    .output = core->output,
                                    .said = said};
    play->stopped = !play->listener.step(&shown, play->listener.argument);
    message_free(core->output->released);
    core->output->released = NULL;
}

/* What ended a segment, in words. True where it ended as it should. */
static bool note_end(const struct play *play, const struct segment *segment, enum capture_read read,
                     const struct error *error)
{
    char text[ERROR_TEXT_BYTES_MAX + 64];
    if (read == CAPTURE_END)
        return true;
    snprintf(text, sizeof text, "after event %" PRIu64 ": %s", play->number, error->text);
    note(play, segment, read != CAPTURE_TORN, text);
    return false;
}

/* The event was written, and then nothing: the reconciler ended in it, or the segment was full. */
static void note_last(const struct play *play, const struct segment *segment, uint64_t number)
{
    char text[ERROR_TEXT_BYTES_MAX];
    snprintf(
        text, sizeof text,
        "what the core said to event %" PRIu64
        " is not in the capture: the reconciler ended in it, the segment was full, or the file "
        "was cut. It is decided now; if this program ends without a word, that event is what ended "
        "both",
        number);
    note(play, segment, false, text);
}

static bool follows(const struct play *play, const struct capture_chunk *chunk)
{
    const struct message *message = capture_chunk_find(chunk, MESSAGE_captured_event);
    return message_captured_event(message)->number == play->number + 1;
}

/* One event's chunk and its output's. False where the segment ends or the listener stopped. */
static bool play_event(struct play *play, const struct segment *segment,
                       struct capture_reader *reader, struct capture_chunk *chunk)
{
    struct capture_chunk said;
    struct core_event event;
    struct config *config;
    struct error error = {""}, end = {""};
    if (!capture_event_of(chunk, &event, &config, &error)) {
        note(play, segment, true, error.text);
        return false;
    }
    if (event.kind == core_event_kind_count)
        return true; /* heard, and nothing for the core */
    if (!follows(play, chunk)) {
        drop_event(play, &event, config);
        play->stopped = false; /* only this segment ends here */
        note(play, segment, true, "an event is missing in the middle of it, though no record is");
        return false;
    }
    enum capture_read read = capture_next_chunk(reader, &said, &end);
    bool whole =
        read == CAPTURE_CHUNK && capture_chunk_find(&said, MESSAGE_captured_output) != NULL;
    if (read == CAPTURE_CHUNK && !whole) {
        error_set(&end, "a record is no output where one should be");
        read = CAPTURE_DAMAGED;
    }
    if (!whole && !is_beyond(play, &event))
        note_last(play, segment, play->number + 1);
    step(play, segment, &event, config, whole ? &said : NULL);
    if (!whole && !play->stopped)
        (void)note_end(play, segment, read, &end);
    capture_chunk_free(&said);
    return whole && !play->stopped;
}

static void play_events(struct play *play, const struct segment *segment,
                        struct capture_reader *reader)
{
    struct capture_chunk chunk;
    struct error error = {""};
    for (bool more = true; more && !play->stopped;) {
        enum capture_read read = capture_next_chunk(reader, &chunk, &error);
        if (read != CAPTURE_CHUNK) {
            (void)note_end(play, segment, read, &error);
            return;
        }
        more = play_event(play, segment, reader, &chunk);
        capture_chunk_free(&chunk);
    }
}

static void play_segment(struct play *play, const struct segment *segment)
{
    struct capture_chunk beginning;
    struct error error = {""};
    struct capture_reader *reader = segment_open(segment->path, &error);
    if (reader == NULL) {
        note(play, segment, true, error.text);
        return;
    }
    enum capture_read read = capture_next_chunk(reader, &beginning, &error);
    if (read == CAPTURE_CHUNK) {
        play->segments++;
        if (begin(play, segment, &beginning))
            play_events(play, segment, reader);
        capture_chunk_free(&beginning);
    } else if (read == CAPTURE_END || read == CAPTURE_TORN) {
        note(play, segment, false, "it ends before its first event");
    } else {
        note(play, segment, true, error.text);
    }
    capture_reader_free(reader);
}

void play_all(struct play *play, const struct segments *segments)
{
    for (size_t i = 0; i < segments->count && !play->stopped; i++)
        play_segment(play, &segments->segment[i]);
}

void play_free(struct play *play)
{
    played_core_end(&play->core);
}
