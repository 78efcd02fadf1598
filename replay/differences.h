/* What two cores asked for, side by side. May not: play. */
#ifndef EBBTIDE_REPLAY_DIFFERENCES_H
#define EBBTIDE_REPLAY_DIFFERENCES_H

#include "replay/play.h"
#include "replay/report.h"

/* An action; of a row of the same step on the same node only the first counts. */
struct asked {
    struct action_id id; /* of the last of the row */
    enum action_kind kind;
    enum reason reason;
    uint64_t number; /* of the event */
    int64_t wall_ms;
    bool open;   /* the last of the row has no result yet */
    bool paired; /* the other list has it too */
    bool told;   /* as a difference */
    char node[NAME_BYTES_MAX + 1], pool[NAME_BYTES_MAX + 1], text[TEXT_BYTES_MAX + 1];
};

struct asked_list {
    struct asked *asked;
    size_t count, room;
    bool cut; /* memory was out: the list ends early */
};

/* Adds what a core asks in this step. */
void asked_list_add(struct asked_list *list, const struct play_step *step,
                    const struct core_output *output);

/* An action of `then` was answered: *id becomes that of the same step on the same node which
 * `instead` asks for and has no answer to. False where it asks for no such. */
bool asked_list_answer(struct asked_list *then, struct asked_list *instead, struct action_id *id);

/* A core was made anew: nobody waits for an answer any more. */
void asked_list_forget_open(struct asked_list *list);

void asked_list_free(struct asked_list *list);

/* Tells what differs, in the order of time; returns how many actions do. */
uint64_t differences_tell(struct asked_list *then, struct asked_list *instead, const char *other,
                          struct report *report);

#endif
