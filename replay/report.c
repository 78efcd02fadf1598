/* For people and for machines. May not: play. */
#include "replay/report.h"

#include <inttypes.h>
#include <string.h>

#include "common/words.h"

bool report_begin(struct report *report, bool json)
{
    *report = (struct report){.json = json};
    if (!json)
        return true;
    report->root = json_object();
    return report->root != NULL && json_object_set_new(report->root, "notes", json_array()) == 0 &&
           json_object_set_new(report->root, "differences", json_array()) == 0;
}

void report_print(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool c1 = c == 0xC2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xA0;
        fputc(c < 32 || c == 127 || c1 ? '?' : c, out);
        text += c1;
    }
}

char *report_clock(int64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
    char whole[CLOCK_TEXT_BYTES];
    clock_format_rfc3339(wall_ms, whole);
    const char *time = strchr(whole, 'T');
    snprintf(out, CLOCK_TEXT_BYTES, "%.12s", time != NULL ? time + 1 : whole);
    return out;
}

char *report_second(int64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
    report_clock(wall_ms, out);
    out[8] = '\0';
    return out;
}

void report_note(struct report *report, const char *path, const char *text, bool unusable)
{
    report->unusable = report->unusable || unusable;
    if (report->json) {
        json_array_append_new(
            json_object_get(report->root, "notes"),
            json_pack("{s:s, s:s, s:b}", "file", path, "text", text, "unusable", unusable));
        return;
    }
    fprintf(stderr, "%s: ", path);
    report_print(stderr, text);
    fputc('\n', stderr);
    fflush(stderr);
}

void report_differs(struct report *report, const char *path, uint64_t epoch, uint64_t number,
                    const char *text)
{
    if (report->last_epoch != epoch || report->last_differing != number)
        report->differing++;
    report->last_epoch = epoch;
    report->last_differing = number;
    if (report->differing > REPORT_DIFFERENCES_MAX)
        return;
    if (report->json) {
        json_array_append_new(json_object_get(report->root, "differences"),
                              json_pack("{s:s, s:I, s:I, s:s}", "file", path, "epoch",
                                        (json_int_t)epoch, "event", (json_int_t)number, "text",
                                        text));
        return;
    }
    printf("event %" PRIu64 " of %s differs: ", number, path);
    report_print(stdout, text);
    fputc('\n', stdout);
}

void report_put(struct report *report, const char *key, json_t *value)
{
    if (report->json)
        json_object_set_new(report->root, key, value);
    else
        json_decref(value);
}

void report_extent(struct report *report, const struct play *play)
{
    char from[CLOCK_TEXT_BYTES], to[CLOCK_TEXT_BYTES];
    if (play->events == 0 && !report->json)
        return;
    clock_format_rfc3339(play->first_wall_ms, from);
    clock_format_rfc3339(play->last_wall_ms, to);
    if (!report->json) {
        printf("%" PRIu64 " segment%s, %" PRIu64 " %s of the reconciler, %" PRIu64
               " events from %s to %s\n",
               play->segments, play->segments == 1 ? "" : "s", play->lives,
               play->lives == 1 ? "life" : "lives", play->events, from, to);
        return;
    }
    report_put(report, "segments", json_integer((json_int_t)play->segments));
    report_put(report, "lives", json_integer((json_int_t)play->lives));
    report_put(report, "events", json_integer((json_int_t)play->events));
    report_put(report, "from", json_string(from));
    report_put(report, "to", json_string(to));
    report_put(report, "epoch", json_integer((json_int_t)play->epoch));
    report_put(report, "last_event", json_integer((json_int_t)play->number));
    report_put(report, "differing_events", json_integer((json_int_t)report->differing));
}

int report_end(struct report *report)
{
    int status = report->unusable        ? REPLAY_UNUSABLE
                 : report->differing > 0 ? REPLAY_DIFFERENT
                                         : REPLAY_SAME;
    if (report->json) {
        report_put(report, "status_code", json_integer(status));
        if (json_dumpf(report->root, stdout, JSON_INDENT(2)) != 0)
            status = REPLAY_UNUSABLE;
        fputc('\n', stdout);
        json_decref(report->root);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ebbtide replay: standard output cannot be written\n");
        status = REPLAY_UNUSABLE;
    }
    return status;
}
