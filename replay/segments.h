/* The files that a person names: segments of captures, in the order of their making.
 * May not: replay. */
#ifndef EBBTIDE_REPLAY_SEGMENTS_H
#define EBBTIDE_REPLAY_SEGMENTS_H

#include "reconciler/capture/head.h"

#define SEGMENTS_MAX 4096

struct segment {
    char *path;
    struct capture_head head;
};

struct segments {
    struct segment segment[SEGMENTS_MAX];
    size_t count;
};

/* Called with a sentence about a file that cannot be replayed, or about what is missing. */
typedef void segments_note(const char *path, const char *text, bool unusable, void *argument);

/* Reads the head of each file; a folder stands for all capture.NUMBER in it. What is no segment
 * that this program can replay is noted and left out; so is one that is named twice. Sorted by life
 * and place in it. False where memory is out or more than SEGMENTS_MAX are there. */
bool segments_find(struct segments *segments, char *const *name, size_t count, segments_note *note,
                   void *argument, struct error *error);

void segments_free(struct segments *segments);

/* Opens one of them to read. NULL with *error set. */
struct capture_reader *segment_open(const char *path, struct error *error);

#endif
