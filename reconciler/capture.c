/* Segments in turn, and what happens when one cannot be written. May not: open a file, decide. */
#include "reconciler/capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"

/* The next segment is asked for when this share of the one in use is left. */
#define NEXT_SHARE 4

void capture_init(struct capture *capture)
{
    *capture = (struct capture){
        .now = {.descriptor = -1}, .next = {.descriptor = -1}, .pause_ms = CAPTURE_RETRY_FIRST_MS};
}

static void close_segment(struct capture_segment *segment)
{
    if (segment->descriptor >= 0)
        close(segment->descriptor);
    segment->descriptor = -1;
}

static void end_writer(struct capture *capture)
{
    capture_writer_free(capture->writer);
    capture->writer = NULL;
    close_segment(&capture->now);
}

void capture_close(struct capture *capture)
{
    end_writer(capture);
    close_segment(&capture->next);
}

void capture_configure(struct capture *capture, const struct config *config, uint64_t epoch)
{
    capture->epoch = epoch;
    capture->segment_bytes = config->capture.segment_bytes;
    capture->enabled = config->capture.enabled;
    capture->not_before_mono_ms = 0;
    if (capture->enabled)
        return;
    if (capture->writer != NULL)
        log_info("the capture is switched off; it ends in %s", capture->now.name);
    capture_close(capture);
    capture->paused = false;
    capture->missed = 0;
    metric_set(M_CAPTURE_PAUSED, 0, 0, 0);
}

bool capture_take(struct capture *capture, uint64_t number, const char *name, int descriptor,
                  struct error *error)
{
    if (!capture->enabled) {
        close(descriptor);
        return error_set(error, "a segment of the capture came, and capture.enabled is false");
    }
    close_segment(&capture->next);
    capture->next = (struct capture_segment){.descriptor = descriptor, .number = number};
    snprintf(capture->next.name, sizeof capture->next.name, "%s", name);
    capture->not_before_mono_ms = 0;
    return true;
}

/* --------------------------------------------------------------------------------- trouble */

static void wait_longer(struct capture *capture, int64_t mono_ms)
{
    capture->not_before_mono_ms = mono_ms + capture->pause_ms;
    if (capture->pause_ms < CAPTURE_RETRY_MOST_MS)
        capture->pause_ms *= 2;
}

static void pause_capture(struct capture *capture, const char *why, int64_t mono_ms)
{
    metric_add(M_CAPTURE_ERRORS, 0, 0, 1);
    metric_set(M_CAPTURE_PAUSED, 0, 0, 1);
    wait_longer(capture, mono_ms);
    if (!capture->paused)
        log_error("the capture pauses, and deciding goes on: %s; it is tried again until it works",
                  why);
    capture->paused = true;
}

/* What came of a record. */
static bool written(struct capture *capture, enum capture_put put, const struct error *error,
                    uint64_t before, int64_t mono_ms)
{
    if (put == CAPTURE_WRITTEN) {
        metric_add(M_CAPTURE_BYTES, 0, 0, (double)(capture_writer_size(capture->writer) - before));
        return true;
    }
    end_writer(capture);
    if (put == CAPTURE_FAILED)
        pause_capture(capture, error->text, mono_ms);
    else if (capture->next.descriptor < 0)
        pause_capture(capture, "its segment is full, and no next one has come", mono_ms);
    return false;
}

/* -------------------------------------------------------------------------------- segments */

static bool begin_segment(struct capture *capture, const struct core *core, int64_t wall_ms,
                          struct capture_writer **out, struct error *error)
{
    char text[CAPTURE_HEAD_BYTES_MAX + 1];
    struct capture_head head = capture_head_here();
    head.segment = capture->next.number;
    head.epoch = capture->epoch;
    head.events = capture->events;
    head.image = capture->events > 0;
    head.wall_ms = wall_ms;
    capture_head_format(&head, text);
    *out = capture_writer_new(capture->next.descriptor, capture->segment_bytes, text, error);
    if (*out == NULL)
        return false;
    enum capture_put put = capture_put_beginning(*out, capture->epoch, core, head.image, error);
    if (put == CAPTURE_WRITTEN)
        return true;
    if (put == CAPTURE_FULL)
        error_set(error, "capture.segment is too small for the memory of this fleet: raise it");
    capture_writer_free(*out);
    (void)!ftruncate(capture->next.descriptor, 0);
    return false;
}

/* Goes on in the segment that came, where one did. The one in use stays while that fails. */
static void roll(struct capture *capture, const struct core *core, const struct core_event *event)
{
    struct error error = {""};
    struct capture_writer *writer;
    if (capture->next.descriptor < 0 || event->mono_ms < capture->not_before_mono_ms)
        return;
    if (!begin_segment(capture, core, event->wall_ms, &writer, &error)) {
        if (capture->writer == NULL)
            pause_capture(capture, error.text, event->mono_ms);
        else
            wait_longer(capture, event->mono_ms);
        return;
    }
    end_writer(capture);
    capture->writer = writer;
    capture->now = capture->next;
    capture->next.descriptor = -1;
    if (capture->paused)
        log_info("the capture goes on in %s; %" PRIu64 " events before it are in no segment",
                 capture->now.name, capture->missed);
    else
        log_debug("the capture goes on in %s", capture->now.name);
    capture->paused = false;
    capture->missed = 0;
    capture->pause_ms = CAPTURE_RETRY_FIRST_MS;
    metric_set(M_CAPTURE_PAUSED, 0, 0, 0);
    metric_add(M_CAPTURE_SEGMENTS, 0, 0, 1);
    metric_add(M_CAPTURE_BYTES, 0, 0, (double)capture_writer_size(writer));
}

bool capture_wants(struct capture *capture, int64_t mono_ms)
{
    if (!capture->enabled || capture->next.descriptor >= 0 || mono_ms < capture->not_before_mono_ms)
        return false;
    if (capture->writer != NULL && capture_writer_size(capture->writer) <
                                       capture->segment_bytes / NEXT_SHARE * (NEXT_SHARE - 1))
        return false;
    wait_longer(capture, mono_ms);
    return true;
}

/* ----------------------------------------------------------------------------------- steps */

/* One try to write an event; the first that finds a segment full tries again in the next. */
static bool try_event(struct capture *capture, const struct core_event *event)
{
    struct error error = {""};
    uint64_t before = capture_writer_size(capture->writer);
    enum capture_put put =
        capture_put_event(capture->writer, capture->events + 1, capture->epoch, event, &error);
    return written(capture, put, &error, before, event->mono_ms);
}

void capture_event(struct capture *capture, const struct core *core, const struct core_event *event)
{
    capture->event_written = false;
    if (capture->enabled) {
        roll(capture, core, event);
        if (capture->writer != NULL)
            capture->event_written = try_event(capture, event);
        if (!capture->event_written && capture->writer == NULL && !capture->paused) {
            roll(capture, core, event);
            if (capture->writer != NULL)
                capture->event_written = try_event(capture, event);
        }
        if (!capture->event_written) {
            capture->missed++;
            metric_add(M_CAPTURE_MISSED, 0, 0, 1);
        }
    }
    capture->events++;
}

void capture_output(struct capture *capture, const struct core_output *output, int64_t mono_ms)
{
    struct error error = {""};
    if (!capture->event_written || capture->writer == NULL)
        return;
    uint64_t before = capture_writer_size(capture->writer);
    enum capture_put put = capture_put_output(capture->writer, capture->events, output, &error);
    (void)written(capture, put, &error, before, mono_ms);
}

void capture_heard(struct capture *capture, int64_t mono_ms, int64_t wall_ms,
                   const struct message *message)
{
    struct error error = {""};
    if (!capture->enabled || capture->writer == NULL)
        return;
    uint64_t before = capture_writer_size(capture->writer);
    enum capture_put put =
        capture_put_heard(capture->writer, capture->events, mono_ms, wall_ms, message, &error);
    (void)written(capture, put, &error, before, mono_ms);
}
