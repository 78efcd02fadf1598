/* Encodes what is said here as the capture does, and compares the bytes. May not: print. */
#include "replay/compare.h"

#include <stdlib.h>
#include <string.h>

#define THEN "then"
#define NOW  "now"

/* Where the captured message of this id stands; said->count where there is none: captured_output
 * says whether it was to be there. */
static uint32_t place_of(const struct capture_chunk *said, enum message_id id)
{
    uint32_t at = 0;
    while (at < said->count && said->message[at]->id != id)
        at++;
    return at;
}

/* The captured message of this id against `body` here, whose bytes are given (taken). */
static bool same_bytes(const struct capture_chunk *said, enum message_id id, const void *body,
                       unsigned char *bytes, size_t length, struct error *what)
{
    uint32_t at = place_of(said, id);
    bool same = at == said->count ||
                (length == said->length[at] && memcmp(bytes, said->bytes[at], length) == 0);
    free(bytes);
    if (!same && message_same(id, said->message[at]->body, body, THEN, NOW, what))
        error_set(what, "%s: its bytes differ, and no field does", message_name(id));
    return same;
}

static bool same_message(const struct capture_chunk *said, enum message_id id, const void *body,
                         struct error *what)
{
    unsigned char *bytes;
    size_t length;
    if (place_of(said, id) == said->count)
        return true;
    return message_encode(id, body, &bytes, &length, what) &&
           same_bytes(said, id, body, bytes, length, what);
}

/* The sum of the status says that it differs; the status itself, where it was captured, says how.
 */
static bool same_status(const struct play_step *step, struct error *what)
{
    struct error field = {""};
    if (same_message(step->said, MESSAGE_status, step->output->status, &field))
        return true;
    *what = field;
    return false;
}

bool compare_step(const struct play_step *step, struct error *what)
{
    static struct captured_room room; /* large, and one thread only */
    struct captured_output here;
    unsigned char *bytes;
    size_t length;
    what->text[0] = '\0';
    if (step->said == NULL)
        return true;
    captured_output_make(step->number, step->output, &room, &here);
    bool same = captured_output_encode(&here, &bytes, &length, what) &&
                same_bytes(step->said, MESSAGE_captured_output, &here, bytes, length, what);
    if (same && step->output->checkpoint_changed) {
        struct checkpoint numbered = *step->output->checkpoint;
        numbered.sequence = 1; /* as the capture writes it */
        same = same_message(step->said, MESSAGE_checkpoint, &numbered, what);
    }
    if (strstr(what->text, "status_sum") != NULL || same)
        same = same_status(step, what) && same;
    return same;
}
