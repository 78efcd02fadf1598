/* Reads a descriptor from beginning to end. May not: open, log. */
#include "common/whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)16 * 1024)

struct growing {
    char *bytes;
    size_t length, room;
};

/* Room for another piece and a NUL; never more than most + 1 + NUL. */
static bool make_room(struct growing *text, size_t most)
{
    if (text->room - text->length > 1)
        return true;
    size_t room = text->room == 0 ? PIECE_BYTES : text->room * 2;
    if (room > most + 2)
        room = most + 2;
    char *bytes = realloc(text->bytes, room);
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

static bool read_pieces(int descriptor, bool file, const char *name, size_t most,
                        struct growing *text, struct error *error)
{
    for (;;) {
        if (!make_room(text, most))
            return error_set(error, "out of memory while %s is read", name);
        size_t room = text->room - text->length - 1;
        char *into = text->bytes + text->length;
        ssize_t got = file ? pread(descriptor, into, room, (off_t)text->length)
                           : read(descriptor, into, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "%s cannot be read", name);
        if (got == 0)
            return true;
        text->length += (size_t)got;
        if (text->length > most)
            return error_set(error, "%s is longer than the %zu bytes allowed", name, most);
    }
}

bool whole_file_read(int descriptor, const char *name, size_t most, char **out, size_t *length,
                     struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_set_errno(error, errno, "%s cannot be looked at", name);
    struct growing text = {0};
    if (!read_pieces(descriptor, S_ISREG(status.st_mode), name, most, &text, error)) {
        free(text.bytes);
        return false;
    }
    text.bytes[text.length] = '\0';
    *out = text.bytes;
    if (length != NULL)
        *length = text.length;
    return true;
}
