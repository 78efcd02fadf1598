/* What `ebbtide replay` was asked, and the three ways to answer. May not: hold code. */
#ifndef EBBTIDE_REPLAY_REPLAY_H
#define EBBTIDE_REPLAY_REPLAY_H

#include "replay/play.h"
#include "replay/report.h"

struct replay_words {
    char **file;
    size_t file_count;
    const char *until;   /* --until: a number, EPOCH.NUMBER, or a time */
    const char *explain; /* --explain: a node's name */
    const char *config;  /* --config: a file */
    bool json, help, version;
};

/* Each plays the segments and reports. */
void replay_compare(const struct replay_words *words, const struct segments *segments,
                    struct play *play, struct report *report);
void replay_explain(const struct replay_words *words, const struct segments *segments,
                    struct play *play, struct report *report);
void replay_other(const struct replay_words *words, const struct segments *segments,
                  struct play *play, struct report *report);

/* What all listeners do with notes and with a step: compare it, and report where it differs. */
struct replay_common {
    struct report *report;
    const struct play *play;
};
void replay_note(const char *path, const char *text, bool unusable, void *argument);
void replay_differs(const char *path, uint64_t number, const char *text, void *argument);
void replay_compare_step(const struct replay_common *common, const struct play_step *step);

#endif
