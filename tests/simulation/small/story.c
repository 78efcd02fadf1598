/* Words for events: a line that can be given back, and sentences for people. May not: decide. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/small/tiny.h"

static const struct {
    const char *word, *sentence;
    unsigned most;
} events[tiny_event_count] = {
#define EVENT(name, most, fair, sentence) [EVENT_##name] = {#name, sentence, most},
#include "tests/simulation/small/events.def"
#undef EVENT
};

static const struct {
    const char *word, *sentence;
} deeds[tiny_deed_count] = {
#define DEED(name, kinds, sentence) [DEED_##name] = {#name, sentence},
#include "tests/simulation/small/deeds.def"
#undef DEED
};

void event_format(tiny_event event, char text[32])
{
    unsigned kind = event >> 8, argument = event & 255u;
    if (kind == EVENT_act)
        snprintf(text, 32, "act:%u.%s", argument / 16, deeds[argument % 16].word);
    else if (argument == 0 && events[kind].most == 1)
        snprintf(text, 32, "%s", events[kind].word);
    else
        snprintf(text, 32, "%s:%u", events[kind].word, argument);
}

static bool parse_argument(enum tiny_event_kind kind, const char *text, unsigned *argument)
{
    char *end;
    *argument = (unsigned)strtoul(text, &end, 10);
    if (kind == EVENT_act && *end == '.') {
        for (unsigned d = 0; d < tiny_deed_count; d++)
            if (strcmp(deeds[d].word, end + 1) == 0) {
                *argument = *argument * 16 + d;
                return *argument < events[kind].most;
            }
        return false;
    }
    return *end == '\0' && (*argument < events[kind].most || kind == EVENT_round);
}

bool event_parse(const char *text, tiny_event *event)
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    for (unsigned k = 0; k < tiny_event_count; k++) {
        unsigned argument = 0;
        if (strlen(events[k].word) != length || strncmp(events[k].word, text, length) != 0)
            continue;
        if (colon != NULL && !parse_argument((enum tiny_event_kind)k, colon + 1, &argument))
            return false;
        *event = TINY_EVENT(k, argument);
        return true;
    }
    return false;
}

/* Whom it is about. */
static const char *subject(const struct sim *sim, enum tiny_event_kind kind, unsigned argument)
{
    static const char *const sources[] = {"Gitea", "Hetzner", "Kubernetes"};
    static char text[TINY_NAME + 32];
    unsigned slot = kind == EVENT_act ? argument / 16 : kind == EVENT_die ? argument / 2 : argument;
    if (kind == EVENT_fresh || kind == EVENT_old || kind == EVENT_trouble)
        return sources[argument];
    if (kind == EVENT_take)
        snprintf(text, sizeof text, "job %u, %s", argument / 8,
                 name_text(sim->tiny.land.slot[argument / 2 % 4].name));
    else if ((kind >= EVENT_job && kind <= EVENT_sweep) || kind == EVENT_pass ||
             kind == EVENT_restart || kind == EVENT_clock || kind == EVENT_round)
        snprintf(text, sizeof text, "%u", argument);
    else if (events[kind].most == 1)
        return "";
    else
        return name_text(sim->tiny.land.slot[slot].name);
    return text;
}

void story_tell(const struct sim *sim, tiny_event event)
{
    static const char *const actions[] = {"create_server", "deregister_runner", "drain_node",
                                          "remove_node", "release_runner"};
    static const char *const outcomes[] = {"done",    "again",  "has-job", "runner-seen",
                                           "refused", "failed", "unknown"};
    enum tiny_event_kind kind = (enum tiny_event_kind)(event >> 8);
    unsigned argument = event & 255u;
    char word[32];
    const char *who = subject(sim, kind, argument);
    event_format(event, word);
    if (sim->story == NULL)
        return;
    fprintf(sim->story, "%8.1fs  %-20s %s%s%s", (double)(sim->tiny.mono_ms - 1000000) / 1000.0,
            word, who, who[0] == '\0' ? "" : ": ", events[kind].sentence);
    if (kind == EVENT_act)
        fprintf(sim->story, " on %s: %s", actions[sim->tiny.errand[argument / 16].kind],
                deeds[argument % 16].sentence);
    if (kind == EVENT_answer)
        fprintf(sim->story, ": %s %s", actions[sim->tiny.errand[argument].kind],
                outcomes[sim->tiny.errand[argument].outcome]);
    fputc('\n', sim->story);
}

void story_line(const struct sim *sim, const char *format, ...)
{
    if (sim->story == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(sim->story, format, arguments);
    va_end(arguments);
    fputc('\n', sim->story);
}

const char *deed_word(enum tiny_deed deed)
{
    return deeds[deed].word;
}
