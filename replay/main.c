/* ebbtide-replay: decides a capture again. Its words, and plain comparing.
 * May not: open a socket, write a file. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/status_table.h"
#include "core_code.h"
#include "proto/message_json.h"
#include "replay/compare.h"
#include "replay/replay.h"

static const char usage[] =
    "usage: ebbtide replay FILE... [--until WHEN] [--explain NODE | --config OTHER] [--json]\n"
    "\n"
    "Feeds what the reconciler captured (FILE: capture.NUMBER, or a folder of them) to the core\n"
    "again and compares what it says, byte for byte.\n"
    "\n"
    "  --until WHEN    stop after event number WHEN (EPOCH.NUMBER where several lives are named),\n"
    "                  or before the first event later than the time WHEN (2026-11-27T10:41:00Z),\n"
    "                  and show the table of that moment\n"
    "  --explain NODE  tell the story of a node: each step, why, and from which facts\n"
    "  --config OTHER  decide with another configuration, and list what it would have asked\n"
    "  --json          one JSON object on standard output\n"
    "\n"
    "Status: 0 the same, 1 different, 2 something could not be replayed (standard error says what)."
    "\n";

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "ebbtide replay: %s%s\n\n%s", what, word, usage);
    return REPLAY_UNUSABLE;
}

static const struct option options[] = {
    {"until", required_argument, NULL, 'u'},
    {"explain", required_argument, NULL, 'e'},
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static int set_once(const char **place, const char *value)
{
    if (*place != NULL)
        return wrong("an option is there twice, with ", value);
    *place = value;
    return 0;
}

/* The word that getopt stumbled over: of `-xy` it is still in the midst. */
static int unknown(char **word)
{
    const char letter[] = {'-', (char)optopt, '\0'};
    bool is_long = optopt == 0 || strncmp(word[optind - 1], "--", 2) == 0;
    return wrong("does not know ", is_long ? word[optind - 1] : letter);
}

static int read_option(int letter, char **word, struct replay_words *out)
{
    switch (letter) {
    case 'u': return set_once(&out->until, optarg);
    case 'e': return set_once(&out->explain, optarg);
    case 'c': return set_once(&out->config, optarg);
    case 'j': out->json = true; return 0;
    case 'h': out->help = true; return 0;
    case 'v': out->version = true; return 0;
    case ':': return wrong("nothing follows ", word[optind - 1]);
    default: return unknown(word);
    }
}

static int read_words(int count, char **word, struct replay_words *out)
{
    int status = 0;
    opterr = 0; /* the sentences are ours */
    for (int letter; status == 0 && (letter = getopt_long(count, word, ":", options, NULL)) != -1;)
        status = read_option(letter, word, out);
    if (status != 0 || out->help || out->version)
        return status;
    out->file = word + optind;
    out->file_count = (size_t)(count - optind);
    if (out->explain != NULL && out->config != NULL)
        return wrong("one of --explain and --config, not both", "");
    return out->file_count > 0 ? 0 : wrong("which FILE?", "");
}

/* ------------------------------------------------------------------------------------ until */

static bool read_until(const char *text, struct play_limit *limit)
{
    char *end;
    if (clock_parse_rfc3339(text, &limit->wall_ms))
        return true;
    if (text[0] < '0' || text[0] > '9')
        return false;
    limit->number = strtoumax(text, &end, 10);
    if (*end == '.' && end[1] >= '0' && end[1] <= '9') {
        limit->epoch = limit->number;
        limit->number = strtoumax(end + 1, &end, 10);
    }
    return *end == '\0' && limit->number > 0;
}

static bool several_lives(const struct segments *segments)
{
    return segments->count > 0 &&
           segments->segment[0].head.epoch != segments->segment[segments->count - 1].head.epoch;
}

static int set_limit(const struct replay_words *words, const struct segments *segments,
                     struct play_limit *limit)
{
    if (words->until == NULL)
        return 0;
    if (!read_until(words->until, limit))
        return wrong("--until wants an event's number, EPOCH.NUMBER or a time with its zone "
                     "(2026-11-27T10:41:00Z), not ",
                     words->until);
    if (limit->wall_ms != 0 || limit->epoch != 0 || !several_lives(segments))
        return 0;
    fprintf(stderr,
            "ebbtide replay: several lives of the reconciler are named (epochs %" PRIu64
            " to %" PRIu64 "), and each counts its events from 1: say --until EPOCH.%s\n",
            segments->segment[0].head.epoch, segments->segment[segments->count - 1].head.epoch,
            words->until);
    return REPLAY_UNUSABLE;
}

/* A limit that was never met shows another moment than the one that was asked for, or none. */
static void note_unmet_limit(const struct replay_words *words, const struct segments *segments,
                             const struct play *play, struct report *report)
{
    char text[256], when[CLOCK_TEXT_BYTES];
    bool there =
        play->limit.number == 0 || (play->number == play->limit.number &&
                                    (play->limit.epoch == 0 || play->epoch == play->limit.epoch));
    bool met = play->events > 0 && there;
    if (words->until == NULL || met || segments->count == 0)
        return;
    const struct capture_head *first = &segments->segment[0].head;
    if (play->events == 0)
        snprintf(text, sizeof text,
                 "there is nothing up to %.60s: what was named begins with event %" PRIu64
                 " of epoch %" PRIu64 ", at %s",
                 words->until, first->events + 1, first->epoch,
                 clock_format_rfc3339(first->wall_ms, when));
    else if (play->stopped)
        snprintf(text, sizeof text,
                 "there is no event %.60s: what was named goes on with epoch %" PRIu64,
                 words->until, play->epoch);
    else
        snprintf(text, sizeof text,
                 "there is no event %.60s: what was named ends with event %" PRIu64
                 " of epoch %" PRIu64,
                 words->until, play->number, play->epoch);
    report_note(report, "--until", text, true);
}

/* ------------------------------------------------------------------------------------ common */

void replay_note(const char *path, const char *text, bool unusable, void *argument)
{
    const struct replay_common *common = argument;
    report_note(common->report, path, text, unusable);
}

void replay_differs(const char *path, uint64_t number, const char *text, void *argument)
{
    const struct replay_common *common = argument;
    report_differs(common->report, path, common->play->epoch, number, text);
}

void replay_compare_step(const struct replay_common *common, const struct play_step *step)
{
    struct error what;
    if (!compare_step(step, &what))
        report_differs(common->report, step->segment->path, step->epoch, step->number, what.text);
}

static bool compare_only(const struct play_step *step, void *argument)
{
    replay_compare_step(argument, step);
    return true;
}

static void say_result(const struct report *report, const struct play *play)
{
    if (report->differing == 0)
        printf("the same: each was decided as it was then, byte for byte\n");
    else
        printf("DIFFERENT: %" PRIu64 " of %" PRIu64 " events are decided otherwise%s\n",
               report->differing, play->events,
               report->differing > REPORT_DIFFERENCES_MAX ? "; the first are named above" : "");
}

void replay_compare(const struct replay_words *words, const struct segments *segments,
                    struct play *play, struct report *report)
{
    struct replay_common common = {report, play};
    play->listener = (struct play_listener){
        .step = compare_only, .note = replay_note, .differs = replay_differs, .argument = &common};
    play_all(play, segments);
    report_extent(report, play);
    if (!report->json && play->events > 0)
        say_result(report, play);
    const struct status *status = play->core.output != NULL ? play->core.output->status : NULL;
    if (words->until == NULL || status == NULL)
        return;
    if (report->json) {
        report_put(report, "status", message_json(MESSAGE_status, status));
        return;
    }
    char when[CLOCK_TEXT_BYTES];
    struct status_table_style style = status_table_style_for(stdout);
    printf("after event %" PRIu64 " (epoch %" PRIu64 "), %s:\n", play->number, play->epoch,
           clock_format_rfc3339(play->last_wall_ms, when));
    status_table_print(status, &style, stdout);
}

/* Another build may well decide otherwise: that is worth knowing before one looks for a fault. */
static void note_other_code(const struct segments *segments, struct report *report)
{
    char text[ERROR_TEXT_BYTES_MAX];
    for (size_t i = 0; i < segments->count; i++) {
        const struct capture_head *head = &segments->segment[i].head;
        if (strcmp(head->code, CORE_CODE) == 0)
            continue;
        snprintf(text, sizeof text,
                 "it was decided by other code (%s, of ebbtide %s) than this program's (%s, of "
                 "ebbtide %s): what differs may be that",
                 head->code, head->version, CORE_CODE, EBBTIDE_VERSION);
        report_note(report, segments->segment[i].path, text, false);
        return; /* once: the others are most likely of the same */
    }
}

static int run(const struct replay_words *words, struct segments *segments)
{
    struct report report;
    struct error error = {""};
    struct play play = {.number = 0};
    struct replay_common common = {&report, &play};
    if (!report_begin(&report, words->json) ||
        !segments_find(segments, words->file, words->file_count, replay_note, &common, &error)) {
        fprintf(stderr, "ebbtide replay: %s\n", error.text[0] != '\0' ? error.text : "no memory");
        return REPLAY_UNUSABLE;
    }
    int wrong_limit = set_limit(words, segments, &play.limit);
    if (wrong_limit != 0)
        return wrong_limit;
    note_other_code(segments, &report);
    if (words->explain != NULL)
        replay_explain(words, segments, &play, &report);
    else if (words->config != NULL)
        replay_other(words, segments, &play, &report);
    else
        replay_compare(words, segments, &play, &report);
    note_unmet_limit(words, segments, &play, &report);
    if (play.events == 0)
        report_note(&report, "ebbtide replay", "nothing was replayed", true);
    play_free(&play);
    return report_end(&report);
}

int main(int count, char **word)
{
    static struct segments segments; /* large */
    struct replay_words words = {.json = false};
    int status = read_words(count, word, &words);
    if (status == 0 && words.help)
        fputs(usage, stdout);
    else if (status == 0 && words.version)
        printf("ebbtide %s, deciding code %s, messages %.12s\n", EBBTIDE_VERSION, CORE_CODE,
               message_table_form());
    else if (status == 0)
        status = run(&words, &segments);
    segments_free(&segments);
    return status;
}
