/* The note of a fence, read and written. May not: call anything but memcpy, memmove, memset,
 * memcmp. */
#include "common/fence_note.h"

#include <string.h>

#define NUMBER_BYTES_MAX 20 /* digits of UINT64_MAX */

/* Reads digits at *at, at least one, without overflow. */
static bool take_number(const char **at, uint64_t *out)
{
    const char *text = *at;
    uint64_t value = 0;
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *at = text;
    *out = value;
    return true;
}

/* One `.<id>` or `.x` after the time. */
static bool take_part(const char **at, struct fence_note *out)
{
    uint64_t id = 0;
    if (**at != '.' || out->all)
        return false;
    (*at)++;
    if (**at == 'x') {
        (*at)++;
        out->all = true;
        return true;
    }
    if (!take_number(at, &id) || id == 0 || out->id_count == RUNNERS_PER_NODE_MAX)
        return false;
    out->id[out->id_count++] = id;
    return true;
}

bool fence_note_parse(const char *text, struct fence_note *out)
{
    uint64_t seconds = 0;
    memset(out, 0, sizeof *out);
    if (text == NULL || text[0] != 'v' || text[1] != '1' || text[2] != '.')
        return false;
    text += 3;
    if (!take_number(&text, &seconds) || seconds > (uint64_t)TIME_MS_MAX / 1000)
        return false;
    out->since_wall_ms = (int64_t)seconds * 1000;
    while (*text != '\0')
        if (!take_part(&text, out))
            return false;
    return true;
}

/* Writes the digits of value to out (NUMBER_BYTES_MAX bytes); returns how many. */
static size_t digits_of(uint64_t value, char out[NUMBER_BYTES_MAX])
{
    char backwards[NUMBER_BYTES_MAX];
    size_t count = 0;
    do {
        backwards[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = backwards[count - 1 - i];
    return count;
}

void fence_note_format(const struct fence_note *note, char *out, size_t size)
{
    char digits[NUMBER_BYTES_MAX];
    size_t length = 3;
    bool all = note->all;
    memcpy(out, "v1.", length);
    size_t count = digits_of((uint64_t)note->since_wall_ms / 1000, digits);
    memcpy(out + length, digits, count);
    length += count;
    for (uint32_t i = 0; i < note->id_count && !all; i++) {
        count = digits_of(note->id[i], digits);
        /* What follows must fit as well: `.x`, unless this is the last, and the NUL. */
        size_t after = i + 1 == note->id_count ? 1 : 3;
        if (length + 1 + count + after > size) {
            all = true;
            break;
        }
        out[length++] = '.';
        memcpy(out + length, digits, count);
        length += count;
    }
    if (all) {
        out[length++] = '.';
        out[length++] = 'x';
    }
    out[length] = '\0';
}

bool fence_note_covers(const struct fence_note *note, uint64_t runner_id)
{
    for (uint32_t i = 0; i < note->id_count; i++)
        if (note->id[i] == runner_id)
            return true;
    return note->all;
}
