/* Keeps the last word of each process. */
#include "monitor/picture.h"

static void replace(struct message **kept, struct message *message)
{
    message_free(*kept);
    *kept = message;
}

void picture_take(struct picture *picture, enum role from, struct message *message, int64_t mono_ms)
{
    if (message->id == MESSAGE_status && from == ROLE_RECONCILER) {
        replace(&picture->status, message);
        picture->status_mono_ms = mono_ms;
    } else if (message->id == MESSAGE_counters && message_counters(message)->role == from) {
        replace(&picture->counters[from], message);
    } else {
        message_free(message);
    }
}

void picture_clear(struct picture *picture)
{
    replace(&picture->status, NULL);
    for (unsigned role = 0; role < role_count; role++)
        replace(&picture->counters[role], NULL);
}
