/* An action in one line, for people. May not: read a file. */
#include <inttypes.h>
#include <string.h>

#include "audit/command.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json_read.h"

/* Of a log that does not verify, anything may stand in a text: nothing of it moves the cursor, be
 * it a control character of one byte or of two (U+0080 to U+009F). */
static void print_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        size_t control = error_control_bytes(text);
        putc(control > 0 ? '?' : *text, out);
        text += control > 0 ? control - 1 : 0;
    }
}

/* "2026-11-27 10:41:02": by the clock of the machine that wrote it, UTC. */
static void print_time_of(const json_t *line, const char *key, FILE *out)
{
    const char *text = json_text_of(line, key);
    if (strlen(text) >= 19 && strspn(text, "0123456789-:.TZ") == strlen(text))
        fprintf(out, "%.10s %.8sZ", text, text + 11);
    else
        print_text(text, out);
}

static void print_time(const json_t *line, FILE *out)
{
    print_time_of(line, "time", out);
}

static const char *text_of_either(const json_t *one, const json_t *other, const char *key)
{
    const char *text = json_text_of(one, key);
    return text[0] != '\0' ? text : json_text_of(other, key);
}

static void print_why(const json_t *intent, FILE *out)
{
    const char *text = json_text_of(intent, "text");
    fputs("; because ", out);
    print_text(json_text_of(intent, "reason"), out);
    if (text[0] == '\0')
        return;
    fputs(": ", out);
    print_text(text, out);
}

static void print_outcome(const json_t *outcome, FILE *out)
{
    char took[CLOCK_TEXT_BYTES];
    const char *trouble = json_text_of(outcome, "trouble"), *text = json_text_of(outcome, "text");
    if (outcome == NULL) {
        fputs("no outcome is known", out);
        return;
    }
    print_text(json_text_of(outcome, "outcome"), out);
    if (trouble[0] != '\0' && strcmp(trouble, "none") != 0) {
        fputs(" (", out);
        print_text(trouble, out);
        putc(')', out);
    }
    fprintf(out, " after %s",
            clock_format_duration((int64_t)json_u64_of(outcome, "duration_ms"), took));
    if (text[0] == '\0')
        return;
    fputs(": ", out);
    print_text(text, out);
}

void show_line(const json_t *intent, const json_t *outcome, FILE *out)
{
    uint64_t server = json_u64_of(outcome, "server_id");
    const char *node = text_of_either(intent, outcome, "node");
    server = server != 0 ? server : json_u64_of(intent, "server_id");
    print_time(intent != NULL ? intent : outcome, out);
    fputs("  ", out);
    print_text(text_of_either(intent, outcome, "kind"), out);
    putc(' ', out);
    print_text(node[0] == '\0' ? "-" : node, out);
    if (server != 0)
        fprintf(out, " (server %" PRIu64 ")", server);
    fputs(": ", out);
    print_outcome(outcome, out);
    if (intent != NULL)
        print_why(intent, out);
    fputs(" [", out);
    print_text(text_of_either(intent, outcome, "id"), out);
    fputs("]\n", out);
}

static void print_omitted_row(const json_t *row, FILE *out)
{
    const char *rail = json_text_of(row, "rail");
    fprintf(out, "%" PRIu64 " ", json_u64_of(row, "count"));
    print_text(json_text_of(row, "kind"), out);
    fputs(": ", out);
    print_text(json_text_of(row, "outcome"), out);
    if (rail[0] == '\0')
        return;
    fputs(" (rail ", out);
    print_text(rail, out);
    putc(')', out);
}

static void print_omitted(const json_t *line, FILE *out)
{
    const char *text = json_text_of(line, "text"), *comma = "; ";
    const json_t *row;
    size_t index;
    fprintf(out, "  %" PRIu64 " more actions changed nothing since ", json_u64_of(line, "count"));
    print_time_of(line, "since", out);
    fprintf(out, " and have no lines of their own, %" PRIu64 " of them were refused",
            json_u64_of(line, "refused"));
    json_array_foreach(json_array_of(line, "of"), index, row) {
        fputs(comma, out);
        print_omitted_row(row, out);
        comma = ", ";
    }
    if (text[0] != '\0') {
        fputs("; the last: ", out);
        print_text(text, out);
    }
    fputs(" [", out);
    print_text(json_text_of(line, "lowest"), out);
    fputs(" to ", out);
    print_text(json_text_of(line, "highest"), out);
    fputs("]\n", out);
}

void show_own_line(const json_t *line, FILE *out)
{
    print_time(line, out);
    if (strcmp(json_text_of(line, "event"), "omitted") == 0) {
        print_omitted(line, out);
        return;
    }
    if (strcmp(json_text_of(line, "event"), "cut") == 0) {
        fprintf(out, "  a start found %" PRIu64 " bytes of a line that a crash tore\n",
                json_u64_of(line, "bytes"));
        return;
    }
    fputs("  A START FOUND THAT THE LOG DOES NOT VERIFY: ", out);
    print_text(json_text_of(line, "text"), out);
    putc('\n', out);
}
