/* `ebbtide audit show`: intents joined with their outcomes, filtered. May not: write a file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/command.h"
#include "audit/fields.h"
#include "common/clock.h"
#include "common/json_read.h"

/* An action, or one of the log's own lines. */
struct story {
    json_t *intent, *outcome, *own;
};

struct stories {
    struct story *story;
    size_t count, room;
    json_t *place; /* id to its place in story */
    bool out_of_memory;
};

static void free_stories(struct stories *stories)
{
    for (size_t i = 0; i < stories->count; i++) {
        json_decref(stories->story[i].intent);
        json_decref(stories->story[i].outcome);
        json_decref(stories->story[i].own);
    }
    free(stories->story);
    json_decref(stories->place);
}

static struct story *new_story(struct stories *stories)
{
    if (stories->count == stories->room) {
        size_t room = stories->room == 0 ? 256 : 2 * stories->room;
        struct story *more = realloc(stories->story, room * sizeof *more);
        if (more == NULL) {
            stories->out_of_memory = true;
            return NULL;
        }
        stories->story = more;
        stories->room = room;
    }
    struct story *story = &stories->story[stories->count++];
    *story = (struct story){NULL, NULL, NULL};
    return story;
}

static struct story *story_of(struct stories *stories, const char *id, bool intent)
{
    const json_t *place = json_object_get(stories->place, id);
    if (place != NULL && !intent)
        return &stories->story[json_integer_value(place)];
    struct story *story = new_story(stories);
    if (story != NULL &&
        json_object_set_new(stories->place, id, json_integer((json_int_t)stories->count - 1)) != 0)
        stories->out_of_memory = true;
    return story;
}

static void hear(const json_t *line, bool fits, void *argument)
{
    struct stories *stories = argument;
    enum line_event event;
    (void)fits; /* what does not verify is shown all the same, under a warning */
    if (!line_event_of(line, &event) || event == LINE_segment || event == LINE_seal)
        return;
    bool own = event != LINE_intent && event != LINE_outcome;
    struct story *story = own ? new_story(stories)
                              : story_of(stories, json_text_of(line, "id"), event == LINE_intent);
    if (story == NULL)
        return;
    json_t *kept = json_deep_copy(line);
    json_t **place = own ? &story->own : event == LINE_intent ? &story->intent : &story->outcome;
    stories->out_of_memory = stories->out_of_memory || kept == NULL;
    json_decref(*place);
    *place = kept;
}

/* ------------------------------------------------------------------------------------- the filter
 */

struct filter {
    const char *node;
    uint64_t server;  /* 0: all */
    int64_t since_ms; /* 0: all */
    bool failed;
};

static bool is_failure(const json_t *of)
{
    static const char *const words[] = {"refused", "failed", "unknown"};
    const char *outcome = json_text_of(of, "outcome");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(outcome, words[i]) == 0)
            return true;
    return false;
}

static bool has_failed(const struct story *story)
{
    return story->outcome == NULL || is_failure(story->outcome);
}

static bool is_omitted(const json_t *line)
{
    return strcmp(json_text_of(line, "event"), "omitted") == 0;
}

/* What the log says of itself is wanted whatever fails; of what it leaves out, what failed. */
static bool own_has_failed(const json_t *own)
{
    const json_t *row;
    size_t index;
    if (!is_omitted(own))
        return true;
    json_array_foreach(json_array_of(own, "of"), index, row)
        if (is_failure(row))
            return true;
    return false;
}

static bool wanted(const struct story *story, const struct filter *filter)
{
    const json_t *last = story->own != NULL       ? story->own
                         : story->outcome != NULL ? story->outcome
                                                  : story->intent;
    if (filter->since_ms != 0 && json_time_of(last, "time") < filter->since_ms)
        return false;
    if (story->own != NULL)
        return filter->node == NULL && filter->server == 0 &&
               (!filter->failed || own_has_failed(story->own));
    if (filter->failed && !has_failed(story))
        return false;
    if (filter->node != NULL && strcmp(json_text_of(story->intent, "node"), filter->node) != 0 &&
        strcmp(json_text_of(story->outcome, "node"), filter->node) != 0)
        return false;
    return filter->server == 0 || json_u64_of(story->intent, "server_id") == filter->server ||
           json_u64_of(story->outcome, "server_id") == filter->server;
}

static bool read_filter(const struct audit_words *words, struct filter *out, struct error *error)
{
    char *end = NULL;
    int64_t ago;
    *out = (struct filter){.node = words->node, .failed = words->failed};
    if (words->server != NULL) {
        errno = 0;
        out->server = words->server[0] == '-' ? 0 : strtoumax(words->server, &end, 10);
        if (errno != 0 || out->server == 0 || *end != '\0')
            return error_set(error, "--server wants Hetzner's number, not %s", words->server);
    }
    if (words->since == NULL || clock_parse_rfc3339(words->since, &out->since_ms))
        return true;
    if (!clock_parse_duration(words->since, &ago))
        return error_set(error,
                         "--since wants a time with its zone (2026-11-27T10:41:00Z), or how long "
                         "ago (2h), not %s",
                         words->since);
    out->since_ms = clock_wall_ms() - ago;
    return true;
}

/* -------------------------------------------------------------------------------------- the whole
 */

static json_t *or_null(json_t *value)
{
    return value == NULL ? json_null() : json_incref(value);
}

static void print_story(const struct story *story, bool json)
{
    if (!json && story->own != NULL) {
        show_own_line(story->own, stdout);
    } else if (!json) {
        show_line(story->intent, story->outcome, stdout);
    } else {
        json_t *line = story->own != NULL
                           ? json_pack("{s:O}", json_text_of(story->own, "event"), story->own)
                           : json_pack("{s:o, s:o}", "intent", or_null(story->intent), "outcome",
                                       or_null(story->outcome));
        (void)json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
}

/* Whose they were is not known: they changed nothing, and who asks for one node must know of them.
 */
static void say_omitted(const struct verify_result *result, const struct filter *filter)
{
    if (result->omitted > 0 && (filter->node != NULL || filter->server != 0))
        fprintf(stderr,
                "ebbtide audit show: %" PRIu64 " actions that changed nothing, of whatever node, "
                "have no lines of their own: without --node and --server they are counted\n",
                result->omitted);
}

static int print_all(const struct audit_words *words, const struct stories *stories,
                     const struct verify_result *result, const struct filter *filter)
{
    size_t shown = 0;
    for (size_t i = 0; i < stories->count; i++)
        if (wanted(&stories->story[i], filter)) {
            print_story(&stories->story[i], words->json);
            shown++;
        }
    if (shown == 0) /* a name that is spelled wrongly proves nobody's innocence */
        fprintf(stderr,
                "ebbtide audit show: nothing in %zu entries of this log is what was asked "
                "for; look at the names: `ebbtide audit show` without words lists all\n",
                stories->count);
    say_omitted(result, filter);
    if (result->findings == 0)
        return AUDIT_GOOD;
    fflush(stdout);
    fprintf(stderr,
            "ebbtide audit show: THIS LOG DOES NOT VERIFY, so do not believe it: %s line %" PRIu64
            ": %s\n",
            result->first.file, result->first.line, result->what.text);
    return AUDIT_BENT;
}

static int show(const struct audit_words *words, const struct log_files *files,
                const struct filter *filter, struct error *error)
{
    struct stories stories = {.place = json_object()};
    struct noted_heads heads;
    struct verify_result result;
    bool there;
    int status = AUDIT_UNUSABLE;
    struct verify *verify = NULL;
    /* Parts are for showing too: whether all is here is a question for verify. */
    if (stories.place != NULL && log_files_head(files, &heads, &there, error))
        verify = verify_new(NULL, &heads, true, hear, &stories);
    if (verify != NULL && log_files_verify(files, verify, error)) {
        verify_end(verify, &result);
        if (stories.out_of_memory)
            error_set(error, "out of memory: name fewer files");
        else
            status = print_all(words, &stories, &result, filter);
    }
    verify_free(verify);
    free_stories(&stories);
    return status;
}

int show_command(const struct audit_words *words)
{
    struct error error = {"out of memory"};
    struct log_files files = {NULL, 0, NULL};
    struct filter filter;
    int status = AUDIT_UNUSABLE;
    if (read_filter(words, &filter, &error) &&
        log_files_find(words->file, words->config, NULL, &files, &error))
        status = show(words, &files, &filter, &error);
    if (status == AUDIT_UNUSABLE)
        fprintf(stderr, "ebbtide audit show: %s\n", error.text);
    log_files_free(&files);
    return status;
}
