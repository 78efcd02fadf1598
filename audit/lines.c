/* The lines of a file. May not: keep more than one piece in memory. */
#include "audit/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading {
    char *buffer;     /* of LINES_BYTES_MAX + 1 */
    size_t kept;      /* bytes of it that are not taken yet: the beginning of a line */
    uint64_t skipped; /* bytes of an overlong line that stood behind its kept beginning */
    void (*take)(const char *, size_t, uint64_t, void *);
    void *argument;
    struct lines_end *end;
};

static void take_line(struct reading *reading, size_t begin, size_t length)
{
    uint64_t bytes = length + reading->skipped;
    reading->take(reading->buffer + begin, length, bytes, reading->argument);
    reading->end->whole += bytes + 1;
    reading->skipped = 0;
}

/* `got` new bytes stand behind the kept ones. */
static void take_piece(struct reading *reading, size_t got)
{
    size_t begin = 0, end = reading->kept + got, looked = reading->kept;
    const char *newline;
    while ((newline = memchr(reading->buffer + looked, '\n', end - looked)) != NULL) {
        size_t at = (size_t)(newline - reading->buffer);
        take_line(reading, begin, at - begin);
        begin = looked = at + 1;
    }
    reading->kept = end - begin;
    memmove(reading->buffer, reading->buffer + begin, reading->kept);
}

/* The buffer is full of one line: its beginning stays, the rest is read and dropped until its end.
 */
static bool skip_piece(struct reading *reading, const char *piece, size_t got, size_t *used)
{
    const char *newline = memchr(piece, '\n', got);
    *used = newline == NULL ? got : (size_t)(newline - piece);
    reading->skipped += *used;
    if (newline == NULL)
        return false;
    take_line(reading, 0, reading->kept);
    reading->kept = 0;
    *used += 1;
    return true;
}

static void take_bytes(struct reading *reading, char *piece, size_t got)
{
    size_t at = 0, used;
    while (at < got) {
        size_t room = LINES_BYTES_MAX - reading->kept, more = got - at;
        if (room == 0) {
            (void)skip_piece(reading, piece + at, more, &used);
            at += used;
            continue;
        }
        more = more < room ? more : room;
        memcpy(reading->buffer + reading->kept, piece + at, more);
        take_piece(reading, more);
        at += more;
    }
}

bool lines_each(int descriptor, const char *name,
                void (*take)(const char *line, size_t length, uint64_t bytes, void *argument),
                void *argument, struct lines_end *end, struct error *error)
{
    *end = (struct lines_end){0, 0};
    char *memory = malloc(2 * (size_t)LINES_BYTES_MAX);
    if (memory == NULL)
        return error_set(error, "out of memory for reading %s", name);
    struct reading reading = {.buffer = memory, .take = take, .argument = argument, .end = end};
    char *piece = memory + LINES_BYTES_MAX;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(descriptor, piece, LINES_BYTES_MAX, at)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        at += got;
        take_bytes(&reading, piece, (size_t)got);
    }
    int failed = errno;
    free(memory);
    if (got < 0)
        return error_set_errno(error, failed, "cannot read %s", name);
    end->torn = (uint64_t)at - end->whole;
    return true;
}
