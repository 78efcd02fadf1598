/* A whole log judged: lines, chain, end. May not: open a file, print. */
#include "audit/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/fields.h"
#include "audit/lines.h"
#include "audit/verify_private.h"
#include "common/clock.h"
#include "common/json_read.h"

struct verify *verify_new(const struct verify_keys *keys, const struct noted_heads *heads,
                          bool part, verify_hear hear, void *argument)
{
    struct verify *verify = calloc(1, sizeof *verify);
    if (verify == NULL)
        return NULL;
    if (keys != NULL)
        verify->keys = *keys;
    if (heads != NULL)
        verify->noted = *heads;
    verify->part = part;
    verify->hear = hear;
    verify->argument = argument;
    return verify;
}

void verify_free(struct verify *verify)
{
    if (verify == NULL)
        return;
    explicit_bzero(&verify->keys, sizeof verify->keys);
    free(verify);
}

static void set_place(const struct verify *verify, struct verify_place *place, uint64_t line)
{
    place->line = line;
    snprintf(place->file, sizeof place->file, "%s", verify->file);
}

void verify_found(struct verify *verify, uint64_t line, const struct error *what)
{
    struct verify_result *result = &verify->result;
    verify->found_here = true;
    if (result->findings++ > 0)
        return;
    set_place(verify, &result->first, line);
    result->what = *what;
}

/* -------------------------------------------------------------------------------------- lines */

/* Every line that was noted is the one that was noted, not the last alone: who rewrites lines in
 * the actuator goes on telling heads of what he made of them. */
static void compare_noted(struct verify *verify)
{
    const struct chain_link *line = &verify->check.frame.link;
    struct verify_result *result = &verify->result;
    struct error what;
    bool noted, another = heads_contradict(&verify->noted, line, &noted);
    if (!noted)
        return;
    result->noted_lowest = result->noted++ == 0 ? line->seq : result->noted_lowest;
    if (line->seq == heads_newest(&verify->noted).link.seq)
        result->head_compared = true;
    if (!another)
        return;
    error_set(&what, "it is another line than the supervisor has noted: it, or one before it, was "
                     "rewritten with all hashes made anew");
    verify_found(verify, verify->check.line, &what);
}

static void count_line(struct verify *verify, const json_t *line)
{
    struct verify_result *result = &verify->result;
    int64_t wall_ms = json_time_of(line, "time");
    result->unsealed_first_ms = result->unsealed == 0 ? wall_ms : result->unsealed_first_ms;
    result->unsealed_last_ms = wall_ms;
    result->unsealed++;
}

/* What the actuator wrote of the log itself. */
static void look_at_event(struct verify *verify, const json_t *line, const char *text)
{
    enum line_event event;
    struct error what;
    if (!line_event_of(line, &event))
        return;
    if (event == LINE_seal && verify->check.frame.fits)
        verify_seal(verify, line, text);
    if (event == LINE_cut)
        verify->result.cuts++;
    if (event == LINE_omitted) {
        verify->result.omitted += json_u64_of(line, "count");
        verify->result.omitted_refused += json_u64_of(line, "refused");
    }
    if (event != LINE_bent)
        return;
    error_set(&what, "here a start of the daemon wrote that the log does not verify: %.300s",
              json_text_of(line, "text"));
    verify_found(verify, verify->check.line, &what);
}

static void look_at_content(struct verify *verify, const char *text, size_t length)
{
    struct error what;
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (line == NULL || !json_is_object(line)) {
        error_set(&what, "its hash fits, and it is no JSON object");
        verify_found(verify, verify->check.line, &what);
    } else {
        if (!line_fields_fit(line, &what))
            verify_found(verify, verify->check.line, &what);
        count_line(verify, line);
        look_at_event(verify, line, text);
        if (verify->hear != NULL)
            verify->hear(line, !verify->found_here, verify->argument);
    }
    json_decref(line);
}

/* The first line of all: nothing before it is here. */
static void look_at_first(struct verify *verify)
{
    struct error what;
    uint64_t seq = verify->check.frame.link.seq;
    verify->result.first_seq = seq;
    if (seq == 1 || verify->part)
        return;
    error_set(&what,
              "the log begins with number %" PRIu64 ": the %" PRIu64
              " lines before it are not here (--part: that is meant so)",
              seq, seq - 1);
    verify_found(verify, verify->check.line, &what);
}

static void take_line(const char *text, size_t length, uint64_t bytes, void *argument)
{
    struct verify *verify = argument;
    struct chain_finding finding;
    verify->found_here = false;
    if (!chain_check_line(&verify->check, text, length, bytes, &finding))
        verify_found(verify, finding.line, &finding.what);
    if (!verify->check.framed)
        return;
    if (verify->result.lines++ == 0)
        look_at_first(verify);
    verify->result.last = verify->check.frame.link;
    set_place(verify, &verify->result.last_place, verify->check.line);
    compare_noted(verify);
    look_at_content(verify, text, length);
}

bool verify_file(struct verify *verify, int descriptor, const char *name, struct error *error)
{
    struct chain_finding finding;
    struct lines_end end;
    struct error what;
    if (chain_check_file(&verify->check, &finding)) /* of the file before, whose name still holds */
        verify_found(verify, finding.line, &finding.what);
    verify->file = name;
    bool good = lines_each(descriptor, name, take_line, verify, &end, error);
    if (good && end.torn > 0) {
        error_set(&what,
                  "the last %" PRIu64
                  " bytes are no whole line: torn by a crash that no start has mended yet, "
                  "or cut",
                  end.torn);
        verify_found(verify, verify->check.line + 1, &what);
    }
    return good;
}

/* ---------------------------------------------------------------------------------------- end */

static void look_at_end(struct verify *verify)
{
    char when[CLOCK_TEXT_BYTES];
    struct error what;
    const struct noted_head head = heads_newest(&verify->noted);
    uint64_t noted = head.link.seq, last = verify->result.last.seq;
    if (noted <= last || noted == 0)
        return;
    verify->result.head_compared = true;
    error_set(&what,
              "the log ends with number %" PRIu64 ", and the supervisor noted number %" PRIu64
              " at %s: %" PRIu64 " lines were cut off",
              last, noted, clock_format_rfc3339(head.wall_ms, when), noted - last);
    verify_found(verify, verify->check.line + 1, &what);
}

void verify_end(struct verify *verify, struct verify_result *out)
{
    struct chain_finding finding;
    uint64_t lines = verify->check.line;
    if (verify->file == NULL)
        verify->file = "";
    if (chain_check_file(&verify->check, &finding))
        verify_found(verify, finding.line, &finding.what);
    verify->check.line = lines;
    look_at_end(verify);
    verify_unsealed(verify);
    *out = verify->result;
}
