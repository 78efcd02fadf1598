/* Plain sentences with times. May not: play. */
#include "replay/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/status_table.h"
#include "proto/message.h"

#define ENTRY_BYTES_MAX 2048
#define WINDOW_SLACK_MS 2000 /* the API tells its time in seconds */
#define FACT_INDENT     "                           "

const char *story_reason(enum reason reason)
{
    static const struct {
        const char *value, *word, *doc;
    } rows[] = {
#define ENUM_BEGIN(type, doc)
#define ENUM_VALUE(value, word, doc) {#value, word, doc},
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(rows[i].value, "REASON_", 7) == 0 &&
            strcmp(rows[i].word, reason_word(reason)) == 0)
            return rows[i].doc;
    return "?";
}

void story_entry(struct story *story, const struct play_step *step, const char *kind,
                 const char *format, ...)
{
    char text[ENTRY_BYTES_MAX], clock[CLOCK_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (story->entries != NULL) {
        clock_format_rfc3339(step->wall_ms, clock);
        json_array_append_new(story->entries,
                              json_pack("{s:s, s:I, s:I, s:s, s:s, s:[]}", "time", clock, "epoch",
                                        (json_int_t)step->epoch, "event", (json_int_t)step->number,
                                        "kind", kind, "text", text, "facts"));
        return;
    }
    printf("%s  event %-5" PRIu64 " ", report_clock(step->wall_ms, clock), step->number);
    report_print(stdout, text);
    fputc('\n', stdout);
}

/* For machines all of them; for people those that they have not just read. */
static void tell_fact(struct story *story, const struct fact *fact, json_t *list)
{
    char text[FACT_BYTES_MAX + FACT_MORE_MAX + 8];
    snprintf(text, sizeof text, "%s%s%s%s", fact->text, fact->more[0] != '\0' ? " (" : "",
             fact->more, fact->more[0] != '\0' ? ")" : "");
    if (list != NULL) {
        json_array_append_new(list, json_string(text));
    } else if (!facts_hold(&story->told, fact)) {
        printf(FACT_INDENT "- ");
        report_print(stdout, text);
        fputc('\n', stdout);
    }
}

void story_facts(struct story *story, const struct play_step *step)
{
    static struct facts facts; /* large, and one thread only */
    facts_gather(step, story->name, story->runners, &facts);
    json_t *last = json_array_get(story->entries, json_array_size(story->entries) - 1);
    for (unsigned i = 0; i < facts.count; i++)
        tell_fact(story, &facts.fact[i], json_object_get(last, "facts"));
    if (facts.dropped > 0 && story->entries == NULL)
        printf(FACT_INDENT "- and %u more facts\n", facts.dropped);
    story->told = facts;
}

void story_break(struct story *story, const struct segment *segment)
{
    char text[128];
    snprintf(text, sizeof text, "the story goes on in the reconciler's life of epoch %" PRIu64,
             segment->head.epoch);
    report_note(story->common.report, segment->path, text, false);
}

/* ------------------------------------------------------------------------------- the answer */

static void say_unknown(struct story *story)
{
    char text[ERROR_TEXT_BYTES_MAX];
    int used = snprintf(text, sizeof text, "no node of that name was known; known were:%s",
                        story->node_count == 0 ? " none" : "");
    for (uint32_t i = 0; i < story->node_count && used > 0 && (size_t)used < sizeof text; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %s", story->node[i]);
    report_note(story->common.report, story->name, text, true);
}

/* The window as configured, and what made it longer: a teardown must fit into it. */
static void format_window(const struct story *story, char *out, size_t size)
{
    char window[CLOCK_TEXT_BYTES], teardown[32];
    clock_format_duration(story->window_ms, window);
    status_table_span(story->teardown_ms, teardown, sizeof teardown);
    if (story->teardown_ms > 0 && story->paid_left_ms > story->window_ms + WINDOW_SLACK_MS)
        snprintf(out, size, "%s, and longer because a recent teardown took %s", window, teardown);
    else
        snprintf(out, size, "%s", window);
}

static void format_hour(const struct story *story, char *out, size_t size)
{
    char began[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], idle[32], left[32];
    char timeout[CLOCK_TEXT_BYTES], window[128];
    status_table_span(story->idle_ms, idle, sizeof idle);
    status_table_span(story->paid_left_ms, left, sizeof left);
    format_window(story, window, sizeof window);
    snprintf(out, size,
             "its teardown began at %s, because the hour that was paid ended at %s, %s later "
             "(hour-ends; billing.window is %s), it had been idle for %s (life.idle_timeout is "
             "%s), %" PRIu64 " jobs waited for its pool, and the pool's min of %" PRIu64
             " did not need it (%" PRIu64 " servers)",
             report_second(story->retired_wall_ms, began),
             report_second(story->paid_until_ms, until), left, window, idle,
             clock_format_duration(story->idle_timeout_ms, timeout), story->pool.waiting,
             story->pool.least, story->pool.servers);
}

static void format_reason(const struct story *story, char *out, size_t size)
{
    char began[CLOCK_TEXT_BYTES];
    if (story->began_before)
        snprintf(out, size,
                 "its teardown had begun before what was named, at %s or earlier (%s): %s",
                 report_second(story->retired_wall_ms, began), reason_word(story->why),
                 story_reason(story->why));
    else if (story->why == REASON_HOUR_ENDS)
        format_hour(story, out, size);
    else
        snprintf(out, size, "its teardown began at %s (%s): %s",
                 report_second(story->retired_wall_ms, began), reason_word(story->why),
                 story_reason(story->why));
}

static void say_answer(struct story *story, const char *answer)
{
    if (story->entries != NULL) {
        report_put(story->common.report, "answer", json_string(answer));
        return;
    }
    printf("\nIn short: %s: ", story->name);
    report_print(stdout, answer);
    fputs(".\n", stdout);
}

void story_end(struct story *story)
{
    char text[ENTRY_BYTES_MAX], gone[CLOCK_TEXT_BYTES];
    if (!story->known) {
        say_unknown(story);
        return;
    }
    if (!story->retiring) {
        say_answer(story, story->there ? "it was still there at the end, and nothing had decided "
                                         "that it should go"
                                       : "it was forgotten without a teardown: no server of that "
                                         "name ever came");
        return;
    }
    format_reason(story, text, sizeof text);
    size_t used = strlen(text);
    if (story->there)
        snprintf(text + used, sizeof text - used, "; at the end of the capture it was not over");
    else
        snprintf(text + used, sizeof text - used, "; it was gone at %s",
                 report_second(story->gone_wall_ms, gone));
    say_answer(story, text);
}
