/* The search: every order of events from a root, breadth first, each state once.
 * May not: know what an event does. Out of memory ends the process (abort). */
#ifndef EBBTIDE_TESTS_SIMULATION_SMALL_EXPLORE_H
#define EBBTIDE_TESTS_SIMULATION_SMALL_EXPLORE_H

#include "tests/simulation/small/tiny.h"

#define ROOT_EVENTS_MAX 512
#define HEAL_BOUND_MS   (2 * HOUR_MS + 6 * PROVISION_MS)
#define HEAL_EVENTS_MAX 2000

/* Where a search begins: a world's size, and what happened before. */
struct root {
    const char *name;
    unsigned servers, jobs;
    unsigned count;
    tiny_event event[ROOT_EVENTS_MAX];
};

struct limits {
    double seconds;
    uint64_t states;
    size_t bytes;     /* of the states that are to be gone on from */
    unsigned depth;   /* 0: none */
    bool stop_broken; /* at the first broken promise */
};

struct found {
    uint64_t states, transitions, pruned;
    unsigned depth;  /* every order of so many events was tried */
    bool whole;      /* there is nothing beyond */
    uint64_t next;   /* states of the depth beyond it that were reached */
    uint64_t heals;  /* states from which the world was healed, to its end */
    uint64_t twins;  /* pairs of ways to one state that were compared further on */
    uint64_t broken; /* promises, each time */
    double seconds;
    double first_seconds; /* until the first broken promise */
    unsigned first_depth;
};

/* Searches from a root. Stories of broken promises go to stdout, at most one a promise in all. */
void explore(struct sim *sim, const struct root *root, const struct limits *limits,
             struct found *found);

/* Lets only fair things happen until nothing is left to do, or HEAL_BOUND_MS are over; judges the
 * end. Returns how many events it took. */
unsigned heal(struct sim *sim);

/* Makes it all happen again from the root. False: an event was not possible (its place is told). */
bool replay(struct sim *sim, const struct root *root, const tiny_event *path, unsigned count);

double seconds_now(void);

#endif
