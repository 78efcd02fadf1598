/* Events and outputs of the core as items of a capture. May not: decide, know a file. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/capture/chunks.h"
#include "reconciler/core/image.h"

_Static_assert(CAPTURED_ACTIONS_MAX == CORE_ACTIONS_PER_STEP_MAX, "limits.h and core.h");
_Static_assert(CAPTURED_LINES_MAX == CORE_LINES_PER_STEP_MAX, "limits.h and core.h");

#define HEARD      "heard"
#define NO_MESSAGE message_id_count
#define SUM_BYTES  (CAPTURED_SUM_BYTES / 2)

/* A kind's word, and the message that carries what it points at. */
static const struct kind_row {
    const char *word;
    enum message_id message;
} kinds[core_event_kind_count] = {
    [CORE_TICK] = {"tick", NO_MESSAGE},
    [CORE_GITEA] = {"gitea", MESSAGE_gitea_snapshot},
    [CORE_HETZNER] = {"hetzner", MESSAGE_hetzner_snapshot},
    [CORE_KUBE] = {"kube", MESSAGE_kube_snapshot},
    [CORE_POLL_TROUBLE] = {"poll-trouble", MESSAGE_poll_trouble},
    [CORE_TOKEN_WRITES] = {"token-writes", MESSAGE_token_writes},
    [CORE_CHECKPOINT] = {"checkpoint", MESSAGE_checkpoint},
    [CORE_ACTUATOR_STATE] = {"actuator-state", MESSAGE_actuator_state},
    [CORE_AUDIT_NEWS] = {"audit-news", MESSAGE_audit_news},
    [CORE_ACTUATOR_LOST] = {"actuator-lost", NO_MESSAGE},
    [CORE_RESULT] = {"result", MESSAGE_action_result},
    [CORE_CONFIGURED] = {"configured", MESSAGE_configure},
    [CORE_STORAGE] = {"storage", NO_MESSAGE},
};

const char *capture_kind_word(enum core_event_kind kind)
{
    return (unsigned)kind < core_event_kind_count ? kinds[kind].word : HEARD;
}

/* ---------------------------------------------------------------------------------- writing */

static enum capture_put put_message(struct capture_writer *writer, enum message_id id,
                                    const void *body, struct error *error)
{
    unsigned char *bytes;
    size_t length;
    if (!message_encode(id, body, &bytes, &length, error))
        return CAPTURE_FAILED;
    enum capture_put put = capture_writer_item(writer, CAPTURE_MESSAGE, bytes, length, error);
    free(bytes);
    return put;
}

/* The settings that the reconciler may read: what it was sent, and no more. */
static enum capture_put put_settings(struct capture_writer *writer, const struct config *config,
                                     uint64_t epoch, struct error *error)
{
    struct config_settings settings;
    if (!config_export(config, ROLE_RECONCILER, &settings, error))
        return CAPTURE_FAILED;
    const struct configure configure = {.generation = 1,
                                        .epoch = epoch,
                                        .settings = settings.setting,
                                        .settings_count = settings.count};
    enum capture_put put = put_message(writer, MESSAGE_configure, &configure, error);
    config_settings_free(&settings);
    return put;
}

static enum capture_put put_table(struct capture_writer *writer, struct error *error)
{
    size_t count, total = 0;
    const char *const *lines = message_table_lines(&count);
    for (size_t i = 0; i < count; i++)
        total += strlen(lines[i]);
    char *text = malloc(total + 1);
    if (text == NULL) {
        error_set(error, "no memory for the message table (%zu bytes)", total);
        return CAPTURE_FAILED;
    }
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(lines[i]);
        memcpy(at, lines[i], length);
        at += length;
    }
    enum capture_put put =
        capture_writer_item(writer, CAPTURE_TABLE, (const unsigned char *)text, total, error);
    free(text);
    return put;
}

static enum capture_put put_core(struct capture_writer *writer, const struct core *core,
                                 const struct core_held *held, struct error *error)
{
    size_t length = core_image_bytes(core);
    unsigned char *image = malloc(length);
    if (image == NULL) {
        error_set(error, "no memory for the core's image (%zu bytes)", length);
        return CAPTURE_FAILED;
    }
    core_image_save(core, image);
    enum capture_put put = capture_writer_item(writer, CAPTURE_IMAGE, image, length, error);
    free(image);
    if (put == CAPTURE_WRITTEN && held->gitea != NULL)
        put = put_message(writer, MESSAGE_gitea_snapshot, held->gitea, error);
    if (put == CAPTURE_WRITTEN && held->hetzner != NULL)
        put = put_message(writer, MESSAGE_hetzner_snapshot, held->hetzner, error);
    if (put == CAPTURE_WRITTEN && held->kube != NULL)
        put = put_message(writer, MESSAGE_kube_snapshot, held->kube, error);
    return put;
}

enum capture_put capture_put_beginning(struct capture_writer *writer, uint64_t epoch,
                                       const struct core *core, bool image, struct error *error)
{
    struct core_held held;
    core_holds(core, &held);
    enum capture_put put = put_table(writer, error);
    if (put == CAPTURE_WRITTEN)
        put = put_settings(writer, held.config, epoch, error);
    if (put == CAPTURE_WRITTEN && image)
        put = put_core(writer, core, &held, error);
    return put == CAPTURE_WRITTEN ? capture_writer_end(writer, error) : put;
}

static const void *body_of(const struct core_event *event)
{
    const void *body;
    /* Every member of the union is one pointer. */
    _Static_assert(sizeof event->u == sizeof body, "core_event.u");
    memcpy(&body, &event->u, sizeof body);
    return body;
}

enum capture_put capture_put_event(struct capture_writer *writer, uint64_t number, uint64_t epoch,
                                   const struct core_event *event, struct error *error)
{
    const struct kind_row *row = &kinds[event->kind];
    const void *body = body_of(event);
    const char *text = event->kind == CORE_STORAGE ? event->u.storage_trouble : NULL;
    const struct captured_event captured = {.number = number,
                                            .mono_ms = event->mono_ms,
                                            .wall_ms = event->wall_ms,
                                            .kind = row->word,
                                            .text = text};
    enum capture_put put = put_message(writer, MESSAGE_captured_event, &captured, error);
    if (put == CAPTURE_WRITTEN && event->kind == CORE_CONFIGURED)
        put = put_settings(writer, event->u.config, epoch, error);
    else if (put == CAPTURE_WRITTEN && row->message != NO_MESSAGE && body != NULL)
        put = put_message(writer, row->message, body, error);
    return put == CAPTURE_WRITTEN ? capture_writer_end(writer, error) : put;
}

enum capture_put capture_put_heard(struct capture_writer *writer, uint64_t number, int64_t mono_ms,
                                   int64_t wall_ms, const struct message *message,
                                   struct error *error)
{
    const struct captured_event captured = {
        .number = number, .mono_ms = mono_ms, .wall_ms = wall_ms, .kind = HEARD};
    enum capture_put put = put_message(writer, MESSAGE_captured_event, &captured, error);
    if (put == CAPTURE_WRITTEN)
        put = put_message(writer, message->id, message->body, error);
    return put == CAPTURE_WRITTEN ? capture_writer_end(writer, error) : put;
}

/* ---------------------------------------------------------------------------------- outputs */

/* What stands in the place of a sum where there is none. */
#define NO_STATUS   ""
#define UNENCODABLE "unencodable"

static void sum_of_status(const struct status *status, char out[CAPTURED_SUM_BYTES + 1])
{
    struct error error;
    unsigned char *bytes, sum[EVP_MAX_MD_SIZE];
    size_t length;
    snprintf(out, CAPTURED_SUM_BYTES + 1, "%s", status == NULL ? NO_STATUS : UNENCODABLE);
    if (status == NULL || !message_encode(MESSAGE_status, status, &bytes, &length, &error))
        return;
    bool good = EVP_Digest(bytes, length, sum, NULL, EVP_sha256(), NULL) == 1;
    free(bytes);
    for (unsigned i = 0; good && i < SUM_BYTES; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", sum[i]);
}

void captured_output_make(uint64_t number, const struct core_output *output,
                          struct captured_room *room, struct captured_output *out)
{
    for (uint32_t i = 0; i < output->line_count; i++)
        room->line[i] = (struct captured_line){output->line[i].level, output->line[i].text};
    for (uint32_t i = 0; i < output->action_count; i++)
        room->action[i] = output->action[i].action;
    *out = (struct captured_output){.number = number,
                                    .wake_ms = output->wake_ms,
                                    .poll_now = output->poll_now,
                                    .ready = output->ready,
                                    .checkpoint_changed = output->checkpoint_changed,
                                    .status_changed = output->status_changed,
                                    .lines_lost = output->lines_lost,
                                    .provision_ms = output->measured.provision_ms,
                                    .teardown_ms = output->measured.teardown_ms,
                                    .lines = room->line,
                                    .lines_count = output->line_count,
                                    .actions = room->action,
                                    .actions_count = output->action_count,
                                    .status_sum = room->status_sum};
    sum_of_status(output->status, room->status_sum);
}

bool captured_output_encode(const struct captured_output *captured, unsigned char **bytes,
                            size_t *length, struct error *error)
{
    struct error first;
    if (message_encode(MESSAGE_captured_output, captured, bytes, length, &first))
        return true;
    const struct captured_line why = {VERBOSITY_ERROR, first.text};
    const struct captured_output bare = {.number = captured->number,
                                         .lines = &why,
                                         .lines_count = 1,
                                         .status_sum = captured->status_sum};
    return message_encode(MESSAGE_captured_output, &bare, bytes, length, error);
}

/* One that cannot be encoded is left out: captured_output says that it was to be there. */
static enum capture_put put_what_can_be(struct capture_writer *writer, enum message_id id,
                                        const void *body, struct error *error)
{
    unsigned char *bytes;
    size_t length;
    if (!message_encode(id, body, &bytes, &length, error))
        return CAPTURE_WRITTEN;
    enum capture_put put = capture_writer_item(writer, CAPTURE_MESSAGE, bytes, length, error);
    free(bytes);
    return put;
}

enum capture_put capture_put_output(struct capture_writer *writer, uint64_t number,
                                    const struct core_output *output, struct error *error)
{
    static struct captured_room room; /* large, and one thread only */
    struct captured_output captured;
    unsigned char *bytes;
    size_t length;
    captured_output_make(number, output, &room, &captured);
    if (!captured_output_encode(&captured, &bytes, &length, error))
        return CAPTURE_FAILED;
    enum capture_put put = capture_writer_item(writer, CAPTURE_MESSAGE, bytes, length, error);
    free(bytes);
    if (put == CAPTURE_WRITTEN && output->checkpoint_changed) {
        struct checkpoint numbered = *output->checkpoint;
        numbered.sequence = 1; /* the file's business, not the core's */
        put = put_what_can_be(writer, MESSAGE_checkpoint, &numbered, error);
    }
    if (put == CAPTURE_WRITTEN && output->status_changed)
        put = put_what_can_be(writer, MESSAGE_status, output->status, error);
    return put == CAPTURE_WRITTEN ? capture_writer_end(writer, error) : put;
}

/* ---------------------------------------------------------------------------------- reading */

static bool kind_of(const char *word, enum core_event_kind *kind, struct error *error)
{
    for (unsigned i = 0; i < core_event_kind_count; i++)
        if (strcmp(kinds[i].word, word) == 0) {
            *kind = (enum core_event_kind)i;
            return true;
        }
    *kind = core_event_kind_count;
    return strcmp(word, HEARD) == 0 ||
           error_set(error, "an event is of the kind %s, which this version does not know", word);
}

static void put_body(struct core_event *event, const void *body)
{
    memcpy(&event->u, &body, sizeof body);
}

/* What the core takes over is taken out of the chunk. */
static void take_owner(struct capture_chunk *chunk, struct core_event *event,
                       struct message *message)
{
    event->owner = message;
    for (uint32_t i = 0; i < chunk->count; i++)
        if (chunk->message[i] == message)
            chunk->message[i] = NULL;
}

bool capture_event_of(struct capture_chunk *chunk, struct core_event *event, struct config **config,
                      struct error *error)
{
    const struct message *head = capture_chunk_find(chunk, MESSAGE_captured_event);
    *config = NULL;
    *event = (struct core_event){.kind = core_event_kind_count};
    if (head == NULL)
        return error_set(error, "a record is no event where one should be");
    const struct captured_event *captured = message_captured_event(head);
    if (!kind_of(captured->kind, &event->kind, error))
        return false;
    event->mono_ms = captured->mono_ms;
    event->wall_ms = captured->wall_ms;
    if (event->kind == core_event_kind_count)
        return true;
    const struct kind_row *row = &kinds[event->kind];
    struct message *message =
        row->message == NO_MESSAGE ? NULL : capture_chunk_find(chunk, row->message);
    if (row->message != NO_MESSAGE && message == NULL && event->kind != CORE_CHECKPOINT)
        return error_set(error, "an event of the kind %s lacks its message", row->word);
    if (event->kind == CORE_STORAGE) {
        event->u.storage_trouble = captured->text[0] == '\0' ? NULL : captured->text;
    } else if (event->kind == CORE_CONFIGURED) {
        const struct configure *configure = message_configure(message);
        *config = config_import(configure->settings, configure->settings_count, error);
        event->u.config = *config;
        return *config != NULL;
    } else if (message != NULL) {
        put_body(event, message->body);
        if (event->kind == CORE_GITEA || event->kind == CORE_HETZNER || event->kind == CORE_KUBE)
            take_owner(chunk, event, message);
    }
    return true;
}
