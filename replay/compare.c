/* Encodes what is said here as the capture does, and compares the bytes. May not: print. */
#include "replay/compare.h"

#include <stdlib.h>
#include <string.h>

#define THEN "then"
#define NOW  "now"

/* The captured message of this id against `body` here. Both are absent, or both are the same. */
static bool same_message(const struct capture_chunk *said, enum message_id id, const void *body,
                         struct error *what)
{
    unsigned char *bytes;
    size_t length;
    uint32_t at = 0;
    while (at < said->count && said->message[at]->id != id)
        at++;
    if (at == said->count)
        return true; /* captured_output says whether it was to be there */
    if (!message_encode(id, body, &bytes, &length, what))
        return false;
    bool same = length == said->length[at] && memcmp(bytes, said->bytes[at], length) == 0;
    free(bytes);
    if (!same && message_same(id, said->message[at]->body, body, THEN, NOW, what))
        error_set(what, "%s: its bytes differ, and no field does", message_name(id));
    return same;
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
    what->text[0] = '\0';
    if (step->said == NULL)
        return true;
    if (!captured_output_make(step->number, step->output, &room, &here, what))
        return false;
    bool same = same_message(step->said, MESSAGE_captured_output, &here, what);
    if (same && step->output->checkpoint_changed) {
        struct checkpoint numbered = *step->output->checkpoint;
        numbered.sequence = 1; /* as the capture writes it */
        same = same_message(step->said, MESSAGE_checkpoint, &numbered, what);
    }
    if (strstr(what->text, "status_sum") != NULL || same)
        same = same_status(step, what) && same;
    return same;
}
