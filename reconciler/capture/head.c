/* The head as text and back. May not: do I/O. */
#include "reconciler/capture/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "core_code.h"
#include "proto/message.h"

struct capture_head capture_head_here(void)
{
    struct capture_head head = {.format = CAPTURE_FORMAT};
    snprintf(head.version, sizeof head.version, "%s", EBBTIDE_VERSION);
    snprintf(head.code, sizeof head.code, "%s", CORE_CODE);
    snprintf(head.table_hash, sizeof head.table_hash, "%s", message_table_hash());
    snprintf(head.form, sizeof head.form, "%s", message_table_form());
    return head;
}

void capture_head_format(const struct capture_head *head, char out[CAPTURE_HEAD_BYTES_MAX + 1])
{
    char begun[CLOCK_TEXT_BYTES];
    snprintf(out, CAPTURE_HEAD_BYTES_MAX + 1,
             "ebbtide capture\nformat %" PRIu64
             "\nversion %s\ncode %s\ntable %s\nform %s\nsegment %" PRIu64 "\nepoch %" PRIu64
             "\nevents %" PRIu64 "\nimage %d\nbegun %s\n"
             "replay with: ebbtide replay FILE\n",
             head->format, head->version, head->code, head->table_hash, head->form, head->segment,
             head->epoch, head->events, head->image, clock_format_rfc3339(head->wall_ms, begun));
}

/* The word behind `name` at a line's beginning. */
static bool find_word(const char *text, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t rest = end != NULL ? (size_t)(end - line) : strlen(line);
        if (rest > length && strncmp(line, name, length) == 0 && line[length] == ' ') {
            size_t word = rest - length - 1;
            if (word == 0 || word >= size)
                return false;
            memcpy(out, line + length + 1, word);
            out[word] = '\0';
            return true;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static bool find_number(const char *text, const char *name, uint64_t *out)
{
    char word[24];
    char *end = word;
    if (!find_word(text, name, word, sizeof word) || word[0] < '0' || word[0] > '9')
        return false;
    *out = strtoumax(word, &end, 10);
    return *end == '\0';
}

bool capture_head_parse(const char *text, struct capture_head *head, struct error *error)
{
    uint64_t image = 0;
    char begun[CLOCK_TEXT_BYTES];
    *head = (struct capture_head){.format = 0};
    if (!find_number(text, "format", &head->format))
        return error_set(error, "its head does not say its format");
    if (!find_word(text, "version", head->version, sizeof head->version))
        return error_set(error, "its head does not say which version wrote it");
    if (head->format != CAPTURE_FORMAT)
        return true; /* whatever else it says is for another version to read */
    if (!find_word(text, "code", head->code, sizeof head->code) ||
        !find_word(text, "table", head->table_hash, sizeof head->table_hash) ||
        !find_word(text, "form", head->form, sizeof head->form) ||
        !find_word(text, "begun", begun, sizeof begun) ||
        !clock_parse_rfc3339(begun, &head->wall_ms) ||
        !find_number(text, "segment", &head->segment) ||
        !find_number(text, "epoch", &head->epoch) || !find_number(text, "events", &head->events) ||
        !find_number(text, "image", &image) || head->epoch == 0)
        return error_set(error, "its head lacks a fact that version %s writes", head->version);
    head->image = image != 0;
    return true;
}

bool capture_head_fits(const struct capture_head *head, struct error *error)
{
    if (head->format != CAPTURE_FORMAT)
        return error_set(error,
                         "it is of format %" PRIu64 ", written by ebbtide %s; this is ebbtide %s, "
                         "which reads format %d: replay it with version %s",
                         head->format, head->version, EBBTIDE_VERSION, CAPTURE_FORMAT,
                         head->version);
    if (strcmp(head->form, message_table_form()) != 0)
        return error_set(error,
                         "it was written by ebbtide %s, whose messages have other fields (form "
                         "%.12s, deciding code %s; this is ebbtide %s, form %.12s, code %s): "
                         "replay it with the build that wrote it",
                         head->version, head->form, head->code, EBBTIDE_VERSION,
                         message_table_form(), CORE_CODE);
    return true;
}
